package ledger_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// monday is when the messages of the tests begin.
func monday() time.Time { return time.Date(2020, 8, 3, 16, 0, 0, 0, time.UTC) }

// setup is what the ledgers of the tests belong to.
func setup() ledger.Setup {
	return ledger.Setup{SourceName: "legacy", Account: "example.amocrm.ru", ScopeID: "channel_account", Message: "{conversation_id}-{id}",
		Chat: "{id}", Client: "c{id}", Author: "a{id}", Manager: "m{id}", SplitOver: 4000}
}

// emptyLedger returns the DSN of a database with a fresh ledger.
func emptyLedger(t testing.TB) string {
	t.Helper()
	return pgtest.Template(t, "ledger", func(ctx context.Context, dsn string) error {
		l, err := ledger.Open(ctx, ledger.Options{DSN: dsn})
		if err == nil {
			l.Close()
		}
		return err
	})
}

// connect opens a ledger for the time of a test.
func connect(t testing.TB, dsn string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Connect(t.Context(), ledger.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// acquire takes a ledger for the time of a test.
func acquire(t testing.TB, l *ledger.Ledger, self ledger.Holder) *ledger.Lease {
	t.Helper()
	lease, err := l.Acquire(t.Context(), self, ledger.MinLeaseTime, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lease.Release(context.Background()) })
	return lease
}

// bench is a ledger that is held, and the legacy rows it is fed with.
type bench struct {
	*ledger.Ledger
	t     testing.TB
	conn  *pgx.Conn // a way around the ledger
	convs []ledger.EnrolledConversation
	keys  []ledger.EnrolledKey
}

// newBench is a bench without rows.
func newBench(t testing.TB) *bench {
	t.Helper()
	dsn := emptyLedger(t)
	l := connect(t, dsn)
	acquire(t, l, ledger.Self("test"))
	if err := l.Settle(t.Context(), setup()); err != nil {
		t.Fatal(err)
	}
	return &bench{Ledger: l, t: t, conn: around(t, dsn)}
}

// around is a connection for what the ledger's own functions do not do.
func around(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// exec runs a statement around the ledger.
func exec(t testing.TB, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// texts reads a column of text around the ledger.
func (b *bench) texts(sql string, args ...any) []string {
	b.t.Helper()
	rows, _ := b.conn.Query(b.t.Context(), sql, args...)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

// conv is a legacy conversation, of a client of its own.
func conv(id string) ledger.EnrolledConversation {
	return ledger.EnrolledConversation{ID: source.ConversationID(id), ConversationID: "c-" + id, ClientID: "client-" + id}
}

// key is a legacy message, sec seconds after monday.
func key(conversation, id string, sec int) ledger.EnrolledKey {
	return ledger.EnrolledKey{MsgID: conversation + "-" + id, Key: source.Key{Conversation: source.ConversationID(conversation), ID: id,
		SentAt: monday().Add(time.Duration(sec) * time.Second), Hash: source.Hash{1}}}
}

// all streams rows.
func all[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// breaks streams rows and then fails.
func breaks[T any](rows []T, err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		all(rows)(yield)
		var none T
		yield(none, err)
	}
}

// pass is a complete pass over the rows.
func (b *bench) pass() ledger.Pass {
	return ledger.Pass{Conversations: all(b.convs), Keys: all(b.keys), SQLDigest: "queries", SharedMax: 5, MaxChanged: 0.5}
}

// enrol enrols all rows.
func (b *bench) enrol() ledger.Merged {
	b.t.Helper()
	m, err := b.Enrol(b.t.Context(), b.pass())
	if err != nil {
		b.t.Fatal(err)
	}
	return m
}

// sent records that messages of a conversation were sent in one part, with the
// hash of their row as it is now.
func (b *bench) sent(conversation string, ids ...string) {
	b.t.Helper()
	change := ledger.Change{Conversation: source.ConversationID(conversation)}
	for _, k := range b.keys {
		for _, id := range ids {
			if string(k.Conversation) == conversation && k.ID == id {
				change.Settled = append(change.Settled, settled(k))
				change.LastMsgID = k.MsgID
			}
		}
	}
	b.commit(change)
}

// settled is a message sent in one part at its own time.
func settled(k ledger.EnrolledKey) ledger.Settled {
	hash := ledger.Hash(k.Hash)
	return ledger.Settled{ID: k.ID, Outcome: outcome.Sent, Attempts: 1, Kind: source.KindText, Parts: 1, PartsSent: 1, PartEnds: []int{5},
		AmojoIDs: []string{"amojo-" + k.ID}, SentMsec: k.SentAt.UnixMilli(), SentHash: &hash, BodyHash: "body"}
}

// commit records a change.
func (b *bench) commit(c ledger.Change) {
	b.t.Helper()
	if err := b.Commit(b.t.Context(), c); err != nil {
		b.t.Fatal(err)
	}
}

// states tells of every message: its outcome, its reason, and the marks it bears.
func (b *bench) states() map[string]string {
	b.t.Helper()
	got := map[string]string{}
	for _, s := range b.texts(`select concat_ws(' ', conversation || '/' || id, outcome, reason, detail,
		case when edited then 'edited' end, case when vanished then 'vanished' end) from amoimport.message`) {
		name, state, _ := strings.Cut(s, " ")
		got[name] = state
	}
	b.adds(len(got))
	return got
}

// adds checks that every message is counted under one outcome.
func (b *bench) adds(want int) {
	b.t.Helper()
	s, err := b.Snapshot(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	m := s.Messages
	if int64(want) != m.Total || m.Planned+m.Sent+m.Skipped+m.Parked != m.Total {
		b.t.Errorf("%d messages are counted as %+v", want, m)
	}
}

// versions is a print of all rows of the tables that a pass may write, with the
// transactions that wrote them.
func (b *bench) versions() []string {
	b.t.Helper()
	var got []string
	for _, table := range []string{"person", "client", "conversation", "message"} {
		got = append(got, b.texts(fmt.Sprintf("select '%s ' || xmin || ' ' || t::text from amoimport.%[1]s t order by 1", table))...)
	}
	return got
}
