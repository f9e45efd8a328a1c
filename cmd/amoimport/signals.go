package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// sameSignal is how long after the first signal another one counts as the same: a
// supervisor, or timeout, may send one to the process and to its group.
const sameSignal = 500 * time.Millisecond

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
	go heed(signals, done, func() {
		say("ending cleanly; a second signal ends at once, and nothing is lost either way")
		cancel(errInterrupted)
	}, func() { e.exit(exitInterrupted) })
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// heed calls first at the first signal and second at the second, unless done is closed
// before.
func heed(signals <-chan os.Signal, done <-chan struct{}, first, second func()) {
	select {
	case <-signals:
	case <-done:
		return
	}
	at := time.Now()
	first()
	for {
		select {
		case <-signals:
			if time.Since(at) >= sameSignal {
				second()
				return
			}
		case <-done:
			return
		}
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
