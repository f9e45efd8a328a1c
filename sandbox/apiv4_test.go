package sandbox_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/sandbox"
)

func TestAuthorization(t *testing.T) {
	for _, tt := range []struct {
		name, header, path string
		status             int
	}{
		{"none", "", "/api/v4/account", 401},
		{"unknown", "Bearer x", "/api/v4/account", 401},
		{"basic", "Basic x", "/api/v4/account", 401},
		{"admin", "admin", "/api/v4/users", 200},
		{"manager", "manager", "/api/v4/account", 200},
		{"manager asks for users", "manager", "/api/v4/users", 403},
		{"manager asks for links", "manager", "/api/v4/contacts/chats?chat_id=x", 403},
		{"manager asks for sources", "manager", "/api/v4/sources", 403},
		{"unknown path", "admin", "/api/v4/nothing", 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, sandbox.Options{})
			c.edit = func(r *http.Request) {
				switch r.Header.Del("Authorization"); tt.header {
				case "":
				case "admin":
					r.Header.Set("Authorization", "Bearer "+c.o.Token)
				case "manager":
					r.Header.Set("Authorization", "Bearer "+c.o.TokenOfManager)
				default:
					r.Header.Set("Authorization", tt.header)
				}
			}
			a := c.want(c.v4("GET", tt.path, ""), tt.status)
			if tt.status >= 400 {
				if a.header.Get("Content-Type") != "application/problem+json" || a.get(t, "status") != float64(tt.status) || a.get(t, "title") == nil {
					t.Errorf("no problem+json: %v %s", a.header, a.body)
				}
			}
		})
	}
	c := newClient(t, sandbox.Options{})
	c.want(c.v4("DELETE", "/api/v4/contacts", ""), 405)
	c.w.RevokeTokens()
	c.want(c.v4("GET", "/api/v4/account", ""), 401)
}

func TestAccountAndUsers(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	a := c.want(c.v4("GET", "/api/v4/account", ""), 200)
	if a.get(t, "id") != float64(c.o.Account.ID) || a.get(t, "amojo_id") != nil {
		t.Errorf("account without with: %s", a.body)
	}
	a = c.want(c.v4("GET", "/api/v4/account?with=amojo_id,is_api_filter_enabled", ""), 200)
	if a.get(t, "amojo_id") != c.o.Account.AmojoID || a.get(t, "is_api_filter_enabled") != false {
		t.Errorf("account: %s", a.body)
	}
	a = c.want(c.v4("GET", "/api/v4/users?with=amojo_id&limit=2&page=2", ""), 200)
	if v := a.get(t, "_embedded.users.0").(object); v["name"] != "Vera New" || v["amojo_id"] != nil {
		t.Errorf("a user never active in chats: %v", v)
	}
	if a.get(t, "_embedded.users.1.rights.is_active") != false {
		t.Errorf("deactivated user: %s", a.body)
	}
	if a.get(t, "_links.next") != nil {
		t.Error("the last page has a next one")
	}
	c.want(c.v4("GET", "/api/v4/users?page=3&limit=2", ""), 204)
	c.want(c.v4("GET", "/api/v4/users?limit=251", ""), 400)
	c.want(c.v4("GET", "/api/v4/users/7002", ""), 200)
	c.want(c.v4("GET", "/api/v4/users/1", ""), 404)
	a = c.want(c.v4("GET", "/api/v4/contacts/custom_fields", ""), 200)
	if a.get(t, "_embedded.custom_fields.0.code") != "PHONE" || a.get(t, "_embedded.custom_fields.2.type") != "text" {
		t.Errorf("custom fields: %s", a.body)
	}
	c.want(c.v4("GET", "/api/v4/contacts/custom_fields?limit=51", ""), 400)
	c.want(c.v4("GET", "/api/v4/sources?filter[external_id]=legacy-import", ""), 200)
	c.want(c.v4("GET", "/api/v4/sources?filter[external_id]=other", ""), 204)
	c.want(c.v4("GET", "/api/v4/sources/8001", ""), 200)
}

