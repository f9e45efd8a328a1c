package importer_test

import (
	"bytes"
	"context"
	"net"
	"syscall"
	"time"
)

// dial connects to the ledger, when it can be reached.
func (p *modelProcess) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	refused := &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	p.mu.Lock()
	dead, wait, hang := p.dead, time.Until(p.until), p.hang
	p.mu.Unlock()
	if dead || wait > 0 && !hang {
		return nil, refused
	}
	if wait > 0 {
		select {
		case <-ctx.Done():
			return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
		case <-time.After(wait):
		}
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &modelConn{Conn: conn, p: p}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead || time.Now().Before(p.until) {
		conn.Close()
		return nil, refused
	}
	p.conns[c] = true
	return c, nil
}

// modelConn is a connection to the ledger.
type modelConn struct {
	net.Conn
	p *modelProcess
}

func (c *modelConn) Close() error {
	c.p.mu.Lock()
	delete(c.p.conns, c)
	c.p.mu.Unlock()
	return c.Conn.Close()
}

func (c *modelConn) Write(b []byte) (int, error) {
	lost := func() (int, error) {
		c.Conn.Close()
		return 0, &net.OpError{Op: "write", Net: "unix", Err: syscall.EPIPE}
	}
	if c.p.event(atWrite, "") {
		return lost()
	}
	if !bytes.HasSuffix(b, []byte("commit\x00")) {
		return c.Conn.Write(b)
	}
	if c.p.event(atCommit, "") {
		c.p.c.hit("commit lost")
		return lost()
	}
	c.p.mu.Lock()
	watch := false
	for _, h := range c.p.hits {
		watch = watch || h.At == atCommitted && h.Nth == c.p.seen[atCommitted]+1
	}
	c.p.mu.Unlock()
	n, err := c.Conn.Write(b)
	if !watch || err != nil {
		c.p.event(atCommitted, "")
		return n, err
	}
	// Postgres answers when it is done. The answer is kept from the process until
	// it is known what becomes of it.
	answer := make([]byte, 4096)
	got, err := c.Conn.Read(answer)
	if err != nil {
		return n, nil
	}
	if c.p.event(atCommitted, "") {
		c.p.c.hit("commit in doubt")
		c.Conn.Close()
		return n, nil
	}
	c.Conn = &modelAnswer{Conn: c.Conn, first: answer[:got]}
	return n, nil
}

// modelAnswer gives back what was read already.
type modelAnswer struct {
	net.Conn
	first []byte
}

func (a *modelAnswer) Read(b []byte) (int, error) {
	if len(a.first) > 0 {
		n := copy(b, a.first)
		a.first = a.first[n:]
		return n, nil
	}
	return a.Conn.Read(b)
}
