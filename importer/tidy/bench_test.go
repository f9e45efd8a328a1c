package tidy_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/importer/tidy"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/pace"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// monday is when the messages of the tests begin.
const monday = int64(1_596_470_400)

// settleTime is that of the tests.
const settleTime = 2 * time.Minute

// bench is a ledger after an import, and the account that was imported into.
type bench struct {
	t     *testing.T
	world *sandbox.World
	dsn   string

	ledger *ledger.Ledger
	lease  *ledger.Lease
	crm    *amocrm.Client
	chats  *amojo.Client

	convs []ledger.EnrolledConversation
	keys  []ledger.EnrolledKey
}

// bubble gives a test a bench under virtual time.
func bubble(t *testing.T, o sandbox.Options, test func(t *testing.T, b *bench)) {
	t.Helper()
	dsn := pgtest.Template(t, "ledger", func(ctx context.Context, dsn string) error {
		l, err := ledger.Open(ctx, ledger.Options{DSN: dsn})
		if err == nil {
			l.Close()
		}
		return err
	})
	synctest.Test(t, func(t *testing.T) {
		o.Record = true
		b := &bench{t: t, world: sandbox.New(o), dsn: dsn}
		b.open()
		t.Cleanup(b.close)
		if err := b.ledger.Settle(t.Context(), ledger.Setup{SourceName: "test"}); err != nil {
			t.Fatal(err)
		}
		test(t, b)
	})
}

// open takes the ledger, as a command does that begins.
func (b *bench) open() {
	b.t.Helper()
	var err error
	if b.ledger, err = ledger.Connect(b.t.Context(), ledger.Options{DSN: b.dsn}); err != nil {
		b.t.Fatal(err)
	}
	if b.lease, err = b.ledger.Acquire(b.t.Context(), ledger.Self("test"), ledger.MinLeaseTime, nil); err != nil {
		b.t.Fatal(err)
	}
	o := b.world.Options()
	paced := &pace.Transport{Pacer: pace.New(pace.Config{Name: "API v4", Rate: 20}), Base: b.world.Transport(), AttemptTimeout: 20 * time.Second, Gate: b.lease.Confirm}
	if b.crm, err = amocrm.New(&http.Client{Transport: amocrm.Authorizer{Source: amocrm.LongLivedToken(o.Token), Base: paced}}, "https://crm.example.test"); err != nil {
		b.t.Fatal(err)
	}
	b.chats, err = amojo.New(&http.Client{Transport: amojo.SigningTransport{Secret: o.Channel.Secret, Base: b.world.Transport()}},
		"https://amojo.example.test", amojo.Scope{ChannelID: o.Channel.ID, AccountID: o.Account.AmojoID})
	if err != nil {
		b.t.Fatal(err)
	}
}

// close ends the command.
func (b *bench) close() {
	_ = b.lease.Release(context.Background())
	b.ledger.Close()
}

// again begins another command.
func (b *bench) again() {
	b.t.Helper()
	b.close()
	b.open()
}

