package pace

import "time"

// How a pacer answers a 429. The API blocks who earns too many of them
// (https://developers.kommo.com/docs/limitations), so that going back up is
// slow, stops short of the rate that failed, and has a budget.
const (
	slowFactor  = 0.7 // of the rate, at each 429
	slowFloor   = 0.1 // of the ceiling
	riseStep    = 0.05
	riseEvery   = 10 * time.Second
	capFactor   = 0.9 // of the rate that earned the 429, while the cap holds
	capHold     = 10 * time.Minute
	capHoldMost = 2 * time.Hour

	throttleBudget = 3 // 429s within budgetSpan; then the rate does not rise
	budgetSpan     = 10 * time.Minute

	pauseMost      = time.Minute // without a word from the API
	retryAfterMost = time.Hour   // a longer request is asked again after this
)

// slowdown holds the present rate and what the 429s so far have taught.
type slowdown struct {
	rate  float64   // per second, in force
	until time.Time // no departure before this

	streak   int   // 429s since the last success
	boundary int64 // departures up to this one belong to the 429s already counted
	total    int64
	recent   []time.Time // the latest 429s, at most throttleBudget

	cap      float64 // not above this before capUntil
	capUntil time.Time
	hold     time.Duration // how long the present cap holds
	lastRise time.Time
}

// throttled takes a 429 for departure nth of latest. Calls that left together
// are refused together: one slow-down answers for all of them.
func (s *slowdown) throttled(now time.Time, nth, latest int64, ceiling float64, asked time.Duration) {
	s.total++
	if nth > s.boundary {
		s.boundary = latest
		s.streak++
		s.recent = append(s.recent, now)
		if len(s.recent) > throttleBudget {
			s.recent = s.recent[1:]
		}
		s.hold = min(max(capHold, 2*s.hold), capHoldMost)
		s.cap, s.capUntil = max(capFactor*s.rate, slowFloor*ceiling), now.Add(s.hold)
		s.rate = max(slowFactor*s.rate, slowFloor*ceiling)
		s.lastRise = now
	}
	pause := min(asked, retryAfterMost)
	if pause <= 0 {
		pause = min(time.Second<<min(max(s.streak, 1)-1, 10), pauseMost)
	}
	s.until = later(s.until, now.Add(pause))
}

// succeeded lets the rate rise by a step when it is time for one. A success
// from before the 429 teaches nothing.
func (s *slowdown) succeeded(now time.Time, nth int64, ceiling float64) {
	if nth <= s.boundary {
		return
	}
	s.streak = 0
	if s.rate >= ceiling {
		if now.Sub(s.capUntil) > s.hold { // the ceiling has proved itself
			s.hold = 0
		}
		return
	}
	if now.Sub(s.lastRise) < riseEvery || s.budgetSpent(now) {
		return
	}
	s.lastRise = now
	top := ceiling
	if now.Before(s.capUntil) {
		top = min(top, s.cap)
	}
	s.rate = max(s.rate, min(s.rate+riseStep*ceiling, top))
}

func (s *slowdown) budgetSpent(now time.Time) bool {
	return len(s.recent) == throttleBudget && now.Sub(s.recent[0]) < budgetSpan
}

// setCeiling keeps the present rate in the new bounds; a rate that was at the
// old ceiling follows it.
func (s *slowdown) setCeiling(old, ceiling float64) {
	if s.rate >= old {
		s.rate = ceiling
	}
	s.rate = min(s.rate, ceiling)
}
