package sandbox

import (
	"net/http"
	"strconv"
	"time"
)

// gate bounds the requests to one API.
type gate struct {
	seen         []time.Time // all requests of the last second
	passed       []time.Time // those that were let through
	throttled    []time.Time // 429s of the last minute
	blockedUntil time.Time
}

// passGate lets a request through or answers it with a 429 or the block. The caller holds the lock.
func (w *World) passGate(rq *request) *reply {
	g, limit := w.gates[rq.api], w.o.AmojoLimit
	if rq.api == APIv4 {
		limit = w.o.APIv4Limit
	}
	now := rq.arrived
	g.seen = append(since(g.seen, now.Add(-time.Second)), now)
	w.counters.MaxPerSecond[rq.api] = max(w.counters.MaxPerSecond[rq.api], len(g.seen))

	if now.Before(g.blockedUntil) {
		w.counters.Blocked++
		return &reply{status: http.StatusForbidden, kind: typeText, body: "403 Forbidden", reason: "blocked"}
	}
	if limit.PerSecond <= 0 {
		return nil
	}
	g.passed = since(g.passed, now.Add(-time.Second))
	if len(g.passed) < limit.PerSecond {
		g.passed = append(g.passed, now)
		return nil
	}
	w.counters.TooMany[rq.api]++
	g.throttled = append(since(g.throttled, now.Add(-time.Minute)), now)
	if limit.BlockAfter > 0 && len(g.throttled) >= limit.BlockAfter {
		w.block(rq.api, now.Add(limit.BlockFor))
	}
	return w.tooMany(rq.api, limit)
}

// block shuts an API for a while. Kommo blocks an address, and so both APIs; amoCRM's pages speak of the account.
func (w *World) block(api API, until time.Time) {
	w.counters.Blocks++
	for name, g := range w.gates {
		if name == api || w.o.Flavour == Kommo {
			g.blockedUntil, g.throttled = until, nil
		}
	}
}

// since drops the times up to and including t from the front.
func since(times []time.Time, t time.Time) []time.Time {
	n := 0
	for n < len(times) && !times[n].After(t) {
		n++
	}
	return times[n:]
}

// tooMany is a 429 in the form that the limit asks for.
// https://developers.kommo.com/docs/limitations
func (w *World) tooMany(api API, limit Limit) *reply {
	seconds := int(limit.RetryAfter / time.Second)
	if limit.Form == ThrottlePlain {
		return &reply{status: http.StatusTooManyRequests, kind: "text/html", body: "<html><h1>429 Too Many Requests</h1></html>"}
	}
	body := doc{"title": "Too Many Requests", "type": "https://httpstatus.es/429", "status": 429, "detail": "Too many requests"}
	out := &reply{status: http.StatusTooManyRequests, kind: typeProblem, body: body, reason: "too many requests"}
	if api == Amojo && w.o.Flavour != Kommo {
		body = doc{"status": 0, "error_code": 429, "error_type": "TOO_MANY_REQUESTS", "error_description": "too many requests"}
		out.kind, out.body = typeJSON, body
	}
	switch limit.Form {
	case RetryAfterInBody:
		body["retry_after"] = seconds
	case RetryAfterInHeader:
		out.header = http.Header{"Retry-After": {strconv.Itoa(seconds)}}
	}
	return out
}
