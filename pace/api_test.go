package pace_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amoimport/amoimport/pace"
)

// api is a base transport in memory: it keeps when each attempt came and what
// it carried, and answers as told.
type api struct {
	answer func(n int, r *http.Request) (*http.Response, error) // n from 0; nil: 200

	mu    sync.Mutex
	times []time.Time
	calls []string // method, path and body
}

func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	a.mu.Lock()
	n := len(a.times)
	a.times = append(a.times, time.Now())
	a.calls = append(a.calls, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body)))
	a.mu.Unlock()
	if a.answer == nil {
		return answer(200, ""), nil
	}
	return a.answer(n, r)
}

func (a *api) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.times)
}

func answer(status int, body string, header ...string) *http.Response {
	resp := &http.Response{
		StatusCode: status,
		Status:     http.StatusText(status),
		Header:     http.Header{},
		Body:       io.NopCloser(strings.NewReader(body)),
	}
	for i := 0; i < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

var (
	errCut  = errors.New("connection reset by peer")
	errDial = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
)

// client wires a transport around the api.
func client(p *pace.Pacer, base http.RoundTripper) *http.Client {
	return &http.Client{Transport: &pace.Transport{Pacer: p, Base: base}}
}

func newPacer(perSecond float64) *pace.Pacer {
	return pace.New(pace.Config{Name: "amojo", Rate: perSecond})
}

// do makes one request and reads its answer to the end.
func do(ctx context.Context, c *http.Client, method, path, body string) (status int, text string, err error) {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://api.test"+path, r)
	if err != nil {
		return 0, "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func mustGet(t *testing.T, c *http.Client, path string) {
	t.Helper()
	if status, _, err := do(t.Context(), c, "GET", path, ""); err != nil || status != 200 {
		t.Errorf("GET %s = %d, %v", path, status, err)
	}
}

// gaps are the times between departures.
func gaps(times []time.Time) []time.Duration {
	var out []time.Duration
	for i := 1; i < len(times); i++ {
		out = append(out, times[i].Sub(times[i-1]))
	}
	return out
}

// busiest is the most of times within any span.
func busiest(times []time.Time, span time.Duration) int {
	most := 0
	for i := range times {
		n := 0
		for _, t := range times[i:] {
			if t.Sub(times[i]) < span {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}
