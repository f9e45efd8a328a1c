package importer_test

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
)

// crashAt makes the run lose its ledger, as a process that is killed would, when
// the request with that text in its body ends: nothing after it is recorded.
func (r *rig) crashAt(body string) {
	var once sync.Once
	r.base = func(base http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			hit := req.Method == http.MethodPost && strings.Contains(bodyOf(req), body)
			resp, err := base.RoundTrip(req)
			if hit {
				once.Do(func() {
					r.query(`update amoimport.lease set epoch = epoch + 1, held = false`, nil, nil)
				})
			}
			return resp, err
		})
	}
}

// crash runs until the crash.
func (r *rig) crash() {
	r.t.Helper()
	if err := r.run(r.t.Context()); !errors.Is(err, ledger.ErrLeaseLost) {
		r.t.Fatalf("the run that crashes ended with %v", err)
	}
	r.base = nil
	if s := r.snapshot(); s.InDoubt == 0 {
		r.t.Fatal("the crash left no doubt")
	}
}

// resume runs again to the end and expects that many doubts to settle.
func (r *rig) resume(doubts int64) {
	r.t.Helper()
	if err := r.run(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	if f := r.progress.Figures(); f.Resumed != doubts {
		r.t.Errorf("resumed with %d doubts, want %d", f.Resumed, doubts)
	}
	r.complete()
}

// lose makes the request with that text in its body end without an answer.
func lose(body string, kind sandbox.EffectKind) sandbox.Fault {
	return sandbox.Fault{Name: "lose", API: sandbox.Amojo, Method: "POST", Contains: body, Times: 1, Effect: sandbox.Effect{Kind: kind}}
}

// TestCrashInDoubt kills a run while m5 is in doubt, changes the legacy database
// in every way that could mislead the next run, and resumes.
func TestCrashInDoubt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		effect sandbox.EffectKind
		sql    string
		sent   int64
		check  func(t *testing.T, r *rig, m5 kept)
	}{
		{name: "applied", effect: sandbox.CutAfterApply, sent: 10},
		{name: "not applied", effect: sandbox.DropBeforeApply, sent: 10},
		{name: "applied, row deleted", effect: sandbox.CutAfterApply, sent: 10,
			sql: `delete from messages where id = 'm5'`},
		{name: "not applied, row deleted", effect: sandbox.DropBeforeApply, sent: 9,
			sql: `delete from messages where id = 'm5'`,
			check: func(t *testing.T, r *rig, m5 kept) {
				if m5.reason != string(outcome.DeletedInLegacy) {
					t.Errorf("m5 is %+v", m5)
				}
			}},
		{name: "applied, row reworded", effect: sandbox.CutAfterApply, sent: 10,
			sql: `update messages set text = 'other' where id = 'm5'`,
			check: func(t *testing.T, r *rig, _ kept) {
				if chat, _ := r.world.Chat("imp1-c1"); chat.Messages[4].Text == "other" {
					t.Error("the new words were sent over the old")
				}
			}},
		{name: "not applied, row reworded", effect: sandbox.DropBeforeApply, sent: 10,
			sql: `update messages set text = 'other' where id = 'm5'`},
		{name: "applied, late row before it", effect: sandbox.CutAfterApply, sent: 11,
			sql: `insert into messages (conversation_id, id, sent_at, direction, text) select 'c1', 'late', sent_at - interval '0.5 s', 'in', 'late' from messages where id = 'm5'`},
		{name: "not applied, late row before it", effect: sandbox.DropBeforeApply, sent: 11,
			sql: `insert into messages (conversation_id, id, sent_at, direction, text) select 'c1', 'late', sent_at - interval '0.5 s', 'in', 'late' from messages where id = 'm5'`},
		{name: "applied, row now skipped", effect: sandbox.CutAfterApply, sent: 10,
			sql: `update messages set skip_reason = 'private' where id = 'm5'`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 10), sandbox.Options{Faults: []sandbox.Fault{lose(`"imp1-c1-m5"`, c.effect)}})
			r.crashAt(`"imp1-c1-m5"`)
			r.crash()
			if c.sql != "" {
				r.legacyExec(c.sql)
			}
			r.resume(1)
			if s := r.snapshot().Messages; s.Sent != c.sent {
				t.Errorf("%+v, want %d sent", s, c.sent)
			}
			if c.check != nil {
				c.check(t, r, r.messages("c1")["m5"])
			}
		})
	}
}

