package importer_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/google/go-cmp/cmp"
)

// question tells what a request asks for, "" for one that none of these tests is
// about.
func (r *rig) question(req *http.Request) string {
	path, query := req.URL.Path, req.URL.Query()
	switch {
	case req.Method != http.MethodGet:
	case strings.HasSuffix(path, "/history"):
		if chat, there := r.world.Chat("imp1-c1"); there && strings.Contains(path, chat.ID) {
			return "history of c1"
		}
	case strings.HasSuffix(path, "/contacts/chats"):
		if chat, there := r.world.Chat("imp1-c1"); there && query.Get("chat_id") == chat.ID {
			return "link of c1"
		}
	case strings.Contains(path, "/contacts/"):
		return "contact"
	case strings.HasSuffix(query.Get("query"), "0001"):
		return "search for c1"
	}
	return ""
}

// searching is a target that searches for each contact, however many there are.
type searching struct{ importer.Target }

func (searching) Expect(context.Context, int64) error { return nil }

// search lets the runs search for contacts.
func (r *rig) search() { r.wrap = func(t importer.Target) importer.Target { return searching{t} } }

// ends runs to the end, which must come within hours.
func (r *rig) ends() {
	r.t.Helper()
	err, late := r.runFor(2 * time.Hour)
	if late {
		r.t.Fatal("hours later it still runs")
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// TestHistoryNeverAnswered: one chat's history always gets a 500 while one of its
// messages is in doubt. The message is parked, the others arrive, the run ends; and
// when the history can be read, nothing turns out to be there twice.
func TestHistoryNeverAnswered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind    sandbox.EffectKind
		resumed bool // the doubt is an earlier run's
	}{
		"in this run":       {sandbox.CutAfterApply, false},
		"in an earlier run": {sandbox.DropBeforeApply, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, legacy(t, 5, 20), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, Faults: []sandbox.Fault{lose(`"imp1-c1-m3"`, c.kind)}}, func(t *testing.T, r *rig) {
				if c.resumed {
					r.crashAt(`"imp1-c1-m3"`)
					r.crash()
				}
				r.on(func(req *http.Request) *http.Response {
					if r.question(req) == "history of c1" {
						return answer(req, http.StatusInternalServerError, `{}`)
					}
					return nil
				})
				r.ends()
				if s := r.snapshot(); s.Messages.Sent != 24 || s.Messages.Planned != 0 || s.InDoubt != 0 {
					t.Errorf("%+v, %d in doubt", s.Messages, s.InDoubt)
				}
				if diff := cmp.Diff(map[string]int64{"in_doubt": 1}, r.reasons()); diff != "" {
					t.Error(diff)
				}
				r.base = nil
				r.retry(ledger.Selection{})
				r.mustRun()
				if s, c := r.snapshot().Messages, r.world.Counters(); s.Sent != 25 || c.Messages != 25 || c.Repeats != 0 {
					t.Errorf("%+v, %d messages arrived, %d of them again", s, c.Messages, c.Repeats)
				}
			})
		})
	}
}

