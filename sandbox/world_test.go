package sandbox_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/amoimport/amoimport/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What differs between the two products, call by call.
func TestFlavours(t *testing.T) {
	for _, tt := range []struct {
		name       string
		do         func(c *client) answer
		amocrm     int
		amocrmBody string
		kommo      int
		kommoBody  string
		bodies     bool // compare the bodies too
	}{
		{
			name: "connect with v1", amocrm: 200, kommo: 400,
			do: func(c *client) answer { return c.channel("POST", "connect", `"title":"T","hook_api_version":"v1"`) },
		},
		{
			name: "connect with v2", amocrm: 200, kommo: 200,
			do: func(c *client) answer { return c.channel("POST", "connect", `"title":"T","hook_api_version":"v2"`) },
		},
		{
			name: "connect without a title", amocrm: 200, kommo: 400,
			do: func(c *client) answer { return c.channel("POST", "connect", `"hook_api_version":"v2"`) },
		},
		{
			name: "connect without a version", amocrm: 200, kommo: 400,
			do: func(c *client) answer { return c.channel("POST", "connect", `"title":"T"`) },
		},
		{
			name: "disconnect", amocrm: 200, kommo: 200, kommoBody: "{}", bodies: true,
			do: func(c *client) answer { return c.channel("DELETE", "disconnect", `"x":1`) },
		},
		{
			name: "delivery status", amocrm: 200, kommo: 200, kommoBody: "{}", bodies: true,
			do: func(c *client) answer {
				a := c.want(c.amojo("POST", "", incoming("c", "m", msec, "x")), 200)
				return c.amojo("POST", "/"+a.get(c.t, "new_message.msgid").(string)+"/delivery_status", `{"status_code":1}`)
			},
		},
		{
			name: "a message without milliseconds", amocrm: 200, kommo: 400,
			do: func(c *client) answer {
				return c.amojo("POST", "", strings.Replace(incoming("c", "m", msec, "x"), fmt.Sprintf(`"msec_timestamp":%d,`, int64(msec)), "", 1))
			},
		},
		{
			name: "talks about a lead", amocrm: 204, kommo: 204,
			do: func(c *client) answer {
				return c.v4("GET", "/api/v4/talks?filter[entity_id]=1&filter[entity_type]=lead", "")
			},
		},
		{
			name: "talks about a customer", amocrm: 204, kommo: 400,
			do: func(c *client) answer {
				return c.v4("GET", "/api/v4/talks?filter[entity_id]=1&filter[entity_type]=customer", "")
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for flavour, want := range map[sandbox.Flavour]struct {
				status int
				body   string
			}{sandbox.AmoCRM: {tt.amocrm, tt.amocrmBody}, sandbox.Kommo: {tt.kommo, tt.kommoBody}} {
				c := newClient(t, sandbox.Options{Flavour: flavour})
				a := tt.do(c)
				if a.status != want.status || tt.bodies && a.body != want.body {
					t.Errorf("%s answered %d %q, want %d %q", flavour, a.status, a.body, want.status, want.body)
				}
			}
		})
	}
}

// A block is by address on Kommo, and so shuts both APIs.
func TestKommoBlocksBothAPIs(t *testing.T) {
	for flavour, other := range map[sandbox.Flavour]int{sandbox.AmoCRM: 200, sandbox.Kommo: 403} {
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, sandbox.Options{Flavour: flavour, AmojoLimit: sandbox.Limit{PerSecond: 1, BlockAfter: 1}})
			c.chat("c")
			c.want(c.amojo("POST", "/typing", `{}`), 429)
			c.want(c.amojo("POST", "/typing", `{}`), 403)
			c.want(c.v4("GET", "/api/v4/account", ""), other)
		})
	}
}

// channel makes a call on the channel, for the account.
func (c *client) channel(method, call, fields string) answer {
	c.t.Helper()
	body := `{"account_id":"` + c.o.Account.AmojoID + `",` + fields + `}`
	a, err := c.try(context.Background(), method, "/v2/origin/custom/"+c.o.Channel.ID+"/"+call, body, true)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func TestManyClientsAtOnce(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	var all sync.WaitGroup
	for lane := range 8 {
		all.Go(func() {
			conv := fmt.Sprint("c", lane)
			for i := range 30 {
				if a := c.amojo("POST", "", incoming(conv, fmt.Sprintf("%s-%d", conv, i), msec+int64(i), "x")); a.status != 200 {
					t.Errorf("answered %d", a.status)
				}
			}
			chat, _ := c.w.Chat(conv)
			if n := len(c.history(chat.ID)); n != 30 {
				t.Errorf("%s holds %d", conv, n)
			}
			c.v4("GET", "/sandbox/", "")
		})
	}
	all.Wait()
	s := c.w.Snapshot()
	if s.Counters.Messages != 240 || len(s.Chats) != 8 {
		t.Errorf("%d messages in %d chats", s.Counters.Messages, len(s.Chats))
	}
	seen := map[int]bool{}
	for _, chat := range s.Chats {
		for _, m := range chat.Messages {
			seen[m.Arrival] = true
		}
	}
	if len(seen) != 240 {
		t.Errorf("%d different arrivals, want 240", len(seen))
	}
}

// The same world is drawn from the same seed: ids, for golden files, too.
func TestIdsAreDrawnFromTheSeed(t *testing.T) {
	one, same, other := newClient(t, sandbox.Options{Seed: 1}), newClient(t, sandbox.Options{Seed: 1}), newClient(t, sandbox.Options{Seed: 2})
	other.chat("first")
	if a, b := one.chat("c"), same.chat("c"); a != b {
		t.Errorf("chat ids %s and %s", a, b)
	}
	if one.chat("c") == other.chat("c") {
		t.Error("another seed drew the same id")
	}
}