func TestContactRules(t *testing.T) {
	many := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(`{"name":"x"},`, n), ",") + "]" }
	for _, tt := range []struct {
		name, body string
		status     int
		path       string // of the first fault
	}{
		{"nothing named", `[{}]`, 200, ""},
		{"not an array", `{"name":"x"}`, 400, ""},
		{"empty", `[]`, 400, ""},
		{"250", many(250), 200, ""},
		{"251", many(251), 422, ""},
		{"name as a number", `[{"name":1}]`, 400, "name"},
		{"time as text", `[{"created_at":"1"}]`, 400, "created_at"},
		{"unknown user", `[{"responsible_user_id":1}]`, 400, "responsible_user_id"},
		{"unknown field", `[{"custom_fields_values":[{"field_id":1,"values":[{"value":"x"}]}]}]`, 400, "custom_fields_values.0.field_id"},
		{"unknown code", `[{"custom_fields_values":[{"field_code":"X","values":[{"value":"x"}]}]}]`, 400, "custom_fields_values.0.field_code"},
		{"phone as a number", `[{"custom_fields_values":[{"field_code":"PHONE","values":[{"value":79151112233}]}]}]`, 400, "custom_fields_values.0.values.0.value"},
		{"unknown kind of phone", `[{"custom_fields_values":[{"field_code":"PHONE","values":[{"value":"1","enum_code":"CAR"}]}]}]`, 400, "custom_fields_values.0.values.0.enum_code"},
		{"values missing", `[{"custom_fields_values":[{"field_code":"PHONE"}]}]`, 400, "custom_fields_values.0.values"},
		{"tag by name", `[{"_embedded":{"tags":[{"name":"t"}]}}]`, 200, ""},
		{"tag of nothing", `[{"tags_to_add":[{}]}]`, 400, "tags_to_add.0.name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, sandbox.Options{})
			a := c.want(c.v4("POST", "/api/v4/contacts", tt.body), tt.status)
			if tt.path != "" && a.get(t, "validation-errors.0.errors.0.path") != tt.path {
				t.Errorf("fault is not at %s: %s", tt.path, a.body)
			}
		})
	}
}

func TestBadElementRefusesTheBatch(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	a := c.want(c.v4("POST", "/api/v4/contacts", `[{"name":"a","request_id":"ra"},{"name":"b","request_id":"rb","custom_fields_values":[{"field_id":1,"values":[{"value":"x"}]}]},{"responsible_user_id":5}]`), 400)
	diff(t, "problem", object{
		"title": "Bad Request", "type": "https://httpstatus.es/400", "status": 400.0, "detail": "Request validation failed",
		"validation-errors": []any{
			object{"request_id": "rb", "errors": []any{object{
				"code": "NotSupportedChoice", "path": "custom_fields_values.0.field_id", "detail": "The value you selected is not a valid choice.",
			}}},
			object{"request_id": "2", "errors": []any{object{
				"code": "NotSupportedChoice", "path": "responsible_user_id", "detail": "The value you selected is not a valid choice.",
			}}},
		},
	}, a.get(t, "").(object))
	if got := c.w.Snapshot().Contacts; len(got) != 0 {
		t.Errorf("%d contacts were made", len(got))
	}
	a = c.want(c.v4("POST", "/api/v4/contacts", `[]`), 400)
	if a.get(t, "detail") != "Request data can not be empty" {
		t.Errorf("empty: %s", a.body)
	}
	a = c.want(c.v4("POST", "/api/v4/contacts", `[{"name":"a","request_id":"ra"},{"name":"b"}]`), 200)
	if a.get(t, "_embedded.contacts.0.request_id") != "ra" || a.get(t, "_embedded.contacts.1.request_id") != "1" {
		t.Errorf("request ids: %s", a.body)
	}
}

// contact makes one contact and returns its id.
func (c *client) contact(name, phone string) int {
	c.t.Helper()
	a := c.want(c.v4("POST", "/api/v4/contacts", encode([]object{{"name": name, "created_at": 1500000000, "custom_fields_values": []object{
		{"field_code": "PHONE", "values": []object{{"value": phone, "enum_code": "WORK"}}},
		{"field_id": 9003, "values": []object{{"value": "legacy-" + name}}},
	}}})), 200)
	return int(a.get(c.t, "_embedded.contacts.0.id").(float64))
}

