package importer_test

import (
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
)

// TestTriedAndGone: a message was parked in doubt, its row is not to be sent any more,
// and a person has it looked for, or the row itself says so: where it arrived it counts as sent, and where it did
// not, the row decides.
func TestTriedAndGone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, sql, absent string
		retried           bool
	}{
		{"deleted", `delete from messages where id = 'm2'`, string(outcome.DeletedInLegacy), true},
		{"left out", `update messages set skip_reason = 'spam' where id = 'm2'`, string(outcome.SkippedByQuery), true},
		{"left out, as nobody asked", `update messages set skip_reason = 'spam' where id = 'm2'`, string(outcome.SkippedByQuery), false},
		{"of another kind", `update messages set kind = 'hologram' where id = 'm2'`, string(outcome.UnknownKind), true},
	} {
		for _, arrived := range []bool{true, false} {
			name := c.name + map[bool]string{true: ", arrived", false: ", lost"}[arrived]
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, legacy(t, 4), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice})
				r.options.SettleTime = 50 * time.Millisecond
				effect := sandbox.CutAfterApply
				if !arrived {
					effect = sandbox.DropBeforeApply
				}
				r.world.AddFault(lose(`"imp1-c1-m2"`, effect))
				r.wrap = func(inner importer.Target) importer.Target {
					return &hiding{Target: inner, msgid: "imp1-c1-m2", hidden: func() (importer.Sighting, bool) { return importer.Sighting{}, true }}
				}
				if err := r.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if m := r.messages("c1")["m2"]; m.reason != string(outcome.InDoubt) {
					t.Fatalf("m2 is %+v", m)
				}
				r.wrap = nil
				if c.retried {
					r.retry(ledger.Selection{})
				}
				r.legacyExec(c.sql)
				r.mustRun()
				m := r.messages("c1")["m2"]
				if arrived && (m.outcome != string(outcome.Sent) || m.parts != 1) || !arrived && m.reason != c.absent {
					t.Errorf("m2 is %+v", m)
				}
				want := 3
				if arrived {
					want = 4
				}
				if chat, _ := r.world.Chat("imp1-c1"); len(chat.Messages) != want {
					t.Errorf("%d messages in the chat, want %d", len(chat.Messages), want)
				}
			})
		}
	}
}
