package tidy_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/tidy"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/google/go-cmp/cmp"
)

func (b *bench) leadOptions() tidy.LeadOptions {
	return tidy.LeadOptions{Options: b.options(), StatusID: amocrm.StageLost, Name: "History of {client_id}", Tags: []string{"old"}}
}

func (b *bench) createLeads() tidy.Led {
	b.t.Helper()
	did, err := tidy.CreateLeads(b.t.Context(), b.leadOptions())
	b.must(err)
	return did
}

// leads are how many leads each contact has.
func (b *bench) leads() map[int]int {
	out := map[int]int{}
	for _, l := range b.world.Snapshot().Leads {
		for _, c := range l.ContactIDs {
			out[c]++
		}
	}
	return out
}

// people imports a conversation each for some contacts, and returns how many leads each is to have.
func (b *bench) people(n int) map[int]int {
	b.t.Helper()
	want := map[int]int{}
	for i := range n {
		contact := b.contact("Anna")
		b.imported(ledgerID(i), fmt.Sprint("client", i), contact, true, int64(i)*1000, "a")
		want[int(contact)] = 1
	}
	return want
}

// A lead for each contact, dated before the first of all its messages; and no second one.
func TestCreateLeads(t *testing.T) {
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		anna, ivan, waits := b.contact("Anna"), b.contact("Ivan"), b.contact("Waits")
		b.imported("1", "anna", anna, true, 5000, "a", "b")
		b.imported("2", "anna-2", anna, false, 100, "a") // another client, found to be the same contact
		b.imported("3", "ivan", ivan, false, 0, "a")
		b.imported("4", "waits", waits, false, 0, "a")
		b.plan("5", "waits", false, -1000, "a")
		b.contact("Nobody of ours")

		got := b.createLeads()
		if e := got.Example; e == nil || e.ContactID != anna || e.ID == 0 {
			t.Errorf("example %+v", e)
		}
		got.Example = nil
		if diff := cmp.Diff(tidy.Led{Leads: ledger.LeadCounts{Created: 2}, Made: 2, Waiting: 1}, got); diff != "" {
			t.Errorf("led (-want +got):\n%s", diff)
		}
		want := []sandbox.Lead{
			{Name: "History of anna-2", StatusID: 143, PipelineID: sandbox.DefaultPipeline, CreatedAt: monday + 99, ClosedAt: monday + 5001, ContactIDs: []int{int(anna)}},
			{Name: "History of ivan", StatusID: 143, PipelineID: sandbox.DefaultPipeline, CreatedAt: monday - 1, ClosedAt: monday, ContactIDs: []int{int(ivan)}},
		}
		all := b.world.Snapshot().Leads
		for i := range all {
			all[i].ID = 0
		}
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("leads (-want +got):\n%s", diff)
		}
		if n := b.world.Counters().Requests["POST /api/v4/leads"]; n != 1 {
			t.Errorf("%d batches for two leads", n)
		}

		b.again()
		b.createLeads()
		if n := b.world.Counters().Requests["POST /api/v4/leads"]; n != 1 {
			t.Errorf("made again")
		}
		b.imported("5", "waits", waits, false, -1000, "a")
		if got := b.createLeads(); got.Leads.Created != 3 || got.Waiting != 0 {
			t.Errorf("once it is over: %+v", got)
		}
	})
}

// Answers get lost, before and after the leads were made, at once or later: never two for a contact, and none missing.
func TestLeadsInDoubt(t *testing.T) {
	for _, kind := range []sandbox.EffectKind{sandbox.CutAfterApply, sandbox.DropBeforeApply, sandbox.StatusAfterApply, sandbox.Status, sandbox.Garbage, sandbox.Truncated} {
		for _, late := range []time.Duration{0, time.Minute} {
			for _, killed := range []bool{false, true} {
				t.Run(fmt.Sprint(kind, late, killed), func(t *testing.T) {
					bubble(t, sandbox.Options{ApplyDelay: late}, func(t *testing.T, b *bench) {
						want := b.people(3)
						b.world.AddFault(sandbox.Fault{API: sandbox.APIv4, Method: "POST", Nth: 1, Effect: sandbox.Effect{Kind: kind}})
						if killed {
							// It ends while the answer is lost; the next command has to settle it.
							ctx, kill := context.WithTimeout(t.Context(), 700*time.Millisecond)
							_, _ = tidy.CreateLeads(ctx, b.leadOptions())
							kill()
							b.again()
						}
						got := b.createLeads()
						<-time.After(2 * late) // what is under way arrives
						if diff := cmp.Diff(want, b.leads()); diff != "" || got.Leads.Created != 3 || got.Leads.InDoubt != 0 {
							t.Errorf("%+v; leads of contacts (-want +got):\n%s", got, diff)
						}
						if n := b.value("select count(distinct lead_id) from amoimport.lead"); n != "3" {
							t.Errorf("%s leads known", n)
						}
					})
				})
			}
		}
	}
}

