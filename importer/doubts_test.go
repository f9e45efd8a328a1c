package importer_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amoimport/amoimport/sandbox"
)

// TestNewestOnTheSecondPage: the newest message of a chat got no answer. The server
// lists the oldest first, so the first page shows the message before it, and not it.
func TestNewestOnTheSecondPage(t *testing.T) {
	t.Parallel()
	for _, order := range []sandbox.HistoryOrder{sandbox.OldestFirst, sandbox.OldestArrivalFirst} {
		t.Run(string(order), func(t *testing.T) {
			t.Parallel()
			bubble(t, legacy(t, 52), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, HistoryOrder: order,
				Faults: []sandbox.Fault{lose(`"imp1-c1-m51"`, sandbox.CutAfterApply)}}, func(t *testing.T, r *rig) {
				r.mustRun()
				if c := r.world.Counters(); c.Messages != 52 || c.Repeats != 0 {
					t.Errorf("%d messages arrived, %d of them again", c.Messages, c.Repeats)
				}
			})
		})
	}
}

// TestRefusalAfterALostAnswer: a message shows only after its settle time, so it is
// sent again, and the server refuses what it has already. That is no refusal.
func TestRefusalAfterALostAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 3), sandbox.Options{RepeatedMsgID: sandbox.BadRequest,
		Faults: []sandbox.Fault{lose(`"imp1-c1-m1"`, sandbox.CutAfterApply)}}, func(t *testing.T, r *rig) {
		var sends atomic.Int64
		r.on(func(req *http.Request) *http.Response {
			switch {
			case isMessage(req) && strings.Contains(bodyOf(req), `"imp1-c1-m1"`):
				sends.Add(1)
			case strings.HasSuffix(req.URL.Path, "/history") && sends.Load() < 2:
				return answer(req, http.StatusNoContent, "")
			}
			return nil
		})
		r.mustRun()
		if got := r.messages("c1")["m1"]; got.outcome != "sent" || sends.Load() != 2 {
			t.Errorf("m1, sent %d times, is %+v", sends.Load(), got)
		}
	})
}

// TestLateRowsOfOneMillisecond: rows that arrive later with a time that is taken get
// the next one, so that a chat's order is never a matter of luck.
func TestLateRowsOfOneMillisecond(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 5), sandbox.Options{})
	r.mustRun()
	r.legacyExec(`insert into messages (conversation_id, id, sent_at, direction, text)
		select 'c1', 'late' || g, sent_at, 'in', 'late' from messages, generate_series(1, 3) g where id = 'm5'`)
	r.mustRun()
	taken := map[int64]string{}
	chat, _ := r.world.Chat("imp1-c1")
	for _, m := range chat.Messages {
		if other, twice := taken[m.TimeMsec]; twice {
			t.Errorf("%s and %s have one time", other, m.MsgID)
		}
		taken[m.TimeMsec] = m.MsgID
	}
	if len(taken) != 8 {
		t.Errorf("%d messages, want 8", len(taken))
	}
}

// TestNamesakeOfADoubt: while a contact's creation is in doubt, and was in truth lost,
// somebody makes a contact of that name by hand. It is not ours.
func TestNamesakeOfADoubt(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 2), sandbox.Options{ContactSearchLag: time.Hour, Faults: []sandbox.Fault{
		{API: sandbox.APIv4, Method: "POST", Path: contactsPath, Contains: "custom_fields_values", Times: 1, Effect: sandbox.Effect{Kind: sandbox.DropBeforeApply}}}}, func(t *testing.T, r *rig) {
		var once sync.Once
		r.base = onRequest(http.MethodPost, "/contacts", func() {
			once.Do(func() { r.post("/api/v4/contacts", `[{"name":"Client of c1"}]`) })
		})
		r.mustRun()
		contacts := r.world.Snapshot().Contacts
		if len(contacts) != 2 || r.contactOf("c1") != contacts[1].ID {
			t.Errorf("the client's contact is %d of %+v", r.contactOf("c1"), contacts)
		}
	})
}
