package pace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// DefaultAttemptTimeout bounds an attempt when Transport.AttemptTimeout is zero.
const DefaultAttemptTimeout = 20 * time.Second

const (
	readAttempts = 6 // of a read that fails while others succeed; then the caller gets its failure
	readBackoff  = 500 * time.Millisecond
)

// Transport sends requests when its Pacer lets them, and again where that is
// safe:
//
//   - after a 429, whatever the method: it is taken as not applied;
//   - a GET or HEAD that got a 5xx or no answer. During an outage it waits for
//     as long as its context allows; if others succeed meanwhile and it has
//     failed six times, its last failure is returned;
//   - whatever the method, when no connection came about, so that nothing can
//     have been written.
//
// Every other answer, and every other error of a request that changes
// something, goes to the caller as it is: the request may have been applied.
//
// The request's context withdraws what still waits, with a [NotSentError], and
// cancels a GET under way. Any other method, once it has departed, is left to
// end by itself, at most for the attempt's timeout, since giving it up would
// only make a doubt of it. There must be no timeout on the http.Client: the time
// in the queue is not the attempt's.
type Transport struct {
	Pacer *Pacer

	// Base makes one attempt, at the end over Network: it must not repeat by
	// itself what may have been written.
	Base http.RoundTripper

	// AttemptTimeout bounds one attempt from its departure until its answer's
	// body is closed. Zero means DefaultAttemptTimeout.
	AttemptTimeout time.Duration

	// Gate, if set, is asked last, when the request has its turn and is about to
	// be handed to Base. An error ends the request, wrapped in a NotSentError.
	// Nothing else departs while it is asked, so it must be quick.
	Gate func(context.Context) error
}

// RoundTrip implements http.RoundTripper. A request with a body needs GetBody.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close() // every attempt sends a copy of its own
	}
	var (
		ctx   = req.Context()
		read  = req.Method == "" || req.Method == http.MethodGet || req.Method == http.MethodHead
		w     = t.Pacer.newWaiter(priorityOf(ctx))
		tries patience
		last  error
	)
	for {
		if err := t.Pacer.await(ctx, w); err != nil {
			return nil, t.notSent("waiting for its turn", err, last)
		}
		body, err := copyBody(req)
		if err != nil {
			t.Pacer.forgo()
			return nil, t.notSent("preparing it", err, last)
		}
		if t.Gate != nil {
			if err := t.Gate(ctx); err != nil {
				t.Pacer.forgo()
				body.Close()
				return nil, t.notSent("asking whether it still may go", err, last)
			}
		}
		d := t.Pacer.depart()
		a := attempt{timeout: t.AttemptTimeout, read: read}
		resp, err := a.roundTrip(t.Base, req, body)

		switch {
		case err != nil && read && ctx.Err() != nil:
			t.Pacer.withdrawn(d)
			return nil, err
		case err != nil:
			t.Pacer.failed(d, a.unreachable)
			if last = err; !read && !a.unreachable {
				return nil, err
			}
		case resp.StatusCode == http.StatusTooManyRequests:
			body := spend(resp.Body)
			t.Pacer.throttled(d, retryAfter(resp.Header, body, time.Now()))
			last = errors.New(resp.Status)
			continue
		case resp.StatusCode >= 500:
			t.Pacer.failed(d, false)
			if last = errors.New(resp.Status); !read {
				return resp, nil
			}
		default:
			t.Pacer.succeeded(d)
			return resp, nil
		}

		// What is left is a read that failed, or anything that met no connection.
		pause, again := tries.next(t.Pacer, a.unreachable)
		if !again {
			return resp, err
		}
		if resp != nil {
			spend(resp.Body)
		}
		if err := Sleep(ctx, pause); err != nil {
			return nil, t.notSent("waiting to try again", err, last)
		}
	}
}

// copyBody gives an attempt a body of its own.
func copyBody(req *http.Request) (io.ReadCloser, error) {
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		return http.NoBody, nil
	case req.GetBody == nil:
		return nil, errors.New("its body can be read only once (no GetBody)")
	}
	return req.GetBody()
}

func (t *Transport) notSent(when string, err, last error) error {
	return &NotSentError{API: t.Pacer.name, When: when, Err: err, Last: last}
}

// patience decides how often a failed request is tried again.
type patience struct {
	failed    int
	successes int64 // of everybody, when this request failed first
}

// next reports how long to wait and whether to try again at all. In an outage
// the pacer itself sets the pauses, and there is no end to them; nor is there
// one where the API cannot be reached, which says nothing about the request.
func (n *patience) next(p *Pacer, unreachable bool) (pause time.Duration, again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n.failed == 0 {
		n.successes = p.successes
	}
	n.failed++
	switch {
	case p.outage.down || unreachable:
		return 0, true
	case n.failed >= readAttempts && p.successes > n.successes:
		return 0, false
	default:
		return readBackoff << min(n.failed-1, 4), true
	}
}

// Sleep waits, unless the context ends first: then it returns why.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ending(ctx)
	}
}

// ending is why ctx is done: its error, and its cause where that says more.
func ending(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
