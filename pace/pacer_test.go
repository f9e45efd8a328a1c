package pace_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/amoimport/amoimport/pace"
)

func TestDeparturesAreSpacedEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		c := client(newPacer(5), a)
		var wg sync.WaitGroup
		for range 21 {
			wg.Go(func() { mustGet(t, c, "/") })
		}
		start := time.Now()
		wg.Wait()
		for i, gap := range gaps(a.times) {
			if gap < 200*time.Millisecond-time.Microsecond || gap > 230*time.Millisecond {
				t.Errorf("gap %d is %s, want some 200ms", i, gap)
			}
		}
		if took := time.Since(start); took > 4200*time.Millisecond {
			t.Errorf("21 calls took %s", took)
		}
	})
}

// A plan is a stretch of traffic: who comes when, and how long each one is held
// up between its turn and its departure, and between departure and arrival.
type plan struct {
	perSecond float64
	calls     []planned
}

type planned struct{ comes, stall, jitter time.Duration }

func (p plan) arrivals(t *testing.T) (times []time.Time) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		pacer := newPacer(p.perSecond)
		var wg sync.WaitGroup
		for i, call := range p.calls {
			wg.Go(func() {
				time.Sleep(call.comes)
				tr := &pace.Transport{
					Pacer: pacer,
					Gate:  func(context.Context) error { time.Sleep(call.stall); return nil },
					Base: roundTripper(func(r *http.Request) (*http.Response, error) {
						time.Sleep(call.jitter)
						return a.RoundTrip(r)
					}),
				}
				mustGet(t, &http.Client{Transport: tr}, fmt.Sprint("/", i))
			})
		}
		wg.Wait()
		times = a.times
	})
	return times
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// No second, wherever it begins, sees more arrivals than the rate says.
func TestNoSecondSeesMoreThanTheRate(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := plan{perSecond: rapid.SampledFrom([]float64{0.5, 1, 2.5, 5, 7, 20}).Draw(rt, "rate")}
		for i := range rapid.IntRange(2, 40).Draw(rt, "calls") {
			ms := func(name string, most int) time.Duration {
				return time.Duration(rapid.IntRange(0, most).Draw(rt, fmt.Sprint(name, i))) * time.Millisecond
			}
			call := planned{comes: ms("comes", 4000), jitter: ms("jitter", 19)}
			if rapid.IntRange(0, 9).Draw(rt, fmt.Sprint("stalls", i)) == 0 {
				call.stall = ms("stall", 3000)
			}
			p.calls = append(p.calls, call)
		}
		times := p.arrivals(t)
		slices.SortFunc(times, time.Time.Compare)
		if len(times) != len(p.calls) {
			rt.Fatalf("%d of %d calls arrived", len(times), len(p.calls))
		}
		limit := int(p.perSecond)
		if float64(limit) < p.perSecond {
			limit++
		}
		if n := busiest(times, time.Second); n > limit {
			rt.Fatalf("%d arrivals within a second at %v/s: %v", n, p.perSecond, times)
		}
	})
}

func TestStallIsNotFollowedByBurst(t *testing.T) {
	p := plan{perSecond: 5}
	for i := range 20 {
		p.calls = append(p.calls, planned{})
		if i == 6 {
			p.calls[i].stall = 10 * time.Second
		}
	}
	for i, gap := range gaps(p.arrivals(t)) {
		if gap < 199*time.Millisecond {
			t.Errorf("gap %d is %s", i, gap)
		}
	}
}

func TestPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		c := client(newPacer(10), a)
		ask := func(path string, p pace.Priority) {
			if _, _, err := do(pace.WithPriority(t.Context(), p), c, "GET", path, ""); err != nil {
				t.Error(err)
			}
		}
		ask("/first", pace.Priority{}) // takes the turn that is free
		var wg sync.WaitGroup
		for _, w := range []struct {
			path string
			p    pace.Priority
		}{
			{"/plain-1", pace.Priority{}},
			{"/short", pace.Priority{Left: 3}},
			{"/long-1", pace.Priority{Left: 900}},
			{"/plain-2", pace.Priority{}},
			{"/read-back-short", pace.Priority{ReadBack: true}},
			{"/long-2", pace.Priority{Left: 900}},
			{"/read-back-long", pace.Priority{ReadBack: true, Left: 2}},
		} {
			wg.Go(func() { ask(w.path, w.p) })
			synctest.Wait() // they come in this order
		}
		wg.Wait()
		want := strings.Fields("/first /read-back-long /long-1 /read-back-short /long-2 /short /plain-1 /plain-2")
		for i := range want {
			want[i] = "GET " + want[i]
		}
		if diff := cmp.Diff(want, a.calls); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRepeatKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: func(n int, _ *http.Request) (*http.Response, error) {
			if n == 0 {
				return answer(429, ""), nil
			}
			return answer(200, ""), nil
		}}
		c := client(newPacer(10), a)
		var wg sync.WaitGroup
		for _, path := range []string{"/1", "/2", "/3"} {
			wg.Go(func() { mustGet(t, c, path) })
			synctest.Wait()
		}
		wg.Wait()
		if diff := cmp.Diff([]string{"GET /1", "GET /1", "GET /2", "GET /3"}, a.calls); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSetRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		p := newPacer(1)
		c := client(p, a)
		mustGet(t, c, "/")
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { mustGet(t, c, "/") })
		}
		synctest.Wait()
		if err := p.SetRate(20); err != nil { // takes effect for those who wait already
			t.Fatal(err)
		}
		start := time.Now()
		wg.Wait()
		if took := time.Since(start); took > 1100*time.Millisecond {
			t.Errorf("20 calls at 20/s took %s", took)
		}
		for _, bad := range []float64{0, -1, nan(), inf()} {
			if err := p.SetRate(bad); err == nil {
				t.Errorf("SetRate(%v) was accepted", bad)
			}
		}
	})
}

func TestNewRefusesBadRate(t *testing.T) {
	for _, bad := range []float64{0, -1, nan(), inf()} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New accepted a rate of %v", bad)
				}
			}()
			newPacer(bad)
		}()
	}
}

func nan() float64 { zero := 0.0; return zero / zero }
func inf() float64 { zero := 0.0; return 1 / zero }

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		a := &api{answer: func(int, *http.Request) (*http.Response, error) {
			<-release
			return answer(200, ""), nil
		}}
		p := newPacer(2)
		c := client(p, a)
		if got, want := p.Status(), (pace.Status{Name: "amojo", State: pace.Running, Rate: 2, Ceiling: 2}); got != want {
			t.Errorf("idle: %+v", got)
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { mustGet(t, c, "/") })
		}
		synctest.Wait()
		want := pace.Status{
			Name: "amojo", State: pace.Running, Rate: 2, Ceiling: 2,
			Queue: 2, InFlight: 1, Departures: 1, Reason: "amojo is paced at 2 a second.",
		}
		if diff := cmp.Diff(want, p.Status()); diff != "" {
			t.Error(diff)
		}
		close(release)
		wg.Wait()
		if got := p.Status(); got.Queue != 0 || got.InFlight != 0 || got.Departures != 3 || got.Reason != "" {
			t.Errorf("afterwards: %+v", got)
		}
	})
}