// ids are the ids of a list, by a key of its rows.
func (c *client) ids(a answer, list, key string) []int {
	c.t.Helper()
	if a.status == http.StatusNoContent {
		return nil
	}
	c.want(a, 200)
	var ids []int
	for _, row := range a.get(c.t, "_embedded."+list).([]any) {
		ids = append(ids, int(row.(object)[key].(float64)))
	}
	return ids
}

func TestContactSearch(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	a, b := c.contact("Anna", "+7 (915) 111-22-33"), c.contact("Boris", "8 495 000 00 00")
	for query, want := range map[string][]int{
		"query=9151112233": {a}, "query=anna": {a}, "query=nobody": nil, "query=legacy-": {a, b},
		"order[id]=desc": {b, a}, "limit=1": {a}, "limit=1&page=2": {b}, "filter[id]=" + fmt.Sprint(b): {a, b}, // no add-on: ignored
	} {
		diff(t, query, want, c.ids(c.v4("GET", "/api/v4/contacts?"+query, ""), "contacts", "id"))
	}
	c.want(c.v4("GET", "/api/v4/contacts?order[name]=asc", ""), 400)
	next := c.want(c.v4("GET", "/api/v4/contacts?limit=1", ""), 200).get(t, "_links.next.href").(string)
	diff(t, "next page", []int{b}, c.ids(c.v4("GET", strings.TrimPrefix(next, c.base), ""), "contacts", "id"))

	c.w.Change(func(o *sandbox.Options) { o.FilterAddon = true })
	for query, want := range map[string][]int{
		"filter[id][]=" + fmt.Sprint(b):                        {b},
		"filter[custom_fields_values][9003][]=legacy-Anna":     {a},
		"filter[name]=Boris":                                   {b},
		"filter[created_at][from]=1500000001":                  nil,
		"filter[custom_fields_values][9003]=legacy-Boris":      {b},
		"filter[custom_fields_values][9003][]=legacy-Somebody": nil,
	} {
		diff(t, query, want, c.ids(c.v4("GET", "/api/v4/contacts?"+query, ""), "contacts", "id"))
	}
	row := c.want(c.v4("GET", fmt.Sprintf("/api/v4/contacts/%d?with=leads", a), ""), 200)
	diff(t, "phone", object{
		"field_id": 9001.0, "field_name": "Телефон", "field_code": "PHONE", "field_type": "multitext",
		"values": []any{object{"value": "+7 (915) 111-22-33", "enum_code": "WORK", "enum_id": 900100.0}},
	}, row.get(t, "custom_fields_values.0").(object))
	if row.get(t, "created_at") != 1500000000.0 {
		t.Errorf("created_at is %v", row.get(t, "created_at"))
	}
	c.want(c.v4("GET", "/api/v4/contacts/1", ""), 204)
}

func TestContactSearchLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, sandbox.Options{ContactSearchLag: time.Minute})
		id := c.contact("Anna", "+79151112233")
		c.want(c.v4("GET", "/api/v4/contacts?query=Anna", ""), 204)
		diff(t, "the plain list does not lag", []int{id}, c.ids(c.v4("GET", "/api/v4/contacts?order[id]=desc", ""), "contacts", "id"))
		<-time.After(time.Minute)
		c.want(c.v4("GET", "/api/v4/contacts?query=Anna", ""), 200)
	})
}

func TestContactEdits(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	id := c.contact("Anna", "+79151112233")
	body := func(values string) string {
		return fmt.Sprintf(`{"id":%d,"custom_fields_values":[{"field_code":"PHONE","values":%s}]}`, id, values)
	}
	c.want(c.v4("PATCH", "/api/v4/contacts", "["+body(`[{"value":"1"}]`)+"]"), 200)
	c.want(c.v4("PATCH", fmt.Sprintf("/api/v4/contacts/%d", id), body(`[{"value":"2"},{"value":"3"}]`)), 200)
	diff(t, "values are replaced as a whole", []string{"2", "3"}, c.w.Snapshot().Contacts[0].Values["PHONE"])
	c.want(c.v4("PATCH", "/api/v4/contacts", `[{"id":1,"name":"x"}]`), 400)
	c.want(c.v4("PATCH", "/api/v4/contacts", `[{"name":"x"}]`), 400)
	c.want(c.v4("PATCH", "/api/v4/contacts/1", `{"name":"x"}`), 404)
	other := c.contact("Boris", "1")
	if !c.w.MergeContacts(id, other) || !c.w.DeleteContact(other) {
		t.Fatal("cannot merge or delete")
	}
	c.want(c.v4("GET", "/api/v4/contacts", ""), 204)
	c.want(c.v4("GET", fmt.Sprintf("/api/v4/contacts/%d", id), ""), 204)
}

