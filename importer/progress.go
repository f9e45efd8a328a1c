package importer

import (
	"fmt"
	"sync"
	"time"
)

// Progress is what a run has done so far, for those who watch it. Its methods may
// be called by anybody at any time.
type Progress struct {
	mu sync.Mutex
	f  Figures
	// recent holds the times of the last sends, for a rate that follows changes.
	recent []time.Time
}

// Figures is a copy of the progress at one moment. It is also what the ledger
// keeps with the lease, for status.
type Figures struct {
	Phase    string    `json:"phase"` // enrol, replay, mark, follow, done
	Started  time.Time `json:"started"`
	Enrolled int64     `json:"enrolled"`
	Planned  int64     `json:"planned"` // to send when replay began, and done before
	Sent     int64     `json:"sent"`    // messages settled as sent in this run
	Skipped  int64     `json:"skipped"`
	Parked   int64     `json:"parked"`
	Held     int64     `json:"held"` // of the planned, those that have come to wait behind a parked one
	Rejected int64     `json:"rejected"`
	Edited   int64     `json:"edited"` // messages changed in amoCRM as their rows were
	Parts    int64     `json:"parts"`
	Doubts   int64     `json:"doubts"`         // requests whose answer was lost
	Resumed  int64     `json:"resumed_doubts"` // doubts that an earlier run left
	Settling int64     `json:"settling"`       // lanes that are settling now
	Lanes    int64     `json:"lanes"`          // conversations being replayed now
	Rate     float64   `json:"rate"`           // parts a second, lately
	Waiting  string    `json:"waiting"`        // why requests wait, "" when none does
	// Parts that were marked as read, that cannot be, and all there were to mark.
	Marked     int64 `json:"marked"`
	Unmarkable int64 `json:"not_markable"`
	ToMark     int64 `json:"to_mark"`

	Follow Follow `json:"follow,omitzero"`
}

// Follow is how a run that follows the legacy database stands to it. It is zero
// before the first look, and in a run that does not follow.
type Follow struct {
	Looked time.Time `json:"looked_at"`            // when the last look began
	Behind int64     `json:"behind"`               // messages that are known and not sent
	Oldest time.Time `json:"oldest,omitzero"`      // sent_at of the oldest of them at the last look; zero: none
	Lag    float64   `json:"lag_seconds"`          // how old that one is now
	Ready  time.Time `json:"ready_as_of,omitzero"` // all that there was then is in amoCRM; zero: not proved

	settled int64 // how many messages were decided when Behind was counted
}

// settled is how many messages were decided.
func (f Figures) settled() int64 { return f.Sent + f.Skipped + f.Parked }

// Figures returns the progress now.
func (p *Progress) Figures() Figures {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.f
	f.Rate = p.rate(time.Now())
	f.Follow = f.Follow.now(f.settled())
	if f.Settling > 0 && f.Settling == f.Lanes {
		f.Waiting = fmt.Sprintf("%d requests without an answer are looked for in their chats; that something did not arrive counts after run.settle_time.", f.Settling)
	}
	return f
}

// now takes what was decided since off what is behind.
func (f Follow) now(settled int64) Follow {
	f.Behind = max(0, f.Behind-(settled-f.settled))
	f.settled = settled
	if f.Behind == 0 {
		f.Oldest = time.Time{}
	}
	if !f.Oldest.IsZero() {
		f.Lag = max(0, time.Since(f.Oldest).Seconds())
	}
	return f
}

// rateOver is the span over which the rate is taken.
const rateOver = 30 * time.Second

func (p *Progress) rate(now time.Time) float64 {
	i := 0
	for i < len(p.recent) && now.Sub(p.recent[i]) > rateOver {
		i++
	}
	p.recent = p.recent[i:]
	if len(p.recent) == 0 {
		return 0
	}
	span := min(rateOver, max(time.Second, now.Sub(p.f.Started), now.Sub(p.recent[0])))
	if since := now.Sub(p.recent[0]); since < span && since > time.Second {
		span = since
	}
	return float64(len(p.recent)) / span.Seconds()
}

// count changes the figures.
func (p *Progress) count(change func(*Figures)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.f)
}

// sentPart counts a part that arrived.
func (p *Progress) sentPart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.f.Parts++
	const most = 20_000 // bounds memory at rates far above any real one
	if len(p.recent) == most {
		p.recent = p.recent[1:]
	}
	p.recent = append(p.recent, time.Now())
}

// SetWaiting says why the run waits; "" when it goes on.
func (p *Progress) SetWaiting(reason string) { p.count(func(f *Figures) { f.Waiting = reason }) }
