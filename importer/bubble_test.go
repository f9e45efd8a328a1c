package importer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/sandbox"
	"github.com/google/go-cmp/cmp"
)

// bubble gives a test a rig under virtual time, with the settings of a real run:
// what is waited for costs nothing, and a slow machine changes nothing.
func bubble(t *testing.T, legacy string, o sandbox.Options, test func(t *testing.T, r *rig)) {
	t.Helper()
	dsn := newLedger(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))) // virtual, and so at once
		r := rigOver(t, legacy, dsn, o)
		r.rate, r.timeout, r.options.SettleTime = 5, 20*time.Second, 120*time.Second
		test(t, r)
	})
}

// mustRun runs to the end and holds the invariant.
func (r *rig) mustRun() {
	r.t.Helper()
	if err := r.run(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.complete()
	r.knowsIDs()
}

// knowsIDs compares amojo's ids in the ledger with those of the messages.
func (r *rig) knowsIDs() {
	r.t.Helper()
	want := map[string][]string{}
	for _, chat := range r.world.Snapshot().Chats {
		for _, m := range chat.Messages {
			want[m.MsgID] = append(want[m.MsgID], m.ID)
		}
	}
	got := map[string][]string{}
	r.query(`select msgid, amojo_ids from amoimport.message where parts_sent = 1 and parts = 1`, nil, func(scan func(...any) error) error {
		var msgid string
		var ids []string
		err := scan(&msgid, &ids)
		got[msgid] = ids
		return err
	})
	for msgid := range want {
		if _, single := got[msgid]; !single {
			delete(want, msgid)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("amojo's ids (-amojo +ledger):\n%.2000s", diff)
	}
}
