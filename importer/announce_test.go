package importer_test

import (
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/google/go-cmp/cmp"
)

// TestAnnouncedInDoubt: the message that was to be heard is parked in doubt. Somebody
// may have heard it, so no later one is announced.
func TestAnnouncedInDoubt(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, Faults: []sandbox.Fault{lose(`"imp1-c1-m3"`, sandbox.CutAfterApply)}})
	r.options.Announce, r.options.SettleTime = importer.AnnounceLast, 50*time.Millisecond
	r.wrap = func(inner importer.Target) importer.Target {
		return &hiding{Target: inner, msgid: "imp1-c1-m3", hidden: func() (importer.Sighting, bool) { return importer.Sighting{}, true }}
	}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.messages("c1")["m3"]; got.reason != string(outcome.InDoubt) {
		t.Fatalf("m3 is %+v", got)
	}
	r.legacyExec(`insert into messages (conversation_id, id, sent_at, direction, text)
		select 'c1', 'm4', sent_at + interval '1 s', 'in', 'new' from messages where conversation_id = 'c1' and id = 'm3'`)
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
	if diff := cmp.Diff([]string{"imp1-c1-m3"}, loud); diff != "" {
		t.Error(diff)
	}
}
