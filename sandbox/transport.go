package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"syscall"
)

// Transport returns a client's way into the world without a socket. It needs no goroutine, so it works under virtual
// time. Any host will do. It calls the httptrace hooks in a real connection's order, so that a client can tell what
// was never sent; a cut connection is io.ErrUnexpectedEOF, a refused one a dial error.
func (w *World) Transport() http.RoundTripper { return transport{w} }

type transport struct{ w *World }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readAndClose(r.Body)
	if err != nil {
		return nil, fmt.Errorf("sandbox: read the request's body: %w", err)
	}
	ctx := r.Context()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	trace := httptrace.ContextClientTrace(ctx)
	if trace == nil {
		trace = &httptrace.ClientTrace{}
	}
	if trace.GetConn != nil {
		trace.GetConn(r.URL.Host)
	}
	rq := &request{
		method: r.Method, url: r.URL, base: r.URL.Scheme + "://" + r.URL.Host, header: canonical(r.Header), body: body,
		sent: func() { traceSent(trace) },
	}
	out, end := t.w.serve(ctx, rq)
	switch end {
	case refused:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case cut:
		return nil, io.ErrUnexpectedEOF
	case withdrawn:
		return nil, cause(ctx)
	}
	if trace.GotFirstResponseByte != nil {
		trace.GotFirstResponseByte()
	}
	length := int64(len(out.body))
	var content io.Reader = bytes.NewReader(out.body)
	if end == truncated {
		content = io.MultiReader(bytes.NewReader(out.body[:len(out.body)/2]), broken{})
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", out.status, http.StatusText(out.status)),
		StatusCode: out.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: out.header, Body: io.NopCloser(content), ContentLength: length, Request: r,
	}, nil
}

// canonical copies headers the way a server reads them, whatever the case of their keys was.
func canonical(h http.Header) http.Header {
	out := http.Header{}
	for k, all := range h {
		for _, v := range all {
			out.Add(k, v)
		}
	}
	return out
}

// cause is the error of a request whose context ended, as net/http's own transport gives it.
func cause(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return errors.New("sandbox: request withdrawn")
}

func traceSent(trace *httptrace.ClientTrace) {
	if trace.GotConn != nil {
		here, there := net.Pipe()
		_ = there.Close()
		_ = here.Close()
		trace.GotConn(httptrace.GotConnInfo{Conn: here})
	}
	if trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
}

func readAndClose(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	b, err := io.ReadAll(io.LimitReader(body, maxBody))
	return b, errors.Join(err, body.Close())
}

// broken is a connection that was cut in the middle of a body.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
