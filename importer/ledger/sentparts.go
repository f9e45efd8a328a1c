package ledger

import (
	"context"

	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// SentMessage is a message of which all parts were sent, or some.
type SentMessage struct {
	ID       string
	MsgID    string // of its first part
	SentMsec int64  // message time of its first part; part k has k - 1 more
	Parts    int    // sent so far, at least 1
	Whole    bool   // these are all there are
	// Late says that it was sent after one that follows it in the conversation:
	// a row that came late, or a retry.
	Late     bool
	Kind     string   // of its first part, as amojo names it; "": not known
	Author   Author   // the zero value: not known
	BodyHash string   // of the texts of all parts; "": not known
	AmojoIDs []string // of the parts sent, as far as they are known
	Decided  bool     // it is parked or skipped, and a repair leaves it so
}

// SentMessages returns what was sent of some conversations, each in its order.
func (l *Ledger) SentMessages(ctx context.Context, ids ...source.ConversationID) (map[source.ConversationID][]SentMessage, error) {
	plain := make([]string, len(ids))
	for i, id := range ids {
		plain[i] = string(id)
	}
	var sent map[source.ConversationID][]SentMessage
	err := l.read(ctx, "list the sent messages", func() error {
		sent = make(map[source.ConversationID][]SentMessage, len(ids))
		rows, err := l.pool.Query(ctx, l.statement("list_sent"), plain)
		if err != nil {
			return err
		}
		var id source.ConversationID
		var m SentMessage
		var whole int
		_, err = pgx.ForEachRow(rows, []any{&id, &m.ID, &m.MsgID, &m.SentMsec, &m.Parts, &whole, &m.Late,
			&m.Kind, &m.Author.ID, &m.Author.RefID, &m.BodyHash, &m.AmojoIDs, &m.Decided}, func() error {
			m.Whole = m.Parts == whole
			sent[id] = append(sent[id], m)
			m.AmojoIDs = nil
			return nil
		})
		return err
	})
	return sent, err
}
