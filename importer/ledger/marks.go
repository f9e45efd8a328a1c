package ledger

import (
	"context"
	"time"

	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// Marks is how far the marking as read of a message is. It is counted in parts.
type Marks struct {
	Conversation source.ConversationID
	ID           string
	MsgID        string // of the first part
	Marked       int    // parts for which it is over
	Unmarkable   int    // of those, parts that cannot be marked
	PartsSent    int
	AmojoIDs     []string      // of the parts sent; may lack some
	Age          time.Duration // since it was sent
}

// Unmarked lists messages that managers or the bot wrote and of which parts are not
// marked, in the order of their ids from after that of another.
func (l *Ledger) Unmarked(ctx context.Context, after Marks, limit int) ([]Marks, error) {
	var page []Marks
	err := l.read(ctx, "list the messages to mark", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_unmarked"), string(after.Conversation), after.ID, limit)
		if err != nil {
			return err
		}
		page, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (m Marks, err error) {
			var age float64
			err = r.Scan(&m.Conversation, &m.ID, &m.MsgID, &m.Marked, &m.Unmarkable, &m.PartsSent, &m.AmojoIDs, &age)
			m.Age = time.Duration(age * float64(time.Second))
			return m, err
		})
		return err
	})
	return page, err
}

// CountUnmarked is how many parts are left to be marked.
func (l *Ledger) CountUnmarked(ctx context.Context) (n int64, err error) {
	err = l.read(ctx, "count the messages to mark", func() error {
		return l.pool.QueryRow(ctx, l.statement("count_unmarked")).Scan(&n)
	})
	return n, err
}

// RecordMarks records how far messages are.
func (l *Ledger) RecordMarks(ctx context.Context, batch []Marks) error {
	conversations, ids := make([]string, len(batch)), make([]string, len(batch))
	marked, unmarkable := make([]int, len(batch)), make([]int, len(batch))
	for i, m := range batch {
		conversations[i], ids[i], marked[i], unmarkable[i] = string(m.Conversation), m.ID, m.Marked, m.Unmarkable
	}
	return l.write(ctx, "record what is marked", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, l.statement("record_marks"), conversations, ids, marked, unmarkable)
		return err
	})
}

// readMarks counts what is marked; in a ledger that is older than marks, nothing.
func (l *Ledger) readMarks(ctx context.Context, tx pgx.Tx, s *Snapshot) error {
	var has bool
	if err := tx.QueryRow(ctx, l.statement("has_marks")).Scan(&has); err != nil || !has {
		return err
	}
	return tx.QueryRow(ctx, l.statement("count_marks")).Scan(&s.Marked, &s.Unmarkable)
}
