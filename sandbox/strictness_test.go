package sandbox_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/sandbox"
)

const msec = 1596470808123 // 2020-08-03

func TestSignatureRules(t *testing.T) {
	now := at("2026-01-02T03:04:05Z")
	resign := func(r *http.Request, at time.Time) {
		r.URL.RawQuery = ""
		signRequest(r, "", "0123456789abcdef0123456789abcdef01234567", at)
	}
	for _, tt := range []struct {
		name   string
		edit   func(*http.Request)
		status int
		kind   string
	}{
		{"as documented", func(*http.Request) {}, 204, ""},
		{"GMT in the date", func(r *http.Request) {
			date := strings.Replace(r.Header.Get("Date"), "+0000", "GMT", 1)
			signWithDate(r, date)
		}, 204, ""},
		{"another zone", func(r *http.Request) { signWithDate(r, "Fri, 02 Jan 2026 06:04:05 +0300") }, 204, ""},
		{"wrong secret", func(r *http.Request) { signRequest(r, "", "not the secret", now()) }, 403, "ORIGIN_INVALID_SIGNATURE"},
		{"no signature", func(r *http.Request) { r.Header.Del("X-Signature") }, 403, "ORIGIN_INVALID_SIGNATURE"},
		{"upper case", func(r *http.Request) {
			r.Header.Set("X-Signature", strings.ToUpper(r.Header.Get("X-Signature")))
		}, 403, "ORIGIN_INVALID_SIGNATURE"},
		{"14 minutes old", func(r *http.Request) { resign(r, now().Add(-14*time.Minute)) }, 204, ""},
		{"16 minutes old", func(r *http.Request) { resign(r, now().Add(-16*time.Minute)) }, 403, "ORIGIN_INVALID_SIGNATURE"},
		{"16 minutes ahead", func(r *http.Request) { resign(r, now().Add(16*time.Minute)) }, 403, "ORIGIN_INVALID_SIGNATURE"},
		{"no date", func(r *http.Request) { signWithDate(r, "") }, 403, "ORIGIN_INVALID_SIGNATURE"},
		{"ISO date", func(r *http.Request) { signWithDate(r, "2026-01-02T03:04:05Z") }, 403, "ORIGIN_INVALID_SIGNATURE"},
		{"charset", func(r *http.Request) {
			r.Header.Set("Content-Type", "application/json; charset=utf-8")
			signAsIs(r)
		}, 403, "ORIGIN_INVALID_SIGNATURE"},
		{"no content type on GET", func(r *http.Request) {
			r.Header.Del("Content-Type")
			signAsIs(r)
		}, 403, "ORIGIN_INVALID_SIGNATURE"},
		{"base64 MD5", func(r *http.Request) {
			r.Header.Set("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")
			signAsIs(r)
		}, 403, "ORIGIN_INVALID_SIGNATURE"},
		{"another method signed", func(r *http.Request) {
			r.Method = "POST"
			signRequest(r, "", "0123456789abcdef0123456789abcdef01234567", now())
			r.Method = "GET"
		}, 403, "ORIGIN_INVALID_SIGNATURE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, sandbox.Options{Now: now})
			c.edit = tt.edit
			a := c.want(c.amojo("GET", "/chats/5d5a1e0a-0000-4000-8000-000000000000/history?offset=0&limit=50", ""), tt.status)
			if tt.kind != "" && a.get(t, "error_type") != tt.kind {
				t.Errorf("error_type is %v, want %s", a.get(t, "error_type"), tt.kind)
			}
		})
	}
}

// signWithDate signs with the default secret and any text as the date.
func signWithDate(r *http.Request, date string) {
	r.Header.Set("Date", date)
	signAsIs(r)
}

// signAsIs makes the signature fit whatever the headers say.
func signAsIs(r *http.Request) {
	h := r.Header
	r.Header.Set("X-Signature", hmacHex("0123456789abcdef0123456789abcdef01234567", strings.Join(
		[]string{r.Method, h.Get("Content-MD5"), h.Get("Content-Type"), h.Get("Date"), r.URL.EscapedPath()}, "\n")))
}

