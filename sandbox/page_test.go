package sandbox_test

import (
	"strings"
	"testing"

	"github.com/amoimport/amoimport/sandbox"
)

func TestPagesEscapeWhatPeopleWrote(t *testing.T) {
	const evil = `<script>alert(1)</script>`
	c := newClient(t, sandbox.Options{})
	m := message("c", "m1", msec, evil)
	edit{"payload.sender.name", evil}.do(m)
	c.want(c.amojo("POST", "", encode(m)), 200)
	reply := outgoing("c", "m2", msec+1, "answer", c.o.Channel.Bot.ID)
	edit{"payload.reply_to", object{"message": object{"msgid": "m1"}}}.do(reply)
	edit{"payload.receiver.name", evil}.do(reply)
	c.want(c.amojo("POST", "", encode(reply)), 200)
	c.want(c.amojo("POST", "", `{"event_type":"`+evil+`"}`), 400)
	chat, _ := c.w.Chat("c")
	for _, path := range []string{"/", "/sandbox/", "/sandbox/?page=99", "/sandbox/chats/" + chat.ID} {
		a := c.want(c.v4("GET", path, ""), 200)
		if strings.Contains(a.body, "<script>") {
			t.Errorf("%s holds a script", path)
		}
		if !strings.Contains(a.body, "&lt;script&gt;alert(1)&lt;/script&gt;") {
			t.Errorf("%s does not show the name:\n%s", path, a.body)
		}
		if a.header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s has no policy", path)
		}
	}
	if a := c.v4("GET", "/sandbox/chats/"+chat.ID, ""); !strings.Contains(a.body, "<blockquote>") || !strings.Contains(a.body, "2020-08-03 16:06:48.123") {
		t.Errorf("the chat's page shows no reply or no time:\n%s", a.body)
	}
	c.want(c.v4("GET", "/sandbox/chats/none", ""), 404)
	c.want(c.v4("GET", "/favicon.ico", ""), 404)
	c.want(c.v4("POST", "/sandbox/state.json", ""), 405)
}

func TestState(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	c.want(c.amojo("POST", "", incoming("c", "m1", msec, "x")), 200)
	a := c.want(c.v4("GET", "/sandbox/state.json", ""), 200)
	for path, want := range map[string]any{
		"chats": 1.0, "messages": 1.0, "visible": 1.0, "open_talks": 1.0, "counters.messages": 1.0,
		"counters.requests.POST /v2/origin/custom/{scope}": 1.0, "counters.max_per_second.amojo": 1.0, "counters.answers.200": 1.0,
	} {
		if got := a.get(t, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
}
