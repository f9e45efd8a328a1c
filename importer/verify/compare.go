package verify

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/source"
	"github.com/sourcegraph/conc/pool"
)

// Recorded is what a chat showed when it was read back once.
type Recorded struct {
	Conversation source.ConversationID
	ChatID       string
	Read         bool // false: it was not
	Shown        int64
	AsShown      string
}

// Difference is a chat that does not show what it showed.
type Difference struct {
	Conversation source.ConversationID `json:"conversation"`
	ChatID       string                `json:"chat_id"`
	Was          int64                 `json:"was"` // messages of ours
	Is           int64                 `json:"is"`
}

// Comparison is what became of chats since they were read back.
type Comparison struct {
	Chats   int64 `json:"chats"`
	Equal   int64 `json:"equal"`
	Differ  int64 `json:"differ"`
	Fewer   int64 `json:"fewer"`   // of those that differ, with fewer messages of ours
	More    int64 `json:"more"`    // with more
	Unknown int64 `json:"unknown"` // they were not read back then, so nobody knows
	// Differences are some of them, by conversation.
	Differences []Difference `json:"differences,omitempty"`
}

// Same says that every chat shows what it showed.
func (c Comparison) Same() bool { return c.Differ == 0 && c.Unknown == 0 }

// CompareOptions say how chats are compared.
type CompareOptions struct {
	Chats       Chats
	Ping        func(context.Context) error // as in Options
	Prefix      string                      // of the ids of our messages
	Concurrency int                         // 0 means 16
	Progress    func(done, total int64)
	Total       int64 // chats, for Progress
}

// Compare reads chats and compares what they show with what they showed. It needs no
// ledger. The error says that the reading broke off.
func Compare(ctx context.Context, o CompareOptions, recorded iter.Seq2[Recorded, error]) (Comparison, error) {
	if o.Concurrency == 0 {
		o.Concurrency = 16
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex
	var result Comparison
	found := func(c Recorded, is int64, same bool) {
		mu.Lock()
		defer mu.Unlock()
		result.Chats++
		switch {
		case !c.Read:
			result.Unknown++
		case same:
			result.Equal++
		default:
			result.differ(Difference{c.Conversation, c.ChatID, c.Shown, is})
		}
		if o.Progress != nil {
			o.Progress(result.Chats, max(o.Total, result.Chats))
		}
	}
	chats := pool.New().WithMaxGoroutines(o.Concurrency)
	for c, err := range recorded {
		if err != nil {
			stop(err)
		}
		if ctx.Err() != nil {
			break
		}
		chats.Go(func() {
			is, same, err := o.compare(ctx, c)
			if err != nil {
				stop(&Error{Conversation: c.Conversation, Err: err})
				return
			}
			found(c, is, same)
		})
	}
	chats.Wait()
	slices.SortFunc(result.Differences, func(a, b Difference) int { return cmp.Compare(a.Conversation, b.Conversation) })
	return result, context.Cause(ctx)
}

// differ counts a chat that differs.
func (c *Comparison) differ(d Difference) {
	c.Differ++
	switch {
	case d.Is < d.Was:
		c.Fewer++
	case d.Is > d.Was:
		c.More++
	}
	if len(c.Differences) < MaxExamples {
		c.Differences = append(c.Differences, d)
	}
}

// compare reads one chat, to the empty page, and once more where it differs: messages
// that arrive or leave can shift others between two pages.
func (o CompareOptions) compare(ctx context.Context, c Recorded) (is int64, same bool, err error) {
	h := newHistory(o.Prefix, []ledger.SentMessage(nil))
	if !c.Read {
		return 0, false, nil
	}
	for range 2 {
		if c.ChatID != "" {
			if _, err := h.walk(ctx, pinged{o.Chats, o.Ping}, amojo.ChatID(c.ChatID), &ends{broken: true}); err != nil {
				return 0, false, err
			}
		}
		if h.asShown() == c.AsShown {
			return int64(len(h.shown)), true, nil
		}
	}
	return int64(len(h.shown)), false, nil
}