// TestCrashInSplit kills a run after the second part of a long message.
func TestCrashInSplit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, sql, outcome, reason string
		parts                      int
	}{
		{"unchanged", "", "sent", "", 4},
		{"reworded", `update messages set text = 'x' || text where id = 'm2'`, "parked", string(outcome.ChangedMidway), 2},
		{"deleted", `delete from messages where id = 'm2'`, "parked", string(outcome.ChangedMidway), 2},
		{"manager mapped to nobody", "", "parked", string(outcome.ChangedMidway), 2}, // his name now stands before the text
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 4), sandbox.Options{Faults: []sandbox.Fault{lose(`"imp1-c1-m2_p2"`, sandbox.CutAfterApply)}})
			r.legacyExec(`update messages set text = repeat('word ', 3000) where id = 'm2'`)
			r.crashAt(`"imp1-c1-m2_p2"`)
			r.crash()
			if c.sql != "" {
				r.legacyExec(c.sql)
			}
			if strings.HasPrefix(c.name, "manager") {
				r.options.Compose.Managers = map[string]compose.Manager{"m1": {Name: "Anna"}}
			}
			r.resume(1)
			if got := r.messages("c1")["m2"]; got.outcome != c.outcome || got.reason != c.reason || got.parts != c.parts {
				t.Errorf("m2 is %+v", got)
			}
			if got := r.messages("c1")["m4"]; got.outcome != "sent" {
				t.Errorf("m4 is %+v", got)
			}
		})
	}
}

// TestOutage: while an API is away, everything waits and nothing is parked.
func TestOutage(t *testing.T) {
	t.Parallel()
	for _, api := range []sandbox.API{sandbox.Amojo, sandbox.APIv4} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 20, 20, 20), sandbox.Options{Faults: []sandbox.Fault{sandbox.Outage(api, 0, 1500*time.Millisecond)}})
			if err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.complete()
			if s := r.snapshot().Messages; s.Sent != 60 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestLateRows: rows that arrive after a run are sent by the next, also with old
// times and to whole new conversations; edits and deletions are told, not sent.
func TestLateRows(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 100, 5), sandbox.Options{})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.legacyExec(
		`insert into messages (conversation_id, id, sent_at, direction, text) select 'c1', 'old', sent_at + interval '0.5 s', 'in', 'old' from messages where conversation_id = 'c1' and id = 'm7'`,
		`insert into messages (conversation_id, id, sent_at, direction, text) values ('c1', 'new', '2022-01-01+00', 'in', 'new')`,
		`insert into conversations (id, client_id, client_name) values ('c9', 'p9', 'Nine')`,
		`insert into messages (conversation_id, id, sent_at, direction, text) values ('c9', 'first', '2022-01-01+00', 'in', 'new')`,
		`update messages set text = 'changed' where conversation_id = 'c1' and id = 'm9'`,
		`delete from messages where conversation_id = 'c2' and id = 'm5'`,
	)
	r.resume(0)
	s := r.snapshot()
	if s.Messages.Sent != 108 || s.Edited != 1 || s.Vanished != 1 {
		t.Errorf("%+v, edited %d, vanished %d", s.Messages, s.Edited, s.Vanished)
	}
	chat, _ := r.world.Chat("imp1-c1")
	if chat.Messages[8].Text == "changed" {
		t.Error("the edit was sent")
	}
}

