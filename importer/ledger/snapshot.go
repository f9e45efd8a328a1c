package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/jackc/pgx/v5"
)

// Snapshot is what the ledger says of the whole migration at one moment.
type Snapshot struct {
	Setup         Setup           `json:"-"`
	Conversations Conversational  `json:"conversations"`
	Messages      Counted         `json:"messages"`
	Reasons       []ReasonCount   `json:"reasons"`
	Notes         []ReasonCount   `json:"notes"` // what was changed in messages that were sent
	Contacts      map[Found]int64 `json:"contacts"`
	Edited        int64           `json:"edited_after_sending"`
	Vanished      int64           `json:"deleted_after_sending"`
	Marked        int64           `json:"marked"`       // parts marked as read
	Unmarkable    int64           `json:"not_markable"` // parts that amojo refused to mark
	InDoubt       int64           `json:"in_doubt"`     // requests whose end is not known now
	Held          Held            `json:"held"`
	Running       bool            `json:"running"`
	Holder        Holder          `json:"-"`
	BeatAt        time.Time       `json:"-"`
	Figures       json.RawMessage `json:"figures"`
	EnrolledAt    *time.Time      `json:"enrolled_at"`
	PurgedAt      *time.Time      `json:"purged_at"` // nil: what refers to people is there
}

// Conversational counts conversations by how far they are.
type Conversational struct {
	Total   int64 `json:"total"`
	Empty   int64 `json:"empty"`   // no messages at all
	Waiting int64 `json:"waiting"` // something planned, chat not ready
	Ready   int64 `json:"ready"`   // something planned, chat ready
	Done    int64 `json:"done"`    // nothing planned
	Chats   int64 `json:"chats"`
	Linked  int64 `json:"linked"`
}

// Counted counts messages by outcome. Total is their sum.
type Counted struct {
	Total   int64 `json:"total"`
	Planned int64 `json:"planned"`
	Sent    int64 `json:"sent"`
	Skipped int64 `json:"skipped"`
	Parked  int64 `json:"parked"`
	Parts   int64 `json:"sent_as"` // messages in amojo, split ones counted by part
}

// Held counts planned messages that come after a parked one of their conversation.
// They wait for it where a run is told to hold conversations.
type Held struct {
	Conversations int64 `json:"conversations"`
	Messages      int64 `json:"messages"`
}

// ReasonCount counts messages with a reason or a note.
type ReasonCount struct {
	Outcome outcome.Outcome `json:"outcome"`
	Code    outcome.Code    `json:"code"`
	Count   int64           `json:"count"`
	Example string          `json:"example"` // conversation/message
}

// Snapshot reads the state of the migration, in one transaction.
func (l *Ledger) Snapshot(ctx context.Context) (Snapshot, error) {
	var s Snapshot
	err := l.read(ctx, "read the state", func() error {
		s = Snapshot{Contacts: map[Found]int64{}}
		return pgx.BeginTxFunc(ctx, l.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			return l.readSnapshot(ctx, tx, &s)
		})
	})
	return s, err
}

func (l *Ledger) readSnapshot(ctx context.Context, tx pgx.Tx, s *Snapshot) error {
	err := tx.QueryRow(ctx, l.statement("read_setup")).Scan(&s.Setup.SourceName, &s.Setup.Account, &s.Setup.ScopeID,
		&s.Setup.Message, &s.Setup.Chat, &s.Setup.Client, &s.Setup.Author, &s.Setup.Manager, &s.Setup.SplitOver)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	c := &s.Conversations
	if err := tx.QueryRow(ctx, l.statement("count_conversations")).
		Scan(&c.Total, &c.Empty, &c.Waiting, &c.Ready, &c.Done, &c.Chats, &c.Linked, &s.InDoubt); err != nil {
		return err
	}
	rows, _ := tx.Query(ctx, l.statement("count_messages"))
	var r ReasonCount
	var parts, edited, vanished int64
	_, err = pgx.ForEachRow(rows, []any{&r.Outcome, &r.Code, &r.Count, &r.Example, &parts, &edited, &vanished}, func() error {
		m := &s.Messages
		m.Total += r.Count
		m.Parts += parts
		s.Edited += edited
		s.Vanished += vanished
		switch r.Outcome {
		case outcome.Planned:
			m.Planned += r.Count
		case outcome.Sent:
			m.Sent += r.Count
		case outcome.Skipped:
			m.Skipped += r.Count
		case outcome.Parked:
			m.Parked += r.Count
		}
		if r.Code != "" && r.Outcome != outcome.Planned {
			s.Reasons = append(s.Reasons, r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, l.statement("count_held")).Scan(&s.Held.Conversations, &s.Held.Messages); err != nil {
		return err
	}
	if err := l.readMarks(ctx, tx, s); err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, l.statement("count_notes"))
	if s.Notes, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (n ReasonCount, err error) {
		return n, row.Scan(&n.Outcome, &n.Code, &n.Count, &n.Example)
	}); err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, l.statement("count_contacts"))
	var how Found
	var n int64
	if _, err = pgx.ForEachRow(rows, []any{&how, &n}, func() error { s.Contacts[how] = n; return nil }); err != nil {
		return err
	}
	if s.PurgedAt, err = l.purgedAt(ctx, tx); err != nil {
		return err
	}
	var beat *time.Time
	h := &s.Holder
	var figures string
	err = tx.QueryRow(ctx, l.statement("read_state")).
		Scan(&s.Running, &h.Command, &h.Host, &h.BootID, &h.PIDNamespace, &h.PID, &h.Started, &beat, &figures, &s.EnrolledAt)
	if beat != nil {
		s.BeatAt = *beat
	}
	s.Figures = json.RawMessage(figures)
	return err
}
