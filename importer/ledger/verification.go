package ledger

import (
	"context"
	"time"

	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// Verification is a pass over chats, to read them back.
type Verification struct {
	ID      int64
	BegunAt time.Time
	Resumed bool // it began earlier
}

// BeginVerification goes on with the last pass over a scope where that came to no
// end, unless anew; otherwise it begins one. The scope is told in words.
func (l *Ledger) BeginVerification(ctx context.Context, scope string, anew bool) (Verification, error) {
	var v Verification
	err := l.write(ctx, "begin to read back", func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, l.statement("begin_verification"), scope, anew, l.lease.epoch).Scan(&v.ID, &v.BegunAt, &v.Resumed)
	})
	return v, err
}

// EndVerification takes down that a pass has read all its chats.
func (l *Ledger) EndVerification(ctx context.Context, id int64) (time.Time, error) {
	var at time.Time
	err := l.write(ctx, "end the reading back", func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, l.statement("end_verification"), id).Scan(&at)
	})
	return at, err
}

// Chats says which chats are meant; the zero value: all that were opened or written to.
type Chats struct {
	Bound string                  // only those whose id's hash is not above it; SampleBound makes one
	Only  []source.ConversationID // only these
}

// args are the arguments of the statements that take chats.
func (c Chats) args() (bound *string, only []string) {
	for _, id := range c.Only {
		only = append(only, string(id))
	}
	return null(c.Bound), only
}

// SampleBound is the bound of a sample: n chats and a share of all, from 0 to 1.
// While no chats are added it is always the same ones.
func (l *Ledger) SampleBound(ctx context.Context, n int, share float64) (string, error) {
	var bound string
	err := l.read(ctx, "draw a sample of the chats", func() error {
		return l.pool.QueryRow(ctx, l.statement("bound_sample"), n, share).Scan(&bound)
	})
	return bound, err
}

// ChatCount is how many chats a pass has, and what it has still to read.
type ChatCount struct {
	Total  int64
	Unread int64
	Short  int64 // unread, with less than a page of ours
	Pages  int64 // of the other unread ones, with the empty page at the end of each
}

// CountChats counts the chats of a pass. A page holds that many messages. With
// again, chats in which the pass found something missing are unread.
func (l *Ledger) CountChats(ctx context.Context, pass int64, which Chats, page int, again bool) (ChatCount, error) {
	bound, only := which.args()
	var n ChatCount
	err := l.read(ctx, "count the chats", func() error {
		return l.pool.QueryRow(ctx, l.statement("count_chats"), pass, bound, only, again, page).Scan(&n.Total, &n.Unread, &n.Short, &n.Pages)
	})
	return n, err
}

// SentChat is a conversation that has a chat, or of which something was sent.
type SentChat struct {
	Conversation source.ConversationID
	ChatID       string // "": it is not known
	Parts        int64  // sent, of all its messages
}

// UnreadChats returns up to limit chats after one that a pass has still to read, in
// order of their conversations' ids; "" is before the first. A page without chats is
// the end. again means what it means to CountChats.
func (l *Ledger) UnreadChats(ctx context.Context, pass int64, which Chats, again bool, after source.ConversationID, limit int) ([]SentChat, error) {
	return l.listChats(ctx, pass, which, false, again, after, limit)
}

// ShortChats returns, like UnreadChats, those chats of a pass that were read with a
// short page taken as the end.
func (l *Ledger) ShortChats(ctx context.Context, pass int64, which Chats, after source.ConversationID, limit int) ([]SentChat, error) {
	return l.listChats(ctx, pass, which, true, false, after, limit)
}

func (l *Ledger) listChats(ctx context.Context, pass int64, which Chats, short, again bool, after source.ConversationID, limit int) ([]SentChat, error) {
	bound, only := which.args()
	var page []SentChat
	err := l.read(ctx, "list the chats", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_chats"), pass, string(after), limit, bound, only, short, again)
		if err != nil {
			return err
		}
		page, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (c SentChat, err error) {
			return c, r.Scan(&c.Conversation, &c.ChatID, &c.Parts)
		})
		return err
	})
	return page, err
}