// TestMended: a row that was skipped or parked is tried again when it has changed,
// as when the mapping was mended.
func TestMended(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 6), sandbox.Options{})
	r.legacyExec(`update messages set text = ' ' where id = 'm2'`, `update messages set kind = 'picture' where id = 'm4'`)
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := r.snapshot().Messages; s.Sent != 4 || s.Skipped != 1 || s.Parked != 1 {
		t.Fatalf("%+v", s)
	}
	r.resume(0) // nothing changed: nothing is tried
	if s := r.snapshot().Messages; s.Sent != 4 {
		t.Fatalf("%+v", s)
	}
	r.legacyExec(`update messages set text = 'words' where id = 'm2'`, `update messages set kind = 'text' where id = 'm4'`)
	r.resume(0)
	if s := r.snapshot().Messages; s.Sent != 6 {
		t.Errorf("%+v", s)
	}
}

// TestAnnounceLast: one message of each chat is not silent, once for ever.
func TestAnnounceLast(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 5, 1), sandbox.Options{})
	r.options.Announce = "last"
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.legacyExec(`insert into messages (conversation_id, id, sent_at, direction, text) values ('c1', 'new', '2022-01-01+00', 'in', 'new')`)
	r.resume(0)
	var loud []string
	for _, chat := range r.world.Snapshot().Chats {
		for _, m := range chat.Messages {
			if !m.Silent {
				loud = append(loud, m.MsgID)
			}
		}
	}
	slices.Sort(loud)
	if got := strings.Join(loud, " "); got != "imp1-c1-m5 imp1-c2-m1" {
		t.Errorf("not silent: %s", got)
	}
}

// TestOneWriter: a second run is refused and told who holds the ledger.
func TestOneWriter(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 200), sandbox.Options{Latency: sandbox.Lag{Min: 5 * time.Millisecond, Max: 5 * time.Millisecond}})
	var once sync.Once
	refused := make(chan error, 1)
	r.base = func(base http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			once.Do(func() {
				l, err := ledger.Open(t.Context(), ledger.Options{DSN: r.ledger})
				if err != nil {
					t.Error(err)
					return
				}
				go func() {
					defer l.Close()
					_, err := l.Acquire(t.Context(), ledger.Self("second"), ledger.MinLeaseTime, nil)
					refused <- err
				}()
			})
			return base.RoundTrip(req)
		})
	}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var held *ledger.HeldError
	if err := <-refused; !errors.As(err, &held) || held.Holder.Command != "test" || held.Holder.PID == 0 {
		t.Errorf("the second run got %v", err)
	}
}

var (
	contactsPath = regexp.MustCompile(`/contacts$`)
	linksPath    = regexp.MustCompile(`/contacts/chats$`)
)

// TestContactsInDoubt: a batch of contacts whose answer is lost is looked for, not
// repeated, also when the search does not show it yet, and also by the next run.
func TestContactsInDoubt(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.EffectKind{sandbox.CutAfterApply, sandbox.DropBeforeApply, sandbox.StatusAfterApply} {
		for _, crash := range []bool{false, true} {
			name := string(kind)
			if crash {
				name += ", then a crash"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, legacy(t, 3, 2, 2), sandbox.Options{ContactSearchLag: time.Hour, Faults: []sandbox.Fault{
					{API: sandbox.APIv4, Method: "POST", Path: contactsPath, Times: 1, Effect: sandbox.Effect{Kind: kind, Code: 504}}}})
				// Of whom only the ledger can tell that a contact was made.
				r.legacyExec(`update conversations set client_phone = null where id = 'c1'`)
				if crash {
					r.crashAt(`"custom_fields_values"`)
					if err := r.run(t.Context()); !errors.Is(err, ledger.ErrLeaseLost) {
						t.Fatal(err)
					}
					r.base = nil
				}
				if err := r.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				r.complete()
				if n := len(r.world.Snapshot().Contacts); n != 3 {
					t.Errorf("%d contacts for 3 people", n)
				}
			})
		}
	}
}