// Another lead of the contact, made by hand, is not taken for ours.
func TestLeadsOfOthers(t *testing.T) {
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		for id := range b.people(2) {
			_, err := b.crm.AddLeads(t.Context(), []amocrm.NewLead{{RequestID: "x", Name: "History of client0", ContactID: int64(id), StatusID: 142, CreatedAt: monday}})
			b.must(err)
		}
		b.world.AddFault(sandbox.Fault{API: sandbox.APIv4, Method: "POST", Times: 1, Effect: sandbox.Effect{Kind: sandbox.DropBeforeApply}})
		if got := b.createLeads(); got.Leads.Created != 2 || len(b.world.Snapshot().Leads) != 4 {
			t.Errorf("%+v, %v", got, b.leads())
		}
	})
}

// Who is refused is told with the reason, and the others get theirs.
func TestLeadRefused(t *testing.T) {
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		want := b.people(5)
		gone := slices.Max(slices.Collect(maps.Keys(want)))
		delete(want, gone)
		o := b.leadOptions()
		o.Progress = func(string, int64, int64) { b.world.DeleteContact(gone) } // after it was looked at
		got, err := tidy.CreateLeads(t.Context(), o)
		b.must(err)
		counts := ledger.LeadCounts{Created: 4, Refused: 1, Reasons: []ledger.Refusals{{Reason: tidy.Rejected, Count: 1, Example: int64(gone),
			Detail: "NotSupportedChoice _embedded.contacts.0.id"}}}
		if diff := cmp.Diff(counts, got.Leads); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, b.leads()); diff != "" {
			t.Errorf("leads (-want +got):\n%s", diff)
		}
		if d := b.value("select detail from amoimport.lead where state = 'refused'"); d != "NotSupportedChoice _embedded.contacts.0.id" {
			t.Errorf("detail %q", d)
		}
	})
}

// A contact that was deleted or merged since gets none, whatever the server would say to it.
func TestLeadOfGone(t *testing.T) {
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		want := b.people(5)
		gone := slices.Max(slices.Collect(maps.Keys(want)))
		delete(want, gone)
		b.world.DeleteContact(gone)
		o := b.leadOptions()
		o.Limit = 5
		got, err := tidy.CreateLeads(t.Context(), o)
		b.must(err)
		counts := ledger.LeadCounts{Created: 4, Refused: 1, Reasons: []ledger.Refusals{{Reason: tidy.NotFound, Count: 1, Example: int64(gone)}}}
		if diff := cmp.Diff(counts, got.Leads); diff != "" || !cmp.Equal(want, b.leads()) {
			t.Errorf("leads %v; counts (-want +got):\n%s", b.leads(), diff)
		}
		if n := b.world.Counters().Requests["POST /api/v4/leads"]; n != 1 {
			t.Errorf("%d batches", n)
		}
	})
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) { // one that cannot be read
		want := b.people(9)
		var odd int
		for odd = range want {
			break
		}
		b.world.AddFault(about("GET", fmt.Sprintf("/contacts/%d$", odd), sandbox.Effect{Kind: sandbox.Status, Code: 500}))
		delete(want, odd)
		if got := b.createLeads(); got.Leads.Refused != 1 || got.Leads.Reasons[0].Reason != tidy.ServerError || !cmp.Equal(want, b.leads()) {
			t.Errorf("%+v, %v", got, b.leads())
		}
	})
}

// A lead that alone gets errors is refused after a while. That all do is the API's fault.
func TestLeadAlwaysFails(t *testing.T) {
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		want := b.people(6)
		for id := range want {
			b.world.AddFault(sandbox.Fault{API: sandbox.APIv4, Method: "POST", Contains: fmt.Sprintf(`"id":%d,`, id), Effect: sandbox.Effect{Kind: sandbox.Status, Code: 504}})
			delete(want, id)
			break
		}
		got := b.createLeads()
		if diff := cmp.Diff(want, b.leads()); diff != "" || got.Leads.Refused != 1 || got.Leads.Reasons[0].Reason != tidy.ServerError {
			t.Errorf("%+v; leads (-want +got):\n%s", got, diff)
		}
	})
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		want := b.people(12)
		fault := b.world.AddFault(about("POST", "/leads$", sandbox.Effect{Kind: sandbox.Status, Code: 503}))
		_, err := tidy.CreateLeads(t.Context(), b.leadOptions())
		var refused *amocrm.Error
		if !errors.As(err, &refused) || refused.Status != 503 {
			t.Errorf("all fail: %v", err)
		}
		fault.Remove()
		b.again()
		if got := b.createLeads(); got.Leads.Created != 12 || got.Leads.Refused != 0 || !cmp.Equal(want, b.leads()) {
			t.Errorf("afterwards %+v, %v", got, b.leads())
		}
	})
}

