package importer_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/google/go-cmp/cmp"
)

// addConversation adds a conversation of a client with one message.
func (r *rig) addConversation(id, client, phone string) {
	r.t.Helper()
	r.queryAt(r.legacy, `insert into conversations (id, client_id, client_name, client_phone) values ($1, $2, 'Client of ' || $1, nullif($3, ''))`, []any{id, client, phone}, nil)
	r.queryAt(r.legacy, `insert into messages (conversation_id, id, sent_at, direction, text) values ($1, 'm1', '2022-01-01+00', 'in', 'new')`, []any{id}, nil)
}

// living are the contacts that are not deleted, by id.
func (r *rig) living() []int {
	var ids []int
	for _, c := range r.world.Snapshot().Contacts {
		if !c.Deleted {
			ids = append(ids, c.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func (r *rig) linksPosted() int {
	return r.world.Counters().Requests["POST /api/v4/contacts/chats"]
}

// TestContactGone: between two runs a contact is deleted, or merged into another.
// Chats that were linked stay as people left them and get what is new; a new
// conversation of that person is linked to the contact that now fits, or to a new one.
func TestContactGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gone func(r *rig, contact int) (survivor int)
		made int // contacts made by the second run
	}{
		"deleted": {made: 1,
			gone: func(r *rig, contact int) int { r.world.DeleteContact(contact); return 0 }},
		"merged": {
			gone: func(r *rig, contact int) int {
				r.post("/api/v4/contacts", `[{"name":"The same man","custom_fields_values":[{"field_code":"PHONE","values":[{"value":"8 912 000-00-01","enum_code":"WORK"}]}]}]`)
				all := r.living()
				r.world.MergeContacts(contact, all[len(all)-1])
				return all[len(all)-1]
			}},
		"merged into one that cannot be found": {made: 1,
			gone: func(r *rig, contact int) int {
				r.post("/api/v4/contacts", `[{"name":"Somebody"}]`)
				all := r.living()
				r.world.MergeContacts(contact, all[len(all)-1])
				return all[len(all)-1]
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 3, 2), sandbox.Options{})
			r.mustRun()
			first := r.contactOf("c1")
			survivor := c.gone(r, first)
			before := r.living()
			r.addConversation("c9", "pc1", "+79120000001")
			r.addConversation("c8", "pc1", "+79120000001") // one contact for both
			r.legacyExec(`insert into messages (conversation_id, id, sent_at, direction, text) values ('c1', 'new', '2022-01-01+00', 'in', 'new')`)
			posted := r.linksPosted()
			r.mustRun()
			if len(r.reasons()) > 0 {
				t.Errorf("%v", r.reasons())
			}
			after := r.living()
			if made := len(after) - len(before); made != c.made {
				t.Errorf("%d contacts were made, want %d", made, c.made)
			}
			old, _ := r.world.Chat("imp1-c1")
			if old.ContactID != survivor || len(old.Messages) != 4 {
				t.Errorf("the old chat is linked to %d and holds %d messages; people left it with %d", old.ContactID, len(old.Messages), survivor)
			}
			want := survivor
			if c.made > 0 {
				want = after[len(after)-1]
			}
			for _, id := range []string{"imp1-c8", "imp1-c9"} {
				if chat, _ := r.world.Chat(id); chat.ContactID != want {
					t.Errorf("chat %s is linked to %d, want %d", id, chat.ContactID, want)
				}
			}
			if got := r.contactOf("c1"); got != want {
				t.Errorf("the ledger knows contact %d, want %d", got, want)
			}
			if n := r.linksPosted() - posted; n != 1 || len(r.world.Snapshot().Moves) > 0 {
				t.Errorf("%d link calls, moves %+v", n, r.world.Snapshot().Moves)
			}
		})
	}
}

// TestContactGoneBeforeLinking: the run ended between matching and linking, and the
// contact was deleted before the next.
func TestContactGoneBeforeLinking(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3, 2), sandbox.Options{})
	r.on(func(req *http.Request) *http.Response {
		if req.Method == http.MethodPost && linksPath.MatchString(req.URL.Path) {
			return answer(req, http.StatusPaymentRequired, `{"title":"Payment Required","status":402}`)
		}
		return nil
	})
	if err := r.run(t.Context()); err == nil {
		t.Fatal("an account that is not paid did not stop the run")
	}
	r.base = nil
	r.world.DeleteContact(r.contactOf("c1"))
	r.mustRun()
	if s := r.snapshot().Messages; s.Sent != 5 {
		t.Errorf("%+v %v", s, r.reasons())
	}
	if n := len(r.living()); n != 2 {
		t.Errorf("%d contacts for 2 people", n)
	}
}

