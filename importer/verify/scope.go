package verify

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/amoimport/amoimport/amojo"
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
	n, err := l.CountChats(ctx, noPass, ledger.Chats{Only: s.Only}, amojo.MaxHistoryPage, false)
	if err != nil {
		return err
	}
	if named := len(s.ids()); n.Total < int64(named) {
		return &UnknownError{Named: named, Known: int(n.Total)}
	}
	return nil
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
