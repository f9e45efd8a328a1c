package ledger

import (
	"context"

	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// SentChat is a conversation that has a chat, or of which something was sent.
type SentChat struct {
	Conversation source.ConversationID
	ChatID       string
}

// CountSentChats counts what SentChats lists.
func (l *Ledger) CountSentChats(ctx context.Context) (int64, error) {
	var n int64
	err := l.read(ctx, "count the chats", func() error {
		return l.pool.QueryRow(ctx, l.statement("count_chats")).Scan(&n)
	})
	return n, err
}

// SentChats returns up to limit conversations after one, in order of their ids;
// "" is before the first. A page without conversations is the end.
func (l *Ledger) SentChats(ctx context.Context, after source.ConversationID, limit int) ([]SentChat, error) {
	var page []SentChat
	err := l.read(ctx, "list the chats", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_chats"), string(after), limit)
		if err != nil {
			return err
		}
		page, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (c SentChat, err error) {
			return c, r.Scan(&c.Conversation, &c.ChatID)
		})
		return err
	})
	return page, err
}

// SentMessage is a message of which all parts were sent, or some.
type SentMessage struct {
	ID       string
	MsgID    string // of its first part
	SentMsec int64  // message time of its first part; part k has k - 1 more
	Parts    int    // sent so far, at least 1
	// Late says that it was sent after one that follows it in the conversation:
	// a row that came late, or a retry.
	Late bool
}

// SentMessages returns what was sent of a conversation, in the conversation's
// order.
func (l *Ledger) SentMessages(ctx context.Context, id source.ConversationID) ([]SentMessage, error) {
	var sent []SentMessage
	err := l.read(ctx, "list the sent messages", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_sent"), string(id))
		if err != nil {
			return err
		}
		sent, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (m SentMessage, err error) {
			return m, r.Scan(&m.ID, &m.MsgID, &m.SentMsec, &m.Parts, &m.Late)
		})
		return err
	})
	return sent, err
}
