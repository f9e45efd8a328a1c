package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// child is this program, run once more by the demo. It ends when the demo does,
// in whatever way, since the demo holds its standard input.
type child struct {
	name  string
	cmd   *exec.Cmd
	said  *bytes.Buffer // on standard error, unless a terminal shows it
	ended chan struct{}
	err   error // of Wait, once ended
}

// start runs a command of this program. When ctx ends, it is interrupted.
func (d *demo) start(ctx context.Context, out io.Writer, words ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	c := &child{name: words[0], said: &bytes.Buffer{}, ended: make(chan struct{})}
	c.cmd = exec.CommandContext(ctx, self, append(words, "--with-parent")...)
	c.cmd.Env = append(os.Environ(), d.environment()...)
	c.cmd.Stdout, c.cmd.Stderr = out, c.said
	if d.terminal {
		c.cmd.Stderr = d.err
	}
	c.cmd.Cancel = c.interrupt
	c.cmd.WaitDelay = 20 * time.Second
	ownGroup(c.cmd)
	if _, err := c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start amoimport %s: %w", c.name, err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// interrupt sends what Ctrl-C sends.
func (c *child) interrupt() error {
	err := c.cmd.Process.Signal(os.Interrupt)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// wait returns the exit code.
func (c *child) wait() int {
	<-c.ended
	return c.cmd.ProcessState.ExitCode()
}

// unexpected is the error for a child that ended as it should not.
func (c *child) unexpected() error {
	code := c.wait()
	why := fmt.Sprintf("exit code %d", code)
	if code < 0 {
		why = c.err.Error()
	}
	lines := strings.Split(strings.TrimSpace(c.said.String()), "\n")
	if last := strings.Join(lines[max(0, len(lines)-3):], " | "); last != "" {
		why += ": " + last
	}
	return fmt.Errorf("amoimport %s ended unexpectedly with %s", c.name, why)
}
