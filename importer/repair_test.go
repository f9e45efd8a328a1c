package importer_test

import (
	"context"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/amoimport/amoimport/sandbox"
)

// verify reads everything back, as a process of its own would.
func (r *rig) verify(o verify.Options) verify.Result {
	r.t.Helper()
	var result verify.Result
	r.decide(func(l *ledger.Ledger) error {
		lease, err := l.Acquire(r.t.Context(), r.self, ledger.MinLeaseTime, nil)
		if err != nil {
			return err
		}
		defer lease.Release(context.WithoutCancel(r.t.Context()))
		o.Ledger, o.Chats, o.Template = l, r.gated(nil).Chats, r.options.Compose.IDs.Message
		o.Patience = r.options.SettleTime
		result, err = verify.Run(r.t.Context(), o)
		return err
	})
	return result
}

// TestRepaired loses parts of messages, has them planned again, and runs: each part is
// in its chat once in the end, in its place, whatever was lost. What cannot be made
// whole is parked.
func TestRepaired(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lose    []string
		change  string // done to the legacy row of m2 meanwhile
		sent    int    // parts that the repair sends
		parked  string // the reason of m2, which is left as it is then
		skipped string
	}{
		"the only part":            {lose: []string{"m1"}, sent: 1},
		"the last message":         {lose: []string{"m3"}, sent: 1},
		"first part":               {lose: []string{"m2"}, sent: 1},
		"second part":              {lose: []string{"m2_p2"}, sent: 1},
		"last part":                {lose: []string{"m2_p3"}, sent: 1},
		"first and last":           {lose: []string{"m2", "m2_p3"}, sent: 2},
		"all parts":                {lose: []string{"m2", "m2_p2", "m2_p3"}, sent: 3},
		"everything":               {lose: []string{"m1", "m2", "m2_p2", "m2_p3", "m3"}, sent: 5},
		"first part, another text": {lose: []string{"m2"}, change: `update messages set text = 'short' where conversation_id = 'c1' and id = 'm2'`, parked: "changed_midway"},
		"second part, another text": {lose: []string{"m2_p2"}, change: `update messages set text = 'short' where conversation_id = 'c1' and id = 'm2'`,
			parked: "changed_midway"},
		"first part, the row is gone": {lose: []string{"m2"}, change: `delete from messages where conversation_id = 'c1' and id = 'm2'`, parked: "changed_midway"},
		"all parts, another text": {lose: []string{"m2", "m2_p2", "m2_p3"}, sent: 1,
			change: `update messages set text = 'short' where conversation_id = 'c1' and id = 'm2'`},
		"all parts, the row is gone": {lose: []string{"m2", "m2_p2", "m2_p3"}, change: `delete from messages where conversation_id = 'c1' and id = 'm2'`,
			skipped: "deleted_in_legacy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 3, 1), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice})
			r.legacyExec(`update messages set text = repeat('abcdefghi ', 1200) where conversation_id = 'c1' and id = 'm2'`)
			r.options.MaxChanged = 1
			if err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := r.verify(verify.Options{}); !got.Clean() || got.Messages != 6 {
				t.Fatalf("got %+v", got)
			}
			for _, id := range c.lose {
				if !r.world.LoseMessage("imp1-c1-" + id) {
					t.Fatalf("no message %s", id)
				}
			}
			before := r.world.Counters().Messages
			if got := r.verify(verify.Options{Repair: true}); got.Missing != int64(len(c.lose)) || got.Repair.Planned == 0 {
				t.Fatalf("got %+v, %+v", got, got.Repair)
			}
			if c.change != "" {
				r.legacyExec(c.change)
			}
			if err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if sent := r.world.Counters().Messages - before; sent != c.sent {
				t.Errorf("%d parts were sent, not %d", sent, c.sent)
			}
			m2 := r.messages("c1")["m2"]
			if c.parked != "" && (m2.outcome != "parked" || m2.reason != c.parked) ||
				c.skipped != "" && (m2.outcome != "skipped" || m2.reason != c.skipped) || c.parked+c.skipped == "" && m2.outcome != "sent" {
				t.Errorf("m2 is %+v", m2)
			}
			got := r.verify(verify.Options{})
			if got.Missing != 0 || got.Doubled != 0 || got.OutOfOrder != 0 || got.Altered != 0 {
				t.Errorf("got %+v", got)
			}
			if c.parked == "" {
				r.complete()
			}
		})
	}
}

// TestRepairedMarks: what is sent anew after it was lost is a new message in its chat, and is marked
// as read like any other. The parts that were there all the time may be marked again.
func TestRepairedMarks(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 6), sandbox.Options{})
	r.legacyExec(`update messages set text = repeat('abcdefghi ', 1200) where id in ('m1', 'm2')`)
	r.options.MarkRead = true
	r.mustRun()
	read, unread := r.marks()
	if read < 3 || unread != 0 {
		t.Fatalf("%d marked, %d not", read, unread)
	}
	lost := 0
	for _, id := range []string{"m1_p2", "m2_p2", "m3", "m4"} {
		if r.world.LoseMessage("imp1-c1-" + id) {
			lost++
		}
	}
	if got := r.verify(verify.Options{Repair: true}); got.Missing != int64(lost) || lost != 4 {
		t.Fatalf("%d lost, got %+v", lost, got)
	}
	r.mustRun()
	r.marked(read, 0, 0)
}

// TestRepairedDoubt: a run died while the answer for a part was outstanding, and the part before it
// is lost. The one that is there does not make the lost one sent.
func TestRepairedDoubt(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 2), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice}, func(t *testing.T, r *rig) {
		r.legacyExec(`update messages set text = repeat('abcdefghi ', 1200) where id = 'm2'`)
		r.crashAt("m2_p2")
		r.crash()
		if !r.world.LoseMessage("imp1-c1-m2") {
			t.Fatal("it is not there")
		}
		if got := r.verify(verify.Options{Repair: true}); got.Missing != 1 || got.Repair.Planned != 1 {
			t.Fatalf("%+v, %+v", got, got.Repair)
		}
		r.mustRun()
		if got := r.verify(verify.Options{}); !got.Clean() || got.Messages != 4 {
			t.Errorf("%+v", got)
		}
	})
}
