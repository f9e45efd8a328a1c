package importer_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/google/go-cmp/cmp"
)

// expecting notes for how many people contacts will be looked for.
type expecting struct {
	importer.Target
	people *[]int64
}

func (e expecting) Expect(ctx context.Context, people int64) error {
	*e.people = append(*e.people, people)
	return e.Target.Expect(ctx, people)
}

// TestExpectedPeople: a run says how many people it will look for: those without a
// contact who have something to send, each once, however often it was interrupted.
func TestExpectedPeople(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3, 2, 2), sandbox.Options{Record: true})
	r.addConversation("c7", "p7", "+79120000001")                                                                        // the person of c1
	r.legacyExec(`insert into conversations (id, client_id, client_name) values ('empty', 'pe', 'Nothing was written')`) // needs no contact
	put(t, r.world, numbered(1, 2)...)
	var people []int64
	r.wrap = func(t importer.Target) importer.Target { return expecting{t, &people} }
	expected := func(want ...int64) {
		t.Helper()
		if diff := cmp.Diff(want, people); diff != "" {
			t.Errorf("people (-want +got):\n%s", diff)
		}
		people = nil
	}
	r.on(func(req *http.Request) *http.Response {
		if req.Method == http.MethodPost && linksPath.MatchString(req.URL.Path) {
			return answer(req, http.StatusPaymentRequired, `{"title":"Payment Required","status":402}`)
		}
		return nil
	})
	if err := r.run(t.Context()); err == nil {
		t.Fatal("an account that is not paid did not stop the run")
	}
	if len(people) == 0 || people[0] != 3 {
		t.Errorf("people %v", people)
	}
	people = nil
	r.base = nil
	r.mustRun()
	expected(0, 0)
	r.mustRun()
	expected(0, 0)
	r.addConversation("c8", "p8", "+79120000008")
	r.addConversation("c9", "p9", "+79120000002")
	r.mustRun()
	expected(1, 0) // c9 is the person of c2
	if n := len(r.living()); n != 4 {
		t.Errorf("%d contacts for 4 people", n)
	}
	for _, q := range r.world.Requests() {
		if q.Method == http.MethodGet && q.Path == "/api/v4/contacts" && strings.Contains(q.Query, "query=") && !strings.Contains(q.Query, "0000008") {
			t.Errorf("it searched: %s", q.Query)
		}
	}
	var found []string
	r.query(`select found from amoimport.person where contact_id is not null order by found`, nil, func(scan func(...any) error) error {
		var how string
		err := scan(&how)
		found = append(found, how)
		return err
	})
	if diff := cmp.Diff([]string{string(ledger.ByPhone), string(ledger.ByPhone), string(ledger.Created), string(ledger.Created)}, found); diff != "" {
		t.Error(diff)
	}
}

// TestDeletedAfterIndexed: a contact is deleted after all of them were read. Linking
// tells; planned again, its person gets another.
func TestDeletedAfterIndexed(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3, 2), sandbox.Options{})
	first := put(t, r.world, numbered(1, 2)...)[0]
	r.base = onRequest(http.MethodPost, "/contacts/chats", func() { r.world.DeleteContact(first) })
	r.mustRun()
	if diff := cmp.Diff(map[string]int64{string(outcome.LinkRejected): 3}, r.reasons()); diff != "" {
		t.Error(diff)
	}
	r.base = nil
	r.retry(ledger.Selection{})
	r.mustRun()
	if s := r.snapshot().Messages; s.Sent != 5 || len(r.living()) != 2 || r.contactOf("c1") == first {
		t.Errorf("%+v, contacts %v", s, r.living())
	}
}
