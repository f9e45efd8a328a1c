package importer_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/sandbox"
)

// calls are all calls that a run makes.
func calls() []sandbox.Fault {
	return []sandbox.Fault{
		{Name: "open chat", API: sandbox.Amojo, Method: "POST", Path: regexp.MustCompile(`/chats$`), Every: 2, Times: 4},
		{Name: "send", API: sandbox.Amojo, Method: "POST", Contains: `"new_message"`, Every: 5, Times: 12},
		{Name: "read history", API: sandbox.Amojo, Method: "GET", Path: regexp.MustCompile(`/history$`), Every: 2, Times: 6},
		{Name: "look at contact", API: sandbox.APIv4, Method: "GET", Path: regexp.MustCompile(`/contacts/\d+$`), Times: 2},
		{Name: "find contact", API: sandbox.APIv4, Method: "GET", Path: contactsPath, Every: 2, Times: 3},
		{Name: "create contacts", API: sandbox.APIv4, Method: "POST", Path: contactsPath, Times: 1},
		{Name: "look at link", API: sandbox.APIv4, Method: "GET", Path: linksPath, Every: 2, Times: 3},
		{Name: "link", API: sandbox.APIv4, Method: "POST", Path: linksPath, Times: 2},
	}
}

// TestEveryCallFails fails every kind of call in one way, several times, on a
// server that applies what it did not answer later, and shows it later still.
func TestEveryCallFails(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sandbox.Effect{
		"500":                      {Kind: sandbox.Status, Code: 500},
		"503, not JSON":            {Kind: sandbox.Status, Code: 503, Body: "<html>busy</html>"},
		"502 after it was applied": {Kind: sandbox.StatusAfterApply, Code: 502, Body: "<html>bad gateway</html>"},
		"504 after it was applied": {Kind: sandbox.StatusAfterApply, Code: 504},
		"answer lost":              {Kind: sandbox.CutAfterApply},
		"request lost":             {Kind: sandbox.DropBeforeApply},
		"garbage":                  {Kind: sandbox.Garbage},
		"truncated":                {Kind: sandbox.Truncated},
		"slower than the timeout":  {Kind: sandbox.Slow, Delay: time.Minute},
		"nobody listens":           {Kind: sandbox.Refuse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults := calls()
			for i := range faults {
				faults[i].Effect = effect
			}
			bubble(t, legacy(t, 20, 16, 12, 8, 6, 4), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, ContactSearchLag: time.Hour,
				ApplyDelay: 15 * time.Second, VisibilityLag: sandbox.Lag{Min: 0, Max: 45 * time.Second}, Faults: faults}, func(t *testing.T, r *rig) {
				r.mustRun()
				r.addConversation("c7", "pc1", "+79120000001") // of a contact that is known
				r.mustRun()
				s, c := r.snapshot().Messages, r.world.Counters()
				if s.Sent != 67 || c.Messages != 67 || c.Repeats != 0 {
					t.Errorf("%+v, %d messages arrived, %d of them again", s, c.Messages, c.Repeats)
				}
				if n := len(r.world.Snapshot().Contacts); n != 6 {
					t.Errorf("%d contacts for 6 people", n)
				}
				if c.ChatsCreated != 7 || c.LinksMade != 7 || c.Moves != 0 {
					t.Errorf("%d chats, %d links, %d moves", c.ChatsCreated, c.LinksMade, c.Moves)
				}
				for _, f := range faults {
					if c.Faults[f.Name] == 0 && (f.Name != "read history" || effect.Kind != sandbox.Refuse) {
						t.Errorf("%s was never hit", f.Name)
					}
				}
			})
		})
	}
}

// TestRepeatedMsgID: whatever the server does with a msgid that it knows, nothing is
// there twice, and the ledger has the ids under which the messages are there. Those
// that were applied were not even sent again.
func TestRepeatedMsgID(t *testing.T) {
	t.Parallel()
	for _, repeated := range []sandbox.RepeatedMsgID{sandbox.SameID, sandbox.NewID, sandbox.StoredTwice} {
		t.Run(string(repeated), func(t *testing.T) {
			t.Parallel()
			bubble(t, legacy(t, 20, 15, 10), sandbox.Options{RepeatedMsgID: repeated, VisibilityLag: sandbox.Lag{Min: 5 * time.Second, Max: 50 * time.Second}, Faults: []sandbox.Fault{
				{Name: "lost after", API: sandbox.Amojo, Contains: `"new_message"`, Every: 4, Effect: sandbox.Effect{Kind: sandbox.CutAfterApply}},
				{Name: "lost before", API: sandbox.Amojo, Contains: `"new_message"`, Every: 5, Effect: sandbox.Effect{Kind: sandbox.DropBeforeApply}},
			}}, func(t *testing.T, r *rig) {
				r.crashAt(`"imp1-c1-m12"`) // its intent, and perhaps a doubt, are the next run's
				r.crash()
				r.mustRun()
				c := r.world.Counters()
				if c.Messages != 45 || c.Repeats != 0 {
					t.Errorf("%d messages arrived, %d of them again", c.Messages, c.Repeats)
				}
				if c.Faults["lost after"] < 5 || c.Faults["lost before"] < 5 {
					t.Errorf("the test does not test: %v", c.Faults)
				}
			})
		})
	}
}

// TestTooMany: over the limit of either API the run waits as long as it is told,
// slows down, and gets everything through without earning the block.
func TestTooMany(t *testing.T) {
	t.Parallel()
	for form, least := range map[sandbox.ThrottleForm]time.Duration{
		sandbox.RetryAfterInBody:   40 * time.Second,
		sandbox.RetryAfterInHeader: 40 * time.Second,
		sandbox.RetryAfterNowhere:  time.Second,
		sandbox.ThrottlePlain:      time.Second,
	} {
		t.Run(string(form), func(t *testing.T) {
			t.Parallel()
			limit := sandbox.Limit{PerSecond: 3, Form: form, RetryAfter: 40 * time.Second, BlockAfter: 4}
			bubble(t, legacy(t, 100, 50, 20, 10, 10, 5, 5, 5, 5, 5), sandbox.Options{AmojoLimit: limit, APIv4Limit: limit,
				Latency: sandbox.Lag{Min: 50 * time.Millisecond, Max: 250 * time.Millisecond}}, func(t *testing.T, r *rig) {
				var mu sync.Mutex
				until := map[string]time.Time{}
				r.base = func(base http.RoundTripper) http.RoundTripper {
					return roundTrip(func(req *http.Request) (*http.Response, error) {
						mu.Lock()
						if early := time.Until(until[req.URL.Host]); early > 0 {
							t.Errorf("%s %s came %s too early", req.Method, req.URL.Path, early)
						}
						mu.Unlock()
						resp, err := base.RoundTrip(req)
						if err == nil && resp.StatusCode == http.StatusTooManyRequests {
							mu.Lock()
							until[req.URL.Host] = time.Now().Add(least)
							mu.Unlock()
						}
						return resp, err
					})
				}
				r.mustRun()
				s, c := r.snapshot().Messages, r.world.Counters()
				if s.Sent != 215 || c.Repeats != 0 || c.Blocks != 0 {
					t.Errorf("%+v, %d repeats, %d blocks", s, c.Repeats, c.Blocks)
				}
				if c.TooMany[sandbox.Amojo] == 0 || c.TooMany[sandbox.APIv4] == 0 {
					t.Errorf("the test does not test: %v", c.TooMany)
				}
				if f := r.progress.Figures(); f.Doubts != 0 {
					t.Errorf("a 429 made %d doubts", f.Doubts)
				}
			})
		})
	}
}

