package ledger

import (
	"context"

	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// Difference is a message whose legacy row changed after it was sent, and amoCRM does not
// say what the row says.
type Difference struct {
	Conversation source.ConversationID `json:"conversation"`
	Message      string                `json:"message"` // legacy id
	What         string                `json:"what"`    // edited or deleted
}

// Differences lists what changed after it was sent, by conversation.
func (l *Ledger) Differences(ctx context.Context) ([]Difference, error) {
	var all []Difference
	err := l.read(ctx, "list what changed after it was sent", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_differences"))
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Difference])
		return err
	})
	return all, err
}
