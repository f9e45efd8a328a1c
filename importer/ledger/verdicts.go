package ledger

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// Counts is what the chats show of the messages that were sent. A message that was
// sent in parts counts once for each part.
type Counts struct {
	Messages      int64 `json:"messages"` // that the ledger says were sent
	Present       int64 `json:"present"`
	Missing       int64 `json:"missing"`
	Doubled       int64 `json:"doubled"` // present more than once; not how many copies
	Altered       int64 `json:"altered"` // in one of the next four ways, or several
	AlteredText   int64 `json:"altered_text"`
	AlteredKind   int64 `json:"altered_kind"`
	AlteredAuthor int64 `json:"altered_author"`
	TimeOff       int64 `json:"time_off"`
	OutOfOrder    int64 `json:"out_of_order"`
	Unchecked     int64 `json:"unchecked"` // present, but nobody knows any more what their text or their author was
	Foreign       int64 `json:"foreign"`   // of others, such as managers who wrote in the chat; no fault
	Shown         int64 `json:"shown"`     // messages whose ids begin as ours do, each copy counted
}

func (c *Counts) places() []any {
	return []any{&c.Messages, &c.Present, &c.Missing, &c.Doubled, &c.Altered, &c.AlteredText, &c.AlteredKind, &c.AlteredAuthor,
		&c.TimeOff, &c.OutOfOrder, &c.Unchecked, &c.Foreign, &c.Shown}
}

// Digests are digests of one chat's messages, or of many chats' digests.
type Digests struct {
	Legacy   string `json:"legacy"`    // what was sent
	ReadBack string `json:"read_back"` // what is there, compared with it: the same when all is accounted for
	AsShown  string `json:"as_shown"`  // what is there, as the chat itself shows it
}

// ChatVerdict is what one chat shows, and what follows for the ledger.
type ChatVerdict struct {
	Conversation source.ConversationID `json:"conversation"`
	Counts
	Digests
	ShortEnd bool `json:"short_end"` // a short page was taken as its end

	Faults []PartFault `json:"-"`
	// True are amojo's ids of messages of which the ledger has others.
	True []TrueIDs `json:"-"`
	// Lost are messages to be planned again; then LastMsgID is the last of ours that is
	// there, "" where none is.
	Lost      []LostParts `json:"-"`
	LastMsgID string      `json:"-"`
}

// PartFault is a fault of a part of a message.
type PartFault struct {
	Conversation source.ConversationID `json:"conversation"`
	Message      string                `json:"message"`
	Part         int                   `json:"part"` // from 1
	Fault        string                `json:"fault"`
}

// TrueIDs are amojo's ids of all parts sent of a message.
type TrueIDs struct {
	Conversation source.ConversationID `json:"conversation"`
	Message      string                `json:"message"`
	IDs          []string              `json:"ids"`
}

// LostParts is a message of which a part is missing.
type LostParts struct {
	Conversation source.ConversationID `json:"conversation"`
	Message      string                `json:"message"`
	Keep         int                   `json:"keep"` // how many parts come before the first that is missing
	Decided      bool                  `json:"-"`    // it is parked or skipped, and stays so
}

// SaveVerdicts records what chats of a pass show, and plans again what is lost of
// them.
func (l *Ledger) SaveVerdicts(ctx context.Context, pass int64, verdicts []ChatVerdict) error {
	type last struct {
		Conversation source.ConversationID `json:"conversation"`
		LastMsgID    string                `json:"last_msgid"`
	}
	var ids []string
	var faults []PartFault
	var right []TrueIDs
	var lost []LostParts
	var lasts []last
	for _, v := range verdicts {
		ids = append(ids, string(v.Conversation))
		faults = append(faults, v.Faults...)
		for _, r := range v.True {
			r.IDs = slices.Clone(r.IDs)
			for i := range r.IDs {
				r.IDs[i] = storableText(r.IDs[i])
			}
			right = append(right, r)
		}
		lost = append(lost, v.Lost...)
		if len(v.Lost) > 0 {
			lasts = append(lasts, last{v.Conversation, v.LastMsgID})
		}
	}
	var batch pgx.Batch
	queue := func(name string, n int, rows any, before ...any) error {
		if n == 0 {
			return nil
		}
		text, err := json.Marshal(rows)
		batch.Queue(l.statement(name), append(before, string(text))...)
		return err
	}
	const op = "record what the chats show"
	err := queue("save_verdicts", len(verdicts), verdicts, pass)
	batch.Queue(l.statement("drop_faults"), ids)
	for _, step := range []struct {
		name string
		n    int
		rows any
	}{
		{"save_faults", len(faults), faults}, {"learn_amojo_ids", len(right), right},
		{"repair_messages", len(lost), lost}, {"repair_conversations", len(lasts), lasts},
	} {
		if err == nil {
			err = queue(step.name, step.n, step.rows)
		}
	}
	if err != nil {
		return l.fail(op, err)
	}
	return l.write(ctx, op, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &batch).Close() })
}

