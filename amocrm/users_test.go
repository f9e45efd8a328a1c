package amocrm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amocrm"
)

// rows makes an answer with the ids from first to last, in that order, under the name of the list.
func rows(list string, first, last int, next bool) string {
	var out []string
	step := 1
	if last < first {
		step = -1
	}
	for id := first; id != last+step; id += step {
		out = append(out, fmt.Sprintf(`{"id":%d,"name":"n%d","type":"text"}`, id, id))
	}
	links := `{"self":{"href":"https://example.amocrm.ru/"}}`
	if next {
		// An address elsewhere, which must not be followed.
		links = `{"next":{"href":"https://evil.example/api/v4/x?page=7"}}`
	}
	return `{"_page":1,"_links":` + links + `,"_embedded":{"` + list + `":[` + strings.Join(out, ",") + `]}}`
}

func TestUsers(t *testing.T) {
	s, client := serve(t, reply(
		`{"_total_items":2,"_page":1,"_page_count":1,"_links":{"self":{"href":"x"}},"_embedded":{"users":[
			{"id":3,"name":"Анна","email":"anna@example.com","lang":"ru","rights":{"is_admin":true,"is_free":false,"is_active":true},"amojo_id":"76fc2bea-902f-425c-9a3d-dcdac4766090"},
			{"id":4,"name":"Пётр","email":"petr@example.com","rights":{"is_admin":false,"is_active":false},"amojo_id":null},
			{"id":5,"name":"Ян","email":null,"rights":[]}]}}`))
	got, err := client.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []amocrm.User{
		{ID: 3, Name: "Анна", Email: "anna@example.com", AmojoID: "76fc2bea-902f-425c-9a3d-dcdac4766090", IsAdmin: true, IsActive: true},
		{ID: 4, Name: "Пётр", Email: "petr@example.com"},
		{ID: 5, Name: "Ян"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}
	s.wantRequests(t, recorded{"GET /prefix/api/v4/users?limit=250&page=1&with=amojo_id", ""})
}

func TestUsersPages(t *testing.T) {
	for name, test := range map[string]struct {
		answers         []string
		users, requests int
	}{
		"none":                       {[]string{""}, 0, 1},
		"short page without next":    {[]string{rows("users", 1, 5, false), ""}, 5, 1},
		"short page with next":       {[]string{rows("users", 1, 5, true), rows("users", 6, 7, false), ""}, 7, 2},
		"next leads to nothing":      {[]string{rows("users", 1, 250, true), ""}, 250, 2},
		"full page without next":     {[]string{rows("users", 1, 250, false), rows("users", 251, 252, false), ""}, 252, 2},
		"rows shifted between pages": {[]string{rows("users", 1, 250, true), rows("users", 249, 260, false), ""}, 260, 2},
		"empty list":                 {[]string{`{"_embedded":{"users":[]}}`}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := serve(t, reply(test.answers...))
			got, err := client.Users(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != test.users || len(s.requests) != test.requests {
				t.Errorf("%d users in %d requests, want %d in %d", len(got), len(s.requests), test.users, test.requests)
			}
		})
	}
}

func TestUsersUnreadable(t *testing.T) {
	for name, answer := range map[string]string{
		"a page":                 "<html>",
		"no list":                "{}",
		"list of another name":   `{"_embedded":{"contacts":[]}}`,
		"PHP's empty object":     `{"_embedded":[]}`,
		"list of another kind":   `{"_embedded":{"users":{"1":{}}}}`,
		"a row is null":          `{"_embedded":{"users":[null]}}`,
		"a row without id":       `{"_embedded":{"users":[{"name":"x"}]}}`,
		"the same page for ever": rows("users", 1, 250, true),
	} {
		t.Run(name, func(t *testing.T) {
			s, client := serve(t, reply(answer))
			users, err := client.Users(t.Context())
			if users != nil || len(s.requests) > 2 {
				t.Errorf("users %v in %d requests", users, len(s.requests))
			}
			wantUnreadable(t, err)
		})
	}
}

func TestContactField(t *testing.T) {
	pages := []string{rows("custom_fields", 1, 50, true), `{"_embedded":{"custom_fields":[{"id":74,"name":"Телефон","code":"PHONE","type":"multitext"},{"id":"75","name":"Старый id","code":null,"type":"text"}]}}`}
	for id, want := range map[int64]amocrm.Field{
		2:  {ID: 2, Name: "n2", Type: "text"},
		74: {ID: 74, Name: "Телефон", Code: "PHONE", Type: "multitext"},
		75: {ID: 75, Name: "Старый id", Type: "text"},
		99: {},
	} {
		s, client := serve(t, reply(pages...))
		got, found, err := client.ContactField(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" || found != (want.ID != 0) {
			t.Errorf("field %d found %t (-want +got):\n%s", id, found, diff)
		}
		if got.IsText() != (want.Type == "text") {
			t.Errorf("field %d: IsText %t", id, got.IsText())
		}
		want := []recorded{{"GET /prefix/api/v4/contacts/custom_fields?limit=50&page=1", ""}, {"GET /prefix/api/v4/contacts/custom_fields?limit=50&page=2", ""}}
		if id == 2 {
			want = want[:1]
		}
		s.wantRequests(t, want...)
	}
}
