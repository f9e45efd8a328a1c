package verify

import (
	"context"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/pace"
	"github.com/amoimport/amoimport/source"
	"github.com/sourcegraph/conc/pool"
)

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
		short, err := history.walk(ctx, pinged{p.Chats, p.Ping}, amojo.ChatID(c.ChatID), p.ends)
		if err == nil && p.ends.news() { // at once: who goes on with the pass has to know
			err = p.Ledger.Learn(ctx, learnedPages, "yes")
		}
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
