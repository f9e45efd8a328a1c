package sandbox_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/sandbox"
)

// The vendor's example of importing a conversation, request by request, with the answers in the shapes it prints.
// Only ids that the server draws differ.
// https://www.amocrm.ru/developers/content/chats/chat-import-message-example
func TestImportExample(t *testing.T) {
	const (
		manager = "d8d9f9c4-9611-4794-a136-a253a13e1bb5"
		person  = `{"id": "sk-1376265f-86df-4c49-a0c3-a4816df41af9", "avatar": "https:/example.com/users/avatar.png", "name": "Example Client",
			"profile": {"phone": "79151112233", "email": "example.client@example.com"}, "profile_link": "https://example.com/profile/example.client"}`
	)
	c := newClient(t, sandbox.Options{
		Account: sandbox.Account{AmojoID: accountA}, Channel: sandbox.Channel{ID: channelA, Secret: secretA},
		Users:         []sandbox.User{{ID: 1, Name: "Админ", Admin: true}, {ID: 2, Name: "Менеджер Василий", AmojoID: manager}},
		ResponseShape: sandbox.Shape2020, DriftSecond: true, Disconnected: true, Now: at("2020-08-03T16:06:48Z"),
	})
	a, err := c.try(context.Background(), "POST", root+channelA+"/connect", strings.Replace(connectA, "ScopeTitle", "ChatIntegration", 1), true)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "connect", object{
		"account_id": accountA, "scope_id": channelA + "_" + accountA, "title": "ChatIntegration", "hook_api_version": "v2",
	}, c.want(a, 200).get(t, "").(object))

	a = c.want(c.amojo("POST", "/chats", `{"conversation_id": "skc-8e3e7640-49af-4448-a2c6-d5a421f7f217", "user": `+person+`}`), 200)
	chat, client := a.get(t, "id").(string), a.get(t, "user.id").(string)
	diff(t, "chat", object{"id": chat, "user": object{
		"id": client, "client_id": "sk-1376265f-86df-4c49-a0c3-a4816df41af9", "name": "Example Client",
		"avatar": "https:/example.com/users/avatar.png", "phone": "79151112233", "email": "example.client@example.com",
	}}, a.get(t, "").(object))

	a = c.want(c.v4("POST", "/api/v4/contacts", `[{"first_name": "Jack200803", "last_name": "Tester"}]`), 200)
	contact := a.get(t, "_embedded.contacts.0.id").(float64)
	self := a.get(t, "_embedded.contacts.0._links.self.href").(string)
	diff(t, "contact", object{
		"_links":    object{"self": object{"href": c.base + "/api/v4/contacts"}},
		"_embedded": object{"contacts": []any{object{"id": contact, "request_id": "0", "_links": object{"self": object{"href": self}}}}},
	}, a.get(t, "").(object))

	pair := encode([]object{{"contact_id": contact, "chat_id": chat}})
	for range 2 { // the page shows the same POST twice
		a = c.want(c.v4("POST", "/api/v4/contacts/chats", pair), 200)
		diff(t, "link", object{"_total_items": 1.0, "_embedded": object{"chats": []any{object{
			"chat_id": chat, "contact_id": contact, "id": a.get(t, "_embedded.chats.0.id"), "request_id": "0",
		}}}}, a.get(t, "").(object))
	}

	a = c.want(c.amojo("POST", "", `{"account_id": "`+accountA+`", "event_type": "new_message", "payload": {
		"timestamp": 1596470808, "msgid": "5f283618af2c8", "conversation_id": "skc-8e3e7640-49af-4448-a2c6-d5a421f7f217",
		"sender": `+person+`, "message": {"type": "text", "text": "Можно ли оплатить заказ при получении ?"}, "silent": true}}`), 200)
	first := a.get(t, "new_message.msgid").(string)
	diff(t, "first answer", object{"new_message": object{"msgid": first}}, a.get(t, "").(object))
	a = c.want(c.amojo("POST", "", `{"account_id": "`+accountA+`", "event_type": "new_message", "payload": {
		"timestamp": 1596470952, "msgid": "skm-5f2836a8ca468", "conversation_id": "skc-8e3e7640-49af-4448-a2c6-d5a421f7f217",
		"sender": {"id": "sk-e1982bb8-bdf1-4fa5-841d-7d5cebd77f7b", "ref_id": "`+manager+`", "name": "Менеджер Василий"},
		"receiver": `+person+`,
		"message": {"type": "text", "text": "Да, конечно. Вы можете оплатить наличными и картой курьеру при получении."}, "silent": true}}`), 200)
	second := a.get(t, "new_message.msgid").(string)

	party := object{
		"id": client, "client_id": "sk-1376265f-86df-4c49-a0c3-a4816df41af9", "avatar": "https:/example.com/users/avatar.png",
		"name": "Example Client", "phone": "79151112233", "email": "example.client@example.com",
	}
	content := func(id, ours, text string) object {
		return object{"id": id, "client_id": ours, "type": "text", "text": text, "media": "", "thumbnail": "", "file_name": "", "file_size": 0.0}
	}
	a = c.want(c.amojo("GET", "/chats/"+chat+"/history?limit=50&offset=0", ""), 200)
	diff(t, "history", object{"messages": []any{
		object{
			"timestamp": 1596470953.0, "sender": object{"id": manager, "name": "Менеджер Василий"}, "receiver": party,
			"message": content(second, "skm-5f2836a8ca468", "Да, конечно. Вы можете оплатить наличными и картой курьеру при получении."),
		},
		object{"timestamp": 1596470809.0, "sender": party, "message": content(first, "5f283618af2c8", "Можно ли оплатить заказ при получении ?")},
	}}, a.get(t, "").(object))

	got := c.w.Counters()
	if got.Unsorted != 0 || got.Notifications != 0 || got.Moves != 0 || got.ChatsByMessage != 0 {
		t.Errorf("the import made noise: %+v", got)
	}
}

func TestAnswersCarryHeaders(t *testing.T) {
	c := newClient(t, sandbox.Options{SetCookie: "session=1", ClockOffset: 0, Now: at("2026-01-02T03:04:05Z")})
	a := c.want(c.v4("GET", "/api/v4/account", ""), 200)
	if got := a.header.Get("Date"); got != "Fri, 02 Jan 2026 03:04:05 GMT" {
		t.Errorf("Date is %q", got)
	}
	if a.header.Get("X-Request-Id") == "" || a.header.Get("Set-Cookie") != "session=1" || a.header.Get("Content-Type") != "application/hal+json" {
		t.Errorf("headers are %v", a.header)
	}
	c = newClient(t, sandbox.Options{ClockOffset: 1 << 40, Now: at("2026-01-02T03:04:05Z")}) // some 18 minutes
	a = c.want(c.amojo("GET", "/chats/x/history", ""), http.StatusForbidden)
	if got := a.header.Get("Date"); got != "Fri, 02 Jan 2026 03:22:24 GMT" {
		t.Errorf("Date of a server with another clock is %q", got)
	}
	if a.header.Get("Set-Cookie") != "" {
		t.Error("a cookie without being asked for one")
	}
}
