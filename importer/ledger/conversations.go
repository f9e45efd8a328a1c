package ledger

import (
	"context"
	"time"

	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// Work is a conversation with messages to send, or with a doubt to settle.
type Work struct {
	ID      source.ConversationID
	Planned int64
	Ready   bool // its chat is open and linked
	Doubt   bool // a request of an earlier run has no known end
}

// Works lists the conversations that need anything, longest first. With hold a
// conversation waits at its first parked message: what comes after it does not
// count.
func (l *Ledger) Works(ctx context.Context, hold bool) ([]Work, error) {
	var works []Work
	err := l.read(ctx, "list the conversations", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_work"), hold)
		if err != nil {
			return err
		}
		works, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (w Work, err error) {
			return w, r.Scan(&w.ID, &w.Planned, &w.Ready, &w.Doubt)
		})
		return err
	})
	return works, err
}

// Conversation is what the ledger knows of a conversation.
type Conversation struct {
	ID             source.ConversationID
	ConversationID string // ours
	ClientID       string
	Person         int64
	ContactID      int64  // 0: not matched yet
	Phone          string // keyed hash of the phone by which the client's contact may be looked for; "": none
	Email          string // likewise
	ChatID         string
	LinkID         int64
	FirstSent      time.Time // time of its first message; zero when it has none
	Planned        int64     // messages to send now
	LastMsgID      string
	LastMsec       int64   // newest message time of what was sent; 0: nothing was
	Announced      string  // msgid of its one message that was not silent
	Doubt          *Intent // written to amojo perhaps, end unknown
}

// Conversations loads conversations by id, in no order.
func (l *Ledger) Conversations(ctx context.Context, ids ...source.ConversationID) ([]Conversation, error) {
	var all []Conversation
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	err := l.read(ctx, "load conversations", func() error {
		rows, err := l.pool.Query(ctx, l.statement("load_conversations"), texts)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, scanConversation)
		return err
	})
	return all, err
}

func scanConversation(r pgx.CollectableRow) (Conversation, error) {
	var c Conversation
	var first *time.Time
	var msgid *string
	var in struct {
		message, body    *string
		part, parts, end *int
		sent             *int64
		row              *[16]byte
		notes            []outcome.Code
		kind, who, ref   *string
		edit             bool
	}
	err := r.Scan(&c.ID, &c.ConversationID, &c.ClientID, &c.Person, &c.ContactID, &c.Phone, &c.Email,
		&c.ChatID, &c.LinkID, &first, &c.Planned, &c.LastMsec, &c.LastMsgID, &c.Announced,
		&in.message, &msgid, &in.part, &in.parts, &in.end, &in.sent, &in.row, &in.body, &in.notes,
		&in.kind, &in.who, &in.ref, &in.edit)
	if err != nil {
		return c, err
	}
	if first != nil {
		c.FirstSent = *first
	}
	if msgid != nil {
		c.Doubt = &Intent{Message: *in.message, MsgID: *msgid, Part: *in.part, Parts: *in.parts, End: *in.end,
			SentMsec: *in.sent, RowHash: Hash(*in.row), BodyHash: *in.body, Notes: in.notes,
			Kind: source.Kind(text(in.kind)), Author: Author{ID: text(in.who), RefID: text(in.ref)}, Edit: in.edit}
	}
	return c, nil
}

// text is a text that may be null; then "".
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Conversation loads one conversation.
func (l *Ledger) Conversation(ctx context.Context, id source.ConversationID) (Conversation, error) {
	all, err := l.Conversations(ctx, id)
	if err != nil {
		return Conversation{}, err
	}
	if len(all) != 1 {
		return Conversation{}, l.fail("load conversation "+string(id), errGap)
	}
	return all[0], nil
}

// SetChat records the chat of a conversation.
func (l *Ledger) SetChat(ctx context.Context, id source.ConversationID, chat string) error {
	return l.write(ctx, "record a chat", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, l.statement("set_chat"), string(id), chat)
		return err
	})
}

// SetLink records that the chat of a conversation is linked to a contact.
func (l *Ledger) SetLink(ctx context.Context, id source.ConversationID, link, contact int64) error {
	return l.write(ctx, "record a link", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, l.statement("set_link"), string(id), link, contact)
		return err
	})
}

// Park parks all planned messages of a conversation, for a reason that lies with
// the conversation, and returns how many.
func (l *Ledger) Park(ctx context.Context, id source.ConversationID, code outcome.Code, detail string) (int64, error) {
	var n int64
	done := false // by an earlier try, perhaps
	err := l.write(ctx, "park a conversation", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, l.statement("park_conversation"), string(id), code, null(storableText(detail)), done)
		n, done = max(n, tag.RowsAffected()), done || err == nil
		return err
	})
	return n, err
}

// Planned is a message to send.
type Planned struct {
	ID        string
	MsgID     string // of its first part
	SentAt    time.Time
	Seq       int64
	Attempts  int
	LastFault outcome.Code // why it was parked before it was planned again
	Parts     int          // set once its first part went out
	PartsSent int
	PartEnds  []int
	AmojoIDs  []string
	SentMsec  int64  // set once its first part went out
	SentHash  *Hash  // likewise
	BodyHash  string // likewise
	FloorMsec int64  // last millisecond used by what was sent before it in its chat's order; 0: none
}

// After is where a page of planned messages ended.
type After struct {
	SentAt time.Time
	Seq    int64
	ID     string
}

// Page returns up to limit planned messages of a conversation after a place, in
// the order of the conversation; with hold those before its first parked message.
func (l *Ledger) Page(ctx context.Context, id source.ConversationID, after After, limit int, hold bool) ([]Planned, error) {
	var page []Planned
	at := &after.SentAt
	if after == (After{}) {
		at = nil
	}
	err := l.read(ctx, "list the planned messages", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_planned"), string(id), at, after.Seq, after.ID, limit, hold)
		if err != nil {
			return err
		}
		page, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (p Planned, err error) {
			var sent *[16]byte
			err = r.Scan(&p.ID, &p.MsgID, &p.SentAt, &p.Seq, &p.Attempts, &p.LastFault, &p.Parts, &p.PartsSent, &p.PartEnds,
				&p.AmojoIDs, &p.SentMsec, &sent, &p.BodyHash, &p.FloorMsec)
			if sent != nil {
				h := Hash(*sent)
				p.SentHash = &h
			}
			return p, err
		})
		return err
	})
	return page, err
}

// Message is what the ledger knows of one message, for settling a doubt or
// aiming a reply.
type Message struct {
	ID        string
	MsgID     string
	Outcome   outcome.Outcome
	Attempts  int
	Parts     int
	PartsSent int
	PartEnds  []int
	AmojoIDs  []string
	SentMsec  int64
}

// Messages loads messages of a conversation by legacy id. Unknown ids are absent.
func (l *Ledger) Messages(ctx context.Context, c source.ConversationID, ids ...string) (map[string]Message, error) {
	found := make(map[string]Message, len(ids))
	err := l.read(ctx, "load messages", func() error {
		rows, err := l.pool.Query(ctx, l.statement("load_messages"), string(c), ids)
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (m Message, err error) {
			return m, r.Scan(&m.ID, &m.MsgID, &m.Outcome, &m.Attempts, &m.Parts, &m.PartsSent, &m.PartEnds, &m.AmojoIDs, &m.SentMsec)
		})
		for _, m := range all {
			found[m.ID] = m
		}
		return err
	})
	return found, err
}
