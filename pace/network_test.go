package pace_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/amoimport/amoimport/pace"
)

func networkClient(t *testing.T) *http.Client {
	base := pace.Network()
	t.Cleanup(func() {
		base.CloseIdleConnections()
		goleak.VerifyNone(t)
	})
	return client(newPacer(1000), base)
}

// server reads requests on kept-alive connections and lets each test say what
// becomes of the n-th request of a connection.
type server struct {
	URL  string
	mu   sync.Mutex
	seen []string
}

// serve closes a connection when then says so, instead of or after answering.
func serve(t *testing.T, then func(s *server, conn net.Conn, nth int, r *http.Request) (goOn bool)) *server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{URL: "http://" + l.Addr().String()}
	var wg sync.WaitGroup
	var conns sync.Map
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Store(conn, true)
			wg.Go(func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for nth := 0; ; nth++ {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					body, _ := io.ReadAll(r.Body)
					s.mu.Lock()
					s.seen = append(s.seen, r.Method+" "+string(body))
					s.mu.Unlock()
					if !then(s, conn, nth, r) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Range(func(conn, _ any) bool { conn.(net.Conn).Close(); return true })
		wg.Wait()
	})
	return s
}

func (s *server) count(call string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.seen {
		if c == call {
			n++
		}
	}
	return n
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"

func send(ctx context.Context, c *http.Client, method, url, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// The server takes the second request of a connection and closes it without an
// answer: a POST is then in doubt and must reach it only once.
func TestKeptAliveConnectionCutAfterTheWrite(t *testing.T) {
	c := networkClient(t)
	s := serve(t, func(_ *server, conn net.Conn, nth int, r *http.Request) bool {
		if nth == 1 {
			return false
		}
		io.WriteString(conn, ok)
		return true
	})
	if _, err := send(t.Context(), c, "POST", s.URL, "first"); err != nil {
		t.Fatal(err)
	}
	if _, err := send(t.Context(), c, "POST", s.URL, "second"); err == nil || pace.NotSent(err) {
		t.Errorf("err = %v, want a doubt", err)
	}
	if n := s.count("POST second"); n != 1 {
		t.Errorf("the POST arrived %d times", n)
	}
	for range 4 { // a GET is repeated over a new connection
		if text, err := send(t.Context(), c, "GET", s.URL, ""); err != nil || text != "fine" {
			t.Errorf("GET: %q, %v", text, err)
		}
	}
}

// The server closes each connection after its answer, and the client may notice
// before, while or after it writes the next request. Whatever it notices, a POST
// that succeeds arrived once, and none arrives twice.
func TestKeptAliveConnectionClosedBetweenRequests(t *testing.T) {
	c := networkClient(t)
	s := serve(t, func(_ *server, conn net.Conn, _ int, _ *http.Request) bool {
		io.WriteString(conn, ok)
		return false
	})
	for i := range 100 {
		body := strings.Repeat("x", i+1)
		_, err := send(t.Context(), c, "POST", s.URL, body)
		switch n := s.count("POST " + body); {
		case pace.NotSent(err):
			t.Errorf("POST %d was not sent: %v", i, err)
		case err == nil && n != 1, n > 1:
			t.Errorf("POST %d arrived %d times, err = %v", i, n, err)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	c := networkClient(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = send(ctx, c, "POST", "http://"+l.Addr().String(), "x")
	if !pace.NotSent(err) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("err = %v, want not sent, connection refused", err)
	}
	var h interface{ Hint() string }
	if !errors.As(err, &h) || !strings.Contains(h.Hint(), "can be reached") {
		t.Errorf("hint: %v", h)
	}
}

// A handshake that fails is before the first byte of the request.
func TestUntrustedServer(t *testing.T) {
	c := networkClient(t)
	called := false
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := send(ctx, c, "POST", s.URL, "x"); !pace.NotSent(err) || called {
		t.Errorf("err = %v, called: %v", err, called)
	}
}

func TestNetworkSpeaksHTTP1(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Proto)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	base := pace.Network()
	t.Cleanup(base.CloseIdleConnections)
	base.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	base.TLSClientConfig.NextProtos = nil
	text, err := send(t.Context(), client(newPacer(10), base), "POST", s.URL, "x")
	if err != nil || text != "HTTP/1.1" {
		t.Errorf("got %q, %v", text, err)
	}
}
