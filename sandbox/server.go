package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxBody bounds a request's body.
const maxBody = 8 << 20

// ServeHTTP serves both APIs and the page.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if err != nil {
		http.Error(rw, "cannot read the body", http.StatusRequestEntityTooLarge)
		return
	}
	out, end := w.serve(r.Context(), &request{
		method: r.Method, url: r.URL, base: "http://" + r.Host, header: r.Header, body: body,
	})
	if out == nil {
		panic(http.ErrAbortHandler) // closes the connection, and net/http keeps quiet about it
	}
	for k, v := range out.header {
		rw.Header()[k] = v
	}
	if out.status != http.StatusNoContent {
		rw.Header().Set("Content-Length", strconv.Itoa(len(out.body)))
	}
	rw.WriteHeader(out.status)
	if end == truncated {
		_, _ = rw.Write(out.body[:len(out.body)/2])
		_ = http.NewResponseController(rw).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = rw.Write(out.body) // a client that went away is no concern of ours
}

// Server is a world on a socket.
type Server struct {
	URL string // such as http://127.0.0.1:40123

	srv  *http.Server
	stop context.CancelFunc
	done sync.WaitGroup
}

// Start serves the world over plain HTTP on Options.Addr.
func (w *World) Start() (*Server, error) {
	addr := w.Options().Addr
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("sandbox: listen on %s: %w", addr, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{URL: "http://" + l.Addr().String(), stop: stop}
	s.srv = &http.Server{
		Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			s.done.Add(1)
			defer s.done.Done()
			w.ServeHTTP(rw, r)
		}),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 30 * time.Second,
	}
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		_ = s.srv.Serve(l) // ends with ErrServerClosed
	}()
	return s, nil
}

// Close cuts all connections and waits for what is being served.
func (s *Server) Close() error {
	s.stop()
	err := s.srv.Close()
	s.done.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
