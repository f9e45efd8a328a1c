//go:build unix

package embedpg

import (
	"os/exec"
	"syscall"
)

// detach gives the guardian a session of its own, out of reach of the terminal's Ctrl-C, under the account.
func detach(cmd *exec.Cmd, as *account) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if as != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: as.uid, Gid: as.gid}
	}
}

// quit is the signal for a fast shutdown of a postmaster, kill the one it cannot refuse.

func quit(pid int) { _ = syscall.Kill(pid, syscall.SIGINT) }

func kill(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }
