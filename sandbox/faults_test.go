package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/sandbox"
)

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		form         sandbox.ThrottleForm
		inBody       any
		header, kind string
	}{
		{sandbox.RetryAfterInBody, 3.0, "", "application/problem+json"},
		{sandbox.RetryAfterInHeader, nil, "3", "application/problem+json"},
		{sandbox.RetryAfterNowhere, nil, "", "application/problem+json"},
		{sandbox.ThrottlePlain, "", "", "text/html"},
	} {
		t.Run(string(tt.form), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, sandbox.Options{APIv4Limit: sandbox.Limit{
					PerSecond: 5, Form: tt.form, RetryAfter: 3 * time.Second, BlockAfter: 3, BlockFor: time.Minute,
				}})
				status := func() answer { return c.v4("GET", "/api/v4/account", "") }
				for range 5 {
					c.want(status(), 200)
				}
				a := c.want(status(), 429)
				if a.header.Get("Retry-After") != tt.header || a.header.Get("Content-Type") != tt.kind {
					t.Errorf("headers %v", a.header)
				}
				if tt.inBody != "" && a.get(t, "retry_after") != tt.inBody {
					t.Errorf("body %s", a.body)
				}
				c.chat("other-api")
				<-time.After(999 * time.Millisecond)
				c.want(status(), 429)
				<-time.After(time.Millisecond)
				for range 5 {
					c.want(status(), 200)
				}
				c.want(status(), 429) // the third within a minute
				a = c.want(status(), 403)
				if a.body != "403 Forbidden" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
					t.Errorf("block is %q, %v", a.body, a.header)
				}
				<-time.After(time.Minute)
				c.want(status(), 200)
				got := c.w.Counters()
				if got.TooMany[sandbox.APIv4] != 3 || got.Blocks != 1 || got.Blocked != 1 || got.MaxPerSecond[sandbox.APIv4] != 8 || got.MaxPerSecond[sandbox.Amojo] != 1 {
					t.Errorf("counted %+v", got)
				}
			})
		})
	}
}

func TestAmojoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, sandbox.Options{AmojoLimit: sandbox.Limit{PerSecond: 1}})
		c.chat("c")
		a := c.want(c.amojo("POST", "", incoming("c", "m", msec, "x")), 429)
		if a.get(t, "error_code") != 429.0 || a.get(t, "retry_after") != 1.0 {
			t.Errorf("body %s", a.body)
		}
		if got := c.w.Counters().Messages; got != 0 {
			t.Errorf("a throttled message was stored")
		}
	})
}

// send sends one message and says how it ended.
func send(ctx context.Context, c *client, msgid string) (answer, error) {
	return c.try(ctx, "POST", "/v2/origin/custom/"+c.w.ScopeID(), incoming("c", msgid, msec, "x"), true)
}

func TestEffects(t *testing.T) {
	for _, tt := range []struct {
		name   string
		effect sandbox.Effect
		status int
		err    error
		stored int
	}{
		{"status", sandbox.Effect{Kind: sandbox.Status, Code: 503}, 503, nil, 0},
		{"default status", sandbox.Effect{Kind: sandbox.Status}, 500, nil, 0},
		{"status after apply", sandbox.Effect{Kind: sandbox.StatusAfterApply, Code: 504, Body: "<html>"}, 504, nil, 1},
		{"cut after apply", sandbox.Effect{Kind: sandbox.CutAfterApply}, 0, io.ErrUnexpectedEOF, 1},
		{"drop before apply", sandbox.Effect{Kind: sandbox.DropBeforeApply}, 0, io.ErrUnexpectedEOF, 0},
		{"truncated", sandbox.Effect{Kind: sandbox.Truncated}, 200, io.ErrUnexpectedEOF, 1},
		{"garbage", sandbox.Effect{Kind: sandbox.Garbage}, 200, nil, 1},
		{"slow", sandbox.Effect{Kind: sandbox.Slow, Delay: time.Second}, 200, nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, sandbox.Options{})
				f := c.w.AddFault(sandbox.Fault{Name: "f", API: sandbox.Amojo, Contains: `"m1"`, Times: 1, Effect: tt.effect})
				began := time.Now()
				a, err := send(t.Context(), c, "m1")
				if a.status != tt.status || !errors.Is(err, tt.err) {
					t.Errorf("ended with %d, %v; want %d, %v", a.status, err, tt.status, tt.err)
				}
				if tt.effect.Body != "" && a.body != tt.effect.Body {
					t.Errorf("body is %q", a.body)
				}
				if took := time.Since(began); took != tt.effect.Delay {
					t.Errorf("took %v, want %v", took, tt.effect.Delay)
				}
				if got := c.w.Counters(); got.Messages != tt.stored || got.Faults["f"] != 1 || f.Hits() != 1 {
					t.Errorf("%d stored, %d hits; want %d, 1", got.Messages, f.Hits(), tt.stored)
				}
				if a, err := send(t.Context(), c, "m2"); err != nil || a.status != 200 {
					t.Errorf("another message: %d, %v", a.status, err)
				}
				if a, err := send(t.Context(), c, "m1"); err != nil || a.status != 200 {
					t.Errorf("after Times: %d, %v", a.status, err)
				}
			})
		})
	}
}

func TestApplyDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, sandbox.Options{ApplyDelay: 10 * time.Second, VisibilityLag: sandbox.Lag{Min: 5 * time.Second}})
		chat := c.chat("c")
		c.w.AddFault(sandbox.Fault{Contains: `"m1"`, Times: 1, Effect: sandbox.Effect{Kind: sandbox.CutAfterApply}})
		if _, err := send(t.Context(), c, "m1"); err == nil {
			t.Fatal("not cut")
		}
		<-time.After(9 * time.Second)
		if got := c.w.Counters(); got.Messages != 0 || got.PendingLate != 1 {
			t.Errorf("%d stored, %d pending, want 0 and 1", got.Messages, got.PendingLate)
		}
		<-time.After(5 * time.Second) // applied 4 s ago
		c.want(c.amojo("GET", "/chats/"+chat+"/history", ""), 204)
		<-time.After(time.Second)
		diff(t, "history", []string{"m1"}, c.history(chat))
		if got := c.w.Counters(); got.AppliedLate != 1 || got.PendingLate != 0 {
			t.Errorf("counted %+v", got)
		}
	})
}

// What takes effect while a request waits is there when it is answered.
func TestLateRequestDuringAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, sandbox.Options{Latency: sandbox.Lag{Min: 2 * time.Second}})
		chat := c.chat("c")
		cut := sandbox.Effect{Kind: sandbox.CutAfterApply, ApplyDelay: time.Second}
		c.w.AddFault(sandbox.Fault{Contains: `"m1"`, Effect: cut})
		if _, err := send(t.Context(), c, "m1"); err == nil {
			t.Fatal("not cut")
		}
		diff(t, "history", []string{"m1"}, c.history(chat))
	})
}

// A client that gives up has not stopped the server.
func TestSlowRequestIsAppliedAfterTheClientLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, sandbox.Options{})
		c.w.AddFault(sandbox.Fault{Method: "POST", Effect: sandbox.Effect{Kind: sandbox.Slow, Delay: time.Minute}})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		began := time.Now()
		if _, err := send(ctx, c, "m1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("took %v", took)
		}
		<-time.After(39 * time.Second)
		if got := c.w.Counters().Messages; got != 0 {
			t.Error("applied too early")
		}
		<-time.After(time.Second)
		if got := c.w.Counters(); got.Messages != 1 || got.Withdrawn != 1 {
			t.Errorf("%d stored, %d withdrawn; want 1, 1", got.Messages, got.Withdrawn)
		}
	})
}

// A request that was to be dropped is not applied because its client left early.
func TestDroppedRequestStaysDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, sandbox.Options{})
		c.w.AddFault(sandbox.Fault{Method: "POST", Effect: sandbox.Effect{Kind: sandbox.DropBeforeApply, Delay: time.Minute}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := send(ctx, c, "m1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
		<-time.After(time.Hour)
		if got := c.w.Counters(); got.Messages != 0 || got.PendingLate != 0 {
			t.Errorf("%d stored, %d pending, want none", got.Messages, got.PendingLate)
		}
	})
}

func TestFaultConditions(t *testing.T) {
	broken := sandbox.Effect{Kind: sandbox.Status, Code: 500}
	for _, tt := range []struct {
		name  string
		fault sandbox.Fault
		want  string // one character per request of the six: x failed
	}{
		{"all", sandbox.Fault{}, "xxxxxx"},
		{"the third", sandbox.Fault{Nth: 3}, "..x..."},
		{"every second", sandbox.Fault{Every: 2}, ".x.x.x"},
		{"twice", sandbox.Fault{Times: 2}, "xx...."},
		{"another API", sandbox.Fault{API: sandbox.APIv4}, "......"},
		{"another method", sandbox.Fault{Method: "GET"}, "......"},
		{"path", sandbox.Fault{Path: regexp.MustCompile(`/chats$`)}, "......"},
		{"body", sandbox.Fault{Contains: "m4"}, "....x."},
		{"from 2 s to 4 s", sandbox.Fault{From: 2 * time.Second, To: 4 * time.Second}, "..xx.."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, sandbox.Options{})
				tt.fault.Effect = broken
				c.w.AddFault(tt.fault)
				got := ""
				for i := range 6 {
					if a, err := send(t.Context(), c, fmt.Sprintf("m%d", i)); err == nil && a.status == 500 {
						got += "x"
					} else {
						got += "."
					}
					<-time.After(time.Second)
				}
				if got != tt.want {
					t.Errorf("failed as %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestFaultIsRemoved(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	f := c.w.AddFault(sandbox.Fault{Effect: sandbox.Effect{Kind: sandbox.Status}})
	c.want(c.v4("GET", "/api/v4/account", ""), 500)
	f.Remove()
	c.want(c.v4("GET", "/api/v4/account", ""), 200)
}

// The same seed draws the same faults whatever the order of the requests; a repeated request is drawn anew.
func TestProbabilityIsDrawnFromTheRequest(t *testing.T) {
	run := func(seed uint64, order func(i int) int) (failed map[int]int) {
		c := newClient(t, sandbox.Options{Seed: seed})
		c.w.AddFault(sandbox.Fault{Probability: 0.5, Effect: sandbox.Effect{Kind: sandbox.Status}})
		failed = map[int]int{}
		for range 2 {
			for i := range 40 {
				if a, _ := send(t.Context(), c, fmt.Sprint("m", order(i))); a.status == 500 {
					failed[order(i)]++
				}
			}
		}
		return failed
	}
	forth, back := run(1, func(i int) int { return i }), run(1, func(i int) int { return 39 - i })
	diff(t, "another order", forth, back)
	total, once := 0, 0
	for _, n := range forth {
		total += n
		if n == 1 {
			once++
		}
	}
	if total < 20 || total > 60 || once == 0 {
		t.Errorf("%d of 80 failed, %d requests failed once", total, once)
	}
}

func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, sandbox.Options{})
		c.w.AddFault(sandbox.Outage(sandbox.Amojo, time.Second, time.Hour))
		c.chat("before")
		<-time.After(time.Second)
		var dial *net.OpError
		if _, err := send(t.Context(), c, "m"); !errors.As(err, &dial) || dial.Op != "dial" {
			t.Errorf("ended with %v, want a dial error", err)
		}
		c.want(c.v4("GET", "/api/v4/account", ""), 200)
		<-time.After(time.Hour)
		c.chat("after")
		if got := c.w.Counters(); got.Refused != 1 || got.MaxPerSecond[sandbox.Amojo] != 1 {
			t.Errorf("counted %+v", got)
		}
	})
}

// A client can only know that nothing was sent from the hooks of httptrace.
func TestTransportCallsTheTraceHooks(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	trace := func() (hooks []string) {
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			GetConn:              func(string) { hooks = append(hooks, "GetConn") },
			GotConn:              func(httptrace.GotConnInfo) { hooks = append(hooks, "GotConn") },
			WroteHeaders:         func() { hooks = append(hooks, "WroteHeaders") },
			WroteRequest:         func(httptrace.WroteRequestInfo) { hooks = append(hooks, "WroteRequest") },
			GotFirstResponseByte: func() { hooks = append(hooks, "GotFirstResponseByte") },
		})
		_, _ = send(ctx, c, "m")
		return hooks
	}
	diff(t, "answered", []string{"GetConn", "GotConn", "WroteHeaders", "WroteRequest", "GotFirstResponseByte"}, trace())
	cut := c.w.AddFault(sandbox.Fault{Effect: sandbox.Effect{Kind: sandbox.CutAfterApply}})
	diff(t, "cut", []string{"GetConn", "GotConn", "WroteHeaders", "WroteRequest"}, trace())
	cut.Remove()
	c.w.AddFault(sandbox.Outage(sandbox.Amojo, 0, 0))
	diff(t, "refused", []string{"GetConn"}, trace())
}

func TestFailOnWrite(t *testing.T) {
	c := newClient(t, sandbox.Options{FailOnWrite: true})
	c.want(c.v4("GET", "/api/v4/account", ""), 200)
	c.want(c.v4("POST", "/api/v4/contacts", `[{}]`), 500)
	c.want(c.amojo("POST", "/chats", `{"conversation_id":"c","user":{"id":"u","name":"U"}}`), 500)
	diff(t, "violations", []string{"POST /api/v4/contacts", "POST /v2/origin/custom/" + c.w.ScopeID() + "/chats"}, c.w.Counters().Violations)
	if s := c.w.Snapshot(); len(s.Chats)+len(s.Contacts) != 0 {
		t.Error("something was written")
	}
}

func TestRecord(t *testing.T) {
	c := newClient(t, sandbox.Options{Record: true})
	c.chat("c")
	c.want(c.v4("GET", "/api/v4/contacts?query=x", ""), 204)
	diff(t, "log", []sandbox.Request{
		{Method: "POST", Path: "/v2/origin/custom/" + c.w.ScopeID() + "/chats", Body: `{"conversation_id":"c","user":{"id":"client-c","name":"Client c"}}`, Status: 200},
		{Method: "GET", Path: "/api/v4/contacts", Query: "query=x", Status: 204},
	}, c.w.Requests())
	diff(t, "counters", map[string]int{"POST /v2/origin/custom/{scope}/chats": 1, "GET /api/v4/contacts": 1}, c.w.Counters().Requests)
}

func TestParseFaults(t *testing.T) {
	got, err := sandbox.ParseFaults([]byte(`[
		{"name": "lost answers", "api": "amojo", "method": "POST", "path": "^/v2/", "contains": "m1", "every": 7, "times": 3, "from": "1s", "to": "1m",
		 "effect": {"kind": "cut_after_apply", "delay": "50ms", "apply_delay": "2s"}},
		{"probability": 0.25, "effect": {"kind": "status", "code": 429, "body": "{}", "header": {"Retry-After": "5"}}}]`))
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Path.String() != "^/v2/" {
		t.Errorf("path is %v", got[0].Path)
	}
	got[0].Path = nil
	diff(t, "faults", []sandbox.Fault{
		{
			Name: "lost answers", API: sandbox.Amojo, Method: "POST", Contains: "m1", Every: 7, Times: 3, From: time.Second, To: time.Minute,
			Effect: sandbox.Effect{Kind: sandbox.CutAfterApply, Delay: 50 * time.Millisecond, ApplyDelay: 2 * time.Second},
		},
		{Probability: 0.25, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 429, Body: "{}", Head: map[string]string{"Retry-After": "5"}}},
	}, got)
	for _, bad := range []string{
		``, `{}`, `[{"effect":{"kind":"explode"}}]`, `[{}]`, `[{"nht":1,"effect":{"kind":"slow"}}]`,
		`[{"from":"soon","effect":{"kind":"slow"}}]`, `[{"path":"(","effect":{"kind":"slow"}}]`, `[{"effect":{"kind":"slow","dealy":"1s"}}]`,
	} {
		if _, err := sandbox.ParseFaults([]byte(bad)); err == nil {
			t.Errorf("no error for %s", bad)
		}
	}
}

// msgids are the msgids of conversation c, the oldest arrival first.
func msgids(c *client) (ids []string) {
	chat, _ := c.w.Chat("c")
	slices.SortFunc(chat.Messages, func(a, b sandbox.Message) int { return a.Arrival - b.Arrival })
	for _, m := range chat.Messages {
		ids = append(ids, m.MsgID)
	}
	return ids
}

func TestServerOnASocket(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	s, err := c.w.Start()
	if err != nil {
		t.Fatal(err)
	}
	c.base = s.URL
	c.http = &http.Client{Transport: &http.Transport{}}
	chat := c.chat("c")
	c.want(c.amojo("POST", "", incoming("c", "m1", msec, "x")), 200)
	diff(t, "history", []string{"m1"}, c.history(chat))
	c.want(c.amojo("GET", "/chats/"+chat+"/history?offset=1", ""), 204)
	c.w.AddFault(sandbox.Fault{Contains: "m2", Effect: sandbox.Effect{Kind: sandbox.CutAfterApply}})
	if _, err := send(t.Context(), c, "m2"); !errors.Is(err, io.EOF) {
		t.Errorf("cut: %v", err)
	}
	c.w.AddFault(sandbox.Fault{Contains: "m3", Effect: sandbox.Effect{Kind: sandbox.Truncated}})
	if a, err := send(t.Context(), c, "m3"); !errors.Is(err, io.ErrUnexpectedEOF) || a.status != 200 {
		t.Errorf("truncated: %d, %v", a.status, err)
	}
	c.w.AddFault(sandbox.Fault{Contains: "m4", Effect: sandbox.Effect{Kind: sandbox.Slow, Delay: time.Hour}})
	slow, written := make(chan error, 1), make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { close(written) },
	})
	go func() {
		_, err := send(ctx, c, "m4")
		slow <- err
	}()
	<-written
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-slow; err == nil {
		t.Error("a request outlived the server")
	}
	diff(t, "stored", []string{"m1", "m2", "m3"}, msgids(c)[:3])
	c.http.CloseIdleConnections()
	if _, err := (sandbox.New(sandbox.Options{Addr: "127.0.0.1:bad"})).Start(); err == nil {
		t.Error("no error for a bad address")
	}
}
