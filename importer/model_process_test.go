package importer_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/amoimport/amoimport/importer"
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
	begun   bool         // it made a request
	unlucky bool         // it lost connections to the ledger
	decided map[int]bool // hits at which a person has decided
	second  *modelProcess
	ended   chan struct{}
	err     error
}

// start starts the importer in a process of its own.
func (c *modelCase) start(name string, hits []modelHit) *modelProcess {
	return c.begin(name, hits, importer.Following{})
}

func (c *modelCase) begin(name string, hits []modelHit, following importer.Following) *modelProcess {
	p := &modelProcess{c: c, name: name, seen: map[modelEvent]int{}, hits: hits, befell: map[modelDeed]bool{}, decided: map[int]bool{}, conns: map[*modelConn]bool{}, ended: make(chan struct{})}
	r := *c.rig
	p.rig = &r
	r.dial, r.options.Follow = p.dial, following
	c.pids++
	// A process that lives no more: its pid is ours, its start is not.
	r.self = ledger.Self(name)
	if c.pids%2 == 0 {
		r.self.Host, r.self.BootID = "elsewhere", "elsewhere" // nobody here can tell whether it lives
	}
	r.self.Started = fmt.Sprint("start ", c.pids)
	r.base = p.transport
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Hour)
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
	var now []int
	for i, h := range p.hits {
		if h.At == e && (h.Nth == p.seen[e] || h.Do == doDecide && h.Nth < p.seen[e] && !p.decided[i]) {
			now = append(now, i)
		}
	}
	p.mu.Unlock()
	for _, i := range now {
		cut = p.do(i, body) || cut
	}
	return cut
}

func (p *modelProcess) do(hit int, body string) (cut bool) {
	c, h := p.c, p.hits[hit]
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
	case doDecide:
		if c.decides(h.Decision, true) {
			p.mu.Lock()
			p.decided[hit] = true
			p.mu.Unlock()
		}
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

func (p *modelProcess) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}