func (b *bench) options() tidy.Options {
	return tidy.Options{Ledger: b.ledger, CRM: b.crm, Lease: b.lease, SettleTime: settleTime, Grace: 30 * time.Second}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
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

// contact makes a contact.
func (b *bench) contact(name string) int64 {
	b.t.Helper()
	made, err := b.crm.AddContacts(b.t.Context(), []amocrm.NewContact{{RequestID: "c", Name: name}})
	b.must(err)
	return made[0].ID
}

// enrol takes conversations and messages into the ledger, beside those of before.
func (b *bench) enrol() {
	b.t.Helper()
	_, err := b.ledger.Enrol(b.t.Context(), ledger.Pass{Conversations: all(b.convs), Keys: all(b.keys), SharedMax: 5})
	b.must(err)
}

// plan enrols messages of a conversation of a client, a second apart from monday+at on.
func (b *bench) plan(conv source.ConversationID, client string, closed bool, at int64, ids ...string) {
	b.t.Helper()
	if !slices.ContainsFunc(b.convs, func(c ledger.EnrolledConversation) bool { return c.ID == conv }) {
		b.convs = append(b.convs, ledger.EnrolledConversation{ID: conv, ConversationID: "imp1-" + string(conv), ClientID: client, Closed: closed})
	}
	for i, id := range ids {
		msgid := fmt.Sprintf("imp1-%s-%s", conv, id)
		if slices.ContainsFunc(b.keys, func(k ledger.EnrolledKey) bool { return k.MsgID == msgid }) {
			continue
		}
		b.keys = append(b.keys, ledger.EnrolledKey{MsgID: msgid,
			Key: source.Key{Conversation: conv, ID: id, SentAt: time.Unix(monday+at+int64(i), 0).UTC()}})
	}
	b.enrol()
}

// imported imports messages of a conversation into a chat of a contact.
func (b *bench) imported(conv source.ConversationID, client string, contact int64, closed bool, at int64, ids ...string) {
	b.t.Helper()
	ctx := b.t.Context()
	b.plan(conv, client, closed, at, ids...)
	known, err := b.ledger.Conversation(ctx, conv)
	b.must(err)
	b.must(b.ledger.SetContact(ctx, known.Person, contact, ledger.Created))
	if known.ChatID == "" {
		chat := b.foreign("imp1-"+string(conv), contact)
		b.must(b.ledger.SetChat(ctx, conv, chat))
		b.must(b.ledger.SetLink(ctx, conv, 1, contact))
	}
	for i, id := range ids {
		sent := ledger.Settled{ID: id, Outcome: outcome.Sent, Attempts: 1, Parts: 1, PartsSent: 1, SentMsec: (monday + at + int64(i)) * 1000}
		msgid := fmt.Sprintf("imp1-%s-%s", conv, id)
		sent.AmojoIDs = []string{b.write("imp1-"+string(conv), msgid, sent.SentMsec)}
		b.must(b.ledger.Commit(ctx, ledger.Change{Conversation: conv, LastMsgID: msgid, Settled: []ledger.Settled{sent}}))
	}
}

// foreign opens a chat that the ledger does not know of, and links it.
func (b *bench) foreign(conversationID string, contact int64) string {
	b.t.Helper()
	chat, err := b.chats.CreateChat(b.t.Context(), amojo.Chat{ConversationID: conversationID, User: party(conversationID)})
	b.must(err)
	_, err = b.crm.LinkChats(b.t.Context(), []amocrm.ChatLink{{ContactID: contact, ChatID: string(chat.ID)}})
	b.must(err)
	return string(chat.ID)
}

func party(conversationID string) amojo.Party {
	return amojo.Party{ID: "client-" + conversationID, Name: "Client"}
}

// write lets a client's message into a chat.
func (b *bench) write(conversationID, msgid string, msec int64) string {
	b.t.Helper()
	receipt, err := b.chats.SendMessage(b.t.Context(), amojo.Message{MsgID: msgid, ConversationID: conversationID, Silent: true, Timestamp: msec / 1000,
		MsecTimestamp: msec, Sender: party(conversationID), Content: amojo.Content{Type: amojo.TypeText, Text: "words"}})
	b.must(err)
	return receipt.AmojoID
}

// talkOf is the newest talk of a conversation's chat.
func (b *bench) talkOf(conv source.ConversationID) int {
	b.t.Helper()
	chat, ok := b.world.Chat("imp1-" + string(conv))
	if !ok || len(chat.TalkIDs) == 0 {
		b.t.Fatalf("conversation %s has no talk", conv)
	}
	return chat.TalkIDs[len(chat.TalkIDs)-1]
}

// open are the talks that are open in the world.
func (b *bench) openTalks() []int {
	var out []int
	for _, t := range b.world.Snapshot().Talks {
		if t.Open {
			out = append(out, t.ID)
		}
	}
	return out
}

// about makes a fault for the calls of a path.
func about(method, path string, e sandbox.Effect) sandbox.Fault {
	return sandbox.Fault{API: sandbox.APIv4, Method: method, Path: regexp.MustCompile(path), Effect: e}
}

// since are the requests to API v4 from the nth on, without their queries.
func (b *bench) since(n int) []string {
	var out []string
	for _, r := range b.world.Requests()[n:] {
		if strings.HasPrefix(r.Path, "/api/v4/") {
			out = append(out, r.Method+" "+strings.TrimPrefix(r.Path, "/api/v4/"))
		}
	}
	return out
}

// value is what a query on the ledger gives.
func (b *bench) value(sql string) string {
	b.t.Helper()
	c, err := pgx.Connect(b.t.Context(), b.dsn)
	b.must(err)
	defer c.Close(context.Background())
	var v *string
	b.must(c.QueryRow(b.t.Context(), "select ("+sql+")::text").Scan(&v))
	if v == nil {
		return ""
	}
	return *v
}

func ledgerID(n int) source.ConversationID { return source.ConversationID(fmt.Sprint(n)) }
