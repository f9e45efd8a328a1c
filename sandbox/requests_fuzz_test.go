package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/amoimport/amoimport/sandbox"
)

// mustAnswer fails unless an answer is one that the API gives: no fault of the
// server's own, and a body that can be read.
func mustAnswer(t *testing.T, a answer) {
	t.Helper()
	if a.status < 200 || a.status >= 500 {
		t.Errorf("answered %d: %s", a.status, a.body)
	}
	if a.body != "" && a.header.Get("Content-Type") != "text/plain" && !json.Valid([]byte(a.body)) {
		t.Errorf("the body of the %d is no JSON: %q", a.status, a.body)
	}
}

// Whatever is posted to the chats API, signed well: what it refuses leaves nothing
// behind, and what it takes is in the chat.
func FuzzMessages(f *testing.F) {
	f.Add("", []byte(incoming("c", "m1", msec, "hello")))
	f.Add("", []byte(encode(outgoing("c", "m1", msec, "hello", "bot"))))
	f.Add("", []byte(`{"event_type":"edit_message","payload":{"conversation_id":"c","msgid":"m0","message":{"type":"location","location":{"lon":1e999,"lat":-0}}}}`))
	f.Add("/chats", []byte(`{"conversation_id":"c2","user":{"id":"u","name":"U","profile":{"phone":null}}}`))
	f.Add("", []byte(`{"event_type":"new_message","payload":{"timestamp":1e3,"msec_timestamp":9223372036854775807,"reply_to":{"message":{"msgid":"m0"}}}}`))
	f.Add("/connect", []byte(`[]`))
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		c := newClient(t, sandbox.Options{})
		c.want(c.amojo("POST", "", incoming("c", "m0", msec, "before")), 200)
		escaped := (&url.URL{Path: path}).EscapedPath()
		if escaped != "" && escaped[0] != '/' {
			escaped = "/" + escaped
		}
		before := c.w.Counters()
		a := c.amojo("POST", escaped, string(body))
		mustAnswer(t, a)
		after := c.w.Counters()
		if a.status >= 300 && (after.Messages != before.Messages || after.Notifications != before.Notifications) {
			t.Errorf("refused with %d, and yet it left something: %+v", a.status, after)
		}
		stored := 0
		for _, chat := range c.w.Snapshot().Chats {
			stored += len(chat.Messages)
		}
		if stored != after.Messages {
			t.Errorf("%d messages in the chats, %d counted", stored, after.Messages)
		}
		mustAnswer(t, c.amojo("GET", "/chats/"+c.chat("c")+"/history?offset=0&limit=50", ""))
	})
}

// Whatever is asked of API v4 with a good token.
func FuzzV4(f *testing.F) {
	f.Add("POST", "contacts", "", []byte(`[{"name":"A","custom_fields_values":[{"field_code":"PHONE","values":[{"value":"+7912"}]}],"request_id":"1"}]`))
	f.Add("GET", "contacts", "page=9223372036854775807&limit=250", []byte(nil))
	f.Add("GET", "contacts", "query=A&order[id]=desc&with=leads", []byte(nil))
	f.Add("POST", "contacts/chats", "", []byte(`[{"contact_id":1e0,"chat_id":"x"},null]`))
	f.Add("PATCH", "talks/1/close", "", []byte(`{"force_close":1}`))
	f.Add("GET", "leads/pipelines", "", []byte(nil))
	f.Add("POST", "leads", "", []byte(`[{"_embedded":{"contacts":[{"id":-1}],"tags":[{}]}}]`))
	f.Add("GET", "events", "filter[created_at][from]=x&filter[type][]=talk_created&page=0", []byte(nil))
	f.Fuzz(func(t *testing.T, method, path, query string, body []byte) {
		target := "/api/v4" + (&url.URL{Path: "/" + path, RawQuery: query}).String()
		if _, err := http.NewRequest(method, "https://sandbox.example.com"+target, nil); err != nil || method == "CONNECT" {
			return
		}
		c := newClient(t, sandbox.Options{})
		c.chat("c")
		before := len(c.w.Snapshot().Contacts)
		a := c.v4(method, target, string(body))
		mustAnswer(t, a)
		if after := len(c.w.Snapshot().Contacts); a.status >= 300 && after != before {
			t.Errorf("refused with %d, and yet there are %d contacts, not %d", a.status, after, before)
		}
	})
}

// Faults that are read can be used.
func FuzzFaults(f *testing.F) {
	f.Add([]byte(`[{"name":"x","api":"amojo","path":"^/v2/","every":7,"times":3,"from":"1s","to":"1m","effect":{"kind":"cut_after_apply"}}]`))
	f.Add([]byte(`[{"probability":2,"every":-1,"effect":{"kind":"status","code":99999}}]`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		faults, err := sandbox.ParseFaults(text)
		if err != nil {
			return
		}
		for i := range faults {
			faults[i].Effect.Delay, faults[i].Effect.ApplyDelay = min(faults[i].Effect.Delay, time.Millisecond), 0
		}
		c := newClient(t, sandbox.Options{Faults: faults})
		_, _ = c.try(t.Context(), "POST", "/v2/origin/custom/"+c.w.ScopeID(), incoming("c", "m0", msec, "x"), true)
		c.w.Counters()
	})
}