func TestScopeMustBeConnected(t *testing.T) {
	c := newClient(t, sandbox.Options{Disconnected: true})
	body := `{"conversation_id":"c1","user":{"id":"u1","name":"U"}}`
	a := c.want(c.amojo("POST", "/chats", body), 404)
	diff(t, "error", object{"status": 0.0, "error_code": 404.0, "error_type": "ORIGIN_NOT_REGISTERED", "error_description": "NOT_FOUND"}, a.get(t, "").(object))

	connect := func(body string) answer {
		a, err := c.try(context.Background(), "POST", "/v2/origin/custom/"+c.o.Channel.ID+"/connect", body, true)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	c.want(connect(`{"account_id":"somebody-else","title":"T","hook_api_version":"v2"}`), 404)
	a = c.want(connect(`{"account_id":"`+c.o.Account.AmojoID+`","title":"T","hook_api_version":"v2"}`), 200)
	diff(t, "connected", object{
		"account_id": c.o.Account.AmojoID, "title": "T", "hook_api_version": "v2", "scope_id": c.w.ScopeID(),
	}, a.get(t, "").(object))
	c.want(c.amojo("POST", "/chats", body), 200)
	c.want(connect(`{"account_id":"`+c.o.Account.AmojoID+`","title":"T","hook_api_version":"v2"}`), 200)
	c.want(connect(`{"account_id":"`+c.o.Account.AmojoID+`","title":"Other","hook_api_version":"v1"}`), 200)
	if got := c.w.Counters(); got.Connects != 3 || got.Renames != 2 {
		t.Errorf("counted %d connects and %d renames, want 3 and 2", got.Connects, got.Renames)
	}
	if s := c.w.Snapshot(); s.ChannelTitle != "Other" || !s.Connected {
		t.Errorf("channel is %q, connected %v", s.ChannelTitle, s.Connected)
	}
	a, _ = c.try(context.Background(), "POST", "/v2/origin/custom/no-such-channel/connect", `{}`, true)
	c.want(a, 404)
	a, _ = c.try(context.Background(), "DELETE", "/v2/origin/custom/"+c.o.Channel.ID+"/disconnect", `{"account_id":"`+c.o.Account.AmojoID+`"}`, true)
	c.want(a, 200)
	c.want(c.amojo("POST", "/chats", body), 404)
	if a, _ := c.try(context.Background(), "GET", "/v2/origin/custom/"+c.w.ScopeID()+"/no/such/path/here", "", true); a.status != 404 || a.body != "" {
		t.Errorf("bad path: %d %q, want 404 with an empty body", a.status, a.body)
	}
}

// edit changes one value deep inside a message.
type edit struct {
	path  string
	value any // nil removes it
}

func (e edit) do(m object) {
	parts := strings.Split(e.path, ".")
	for _, p := range parts[:len(parts)-1] {
		next, ok := m[p].(object)
		if !ok {
			next = object{}
			m[p] = next
		}
		m = next
	}
	if last := parts[len(parts)-1]; e.value == nil {
		delete(m, last)
	} else {
		m[last] = e.value
	}
}

type null struct{}

func (null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// kind makes a message of a type with the fields that it needs.
func kind(name string, fields object) []edit {
	m := object{"type": name}
	for k, v := range fields {
		m[k] = v
	}
	return []edit{{"payload.message", m}}
}

func TestMessageRules(t *testing.T) {
	const url = "https://example.com/file"
	o := sandbox.Options{}.WithDefaults()
	active, gone, bot := o.Users[1].AmojoID, o.Users[3].AmojoID, o.Channel.Bot.ID
	sized := object{"media": url, "file_name": "a.bin", "file_size": 12}
	one := func(path string, value any) []edit { return []edit{{path, value}} }
	out := func(ref string, more ...edit) []edit {
		return append([]edit{
			{"payload.receiver", object{"id": "client-c1", "name": "C"}},
			{"payload.sender", object{"id": "m1", "name": "M", "ref_id": ref}},
		}, more...)
	}
	for _, tt := range []struct {
		name    string
		edits   []edit
		status  int
		flavour sandbox.Flavour
	}{
		{name: "incoming text", status: 200},
		{name: "account_id at the top", edits: one("account_id", "x"), status: 200},
		{name: "no event type", edits: one("event_type", nil), status: 400},
		{name: "unknown event type", edits: one("event_type", "typing"), status: 400},
		{name: "no payload", edits: one("payload", nil), status: 400},

		{name: "no timestamp", edits: one("payload.timestamp", nil), status: 400},
		{name: "timestamp as text", edits: one("payload.timestamp", "1596470808"), status: 400},
		{name: "timestamp as a fraction", edits: one("payload.timestamp", 1596470808.5), status: 400},
		{name: "timestamp in milliseconds", edits: one("payload.timestamp", msec), status: 400},
		{name: "times disagree", edits: one("payload.msec_timestamp", msec+1000), status: 400},
		{name: "no milliseconds on amoCRM", edits: one("payload.msec_timestamp", nil), status: 200},
		{name: "no milliseconds on Kommo", edits: one("payload.msec_timestamp", nil), status: 400, flavour: sandbox.Kommo},
		{name: "no silent on amoCRM", edits: one("payload.silent", nil), status: 400},
		{name: "no silent on Kommo", edits: one("payload.silent", nil), status: 200, flavour: sandbox.Kommo},
		{name: "silent as a number", edits: one("payload.silent", 1), status: 400},

		{name: "no msgid", edits: one("payload.msgid", nil), status: 400},
		{name: "msgid as a number", edits: one("payload.msgid", 17), status: 400},
		{name: "null msgid", edits: one("payload.msgid", null{}), status: 400},
		{name: "key in another case", edits: []edit{{"payload.msgid", nil}, {"payload.MsgID", "m1"}}, status: 400},
		{name: "msgid of 64", edits: one("payload.msgid", strings.Repeat("m", 64)), status: 200},
		{name: "msgid of 65", edits: one("payload.msgid", strings.Repeat("m", 65)), status: 400},
		{name: "msgid not ASCII", edits: one("payload.msgid", "имп-1"), status: 400},
		{name: "no conversation", edits: one("payload.conversation_id", nil), status: 400},
		{name: "empty conversation", edits: one("payload.conversation_id", ""), status: 400},

		{name: "no sender", edits: one("payload.sender", nil), status: 400},
		{name: "sender without id", edits: one("payload.sender.id", nil), status: 400},
		{name: "sender without name", edits: one("payload.sender.name", nil), status: 400},
		{name: "phone as a number", edits: one("payload.sender.profile", object{"phone": 79151112233}), status: 400},
		{name: "incoming with a receiver", edits: one("payload.receiver", object{"id": "x", "name": "X"}), status: 400},
		{name: "outgoing by a user", edits: out(active), status: 200},
		{name: "outgoing by the bot", edits: out(bot), status: 200},
		{name: "outgoing without a receiver", edits: out(active, edit{"payload.receiver", nil}), status: 400},
		{name: "outgoing by a deactivated user", edits: out(gone), status: 400},
		{name: "outgoing by nobody known", edits: out("a0000000-0000-4000-8000-00000000dead"), status: 400},
		{name: "outgoing to a user", edits: out(active, edit{"payload.receiver.ref_id", bot}), status: 400},

		{name: "no message", edits: one("payload.message", nil), status: 400},
		{name: "no type", edits: one("payload.message.type", nil), status: 400},
		{name: "unknown type", edits: kind("system", object{"text": "x"}), status: 400},
		{name: "text without text", edits: one("payload.message.text", nil), status: 400},
		{name: "empty text", edits: one("payload.message.text", ""), status: 400},
		{name: "picture", edits: kind("picture", sized), status: 200},
		{name: "picture with a caption", edits: append(kind("picture", sized), edit{"payload.message.text", "look"}), status: 200},
		{name: "picture without media", edits: append(kind("picture", sized), edit{"payload.message.media", nil}), status: 400},
		{name: "picture without a name", edits: append(kind("picture", sized), edit{"payload.message.file_name", nil}), status: 400},
		{name: "picture without a size", edits: append(kind("picture", sized), edit{"payload.message.file_size", nil}), status: 400},
		{name: "size as text", edits: append(kind("file", sized), edit{"payload.message.file_size", "12"}), status: 400},
		{name: "negative size", edits: append(kind("file", sized), edit{"payload.message.file_size", -1}), status: 400},
		{name: "media without a host", edits: append(kind("file", sized), edit{"payload.message.media", "/a.bin"}), status: 400},
		{name: "file", edits: kind("file", sized), status: 200},
		{name: "video", edits: kind("video", sized), status: 200},
		{name: "voice", edits: kind("voice", object{"media": url, "media_duration": 3}), status: 200},
		{name: "duration as a fraction", edits: kind("voice", object{"media": url, "media_duration": 3.5}), status: 400},
		{name: "audio", edits: kind("audio", object{"media": url}), status: 200},
		{name: "audio without media", edits: kind("audio", nil), status: 400},
		{name: "sticker", edits: kind("sticker", object{"sticker_id": "s1"}), status: 200},
		{name: "sticker of nothing", edits: kind("sticker", nil), status: 400},
		{name: "location", edits: kind("location", object{"location": object{"lon": 37.6, "lat": 55}}), status: 200},
		{name: "location without latitude", edits: kind("location", object{"location": object{"lon": 37.6}}), status: 400},
		{name: "location as text", edits: kind("location", object{"location": object{"lon": "37.6", "lat": "55"}}), status: 400},
		{name: "contact", edits: kind("contact", object{"contact": object{"name": "N", "phone": "+1"}}), status: 200},
		{name: "contact without phone", edits: kind("contact", object{"contact": object{"name": "N"}}), status: 400},

		{name: "source", edits: one("payload.source", object{"external_id": "legacy-import"}), status: 200},
		{name: "source of 41", edits: one("payload.source", object{"external_id": strings.Repeat("s", 41)}), status: 400},
		{name: "reply by msgid", edits: one("payload.reply_to", object{"message": object{"msgid": "first"}}), status: 200},
		{name: "reply to nothing", edits: one("payload.reply_to", object{"message": object{"msgid": "nothing"}}), status: 400},
		{name: "reply into another chat", edits: one("payload.reply_to", object{"message": object{"msgid": "other"}}), status: 400},
		{name: "reply described", edits: one("payload.reply_to", object{"message": object{
			"type": "text", "text": "x", "timestamp": 1, "msec_timestamp": 1000, "sender": object{"name": "N"}}}), status: 200},
		{name: "reply half described", edits: one("payload.reply_to", object{"message": object{"type": "text"}}), status: 400},
		{name: "two forwards", edits: one("payload.forwards", object{"messages": []object{{"msgid": "first"}, {"msgid": "other"}}}), status: 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, sandbox.Options{Flavour: tt.flavour})
			c.want(c.amojo("POST", "", incoming("c1", "first", msec, "hello")), 200)
			c.want(c.amojo("POST", "", incoming("c2", "other", msec, "hello")), 200)
			m := message("c1", "m1", msec, "text")
			for _, e := range tt.edits {
				e.do(m)
			}
			a := c.want(c.amojo("POST", "", encode(m)), tt.status)
			if n := len(c.w.Snapshot().Chats[0].Messages); n != 1 && tt.status != 200 {
				t.Errorf("refused, and yet stored: %d messages", n)
			}
			if tt.status == 400 {
				diff(t, "error", object{
					"status": 0.0, "error_code": 400.0, "error_type": "BAD_REQUEST", "error_description": a.get(t, "error_description"),
				}, a.get(t, "").(object))
			}
		})
	}
	for _, body := range []string{"", "[]", "{", incoming("c", "m", msec, "x") + `{}`, "\xff", `"text"`,
		strings.Replace(incoming("c", "m", msec, "TEXT"), "TEXT", "bad \xff bytes", 1),
	} {
		c := newClient(t, sandbox.Options{})
		c.want(c.amojo("POST", "", body), 400)
	}
}

