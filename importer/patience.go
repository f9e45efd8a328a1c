package importer

import (
	"sync/atomic"
	"time"
)

// patience tells one thing that always fails from an outage. It is spent after
// five failures during each of which the same call succeeded for others; or, where
// there are no others to tell by, after many, since what is asked in between is
// answered.
type patience struct {
	others   *atomic.Int64 // successes of the same call
	before   int64
	failures int
	strikes  int
}

// maxAlone is how many failures it takes when nothing can be compared: with pauses
// of half a minute, a quarter of an hour.
const maxAlone = 30

func (p *patience) begin() { p.before = p.others.Load() }

// pause counts a failure and is how long to wait after it.
func (p *patience) pause() time.Duration {
	p.failures++
	return min(time.Second<<min(p.failures-1, 5), 30*time.Second)
}

// spent says whether the last failure was one too many.
func (p *patience) spent() bool {
	if p.others.Load() > p.before {
		p.strikes++
	} else {
		p.strikes = 0
	}
	return p.strikes >= maxRounds || p.failures >= maxAlone
}
