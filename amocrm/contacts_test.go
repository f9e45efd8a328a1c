package amocrm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amocrm"
)

// collect walks to the end or the first error.
func collect(seq iter.Seq2[amocrm.Contact, error]) (ids []int64, err error) {
	for c, err := range seq {
		if err != nil {
			return ids, err
		}
		ids = append(ids, c.ID)
	}
	return ids, nil
}

func TestSearchContacts(t *testing.T) {
	s, client := serve(t, reply(`{"_page":1,"_links":{"self":{"href":"x"}},"_embedded":{"contacts":[
		{"id":11,"name":"Вася","first_name":"","responsible_user_id":3,"created_at":1582117331,"updated_at":1590943929,"is_deleted":false,
		 "custom_fields_values":[
			{"field_id":74,"field_name":"Телефон","field_code":"PHONE","field_type":"multitext","values":[{"value":"+7 (915) 111-22-33","enum_id":1,"enum_code":"WORK"},{"value":"89151112233","enum_code":"MOB"},{"value":"89151112233","enum_code":"HOME"}]},
			{"field_id":75,"field_code":"EMAIL","values":[{"value":"a@example.com","enum_code":"WORK"}]},
			{"field_id":90,"field_code":null,"values":[{"value":"legacy-7"},{"value":42},{"value":true}]}],
		 "_embedded":{"tags":[]}},
		{"id":12,"name":"Пустой","custom_fields_values":null}]}}`))
	var got []amocrm.Contact
	for c, err := range client.SearchContacts(t.Context(), "+7 915") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, c)
	}
	want := []amocrm.Contact{
		{ID: 11, Name: "Вася", ResponsibleUserID: 3, CreatedAt: 1582117331, UpdatedAt: 1590943929, Fields: []amocrm.FieldValues{
			{FieldID: 74, Code: "PHONE", Values: []amocrm.FieldValue{{Value: "+7 (915) 111-22-33", EnumCode: "WORK"}, {Value: "89151112233", EnumCode: "MOB"}, {Value: "89151112233", EnumCode: "HOME"}}},
			{FieldID: 75, Code: "EMAIL", Values: []amocrm.FieldValue{{Value: "a@example.com", EnumCode: "WORK"}}},
			{FieldID: 90, Values: []amocrm.FieldValue{{Value: "legacy-7"}, {Value: "42"}, {}}},
		}},
		{ID: 12, Name: "Пустой"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("contacts (-want +got):\n%s", diff)
	}
	values := [][]string{got[0].Phones(), got[0].Emails(), got[0].Texts(90), got[0].Texts(1), got[1].Phones()}
	if diff := cmp.Diff([][]string{{"+7 (915) 111-22-33", "89151112233"}, {"a@example.com"}, {"legacy-7", "42"}, nil, nil}, values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	s.wantRequests(t, recorded{"GET /prefix/api/v4/contacts?limit=250&page=1&query=+7+915", ""})
}

func TestSearchContactsRefusesToListAll(t *testing.T) {
	s, client := serve(t, reply(""))
	for _, text := range []string{"", "  \n"} {
		if _, err := collect(client.SearchContacts(t.Context(), text)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
	if ids, err := collect(client.SearchContacts(t.Context(), "nobody")); err != nil || len(ids) != 0 {
		t.Errorf("contacts %v, error %v, want none", ids, err)
	}
	if len(s.requests) != 1 {
		t.Errorf("requests %q, want one", s.requests)
	}
}

func TestNewestContacts(t *testing.T) {
	for name, test := range map[string]struct {
		answers     []string
		after       int64
		first, last int64
		requests    int
	}{
		"down to the id":              {[]string{rows("contacts", 900, 651, true), rows("contacts", 650, 401, true)}, 500, 900, 501, 2},
		"the id itself is gone":       {[]string{`{"_embedded":{"contacts":[{"id":9},{"id":8},{"id":4}]}}`}, 6, 9, 8, 1},
		"nothing newer":               {[]string{rows("contacts", 500, 251, true)}, 500, 0, 0, 1},
		"all there are":               {[]string{rows("contacts", 300, 51, true), rows("contacts", 50, 1, false)}, 0, 300, 1, 2},
		"none at all":                 {[]string{""}, 7, 0, 0, 1},
		"new ones while it is walked": {[]string{rows("contacts", 900, 651, true), rows("contacts", 655, 406, true)}, 500, 900, 501, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := serve(t, reply(test.answers...))
			ids, err := collect(client.NewestContacts(t.Context(), test.after))
			if err != nil {
				t.Fatal(err)
			}
			var want []int64
			for id := test.first; id >= test.last && id > 0; id-- {
				want = append(want, id)
			}
			if diff := cmp.Diff(want, ids); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
			if len(s.requests) != test.requests || s.requests[0].Line != "GET /prefix/api/v4/contacts?limit=250&order[id]=desc&page=1" {
				t.Errorf("requests %q", s.requests)
			}
		})
	}
}

// A list in another order would end the walk early, and a contact that was made would be made again.
func TestNewestContactsWantsTheNewestFirst(t *testing.T) {
	_, client := serve(t, reply(rows("contacts", 1, 250, true)))
	ids, err := collect(client.NewestContacts(t.Context(), 100))
	if len(ids) != 0 {
		t.Errorf("contacts %v", ids)
	}
	wantUnreadable(t, err)
	_, err = client.NewestContactID(t.Context())
	wantUnreadable(t, err)
}

func TestNewestContactID(t *testing.T) {
	for answer, want := range map[string]int64{"": 0, `{"_embedded":{"contacts":[{"id":9},{"id":4}]}}`: 9, `{"_embedded":{"contacts":[{"id":5}]}}`: 5} {
		s, client := serve(t, reply(answer))
		got, err := client.NewestContactID(t.Context())
		if err != nil || got != want {
			t.Errorf("id %d, error %v, want %d", got, err, want)
		}
		s.wantRequests(t, recorded{"GET /prefix/api/v4/contacts?limit=2&order[id]=desc", ""})
	}
}

func TestContactsPage(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		size   int
		ids    []int64
		more   bool
		bad    bool
	}{
		"full, and there is more":  {`{"_links":{"next":{"href":"x"}},"_embedded":{"contacts":[{"id":4},{"id":7}]}}`, 2, []int64{4, 7}, true, false},
		"full, and nobody knows":   {`{"_embedded":{"contacts":[{"id":4},{"id":7}]}}`, 2, []int64{4, 7}, true, false},
		"not full":                 {`{"_embedded":{"contacts":[{"id":4}]}}`, 2, []int64{4}, false, false},
		"not full, but not at end": {`{"_links":{"next":{"href":"x"}},"_embedded":{"contacts":[{"id":4}]}}`, 2, []int64{4}, true, false},
		"beyond the end":           {"", 2, nil, false, false},
		"newest first":             {`{"_embedded":{"contacts":[{"id":7},{"id":4}]}}`, 2, nil, false, true},
		"one twice":                {`{"_embedded":{"contacts":[{"id":7},{"id":7}]}}`, 2, nil, false, true},
		"no id":                    {`{"_embedded":{"contacts":[{"name":"x"}]}}`, 2, nil, false, true},
		"more than asked for":      {`{"_embedded":{"contacts":[{"id":4},{"id":7},{"id":9}]}}`, 2, nil, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := serve(t, reply(test.answer))
			contacts, more, err := client.ContactsPage(t.Context(), 3, test.size)
			if test.bad {
				wantUnreadable(t, err)
			} else if err != nil {
				t.Fatal(err)
			}
			var ids []int64
			for _, c := range contacts {
				ids = append(ids, c.ID)
			}
			if diff := cmp.Diff(test.ids, ids); diff != "" || more != test.more {
				t.Errorf("more %v, ids (-want +got):\n%s", more, diff)
			}
			s.wantRequests(t, recorded{"GET /prefix/api/v4/contacts?limit=2&order[id]=asc&page=3", ""})
		})
	}
}