// TestQuestionNeverAnswered: one question about one person always gets a 500. That
// is this person's reason at most: the run ends, and all others' messages arrive.
// What cannot be seen is not made anew, and not moved.
func TestQuestionNeverAnswered(t *testing.T) {
	t.Parallel()
	for stubborn, c := range map[string]struct {
		parked int64
		then   map[string]int64 // reasons when it is answered again
	}{
		"contact":       {0, map[string]int64{}}, // linking to it works
		"search for c1": {3, map[string]int64{}},
		"link of c1":    {3, map[string]int64{"linked_elsewhere": 3}},
	} {
		t.Run(stubborn, func(t *testing.T) {
			t.Parallel()
			bubble(t, legacy(t, 3, 2), sandbox.Options{}, func(t *testing.T, r *rig) {
				r.search()
				all, people := int64(65), 62
				if stubborn == "contact" {
					r.addConversation("c8", "px", "") // by nothing could it be found again
					r.mustRun()
					r.addConversation("c9", "px", "")
					all, people = all+2, people+1
				}
				r.legacyExec(`insert into conversations (id, client_id, client_name) select 'n' || g, 'pn' || g, 'New ' || g from generate_series(1, 60) g`,
					`insert into messages (conversation_id, id, sent_at, direction, text) select 'n' || g, 'm1', '2022-01-01+00', 'in', 'new' from generate_series(1, 60) g`)
				var once sync.Once
				r.on(func(req *http.Request) *http.Response {
					if r.question(req) != stubborn {
						return nil
					}
					if stubborn == "link of c1" {
						once.Do(func() {
							chat, _ := r.world.Chat("imp1-c1")
							contacts := r.world.Snapshot().Contacts
							r.world.LinkByHand(chat.ID, contacts[len(contacts)-1].ID)
						})
					}
					return answer(req, http.StatusInternalServerError, `{}`)
				})
				r.ends()
				r.complete()
				want := map[string]int64{}
				if c.parked > 0 {
					want["server_error"] = c.parked
				}
				if diff := cmp.Diff(want, r.reasons()); diff != "" {
					t.Error(diff)
				}
				if s := r.snapshot().Messages; s.Sent != all-c.parked {
					t.Errorf("%+v", s)
				}
				r.base = nil
				r.retry(ledger.Selection{})
				r.mustRun()
				if diff := cmp.Diff(c.then, r.reasons()); diff != "" {
					t.Error(diff)
				}
				if n := len(r.living()); n != people {
					t.Errorf("%d contacts for %d people", n, people)
				}
				if moves := r.world.Snapshot().Moves; len(moves) > 0 {
					t.Errorf("links were moved: %+v", moves)
				}
			})
		})
	}
}

// TestQuestionsOut: from one question on, for an hour, the API has a 500 for all, or
// for all questions while messages go on being taken. That is no question's fault:
// the run waits, and nothing is parked.
func TestQuestionsOut(t *testing.T) {
	t.Parallel()
	for from, c := range map[string]struct {
		method string
		api    sandbox.API
	}{
		"contact":       {"", sandbox.APIv4},
		"search for c1": {"", sandbox.APIv4},
		"link of c1":    {"", sandbox.APIv4},
		"history of c1": {http.MethodGet, sandbox.Amojo},
	} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			sizes, faults := []int{5, 4}, []sandbox.Fault{lose(`"imp1-c1-m3"`, sandbox.CutAfterApply)}
			if c.method != "" { // others are still sent when it is over
				sizes = []int{5, 900}
				faults = append(faults, sandbox.Fault{API: sandbox.Amojo, Contains: `"new_message"`, Effect: sandbox.Effect{Kind: sandbox.Slow, Delay: 5 * time.Second}})
			}
			bubble(t, legacy(t, sizes...), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, Faults: faults}, func(t *testing.T, r *rig) {
				r.search()
				if from == "contact" {
					r.mustRun()
					r.addConversation("c9", "pc1", "+79120000001")
				}
				var once sync.Once
				var out time.Time
				r.on(func(req *http.Request) *http.Response {
					if r.question(req) == from {
						once.Do(func() {
							out = time.Now()
							r.world.AddFault(sandbox.Fault{Name: "out", API: c.api, Method: c.method, To: time.Hour, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 500}})
						})
					}
					return nil
				})
				r.mustRun()
				if took := time.Since(out); out.IsZero() || took < time.Hour || took > 3*time.Hour {
					t.Errorf("it ended %s after the API went away", took)
				}
				if s := r.snapshot().Messages; s.Parked != 0 || s.Sent != s.Total {
					t.Errorf("%+v %v", s, r.reasons())
				}
				if n := r.world.Counters().Faults["out"]; n < 100 {
					t.Errorf("only %d questions failed", n)
				}
			})
		})
	}
}
