//go:build model

package importer_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
)

// modelProcess is one run of the importer, as a process of its own: its network
// can be taken away, and with it everything it could still do.
type modelProcess struct {
	c      *modelCase
	name   string
	rig    *rig
	cancel context.CancelFunc

	mu      sync.Mutex
	seen    map[modelEvent]int
	hits    []modelHit
	conns   map[*modelConn]bool
	dead    bool
	until   time.Time // the ledger is away
	hang    bool
	befell  map[modelDeed]bool
	begun   bool // it made a request
	unlucky bool // it lost connections to the ledger
	second  *modelProcess
	ended   chan struct{}
	err     error
}

// start starts the importer in a process of its own.
func (c *modelCase) start(name string, hits []modelHit) *modelProcess {
	p := &modelProcess{c: c, name: name, seen: map[modelEvent]int{}, hits: hits, befell: map[modelDeed]bool{}, conns: map[*modelConn]bool{}, ended: make(chan struct{})}
	r := *c.rig
	p.rig = &r
	r.dial = p.dial
	c.pids++
	// A process that lives no more: its pid is ours, its start is not.
	r.self = ledger.Self(name)
	if c.pids%2 == 0 {
		r.self.Host, r.self.BootID = "elsewhere", "elsewhere" // nobody here can tell whether it lives
	}
	r.self.Started = fmt.Sprint("start ", c.pids)
	r.base = p.transport
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	p.cancel = cancel
	c.all.Add(1)
	go func() {
		defer c.all.Done()
		defer close(p.ended)
		defer cancel()
		p.err = r.run(ctx)
	}()
	return p
}

// event counts an event and does what the plan has for it. It reports whether
// the connection that it happened on is cut.
func (p *modelProcess) event(e modelEvent, body string) (cut bool) {
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return true
	}
	p.seen[e]++
	var now []modelHit
	for _, h := range p.hits {
		if h.At == e && h.Nth == p.seen[e] {
			now = append(now, h)
		}
	}
	p.mu.Unlock()
	for _, h := range now {
		cut = p.do(h, body) || cut
	}
	return cut
}

func (p *modelProcess) do(h modelHit, body string) (cut bool) {
	c := p.c
	p.mu.Lock()
	p.befell[h.Do] = true
	p.mu.Unlock()
	switch h.Do {
	case doKill:
		p.kill()
		c.tallyCrash(h.At, body)
		return true
	case doUsurp:
		p.mu.Lock()
		two := p.second != nil
		p.mu.Unlock()
		if two { // only after the lease time could it have been taken
			return false
		}
		if err := c.usurp(); err != nil {
			c.fail("usurp: %v", err)
		}
		c.hit("lease lost")
		c.tallyCrash(h.At, body)
	case doStop:
		p.cancel()
		c.hit("stopped")
	case doCut:
		p.mu.Lock()
		p.unlucky = true
		p.mu.Unlock()
		c.hit("ledger connection cut")
		return true
	case doAway, doAwayTwo:
		p.away(h)
		c.hit("ledger away")
		if h.Do == doAwayTwo {
			p.startSecond()
		}
		return true
	case doTwo:
		p.startSecond()
	case doLegacyCut:
		if err := c.cutLegacy(); err != nil {
			c.fail("cut legacy: %v", err)
		}
		c.hit("legacy connections cut")
	case doChange:
		c.change(h.Late)
		c.hit("legacy changed during a run")
	}
	return false
}

func (p *modelProcess) startSecond() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.second == nil && !p.befell[doUsurp] {
		p.second = p.c.start(p.name+", second", nil)
	}
}

// kill ends the process: nothing it still does reaches anybody.
func (p *modelProcess) kill() {
	p.mu.Lock()
	p.dead = true
	p.closeAll()
	p.mu.Unlock()
	p.cancel()
}

// away takes the ledger away for some time.
func (p *modelProcess) away(h modelHit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unlucky = true
	p.until, p.hang = time.Now().Add(h.Away), h.Hang
	p.closeAll()
}

func (p *modelProcess) closeAll() {
	for c := range p.conns {
		c.Conn.Close()
	}
	clear(p.conns)
}

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

// transport is the process's way to both APIs.
func (p *modelProcess) transport(base http.RoundTripper) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		post := req.Method == http.MethodPost
		p.mu.Lock()
		dead, first := p.dead, !p.begun
		p.begun = true
		p.mu.Unlock()
		if dead {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		}
		if first {
			p.c.takenBy(p)
		}
		if post {
			p.event(atPost, bodyOf(req))
			if modelMessages.MatchString(req.URL.Path) {
				p.event(atSend, bodyOf(req))
			}
			if p.isDead() {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
			}
			if by := p.c.taker(); by != p {
				p.c.fail("%s sends after %s took the ledger over", p.name, by.name)
			}
		}
		resp, err := base.RoundTrip(req)
		if post {
			body := bodyOf(req)
			p.event(atPosted, body)
			switch {
			case split(body):
				p.event(atPart, body)
			case contactsPath.MatchString(req.URL.Path):
				p.event(atContacts, body)
			}
		} else {
			p.event(atRead, "")
		}
		if p.isDead() {
			if resp != nil {
				resp.Body.Close()
			}
			return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
		}
		return resp, err
	})
}

func (p *modelProcess) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// tallyCrash counts what kind of crash it was.
func (c *modelCase) tallyCrash(at modelEvent, body string) {
	switch message := strings.Contains(body, `"new_message"`); {
	case at == atCommit:
		c.hit("crash before a commit")
	case at == atCommitted:
		c.hit("crash after a commit")
	case at == atRead:
		c.hit("crash while reading")
	case at == atSend:
		c.hit("crash before apply")
	case message:
		c.hit("crash after apply")
		if split(body) {
			c.hit("crash in a split message")
		}
	case at == atContacts:
		c.hit("crash at a batch of contacts")
	}
}

// split reports whether a request sends a part after the first.
func split(body string) bool { return strings.Contains(body, `_p2"`) || strings.Contains(body, `_p3"`) }
