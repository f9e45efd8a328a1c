package ledger_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// lanes is a bench with n conversations of one message each.
func lanes(t *testing.T, n int) *bench {
	b := newBench(t)
	for i := range n {
		id := fmt.Sprint(i)
		b.convs = append(b.convs, conv(id))
		b.keys = append(b.keys, key(id, "1", i))
	}
	b.enrol()
	return b
}

// together commits one change a lane at the same time: the first is held up until
// the others wait for the next group. It returns the errors by lane.
func (b *bench) together(changes []ledger.Change) []error {
	b.t.Helper()
	holder, err := b.conn.Begin(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := holder.Exec(b.t.Context(), "select from amoimport.lease for update"); err != nil {
		b.t.Fatal(err)
	}
	errs := make([]error, len(changes))
	var all sync.WaitGroup
	begin := func(i int) {
		all.Go(func() { errs[i] = b.Commit(b.t.Context(), changes[i]) })
	}
	begin(0)
	for len(b.texts("select wait_event_type from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()")) == 0 {
		runtime.Gosched()
	}
	for i := 1; i < len(changes); i++ {
		begin(i)
	}
	for ledger.Gathered(b.Ledger) < len(changes)-1 {
		runtime.Gosched()
	}
	if err := holder.Rollback(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	all.Wait()
	return errs
}

// TestGroupCommit commits from many lanes at once: everything is durable, in two
// transactions.
func TestGroupCommit(t *testing.T) {
	const n = 300
	b := lanes(t, n)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var changes []ledger.Change
	for i, k := range b.keys {
		change := ledger.Change{Conversation: k.Conversation, Settled: []ledger.Settled{settled(k)}, LastMsgID: k.MsgID}
		if i%2 == 0 {
			change.Intent = &ledger.Intent{Message: "2", MsgID: fmt.Sprint("next-", i), Part: 1, Parts: 1, SentMsec: 5, BodyHash: "body"}
		}
		changes = append(changes, change)
	}
	for i, err := range b.together(changes) {
		if err != nil {
			t.Fatalf("lane %d: %v", i, err)
		}
	}
	if got := len(b.texts("select distinct xmin::text from amoimport.message where outcome = 'sent'")); got != 2 {
		t.Errorf("%d transactions", got)
	}
	if got := b.texts(`select count(*) || ' ' || count(distinct intent_msgid) || ' ' || count(distinct last_msgid)
		from amoimport.conversation c join amoimport.message m on m.conversation = c.id where m.outcome = 'sent'`); got[0] != "300 150 300" {
		t.Errorf("recorded %v", got)
	}
}

// TestManyCommits commits from lanes that go on and on, as a run does.
func TestManyCommits(t *testing.T) {
	const n, rounds = 20, 20
	b := newBench(t)
	for i := range n {
		b.convs = append(b.convs, conv(fmt.Sprint(i)))
		for r := range rounds {
			b.keys = append(b.keys, key(fmt.Sprint(i), fmt.Sprint(r), r))
		}
	}
	b.enrol()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for r := range rounds {
				k := b.keys[i*rounds+r]
				err := b.Commit(t.Context(), ledger.Change{Conversation: k.Conversation, Settled: []ledger.Settled{settled(k)}, LastMsgID: k.MsgID})
				if err != nil {
					t.Errorf("lane %d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
	s, err := b.Snapshot(t.Context())
	if err != nil || s.Messages.Sent != n*rounds {
		t.Errorf("%+v, %v", s.Messages, err)
	}
	if got := len(b.texts("select distinct xmin::text from amoimport.message")); got >= n*rounds {
		t.Errorf("%d transactions for %d changes: none was shared", got, n*rounds)
	}
}

// TestRefusedValue has values that Postgres refuses among good ones.
func TestRefusedValue(t *testing.T) {
	const n = 20
	b := lanes(t, n)
	var changes []ledger.Change
	for i, k := range b.keys {
		s := settled(k)
		switch i {
		case 5:
			s.Outcome = "nonsense" // a check constraint
		case 7:
			s.BodyHash = "a\x00b" // no text for Postgres
		case 9:
			s.AmojoIDs = []string{"a\x00b"}                                          // made fit
			s.Detail = "NUL \x00, broken \xff and long " + strings.Repeat("ж", 1000) // made fit
		}
		changes = append(changes, ledger.Change{Conversation: k.Conversation, Settled: []ledger.Settled{s}, LastMsgID: k.MsgID})
	}
	for i, err := range b.together(changes) {
		var refused *ledger.RefusedError
		if guilty := i == 5 || i == 7; errors.As(err, &refused) != guilty || !guilty && err != nil {
			t.Errorf("lane %d: %v", i, err)
		}
	}
	s, err := b.Snapshot(t.Context())
	if err != nil || s.Messages.Sent != n-2 || s.Messages.Planned != 2 {
		t.Errorf("%+v, %v", s.Messages, err)
	}
	if got := b.texts("select detail from amoimport.message where detail is not null"); len(got) != 1 || len([]rune(got[0])) != 301 ||
		!strings.HasPrefix(got[0], "NUL , broken \uFFFD and long ж") {
		t.Errorf("detail %q", got)
	}
	if got := b.texts("select id from amoimport.conversation where last_msgid is null order by 1"); !cmp.Equal(got, []string{"5", "7"}) {
		t.Errorf("nothing is recorded of %v", got)
	}
}

// TestCommitTwice records a change again, as after a commit whose answer was lost.
func TestCommitTwice(t *testing.T) {
	b := lanes(t, 1)
	hash := ledger.Hash{1, 2, 3, 0xff}
	half := ledger.Settled{ID: "1", Outcome: outcome.Planned, Notes: []outcome.Code{outcome.Split}, Attempts: 2, Kind: source.KindFile,
		Parts: 3, PartsSent: 1, PartEnds: []int{4000}, AmojoIDs: []string{"a1"}, SentMsec: 1_596_470_400_123, SentHash: &hash, BodyHash: "bh"}
	change := ledger.Change{Conversation: "0", Settled: []ledger.Settled{half}, LastMsgID: "0-1", Announced: "0-1_p2",
		Intent: &ledger.Intent{Message: "1", MsgID: "0-1_p2", Part: 2, Parts: 3, End: 8000, SentMsec: 1_596_470_400_124, RowHash: hash, BodyHash: "bh",
			Notes: []outcome.Code{outcome.Split, outcome.TextCleaned}}}
	var before ledger.Conversation
	for round := range 2 {
		b.commit(change)
		got, err := b.Conversation(t.Context(), "0")
		if err != nil {
			t.Fatal(err)
		}
		want := *change.Intent
		if diff := cmp.Diff(&want, got.Doubt); diff != "" {
			t.Errorf("intent (-want +got):\n%s", diff)
		}
		if got.Announced != "0-1_p2" || got.LastMsgID != "0-1" || got.Planned != 1 {
			t.Errorf("conversation %+v", got)
		}
		if round > 0 {
			if diff := cmp.Diff(before, got); diff != "" {
				t.Errorf("the second time (-first +second):\n%s", diff)
			}
		}
		before = got
		found, err := b.Messages(t.Context(), "0", "1", "no such")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]ledger.Message{"1": {ID: "1", MsgID: "0-1", Outcome: outcome.Planned, Attempts: 2, Parts: 3, PartsSent: 1,
			PartEnds: []int{4000}, AmojoIDs: []string{"a1"}, SentMsec: 1_596_470_400_123}}, found); diff != "" {
			t.Errorf("message (-want +got):\n%s", diff)
		}
		page, err := b.Page(t.Context(), "0", ledger.After{}, 10, false)
		if err != nil || len(page) != 1 {
			t.Fatalf("page %v, %v", page, err)
		}
		p := page[0]
		if p.SentHash == nil || *p.SentHash != hash || p.BodyHash != "bh" || p.Attempts != 2 || p.PartsSent != 1 || p.Parts != 3 || p.SentMsec != half.SentMsec {
			t.Errorf("planned %+v", p)
		}
	}

	// The end of the lane: the intent is cleared, what was announced stays.
	b.commit(ledger.Change{Conversation: "0", Announced: "0-1_p2", Settled: []ledger.Settled{{ID: "1", Outcome: outcome.Parked, Reason: outcome.InDoubt, Attempts: 3,
		Parts: 3, PartsSent: 1, PartEnds: []int{4000}, AmojoIDs: []string{"a1"}, SentMsec: half.SentMsec, SentHash: &hash, BodyHash: "bh"}}})
	got, err := b.Conversation(t.Context(), "0")
	if err != nil || got.Doubt != nil || got.Announced != "0-1_p2" || got.LastMsgID != "0-1" || got.Planned != 0 {
		t.Errorf("conversation %+v, %v", got, err)
	}
	if got := b.states()["0/1"]; got != "parked in_doubt" {
		t.Errorf("message is %q", got)
	}
}

// TestCommitStatementError meets a fault of the ledger itself: it is told at once.
func TestCommitStatementError(t *testing.T) {
	b := lanes(t, 1)
	exec(t, b.conn, "alter table amoimport.message drop column body_hash")
	err := b.Commit(t.Context(), ledger.Change{Conversation: "0", Settled: []ledger.Settled{settled(b.keys[0])}})
	var refused *ledger.RefusedError
	if err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), "42703") {
		t.Errorf("error %v", err)
	}
	if _, err := b.Page(t.Context(), "0", ledger.After{}, 1, false); err == nil || !strings.Contains(err.Error(), "42703") {
		t.Errorf("reading: %v", err)
	}
}
