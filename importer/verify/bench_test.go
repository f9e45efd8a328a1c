package verify_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// monday is when the messages of the tests begin.
const monday = int64(1_596_470_400_000)

// letter is a message that is sent: its id, its time in milliseconds after monday,
// and in how many parts it goes, if not in one.
type letter struct {
	id    string
	msec  int64
	parts int
}

// bench is a ledger and the chats it speaks of.
type bench struct {
	t      testing.TB
	dsn    string
	ledger *ledger.Ledger
	world  *sandbox.World
	chats  *amojo.Client
	keys   []ledger.EnrolledKey
	convs  []source.ConversationID
}

// emptyLedger returns the DSN of a database with a fresh ledger.
func emptyLedger(t testing.TB) string {
	return pgtest.Template(t, "ledger", func(ctx context.Context, dsn string) error {
		l, err := ledger.Open(ctx, ledger.Options{DSN: dsn})
		if err == nil {
			l.Close()
		}
		return err
	})
}

func newBench(t testing.TB, o sandbox.Options) *bench { return benchOn(t, emptyLedger(t), o) }

func benchOn(t testing.TB, dsn string, o sandbox.Options) *bench {
	t.Helper()
	l, err := ledger.Connect(t.Context(), ledger.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	lease, err := l.Acquire(t.Context(), ledger.Self("test"), ledger.MinLeaseTime, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Settle(t.Context(), ledger.Setup{SourceName: "test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		lease.Release(context.Background())
		l.Close()
	})
	world := sandbox.New(o)
	wo := world.Options()
	chats, err := amojo.New(&http.Client{Transport: amojo.SigningTransport{Secret: wo.Channel.Secret, Base: world.Transport()}},
		"https://amojo.example.test", amojo.Scope{ChannelID: wo.Channel.ID, AccountID: wo.Account.AmojoID})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, dsn: dsn, ledger: l, world: world, chats: chats}
}

func all[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// msgid is our id of a message.
func msgid(conv source.ConversationID, id string) string { return fmt.Sprintf("m-%s-%s", conv, id) }

func client(conv source.ConversationID) amojo.Party {
	return amojo.Party{ID: "client-" + string(conv), Name: "Client"}
}

// send enrols letters of a conversation, sends them in the order given and records
// them in one commit.
func (b *bench) send(conv source.ConversationID, letters ...letter) {
	b.t.Helper()
	ctx := b.t.Context()
	b.enrol(conv, letters...)
	chat, err := b.chats.CreateChat(ctx, amojo.Chat{ConversationID: "c-" + string(conv), User: client(conv)})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.ledger.SetChat(ctx, conv, string(chat.ID)); err != nil {
		b.t.Fatal(err)
	}
	change := ledger.Change{Conversation: conv}
	for _, m := range letters {
		s := ledger.Settled{ID: m.id, Outcome: outcome.Sent, Attempts: 1, Parts: max(m.parts, 1), SentMsec: monday + m.msec,
			Kind: source.KindText, Author: ledger.Author{ID: client(conv).ID}}
		var parts []amojo.Message
		for k := 1; k <= s.Parts; k++ {
			part := amojo.Message{MsgID: compose.PartID(msgid(conv, m.id), k), ConversationID: "c-" + string(conv), Silent: true,
				Sender: client(conv), Content: amojo.Content{Type: amojo.TypeText, Text: "words"}}
			compose.Stamp(&part, s.SentMsec+int64(k)-1)
			receipt, err := b.chats.SendMessage(ctx, part)
			if err != nil {
				b.t.Fatal(err)
			}
			parts = append(parts, part)
			s.PartsSent, s.AmojoIDs = k, append(s.AmojoIDs, receipt.AmojoID)
			change.LastMsgID = part.MsgID
		}
		s.BodyHash = compose.TextHash(parts)
		change.Settled = append(change.Settled, s)
	}
	if err := b.ledger.Commit(ctx, change); err != nil {
		b.t.Fatal(err)
	}
}

// enrol takes letters into the ledger, beside those of before.
func (b *bench) enrol(conv source.ConversationID, letters ...letter) {
	b.t.Helper()
	if !slices.Contains(b.convs, conv) {
		b.convs = append(b.convs, conv)
	}
	for _, m := range letters {
		b.keys = append(b.keys, ledger.EnrolledKey{MsgID: msgid(conv, m.id),
			Key: source.Key{Conversation: conv, ID: m.id, SentAt: time.UnixMilli(monday + m.msec).UTC()}})
	}
	var convs []ledger.EnrolledConversation
	for _, c := range b.convs {
		convs = append(convs, ledger.EnrolledConversation{ID: c, ConversationID: "c-" + string(c), ClientID: string(c)})
	}
	_, err := b.ledger.Enrol(b.t.Context(), ledger.Pass{Conversations: all(convs), Keys: all(b.keys), SharedMax: 5})
	if err != nil {
		b.t.Fatal(err)
	}
}

// sql is a way around the ledger's own functions.
func (b *bench) sql() *pgx.Conn {
	b.t.Helper()
	c, err := pgx.Connect(b.t.Context(), b.dsn)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// chat returns the chat of a conversation.
func (b *bench) chat(conv source.ConversationID) sandbox.Chat {
	b.t.Helper()
	c, ok := b.world.Chat("c-" + string(conv))
	if !ok {
		b.t.Fatalf("no chat of conversation %s", conv)
	}
	return c
}

// options are those of the bench, where o has none.
func (b *bench) options(o verify.Options) verify.Options {
	o.Ledger, o.Template = b.ledger, "m-{conversation_id}-{id}"
	if o.Chats == nil {
		o.Chats = b.chats
	}
	return o
}

// verify reads everything back and returns what was found, without what differs each
// time.
func (b *bench) verify(o verify.Options) verify.Result {
	b.t.Helper()
	r := b.read(o)
	r.Pass, r.Digests, r.Shown = verify.Pass{}, ledger.Digests{}, 0
	return r
}

// read reads everything back.
func (b *bench) read(o verify.Options) verify.Result {
	b.t.Helper()
	r, err := verify.Run(b.t.Context(), b.options(o))
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// example names part k of a message.
func example(conv source.ConversationID, id string, k int) verify.Example {
	return verify.Example{Conversation: conv, Message: id, Part: k, MsgID: compose.PartID(msgid(conv, id), k)}
}

// examples are the named messages, first parts all of them.
func examples(conv source.ConversationID, ids ...string) []verify.Example {
	var out []verify.Example
	for _, id := range ids {
		out = append(out, example(conv, id, 1))
	}
	return out
}

// chatsFunc is a function as the way to the history.
type chatsFunc func(ctx context.Context, chat amojo.ChatID, offset, limit int) ([]amojo.HistoryMessage, error)

func (f chatsFunc) History(ctx context.Context, chat amojo.ChatID, offset, limit int) ([]amojo.HistoryMessage, error) {
	return f(ctx, chat, offset, limit)
}
