package pace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// An attempt is a request's one way out and back.
type attempt struct {
	timeout     time.Duration
	read        bool // the request changes nothing
	unreachable bool // it failed before there was a connection: nothing was written
}

// roundTrip sends a copy of req. What it returns is Base's answer or error; the
// attempt's clock runs until the answer's body is closed or at its end.
func (a *attempt) roundTrip(base http.RoundTripper, req *http.Request, body io.ReadCloser) (*http.Response, error) {
	if a.timeout <= 0 {
		a.timeout = DefaultAttemptTimeout
	}
	ctx := req.Context()
	if !a.read {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)

	var asked, got atomic.Bool
	out := req.Clone(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { got.Store(true) },
	}))
	if !a.read {
		// Either header would make net/http repeat a request by itself.
		out.Header.Del("Idempotency-Key")
		out.Header.Del("X-Idempotency-Key")
	}
	out.Body = body
	resp, err := base.RoundTrip(out)
	if err != nil {
		// A connection was asked for and none was got: that alone is sure. Once
		// there is one, bytes may have left, whatever the error says. A failed
		// dial is as sure, also after a connection kept alive turned out dead:
		// net/http dials anew only when nothing was written to that one.
		a.unreachable = asked.Load() && !got.Load() || failedDial(err)
		if ctx.Err() != nil && (!a.read || req.Context().Err() == nil) {
			err = fmt.Errorf("no answer within %s: %w", a.timeout, err)
		}
		cancel()
		return nil, err
	}
	resp.Body = &timedBody{ReadCloser: resp.Body, done: cancel}
	return resp, nil
}

func failedDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// timedBody ends the attempt's clock with the body.
type timedBody struct {
	io.ReadCloser
	done context.CancelFunc
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.done()
	}
	return n, err
}

func (b *timedBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}
