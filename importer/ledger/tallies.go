package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// Tally is how many there are of something.
type Tally struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// Tallies are what only a report asks for.
type Tallies struct {
	Schema       int64      // the newest migration of the ledger's schema
	FirstSentAt  *time.Time // when the first message was sent; nil: none was
	LastSentAt   *time.Time
	FirstMessage *time.Time // message time of the oldest that was sent
	LastMessage  *time.Time
	Kinds        []Tally // of what was sent, as amojo names them
	Managers     []Tally // of what was sent, by amojo's id of who spoke
	Events       []Tally
	Retried      int64 // sent after a person had planned them again
	SkippedHand  int64 // left out by a person

	LastPass *LastPass // nil: nothing was read back yet
	Unread   int64     // chats never read back, or not since something more was sent
	ReadFrom *time.Time
	ReadTo   *time.Time
}

// LastPass is the pass that began last.
type LastPass struct {
	ID      int64
	Scope   string
	BegunAt time.Time
	EndedAt *time.Time // nil: it came to no end
}

// Tallies counts for a report, in one transaction.
func (l *Ledger) Tallies(ctx context.Context) (Tallies, error) {
	var t Tallies
	err := l.read(ctx, "count what was moved", func() error {
		t = Tallies{}
		return pgx.BeginTxFunc(ctx, l.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			return l.readTallies(ctx, tx, &t)
		})
	})
	return t, err
}

func (l *Ledger) readTallies(ctx context.Context, tx pgx.Tx, t *Tallies) error {
	if err := tx.QueryRow(ctx, l.statement("read_version")).Scan(&t.Schema); err != nil {
		return err
	}
	var first, last int64
	if err := tx.QueryRow(ctx, l.statement("read_span")).Scan(&t.FirstSentAt, &t.LastSentAt, &first, &last, &t.Retried, &t.SkippedHand); err != nil {
		return err
	}
	if t.FirstSentAt != nil {
		oldest, newest := time.UnixMilli(first), time.UnixMilli(last)
		t.FirstMessage, t.LastMessage = &oldest, &newest
	}
	for _, count := range []struct {
		name string
		to   *[]Tally
	}{{"count_kinds", &t.Kinds}, {"count_managers", &t.Managers}, {"count_events", &t.Events}} {
		rows, err := tx.Query(ctx, l.statement(count.name))
		if err != nil {
			return err
		}
		if *count.to, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Tally]); err != nil {
			return err
		}
	}
	var p LastPass
	switch err := tx.QueryRow(ctx, l.statement("last_verification")).Scan(&p.ID, &p.Scope, &p.BegunAt, &p.EndedAt); {
	case err == nil:
		t.LastPass = &p
	case !errors.Is(err, pgx.ErrNoRows):
		return err
	}
	return tx.QueryRow(ctx, l.statement("count_unread")).Scan(&t.Unread, &t.ReadFrom, &t.ReadTo)
}
