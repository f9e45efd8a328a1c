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
	"github.com/amoimport/amoimport/pace"
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
	Ledger *ledger.Ledger // its lease is held
	Chats  Chats
	Scope  Scope
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
		at, failed := o.Ledger.EndVerification(ctx, p.id)
		result.Pass.EndedAt, err = &at, failed
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
		p.ends.distrust()
	}
	if p.which, err = p.Scope.chats(ctx, p.Ledger); err != nil {
		return err
	}
	n, err := p.Ledger.CountChats(ctx, p.id, p.which, amojo.MaxHistoryPage, p.Repair)
	if err != nil {
		return err
	}
	if named := p.Scope.named(); n.Total < int64(named) {
		return &UnknownError{Named: named, Known: int(n.Total)}
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
	if err := p.Ledger.Learn(ctx, learnedPages, "yes"); err != nil {
		return err
	}
	return p.read(ctx, func(after source.ConversationID) ([]ledger.SentChat, error) {
		return p.Ledger.ShortChats(ctx, p.id, p.which, after, chatPage)
	})
}

// listing lists some chats of a pass, those after a conversation.
type listing func(after source.ConversationID) ([]ledger.SentChat, error)

// read reads the chats that list gives, page after page. The first that cannot be
// read stops the others, and is the error.
func (p *pass) read(ctx context.Context, list listing) error {
	whole := ctx
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	chats := pool.New().WithMaxGoroutines(p.Concurrency)
	for l := range p.load(ctx, list, stop) {
		for _, c := range l.chats {
			if ctx.Err() != nil {
				break
			}
			sent := l.sent[c.Conversation]
			delete(l.sent, c.Conversation)
			chats.Go(func() {
				if err := p.readOne(ctx, c, sent); err != nil {
					stop(err)
				}
			})
		}
	}
	chats.Wait()
	last, cancel := afterStop(whole)
	defer cancel()
	if err := p.book.save(last); err != nil {
		stop(err)
	}
	return context.Cause(ctx)
}

// load is some chats with what was sent into them.
type load struct {
	chats []ledger.SentChat
	sent  map[source.ConversationID][]ledger.SentMessage
}

// load reads the chats and what was sent into them from the ledger: the next ones
// while these are read back.
func (p *pass) load(ctx context.Context, list listing, stop context.CancelCauseFunc) <-chan load {
	loads := make(chan load)
	go func() {
		defer close(loads)
		var after source.ConversationID
		for {
			page, err := list(after)
			if err != nil {
				stop(err)
			}
			if len(page) == 0 {
				return
			}
			after = page[len(page)-1].Conversation
			for len(page) > 0 {
				n := few(page)
				ids := make([]source.ConversationID, n)
				for i, c := range page[:n] {
					ids[i] = c.Conversation
				}
				sent, err := p.Ledger.SentMessages(ctx, ids...)
				if err != nil {
					stop(err)
					return
				}
				select {
				case loads <- load{page[:n], sent}:
				case <-ctx.Done():
					return
				}
				page = page[n:]
			}
		}
	}()
	return loads
}

// few is how many chats of a page have no more parts than are read at a time.
func few(page []ledger.SentChat) int {
	parts := page[0].Parts
	for n, c := range page[1:] {
		if parts += c.Parts; parts > partsAhead {
			return n + 1
		}
	}
	return len(page)
}

// readOne reads one chat back and has its verdict written.
func (p *pass) readOne(ctx context.Context, c ledger.SentChat, sent []ledger.SentMessage) error {
	verdict, err := p.readBack(ctx, c, sent)
	if err != nil {
		return &Error{Conversation: c.Conversation, Err: err}
	}
	return p.book.add(ctx, verdict, func() {
		p.done++
		p.Progress(p.done, max(p.total, p.done))
	})
}

// readBack accounts for one chat.
func (p *pass) readBack(ctx context.Context, c ledger.SentChat, sent []ledger.SentMessage) (ledger.ChatVerdict, error) {
	history := newHistory(Prefix(p.Template), sent)
	if c.ChatID == "" { // then nothing can be there
		return account(c, sent, history), nil
	}
	pause := 100 * time.Millisecond
	for again := false; ; again = true {
		late := time.Since(p.begun) >= p.Patience
		short, err := history.walk(ctx, p.Chats, amojo.ChatID(c.ChatID), p.ends)
		if err != nil {
			return ledger.ChatVerdict{}, err
		}
		if history.missing() == 0 || again && late {
			verdict := account(c, sent, history)
			verdict.ShortEnd = short
			return verdict, nil
		}
		if !again {
			continue
		}
		if err := pace.Sleep(ctx, min(pause, p.Patience-time.Since(p.begun))); err != nil {
			return ledger.ChatVerdict{}, err
		}
		pause = min(2*pause, 10*time.Second)
	}
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

// UnknownError says that conversations were named that have no chat.
type UnknownError struct{ Named, Known int }

func (e *UnknownError) Error() string {
	have := "have"
	if e.Known == 1 {
		have = "has"
	}
	return fmt.Sprintf("of %d conversations that were named, only %d %s a chat", e.Named, e.Known, have)
}

// Hint says what to do.
func (e *UnknownError) Hint() string {
	return "Name conversations by their legacy ids, with commas between them."
}
