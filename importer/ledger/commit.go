package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// Settled is what became of a message, or of the parts of it sent so far: then
// its Outcome is Planned and PartsSent tells how far it is. All values are
// absolute, so recording it twice is recording it once.
type Settled struct {
	ID        string
	Outcome   outcome.Outcome
	Reason    outcome.Code
	Detail    string // nothing personal
	Notes     []outcome.Code
	Attempts  int
	Kind      source.Kind
	Parts     int
	PartsSent int
	PartEnds  []int // in runes of the text
	AmojoIDs  []string
	SentMsec  int64
	SentHash  *Hash
	BodyHash  string
	Author    Author // the zero value leaves it
}

// Author is who spoke.
type Author struct {
	ID    string // ours
	RefID string // amojo's; "" for somebody outside
}

// Intent names the one part of a conversation that is about to be written to
// amojo, or was and its end is not known.
type Intent struct {
	Message  string // legacy id
	MsgID    string // of the part
	Part     int    // 1-based
	Parts    int
	End      int // of the part in the text, in runes
	SentMsec int64
	RowHash  Hash
	BodyHash string
	Notes    []outcome.Code
	Kind     source.Kind
	Author   Author
	Edit     bool // of a message that was sent before
}

// Change is what a lane records in one step: what is settled, and what it is
// about to do.
type Change struct {
	Conversation source.ConversationID
	Settled      []Settled
	Edits        []SettledEdit
	LastMsgID    string  // our id of the part sent last; "" leaves it
	Announced    string  // the one part that is not silent; "" where none is
	Intent       *Intent // nil: nothing is under way
}

// Hash is a row's hash as the ledger writes it: the 16 bytes of a uuid.
type Hash source.Hash

// text is the hash as Postgres reads a uuid; nil for none.
func (h *Hash) text() *string {
	if h == nil {
		return nil
	}
	hex := fmt.Sprintf("%x", h[:])
	return &hex
}

// RefusedError means that Postgres refused the values of one change; nothing of
// it is recorded.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return "the ledger refused a value: " + e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// committer gathers the changes of lanes that commit at the same time.
type committer struct {
	mu      sync.Mutex
	leading bool
	waiting []*waiter
}

type waiter struct {
	change Change
	err    error
	lead   chan struct{} // closed: this waiter leads the next group
	done   chan struct{} // closed: err is its result
}

// Commit records a change and returns when it is durable. Lanes that call at the
// same time share a transaction: whoever finds no commit under way leads one with
// all that is waiting, the others gather in the next. A change that Postgres
// refuses is a *RefusedError for its own lane only. While Postgres is away it
// waits; every waiting lane must use a context of the same life.
func (l *Ledger) Commit(ctx context.Context, c Change) error {
	w := &waiter{change: c.storable(), lead: make(chan struct{}), done: make(chan struct{})}
	q := &l.commits
	q.mu.Lock()
	q.waiting = append(q.waiting, w)
	if q.leading {
		q.mu.Unlock()
		select {
		case <-w.done:
			return w.err
		case <-w.lead:
		}
	} else {
		q.leading = true
		q.mu.Unlock()
	}

	q.mu.Lock()
	group := q.waiting
	q.waiting = nil
	q.mu.Unlock()
	l.commitGroup(ctx, group)
	for _, member := range group {
		close(member.done)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 {
		close(q.waiting[0].lead)
	} else {
		q.leading = false
	}
	return w.err
}

func (l *Ledger) commitGroup(ctx context.Context, group []*waiter) {
	err := l.commitTogether(ctx, group)
	if err == nil {
		return
	}
	if !dataFault(err) {
		for _, w := range group {
			w.err = err
		}
		return
	}
	for _, w := range group {
		if err := l.commitTogether(ctx, []*waiter{w}); dataFault(err) {
			w.err = &RefusedError{Err: err}
		} else {
			w.err = err
		}
	}
}

// commitTimeout bounds one try of a commit, for which all lanes wait: a connection
// that died unnoticed is given up, and the commit repeated on another.
const commitTimeout = 30 * time.Second

// commitTogether records the changes in one transaction, in one round trip, each
// row by its key: the planner has nothing to choose, however large the ledger is.
func (l *Ledger) commitTogether(ctx context.Context, group []*waiter) error {
	repeat, recorded := false, false // recorded: by an earlier try, perhaps
	return l.again(ctx, "record outcomes", func() error {
		ctx, cancel := context.WithTimeout(ctx, commitTimeout)
		defer cancel()
		defer func() { repeat = true }()
		return l.transact(ctx, repeat, func(tx pgx.Tx) error {
			err := tx.SendBatch(ctx, l.outcomes(group, recorded)).Close()
			recorded = recorded || err == nil
			return err
		})
	})
}

// outcomes are the statements that record the changes of a group. recorded says that
// this may be done already, and a person have decided otherwise since.
func (l *Ledger) outcomes(group []*waiter, recorded bool) *pgx.Batch {
	var batch pgx.Batch
	for _, w := range group {
		c := w.change
		for _, s := range c.Settled {
			batch.Queue(l.statement("settle_message"), string(c.Conversation), s.ID, s.Outcome, null(string(s.Reason)), null(s.Detail),
				texts(s.Notes), s.Attempts, null(string(s.Kind)), s.Parts, s.PartsSent, s.PartEnds, s.AmojoIDs, s.SentMsec, s.SentHash.text(), null(s.BodyHash), recorded,
				null(s.Author.ID), null(s.Author.RefID))
		}
		for _, e := range c.Edits {
			batch.Queue(l.statement("settle_edit"), string(c.Conversation), e.ID, e.Done, e.RowHash.text(), null(e.BodyHash), e.Decided, string(e.Note))
		}
		in := c.Intent
		if in == nil {
			batch.Queue(l.statement("clear_intent"), string(c.Conversation), null(c.LastMsgID), null(c.Announced))
			continue
		}
		batch.Queue(l.statement("set_intent"), string(c.Conversation), null(c.LastMsgID), null(c.Announced),
			in.Message, in.MsgID, in.Part, in.Parts, in.End, in.SentMsec, in.RowHash.text(), in.BodyHash, texts(in.Notes),
			null(string(in.Kind)), null(in.Author.ID), null(in.Author.RefID), in.Edit)
	}
	return &batch
}

// texts are codes or ids as the driver takes them.
func texts[T ~string](all []T) []string {
	plain := make([]string, len(all))
	for i, c := range all {
		plain[i] = string(c)
	}
	return plain
}

// maxDetail bounds what is kept of a server's reason, in runes.
const maxDetail = 300

// storable is the change with foreign text made fit for Postgres: valid UTF-8, no
// NUL, not too long.
func (c Change) storable() Change {
	c.Settled = append([]Settled(nil), c.Settled...)
	for i := range c.Settled {
		s := &c.Settled[i]
		s.Detail = storableText(s.Detail)
		s.AmojoIDs = slices.Clone(s.AmojoIDs)
		for k := range s.AmojoIDs {
			s.AmojoIDs[k] = storableText(s.AmojoIDs[k])
		}
	}
	return c
}

func storableText(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if utf8.RuneCountInString(s) > maxDetail {
		s = string([]rune(s)[:maxDetail]) + "…"
	}
	return s
}
