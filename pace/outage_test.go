package pace_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/pace"
)

func TestOutageIsWaitedOutBehindOneProbe(t *testing.T) {
	for _, test := range []struct {
		name   string
		method string
		fail   func() (*http.Response, error)
	}{
		{"no connection", "POST", func() (*http.Response, error) { return nil, errDial }},
		{"cut", "GET", func() (*http.Response, error) { return nil, errCut }},
		{"503", "GET", func() (*http.Response, error) { return answer(503, "<html>"), nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const outage = time.Hour
				start := time.Now()
				a := &api{answer: func(int, *http.Request) (*http.Response, error) {
					down := time.Since(start) < outage
					time.Sleep(time.Second)
					if down {
						return test.fail()
					}
					return answer(200, ""), nil
				}}
				p := newPacer(5)
				c := client(p, a)
				var wg sync.WaitGroup
				for range 10 {
					wg.Go(func() { mustStatus(t, c, test.method, "/", "x", 200) })
				}
				time.Sleep(30 * time.Minute)
				s := p.Status()
				if s.State != pace.Down || s.Since.Sub(start) > 5*time.Second || s.InFlight > 1 {
					t.Errorf("half an hour in: %+v", s)
				}
				if !strings.Contains(s.Reason, "has not answered for 29m") {
					t.Errorf("reason: %s", s.Reason)
				}
				wg.Wait()
				if late := time.Since(start) - outage; late > 45*time.Second {
					t.Errorf("went on %s after the outage", late)
				}
				if n := len(a.times); n < 100 || n > 300 {
					t.Errorf("%d attempts in an hour of outage", n)
				}
				if s := p.Status(); s.State != pace.Running || s.Rate != 5 {
					t.Errorf("afterwards: %+v", s)
				}
				// Those under way when it began are not probes; the gaps after them are.
				for i, gap := range gaps(a.times)[12:100] {
					if gap < time.Second || gap > 31*time.Second {
						t.Errorf("probe %d came %s after the one before", i+13, gap)
					}
				}
			})
		})
	}
}

func TestProbesComeMoreAndMoreRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: func(int, *http.Request) (*http.Response, error) { return nil, errDial }}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		_, _, err := do(ctx, client(newPacer(50), a), "POST", "/", "x")
		if !pace.NotSent(err) || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errDial) {
			t.Errorf("err = %v, want not sent, for the deadline and for the dial", err)
		}
		for i, full := range []float64{0.5, 1, 2, 4, 8, 16, 30, 30} {
			gap := gaps(a.times)[i].Seconds()
			if gap < full/2 || gap > full {
				t.Errorf("pause %d is %vs, want %v to %v", i, gap, full/2, full)
			}
		}
	})
}

func TestFewFailuresAreNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: func(n int, _ *http.Request) (*http.Response, error) {
			if n%3 == 2 {
				return answer(404, ""), nil // an answer is an answer
			}
			return answer(500, ""), nil
		}}
		p := newPacer(5)
		c := client(p, a)
		for i := range 30 {
			if _, _, err := do(t.Context(), c, "POST", "/", "x"); err != nil {
				t.Error(err)
			}
			if s := p.Status(); s.State != pace.Running {
				t.Fatalf("down after call %d", i)
			}
		}
	})
}

func TestWrittenPostsCountTowardsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: func(n int, _ *http.Request) (*http.Response, error) {
			if n < 3 {
				return nil, errCut
			}
			return answer(403, "403 Forbidden"), nil
		}}
		p := newPacer(5)
		c := client(p, a)
		for range 3 {
			if _, _, err := do(t.Context(), c, "POST", "/", "x"); !errors.Is(err, errCut) {
				t.Error(err)
			}
		}
		if s := p.Status(); s.State != pace.Down {
			t.Errorf("state is %s after three cuts", s.State)
		}
		mustStatus(t, c, "GET", "/", "", 403)
		if s := p.Status(); s.State != pace.Running {
			t.Errorf("state is %s after an answer", s.State)
		}
	})
}

// A probe that its caller withdraws makes room for the next.
func TestWithdrawnProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: func(n int, r *http.Request) (*http.Response, error) {
			switch n {
			case 0:
				return nil, errDial
			case 1:
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return answer(200, ""), nil
		}}
		c := client(newPacer(5), a)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, _, err := do(ctx, c, "GET", "/hangs", ""); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		synctest.Wait()
		wg.Go(func() { mustGet(t, c, "/next") })
		time.Sleep(5 * time.Second)
		if n := a.count(); n != 2 {
			t.Errorf("%d attempts while the probe hangs, want 2", n)
		}
		cancel()
		wg.Wait()
	})
}

func TestReadThatAlwaysFailsIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: func(_ int, r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/poison" {
				return answer(500, "sorry"), nil
			}
			return answer(200, ""), nil
		}}
		c := client(newPacer(5), a)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for ctx.Err() == nil {
				mustGet(t, c, "/fine")
			}
		})
		status, text, err := do(t.Context(), c, "GET", "/poison", "")
		if status != 500 || text != "sorry" || err != nil {
			t.Errorf("got %d %q, %v", status, text, err)
		}
		cancel()
		wg.Wait()
		poison := 0
		for _, call := range a.calls {
			if call == "GET /poison" {
				poison++
			}
		}
		if poison != 6 {
			t.Errorf("tried %d times, want 6", poison)
		}
	})
}

// Calls that were under way together and fail together are one failed probe.
func TestVolleyOfFailuresIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: func(n int, _ *http.Request) (*http.Response, error) {
			if n < 10 {
				time.Sleep(2*time.Second - time.Duration(n)*90*time.Millisecond)
				return nil, errDial
			}
			return answer(200, ""), nil
		}}
		c := client(newPacer(10), a)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { mustGet(t, c, "/") })
		}
		wg.Wait()
		if wait := a.times[10].Sub(a.times[9].Add(2 * time.Second)); wait > time.Second {
			t.Errorf("the first probe came %s after the failures", wait)
		}
	})
}
