package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal returns a context that the first signal to end cancels, with
// errInterrupted as its cause; say is told first. A second signal ends the process
// at once. release gives the signals back.
func (e env) untilSignal(ctx context.Context, say func(string)) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals, done := make(chan os.Signal, 2), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup wants it ignored
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		select {
		case <-signals:
		case <-done:
			return
		}
		say("ending cleanly; a second signal ends at once, and nothing is lost either way")
		cancel(errInterrupted)
		select {
		case <-signals:
			e.exit(exitInterrupted)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// interrupted says what to do after a signal ended a command, and what went wrong
// besides, if anything did.
func interrupted(ctx context.Context, err error) error {
	switch {
	case err == nil, context.Cause(ctx) != errInterrupted:
		return err
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return fmt.Errorf("%w; run the same command again to go on", errInterrupted)
	}
	return fmt.Errorf("%w; run the same command again to go on; while ending: %w", errInterrupted, err)
}

// endWithParent ends the process when standard input ends: then its parent, which
// holds the other end, is gone.
func (e env) endWithParent() {
	_, _ = io.Copy(io.Discard, e.in)
	e.exit(exitFailed)
}
