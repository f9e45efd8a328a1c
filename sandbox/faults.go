package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// Fault makes some requests fail. A request matches when every condition that is set holds; of the matching ones
// Nth, Every or Probability picks (all of them if none is set), at most Times.
type Fault struct {
	Name     string         `json:"name,omitempty"` // for Counters.Faults
	API      API            `json:"api,omitempty"`
	Method   string         `json:"method,omitempty"`
	Path     *regexp.Regexp `json:"path,omitempty"`     // found in the path, without the query
	Contains string         `json:"contains,omitempty"` // found in the body, such as a msgid

	Nth         int     `json:"nth,omitempty"`         // only the nth matching request, from 1
	Every       int     `json:"every,omitempty"`       // every nth one
	Probability float64 `json:"probability,omitempty"` // drawn by the seed from the request itself, so order does not matter
	Times       int     `json:"times,omitempty"`       // at most so often; 0 is no bound

	// From and To bound the fault in time, counted from when it was added. A zero To has no end.
	From time.Duration `json:"-"`
	To   time.Duration `json:"-"`

	Effect Effect `json:"effect"`
}

// Effect is what happens to a request that a fault picked.
type Effect struct {
	Kind EffectKind        `json:"kind"`
	Code int               `json:"code,omitempty"` // of Status and StatusAfterApply; default 500
	Body string            `json:"body,omitempty"` // of Status and StatusAfterApply; default the API's own error shape
	Head map[string]string `json:"header,omitempty"`
	// Delay is how long the client waits for the end, whatever it is.
	Delay time.Duration `json:"-"`
	// ApplyDelay is how long after that end the request takes effect; zero means Options.ApplyDelay.
	ApplyDelay time.Duration `json:"-"`
}

// EffectKind is one way to fail.
type EffectKind string

// The ways to fail. Slow only waits for Delay; a client that gives up before is applied nevertheless.
const (
	Status           EffectKind = "status"             // answer Code, nothing happened
	StatusAfterApply EffectKind = "status_after_apply" // it happened, yet answer Code
	CutAfterApply    EffectKind = "cut_after_apply"    // it happened, the connection is cut without an answer
	DropBeforeApply  EffectKind = "drop_before_apply"  // nothing happened, the connection is cut
	Slow             EffectKind = "slow"
	Garbage          EffectKind = "garbage"   // it happened, the answer's body means nothing
	Truncated        EffectKind = "truncated" // it happened, the answer breaks off in its body
	Refuse           EffectKind = "refuse"    // no connection at all: nobody listens. A real socket can only cut.
)

// Outage makes an API unreachable from one time to another, counted from now.
func Outage(api API, from, to time.Duration) Fault {
	return Fault{Name: "outage", API: api, From: from, To: to, Effect: Effect{Kind: Refuse}}
}

// Scripted is a fault at work.
type Scripted struct {
	w       *World
	f       Fault
	index   int
	since   time.Time
	seen    int
	hits    int
	asked   map[[16]byte]int // how often the same request came, for Probability
	removed bool
}

// AddFault makes a fault work from now on. Of several that pick the same request the one added first wins.
func (w *World) AddFault(f Fault) *Scripted {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.addFault(f)
}

func (w *World) addFault(f Fault) *Scripted {
	s := &Scripted{w: w, f: f, index: len(w.faults), since: w.now(), asked: map[[16]byte]int{}}
	w.faults = append(w.faults, s)
	return s
}

// Remove ends the fault.
func (s *Scripted) Remove() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.removed = true
}

// Hits is how many requests the fault picked.
func (s *Scripted) Hits() int {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.hits
}

// drawEffect asks all faults of some kinds about a request. The caller holds the lock.
func (w *World) drawEffect(rq *request, kinds func(EffectKind) bool) Effect {
	var e Effect
	for _, s := range w.faults {
		if kinds(s.f.Effect.Kind) && s.picks(rq) && e.Kind == "" {
			s.hits++
			e = s.f.Effect
			if s.f.Name != "" {
				w.counters.Faults[s.f.Name]++
			}
		}
	}
	return e
}

func (s *Scripted) picks(rq *request) bool {
	f, age := &s.f, rq.arrived.Sub(s.since)
	switch {
	case s.removed, f.Times > 0 && s.hits >= f.Times,
		age < f.From, f.To > 0 && age >= f.To,
		f.API != "" && f.API != rq.api,
		f.Method != "" && f.Method != rq.method,
		f.Path != nil && !f.Path.MatchString(rq.url.Path),
		f.Contains != "" && !bytes.Contains(rq.body, []byte(f.Contains)):
		return false
	}
	s.seen++
	switch {
	case f.Nth > 0:
		return s.seen == f.Nth
	case f.Every > 0:
		return s.seen%f.Every == 0
	case f.Probability > 0:
		key := s.w.draw("request", s.index, rq.method, rq.url.RequestURI(), string(rq.body))
		s.asked[key]++
		return s.w.chance("fault", s.asked[key], string(key[:])) < f.Probability
	}
	return true
}

// statusEffect is the answer of a Status effect.
func (w *World) statusEffect(rq *request, e Effect) *reply {
	code := e.Code
	if code == 0 {
		code = http.StatusInternalServerError
	}
	out := w.serverError(rq, code, "scripted fault")
	if e.Body != "" {
		out = &reply{status: code, kind: typeText, body: e.Body, reason: "scripted fault"}
		if json.Valid([]byte(e.Body)) {
			out.kind = typeJSON
		}
	}
	if len(e.Head) > 0 {
		out.header = http.Header{}
		for k, v := range e.Head {
			out.header.Set(k, v)
		}
	}
	return out
}

// faultJSON and effectJSON spell durations as text, such as "1m30s".
type faultJSON struct {
	*plainFault
	From   string     `json:"from"`
	To     string     `json:"to"`
	Effect effectJSON `json:"effect"`
}

type effectJSON struct {
	*plainEffect
	Delay      string `json:"delay"`
	ApplyDelay string `json:"apply_delay"`
}

type (
	plainFault  Fault
	plainEffect Effect
)

// ParseFaults reads a JSON array of faults, the form in which a command takes them. Durations are text ("90s"), path
// is a regular expression, and an unknown key is an error.
func ParseFaults(data []byte) ([]Fault, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var raw []json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf("faults: want a JSON array: %w", err)
	}
	all := make([]Fault, len(raw))
	for i, r := range raw {
		if err := all[i].read(r); err != nil {
			return nil, fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	return all, nil
}

func (f *Fault) read(data []byte) error {
	in := faultJSON{plainFault: (*plainFault)(f), Effect: effectJSON{plainEffect: (*plainEffect)(&f.Effect)}}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return err
	}
	for _, t := range []struct {
		key, text string
		to        *time.Duration
	}{
		{"from", in.From, &f.From}, {"to", in.To, &f.To},
		{"delay", in.Effect.Delay, &f.Effect.Delay}, {"apply_delay", in.Effect.ApplyDelay, &f.Effect.ApplyDelay},
	} {
		if t.text == "" {
			continue
		}
		var err error
		if *t.to, err = time.ParseDuration(t.text); err != nil {
			return fmt.Errorf("%s: %s is no duration such as 90s", t.key, strconv.Quote(t.text))
		}
	}
	switch f.Effect.Kind {
	case Status, StatusAfterApply, CutAfterApply, DropBeforeApply, Slow, Garbage, Truncated, Refuse:
		return nil
	}
	return fmt.Errorf("effect.kind: %q is none of status, status_after_apply, cut_after_apply, drop_before_apply, "+
		"slow, garbage, truncated, refuse", f.Effect.Kind)
}
