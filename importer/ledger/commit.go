package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// Settled is what became of a message, or of the parts of it sent so far: then
// its Outcome is Planned and PartsSent tells how far it is. All values are
// absolute, so recording it twice is recording it once.
type Settled struct {
	ID        string          `json:"id"`
	Outcome   outcome.Outcome `json:"outcome"`
	Reason    outcome.Code    `json:"reason,omitempty"`
	Detail    string          `json:"detail,omitempty"` // nothing personal
	Notes     []outcome.Code  `json:"notes,omitempty"`
	Attempts  int             `json:"attempts"`
	Kind      source.Kind     `json:"kind,omitempty"`
	Parts     int             `json:"parts,omitempty"`
	PartsSent int             `json:"parts_sent"`
	PartEnds  []int           `json:"part_ends,omitempty"` // in runes of the text
	AmojoIDs  []string        `json:"amojo_ids,omitempty"`
	SentMsec  int64           `json:"sent_msec,omitempty"`
	SentHash  *Hash           `json:"sent_hash,omitempty"`
	BodyHash  string          `json:"body_hash,omitempty"`
}

// Intent names the one part of a conversation that is about to be written to
// amojo, or was and its end is not known.
type Intent struct {
	Message  string         `json:"message"` // legacy id
	MsgID    string         `json:"msgid"`   // of the part
	Part     int            `json:"part"`    // 1-based
	Parts    int            `json:"parts"`
	End      int            `json:"end"` // of the part in the text, in runes
	SentMsec int64          `json:"sent_msec"`
	RowHash  Hash           `json:"row_hash"`
	BodyHash string         `json:"body_hash"`
	Notes    []outcome.Code `json:"notes,omitempty"`
	Announce bool           `json:"-"` // this part is the one that is not silent
}

// Change is what a lane records in one step: what is settled, and what it is
// about to do.
type Change struct {
	Conversation source.ConversationID
	Settled      []Settled
	LastMsgID    string  // our id of the part sent last; "" leaves it
	Intent       *Intent // nil: nothing is under way
}

// Hash is a row's hash as the ledger writes it.
type Hash source.Hash

// MarshalText writes the hash as Postgres's uuid, which holds the 16 bytes.
func (h Hash) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:]), nil
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

// settledRow and intentRow are the rows that the two statements of a commit read.
type settledRow struct {
	Conversation source.ConversationID `json:"conversation"`
	Settled
}

type intentRow struct {
	Conversation source.ConversationID `json:"conversation"`
	LastMsgID    string                `json:"last_msgid,omitempty"`
	Announced    string                `json:"announced,omitempty"`
	*Intent
}

func (l *Ledger) commitTogether(ctx context.Context, group []*waiter) error {
	var settled []settledRow
	intents := make([]intentRow, 0, len(group))
	for _, w := range group {
		for _, s := range w.change.Settled {
			settled = append(settled, settledRow{w.change.Conversation, s})
		}
		row := intentRow{Conversation: w.change.Conversation, LastMsgID: w.change.LastMsgID, Intent: w.change.Intent}
		if row.Intent != nil && row.Announce {
			row.Announced = row.MsgID
		}
		intents = append(intents, row)
	}
	settledJSON, err := json.Marshal(settled)
	if err != nil {
		return l.fail("write down outcomes", err)
	}
	intentsJSON, err := json.Marshal(intents)
	if err != nil {
		return l.fail("write down intents", err)
	}
	return l.write(ctx, "record outcomes", func(tx pgx.Tx) error {
		var batch pgx.Batch
		if len(settled) > 0 {
			batch.Queue(l.statement("settle_messages"), string(settledJSON))
		}
		batch.Queue(l.statement("set_intents"), string(intentsJSON))
		return tx.SendBatch(ctx, &batch).Close()
	})
}

// maxDetail bounds what is kept of a server's reason, in runes.
const maxDetail = 300

// storable is the change with foreign text made fit for Postgres: valid UTF-8, no
// NUL, not too long.
func (c Change) storable() Change {
	c.Settled = append([]Settled(nil), c.Settled...)
	for i := range c.Settled {
		c.Settled[i].Detail = storableText(c.Settled[i].Detail)
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
