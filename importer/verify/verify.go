// Package verify reads the chats back and accounts for every message that the
// ledger says was sent: is it there, once, at its time and in its place? It
// changes nothing. What it proves it proves from the chats' history alone; that a
// send was answered with success counts for nothing here.
package verify

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/source"
	"github.com/sourcegraph/conc/pool"
)

// Chats is where the history of chats is read. An *amojo.Client is one; what it
// must not exceed is the business of its transport.
type Chats interface {
	// History gives a page of a chat's messages, in whatever order; a page
	// without messages is the end.
	History(ctx context.Context, chat amojo.ChatID, offset, limit int) ([]amojo.HistoryMessage, error)
}

// Options say what is read back.
type Options struct {
	Ledger *ledger.Ledger
	Chats  Chats
	// Concurrency is how many chats are read at a time; 0 means 16. It bounds the
	// memory too: one chat's messages are held for each.
	Concurrency int
	// Patience is how long after the start a message may still appear. A chat
	// with something missing is read again until then, and always once more,
	// since messages that arrive or leave can shift others between two pages.
	Patience time.Duration
	// Progress, if not nil, is told how many chats are done. It is called by one
	// goroutine at a time.
	Progress func(done, total int64)
}

// chatPage is how many conversations are listed at a time.
const chatPage = 500

// Run reads back every chat in the ledger. The error says that the reading broke
// off; then the result tells of the chats read until then.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Concurrency == 0 {
		o.Concurrency = 16
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	var result Result
	total, err := o.Ledger.CountSentChats(ctx)
	if err != nil {
		return result, err
	}
	o.Progress(0, total)

	// The first chat that cannot be read stops the others, and is the error.
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex
	begun := time.Now()
	chats := pool.New().WithMaxGoroutines(o.Concurrency)
	var after source.ConversationID
	for {
		page, err := o.Ledger.SentChats(ctx, after, chatPage)
		if err != nil {
			stop(err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			chats.Go(func() {
				found, err := o.readBack(ctx, c, begun)
				if err != nil {
					stop(&Error{Conversation: c.Conversation, Err: err})
					return
				}
				mu.Lock()
				defer mu.Unlock()
				result.add(found)
				o.Progress(result.Chats, max(total, result.Chats))
			})
		}
		after = page[len(page)-1].Conversation
	}
	chats.Wait()
	return result, context.Cause(ctx)
}

// readBack accounts for one chat.
func (o Options) readBack(ctx context.Context, c ledger.SentChat, begun time.Time) (Result, error) {
	sent, err := o.Ledger.SentMessages(ctx, c.Conversation)
	if err != nil {
		return Result{}, err
	}
	history := newHistory(sent)
	if c.ChatID == "" { // then nothing can be there
		return account(c.Conversation, sent, history), nil
	}
	pause := 100 * time.Millisecond
	for again := false; ; again = true {
		late := time.Since(begun) >= o.Patience
		if err := history.walk(ctx, o.Chats, amojo.ChatID(c.ChatID)); err != nil {
			return Result{}, err
		}
		if history.missing() == 0 || again && late {
			return account(c.Conversation, sent, history), nil
		}
		if !again {
			continue
		}
		if err := sleep(ctx, min(pause, o.Patience-time.Since(begun))); err != nil {
			return Result{}, err
		}
		pause = min(2*pause, 10*time.Second)
	}
}

// sleep waits, unless the context ends first.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Error says that a chat could not be read back.
type Error struct {
	Conversation source.ConversationID
	Err          error
}

func (e *Error) Error() string {
	return fmt.Sprintf("cannot read back conversation %s: %v", e.Conversation, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }
