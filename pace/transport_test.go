package pace_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/pace"
)

// script answers attempt n by its n-th word; the last one stays.
func script(words string) *api {
	list := strings.Fields(words)
	return &api{answer: func(n int, _ *http.Request) (*http.Response, error) {
		switch word := list[min(n, len(list)-1)]; word {
		case "cut":
			return nil, errCut
		case "dial":
			return nil, errDial
		case "500":
			return answer(500, "oops"), nil
		case "403":
			return answer(403, "403 Forbidden"), nil
		case "429":
			return answer(429, ""), nil
		default:
			return answer(200, "fine"), nil
		}
	}}
}

func TestWhatIsRepeated(t *testing.T) {
	tests := []struct {
		method, script string
		attempts       int
		status         int // 0: an error
		text           string
		err            error
	}{
		{"GET", "200", 1, 200, "fine", nil},
		{"GET", "cut cut 200", 3, 200, "fine", nil},
		{"GET", "500 cut dial 429 200", 5, 200, "fine", nil},
		{"GET", "403", 1, 403, "403 Forbidden", nil},
		{"HEAD", "cut 200", 2, 200, "fine", nil},
		{"POST", "200", 1, 200, "fine", nil},
		{"POST", "429 429 200", 3, 200, "fine", nil},
		{"POST", "dial 200", 2, 200, "fine", nil},
		{"POST", "dial 429 cut", 3, 0, "", errCut},
		{"POST", "cut 200", 1, 0, "", errCut},
		{"POST", "500 200", 1, 500, "oops", nil},
		{"POST", "403", 1, 403, "403 Forbidden", nil},
		{"PATCH", "cut 200", 1, 0, "", errCut},
		{"DELETE", "cut 200", 1, 0, "", errCut},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.script, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := script(test.script)
				status, text, err := do(t.Context(), client(newPacer(10), a), test.method, "/p", "the body")
				if status != test.status || text != test.text || !errors.Is(err, test.err) {
					t.Errorf("got %d %q, %v; want %d %q, %v", status, text, err, test.status, test.text, test.err)
				}
				if pace.NotSent(err) {
					t.Errorf("%v claims that nothing was sent", err)
				}
				want := make([]string, test.attempts)
				for i := range want {
					want[i] = test.method + " /p the body"
				}
				if diff := cmp.Diff(want, a.calls); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestCancelWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		p := newPacer(0.1)
		c := client(p, a)
		mustGet(t, c, "/")
		why := errors.New("told to stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _, err := do(ctx, c, "POST", "/", "x")
			var notSent *pace.NotSentError
			if !errors.As(err, &notSent) || !pace.NotSent(err) {
				t.Fatalf("err = %v, want not sent", err)
			}
			if !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
				t.Errorf("err = %v, want the cause in it", err)
			}
			if notSent.Hint() == "" || !strings.Contains(err.Error(), "amojo: request not sent, waiting for its turn") {
				t.Errorf("err = %v, hint %q", err, notSent.Hint())
			}
		})
		synctest.Wait()
		cancel(why)
		wg.Wait()
		if s := p.Status(); s.Departures != 1 || s.Queue != 0 {
			t.Errorf("%+v", s)
		}
		mustGet(t, c, "/") // the turn was not lost
	})
}

func TestCancelledBeforeItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		p := newPacer(5)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		req, _ := http.NewRequestWithContext(ctx, "POST", "http://api.test/", strings.NewReader("x"))
		tr := &pace.Transport{Pacer: p, Base: a}
		if _, err := tr.RoundTrip(req); !pace.NotSent(err) {
			t.Errorf("err = %v", err)
		}
		if a.count() != 0 {
			t.Error("it went out")
		}
		mustGet(t, client(p, a), "/")
	})
}

func slowAPI(delay time.Duration) *api {
	return &api{answer: func(_ int, r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(delay):
			return answer(200, "fine"), nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}}
}

func TestWrittenRequestSurvivesCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			method string
			want   error
		}{{"POST", nil}, {"GET", context.Canceled}} {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			_, text, err := do(ctx, client(newPacer(5), slowAPI(5*time.Second)), test.method, "/", "x")
			if !errors.Is(err, test.want) || pace.NotSent(err) {
				t.Errorf("%s: %v", test.method, err)
			}
			want, took := time.Second, time.Since(start)
			if test.want == nil {
				want = 5 * time.Second
				if text != "fine" {
					t.Errorf("%s: %q", test.method, text)
				}
			}
			if took != want {
				t.Errorf("%s took %s, want %s", test.method, took, want)
			}
		}
	})
}

func TestAttemptTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := slowAPI(time.Hour)
		p := newPacer(0.1)
		mustGet(t, client(p, &api{}), "/") // so that the next one waits 10 s first
		c := &http.Client{Transport: &pace.Transport{Pacer: p, Base: a, AttemptTimeout: 3 * time.Second}}
		start := time.Now()
		_, _, err := do(t.Context(), c, "POST", "/", "x")
		if !errors.Is(err, context.DeadlineExceeded) || pace.NotSent(err) || !strings.Contains(err.Error(), "no answer within 3s") {
			t.Errorf("err = %v", err)
		}
		if took := time.Since(start); took.Round(time.Millisecond) != 13*time.Second {
			t.Errorf("took %s, want 10s of waiting and 3s of attempt", took)
		}
		if a.count() != 1 {
			t.Errorf("%d attempts", a.count())
		}
	})
}

// stuckBody gives nothing until its request's context is done.
type stuckBody struct{ ctx context.Context }

func (b stuckBody) Read([]byte) (int, error) { <-b.ctx.Done(); return 0, b.ctx.Err() }
func (b stuckBody) Close() error             { return nil }

func TestAttemptTimeoutCoversTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var during context.Context
		base := roundTripper(func(r *http.Request) (*http.Response, error) {
			during = r.Context()
			resp := answer(200, "")
			if r.URL.Path == "/stuck" {
				resp.Body = stuckBody{during}
			}
			return resp, nil
		})
		c := &http.Client{Transport: &pace.Transport{Pacer: newPacer(5), Base: base, AttemptTimeout: 3 * time.Second}}
		start := time.Now()
		if _, _, err := do(t.Context(), c, "GET", "/stuck", ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %s", took)
		}
		resp, err := c.Get("http://api.test/closed")
		if err != nil {
			t.Fatal(err)
		}
		if during.Err() != nil {
			t.Error("the attempt ended before its body was read")
		}
		resp.Body.Close()
		if during.Err() == nil {
			t.Error("the attempt goes on after its body was closed")
		}
	})
}

type refusal struct{}

func (refusal) Error() string { return "the lease was lost" }
func (refusal) Hint() string  { return "See who holds it." }

func TestGateRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		p := newPacer(5)
		asked := 0
		c := &http.Client{Transport: &pace.Transport{Pacer: p, Base: a, Gate: func(context.Context) error {
			if asked++; asked == 1 {
				return refusal{}
			}
			return nil
		}}}
		_, _, err := do(t.Context(), c, "POST", "/", "x")
		var notSent *pace.NotSentError
		if !errors.As(err, &notSent) || !errors.Is(err, refusal{}) || notSent.Hint() != "See who holds it." {
			t.Errorf("err = %v", err)
		}
		if s := p.Status(); asked != 1 || s.Departures != 0 || a.count() != 0 {
			t.Errorf("asked %d times, %d departures", asked, s.Departures)
		}
		start := time.Now()
		mustGet(t, c, "/") // at once: nothing departed before
		if took := time.Since(start); took != 0 {
			t.Errorf("the refused request cost the next one %s", took)
		}
	})
}

// The gate is asked for each attempt, after the wait.
func TestGateIsAskedLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := script("dial dial 200")
		var asked []time.Time
		c := &http.Client{Transport: &pace.Transport{Pacer: newPacer(5), Base: a, Gate: func(context.Context) error {
			asked = append(asked, time.Now())
			return nil
		}}}
		mustGet(t, c, "/")
		if diff := cmp.Diff(a.times, asked); diff != "" {
			t.Error(diff)
		}
	})
}

func TestBodyMustBeRepeatable(t *testing.T) {
	a := &api{}
	body := &closing{Reader: strings.NewReader("x")}
	req, _ := http.NewRequest("POST", "http://api.test/", body)
	_, err := (&pace.Transport{Pacer: newPacer(5), Base: a}).RoundTrip(req)
	if !pace.NotSent(err) || !strings.Contains(err.Error(), "GetBody") || a.count() != 0 {
		t.Errorf("err = %v after %d attempts", err, a.count())
	}
	if !body.closed {
		t.Error("the body was left open")
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestNothingMarksAWriteAsIdempotent(t *testing.T) {
	var got http.Header
	base := roundTripper(func(r *http.Request) (*http.Response, error) {
		got = r.Header
		return answer(200, ""), nil
	})
	req, _ := http.NewRequest("POST", "http://api.test/", strings.NewReader("x"))
	req.Header.Set("Idempotency-Key", "1")
	req.Header.Set("X-Idempotency-Key", "1")
	req.Header.Set("X-Other", "1")
	resp, err := (&pace.Transport{Pacer: newPacer(5), Base: base}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if diff := cmp.Diff(http.Header{"X-Other": {"1"}}, got); diff != "" {
		t.Error(diff)
	}
	if len(req.Header) != 3 {
		t.Errorf("the caller's request was changed: %v", req.Header)
	}
}
