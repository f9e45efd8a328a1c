package ledger_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"sync"
	"time"
)

// frost is the network of a process that freezes, or whose packets get lost: what
// it writes goes nowhere, what it reads never comes, and Postgres sees connections
// that are open and silent.
type frost struct {
	at   []byte // freezes when this is about to be written; nil: by hand
	half bool   // all of that still gets through but its end

	mu     sync.Mutex
	frozen bool
	conns  []*frozenConn
}

func (f *frost) freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frozen = true
	for _, c := range f.conns {
		c.once.Do(func() {
			close(c.ice)
			_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // who reads now is told
		})
	}
}

func (f *frost) isFrozen() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.frozen
}

// thaw lets new connections through; the old ones stay dead.
func (f *frost) thaw() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frozen = false
}

// end closes what the process would have left open, and lets it go on.
func (f *frost) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frozen = false
	for _, c := range f.conns {
		c.gone.Do(func() { close(c.over) })
		c.Conn.Close()
	}
}

func (f *frost) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	f.mu.Lock()
	frozen := f.frozen
	f.mu.Unlock()
	if frozen {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &frozenConn{Conn: conn, f: f, ice: make(chan struct{}), over: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns = append(f.conns, c)
	return c, nil
}

// frozenConn is a connection that may freeze.
type frozenConn struct {
	net.Conn
	f    *frost
	once sync.Once
	ice  chan struct{} // closed: frozen
	gone sync.Once
	over chan struct{} // closed: its user gave it up
}

func (c *frozenConn) isFrozen() bool {
	select {
	case <-c.ice:
		return true
	default:
		return false
	}
}

func (c *frozenConn) Write(b []byte) (int, error) {
	if c.f.at != nil && bytes.Contains(b, c.f.at) {
		c.f.at = nil
		if c.f.half {
			_, _ = c.Conn.Write(b[:len(b)-5]) // without the message that ends a batch
		}
		c.f.freeze()
	}
	if c.isFrozen() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *frozenConn) Read(b []byte) (int, error) {
	if !c.isFrozen() {
		if n, err := c.Conn.Read(b); !c.isFrozen() {
			return n, err
		}
	}
	<-c.over
	return 0, os.ErrDeadlineExceeded
}

func (c *frozenConn) SetDeadline(t time.Time) error {
	if !c.isFrozen() {
		return c.Conn.SetDeadline(t)
	}
	if !t.IsZero() && !t.After(time.Now()) {
		c.gone.Do(func() { close(c.over) })
	}
	return nil
}

// Close of a frozen connection is not seen by Postgres.
func (c *frozenConn) Close() error {
	if c.isFrozen() {
		c.gone.Do(func() { close(c.over) })
		return nil
	}
	return c.Conn.Close()
}
