package amocrm_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/amocrm"
)

// readable fails unless err is nil or that of an answer that makes no sense.
func readable(t *testing.T, err error) bool {
	t.Helper()
	var failed *amocrm.CallError
	if err != nil && (!errors.As(err, &failed) || !failed.Unreadable()) {
		t.Errorf("error %#v is not that of an unreadable answer", err)
	}
	return err == nil
}

// Only what was asked for is confirmed: no link of another chat or contact.
func FuzzLinks(f *testing.F) {
	const a, b = "36e75a8a-50dc-4dc2-ba87-3a26e8d1e5bc", "6cbab3d5-c4c1-46ff-b710-ad59ad10805f"
	f.Add([]byte(`{"_embedded":{"chats":[{"chat_id":"` + a + `","contact_id":1,"id":19},{"chat_id":"` + b + `","contact_id":"2","id":20}]}}`))
	f.Add([]byte(`{"_embedded":{"chats":[{"chat_id":"` + strings.ToUpper(a) + `","contact_id":1e0},{"chat_id":null}]}}`))
	f.Add([]byte(`{"_embedded":[]}`))
	batch := []amocrm.ChatLink{{ContactID: 1, ChatID: a}, {ContactID: 2, ChatID: b}}
	f.Fuzz(func(t *testing.T, body []byte) {
		made, err := answering(200, nil, bytes.NewReader(body)).LinkChats(t.Context(), batch)
		if readable(t, err) {
			next := 0
			for _, l := range made {
				for next < len(batch) && (batch[next].ChatID != l.ChatID || batch[next].ContactID != l.ContactID) {
					next++
				}
				if next++; next > len(batch) {
					t.Fatalf("links %+v are not those of the batch, in its order", made)
				}
			}
		}
		found, err := answering(200, nil, bytes.NewReader(body)).LinksByChat(t.Context(), a)
		if readable(t, err) {
			for _, l := range found {
				if l.ChatID != a || l.ContactID <= 0 {
					t.Errorf("link %+v", l)
				}
			}
		}
	})
}