func TestContact(t *testing.T) {
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, test := range map[string]struct {
		handle http.HandlerFunc
		found  bool
		bad    bool
	}{
		"there":                {reply(`{"id":11,"name":"Вася"}`), true, false},
		"gone":                 {reply(""), false, false},
		"in the bin":           {reply(`{"id":11,"is_deleted":true}`), false, false},
		"gone with a problem":  {status(404, `{"title":"Not Found","status":404}`), false, false},
		"no such route":        {status(404, `<html>`), false, true},
		"merged into another":  {reply(`{"id":12}`), false, true},
		"an answer of no kind": {reply(`[]`), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := serve(t, test.handle)
			got, found, err := client.Contact(t.Context(), 11)
			if found != test.found || (err != nil) != test.bad || found != (got.ID == 11) {
				t.Errorf("contact %+v, found %t, error %v", got, found, err)
			}
			s.wantRequests(t, recorded{"GET /prefix/api/v4/contacts/11", ""})
		})
	}
}

var twoContacts = []amocrm.NewContact{
	{
		RequestID: "p-1", Name: "Вася & <Ко>", CreatedAt: 1582117331, ResponsibleUserID: 3,
		Fields: []amocrm.FieldValues{amocrm.Phone("+79151112233"), amocrm.Email("a@example.com"), amocrm.Text(90, "legacy-7")},
		Tags:   []string{"import", "архив"},
	},
	{RequestID: "p-2", Name: "Client 8"},
}

