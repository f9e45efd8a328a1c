package pace_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/pace"
)

func TestTooManyIsObeyed(t *testing.T) {
	const httpDate = http.TimeFormat
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where a bubble's clock begins
	tests := []struct {
		name   string
		answer *http.Response
		pause  time.Duration
	}{
		{"seconds in the header", answer(429, "", "Retry-After", "7"), 7 * time.Second},
		{"date in the header", answer(429, "", "Retry-After", start.Add(9*time.Second).Format(httpDate)), 9 * time.Second},
		{
			"date in the header, by the server's clock",
			answer(429, "", "Retry-After", start.Add(time.Hour+9*time.Second).Format(httpDate), "Date", start.Add(time.Hour).Format(httpDate)),
			9 * time.Second,
		},
		{"number in the body", answer(429, `{"title":"Too Many Requests","status":429,"retry_after":300}`), 300 * time.Second},
		{"text in the body", answer(429, `{"retry_after":"2.5"}`), 2500 * time.Millisecond},
		{"header before body", answer(429, `{"retry_after":300}`, "Retry-After", "3"), 3 * time.Second},
		{"neither", answer(429, `{"status":429}`), time.Second},
		{"body that is no JSON", answer(429, `<html>slow down</html>`), time.Second},
		{"nonsense", answer(429, `{"retry_after":-5}`, "Retry-After", "soon"), time.Second},
		{"date gone by", answer(429, "", "Retry-After", start.Add(-time.Hour).Format(httpDate)), time.Second},
		{"a year", answer(429, "", "Retry-After", "31536000"), time.Hour},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &api{answer: func(n int, _ *http.Request) (*http.Response, error) {
					if n == 0 {
						return test.answer, nil
					}
					return answer(201, "made"), nil
				}}
				c := client(newPacer(10), a)
				var others sync.WaitGroup
				others.Go(func() { // everybody stops, not only who was told
					time.Sleep(10 * time.Millisecond)
					mustStatus(t, c, "GET", "/other", "", 201)
				})
				mustStatus(t, c, "POST", "/", "payload", 201)
				others.Wait()
				if got := a.times[1].Sub(a.times[0]); got != test.pause {
					t.Errorf("the next departure came after %s, want %s", got, test.pause)
				}
				if a.calls[1] != "POST / payload" {
					t.Errorf("repeated as %q", a.calls[1])
				}
			})
		})
	}
}

func mustStatus(t *testing.T, c *http.Client, method, path, body string, want int) {
	t.Helper()
	if status, _, err := do(t.Context(), c, method, path, body); err != nil || status != want {
		t.Errorf("%s %s = %d, %v; want %d", method, path, status, err, want)
	}
}

func TestPauseGrowsWithoutAWordFromTheAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: func(n int, _ *http.Request) (*http.Response, error) {
			if n < 8 {
				return answer(429, ""), nil
			}
			return answer(200, ""), nil
		}}
		mustGet(t, client(newPacer(100), a), "/")
		for i, want := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
			if got := gaps(a.times)[i]; got != time.Duration(want)*time.Second {
				t.Errorf("pause %d is %s, want %ds", i, got, want)
			}
		}
	})
}

// Calls that were under way together and are refused together slow the pacer
// down once; then one goes ahead alone.
func TestVolleyCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: func(n int, _ *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			if n < 10 {
				return answer(429, ""), nil
			}
			return answer(200, ""), nil
		}}
		p := newPacer(10)
		c := client(p, a)
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() { mustGet(t, c, "/") })
		}
		time.Sleep(1500 * time.Millisecond) // the volley is coming back
		synctest.Wait()
		s := p.Status()
		if s.State != pace.Slowed || !s.Until.After(time.Now()) || !strings.Contains(s.Reason, "too many requests; waiting") {
			t.Errorf("status is %+v", s)
		}
		time.Sleep(1500 * time.Millisecond) // the pause is over
		synctest.Wait()
		if got := p.Status(); got.Rate != 7 || got.TooMany != 10 || got.InFlight != 1 {
			t.Errorf("rate %v after %d 429s, %d in flight; want 7, 10, 1", got.Rate, got.TooMany, got.InFlight)
		}
		wg.Wait()
	})
}

