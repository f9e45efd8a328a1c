package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// Selection says which parked messages are meant: those that fit every field that
// is set. The zero Selection means all.
type Selection struct {
	Reason       outcome.Code
	Conversation source.ConversationID
	Message      string // legacy id, in Conversation
}

// args are the first three arguments of the statements that take a selection.
func (s Selection) args() []any {
	return []any{null(string(s.Reason)), null(string(s.Conversation)), null(s.Message)}
}

// ParkedMessage is a message that needs a person.
type ParkedMessage struct {
	Conversation source.ConversationID
	ID           string
	SentAt       *time.Time // nil: its row has none
	Reason       outcome.Code
}

// CountParked counts parked messages by reason, the most frequent first.
func (l *Ledger) CountParked(ctx context.Context, s Selection) ([]ReasonCount, error) {
	var counts []ReasonCount
	err := l.read(ctx, "count the parked messages", func() error {
		rows, err := l.pool.Query(ctx, l.statement("count_parked"), s.args()...)
		if err != nil {
			return err
		}
		counts, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (ReasonCount, error) {
			c := ReasonCount{Outcome: outcome.Parked}
			return c, r.Scan(&c.Code, &c.Count, &c.Example)
		})
		return err
	})
	return counts, err
}

// Parked lists parked messages in the order of their conversations, at most limit
// of them; 0 is no limit.
func (l *Ledger) Parked(ctx context.Context, s Selection, limit int) ([]ParkedMessage, error) {
	var parked []ParkedMessage
	err := l.read(ctx, "list the parked messages", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_parked"), append(s.args(), limit)...)
		if err != nil {
			return err
		}
		parked, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (p ParkedMessage, err error) {
			return p, r.Scan(&p.Conversation, &p.ID, &p.SentAt, &p.Reason)
		})
		return err
	})
	return parked, err
}

// MessageRecord is everything that the ledger knows of a message.
type MessageRecord struct {
	MsgID          string // of its first part
	ConversationID string // ours
	ChatID         string // "": not open yet
	SentAt         *time.Time
	Outcome        outcome.Outcome
	Reason         outcome.Code
	Detail         string // the server's words
	Notes          []outcome.Code
	LastFault      outcome.Code // why it was parked before somebody changed that
	Kind           string
	Attempts       int
	Parts          int   // 0: it was not composed yet
	PartsSent      int   // they are in the chat
	SentMsec       int64 // message time of the first part; 0: it was not tried yet
	SettledAt      *time.Time
	Edited         bool // its row changed after it was sent
	Vanished       bool // its row is gone after it was sent
}

// Record tells everything about one message; false means that there is none.
func (l *Ledger) Record(ctx context.Context, c source.ConversationID, id string) (MessageRecord, bool, error) {
	var m MessageRecord
	known := true
	err := l.read(ctx, "read a message's record", func() error {
		err := l.pool.QueryRow(ctx, l.statement("show_message"), string(c), id).Scan(&m.MsgID, &m.ConversationID, &m.ChatID, &m.SentAt,
			&m.Outcome, &m.Reason, &m.Detail, &m.Notes, &m.LastFault, &m.Kind, &m.Attempts, &m.Parts, &m.PartsSent,
			&m.SentMsec, &m.SettledAt, &m.Edited, &m.Vanished)
		if errors.Is(err, pgx.ErrNoRows) {
			known = false
			return nil
		}
		return err
	})
	return m, known, err
}

// Retried is what Retry did.
type Retried struct {
	Planned int64 // messages that the next run sends, or the one under way
	Stay    int64 // messages that only a run can plan, once their rows are mended
}

// Retry plans parked messages again. It needs no lease: a run never changes a
// parked message, and one under way takes those up that it finds planned. A
// message skipped by hand is planned again where the selection names its reason or
// the message. A purged ledger is refused with a *PurgedError.
func (l *Ledger) Retry(ctx context.Context, s Selection) (Retried, error) {
	var did Retried
	var purged *time.Time
	err := l.decide(ctx, "plan parked messages again", func(tx pgx.Tx) (err error) {
		if purged, err = l.purgedAt(ctx, tx); purged != nil || err != nil {
			return err
		}
		var now Retried
		err = tx.QueryRow(ctx, l.statement("retry_parked"), s.args()...).Scan(&now.Planned, &now.Stay)
		did = Retried{Planned: max(did.Planned, now.Planned), Stay: now.Stay}
		return err
	})
	if err == nil && purged != nil {
		err = &PurgedError{At: *purged}
	}
	return did, err
}

// Skipped is what SkipParked did.
type Skipped struct {
	Messages int64
	Unsure   int64 // of them, those that may be in their chats
	Half     []HalfSent
}

// HalfSent is a message of which some parts are in the chat.
type HalfSent struct {
	Conversation     source.ConversationID
	ID               string
	PartsSent, Parts int
}

// SkipParked skips parked messages for good. Like Retry it needs no lease.
func (l *Ledger) SkipParked(ctx context.Context, s Selection) (Skipped, error) {
	var did Skipped
	err := l.decide(ctx, "skip parked messages", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, l.statement("skip_parked"), s.args()...)
		if err != nil {
			return err
		}
		var now Skipped
		var h struct {
			conversation, id *string
			sent, parts      *int
		}
		_, err = pgx.ForEachRow(rows, []any{&now.Messages, &now.Unsure, &h.conversation, &h.id, &h.sent, &h.parts}, func() error {
			if h.id != nil {
				now.Half = append(now.Half, HalfSent{source.ConversationID(*h.conversation), *h.id, *h.sent, *h.parts})
			}
			return nil
		})
		if now.Messages > did.Messages {
			did = now
		}
		return err
	})
	return did, err
}

// decide runs a person's decision in a transaction. It is repeated like any other;
// where the first commit was made and only its answer lost, the second finds
// nothing left to do, so what f counts is the most that one try found. Postgres ends it
// when its process is frozen: a run would wait for its locks.
func (l *Ledger) decide(ctx context.Context, op string, f func(pgx.Tx) error) error {
	return l.again(ctx, op, func() error {
		return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, l.statement("limit_idle"), idleLimit); err != nil {
				return err
			}
			return f(tx)
		})
	})
}
