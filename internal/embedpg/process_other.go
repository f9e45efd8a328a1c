//go:build !unix

package embedpg

import "os/exec"

// A private server needs a Unix shell and Unix sockets; elsewhere Start ends with the shell that is not there.

func detach(*exec.Cmd, *account) {}

func quit(int) {}

func kill(int) {}
