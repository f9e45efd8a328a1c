package importer_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
)

// outOfOrder counts how often a history was read that showed a message while one
// that arrived before it was still hidden.
func (r *rig) outOfOrder() *atomic.Int64 {
	var n atomic.Int64
	r.base = func(base http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/history") {
				for _, chat := range r.world.Snapshot().Chats {
					hidden := false
					for _, m := range chat.Messages { // a first pass: the order of time is that of arrival
						if strings.Contains(req.URL.Path, chat.ID) && m.Visible && hidden {
							n.Add(1)
							break
						}
						hidden = hidden || !m.Visible
					}
				}
			}
			return base.RoundTrip(req)
		})
	}
	return &n
}

// TestShownLateAndOutOfOrder: the server applies what it did not answer up to half a
// minute later, and shows it up to 80 seconds after that, in any order; both together
// stay within the settle time. Nothing is taken for lost that is not.
func TestShownLateAndOutOfOrder(t *testing.T) {
	t.Parallel()
	for seed, order := range []sandbox.HistoryOrder{sandbox.NewestFirst, sandbox.OldestFirst, sandbox.NewestArrivalFirst, sandbox.OldestArrivalFirst} {
		t.Run(string(order), func(t *testing.T) {
			t.Parallel()
			bubble(t, legacy(t, 60, 20, 15, 10), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, Seed: uint64(seed), HistoryOrder: order,
				VisibilityLag: sandbox.Lag{Min: 0, Max: 80 * time.Second}, ApplyDelay: 30 * time.Second, Faults: []sandbox.Fault{
					{Name: "cut", API: sandbox.Amojo, Contains: `"new_message"`, Every: 4, Effect: sandbox.Effect{Kind: sandbox.CutAfterApply}},
					{Name: "drop", API: sandbox.Amojo, Contains: `"new_message"`, Every: 5, Effect: sandbox.Effect{Kind: sandbox.DropBeforeApply}},
					{Name: "502", API: sandbox.Amojo, Contains: `"new_message"`, Every: 7, Effect: sandbox.Effect{Kind: sandbox.StatusAfterApply, Code: 502}},
				}}, func(t *testing.T, r *rig) {
				mixed := r.outOfOrder()
				r.mustRun()
				c := r.world.Counters()
				if s := r.snapshot().Messages; s.Sent != 105 || c.Messages != 105 || c.Repeats != 0 {
					t.Errorf("%+v, %d messages arrived, %d of them again", s, c.Messages, c.Repeats)
				}
				if mixed.Load() < 10 || c.AppliedLate < 10 || c.Faults["drop"] < 10 {
					t.Errorf("the test does not test: %d out of order, %d applied late, %v", mixed.Load(), c.AppliedLate, c.Faults)
				}
			})
		})
	}
}

// TestHistoryFallsBehind: for ten minutes, five settle times, histories show nothing
// new. A message is not taken for lost while the one before it is not to be seen.
func TestHistoryFallsBehind(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 6), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, Faults: []sandbox.Fault{
		lose(`"imp1-c1-m3"`, sandbox.CutAfterApply), lose(`"imp1-c1-m5"`, sandbox.DropBeforeApply)}}, func(t *testing.T, r *rig) {
		begun, looks := time.Now(), 0
		r.on(func(req *http.Request) *http.Response {
			if strings.HasSuffix(req.URL.Path, "/history") && time.Since(begun) < 10*time.Minute {
				looks++
				return answer(req, http.StatusNoContent, "")
			}
			return nil
		})
		r.mustRun()
		if c := r.world.Counters(); c.Messages != 6 || c.Repeats != 0 || looks == 0 {
			t.Errorf("%d messages arrived, %d of them again, after %d looks", c.Messages, c.Repeats, looks)
		}
		// How long it took to show is not forgotten: the next doubt waits twice as long.
		if took := time.Since(begun); took < 30*time.Minute {
			t.Errorf("the second doubt was settled after %s", took)
		}
	})
}

