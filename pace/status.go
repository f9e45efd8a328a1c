package pace

import (
	"fmt"
	"time"
)

// State is what a pacer is doing.
type State string

const (
	Running State = "running" // departures go out at the present rate
	Slowed  State = "slowed"  // a 429 stopped all departures, until Status.Until
	Down    State = "down"    // no answers since Status.Since; one probe at a time
)

// Status is one snapshot of a pacer.
type Status struct {
	Name       string
	State      State
	Rate       float64   // departures a second, now
	Ceiling    float64   // departures a second, as set
	Queue      int       // requests waiting for their turn
	InFlight   int       // attempts under way
	Departures int64     // attempts so far
	TooMany    int64     // 429s so far
	Since      time.Time // Down: when it began
	Until      time.Time // Slowed, Down: no departure before this
	Reason     string    // why requests wait, a short sentence; "" when none waits
}

// Status returns the present state.
func (p *Pacer) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	s := Status{
		Name:       p.name,
		State:      Running,
		Rate:       p.slow.rate,
		Ceiling:    p.ceiling,
		Queue:      p.queue.len(),
		InFlight:   p.inFlight,
		Departures: p.departures,
		TooMany:    p.slow.total,
	}
	switch {
	case p.outage.down:
		s.State, s.Since, s.Until = Down, p.outage.since, later(p.outage.until, p.slow.until)
	case p.slow.until.After(now):
		s.State, s.Until = Slowed, p.slow.until
	}
	if s.Queue > 0 {
		s.Reason = reason(s, now)
	}
	return s
}

func reason(s Status, now time.Time) string {
	switch s.State {
	case Down:
		return fmt.Sprintf("%s has not answered for %s; trying one request at a time.", s.Name, now.Sub(s.Since).Round(time.Second))
	case Slowed:
		return fmt.Sprintf("%s said too many requests; waiting %s more.", s.Name, s.Until.Sub(now).Round(time.Second))
	}
	if s.Rate < s.Ceiling {
		return fmt.Sprintf("%s is paced at %.3g a second of %.3g, after too many requests.", s.Name, s.Rate, s.Ceiling)
	}
	return fmt.Sprintf("%s is paced at %.3g a second.", s.Name, s.Rate)
}
