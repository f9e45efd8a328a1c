package importer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
	gocmp "github.com/google/go-cmp/cmp"
)

// refuse makes the server refuse the messages with that text in them.
func refuse(text string) sandbox.Fault {
	return sandbox.Fault{Name: text, API: sandbox.Amojo, Method: "POST", Contains: text, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 400}}
}

// outcomes is what became of a conversation, a letter a message, in order.
func (r *rig) outcomes(id source.ConversationID) string {
	r.t.Helper()
	var all strings.Builder
	r.query(`select left(outcome, 2) from amoimport.message where conversation = $1 order by sent_at, seq, length(id), id`, []any{string(id)},
		func(scan func(...any) error) error {
			var s string
			err := scan(&s)
			all.WriteString(s + " ")
			return err
		})
	return strings.TrimSpace(all.String())
}

// decide does what a person does with parked messages, while no run holds the ledger
// or while one does.
func (r *rig) decide(do func(*ledger.Ledger) error) {
	r.t.Helper()
	l, err := ledger.Connect(r.t.Context(), ledger.Options{DSN: r.ledger})
	if err != nil {
		r.t.Fatal(err)
	}
	defer l.Close()
	if err := do(l); err != nil {
		r.t.Fatal(err)
	}
}

// retry plans parked messages again and says how many.
func (r *rig) retry(s ledger.Selection) (n int64) {
	r.t.Helper()
	r.decide(func(l *ledger.Ledger) error {
		did, err := l.Retry(r.t.Context(), s)
		n = did.Planned
		return err
	})
	return n
}

// held is what a run with Hold leaves waiting.
func held(conversations, messages int64) ledger.Held {
	return ledger.Held{Conversations: conversations, Messages: messages}
}

// TestHold: a conversation waits at its first parked message, whatever parks it, and
// goes on in order once somebody has decided. The others go on.
func TestHold(t *testing.T) {
	t.Parallel()
	const waits = "se se se pa pl pl pl pl"
	for _, c := range []struct {
		name    string
		fault   string // text of the requests that are refused
		code    int
		sql     string
		want    string // what became of c1 in the first run
		decided func(*rig)
		after   string
	}{
		{name: "refused", fault: `"imp1-c1-m4"`, want: waits,
			decided: func(r *rig) { r.retry(ledger.Selection{}) }, after: "se se se se se se se se"},
		{name: "always a server error", fault: `"imp1-c1-m4"`, code: 500, want: waits,
			decided: func(r *rig) { r.retry(ledger.Selection{}) }, after: "se se se se se se se se"},
		{name: "a row that cannot be sent, mended", sql: `update messages set kind = 'nonsense' where conversation_id = 'c1' and id = 'm4'`, want: waits,
			decided: func(r *rig) { r.legacyExec(`update messages set kind = 'text' where kind = 'nonsense'`) }, after: "se se se se se se se se"},
		{name: "refused, skipped by hand", fault: `"imp1-c1-m4"`, want: waits,
			decided: func(r *rig) {
				r.decide(func(l *ledger.Ledger) error { _, err := l.SkipParked(r.t.Context(), ledger.Selection{}); return err })
			}, after: "se se se sk se se se se"},
		{name: "two in a row", fault: `"imp1-c1-m4"`, sql: `update messages set kind = 'nonsense' where conversation_id = 'c1' and id = 'm5'`, want: waits,
			decided: func(r *rig) { r.retry(ledger.Selection{}) }, after: "se se se se pa pl pl pl"},
		{name: "the first", fault: `"imp1-c1-m1"`, want: "pa pl pl pl pl pl pl pl",
			decided: func(r *rig) { r.retry(ledger.Selection{}) }, after: "se se se se se se se se"},
		{name: "the last", fault: `"imp1-c1-m8"`, want: "se se se se se se se pa",
			decided: func(r *rig) { r.retry(ledger.Selection{}) }, after: "se se se se se se se se"},
		{name: "a part", fault: `"imp1-c1-m4_p2"`, sql: `update messages set text = repeat('word ', 2000) where conversation_id = 'c1' and id = 'm4'`, want: waits,
			decided: func(r *rig) { r.retry(ledger.Selection{}) }, after: "se se se se se se se se"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 8, 6), sandbox.Options{})
			r.options.Hold, r.options.SettleTime = true, 50*time.Millisecond
			if c.sql != "" {
				r.legacyExec(c.sql)
			}
			if c.fault != "" {
				f := refuse(c.fault)
				if c.code != 0 {
					f.Effect.Code = c.code
				}
				fault := r.world.AddFault(f)
				decided := c.decided
				c.decided = func(r *rig) { fault.Remove(); decided(r) }
			}
			waiting := int64(strings.Count(c.want, "pl"))
			for range 2 { // the second run finds nothing to do, and ends too
				if err := r.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := r.outcomes("c1"); got != c.want {
					t.Fatalf("c1 is %s, want %s", got, c.want)
				}
				if got := r.snapshot().Held; got.Messages != waiting {
					t.Errorf("%+v, want %d messages", got, waiting)
				}
				if f := r.progress.Figures(); f.Planned-f.Held != f.Sent+f.Skipped+f.Parked {
					t.Errorf("at the end of a run %d of %d planned are decided, %d are held", f.Sent+f.Skipped+f.Parked, f.Planned, f.Held)
				}
			}
			if got := r.outcomes("c2"); got != "se se se se se se" {
				t.Errorf("c2 is %s", got)
			}
			c.decided(r)
			if err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := r.outcomes("c1"); got != c.after {
				t.Errorf("in the end c1 is %s, want %s", got, c.after)
			}
			arrivedInOrder(t, r, "imp1-c1")
		})
	}
}

