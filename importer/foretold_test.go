package importer_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/dryrun"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
	"github.com/google/go-cmp/cmp"
)

// dryRun goes through what r.run would do.
func (r *rig) dryRun() *dryrun.Report {
	r.t.Helper()
	report, err := dryrun.Run(r.t.Context(), dryrun.Options{
		Source: r.source, Compose: r.options.Compose, People: r.gated(nil),
		Region: r.options.Region, PersonKey: r.options.PersonKey, SharedMax: 5,
		MarkRead: r.options.MarkRead,
		Rates:    dryrun.Rates{Amojo: 5, APIv4: 5, RoundTrip: 100 * time.Millisecond},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

// TestDryRunForetells: of the demo's data, with all its odd cases, a run makes what a
// dry run said, reason for reason, at the price that it named; and the dry run itself
// changes nothing.
func TestDryRunForetells(t *testing.T) {
	t.Parallel()
	for name, marks := range map[string]bool{"as usual": false, "marked as read": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			foretells(t, marks)
		})
	}
}

func foretells(t *testing.T, marks bool) {
	r := demoRig(t, sandbox.Options{})
	r.options.MarkRead = marks
	r.post("/api/v4/contacts", `[{"name":"Somebody","custom_fields_values":[{"field_code":"PHONE","values":[{"value":"+7 900 554 10 04"}]}]}]`)
	mine := len(r.world.Requests())
	said := r.dryRun()
	for _, req := range r.world.Requests()[mine:] {
		if req.Method != "GET" {
			t.Errorf("the dry run made a %s %s", req.Method, req.Path)
		}
	}
	before := r.world.Counters()
	r.mustRun()

	type result struct {
		Chats, Total, Sent, Skipped, Parked, Parts int64
		Contacts                                   map[string]int64
		Reasons                                    map[outcome.Code]int64
		Posted                                     int64
	}
	s := r.snapshot()
	made := result{Chats: s.Conversations.Chats, Total: s.Messages.Total, Sent: s.Messages.Sent,
		Skipped: s.Messages.Skipped, Parked: s.Messages.Parked, Parts: s.Messages.Parts,
		Contacts: map[string]int64{}, Reasons: map[outcome.Code]int64{}}
	for how, n := range s.Contacts {
		made.Contacts[string(how)] = n
	}
	for _, c := range append(s.Reasons, s.Notes...) {
		made.Reasons[c.Code] += c.Count
	}
	after := r.world.Counters()
	for _, call := range []string{"POST /v2/origin/custom/{scope}", "POST /v2/origin/custom/{scope}/chats", toMark} {
		made.Posted += int64(after.Requests[call] - before.Requests[call])
	}
	m := said.Messages
	foretold := result{Chats: said.Chats, Total: m.Total, Sent: m.Sent,
		Skipped: m.Skipped, Parked: m.Parked, Parts: m.Parts,
		Contacts: said.Clients.Contacts, Reasons: map[outcome.Code]int64{}, Posted: said.Price.Amojo.Count}
	for _, reason := range said.Reasons {
		foretold.Reasons[reason.Code] += reason.Count
	}
	if diff := cmp.Diff(foretold, made); diff != "" {
		t.Errorf("foretold (-) and made (+):\n%s", diff)
	}
	var rows int64
	r.queryAt(r.legacy, `select count(*) from conversations`, nil, func(scan func(...any) error) error { return scan(&rows) })
	if said.Conversations != rows {
		t.Errorf("%d conversations, want %d", said.Conversations, rows)
	}
	if said.Clients.Contacts[string(ledger.ByPhone)] == 0 {
		t.Error("nobody was found: the test is of no use")
	}
	if said.Price.Longest.Parts != 2500 || said.Price.Longest.Seconds != 500 || said.Price.Amojo.Seconds != said.Price.Amojo.Count/5 {
		t.Errorf("the price is %+v", said.Price)
	}
	if n := int64(after.Requests[toMark] - before.Requests[toMark]); said.Price.Marks != n || marks != (n > 1000) {
		t.Errorf("%d marks foretold, %d made", said.Price.Marks, n)
	}
}

// TestDryRunTellsWhatNobodySees: a lead's card shows chats from a day before the lead was
// created; older messages of a contact with leads are counted, by its oldest lead.
func TestDryRunTellsWhatNobodySees(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 20), sandbox.Options{})
	if said := r.dryRun().Unseen; said != (dryrun.Unseen{}) {
		t.Errorf("without a contact: %+v", said)
	}
	r.post("/api/v4/contacts", `[{"name":"a","custom_fields_values":[{"field_code":"PHONE","values":[{"value":"+79120000001"}]}]}]`)
	if said := r.dryRun().Unseen; said != (dryrun.Unseen{}) {
		t.Errorf("without a lead: %+v", said)
	}
	id := r.world.Snapshot().Contacts[0].ID
	dayLater := time.Date(2021, 3, 2, 10, 0, 11, 0, time.UTC).Unix()
	for _, at := range []int64{time.Now().Unix(), dayLater, dayLater + 3600} {
		r.post("/api/v4/leads", fmt.Sprintf(`[{"name":"l","created_at":%d,"_embedded":{"contacts":[{"id":%d}]}}]`, at, id))
	}
	if said := r.dryRun().Unseen; said != (dryrun.Unseen{Contacts: 1, Messages: 10}) {
		t.Errorf("with leads: %+v", said)
	}
}