func TestLinks(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	a, b := c.contact("Anna", "1"), c.contact("Boris", "2")
	chat, other := c.chat("c"), c.chat("c2")
	link := func(contact int, chat string) answer {
		return c.v4("POST", "/api/v4/contacts/chats", encode([]object{{"contact_id": contact, "chat_id": chat, "request_id": "r"}}))
	}
	c.want(c.v4("GET", "/api/v4/contacts/chats?chat_id="+chat, ""), 204)
	first := c.want(link(a, chat), 200).get(t, "_embedded.chats.0.id")
	again := c.want(link(a, chat), 200)
	if again.get(t, "_embedded.chats.0.id") != first || again.get(t, "_embedded.chats.0.request_id") != "r" {
		t.Errorf("the same pair again: %s", again.body)
	}
	if got := c.w.Counters(); got.Moves != 0 || got.LinksMade != 1 {
		t.Errorf("%d moves, %d links", got.Moves, got.LinksMade)
	}
	moved := c.want(link(b, chat), 200)
	if moved.get(t, "_embedded.chats.0.id") == first {
		t.Error("a moved link kept its id")
	}
	diff(t, "moves", []sandbox.Move{{ChatID: chat, From: a, To: b}}, c.w.Snapshot().Moves)
	c.want(link(b, other), 200)

	list := func(query string) []int {
		return c.ids(c.v4("GET", "/api/v4/contacts/chats?"+query, ""), "chats", "contact_id")
	}
	diff(t, "by chat", []int{b}, list("chat_id="+chat))
	diff(t, "by contact", []int{b, b}, list(fmt.Sprintf("contact_id=%d", b)))
	diff(t, "by nobody", []int(nil), list(fmt.Sprintf("contact_id=%d", a)))
	diff(t, "by several chats", []int{b, b}, list("chat_id[]="+chat+"&chat_id[]="+other))
	c.want(c.v4("GET", "/api/v4/contacts/chats", ""), 400)
	c.w.Change(func(o *sandbox.Options) { o.NoLinkArrays = true })
	c.want(c.v4("GET", "/api/v4/contacts/chats?chat_id[]="+chat, ""), 400)

	c.want(c.v4("POST", "/api/v4/contacts/chats", `[]`), 400)
	c.want(c.v4("POST", "/api/v4/contacts/chats", `{}`), 400)
	bad := c.want(link(1, chat), 400)
	if bad.get(t, "validation-errors.0.request_id") != "r" || bad.get(t, "validation-errors.0.errors.0.path") != "contact_id" {
		t.Errorf("unknown contact: %s", bad.body)
	}
	c.want(link(a, "a0000000-0000-4000-8000-00000000dead"), 400)
	c.want(c.v4("POST", "/api/v4/contacts/chats", `[{"contact_id":"1","chat_id":"`+chat+`"}]`), 400)
	if !c.w.LinkByHand(chat, a) || c.w.Counters().Moves != 1 {
		t.Error("a link made by hand counts as the client's move")
	}

	c.edit = func(r *http.Request) { r.Header.Set("Cookie", "session=1") }
	c.want(c.v4("GET", "/api/v4/contacts/chats?chat_id="+chat, ""), 403)
	c.want(link(b, chat), 403)
	c.want(c.v4("GET", "/api/v4/account", ""), 200)

	k := newClient(t, sandbox.Options{Flavour: sandbox.Kommo})
	if a := k.want(k.v4("POST", "/api/v4/contacts/chats", `[{"contact_id":1,"chat_id":"x"}]`), 400); a.body != "{}" {
		t.Errorf("Kommo's 400 is %s, want {}", a.body)
	}
}

