package importer_test

import (
	"context"
	"time"

	"github.com/amoimport/amoimport/importer"
	"pgregory.net/rapid"
)

// modelFollow is a run that follows: what changes while it does, until it is stopped.
type modelFollow struct {
	Changes []modelNews
	Stop    time.Duration // after the last of them
}

// modelNews is a change some time after the one before.
type modelNews struct {
	After  time.Duration
	Change modelChange
}

// modelFollowing is often enough for a life of minutes.
func modelFollowing() importer.Following {
	return importer.Following{Every: 30 * time.Second, FullEvery: 3 * time.Minute}
}

func drawFollow(t *rapid.T) *modelFollow {
	if rapid.IntRange(0, 7).Draw(t, "follows") < 7 {
		return nil
	}
	after := func() time.Duration {
		return rapid.SampledFrom([]time.Duration{40 * time.Second, 5 * time.Second, 2 * time.Minute, 0}).Draw(t, "after")
	}
	f := &modelFollow{}
	for range rapid.IntRange(1, 4).Draw(t, "news") {
		f.Changes = append(f.Changes, modelNews{after(), drawChange(t)})
	}
	f.Stop = rapid.SampledFrom([]time.Duration{0, 10 * time.Second, time.Minute, 4 * time.Minute}).Draw(t, "stop after")
	return f
}

// lead starts a run of the plan and sees it through: to its end, or until one that
// follows is stopped.
func (c *modelCase) lead(name string, run modelRun) {
	if run.Follow == nil {
		c.follow(c.start(name, run.Hits))
		return
	}
	p := c.begin(name, run.Hits, modelFollowing())
	for _, news := range run.Follow.Changes {
		if !p.livesFor(news.After) {
			break
		}
		c.change(news.Change)
		c.hit("changed while a run follows")
	}
	if p.livesFor(run.Follow.Stop) {
		p.mu.Lock()
		p.befell[doStop] = true
		p.mu.Unlock()
		p.cancel()
		c.hit("stopped while it follows")
	}
	c.follow(p)
	c.pool.settle()
	c.checkFollowed(p)
}

// livesFor waits so long and says whether the process still lives then.
func (p *modelProcess) livesFor(d time.Duration) bool {
	select {
	case <-p.ended:
		return false
	case <-time.After(d):
		return true
	}
}

// checkFollowed holds what a run that followed has said to be done: all, where it ends
// without an error, and what there was as of when it was ready.
func (c *modelCase) checkFollowed(p *modelProcess) {
	if p.rig.progress == nil || p.second != nil || p.befell[doUsurp] {
		return
	}
	ready := p.rig.progress.Figures().Follow.Ready
	if !ready.IsZero() {
		c.hit("ready for cut-over")
	}
	known := map[string]bool{} // whether it is still to be sent
	rows, err := c.legacy.conn.Query(context.Background(), `select conversation || '/' || id, outcome = 'planned' and last_fault is null from amoimport.message`)
	if err != nil {
		c.fail("read the ledger: %v", err)
		return
	}
	defer rows.Close()
	left := 0
	for rows.Next() {
		var id string
		var planned bool
		if err := rows.Scan(&id, &planned); err != nil {
			c.fail("read the ledger: %v", err)
			return
		}
		if known[id] = planned; planned {
			left++
		}
	}
	if p.err == nil && left > 0 && !c.plan.Hold {
		c.fail("%s ended well and left %d messages", p.name, left)
	}
	for _, t := range c.legacy.chats {
		for _, m := range t.rows {
			planned, there := known[t.id+"/"+m.id]
			if m.deleted || !m.wrote.Before(ready) {
				continue
			}
			if !there || planned { // what is held keeps a run from being ready
				c.fail("%s was ready as of %s, but %s/%s, written at %s, is not sent", p.name, ready, t.id, m.id, m.wrote)
			}
			c.tally.add("there when a run was ready", 1)
		}
	}
}
