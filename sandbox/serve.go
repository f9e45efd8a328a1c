package sandbox

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"time"
)

// request is one request as the server read it.
type request struct {
	api     API
	method  string
	url     *url.URL
	base    string // scheme and host, for links
	header  http.Header
	body    []byte
	sent    func() // called when the request reached the server
	number  int
	logged  int       // its place in the log, from 1; 0: not logged
	arrived time.Time // when it was read
	acted   time.Time // when it takes effect

	route *route
	vars  map[string]string
}

// reply is one answer. A body that is not bytes is sent as JSON.
type reply struct {
	status int
	header http.Header
	body   any
	kind   string // content type; empty for no body
	reason string // why a request was refused, for the log only
}

// ending is what becomes of a request on the wire.
type ending int

const (
	answered  ending = iota
	refused          // no connection
	cut              // connection closed without an answer
	truncated        // connection closed in the middle of the body
	withdrawn        // the client went away first
)

// serve runs one request to its end.
func (w *World) serve(ctx context.Context, rq *request) (*written, ending) {
	effect, wait, out, end := w.arrive(rq)
	if end != answered {
		return nil, end
	}
	if rq.sent != nil {
		rq.sent()
	}
	if out == nil {
		if !sleep(ctx, wait) {
			w.leave(rq, effect, wait)
			return nil, withdrawn
		}
		out, end = w.act(rq, effect)
	}
	if end == cut {
		return nil, end
	}
	return w.write(rq, out), end
}

// arrive counts a request and finds out what awaits it: a reply at once, an ending without one, or an effect.
func (w *World) arrive(rq *request) (e Effect, wait time.Duration, out *reply, end ending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rq.arrived = w.now()
	w.lastReq++
	rq.number = w.lastReq
	w.find(rq)
	if rq.api == page {
		return Effect{}, 0, nil, answered
	}
	w.applyLate()
	isRefuse := func(k EffectKind) bool { return k == Refuse }
	if w.drawEffect(rq, isRefuse).Kind == Refuse {
		w.counters.Refused++
		return Effect{}, 0, nil, refused
	}
	w.count(rq)
	if out := w.passGate(rq); out != nil {
		return Effect{}, 0, out, answered
	}
	if w.o.FailOnWrite && rq.method != http.MethodGet {
		w.counters.Violations = append(w.counters.Violations, rq.method+" "+rq.url.Path)
		return Effect{}, 0, w.serverError(rq, http.StatusInternalServerError, "this world takes no writes"), answered
	}
	e = w.drawEffect(rq, func(k EffectKind) bool { return !isRefuse(k) })
	return e, w.lag(w.o.Latency, "latency", rq.number) + e.Delay, nil, answered
}

// act does what the request asks for, and then what its effect makes of that.
func (w *World) act(rq *request, e Effect) (*reply, ending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.applyLate()
	rq.acted = w.now()
	switch e.Kind {
	case Status:
		return w.statusEffect(rq, e), answered
	case DropBeforeApply:
		return nil, cut
	case CutAfterApply, StatusAfterApply:
		w.applyAfterEnd(rq, e)
		if e.Kind == CutAfterApply {
			return nil, cut
		}
		return w.statusEffect(rq, e), answered
	}
	out := w.handle(rq)
	switch e.Kind {
	case Garbage:
		return &reply{status: out.status, kind: "text/html", body: []byte("<html>\x00\xff not what you asked for")}, answered
	case Truncated:
		return out, truncated
	}
	return out, answered
}

// handle routes a request whose time has come. The caller holds the lock.
func (w *World) handle(rq *request) *reply {
	var out *reply
	switch rq.api {
	case Amojo:
		out = w.handleAmojo(rq)
	case APIv4:
		out = w.handleV4(rq)
	default:
		out = w.handlePage(rq)
	}
	if out.status >= 400 {
		w.refuse(rq, out)
	}
	return out
}

// lateRequest takes effect after its attempt ended.
type lateRequest struct {
	at time.Time
	rq *request
}

// applyAfterEnd applies a request whose answer is lost, at once or after a delay.
func (w *World) applyAfterEnd(rq *request, e Effect) {
	delay := cmp.Or(e.ApplyDelay, w.o.ApplyDelay)
	if delay <= 0 {
		w.handle(rq)
		return
	}
	w.late = append(w.late, lateRequest{w.now().Add(delay), rq})
}

// leave is called when a client went away while the server was still at work: what it asked for is done all the same.
func (w *World) leave(rq *request, e Effect, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counters.Withdrawn++
	if rq.api == page || rq.method == http.MethodGet || e.Kind == Status || e.Kind == DropBeforeApply {
		return
	}
	at := rq.arrived.Add(wait)
	if end := w.now().Add(cmp.Or(e.ApplyDelay, w.o.ApplyDelay)); end.After(at) {
		at = end
	}
	w.late = append(w.late, lateRequest{at, rq})
}

// applyLate applies the late requests that are due, in the order of their times.
func (w *World) applyLate() {
	now := w.now()
	for {
		next := -1
		for i, l := range w.late {
			if !l.at.After(now) && (next < 0 || l.at.Before(w.late[next].at)) {
				next = i
			}
		}
		if next < 0 {
			return
		}
		l := w.late[next]
		w.late = append(w.late[:next], w.late[next+1:]...)
		l.rq.acted = l.at
		w.handle(l.rq)
		w.counters.AppliedLate++
	}
}

// sleep waits, unless the client goes away first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