// TestKnownContactsAreNotAskedFor: what a run itself found or made is there.
func TestKnownContactsAreNotAskedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3), sandbox.Options{})
	r.legacyExec( // more than a batch
		`insert into conversations (id, client_id, client_name, client_phone) select 's' || g, 'pc1', 'Client', '+79120000001' from generate_series(1, 55) g`,
		`insert into messages (conversation_id, id, sent_at, direction, text) select 's' || g, 'm1', '2022-01-01+00', 'in', 'new' from generate_series(1, 55) g`)
	r.mustRun()
	if n := r.world.Counters().Requests["GET /api/v4/contacts/{id}"]; n != 0 {
		t.Errorf("contacts were asked for %d times", n)
	}
	if n := len(r.living()); n != 1 {
		t.Errorf("%d contacts for one person", n)
	}
}

// TestMovedLink: a manager links a chat to another contact after the import did.
// What is new goes into that chat, and its link stays.
func TestMovedLink(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3, 2), sandbox.Options{})
	r.mustRun()
	chat, _ := r.world.Chat("imp1-c1")
	r.world.LinkByHand(chat.ID, r.contactOf("c2"))
	posted := r.linksPosted()
	r.legacyExec(`insert into messages (conversation_id, id, sent_at, direction, text) values ('c1', 'new', '2022-01-01+00', 'in', 'new')`)
	r.mustRun()
	if n := r.linksPosted() - posted; n != 0 {
		t.Errorf("%d link calls", n)
	}
	if chat, _ := r.world.Chat("imp1-c1"); chat.ContactID != r.contactOf("c2") || len(chat.Messages) != 4 {
		t.Errorf("the chat is linked to %d and holds %d messages", chat.ContactID, len(chat.Messages))
	}
}

// TestMovedBeforeItWasKnown: the answer that a chat is linked was lost with the
// process, and a manager moved the chat before the next run. It is parked, not moved
// back.
func TestMovedBeforeItWasKnown(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3, 2), sandbox.Options{})
	r.crashAt(`"contact_id"`)
	if err := r.run(t.Context()); !errors.Is(err, ledger.ErrLeaseLost) {
		t.Fatal(err)
	}
	r.base = nil
	chat, _ := r.world.Chat("imp1-c1")
	if chat.ContactID == 0 {
		t.Fatal("the chat was not linked: the test does not test")
	}
	r.world.LinkByHand(chat.ID, r.contactOf("c2"))
	r.mustRun()
	if diff := cmp.Diff(map[string]int64{string(outcome.LinkedElsewhere): 3}, r.reasons()); diff != "" {
		t.Error(diff)
	}
	if chat, _ := r.world.Chat("imp1-c1"); chat.ContactID != r.contactOf("c2") || len(r.world.Snapshot().Moves) > 0 {
		t.Errorf("the chat is linked to %d; moves %+v", chat.ContactID, r.world.Snapshot().Moves)
	}
}

// TestContactGoneThenCrash: a contact was deleted, and the run that makes the person
// a new one dies at that, while the search does not find it yet.
func TestContactGoneThenCrash(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 3, 2), sandbox.Options{ContactSearchLag: time.Hour}, func(t *testing.T, r *rig) {
		r.mustRun()
		r.world.DeleteContact(r.contactOf("c1"))
		before := len(r.living())
		r.addConversation("c9", "pc1", "+79120000001")
		r.crashAt(`"custom_fields_values"`)
		if err := r.run(t.Context()); err == nil {
			t.Fatal("it did not die")
		}
		r.base = nil
		r.mustRun()
		if made := len(r.living()) - before; made != 1 {
			t.Errorf("%d contacts were made for one person", made)
		}
	})
}

// TestContactHardlyGone: amoCRM says once that a contact is not there, though it is.
func TestContactHardlyGone(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 3), sandbox.Options{}, func(t *testing.T, r *rig) {
		r.addConversation("c8", "px", "")
		r.mustRun()
		before := len(r.living())
		r.legacyExec(`insert into conversations (id, client_id, client_name) values ('c9', 'px', 'Client of c8')`,
			`insert into messages (conversation_id, id, sent_at, direction, text) values ('c9', 'm1', '2022-01-01+00', 'in', 'new')`)
		var once sync.Once
		r.on(func(req *http.Request) (resp *http.Response) {
			if req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/contacts/") && !strings.HasSuffix(req.URL.Path, "/chats") {
				once.Do(func() { resp = answer(req, http.StatusNoContent, "") })
			}
			return resp
		})
		r.mustRun()
		if made := len(r.living()) - before; made != 0 {
			t.Errorf("%d contacts were made beside the one that is there", made)
		}
	})
}
