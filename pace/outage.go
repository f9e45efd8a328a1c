package pace

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

const (
	outageAfter = 3 // failures in a row; one is enough when nothing can be reached
	probeFirst  = 500 * time.Millisecond
	probeMost   = 30 * time.Second
)

// outage notices that an API is down. While it is, one attempt at a time goes
// out, with growing pauses, and everybody else waits for it.
type outage struct {
	failures int // in a row
	down     bool
	since    time.Time
	until    time.Time // no probe before this
	pause    time.Duration
	boundary int64 // departures up to this one were under way when it went down
	jitter   *rand.Rand
}

// newOutage seeds the jitter by name: it has to differ between pacers, not
// between runs, and a run that can be replayed is worth more.
func newOutage(name string) outage {
	h := fnv.New64a()
	h.Write([]byte(name))
	return outage{jitter: rand.New(rand.NewPCG(h.Sum64(), 1))}
}

func (o *outage) failed(now time.Time, nth, latest int64, unreachable bool) {
	o.failures++
	switch {
	case !o.down:
		if o.failures < outageAfter && !unreachable {
			return
		}
		o.down, o.since, o.pause, o.boundary = true, now, probeFirst, latest
	case nth > o.boundary: // a probe
		o.pause = min(2*o.pause, probeMost)
	default:
		return
	}
	half := int64(o.pause / 2)
	o.until = now.Add(time.Duration(half + o.jitter.Int64N(half+1)))
}

func (o *outage) end() {
	o.failures, o.down = 0, false
	o.until = time.Time{}
}