// TestDryRunRefusesWhatARunWould: ids that are not unique stop a dry run as they stop a
// run, before anything was made.
func TestDryRunRefusesWhatARunWould(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		conversations, messages string // queries; "" is the usual one
		template                string // of messages
	}{
		"conversations":              {conversations: `select id, client_id from conversations union all select id, client_id from conversations where id = 'c1'`},
		"messages of a conversation": {messages: `select conversation_id, id, sent_at, direction, text from messages union all select conversation_id, id, sent_at, direction, text from messages where id = 'm2'`},
		"messages of two":            {template: "imp1-{id}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 3, 2), sandbox.Options{})
			db, err := source.Open(t.Context(), source.Options{DSN: r.legacy, ConversationsSQL: c.conversations, MessagesSQL: c.messages})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(db.Close)
			r.source = db
			if c.template != "" {
				r.options.Compose.IDs.Message = c.template
			}
			_, dry := dryrun.Run(t.Context(), dryrun.Options{Source: db, Compose: r.options.Compose, SharedMax: 5})
			wet := r.run(t.Context())
			var foretold, came *ledger.ClashError
			if !errors.As(dry, &foretold) || !errors.As(wet, &came) || foretold.What != came.What || foretold.Advice != came.Advice {
				t.Errorf("the dry run says %v, the run %v", dry, wet)
			}
			if n := r.world.Counters().ChatsCreated; n != 0 {
				t.Errorf("%d chats were made", n)
			}
		})
	}
}

// TestDryRunListsTheAmbiguous: a client whom several contacts fit is listed, and where
// nobody is to be chosen, the messages count as parked, as a run has them.
func TestDryRunListsTheAmbiguous(t *testing.T) {
	t.Parallel()
	for _, policy := range []importer.OnAmbiguous{importer.Oldest, importer.Newest, importer.Park} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 3, 2), sandbox.Options{})
			r.live.OnAmbiguous = policy
			twin := `{"name":"twin","custom_fields_values":[{"field_code":"PHONE","values":[{"value":"+79120000001"}]}]}`
			r.post("/api/v4/contacts", "["+twin+","+twin+"]")
			said := r.dryRun()
			contacts := r.world.Snapshot().Contacts
			want := dryrun.Ambiguous{Client: "pc1", Contacts: []int64{int64(contacts[0].ID), int64(contacts[1].ID)}}
			switch policy {
			case importer.Oldest:
				want.Taken = want.Contacts[0]
			case importer.Newest:
				want.Taken = want.Contacts[1]
			}
			if diff := cmp.Diff([]dryrun.Ambiguous{want}, said.Ambiguous); diff != "" {
				t.Error(diff)
			}
			r.mustRun()
			s := r.snapshot()
			type counts struct{ chats, sent, parked, reasons int64 }
			foretold := counts{chats: said.Chats, sent: said.Messages.Sent, parked: said.Messages.Parked}
			for _, reason := range said.Reasons {
				if reason.Code == outcome.ContactAmbiguous {
					foretold.reasons = reason.Count
				}
			}
			came := counts{s.Conversations.Chats, s.Messages.Sent, s.Messages.Parked, r.reasons()[string(outcome.ContactAmbiguous)]}
			if foretold != came || policy == importer.Park != (came.parked == 3) {
				t.Errorf("foretold %+v, came %+v", foretold, came)
			}
		})
	}
}
