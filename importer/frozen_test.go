package importer_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/sandbox"
)

// hole is a way to the ledger that swallows everything from some moment on: its
// connections stay open and silent, and no new ones come about.
type hole struct {
	mu    sync.Mutex
	deep  bool
	conns []*holeConn
}

func (h *hole) open() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deep = true
	for _, c := range h.conns {
		c.once.Do(func() {
			close(c.in)
			_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
		})
	}
}

// mend lets new connections through.
func (h *hole) mend() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deep = false
}

func (h *hole) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	h.mu.Lock()
	deep := h.deep
	h.mu.Unlock()
	if deep {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &holeConn{Conn: conn, in: make(chan struct{}), over: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns = append(h.conns, c)
	return c, nil
}

type holeConn struct {
	net.Conn
	once, gone sync.Once
	in         chan struct{} // closed: it is in the hole
	over       chan struct{} // closed: its user gave it up
}

func (c *holeConn) lost() bool {
	select {
	case <-c.in:
		return true
	default:
		return false
	}
}

func (c *holeConn) Write(b []byte) (int, error) {
	if c.lost() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *holeConn) Read(b []byte) (int, error) {
	if !c.lost() {
		if n, err := c.Conn.Read(b); !c.lost() {
			return n, err
		}
	}
	<-c.over
	return 0, os.ErrDeadlineExceeded
}

func (c *holeConn) SetDeadline(t time.Time) error {
	if !c.lost() {
		return c.Conn.SetDeadline(t)
	}
	if !t.IsZero() && !t.After(time.Now()) {
		c.gone.Do(func() { close(c.over) })
	}
	return nil
}

func (c *holeConn) Close() error {
	c.gone.Do(func() { close(c.over) })
	return c.Conn.Close()
}

// TestTwoMachines: a run loses its way to the ledger and does not know why. A run on
// another machine takes the ledger over after the lease time. From then on the
// first sends nothing and records nothing, and it ends when it learns of it.
func TestTwoMachines(t *testing.T) {
	t.Parallel()
	for _, at := range []string{`"imp1-c1-m4"`, `"custom_fields_values"`} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			bubble(t, legacy(t, 40, 30, 20, 5), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice}, func(t *testing.T, r *rig) {
				h := &hole{}
				var mu sync.Mutex
				var lost, taken time.Time
				first, second := *r, *r
				first.self = ledger.Holder{Command: "first", Host: "there", BootID: "there", PIDNamespace: "there", PID: 7, Started: "1"}
				first.dial = h.dial
				holed := make(chan struct{})
				first.on(func(req *http.Request) *http.Response {
					mu.Lock()
					defer mu.Unlock()
					switch {
					case lost.IsZero() && req.Method == http.MethodPost && strings.Contains(bodyOf(req), at):
						lost = time.Now()
						h.open()
						close(holed)
					case !taken.IsZero():
						t.Errorf("after the second took over the first sent %s %s", req.Method, req.URL.Path)
					case !lost.IsZero() && time.Since(lost) > 6*time.Second:
						t.Errorf("%s after its last beat the first sent %s %s", time.Since(lost), req.Method, req.URL.Path)
					}
					return nil
				})
				second.on(func(*http.Request) *http.Response {
					mu.Lock()
					defer mu.Unlock()
					if taken.IsZero() {
						taken = time.Now()
					}
					return nil
				})
				ended := make(chan error, 1)
				go func() { ended <- first.run(t.Context()) }()
				<-holed
				second.mustRun()
				if waited := taken.Sub(lost); waited < ledger.MinLeaseTime {
					t.Errorf("the second sent %s after the first was lost", waited)
				}
				select {
				case err := <-ended:
					t.Errorf("the first could not know, and ended with %v", err)
				default:
				}
				if s := second.snapshot().Messages; s.Sent != 95 {
					t.Errorf("%+v", s)
				}
				h.mend()
				if err := <-ended; !errors.Is(err, ledger.ErrLeaseLost) {
					t.Errorf("the first ended with %v", err)
				}
				second.complete()
			})
		})
	}
}

// TestDeadConnections: all connections to the ledger die without a word, and new
// ones work. The run gives the dead ones up and goes on.
func TestDeadConnections(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 12, 9, 9, 6), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice}, func(t *testing.T, r *rig) {
		h := &hole{}
		r.dial = h.dial
		var died time.Time
		var once sync.Once
		r.on(func(req *http.Request) *http.Response {
			if strings.Contains(bodyOf(req), `"imp1-c1-m4"`) {
				once.Do(func() {
					died = time.Now()
					h.open()
					h.mend()
				})
			}
			return nil
		})
		r.mustRun()
		if took := time.Since(died); took > 3*time.Minute {
			t.Errorf("it ended %s after the connections died", took)
		}
	})
}
