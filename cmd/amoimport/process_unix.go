//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// ownGroup puts a child into a process group of its own, out of reach of the
// terminal's Ctrl-C: its parent passes on what it is to know.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
