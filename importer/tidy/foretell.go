package tidy

import (
	"context"
	"slices"
	"sync"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/source"
)

// Foretold says what CloseTalks would do.
type Foretold struct {
	Contacts      int64   `json:"contacts"`      // that were asked about
	Talks         int64   `json:"talks"`         // that would be closed
	Some          []int64 `json:"some"`          // ids of such talks, the lowest first; MostNamed at most
	Conversations int64   `json:"conversations"` // to which they belong
	Without       int64   `json:"without"`       // conversations of which no talk was found
	Refused       int64   `json:"refused"`       // talks that cannot be read
	Unanswered    int64   `json:"unanswered"`    // contacts whose talks could not be looked for
	Waiting       int64   `json:"waiting"`       // conversations that are left alone: something of them is still to be sent
}

// MostNamed is how many talks ForetellTalks names.
const MostNamed = 20

// ForetellTalks looks for the talks that CloseTalks would close, and changes nothing, the ledger included. Its lease
// need not be held.
func ForetellTalks(ctx context.Context, o TalkOptions) (Foretold, error) {
	tidy, end := o.begin(ctx)
	defer end()
	f := &finder{tidier: tidy}
	var out Foretold
	conversations, err := o.Ledger.Closables(ctx, o.All)
	if err != nil {
		return out, err
	}
	if out.Waiting, err = o.Ledger.Unclosable(ctx, o.All); err != nil {
		return out, err
	}
	todo := errands(conversations)
	var mu sync.Mutex
	err = each(ctx, todo, func(ctx context.Context, e errand) error {
		found, err := f.find(ctx, e)
		if err != nil && (ctx.Err() != nil || !unsure(err) || f.failed()) {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		out.Contacts++
		if err != nil {
			out.Unanswered++
		} else {
			f.worked()
			out.count(e, found)
		}
		f.Progress("looking for talks", out.Contacts, int64(len(todo)))
		return nil
	})
	return out, err
}

// count adds what was found of a contact.
func (f *Foretold) count(e errand, found map[int64]ledger.Talk) {
	known, open := map[source.ConversationID]bool{}, map[source.ConversationID]bool{}
	for id, t := range found {
		known[t.Conversation] = true
		switch t.State {
		case ledger.TalkFound:
			f.Talks++
			f.Some = append(f.Some, id)
			open[t.Conversation] = true
		case ledger.TalkRefused:
			f.Refused++
		}
	}
	slices.Sort(f.Some) // contacts come in any order
	f.Some = f.Some[:min(len(f.Some), MostNamed)]
	f.Conversations += int64(len(open))
	f.Without += int64(len(e.chats) - len(known))
}
