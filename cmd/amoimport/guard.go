package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/amoimport/amoimport/internal/embedpg"
	"github.com/spf13/cobra"
)

// guardDSN tells a guard which server the databases are on.
const guardDSN = "AMOIMPORT_GUARD_DSN"

// newGuard is the command that removes what a demo leaves behind. It reads
// standard input until it ends, which it does in whatever way the demo ends.
func newGuard(e env) *cobra.Command {
	c := &cobra.Command{Use: "guard", Hidden: true, Args: noWords}
	dir := c.Flags().String("dir", "", "a folder to remove")
	databases := c.Flags().StringSlice("databases", nil, "databases to drop")
	c.RunE = func(c *cobra.Command, _ []string) error {
		// The terminal's signals are for the demo; a guard follows the demo.
		signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		_, _ = io.Copy(io.Discard, e.in)
		ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
		defer cancel()
		var all []error
		for _, name := range *databases {
			all = append(all, embedpg.At(e.getenv(guardDSN)).DropDatabase(ctx, name))
		}
		if *dir != "" {
			all = append(all, os.RemoveAll(*dir))
		}
		return errors.Join(all...)
	}
	return c
}

// guard is a running guard.
type guard struct {
	cmd  *exec.Cmd
	hold io.Closer // its standard input
	said *strings.Builder
}

// startGuard has a folder removed, and databases of a server dropped, at end or
// when this process is gone.
func startGuard(dir, dsn string, databases []string) (*guard, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program to guard the demo: %w", err)
	}
	g := &guard{said: &strings.Builder{}}
	g.cmd = exec.Command(self, "guard", "--dir", dir, "--databases", strings.Join(databases, ","))
	g.cmd.Env = append(os.Environ(), guardDSN+"="+dsn)
	g.cmd.Dir = "/"
	g.cmd.Stderr = g.said
	ownGroup(g.cmd)
	if g.hold, err = g.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := g.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the demo's guard: %w", err)
	}
	return g, nil
}

// end lets the guard do its work and waits for it.
func (g *guard) end() error {
	_ = g.hold.Close()
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("remove what the demo made: %w: %s", err, oneLine(g.said.String()))
	}
	return nil
}
