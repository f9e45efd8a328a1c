package importer_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
)

// within waits until something holds.
func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick, limit := time.NewTicker(5*time.Millisecond), time.After(60*time.Second)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("still not: " + what)
		}
	}
}

// TestRetryKeepsTime: a message planned again arrives later than those after it, but
// with the time of its row, between its neighbours.
func TestRetryKeepsTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 5), sandbox.Options{})
	fault := r.world.AddFault(refuse(`"imp1-c1-m2"`))
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	fault.Remove()
	if n := r.retry(ledger.Selection{Reason: outcome.Rejected}); n != 1 {
		t.Fatalf("%d planned again", n)
	}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.complete()
	chat, _ := r.world.Chat("imp1-c1")
	want := time.Date(2021, 3, 1, 10, 0, 2, 0, time.UTC).UnixMilli()
	found := false
	for _, m := range chat.Messages {
		if m.MsgID == "imp1-c1-m2" {
			found = true
			if m.TimeMsec != want {
				t.Errorf("its time is %d, its row's is %d", m.TimeMsec, want)
			}
		}
	}
	if !found {
		t.Error("it did not arrive")
	}
}

// TestRetryDuringCommit: a person plans a message again, or skips it, from the moment
// that the server has refused it, while the run is still recording that. The run
// takes it along, once.
func TestRetryDuringCommit(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		name := "retry"
		if skip {
			name = "skip"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 30, 20), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice})
			// What parks a message takes its time.
			r.exec(`create function amoimport.linger() returns trigger language plpgsql as $$ begin perform pg_sleep(3); return new; end $$`,
				`create trigger linger before update on amoimport.message for each row when (new.outcome = 'parked') execute function amoimport.linger()`)
			fault := r.world.AddFault(refuse(`"imp1-c1-m4"`))
			var once sync.Once
			refused, decided := make(chan struct{}), make(chan struct{})
			r.base = func(base http.RoundTripper) http.RoundTripper {
				return roundTrip(func(req *http.Request) (*http.Response, error) {
					body := bodyOf(req)
					if strings.Contains(body, `"imp1-c1-m9"`) {
						<-decided // the run is under way until then
					}
					resp, err := base.RoundTrip(req)
					if fault.Hits() == 1 && strings.Contains(body, `"imp1-c1-m4"`) {
						once.Do(func() { fault.Remove(); close(refused) })
					}
					return resp, err
				})
			}
			done := make(chan error, 1)
			go func() { done <- r.run(t.Context()) }()
			<-refused
			tries := 0
			within(t, "decided", func() bool {
				tries++
				n := int64(0)
				r.decide(func(l *ledger.Ledger) error {
					if skip {
						did, err := l.SkipParked(t.Context(), ledger.Selection{})
						n = did.Messages
						return err
					}
					did, err := l.Retry(t.Context(), ledger.Selection{})
					n = did.Planned
					return err
				})
				return n == 1
			})
			close(decided)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if tries < 2 {
				t.Error("the first try found the message parked already: the test does not test")
			}
			r.complete()
			want := kept{outcome: "sent"}
			if skip {
				want = kept{outcome: "skipped", reason: string(outcome.SkippedByHand)}
			}
			if got := r.messages("c1")["m4"]; got.outcome != want.outcome || got.reason != want.reason {
				t.Errorf("m4 is %+v", got)
			}
		})
	}
}

// TestRetryAllTheTime: somebody plans everything that is parked again, over and over,
// while a run goes that has many answers lost and many messages refused, some of
// which are in their chats all the same.
func TestRetryAllTheTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 40, 30, 20, 10), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, Faults: []sandbox.Fault{
		{API: sandbox.Amojo, Method: "POST", Contains: `"new_message"`, Every: 5, Times: 20, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 400}},
		{API: sandbox.Amojo, Method: "POST", Contains: `"new_message"`, Every: 9, Times: 10, Effect: sandbox.Effect{Kind: sandbox.StatusAfterApply, Code: 400}},
		{API: sandbox.Amojo, Method: "POST", Contains: `"new_message"`, Every: 7, Times: 10, Effect: sandbox.Effect{Kind: sandbox.CutAfterApply}}}})
	r.options.SettleTime, r.options.MaxRejected = 50*time.Millisecond, 1
	r.exec() // makes the ledger
	done := make(chan error, 1)
	go func() { done <- r.run(t.Context()) }()
	retried, running := int64(0), true
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for running {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		case <-tick.C:
			retried += r.retry(ledger.Selection{})
		}
	}
	if retried == 0 {
		t.Error("nothing was planned again during the run: the test does not test")
	}
	for again := true; again; again = r.retry(ledger.Selection{}) > 0 {
		if err := r.run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.complete()
	if s := r.snapshot().Messages; s.Sent != 100 {
		t.Errorf("%+v", s)
	}
}

// hiding hides a message from the looks at its chat as long as it is told to.
type hiding struct {
	importer.Target
	msgid  string
	hidden func() (seen importer.Sighting, hide bool)
}

func (h *hiding) Delivered(ctx context.Context, q importer.Doubt) (importer.Sighting, error) {
	if q.MsgID == h.msgid {
		if seen, hide := h.hidden(); hide {
			return seen, nil
		}
	}
	return h.Target.Delivered(ctx, q)
}

var _ importer.Target = (*hiding)(nil)