func TestLeads(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	id := c.contact("Anna", "1")
	a := c.want(c.v4("POST", "/api/v4/leads", encode([]object{{
		"name": "Old", "created_at": 1400000000, "closed_at": 1400000001, "status_id": 143, "pipeline_id": sandbox.DefaultPipeline, "request_id": "r",
		"_embedded": object{"contacts": []object{{"id": id, "is_main": true}}},
	}})), 200)
	lead := int(a.get(t, "_embedded.leads.0.id").(float64))
	row := c.want(c.v4("GET", fmt.Sprintf("/api/v4/leads/%d?with=contacts", lead), ""), 200)
	if row.get(t, "created_at") != 1400000000.0 || row.get(t, "_embedded.contacts.0.id") != float64(id) || row.get(t, "status_id") != 143.0 {
		t.Errorf("lead: %s", row.body)
	}
	row = c.want(c.v4("GET", fmt.Sprintf("/api/v4/contacts/%d?with=leads", id), ""), 200)
	if row.get(t, "_embedded.leads.0.id") != float64(lead) {
		t.Errorf("contact's leads: %s", row.body)
	}
	diff(t, "list", []int{lead}, c.ids(c.v4("GET", "/api/v4/leads", ""), "leads", "id"))
	c.want(c.v4("POST", "/api/v4/leads", `[{"_embedded":{"contacts":[{"id":1}]}}]`), 400)
	c.want(c.v4("POST", "/api/v4/leads", `[{"created_at":"x"}]`), 400)
	c.want(c.v4("GET", "/api/v4/leads/1", ""), 204)
}

func TestPipelines(t *testing.T) {
	c := newClient(t, sandbox.Options{Sources: []sandbox.Source{{ID: 1, PipelineID: 6002}}})
	a := c.want(c.v4("GET", "/api/v4/leads/pipelines", ""), 200)
	diff(t, "pipelines", []int{sandbox.DefaultPipeline, 6002}, c.ids(a, "pipelines", "id"))
	var stages []float64
	for _, s := range a.get(t, "_embedded.pipelines.1._embedded.statuses").([]any) {
		stages = append(stages, s.(object)["id"].(float64))
	}
	diff(t, "stages", []float64{60020, 60021, 142, 143}, stages)
	for body, status := range map[string]int{
		`[{"status_id":143}]`: 200, `[{"pipeline_id":6002,"status_id":142}]`: 200, `[{"pipeline_id":6002}]`: 200, `[{"pipeline_id":6002,"status_id":60021}]`: 200,
		`[{"pipeline_id":7}]`: 400, `[{"status_id":7}]`: 400, `[{"status_id":60021}]`: 400, `[{"pipeline_id":6002,"status_id":60020}]`: 400,
	} {
		if got := c.v4("POST", "/api/v4/leads", body); got.status != status {
			t.Errorf("%s: %d, want %d", body, got.status, status)
		}
	}
}