// TestSettlingStarvesNobody: lanes that settle give their slots to others, also when
// there are as many doubts as slots, and take one again for what is left.
func TestSettlingStarvesNobody(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 60, 50, 40, 30, 20), sandbox.Options{Faults: []sandbox.Fault{
		lose(`"imp1-c1-m2"`, sandbox.DropBeforeApply), lose(`"imp1-c2-m2"`, sandbox.DropBeforeApply), lose(`"imp1-c3-m2"`, sandbox.DropBeforeApply)}},
		func(t *testing.T, r *rig) {
			r.options.Lanes = 2
			begun := time.Now()
			var mu sync.Mutex
			last := map[string]time.Duration{} // by chat
			r.on(func(req *http.Request) *http.Response {
				if isMessage(req) {
					mu.Lock()
					defer mu.Unlock()
					for c := range 5 {
						if name := fmt.Sprintf("imp1-c%d", c+1); strings.Contains(bodyOf(req), `"conversation_id":"`+name+`"`) {
							last[name] = time.Since(begun)
						}
					}
				}
				return nil
			})
			r.mustRun()
			for _, c := range []string{"imp1-c4", "imp1-c5"} {
				if last[c] == 0 || last[c] > 60*time.Second {
					t.Errorf("%s was done after %s: it waited for doubts of others", c, last[c])
				}
			}
			for _, c := range []string{"imp1-c1", "imp1-c2", "imp1-c3"} {
				if last[c] < 120*time.Second || last[c] > 3*time.Minute {
					t.Errorf("%s was done after %s", c, last[c])
				}
			}
		})
}

// TestManyDoubtsStarveNobody: sixty lanes settle at once and read their chats again
// and again. That takes half of the pace, and not all of it.
func TestManyDoubtsStarveNobody(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, append(small(60), 150)...), sandbox.Options{Faults: []sandbox.Fault{
		{API: sandbox.Amojo, Contains: `-m1"`, Times: 60, Effect: sandbox.Effect{Kind: sandbox.DropBeforeApply}}}}, func(t *testing.T, r *rig) {
		r.legacyExec(`delete from messages where conversation_id = 'c61' and id = 'm1'`)
		var first, last time.Time // of the other conversation
		r.on(func(req *http.Request) *http.Response {
			if body := bodyOf(req); isMessage(req) && strings.Contains(body, `"imp1-c61-`) {
				if last = time.Now(); first.IsZero() {
					first = last
				}
			}
			return nil
		})
		r.mustRun()
		if f := r.progress.Figures(); f.Doubts < 60 {
			t.Errorf("%d doubts: the test does not test", f.Doubts)
		}
		// 149 messages at half of 5 a second take a minute.
		if took := last.Sub(first); took > 70*time.Second {
			t.Errorf("the conversation without a doubt took %s", took)
		}
	})
}

// TestPredecessorNeverShows: the message before a doubt was accepted and never shows.
// The doubt is parked after ten settle times and its conversation goes on; the others
// never noticed.
func TestPredecessorNeverShows(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 8, 30), sandbox.Options{Faults: []sandbox.Fault{lose(`"imp1-c1-m3"`, sandbox.DropBeforeApply)}}, func(t *testing.T, r *rig) {
		begun := time.Now()
		var others time.Duration
		r.on(func(req *http.Request) *http.Response {
			switch body := bodyOf(req); {
			case isMessage(req) && strings.Contains(body, `"imp1-c1-m3"`):
				r.world.LoseMessage("imp1-c1-m2")
			case isMessage(req) && strings.Contains(body, `"imp1-c2-m30"`):
				others = time.Since(begun)
			}
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
		defer cancel()
		if err := r.run(ctx); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < 20*time.Minute || took > 22*time.Minute {
			t.Errorf("it took %s, not ten settle times", took)
		}
		if others == 0 || others > time.Minute {
			t.Errorf("the other conversation was done after %s", others)
		}
		for id, m := range r.messages("c1") {
			if want := map[bool]string{true: "parked", false: "sent"}[id == "m3"]; m.outcome != want {
				t.Errorf("%s is %+v", id, m)
			}
		}
		if got := r.reasons(); len(got) != 1 || got[string(outcome.InDoubt)] != 1 {
			t.Errorf("%v", got)
		}
	})
}
