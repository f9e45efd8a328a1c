package ledger

import (
	"context"

	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// Closable is a conversation whose talks are to be closed.
type Closable struct {
	ContactID    int64
	Conversation source.ConversationID
	ChatID       string
	Open         []int64 // talks that were found before and are not known to be closed
}

// Closables lists the conversations whose talks are still to be looked for and closed, by contact: those that were
// closed in the legacy database, or all. One in which something is still to be sent is not among them; see Unclosable.
func (l *Ledger) Closables(ctx context.Context, all bool) ([]Closable, error) {
	var found []Closable
	err := l.read(ctx, "list the conversations to close", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_closable"), all)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (c Closable, err error) {
			return c, r.Scan(&c.ContactID, &c.Conversation, &c.ChatID, &c.Open)
		})
		return err
	})
	return found, err
}

// Unclosable counts the conversations to be closed in which something is still to be sent or in doubt.
func (l *Ledger) Unclosable(ctx context.Context, all bool) (int64, error) {
	var n int64
	err := l.read(ctx, "count the conversations that are not over", func() error {
		return l.pool.QueryRow(ctx, l.statement("count_unclosable"), all).Scan(&n)
	})
	return n, err
}

// TalkState is how far the closing of a talk is.
type TalkState string

// The states of a talk.
const (
	TalkFound   TalkState = "found"
	TalkAsked   TalkState = "asked"   // its close was accepted; not seen closed yet
	TalkClosed  TalkState = "closed"  // seen closed
	TalkRefused TalkState = "refused" // for a reason of its own
)

// Talk is a talk of one of our chats.
type Talk struct {
	ID           int64 // amoCRM's
	Conversation source.ConversationID
	State        TalkState
	Reason       string // of a refused one
}

// NoteTalks records how far talks are, and that the talks of these conversations were looked for.
func (l *Ledger) NoteTalks(ctx context.Context, looked []source.ConversationID, talks ...Talk) error {
	return l.write(ctx, "record talks", func(tx pgx.Tx) error {
		var rows pgx.Batch
		for _, t := range talks {
			rows.Queue(l.statement("note_talk"), t.ID, string(t.Conversation), string(t.State), null(t.Reason))
		}
		if len(looked) > 0 {
			rows.Queue(l.statement("note_look"), texts(looked))
		}
		return tx.SendBatch(ctx, &rows).Close()
	})
}

// AskedTalks lists talks whose close was accepted and that were not seen closed yet, by id, after the one given.
func (l *Ledger) AskedTalks(ctx context.Context, after int64, limit int) ([]Talk, error) {
	var talks []Talk
	err := l.read(ctx, "list the talks asked to close", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_asked_talks"), after, limit)
		if err != nil {
			return err
		}
		talks, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (Talk, error) {
			t := Talk{State: TalkAsked}
			return t, r.Scan(&t.ID, &t.Conversation)
		})
		return err
	})
	return talks, err
}

// TalkCounts counts talks by how far they are. Total is the sum of the four states.
type TalkCounts struct {
	Total         int64      `json:"total"`
	Conversations int64      `json:"conversations"` // that they belong to
	Found         int64      `json:"found"`
	Asked         int64      `json:"asked"`
	Closed        int64      `json:"closed"`
	Refused       int64      `json:"refused"`
	NotFound      int64      `json:"conversations_without"` // conversations that were looked for, and no talk found
	Reasons       []Refusals `json:"reasons,omitempty"`     // of the refused ones, the most frequent first
}

// Refusals counts what was refused for a reason.
type Refusals struct {
	Reason  string `json:"reason"`
	Count   int64  `json:"count"`
	Example int64  `json:"example"`          // id of one of them in amoCRM
	Detail  string `json:"detail,omitempty"` // codes and paths that the server named about it
}

// MessageOwners tells to which of these conversations messages belong, by amojo's ids of them.
func (l *Ledger) MessageOwners(ctx context.Context, among []source.ConversationID, amojoIDs []string) (map[string]source.ConversationID, error) {
	owners := map[string]source.ConversationID{}
	err := l.read(ctx, "look for messages", func() error {
		rows, _ := l.pool.Query(ctx, l.statement("find_owners"), texts(among), amojoIDs)
		var id string
		var conversation source.ConversationID
		_, err := pgx.ForEachRow(rows, []any{&id, &conversation}, func() error { owners[id] = conversation; return nil })
		return err
	})
	return owners, err
}

// Talks counts the talks that were found.
func (l *Ledger) Talks(ctx context.Context) (TalkCounts, error) {
	var c TalkCounts
	err := l.read(ctx, "count talks", func() (err error) {
		if err := l.pool.QueryRow(ctx, l.statement("count_talks")).
			Scan(&c.Total, &c.Conversations, &c.Found, &c.Asked, &c.Closed, &c.Refused, &c.NotFound); err != nil {
			return err
		}
		c.Reasons, err = l.refusals(ctx, "count_talk_reasons")
		return err
	})
	return c, err
}

func (l *Ledger) refusals(ctx context.Context, statement string) ([]Refusals, error) {
	rows, err := l.pool.Query(ctx, l.statement(statement))
	if err != nil {
		return nil, err
	}
	var all []Refusals
	var r Refusals
	_, err = pgx.ForEachRow(rows, []any{&r.Reason, &r.Count, &r.Example, &r.Detail}, func() error { all = append(all, r); return nil })
	return all, err
}
