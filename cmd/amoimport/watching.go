package main

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/amoimport/amoimport/pace"
	"github.com/rs/zerolog"
)

// watching tells now and then how far a command is.
type watching struct {
	log   zerolog.Logger
	begun time.Time

	mu   sync.Mutex
	next time.Time
}

func newWatching(e env) *watching {
	var w io.Writer = e.err
	if e.terminal {
		w = zerolog.ConsoleWriter{Out: e.err, TimeFormat: time.TimeOnly}
	}
	now := time.Now()
	return &watching{log: zerolog.New(w).With().Timestamp().Logger(), begun: now, next: now.Add(gap(0))}
}

func (w *watching) say(what string) { w.log.Info().Msg(what) }

func (w *watching) waiting(why string) {
	if why != "" {
		w.say(why)
	}
}

func (w *watching) progress(what string, done, total int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); now.After(w.next) {
		w.log.Info().Int64("done", done).Int64("of", total).Msg(what)
		w.next = now.Add(gap(now.Sub(w.begun)))
	}
}

// troubles tells while requests wait for another reason than the pace that was set,
// until it is stopped.
func (w *watching) troubles(ctx context.Context, a *apis) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var telling sync.WaitGroup
	telling.Go(func() {
		var told time.Time
		for pace.Sleep(ctx, time.Second) == nil {
			why, trouble := a.waiting()
			switch {
			case !trouble || why == "":
				told = time.Time{}
			case time.Since(told) >= troubleEvery:
				w.say(why)
				told = time.Now()
			}
		}
	})
	return func() { cancel(); telling.Wait() }
}

// troubleEvery is how often a command that waits says so.
const troubleEvery = 30 * time.Second

// readingBack tells how many chats are read.
func (w *watching) readingBack(done, total int64) { w.progress("reading the chats back", done, total) }