// SumVerdicts sums up what the chats of a pass show; pass 0: what each chat showed
// when it was read last.
func (l *Ledger) SumVerdicts(ctx context.Context, pass int64) (chats int64, sum Counts, err error) {
	err = l.read(ctx, "sum up what the chats show", func() error {
		return l.pool.QueryRow(ctx, l.statement("sum_verdicts"), nonzero(pass)).Scan(append([]any{&chats}, sum.places()...)...)
	})
	return chats, sum, err
}

// NamedFault is a fault with the msgid of its message.
type NamedFault struct {
	PartFault
	MsgID string // of the message's first part
}

// Faults lists the first few of each fault that the chats of a pass show, by
// conversation; pass 0 means what it means to SumVerdicts.
func (l *Ledger) Faults(ctx context.Context, pass int64, few int) ([]NamedFault, error) {
	var faults []NamedFault
	err := l.read(ctx, "list the faults", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_faults"), nonzero(pass), few)
		if err != nil {
			return err
		}
		faults, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (f NamedFault, err error) {
			return f, r.Scan(&f.Fault, &f.Conversation, &f.Message, &f.Part, &f.MsgID)
		})
		return err
	})
	return faults, err
}

// ReadChat is a chat and what it showed when it was read last.
type ReadChat struct {
	Conversation source.ConversationID
	ChatID       string
	ReadAt       *time.Time // nil: it was never read, and the rest is zero
	Counts
	Digests
}

// ReadChats returns up to limit chats after one, also those that were not read, in
// order of their conversations' ids; a page without chats is the end.
func (l *Ledger) ReadChats(ctx context.Context, after source.ConversationID, limit int) ([]ReadChat, error) {
	var page []ReadChat
	err := l.read(ctx, "list what the chats show", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_verdicts"), string(after), limit)
		if err != nil {
			return err
		}
		page, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (ReadChat, error) {
			var c ReadChat
			var at *time.Time
			if err := r.Scan(append([]any{&c.Conversation, &c.ChatID, &at}, skip(16)...)...); err != nil || at == nil {
				return c, err
			}
			c.ReadAt = at
			places := append([]any{nil, nil, nil}, c.places()...)
			return c, r.Scan(append(places, &c.Legacy, &c.ReadBack, &c.AsShown)...)
		})
		return err
	})
	return page, err
}

// ChatDigests are the digests of a conversation's chat.
type ChatDigests struct {
	Conversation source.ConversationID
	Digests
}

// PassDigests returns the digests of up to limit chats of a pass after one, like
// ReadChats.
func (l *Ledger) PassDigests(ctx context.Context, pass int64, after source.ConversationID, limit int) ([]ChatDigests, error) {
	var page []ChatDigests
	err := l.read(ctx, "list the digests of the chats", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_digests"), pass, string(after), limit)
		if err != nil {
			return err
		}
		page, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (c ChatDigests, err error) {
			return c, r.Scan(&c.Conversation, &c.Legacy, &c.ReadBack, &c.AsShown)
		})
		return err
	})
	return page, err
}

// skip is n places for columns that nobody wants.
func skip(n int) []any { return make([]any, n) }

// nonzero is n, or null for 0.
func nonzero(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}