func TestTalks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, sandbox.Options{TalkCloseLag: 5 * time.Second})
		contact, chat := c.contact("Anna", "1"), c.chat("c")
		c.want(c.v4("POST", "/api/v4/contacts/chats", encode([]object{{"contact_id": contact, "chat_id": chat}})), 200)
		c.want(c.v4("GET", "/api/v4/talks", ""), 204)
		c.want(c.amojo("POST", "", incoming("c", "m1", msec, "x")), 200)
		c.want(c.amojo("POST", "", incoming("stranger", "m2", msec, "x")), 200)
		talk := c.w.Snapshot().Chats[0].TalkIDs[0]

		a := c.want(c.v4("GET", fmt.Sprintf("/api/v4/talks?filter[contact_id][]=%d&filter[only_in_work]=1", contact), ""), 200)
		diff(t, "talks of the contact", []int{talk}, c.ids(a, "talks", "talk_id"))
		now := float64(time.Now().Unix())
		diff(t, "talk", object{
			"talk_id": float64(talk), "created_at": now, "updated_at": now, "rate": 0.0, "contact_id": float64(contact), "chat_id": chat,
			"entity_id": nil, "entity_type": nil, "is_in_work": true, "is_read": false, "origin": c.o.Channel.Code, "missed_at": nil,
			"account_id": float64(c.o.Account.ID), "status": "in_work", "source_id": nil,
			"_links": object{"self": object{"href": fmt.Sprintf("%s/api/v4/talks/%d", c.base, talk)}},
			"_embedded": object{"leads": []any{}, "customers": []any{}, "contacts": []any{object{
				"id": float64(contact), "_links": object{"self": object{"href": fmt.Sprintf("%s/api/v4/contacts/%d", c.base, contact)}},
			}}},
		}, c.want(c.v4("GET", fmt.Sprintf("/api/v4/talks/%d", talk), ""), 200).get(t, "").(object))

		end := func(body string) answer { return c.v4("POST", fmt.Sprintf("/api/v4/talks/%d/close", talk), body) }
		c.want(end(`{"force_close":"yes"}`), 400)
		if a := c.want(end(`{"force_close":true}`), 202); a.body != "" {
			t.Errorf("202 with a body: %s", a.body)
		}
		c.want(end(`{"force_close":true}`), 422)
		open := func() any {
			return c.want(c.v4("GET", fmt.Sprintf("/api/v4/talks/%d", talk), ""), 200).get(t, "is_in_work")
		}
		if open() != true {
			t.Error("closed before its time")
		}
		<-time.After(5 * time.Second)
		if open() != false {
			t.Error("not closed after its time")
		}
		if got := c.w.Counters().Surveys; got != 0 {
			t.Errorf("%d clients were asked by the NPS bot", got)
		}
		c.want(c.amojo("POST", "", incoming("c", "m3", msec+1, "x")), 200)
		if got := c.w.Snapshot().Chats[0].TalkIDs; len(got) != 2 {
			t.Errorf("talks of the chat are %v, want a second one for a message after the close", got)
		}
		c.want(c.v4("POST", "/api/v4/talks/1/close", ""), 404)
		c.want(c.v4("GET", "/api/v4/talks/1", ""), 404)
		c.want(c.v4("POST", fmt.Sprintf("/api/v4/talks/%d/close", c.w.Snapshot().Chats[0].TalkIDs[1]), ""), 202)
		if got := c.w.Counters().Surveys; got != 1 {
			t.Errorf("%d surveys after a close without force, want 1", got)
		}
		c.w.Change(func(o *sandbox.Options) { o.NoTalksList = true })
		c.want(c.v4("GET", "/api/v4/talks", ""), 404)
		c.want(c.v4("GET", fmt.Sprintf("/api/v4/talks/%d", talk), ""), 200)
	})
}

func TestEvents(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	contact, chat := c.contact("Anna", "1"), c.chat("c")
	c.want(c.v4("POST", "/api/v4/contacts/chats", encode([]object{{"contact_id": contact, "chat_id": chat}})), 200)
	c.want(c.v4("GET", "/api/v4/events", ""), 204)
	first := c.want(c.amojo("POST", "", incoming("c", "m1", msec, "x")), 200).get(t, "new_message.msgid")
	c.want(c.amojo("POST", "", encode(outgoing("c", "m2", msec, "x", c.o.Channel.Bot.ID))), 200)
	c.want(c.amojo("POST", "", incoming("stranger", "m3", msec, "x")), 200)
	talk := c.w.Snapshot().Chats[0].TalkIDs[0]

	query := fmt.Sprintf("/api/v4/events?filter[entity][]=contact&filter[entity_id][]=%d&filter[type][]=incoming_chat_message", contact)
	a := c.want(c.v4("GET", query, ""), 200)
	if n := len(a.get(t, "_embedded.events").([]any)); n != 1 {
		t.Errorf("%d events, want 1: %s", n, a.body)
	}
	diff(t, "value_after", []any{object{"message": object{"id": first, "talk_id": float64(talk), "origin": c.o.Channel.Code}}},
		a.get(t, "_embedded.events.0.value_after").([]any))
	if a.get(t, "_embedded.events.0._embedded.entity.linked_talk_contact_id") != float64(contact) {
		t.Errorf("event: %s", a.body)
	}
	a = c.want(c.v4("GET", "/api/v4/events?limit=100", ""), 200)
	var kinds []string
	for _, e := range a.get(t, "_embedded.events").([]any) {
		kinds = append(kinds, e.(object)["type"].(string))
	}
	diff(t, "the whole feed, newest first", []string{
		"incoming_chat_message", "talk_created", "outgoing_chat_message", "incoming_chat_message", "talk_created"}, kinds)
	a = c.want(c.v4("GET", "/api/v4/events?filter[type][]=talk_created&limit=1&page=2", ""), 200)
	if a.get(t, "_embedded.events.0.entity_id") != float64(talk) {
		t.Errorf("talk_created of the first chat: %s", a.body)
	}
	c.want(c.v4("GET", "/api/v4/events?limit=101", ""), 400)
	c.want(c.v4("GET", "/api/v4/events?filter[entity_id]=5", ""), 400)
}

