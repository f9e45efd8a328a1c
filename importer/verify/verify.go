// Package verify reads the chats back and accounts for every message that the
// ledger says was sent: is it there, once, as it was sent and in its place? What it
// proves it proves from the chats' history alone; that a send was answered with
// success counts for nothing here. What it finds it writes into the ledger.
package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/source"
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
	Ledger *ledger.Ledger // its lease is held
	Chats  Chats
	// Ping, if not nil, asks the server of the chats something harmless: by its answer
	// one history that alone is never answered is told from an outage.
	Ping  func(context.Context) error
	Scope Scope
	// Template is the one that made the ids of our messages.
	Template string
	// Anew begins a new pass where the last one over the scope came to no end.
	Anew bool
	// Repair plans again what is missing.
	Repair bool
	// Concurrency is how many chats are read at a time; 0 means 16. It bounds the
	// memory too: one chat's messages are held for each.
	Concurrency int
	// Patience is how long after the start a message may still appear. A chat
	// with something missing is read again until then, and always once more,
	// since messages that arrive or leave can shift others between two pages.
	Patience time.Duration
	// Expect, if not nil, is told before the first chat is read.
	Expect func(Plan)
	// Progress, if not nil, is told how many chats are done of those the plan has.
	// It is called by one goroutine at a time.
	Progress func(done, total int64)
}

// Plan is what a pass has before it.
type Plan struct {
	Chats    int64 // in the scope
	Unread   int64 // of them, not read yet by an earlier part of the pass
	Requests int64 // about, without messages of others and without second looks
	Resumed  bool  // the pass began earlier
}

const (
	// chatPage is how many conversations are listed at a time.
	chatPage = 500
	// partsAhead is how many parts are read from the ledger at a time, or one chat's.
	partsAhead = 5000
	// lastWords bounds what is done with the ledger after a stop.
	lastWords = 10 * time.Second
	// learnedPages is the name under which the ledger knows that a short page is not
	// the end of a history.
	learnedPages = "short_page_is_no_end"
)

// pass is one call of Run.
type pass struct {
	Options
	id    int64
	which ledger.Chats
	begun time.Time
	ends  *ends
	book  *book
	done  int64 // guarded by the book
	total int64
}

// Run reads back the chats of a scope. It goes on with the last pass over the scope
// where that came to no end: then it reads the chats that are left, and those into
// which something was sent since. The error says that the reading broke off; then
// the result tells of the chats read until then.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Concurrency == 0 {
		o.Concurrency = 16
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	p := &pass{Options: o, begun: time.Now(), ends: &ends{}}
	result := Result{Pass: Pass{Scope: o.Scope.String()}}
	if err := o.Scope.check(ctx, o.Ledger); err != nil {
		return result, err
	}
	began, err := o.Ledger.BeginVerification(ctx, result.Pass.Scope, o.Anew)
	if err != nil {
		return result, err
	}
	p.id, result.Pass.BegunAt = began.ID, began.BegunAt
	p.book = &book{ledger: o.Ledger, pass: p.id, repair: o.Repair}
	if err := p.plan(ctx, began.Resumed); err != nil {
		return result, err
	}

	if err = p.readAll(ctx); err == nil {
		var at time.Time
		if at, err = o.Ledger.EndVerification(ctx, p.id); err == nil {
			result.Pass.EndedAt = &at
		}
	}
	if o.Repair {
		result.Repair = &p.book.repaired
		if err == nil && result.Repair.Planned > 0 {
			err = o.Ledger.Note(ctx, "repaired", result.Repair)
		}
	}
	// What was found is told although the caller stopped, if the ledger answers.
	last, cancel := afterStop(ctx)
	defer cancel()
	if failed := result.load(last, o.Ledger, p.id); err == nil {
		err = failed
	}
	return result, err
}

// afterStop is the context of what is done with the ledger although the caller
// stopped.
func afterStop(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), lastWords)
}

// plan finds out what is to be read, and tells.
func (p *pass) plan(ctx context.Context, resumed bool) error {
	learned, err := p.Ledger.Learned(ctx, learnedPages)
	if err != nil {
		return err
	}
	if learned != "" {
		p.ends = &ends{broken: true, told: true}
	}
	if p.which, err = p.Scope.chats(ctx, p.Ledger); err != nil {
		return err
	}
	n, err := p.Ledger.CountChats(ctx, p.id, p.which, amojo.MaxHistoryPage, p.Repair)
	if err != nil {
		return err
	}
	p.total = n.Unread
	twice := probes(n.Short)
	if learned != "" {
		twice = n.Short
	}
	if p.Expect != nil {
		p.Expect(Plan{Chats: n.Total, Unread: n.Unread, Requests: n.Short + twice + n.Pages, Resumed: resumed})
	}
	p.Progress(0, p.total)
	return nil
}

// readAll reads all chats that are left. Where it turns out that a short page is not
// the end, it reads again those of which it thought so.
func (p *pass) readAll(ctx context.Context) error {
	err := p.read(ctx, func(after source.ConversationID) ([]ledger.SentChat, error) {
		return p.Ledger.UnreadChats(ctx, p.id, p.which, p.Repair, after, chatPage)
	})
	if err != nil || !p.ends.distrusted() {
		return err
	}
	return p.read(ctx, func(after source.ConversationID) ([]ledger.SentChat, error) {
		return p.Ledger.ShortChats(ctx, p.id, p.which, after, chatPage)
	})
}

// Prefix is how all ids begin that a template makes.
func Prefix(template string) string {
	prefix, _, _ := strings.Cut(template, "{")
	return prefix
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