// Contacts count as added only when the answer names each of them.
func FuzzAdded(f *testing.F) {
	f.Add([]byte(`{"_embedded":{"contacts":[{"id":2,"request_id":"p-2"},{"id":1,"request_id":"p-1"}]}}`))
	f.Add([]byte(`{"_embedded":{"contacts":[{"id":-1,"request_id":"p-1"},{"id":0,"request_id":"p-1"}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		added, err := answering(200, nil, bytes.NewReader(body)).AddContacts(t.Context(), twoContacts)
		if !readable(t, err) {
			if added != nil {
				t.Errorf("added %v with %v", added, err)
			}
			return
		}
		if len(added) != 2 || added[0].RequestID != "p-1" || added[1].RequestID != "p-2" || added[0].ID <= 0 || added[1].ID <= 0 {
			t.Errorf("added %v", added)
		}
	})
}

// The account, its users, fields, sources, contacts and leads, from one body.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"id":7,"name":"x","current_user_id":"3","amojo_id":"a","_embedded":{"users":[{"id":1,"rights":[]}]}}`))
	f.Add([]byte(`{"_embedded":{"users":[{"id":1,"rights":{"is_active":true,"is_admin":"1"}}],"contacts":[{"id":9},{"id":8}],"custom_fields":[{"id":5,"type":"text"}]}}`))
	f.Add([]byte(`{"_links":{"next":{"href":"https://elsewhere.example/"}},"_embedded":{"contacts":[{"id":1},{"id":2}]}}`))
	f.Add([]byte(`{"id":7,"created_at":-5,"_embedded":{"leads":[{"id":0},{"id":-3},[]],"sources":[{"id":"x","external_id":5}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		api := func() *amocrm.Client { return answering(200, nil, bytes.NewReader(body)) }
		if a, err := api().Account(t.Context()); readable(t, err) && a.ID <= 0 {
			t.Errorf("account %+v", a)
		}
		if users, err := api().Users(t.Context()); readable(t, err) {
			seen := map[int64]bool{}
			for _, u := range users {
				if u.ID <= 0 || seen[u.ID] {
					t.Errorf("user %d, again: %t", u.ID, seen[u.ID])
				}
				seen[u.ID] = true
			}
		}
		if id, err := api().NewestContactID(t.Context()); readable(t, err) && id < 0 {
			t.Errorf("newest contact %d", id)
		}
		if c, found, err := api().Contact(t.Context(), 7); readable(t, err) && found && c.ID != 7 {
			t.Errorf("contact %d instead of 7", c.ID)
		}
		if field, found, err := api().ContactField(t.Context(), 5); readable(t, err) && found && field.ID != 5 {
			t.Errorf("field %d instead of 5", field.ID)
		}
		if sources, err := api().Sources(t.Context()); !readable(t, err) && sources != nil {
			t.Errorf("sources %+v with %v", sources, err)
		}
		if leads, err := api().LeadsOf(t.Context(), 7); readable(t, err) && slices.Min(append(leads, 1)) <= 0 {
			t.Errorf("leads %v", leads)
		}
		if at, err := api().LeadCreatedAt(t.Context(), 7); readable(t, err) && at < 0 {
			t.Errorf("created at %d", at)
		}
		if page, _, err := api().ContactsPage(t.Context(), 1, 2); readable(t, err) {
			for i, c := range page {
				if len(page) > 2 || c.ID <= 0 || i > 0 && c.ID <= page[i-1].ID {
					t.Errorf("page %+v", page)
				}
			}
		}
		last := int64(1 << 62)
		for c, err := range api().NewestContacts(t.Context(), 3) {
			if !readable(t, err) {
				break
			}
			if c.ID <= 3 || c.ID >= last {
				t.Errorf("contact %d after %d", c.ID, last)
			}
			last = c.ID
		}
	})
}

// A talk is never taken for closed, nor for another, where the answer does not say so; of a list or a feed nothing
// counts but what has an id.
func FuzzTalks(f *testing.F) {
	f.Add([]byte(`{"talk_id":7,"is_in_work":false,"chat_id":"c","_embedded":{"contacts":[{"id":1}],"leads":[],"customers":{}}}`))
	f.Add([]byte(`{"talk_id":"7","status":"closed","_embedded":{"talks":[{"talk_id":1,"status":"in_work"},{"talk_id":2}],"events":[]}}`))
	f.Add([]byte(`{"_embedded":{"talks":[],"events":[{"id":"a","type":"incoming_chat_message","value_after":[{"message":{"id":"u","talk_id":-5}}]}]}}`))
	f.Add([]byte(`{"_embedded":{"pipelines":[{"id":6,"is_main":1,"_embedded":{"statuses":[{"id":142},{"id":-1}]}}],"leads":[{"id":3,"request_id":"a"},{"id":"4","request_id":"b"}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		api := func() *amocrm.Client { return answering(200, nil, bytes.NewReader(body)) }
		if talk, err := api().Talk(t.Context(), 7); readable(t, err) {
			said := bytes.Contains(bytes.ToLower(body), []byte("is_in_work")) || bytes.Contains(bytes.ToLower(body), []byte("status")) || bytes.Contains(body, []byte(`\u`))
			if talk.ID != 7 || !talk.InWork && !said {
				t.Errorf("talk %+v", talk)
			}
		}
		if talks, _, err := api().TalksOf(t.Context(), 7); readable(t, err) {
			for _, talk := range talks {
				if talk.ID <= 0 {
					t.Errorf("talk %+v", talk)
				}
			}
		}
		for e, err := range api().MessageEvents(t.Context(), 7) {
			if readable(t, err) && (e.TalkID < 0 || e.TalkID == 0 && e.MessageID == "") {
				t.Errorf("event %+v", e)
			}
		}
		if pipelines, err := api().Pipelines(t.Context()); readable(t, err) {
			for _, p := range pipelines {
				if slices.Min(append(p.Stages, 1)) <= 0 {
					t.Errorf("stages %v", p.Stages)
				}
			}
		}
		if made, err := api().AddLeads(t.Context(), []amocrm.NewLead{{RequestID: "a"}, {RequestID: "b"}}); readable(t, err) && (len(made) != 2 || slices.Min(made) <= 0) {
			t.Errorf("leads %v", made)
		}
	})
}