// TestRetryOfDoubt: a message is parked in doubt, and stays so while its row cannot be
// sent any more. When it is planned again, one look that does not show it is not enough.
func TestRetryOfDoubt(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 5), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, Faults: []sandbox.Fault{lose(`"imp1-c1-m3"`, sandbox.CutAfterApply)}})
	r.options.SettleTime = 50 * time.Millisecond
	var looks atomic.Int64
	hidden := func() (importer.Sighting, bool) { return importer.Sighting{}, true } // nor is its predecessor seen
	r.wrap = func(inner importer.Target) importer.Target {
		return &hiding{Target: inner, msgid: "imp1-c1-m3", hidden: hidden}
	}
	is := func(reason outcome.Code) {
		t.Helper()
		if err := r.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := r.messages("c1")["m3"]; got.reason != string(reason) {
			t.Fatalf("m3 is %+v, want %s", got, reason)
		}
	}
	is(outcome.InDoubt)
	r.legacyExec(`update messages set kind = 'nonsense' where id = 'm3'`)
	is(outcome.InDoubt)
	r.legacyExec(`update messages set kind = 'text' where id = 'm3'`)
	r.options.SettleTime = 20 * time.Second // the second look finds it long before
	hidden = func() (importer.Sighting, bool) { return importer.Sighting{Predecessor: true}, looks.Add(1) == 1 }
	is("")
	r.complete()
	if n := looks.Load(); n < 2 {
		t.Errorf("it looked %d times", n)
	}
}

// TestRefusedTogether: when the run stops because too much is refused, what the other
// lanes were refused at that moment is recorded as well.
func TestRefusedTogether(t *testing.T) {
	t.Parallel()
	sizes := make([]int, 24)
	for i := range sizes {
		sizes[i] = 25
	}
	r := newRig(t, legacy(t, sizes...), sandbox.Options{Latency: sandbox.Lag{Min: 5 * time.Millisecond, Max: 10 * time.Millisecond}})
	fault := r.world.AddFault(refuse(`"new_message"`))
	err := r.run(t.Context())
	var mapping *importer.MappingError
	if !errors.As(err, &mapping) {
		t.Fatalf("the run ended with %v", err)
	}
	if mapping.Rejected != mapping.Tried || mapping.Tried < 200 {
		t.Errorf("%+v", mapping)
	}
	if hint := mapping.Hint(); !strings.Contains(hint, "amoimport parked list") || !strings.Contains(hint, "amoimport parked retry --reason rejected") {
		t.Errorf("the hint is %q", hint)
	}
	s := r.snapshot()
	if got, want := s.Messages.Parked, int64(fault.Hits()); got != want || s.InDoubt != 0 {
		t.Errorf("%d messages were refused, %d are recorded; %d in doubt", want, got, s.InDoubt)
	}
	fault.Remove()
	if n := r.retry(ledger.Selection{Reason: outcome.Rejected}); n != s.Messages.Parked {
		t.Errorf("%d planned again of %d", n, s.Messages.Parked)
	}
	// The refusals of the run before do not count in this one.
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.complete()
	if s := r.snapshot().Messages; s.Sent != 600 {
		t.Errorf("%+v", s)
	}
}

// TestRetryConversation: what was parked for its contact is tried from the contact on.
func TestRetryConversation(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3, 3), sandbox.Options{})
	fault := r.world.AddFault(sandbox.Fault{API: sandbox.APIv4, Method: "POST", Path: contactsPath, Contains: "Client of c2",
		Effect: sandbox.Effect{Kind: sandbox.Status, Code: 400}})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.messages("c2")["m1"]; got.reason != string(outcome.ContactRejected) {
		t.Fatalf("m1 is %+v", got)
	}
	fault.Remove()
	if n := r.retry(ledger.Selection{Conversation: "c2"}); n != 3 {
		t.Errorf("%d planned again", n)
	}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.complete()
	if s := r.snapshot().Messages; s.Sent != 6 {
		t.Errorf("%+v", s)
	}
}

// TestRetryLate: messages that are planned again get their looks also where the run
// is old already when their turn comes.
func TestRetryLate(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 6), sandbox.Options{VisibilityLag: sandbox.Lag{Min: 2 * time.Second, Max: 2 * time.Second}}, func(t *testing.T, r *rig) {
		r.options.SettleTime, r.options.Lanes = 5*time.Second, 1
		f2 := r.world.AddFault(sandbox.Fault{API: sandbox.Amojo, Method: "POST", Contains: `"imp1-c1-m2"`, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 500}})
		f4 := r.world.AddFault(sandbox.Fault{API: sandbox.Amojo, Method: "POST", Contains: `"imp1-c1-m4"`, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 500}})
		if err := r.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		f2.Remove()
		f4.Remove()
		if n := r.retry(ledger.Selection{}); n != 2 {
			t.Fatalf("%d messages were planned again", n)
		}
		r.legacyExec(`insert into conversations (id, client_id, client_name, client_phone) values ('c2', 'pc2', 'C2', '+79120000002')`,
			`insert into messages (conversation_id, id, sent_at, direction, kind, text) select 'c2', 'm'||g, '2022-01-01+00'::timestamptz + g * interval '1 second', 'in', 'text', 'x' from generate_series(1,400) g`)
		if err := r.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m4 := r.messages("c1")["m4"]; m4.outcome != "sent" {
			t.Errorf("m4 is %+v", m4)
		}
	})
}