// TestProbingUp: a quarter of an hour above the limit. The run tries to go up again,
// and that never earns the block, which comes at four refusals in a minute.
func TestProbingUp(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 1200, 900, 600), sandbox.Options{AmojoLimit: sandbox.Limit{PerSecond: 3, Form: sandbox.RetryAfterNowhere, BlockAfter: 4},
		Latency: sandbox.Lag{Min: 50 * time.Millisecond, Max: 250 * time.Millisecond}}, func(t *testing.T, r *rig) {
		begun := time.Now()
		r.mustRun()
		c := r.world.Counters()
		if c.Blocks != 0 || c.Messages != 2700 {
			t.Errorf("%d blocks, %d messages", c.Blocks, c.Messages)
		}
		if n := c.TooMany[sandbox.Amojo]; n < 2 {
			t.Errorf("%d refusals: the test does not test", n)
		}
		if took := time.Since(begun); took > 25*time.Minute { // 15 at the limit
			t.Errorf("it took %s", took)
		}
	})
}

// TestBlocked: the plain-text 403 ends the run at once, and says how to go on.
func TestBlocked(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 60, 50, 40, 30), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, Latency: sandbox.Lag{Min: 300 * time.Millisecond, Max: 300 * time.Millisecond}}, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		messages, blocked := 0, 0
		var since time.Time
		r.on(func(req *http.Request) *http.Response {
			mu.Lock()
			defer mu.Unlock()
			if isMessage(req) {
				messages++
			}
			if messages < 40 {
				return nil
			}
			if blocked++; blocked == 1 {
				since = time.Now()
			}
			return answer(req, http.StatusForbidden, "403 Forbidden")
		})
		err := r.run(t.Context())
		var block *amojo.Error
		if !errors.As(err, &block) || !block.Blocked() {
			t.Fatalf("the run ended with %v", err)
		}
		for _, words := range []string{"wait", "hour", "nothing is lost"} {
			if !strings.Contains(block.Hint(), words) {
				t.Errorf("it does not say %q: %s", words, block.Hint())
			}
		}
		if took := time.Since(since); blocked > 2 || took > time.Second {
			t.Errorf("%d requests went out to who blocks them, for %s", blocked, took)
		}
		if s := r.snapshot(); s.InDoubt != 0 || s.Messages.Parked != 0 {
			t.Errorf("%d in doubt, %+v", s.InDoubt, s.Messages)
		}
		r.base = nil
		r.resume(0)
		if c := r.world.Counters(); c.Messages != 180 || c.Repeats != 0 {
			t.Errorf("%d messages arrived, %d of them again", c.Messages, c.Repeats)
		}
	})
}

// TestBadMedia: a file that amoCRM could not fetch is parked before anything of it is
// sent, and the ledger does not repeat its URL.
func TestBadMedia(t *testing.T) {
	t.Parallel()
	urls := []string{"not a url", "files/a.pdf", "https://example.com/%zz", "http://localhost/a.pdf", "http://nas.local/a.pdf", "http://127.0.0.1/a.pdf",
		"http://10.1.2.3/a.pdf", "http://172.16.5.4/a.pdf", "http://192.168.1.9:8080/a.pdf", "http://[::1]/a.pdf", "http://[fd12::1]/a.pdf",
		"http://[fe80::1]/a.pdf", "https://example.com/" + strings.Repeat("a", 3000) + ".pdf"}
	r := newRig(t, legacy(t, 2), sandbox.Options{Record: true})
	for i, url := range urls {
		r.queryAt(r.legacy, `insert into messages (conversation_id, id, sent_at, direction, kind, media_url, file_name, file_size)
			values ('c1', $1, '2021-03-02+00', 'in', 'file', $2, 'a.pdf', 5)`, []any{fmt.Sprint("f", i), url}, nil)
	}
	r.mustRun()
	if s := r.snapshot().Messages; s.Sent != 2 || s.Parked != int64(len(urls)) || r.reasons()["bad_media_url"] != s.Parked {
		t.Errorf("%+v %v", s, r.reasons())
	}
	for _, req := range r.world.Requests() {
		if strings.Contains(req.Body, ".pdf") {
			t.Errorf("it was sent: %.300s", req.Body)
		}
	}
	r.query(`select id, detail from amoimport.message where outcome = 'parked'`, nil, func(scan func(...any) error) error {
		var id, detail string
		err := scan(&id, &detail)
		if detail == "" || strings.Contains(detail, ".pdf") {
			t.Errorf("%s is parked with %q", id, detail)
		}
		return err
	})
}