func TestAddContacts(t *testing.T) {
	s, client := serve(t, reply(`{"_links":{"self":{"href":"x"}},"_embedded":{"contacts":[{"id":102,"request_id":"p-2"},{"id":101,"request_id":"p-1"}]}}`))
	got, err := client.AddContacts(t.Context(), twoContacts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]amocrm.AddedContact{{RequestID: "p-1", ID: 101}, {RequestID: "p-2", ID: 102}}, got); diff != "" {
		t.Errorf("added (-want +got):\n%s", diff)
	}
	s.wantRequests(t, recorded{"POST /prefix/api/v4/contacts", `[{"name":"Вася & <Ко>","created_at":1582117331,"responsible_user_id":3,` +
		`"custom_fields_values":[{"field_code":"PHONE","values":[{"value":"+79151112233","enum_code":"WORK"}]},{"field_code":"EMAIL","values":[{"value":"a@example.com","enum_code":"WORK"}]},{"field_id":90,"values":[{"value":"legacy-7"}]}],` +
		`"_embedded":{"tags":[{"name":"import"},{"name":"архив"}]},"request_id":"p-1"},{"name":"Client 8","request_id":"p-2"}]`})
}

// Whether contacts were made cannot be told from these answers.
func TestAddContactsUnreadable(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":               "",
		"a page":                "<html>",
		"one is missing":        `{"_embedded":{"contacts":[{"id":101,"request_id":"p-1"}]}}`,
		"one has no id":         `{"_embedded":{"contacts":[{"id":101,"request_id":"p-1"},{"request_id":"p-2"}]}}`,
		"one comes twice":       `{"_embedded":{"contacts":[{"id":101,"request_id":"p-1"},{"id":102,"request_id":"p-1"},{"id":103,"request_id":"p-2"}]}}`,
		"request ids forgotten": `{"_embedded":{"contacts":[{"id":101,"request_id":"0"},{"id":102,"request_id":"1"}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, client := serve(t, reply(answer))
			added, err := client.AddContacts(t.Context(), twoContacts)
			if added != nil {
				t.Errorf("added %v", added)
			}
			wantUnreadable(t, err)
		})
	}
}

func TestAddContactsChecksItsBatch(t *testing.T) {
	s, client := serve(t, reply(""))
	for name, batch := range map[string][]amocrm.NewContact{
		"too many":        make([]amocrm.NewContact, 251),
		"no request id":   {{Name: "a"}},
		"request id used": {{RequestID: "a"}, {RequestID: "a"}},
	} {
		if _, err := client.AddContacts(t.Context(), batch); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if added, err := client.AddContacts(t.Context(), nil); added != nil || err != nil {
		t.Errorf("empty batch: %v, %v", added, err)
	}
	if len(s.requests) != 0 {
		t.Errorf("requests %q, want none", s.requests)
	}
}

func TestLinkChats(t *testing.T) {
	const a, b = "36e75a8a-50dc-4dc2-ba87-3a26e8d1e5bc", "6cbab3d5-c4c1-46ff-b710-ad59ad10805f"
	batch := []amocrm.ChatLink{{ContactID: 1, ChatID: a}, {ContactID: 2, ChatID: b}}
	const request = `[{"contact_id":1,"chat_id":"` + a + `"},{"contact_id":2,"chat_id":"` + b + `"}]`
	for name, test := range map[string]struct {
		answer string
		want   []amocrm.ChatLink
	}{
		"both": {
			`{"_total_items":2,"_embedded":{"chats":[{"chat_id":"` + b + `","contact_id":2,"id":20,"request_id":"1"},{"chat_id":"` + strings.ToUpper(a) + `","contact_id":1,"id":19,"request_id":"0"}]}}`,
			[]amocrm.ChatLink{{1, a, 19}, {2, b, 20}},
		},
		"one to another contact": {`{"_embedded":{"chats":[{"chat_id":"` + a + `","contact_id":7,"id":19},{"chat_id":"` + b + `","contact_id":2,"id":20}]}}`, []amocrm.ChatLink{{2, b, 20}}},
		"nothing":                {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := serve(t, reply(test.answer))
			got, err := client.LinkChats(t.Context(), batch)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
			s.wantRequests(t, recorded{"POST /prefix/api/v4/contacts/chats", request})
		})
	}
	t.Run("batch sizes", func(t *testing.T) {
		s, client := serve(t, reply(""))
		if _, err := client.LinkChats(t.Context(), make([]amocrm.ChatLink, 251)); err == nil {
			t.Error("too many: no error")
		}
		if got, err := client.LinkChats(t.Context(), nil); got != nil || err != nil {
			t.Errorf("none: %v, %v", got, err)
		}
		if len(s.requests) != 0 {
			t.Errorf("requests %q, want none", s.requests)
		}
	})
}

func TestLinksByChat(t *testing.T) {
	const chat = "36e75a8a-50dc-4dc2-ba87-3a26e8d1e5bc"
	for name, test := range map[string]struct {
		answer string
		want   []amocrm.ChatLink
	}{
		"linked":              {`{"_total_items":1,"_embedded":{"chats":[{"chat_id":"` + chat + `","contact_id":1,"id":19}]}}`, []amocrm.ChatLink{{1, chat, 19}}},
		"not linked":          {"", nil},
		"empty list":          {`{"_total_items":0,"_embedded":{"chats":[]}}`, nil},
		"the filter is off":   {`{"_embedded":{"chats":[{"chat_id":"other","contact_id":5,"id":1},{"chat_id":"` + chat + `","contact_id":1,"id":19}]}}`, []amocrm.ChatLink{{1, chat, 19}}},
		"a row of no contact": {`{"_embedded":{"chats":[{"chat_id":"` + chat + `","contact_id":null}]}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := serve(t, reply(test.answer))
			got, err := client.LinksByChat(t.Context(), chat)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
			s.wantRequests(t, recorded{"GET /prefix/api/v4/contacts/chats?chat_id=" + chat, ""})
		})
	}
	_, client := serve(t, reply(`{"errors":[]}`))
	_, err := client.LinksByChat(t.Context(), chat)
	wantUnreadable(t, err)
}

func FuzzContacts(f *testing.F) {
	f.Add([]byte(rows("contacts", 1, 3, false)))
	f.Add([]byte(`{"_embedded":{"contacts":[{"id":1,"custom_fields_values":[{"values":{"0":1}},null,{"values":[null,{"value":{}}]}]}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		ids, err := collect(answering(200, nil, bytes.NewReader(body)).SearchContacts(t.Context(), "x"))
		var failed *amocrm.CallError
		if err != nil && !errors.As(err, &failed) {
			t.Errorf("error %#v is no CallError", err)
		}
		var want struct {
			Embedded struct {
				Contacts []json.RawMessage `json:"contacts"`
			} `json:"_embedded"`
		}
		if err == nil && (json.Unmarshal(body, &want) != nil || len(ids) > len(want.Embedded.Contacts)) {
			t.Errorf("%d contacts of %d", len(ids), len(want.Embedded.Contacts))
		}
	})
}