func TestMaxText(t *testing.T) {
	c := newClient(t, sandbox.Options{MaxText: 5})
	c.want(c.amojo("POST", "", incoming("c", "m1", msec, "пятьп")), 200)
	c.want(c.amojo("POST", "", incoming("c", "m2", msec, "шесть!")), 400)
}

func TestOtherCallsRules(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	a := c.want(c.amojo("POST", "", incoming("c1", "m1", msec, "hello")), 200)
	id := a.get(t, "new_message.msgid").(string)
	const nobody = "a0000000-0000-4000-8000-00000000dead"
	manager := c.o.Users[1].AmojoID
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"chat without a user", "POST", "/chats", `{"conversation_id":"c9"}`, 400},
		{"chat without a conversation", "POST", "/chats", `{"user":{"id":"u","name":"U"}}`, 400},
		{"chat without a name", "POST", "/chats", `{"conversation_id":"c9","user":{"id":"u"}}`, 400},
		{"chat with a manager", "POST", "/chats", `{"conversation_id":"c9","user":{"id":"u","name":"U","ref_id":"` + manager + `"}}`, 400},
		{"chat with account_id", "POST", "/chats", `{"account_id":"x","conversation_id":"c9","user":{"id":"u","name":"U"}}`, 200},
		{"status", "POST", "/" + id + "/delivery_status", `{"status_code":2}`, 200},
		{"status by the old name", "POST", "/" + id + "/delivery_status", `{"msgid":"` + id + `","delivery_status":1}`, 200},
		{"error without code", "POST", "/" + id + "/delivery_status", `{"status_code":-1}`, 400},
		{"error with a code", "POST", "/" + id + "/delivery_status", `{"status_code":-1,"error_code":905,"error":"x"}`, 200},
		{"unknown status", "POST", "/" + id + "/delivery_status", `{"status_code":7}`, 400},
		{"status of nothing", "POST", "/" + nobody + "/delivery_status", `{"status_code":2}`, 404},
		{"typing", "POST", "/typing", `{"conversation_id":"c1","sender":{"id":"u"}}`, 204},
		{"typing of nobody", "POST", "/typing", `{"conversation_id":"c1"}`, 400},
		{"reaction", "POST", "/react", `{"conversation_id":"c1","msgid":"m1","user":{"id":"u"},"type":"react","emoji":"x"}`, 200},
		{"reaction to nothing", "POST", "/react", `{"conversation_id":"c1","msgid":"m2","user":{"id":"u"},"type":"react","emoji":"x"}`, 404},
		{"reaction without emoji", "POST", "/react", `{"conversation_id":"c1","msgid":"m1","user":{"id":"u"},"type":"react"}`, 400},
		{"reaction without an id", "POST", "/react", `{"conversation_id":"c1","user":{"id":"u"},"type":"unreact"}`, 400},
		{"edit", "POST", "", `{"event_type":"edit_message","payload":{"conversation_id":"c1","msgid":"m1","message":{"type":"text","text":"new"}}}`, 200},
		{"edit of nothing", "POST", "", `{"event_type":"edit_message","payload":{"conversation_id":"c1","msgid":"m2","message":{"type":"text","text":"new"}}}`, 400},
		{"history over the limit", "GET", "/chats/" + nobody + "/history?limit=51", "", 400},
		{"history before the start", "GET", "/chats/" + nobody + "/history?offset=-1", "", 400},
		{"history of an unknown chat", "GET", "/chats/" + nobody + "/history", "", 204},
		{"wrong method", "GET", "/chats", "", 405},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.t = t
			c.want(c.amojo(tt.method, tt.path, tt.body), tt.status)
		})
	}
	chat, _ := c.w.Chat("c1")
	m := chat.Messages[0]
	if m.Text != "new" || m.Edits != 1 || m.Status != -1 {
		t.Errorf("text %q, %d edits, status %d; want new, 1, -1", m.Text, m.Edits, m.Status)
	}
}
