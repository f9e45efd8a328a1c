package sandbox_test

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/sandbox"
)

// client is a careless little client of its own, so that the sandbox is not tested with its own code.
type client struct {
	t    *testing.T
	w    *sandbox.World
	o    sandbox.Options
	http *http.Client
	base string
	edit func(*http.Request) // spoils a request before it is sent
}

func newClient(t *testing.T, o sandbox.Options) *client {
	t.Helper()
	w := sandbox.New(o)
	return &client{t: t, w: w, o: w.Options(), http: &http.Client{Transport: w.Transport()}, base: "https://sandbox.example.com"}
}

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// get follows a path such as "messages.0.message.text" through a JSON body.
func (a answer) get(t *testing.T, path string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("body of the %d is no JSON: %v\n%s", a.status, err, a.body)
	}
	if path == "" {
		return v
	}
	for _, p := range strings.Split(path, ".") {
		switch c := v.(type) {
		case map[string]any:
			v = c[p]
		case []any:
			var i int
			if _, err := fmt.Sscan(p, &i); err != nil || i >= len(c) {
				return nil
			}
			v = c[i]
		default:
			return nil
		}
	}
	return v
}

func (c *client) try(ctx context.Context, method, path, body string, sign bool) (answer, error) {
	c.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		c.t.Fatal(err)
	}
	if sign {
		signRequest(r, body, c.o.Channel.Secret, c.now())
	} else {
		r.Header.Set("Authorization", "Bearer "+c.o.Token)
		r.Header.Set("Content-Type", "application/json")
	}
	if c.edit != nil {
		c.edit(r)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(b)}, err
}

func (c *client) now() time.Time {
	if c.o.Now != nil {
		return c.o.Now()
	}
	return time.Now()
}

func signRequest(r *http.Request, body, secret string, at time.Time) {
	sum := fmt.Sprintf("%x", md5.Sum([]byte(body)))
	date := at.UTC().Format("Mon, 02 Jan 2006 15:04:05 +0000")
	mac := hmac.New(sha1.New, []byte(secret))
	fmt.Fprintf(mac, "%s\n%s\napplication/json\n%s\n%s", r.Method, sum, date, r.URL.EscapedPath())
	r.Header.Set("Date", date)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-MD5", sum)
	r.Header.Set("X-Signature", fmt.Sprintf("%x", mac.Sum(nil)))
}

// amojo sends a signed request; the path follows the scope.
func (c *client) amojo(method, path, body string) answer {
	c.t.Helper()
	a, err := c.try(context.Background(), method, "/v2/origin/custom/"+c.w.ScopeID()+path, body, true)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (c *client) v4(method, path, body string) answer {
	c.t.Helper()
	a, err := c.try(context.Background(), method, path, body, false)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (c *client) want(a answer, status int) answer {
	c.t.Helper()
	if a.status != status {
		c.t.Fatalf("answered %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// incoming is the body of a client's text message.
func incoming(conv, msgid string, msec int64, text string) string {
	return encode(message(conv, msgid, msec, text))
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

type object = map[string]any

// message is an incoming message whose parts a test may change.
func message(conv, msgid string, msec int64, text string) object {
	return object{"event_type": "new_message", "payload": object{
		"timestamp": msec / 1000, "msec_timestamp": msec, "msgid": msgid, "conversation_id": conv, "silent": true,
		"sender":  object{"id": "client-" + conv, "name": "Client " + conv},
		"message": object{"type": "text", "text": text},
	}}
}

// outgoing is the same from a user or the bot.
func outgoing(conv, msgid string, msec int64, text, ref string) object {
	m := message(conv, msgid, msec, text)
	p := m["payload"].(object)
	p["receiver"] = p["sender"]
	p["sender"] = object{"id": "manager-1", "ref_id": ref, "name": "Manager"}
	return m
}

// chat makes a chat and returns amojo's id of it.
func (c *client) chat(conv string) string {
	c.t.Helper()
	a := c.want(c.amojo("POST", "/chats", `{"conversation_id":"`+conv+`","user":{"id":"client-`+conv+`","name":"Client `+conv+`"}}`), 200)
	return a.get(c.t, "id").(string)
}

// history reads the msgids of a chat, in the order in which they are shown.
func (c *client) history(chatID string) []string {
	c.t.Helper()
	var ids []string
	for offset := 0; ; offset += 50 {
		a := c.amojo("GET", fmt.Sprintf("/chats/%s/history?offset=%d&limit=50", chatID, offset), "")
		if a.status == http.StatusNoContent {
			return ids
		}
		c.want(a, 200)
		for _, m := range a.get(c.t, "messages").([]any) {
			id, _ := m.(object)["message"].(object)["client_id"].(string)
			ids = append(ids, id)
		}
	}
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func at(s string) func() time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return func() time.Time { return t }
}

func hmacHex(secret, text string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(text))
	return fmt.Sprintf("%x", mac.Sum(nil))
}
