package importer_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
	"github.com/google/go-cmp/cmp"
)

// reasons counts the ledger's messages by reason.
func (r *rig) reasons() map[string]int64 {
	counts := map[string]int64{}
	for _, c := range r.snapshot().Reasons {
		counts[string(c.Code)] = c.Count
	}
	return counts
}

// onRequest does something before each request to a path that ends so.
func onRequest(method, pathEnd string, do func()) func(http.RoundTripper) http.RoundTripper {
	return func(base http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			if req.Method == method && strings.HasSuffix(req.URL.Path, pathEnd) {
				do()
			}
			return base.RoundTrip(req)
		})
	}
}

// TestContactRefused: one bad element refuses a whole batch; it is taken out and
// parked, the rest is created.
func TestContactRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3, 2, 2), sandbox.Options{})
	r.live.Responsible = 0
	r.live.LegacyField = 9003
	r.legacyExec(`update conversations set client_id = repeat('x', 300) where id = 'c2'`)
	r.base = func(base http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			if body := bodyOf(req); req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/contacts") && strings.Contains(body, "xxx") {
				// A custom field value that the account does not take.
				req = req.Clone(req.Context())
				changed := strings.Replace(body, `"field_id":9003,"values":[{"value":"`+strings.Repeat("x", 300), `"field_id":1,"values":[{"value":"`, 1)
				setBody(req, changed)
			}
			return base.RoundTrip(req)
		})
	}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.complete()
	if diff := cmp.Diff(map[string]int64{string(outcome.ContactRejected): 2}, r.reasons()); diff != "" {
		t.Error(diff)
	}
	if n := len(r.world.Snapshot().Contacts); n != 2 {
		t.Errorf("%d contacts, want 2", n)
	}
}

// TestLinks: an answer that is lost is looked for; a chat that somebody linked to
// another contact is left alone and parked; a contact that is gone is told.
func TestLinks(t *testing.T) {
	t.Parallel()
	links := func(kind sandbox.EffectKind) sandbox.Options {
		return sandbox.Options{Faults: []sandbox.Fault{{Name: "links", API: sandbox.APIv4, Method: "POST", Path: linksPath, Times: 1,
			Effect: sandbox.Effect{Kind: kind, Code: 502}}}}
	}
	for name, c := range map[string]struct {
		options sandbox.Options
		before  func(r *rig)
		reasons map[string]int64
	}{
		"answer lost":  {options: links(sandbox.CutAfterApply)},
		"request lost": {options: links(sandbox.DropBeforeApply)},
		"bad gateway":  {options: links(sandbox.StatusAfterApply)},
		"garbage":      {options: links(sandbox.Garbage)},
		"linked elsewhere": {
			before: func(r *rig) {
				r.base = onRequest(http.MethodGet, "/contacts/chats", func() {
					chat, _ := r.world.Chat("imp1-c1")
					r.world.LinkByHand(chat.ID, r.world.Snapshot().Contacts[1].ID)
				})
			},
			reasons: map[string]int64{string(outcome.LinkedElsewhere): 3},
		},
		"contact deleted": {
			before: func(r *rig) {
				r.base = onRequest(http.MethodPost, "/contacts/chats", func() { r.world.DeleteContact(r.contactOf("c1")) })
			},
			reasons: map[string]int64{string(outcome.LinkRejected): 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 3, 2, 2), c.options)
			if c.before != nil {
				c.before(r)
			}
			if err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.complete()
			if c.reasons == nil {
				c.reasons = map[string]int64{}
			}
			if diff := cmp.Diff(c.reasons, r.reasons()); diff != "" {
				t.Error(diff)
			}
			if moves := r.world.Snapshot().Moves; len(moves) > 0 {
				t.Errorf("links were moved: %+v", moves)
			}
		})
	}
}