// keepBusy sends one call after another for a while.
func keepBusy(t *testing.T, c *http.Client, d time.Duration) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		mustGet(t, c, "/")
	}
}

func TestRateRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: func(n int, _ *http.Request) (*http.Response, error) {
			if n == 5 {
				return answer(429, ""), nil
			}
			return answer(200, ""), nil
		}}
		p := newPacer(10)
		c := client(p, a)
		rate := func(d time.Duration, low, high float64) {
			t.Helper()
			keepBusy(t, c, d)
			if got := p.Status().Rate; got < low-1e-9 || got > high+1e-9 {
				t.Errorf("rate is %v, want %v to %v", got, low, high)
			}
		}
		rate(time.Second, 7, 7)
		rate(5*time.Second, 7, 7)
		rate(10*time.Second, 7.5, 7.5) // slowly
		rate(9*time.Minute, 9, 9)      // short of what failed
		rate(5*time.Minute, 10, 10)    // and in the end back
		rate(time.Minute, 10, 10)      // never above
	})
}

// Against a limit well below the set rate, for hours: the pacer settles under
// it, and its tries to go up again cost few 429s.
func TestProbingUpNeverEarnsABlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 3
		var refused []time.Time
		a := &api{}
		a.answer = func(int, *http.Request) (*http.Response, error) {
			now, within := time.Now(), 0
			for i := len(a.times) - 1; i >= 0 && now.Sub(a.times[i]) < time.Second; i-- {
				within++
			}
			if within > limit {
				refused = append(refused, now)
				return answer(429, `{"retry_after":1}`), nil
			}
			return answer(200, ""), nil
		}
		p := newPacer(5)
		keepBusy(t, client(p, a), 5*time.Hour)
		if n := busiest(refused, 10*time.Minute); n > 3 {
			t.Errorf("%d 429s within ten minutes", n)
		}
		if len(refused) < 3 || len(refused) > 12 {
			t.Errorf("%d 429s in five hours", len(refused))
		}
		if perSecond := float64(len(a.times)) / (5 * time.Hour).Seconds(); perSecond < 0.8*limit {
			t.Errorf("only %.2f calls a second went out under a limit of %d", perSecond, limit)
		}
	})
}

func TestBudgetStopsTheRise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: func(n int, _ *http.Request) (*http.Response, error) {
			if n == 10 || n == 20 || n == 30 {
				return answer(429, ""), nil
			}
			return answer(200, ""), nil
		}}
		p := newPacer(10)
		c := client(p, a)
		keepBusy(t, c, 8*time.Minute)
		if got := p.Status().Rate; got > 10*0.7*0.7*0.7+0.001 {
			t.Errorf("rate rose to %v with the budget spent", got)
		}
		keepBusy(t, c, 4*time.Minute)
		if got := p.Status().Rate; got < 4 {
			t.Errorf("rate is still %v when the budget is back", got)
		}
	})
}

func TestSlowedPacerKeepsItsRateWhenTheCeilingMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: func(n int, _ *http.Request) (*http.Response, error) {
			if n == 0 {
				return answer(429, ""), nil
			}
			return answer(200, ""), nil
		}}
		p := newPacer(10)
		mustGet(t, client(p, a), "/")
		for _, step := range []struct{ set, want float64 }{{20, 7}, {5, 5}} {
			if err := p.SetRate(step.set); err != nil {
				t.Fatal(err)
			}
			if got := p.Status(); got.Rate != step.want || got.Ceiling != step.set {
				t.Errorf("set to %v: rate %v of %v, want %v", step.set, got.Rate, got.Ceiling, step.want)
			}
		}
	})
}

// An answer to a call that left before the 429 does not say that it is over.
func TestOldSuccessDoesNotEndTheProbing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: func(n int, _ *http.Request) (*http.Response, error) {
			switch n {
			case 0:
				time.Sleep(500 * time.Millisecond)
			case 1:
				return answer(429, ""), nil
			default:
				time.Sleep(2 * time.Second)
			}
			return answer(200, ""), nil
		}}
		c := client(newPacer(10), a)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { mustGet(t, c, "/") })
		}
		wg.Wait()
		if gap := gaps(a.times)[2]; gap < 2*time.Second {
			t.Errorf("the probe had company after %s", gap)
		}
	})
}
