package ledger

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Self describes this process, so that another can tell whether it still lives.
func Self(command string) Holder {
	h := Holder{Command: command, PID: os.Getpid(), Started: startOf(os.Getpid())}
	h.Host, _ = os.Hostname()
	if b, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		h.BootID = strings.TrimSpace(string(b))
	}
	h.PIDNamespace, _ = os.Readlink("/proc/self/ns/pid")
	return h
}

// dead says whether the holder provably lives no more, as seen from self: the
// same machine since the same boot, the same process ids, and no such process.
// Where the kernel does not tell (other systems), nobody is ever proved dead.
func (h Holder) dead(self Holder) bool {
	if h.BootID == "" || h.BootID != self.BootID || h.PIDNamespace == "" || h.PIDNamespace != self.PIDNamespace || h.Started == "" {
		return false
	}
	if started := startOf(h.PID); started != "" {
		return started != h.Started
	}
	// Unreadable is not dead: the process of another account may be hidden.
	p, err := os.FindProcess(h.PID)
	return err == nil && errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// ended is the start of a process that has ended and is not yet reaped.
const ended = "ended"

// startOf is the start time of a process in clock ticks since boot, or "" when it
// cannot be read.
func startOf(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The command in parentheses may hold anything; the fields follow its last ")".
	_, rest, ok := strings.Cut(string(b[max(0, strings.LastIndexByte(string(b), ')')):]), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return ""
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return ended
	}
	return fields[19]
}