// TestFindContacts: contacts that are there are found, by each way, and none is
// made twice.
func TestFindContacts(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 1, 1, 1, 1), sandbox.Options{})
	r.live.LegacyField = 9003
	r.legacyExec(
		`update conversations set client_phone = '+7 (912) 345-67-89' where id = 'c1'`,
		`update conversations set client_phone = null, client_email = 'Second@Example.com' where id = 'c2'`,
		`update conversations set client_phone = null where id = 'c3'`,
	)
	made := r.post("/api/v4/contacts", `[
		{"name":"near","custom_fields_values":[{"field_id":9003,"values":[{"value":"pc34"}]}]},
		{"name":"by phone","custom_fields_values":[{"field_code":"PHONE","values":[{"value":"8 912 345 67 89","enum_code":"WORK"}]}]},
		{"name":"by e-mail","custom_fields_values":[{"field_code":"EMAIL","values":[{"value":"second@example.com","enum_code":"WORK"}]}]},
		{"name":"by field","custom_fields_values":[{"field_id":9003,"values":[{"value":"pc3"}]}]}]`)
	if made != http.StatusOK {
		t.Fatalf("the contacts were not made: %d", made)
	}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.complete()
	var got []string
	for _, c := range []string{"c1", "c2", "c3", "c4"} {
		for _, contact := range r.world.Snapshot().Contacts {
			if contact.ID == r.contactOf(c) {
				got = append(got, contact.Name)
			}
		}
	}
	if diff := cmp.Diff([]string{"by phone", "by e-mail", "by field", "Client of c4"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestAmbiguousContacts: of several that fit, the settings choose.
func TestAmbiguousContacts(t *testing.T) {
	t.Parallel()
	for choice, want := range map[importer.OnAmbiguous]string{"": "old", importer.Oldest: "old", importer.Newest: "new", importer.Park: ""} {
		t.Run("choice "+string(choice), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 1), sandbox.Options{})
			r.live.OnAmbiguous = choice
			r.post("/api/v4/contacts", `[
				{"name":"new","created_at":1600000000,"custom_fields_values":[{"field_code":"PHONE","values":[{"value":"+79120000001"}]}]},
				{"name":"old","created_at":1500000000,"custom_fields_values":[{"field_code":"PHONE","values":[{"value":"+79120000001"}]}]}]`)
			if err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.complete()
			got := ""
			for _, c := range r.world.Snapshot().Contacts {
				if len(c.ChatIDs) > 0 {
					got = c.Name
				}
			}
			if got != want {
				t.Errorf("linked to %q, want %q", got, want)
			}
			if want != "" {
				return
			}
			all := r.living()
			r.query(`select reason, detail from amoimport.message`, nil, func(scan func(...any) error) error {
				var reason, detail string
				err := scan(&reason, &detail)
				if reason != string(outcome.ContactAmbiguous) || detail != fmt.Sprintf("2 contacts fit: %d, %d", all[1], all[0]) { // oldest first
					t.Errorf("parked as %s: %s", reason, detail)
				}
				return err
			})
		})
	}
}

// TestBackdated: a new contact is as old as its first message.
func TestBackdated(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3), sandbox.Options{})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := r.world.Snapshot().Contacts[0]
	if at := time.Unix(c.CreatedAt, 0).UTC(); !at.Equal(time.Date(2021, 3, 1, 10, 0, 1, 0, time.UTC)) {
		t.Errorf("created at %v", at)
	}
}

func TestPairManagers(t *testing.T) {
	t.Parallel()
	users := []amocrm.User{
		{ID: 1, Name: "Anna A.", Email: "Anna@Example.com", AmojoID: "aj-1", IsActive: true},
		{ID: 2, Name: "Boris B.", Email: "boris@example.com", AmojoID: "aj-2", IsActive: false},
		{ID: 3, Name: "Vera V.", Email: "vera@example.com", IsActive: true},
	}
	got := importer.Speakers(importer.PairManagers([]source.Manager{
		{ID: "1", Name: "Anna", Email: " anna@example.com"},
		{ID: "2", Name: "Boris", Email: "boris@example.com"},
		{ID: "3", Email: "vera@example.com"},
		{ID: "4", Name: "Nobody", Email: "nobody@example.com"},
		{ID: "5", Name: "Without"},
		{ID: "6", Name: "Chosen", Email: "vera@example.com"},
	}, users, map[string]amocrm.User{"6": users[0]}))
	var said []string
	for _, id := range []string{"1", "2", "3", "4", "5", "6"} {
		said = append(said, id+" "+got[id].Name+" "+got[id].RefID)
	}
	want := []string{"1 Anna aj-1", "2 Boris ", "3 Vera V. ", "4 Nobody ", "5 Without ", "6 Chosen aj-1"}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
}
