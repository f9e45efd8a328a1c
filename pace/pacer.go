package pace

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// DefaultGuard is added to the sliding second when Config.Guard is zero. It
// pays for the jitter between a departure here and its arrival there.
const DefaultGuard = 20 * time.Millisecond

// Config describes the pace of one API.
type Config struct {
	Name  string        // names the API in errors and in Status
	Rate  float64       // departures per second, the ceiling; above zero
	Guard time.Duration // beyond the second that ⌈Rate⌉ departures must span; zero: DefaultGuard
}

// Pacer spaces the departures of all calls to one API. It is safe for
// concurrent use and keeps no goroutine.
//
// Three bounds hold at once: even spacing at the present rate; departure n not
// earlier than a second and a guard after departure n−⌈Rate⌉, so that a stall
// is not followed by a burst; and whatever a 429 or an outage imposes.
type Pacer struct {
	name  string
	guard time.Duration

	mu         sync.Mutex
	ceiling    float64
	spacing    *rate.Limiter
	window     window
	slow       slowdown
	outage     outage
	queue      queue
	granted    bool        // a turn was given and has not become a departure yet
	probe      *departure  // the lone attempt under way while probing
	wake       *time.Timer // runs dispatch when the next turn may come
	arrivals   uint64
	inFlight   int
	departures int64
	successes  int64
}

// New returns a pacer. It panics if the rate is not a positive number: a wrong
// setting is to be refused where settings are read.
func New(c Config) *Pacer {
	if !validRate(c.Rate) {
		panic(fmt.Sprintf("pace: rate of %s is %v", c.Name, c.Rate))
	}
	if c.Guard == 0 {
		c.Guard = DefaultGuard
	}
	return &Pacer{
		name:    c.Name,
		guard:   c.Guard,
		ceiling: c.Rate,
		spacing: rate.NewLimiter(rate.Limit(c.Rate), 1),
		window:  window{size: windowSize(c.Rate)},
		slow:    slowdown{rate: c.Rate},
		outage:  newOutage(c.Name),
	}
}

// SetRate changes the ceiling, in departures per second. What a 429 taught
// stays in force: a pacer that was slowed does not jump to the new ceiling.
func (p *Pacer) SetRate(perSecond float64) error {
	if !validRate(perSecond) {
		return fmt.Errorf("rate of %s: %v is not a positive number of calls a second", p.name, perSecond)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow.setCeiling(p.ceiling, perSecond)
	p.ceiling = perSecond
	p.window.resize(windowSize(perSecond))
	p.spacing.SetLimitAt(time.Now(), rate.Limit(p.slow.rate))
	p.dispatch()
	return nil
}

func validRate(r float64) bool { return r > 0 && !math.IsInf(r, 0) }

func windowSize(perSecond float64) int { return int(math.Ceil(perSecond)) }

// A departure is one attempt that went out.
type departure struct {
	at  time.Time
	nth int64
}

// await blocks until it is w's turn. On success the turn must be ended with
// depart or forgo; nobody else gets one before that, so that the order and the
// times of departures are those of the window. The error is the context's.
func (p *Pacer) await(ctx context.Context, w *waiter) error {
	w.ready = make(chan struct{})
	p.mu.Lock()
	p.queue.push(w)
	p.dispatch()
	p.mu.Unlock()

	select {
	case <-w.ready:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.queue.remove(w) { // it was given the turn in the same moment
		p.granted = false
	}
	p.dispatch()
	return ending(ctx)
}

// forgo gives a turn back unused.
func (p *Pacer) forgo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.granted = false
	p.dispatch()
}

// depart turns a turn into a departure.
func (p *Pacer) depart() *departure {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.granted = false
	p.departures++
	p.inFlight++
	d := &departure{at: now, nth: p.departures}
	if p.probing() {
		p.probe = d
	}
	p.spacing.ReserveN(now, 1)
	p.window.add(now)
	p.dispatch()
	return d
}

// arrive ends an attempt: apply says what it taught.
func (p *Pacer) arrive(d *departure, apply func(now time.Time)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
	if p.probe == d {
		p.probe = nil
	}
	now := time.Now()
	apply(now)
	p.spacing.SetLimitAt(now, rate.Limit(p.slow.rate))
	p.dispatch()
}

// succeeded: the API answered d, and not with a 429 or a 5xx.
func (p *Pacer) succeeded(d *departure) {
	p.arrive(d, func(now time.Time) {
		p.successes++
		p.outage.end()
		p.slow.succeeded(now, d.nth, p.ceiling)
	})
}

// throttled: d was answered with a 429 that asks for a pause, or for none (0).
func (p *Pacer) throttled(d *departure, pause time.Duration) {
	p.arrive(d, func(now time.Time) {
		p.slow.throttled(now, d.nth, p.departures, p.ceiling, pause)
	})
}

// failed: d got no answer, or a 5xx. unreachable means not even a connection.
func (p *Pacer) failed(d *departure, unreachable bool) {
	p.arrive(d, func(now time.Time) { p.outage.failed(now, d.nth, p.departures, unreachable) })
}

// withdrawn: the caller gave d up; nothing was learned.
func (p *Pacer) withdrawn(d *departure) {
	p.arrive(d, func(time.Time) {})
}

// probing reports whether only one attempt at a time may be under way: in an
// outage, and from a 429 until the next success.
func (p *Pacer) probing() bool { return p.outage.down || p.slow.streak > 0 }

// next is the earliest moment for the next departure.
func (p *Pacer) next(now time.Time) time.Time {
	at := p.window.earliest(time.Second + p.guard)
	if missing := 1 - p.spacing.TokensAt(now); missing > 1e-6 {
		at = later(at, now.Add(time.Duration(math.Ceil(missing/p.slow.rate*float64(time.Second)))))
	}
	return later(at, later(p.slow.until, p.outage.until))
}

// dispatch gives the turn to the head of the queue, or sets the clock for it.
// p.mu is held.
func (p *Pacer) dispatch() {
	if p.granted || p.queue.len() == 0 || p.probe != nil {
		if p.wake != nil {
			p.wake.Stop()
		}
		return
	}
	now := time.Now()
	if wait := p.next(now).Sub(now); wait > 0 {
		if p.wake == nil {
			p.wake = time.AfterFunc(wait, func() {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.dispatch()
			})
		} else {
			p.wake.Reset(wait)
		}
		return
	}
	p.granted = true
	close(p.queue.pop().ready)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