func TestOAuth(t *testing.T) {
	for _, flavour := range []sandbox.Flavour{sandbox.AmoCRM, sandbox.Kommo} {
		t.Run(string(flavour), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, sandbox.Options{Flavour: flavour})
				grant := func(kind, key, value string, status int) answer {
					t.Helper()
					return c.want(c.v4("POST", "/oauth2/access_token", encode(object{
						"client_id": c.o.OAuth.ClientID, "client_secret": c.o.OAuth.ClientSecret, "redirect_uri": c.o.OAuth.RedirectURI,
						"grant_type": kind, key: value,
					})), status)
				}
				a := grant("authorization_code", "code", c.o.OAuth.Code, 200)
				if a.get(t, "token_type") != "Bearer" || a.get(t, "expires_in") != 86400.0 || (a.get(t, "server_time") != nil) != (flavour == sandbox.Kommo) {
					t.Errorf("pair: %s", a.body)
				}
				grant("authorization_code", "code", c.o.OAuth.Code, 400)
				old := a.get(t, "refresh_token").(string)
				access := a.get(t, "access_token").(string)
				c.edit = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+access) }
				c.want(c.v4("GET", "/api/v4/users", ""), 200)
				<-time.After(24 * time.Hour)
				c.want(c.v4("GET", "/api/v4/users", ""), 401)

				a = grant("refresh_token", "refresh_token", old, 200)
				fresh := a.get(t, "refresh_token").(string)
				lost := map[sandbox.Flavour]int{sandbox.AmoCRM: 400, sandbox.Kommo: 200}
				grant("refresh_token", "refresh_token", old, lost[flavour]) // its answer may have been lost
				a = grant("refresh_token", "refresh_token", fresh, 200)
				grant("refresh_token", "refresh_token", old, 400)
				access = a.get(t, "access_token").(string)
				c.want(c.v4("GET", "/api/v4/account", ""), 200)
				c.w.ExpireTokens()
				c.want(c.v4("GET", "/api/v4/account", ""), 401)
				grant("refresh_token", "refresh_token", "unknown", 400)
				grant("password", "password", "x", 400)
			})
		})
	}
	c := newClient(t, sandbox.Options{})
	for _, body := range []string{`{}`, `[]`, encode(object{
		"client_id": c.o.OAuth.ClientID, "client_secret": "wrong", "redirect_uri": c.o.OAuth.RedirectURI,
		"grant_type": "refresh_token", "refresh_token": c.o.OAuth.RefreshToken,
	})} {
		c.want(c.v4("POST", "/oauth2/access_token", body), 400)
	}
}

func TestOAuthCodeExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, sandbox.Options{})
		<-time.After(21 * time.Minute)
		a, err := c.try(context.Background(), "POST", "/oauth2/access_token", encode(object{
			"client_id": c.o.OAuth.ClientID, "client_secret": c.o.OAuth.ClientSecret, "redirect_uri": c.o.OAuth.RedirectURI,
			"grant_type": "authorization_code", "code": c.o.OAuth.Code,
		}), false)
		if err != nil || a.status != 400 {
			t.Errorf("answered %d, %v, want 400", a.status, err)
		}
	})
}