// arrivedInOrder holds that a chat's messages came in the order of their times.
func arrivedInOrder(t *testing.T, r *rig, conversation string) {
	t.Helper()
	chat, _ := r.world.Chat(conversation)
	seen := map[string]bool{}
	for i, m := range chat.Messages {
		if i > 0 && m.TimeMsec <= chat.Messages[i-1].TimeMsec {
			t.Errorf("%s arrived after %s, but has an earlier time", m.MsgID, chat.Messages[i-1].MsgID)
		}
		if seen[m.MsgID] {
			t.Errorf("%s is there twice", m.MsgID)
		}
		seen[m.MsgID] = true
	}
}

// TestHoldLateRows: what comes before the parked message still goes, what comes after
// it waits, and neither keeps the run from ending.
func TestHoldLateRows(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 5, 3), sandbox.Options{})
	r.options.Hold = true
	fault := r.world.AddFault(refuse(`"imp1-c1-m3"`))
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, after := range map[string]int{"early": 1, "late": 4} {
		r.legacyExec(fmt.Sprintf(`insert into messages (conversation_id, id, sent_at, direction, text)
			select 'c1', '%s', sent_at + interval '0.5 s', 'in', 'late' from messages where conversation_id = 'c1' and id = 'm%d'`, id, after))
	}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.outcomes("c1"); got != "se se se pa pl pl pl" {
		t.Errorf("c1 is %s", got)
	}
	if got := r.snapshot().Held; got != held(1, 3) {
		t.Errorf("%+v", got)
	}
	// A row without a time has no place in the order: nothing waits at it.
	r.legacyExec(`insert into messages (conversation_id, id, direction, text) values ('c1', 'timeless', 'in', 'when?')`)
	fault.Remove()
	r.retry(ledger.Selection{})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.outcomes("c1"); got != "se se se se se se se pa" {
		t.Errorf("in the end c1 is %s", got)
	}
	r.complete()
}

// TestHoldAtDoubt: a request that an earlier run left in doubt cannot be settled, or is.
// What comes after a parked message is counted as held, whichever it is.
func TestHoldAtDoubt(t *testing.T) {
	t.Parallel()
	const late = `insert into messages (conversation_id, id, sent_at, direction, text)
		select 'c1', 'late', sent_at - interval '0.5 s', 'in', 'late' from messages where id = 'm5'`
	for _, c := range []struct {
		name, sql string
		found     bool // it is in its chat, and shows
		want      string
	}{
		{name: "not settled", want: "se se se se pa pl pl pl"},
		{name: "not settled, a late row before it", sql: late, want: "se se se se se pa pl pl pl"},
		{name: "not settled, its row now skipped", sql: `update messages set skip_reason = 'private' where id = 'm5'`, want: "se se se se pa pl pl pl"},
		{name: "settled", found: true, want: "se se se se se se pa pl"},
		{name: "settled, a late row before it", sql: late, found: true, want: "se se se se se se se pa pl"},
		{name: "settled, its row now skipped", sql: `update messages set skip_reason = 'private' where id = 'm5'`, found: true, want: "se se se se se se pa pl"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 8), sandbox.Options{Faults: []sandbox.Fault{lose(`"imp1-c1-m5"`, sandbox.CutAfterApply), refuse(`"imp1-c1-m7"`)}})
			r.options.Hold, r.options.SettleTime = true, 50*time.Millisecond
			r.crashAt(`"imp1-c1-m5"`)
			r.crash()
			if c.sql != "" {
				r.legacyExec(c.sql)
			}
			if !c.found {
				r.wrap = func(inner importer.Target) importer.Target {
					return &hiding{Target: inner, msgid: "imp1-c1-m5", hidden: func() (importer.Sighting, bool) { return importer.Sighting{}, true }}
				}
			}
			if err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := r.outcomes("c1"); got != c.want {
				t.Errorf("c1 is %s, want %s", got, c.want)
			}
			waiting := int64(strings.Count(c.want, "pl"))
			if f := r.progress.Figures(); f.Held != waiting || f.Planned-f.Held != f.Sent+f.Skipped+f.Parked {
				t.Errorf("%d of %d planned are held, want %d; %d sent, %d skipped, %d parked", f.Held, f.Planned, waiting, f.Sent, f.Skipped, f.Parked)
			}
		})
	}
}

// TestHoldIsNotLast: the message before a parked one is not the newest of its chat, so
// it does not use up the one notification.
func TestHoldIsNotLast(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 6), sandbox.Options{})
	r.options.Hold, r.options.Announce = true, importer.AnnounceLast
	r.legacyExec(`update messages set kind = 'nonsense' where id = 'm3'`)
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.legacyExec(`update messages set kind = 'text' where id = 'm3'`)
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var loud []string
	chat, _ := r.world.Chat("imp1-c1")
	for _, m := range chat.Messages {
		if !m.Silent {
			loud = append(loud, m.MsgID)
		}
	}
	if diff := gocmp.Diff([]string{"imp1-c1-m6"}, loud); diff != "" {
		t.Error(diff)
	}
}