// What all leads have in common is wrong: it stops, says so, and nobody is refused for it.
func TestLeadSettings(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(*tidy.LeadOptions)
		fault string // answer to the POST
		said  string
	}{
		"no such pipeline": {edit: func(o *tidy.LeadOptions) { o.PipelineID = 7 }, said: "leads.pipeline_id 7, leads.status_id 143: the account has no such pipeline"},
		"no such stage":    {edit: func(o *tidy.LeadOptions) { o.StatusID = 7 }, said: "leads.pipeline_id 0, leads.status_id 7: the pipeline has no such stage"},
		"refused all the same": {fault: `{"validation-errors":[{"request_id":"0","errors":[{"code":"NotSupportedChoice","path":"status_id","detail":"no"}]}]}`,
			said: "amoCRM refuses the leads for what they have in common (NotSupportedChoice status_id)"},
		"all of them": {fault: `{"validation-errors":[{"request_id":"0","errors":[{"code":"Odd","path":"price"}]},{"request_id":"1","errors":[{"code":"Odd","path":"price"}]}]}`,
			said: "(Odd price)"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
				want := b.people(2)
				o := b.leadOptions()
				if c.edit != nil {
					c.edit(&o)
				}
				fault := b.world.AddFault(about("POST", map[bool]string{true: "/leads$", false: "never"}[c.fault != ""],
					sandbox.Effect{Kind: sandbox.Status, Code: 400, Body: c.fault}))
				_, err := tidy.CreateLeads(t.Context(), o)
				var hinted interface{ Hint() string }
				if err == nil || !strings.Contains(err.Error(), c.said) || !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), "leads.pipeline_id") {
					t.Errorf("error %v", err)
				}
				if n := b.value("select count(*) from amoimport.lead"); n != "0" || len(b.leads()) != 0 {
					t.Errorf("%s rows, leads %v", n, b.leads())
				}
				fault.Remove()
				if b.createLeads(); !cmp.Equal(want, b.leads()) {
					t.Errorf("afterwards %v", b.leads())
				}
			})
		})
	}
}

// An answer about the whole account stops, and leaves no doubt behind.
func TestLeadsStop(t *testing.T) {
	for name, e := range map[string]sandbox.Effect{
		"401": {Kind: sandbox.Status, Code: 401}, "402": {Kind: sandbox.Status, Code: 402}, "403": {Kind: sandbox.Status, Code: 403},
		"block": {Kind: sandbox.Status, Code: 403, Body: "403 Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
				want := b.people(2)
				fault := b.world.AddFault(about("POST", "/leads$", e))
				_, err := tidy.CreateLeads(t.Context(), b.leadOptions())
				var refused *amocrm.Error
				if !errors.As(err, &refused) || refused.Status != e.Code || b.value("select count(*) from amoimport.lead") != "0" {
					t.Errorf("error %v", err)
				}
				fault.Remove()
				begun := time.Now()
				if b.createLeads(); !cmp.Equal(want, b.leads()) || time.Since(begun) > settleTime {
					t.Errorf("afterwards %v, in %s", b.leads(), time.Since(begun))
				}
			})
		})
	}
}

// --limit makes so many; a look makes none; a purge forgets whose they were.
func TestLeadsLimit(t *testing.T) {
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		b.people(3)
		o := b.leadOptions()
		o.Limit = 1
		did, err := tidy.CreateLeads(t.Context(), o)
		b.must(err)
		if did.Leads.Created != 1 || len(b.leads()) != 1 {
			t.Errorf("%+v, %v", did, b.leads())
		}
		b.world.Change(func(o *sandbox.Options) { o.FailOnWrite = true })
		o.Limit = 0
		contacts, waiting, err := tidy.ForetellLeads(t.Context(), o)
		if err != nil || contacts != 2 || waiting != 0 {
			t.Errorf("foretold %d, %d waiting, %v", contacts, waiting, err)
		}
		if v := b.world.Counters().Violations; len(v) != 0 || b.value("select count(*) from amoimport.lead") != "1" {
			t.Errorf("it wrote: %v", v)
		}
		b.must(b.ledger.Purge(t.Context()))
		if got := b.value("select row(contact_id, lead_id, created_sec) from amoimport.lead"); got != "(,0,)" {
			t.Errorf("after a purge: %s", got)
		}
		if counts, err := b.ledger.Leads(t.Context()); err != nil || counts.Created != 1 {
			t.Errorf("after a purge: %+v, %v", counts, err)
		}
	})
}

// Contacts that are gone are refused again by each command, and that is not the settings' fault.
func TestLeadsRefusedAgain(t *testing.T) {
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		want := b.people(8)
		n := 0
		for id := range want {
			if n++; n > 6 {
				break
			}
			b.world.DeleteContact(id)
		}
		for range 3 {
			got := b.createLeads()
			if got.Leads.Created != 2 || got.Leads.Refused != 6 {
				t.Errorf("%+v", got.Leads)
			}
			b.again()
		}
	})
}

// The same where the answer does not name who is refused.
func TestLeadsRefusedUnnamed(t *testing.T) {
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		want := b.people(12)
		n := 0
		for id := range want {
			if n++; n > 6 {
				break
			}
			b.world.AddFault(sandbox.Fault{API: sandbox.APIv4, Method: "POST", Contains: fmt.Sprintf(`"id":%d,`, id), Effect: sandbox.Effect{Kind: sandbox.Status, Code: 400, Body: `{"status":400}`}})
		}
		for range 3 {
			got := b.createLeads()
			if got.Leads.Created != 6 || got.Leads.Refused != 6 {
				t.Errorf("%+v", got.Leads)
			}
			b.again()
		}
	})
}
