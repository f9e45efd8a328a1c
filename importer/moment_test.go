package importer_test

import (
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/google/go-cmp/cmp"
)

// TestMomentIsKept: messages of one moment take a millisecond each. One that was
// tried keeps its own, whatever became of it: it may be there, or be sent later.
func TestMomentIsKept(t *testing.T) {
	t.Parallel()
	want := []string{"imp1-c1-m1", "imp1-c1-m2", "imp1-c1-m3", "imp1-c1-m4"}
	for _, stopped := range []bool{false, true} { // before m3 and m4 were there
		for _, refused := range []bool{false, true} {
			name := map[bool]string{true: "refused", false: "in doubt"}[refused] + map[bool]string{true: ", the rest later"}[stopped]
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, legacy(t, 4), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice})
				r.options.SettleTime = 50 * time.Millisecond
				r.legacyExec(`update messages set sent_at = '2021-03-01+00'`)
				if stopped {
					r.legacyExec(`create table later as select * from messages where id in ('m3', 'm4')`, `delete from messages where id in ('m3', 'm4')`)
				}
				if refused {
					f := refuse(`"imp1-c1-m2"`)
					f.Times = 1
					r.world.AddFault(f)
				} else {
					r.world.AddFault(lose(`"imp1-c1-m2"`, sandbox.CutAfterApply))
					r.wrap = func(inner importer.Target) importer.Target {
						return &hiding{Target: inner, msgid: "imp1-c1-m2", hidden: func() (importer.Sighting, bool) { return importer.Sighting{}, true }}
					}
				}
				if err := r.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if m := r.messages("c1")["m2"]; m.outcome != string(outcome.Parked) {
					t.Fatalf("m2 is %+v", m)
				}
				if stopped {
					r.legacyExec(`insert into messages select * from later`)
					if err := r.run(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				r.wrap = nil
				r.retry(ledger.Selection{})
				if err := r.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				chat, _ := r.world.Chat("imp1-c1")
				var got []string
				last := int64(0)
				for _, m := range chat.Messages {
					got = append(got, m.MsgID)
					if m.TimeMsec <= last {
						t.Errorf("%s is at %d, the one before it at %d", m.MsgID, m.TimeMsec, last)
					}
					last = m.TimeMsec
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				r.complete()
			})
		}
	}
}
