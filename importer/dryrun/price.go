package dryrun

import (
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
)

// Rates is how fast the APIs may be asked.
type Rates struct {
	Amojo, APIv4 float64       // requests a second
	RoundTrip    time.Duration // of one request to amojo; a conversation's go one after the other
}

// Price is what a run would take.
type Price struct {
	Amojo Requests `json:"amojo"`
	APIv4 Requests `json:"api_v4"`
	// Marks is how many of the requests to amojo mark messages as read.
	Marks int64 `json:"marks"`
	// Longest is the conversation with the most to send: no run is shorter than it.
	Longest Longest `json:"longest"`
	// Seconds is about how long a run would take. Both APIs are asked side by side.
	Seconds int64 `json:"seconds"`
}

// Requests is what one API would be asked.
type Requests struct {
	Count   int64 `json:"requests"`
	Seconds int64 `json:"seconds"` // at the set limit
}

// Longest is a conversation and what it would take alone.
type Longest struct {
	Conversation string `json:"conversation"`
	Parts        int64  `json:"parts"`
	Seconds      int64  `json:"seconds"`
}

// writeBatch is how many contacts or links go out with one request.
const writeBatch = 50

// price counts what a run would ask.
func (d *survey) price() Price {
	t := &d.total
	var p Price
	for _, c := range d.chats {
		if n := int64(c.parts); n > p.Longest.Parts || n == p.Longest.Parts && n > 0 && string(c.id) < p.Longest.Conversation {
			p.Longest.Conversation, p.Longest.Parts = string(c.id), n
		}
	}
	trip := d.Rates.RoundTrip.Seconds()
	if d.Rates.Amojo > 0 {
		trip = max(trip, 1/d.Rates.Amojo)
	}
	p.Longest.Seconds = int64(float64(p.Longest.Parts) * trip)

	created := t.people
	if t.found != nil {
		created = t.found[string(ledger.Created)]
	}
	// A chat is opened, its link looked at, and each of its parts sent, and marked perhaps.
	if d.MarkRead {
		p.Marks = t.marks
	}
	p.Amojo = requests(t.chats+t.parts+p.Marks, d.Rates.Amojo)
	batches := func(n int64) int64 { return (n + writeBatch - 1) / writeBatch }
	p.APIv4 = requests(t.lookups+2*batches(created)+t.chats+batches(t.chats), d.Rates.APIv4)
	p.Seconds = max(p.Amojo.Seconds, p.APIv4.Seconds, p.Longest.Seconds)
	return p
}

func requests(n int64, rate float64) Requests {
	r := Requests{Count: n}
	if rate > 0 {
		r.Seconds = int64(float64(n) / rate)
	}
	return r
}
