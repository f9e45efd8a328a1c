package verify

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/source"
)

// Scope says which chats are read back; the zero value: all.
type Scope struct {
	Count int                     // a sample of so many chats
	Share float64                 // a sample of this share of all, up to 1
	Only  []source.ConversationID // these
}

// ParseSample reads a sample: a number of chats, or a share such as 5%.
func ParseSample(s string) (Scope, error) {
	percent, share := strings.CutSuffix(s, "%")
	if share {
		p, err := strconv.ParseFloat(percent, 64)
		if err != nil || !(p > 0 && p <= 100) {
			return Scope{}, fmt.Errorf("%q is no share of the chats such as 5%%", s)
		}
		return Scope{Share: p / 100}, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return Scope{}, fmt.Errorf("%q is neither a number of chats nor a share such as 5%%", s)
	}
	return Scope{Count: n}, nil
}

// All says whether all chats are meant.
func (s Scope) All() bool { return s.Count == 0 && s.Share == 0 && len(s.Only) == 0 }

func (s Scope) String() string {
	switch {
	case len(s.Only) > 0:
		return "only " + strings.Join(s.ids(), ",")
	case s.Share > 0:
		return "sample " + strconv.FormatFloat(s.Share*100, 'f', -1, 64) + "%"
	case s.Count > 0:
		return "sample " + strconv.Itoa(s.Count)
	}
	return "all"
}

// ids are the conversations that are named, each once.
func (s Scope) ids() []string {
	ids := make([]string, len(s.Only))
	for i, id := range s.Only {
		ids[i] = string(id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// check refuses conversations that have no chat.
func (s Scope) check(ctx context.Context, l *ledger.Ledger) error {
	if len(s.Only) == 0 {
		return nil
	}
	const noPass = 0
	named := s.ids()
	found, err := l.UnreadChats(ctx, noPass, ledger.Chats{Only: s.Only}, false, "", len(named))
	if err != nil || len(found) == len(named) {
		return err
	}
	without := slices.DeleteFunc(slices.Clone(named), func(id string) bool {
		return slices.ContainsFunc(found, func(c ledger.SentChat) bool { return string(c.Conversation) == id })
	})
	return &UnknownError{Named: len(named), Without: without}
}

// chats are the chats of the scope as the ledger takes them.
func (s Scope) chats(ctx context.Context, l *ledger.Ledger) (ledger.Chats, error) {
	if s.Count == 0 && s.Share == 0 {
		return ledger.Chats{Only: s.Only}, nil
	}
	bound, err := l.SampleBound(ctx, s.Count, s.Share)
	return ledger.Chats{Bound: bound}, err
}

// UnknownError says that conversations were named that have no chat.
type UnknownError struct {
	Named   int
	Without []string // their legacy ids
}

// mostUnknown is how many conversations without a chat are told.
const mostUnknown = 10

func (e *UnknownError) Error() string {
	have := "have"
	if len(e.Without) == 1 {
		have = "has"
	}
	var names []string
	for _, id := range e.Without[:min(len(e.Without), mostUnknown)] {
		names = append(names, strconv.Quote(id))
	}
	more := ""
	if n := len(e.Without) - len(names); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("of %d conversations that were named, %d %s no chat: %s%s", e.Named, len(e.Without), have, strings.Join(names, ", "), more)
}

// Hint says what to do.
func (e *UnknownError) Hint() string {
	return "Name conversations by their legacy ids, with commas between them; one of which nothing was sent has no chat."
}
