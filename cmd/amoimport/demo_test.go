//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDemoEndsEarly ends the demo while its import runs: as Ctrl-C does, and with
// the one signal that cannot be caught. Neither leaves a process or a file behind.
func TestDemoEndsEarly(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{"Ctrl-C": syscall.SIGINT, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tmp := t.TempDir()
			if err := os.Chmod(tmp, 0o777|os.ModeSticky); err != nil { // the database's account makes its folder here
				t.Fatal(err)
			}
			var said heard
			cmd := exec.Command("amoimport", "demo")
			cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			await(t, "the import runs", func() bool { return len(relatives(t, tmp)) > 1 }) // it and the guard name the folder
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // the exit code tells
			if code := cmd.ProcessState.ExitCode(); signal == syscall.SIGINT && code != exitInterrupted {
				t.Errorf("exit code %d: %s", code, said.String())
			}
			gone := func() bool {
				left, err := os.ReadDir(tmp)
				return err == nil && len(left) == 0 && len(relatives(t, tmp)) == 0
			}
			if signal == syscall.SIGINT && !gone() {
				t.Errorf("the demo ended before all was removed: %s", said.String())
			}
			await(t, "all is gone", gone)
		})
	}
}

// relatives are the processes that name a folder in their words.
func relatives(t *testing.T, folder string) []string {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, filepath.Join(folder, "amoimport-demo-")) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// await waits for something that other processes bring about.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick, limit := time.NewTicker(20*time.Millisecond), time.After(40*time.Second)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within 40 s: %s", what)
		}
	}
}
