package ledger

import (
	"context"
	"time"

	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// Edited is a message whose legacy row changed after it was sent.
type Edited struct {
	ID       string
	MsgID    string // of its first part
	Kind     source.Kind
	Parts    int
	SentMsec int64
	BodyHash string // of the words as they were sent, or edited last
	Author   Author
	Age      time.Duration // since it was sent
	SentHash *Hash         // of its row as the chat shows it; nil: not known
}

// SettledEdit is what became of the change of a row that was sent. All values are
// absolute, so recording it twice is recording it once.
type SettledEdit struct {
	ID       string
	Note     outcome.Code
	RowHash  Hash
	BodyHash string
	Done     bool // the chat says what the row says
	Decided  bool // it is not looked at again until the row changes
}

// EditedConversations lists the conversations with changes that nothing was decided
// about.
func (l *Ledger) EditedConversations(ctx context.Context) ([]source.ConversationID, error) {
	var ids []source.ConversationID
	err := l.read(ctx, "list the conversations with edited messages", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_edited_conversations"))
		if err != nil {
			return err
		}
		ids, err = pgx.CollectRows(rows, pgx.RowTo[source.ConversationID])
		return err
	})
	return ids, err
}

// EditedMessages lists those changes of one conversation, in its order.
func (l *Ledger) EditedMessages(ctx context.Context, c source.ConversationID) ([]Edited, error) {
	var all []Edited
	err := l.read(ctx, "list the edited messages", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_edited"), string(c))
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (m Edited, err error) {
			var age float64
			var sent *[16]byte
			err = r.Scan(&m.ID, &m.MsgID, &m.Kind, &m.Parts, &m.SentMsec, &m.BodyHash, &m.Author.ID, &m.Author.RefID, &age, &sent)
			if sent != nil {
				h := Hash(*sent)
				m.SentHash = &h
			}
			m.Age = time.Duration(age * float64(time.Second))
			return m, err
		})
		return err
	})
	return all, err
}
