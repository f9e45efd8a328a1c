package importer_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"
)

// modelCase is one life.
type modelCase struct {
	plan     modelPlan
	rig      *rig
	legacy   *modelLegacy
	db       sync.Mutex // around legacy
	person   *modelPerson
	poisoned bool
	refusing bool          // the server refuses some messages
	loud     int           // messages that were not silent
	lostLoud int           // of messages that the server lost
	want     ledger.Counts // what reading all back is to find, by the last check
	pool     *modelPooler
	dsn      string
	all      sync.WaitGroup
	tally    *modelTally

	mu     sync.Mutex
	pids   int
	faults []string
	log    []string
	took   *modelProcess
	begun  time.Time
}

// liveModel runs one case in a bubble of its own and returns what was wrong.
func liveModel(t *testing.T, p modelPlan, pool *modelPooler, tally *modelTally) []string {
	c := &modelCase{plan: p, pool: pool, dsn: pool.url, tally: tally}
	synctest.Test(t, func(t *testing.T) {
		// Virtual, and so at once: every life begins at a round time.
		time.Sleep(time.Until(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)))
		c.begun = time.Now()
		if err := c.live(t); err != nil {
			c.fail("%v", err)
		}
		c.all.Wait()
	})
	if len(c.faults) > 0 {
		return append(c.faults, c.log...)
	}
	return nil
}

func (c *modelCase) live(t *testing.T) error {
	p := &c.plan
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, c.dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	c.legacy = &modelLegacy{conn: conn, clients: p.Clients}
	if err := c.legacy.clear(); err != nil {
		return err
	}
	if c.person, err = newModelPerson(ctx, c.dsn); err != nil {
		return err
	}
	defer c.person.conn.Close(ctx)
	db, err := source.Open(ctx, source.Options{DSN: c.dsn + "&application_name=legacy"})
	if err != nil {
		return err
	}
	defer db.Close()
	defer c.all.Wait()
	if err := c.legacy.exec(`insert into managers values ('m1', 'Anna', 'anna@example.com')`); err != nil {
		return err
	}
	// One row stays as it is: a database that has lost all it had is refused.
	stays := modelChat{Rows: []modelRow{{Words: 1}}}
	for _, chat := range append([]modelChat{stays}, p.Chats...) {
		if err := c.legacy.addChat(chat); err != nil {
			return err
		}
	}
	failing := 0 // kinds of failure that may hit one message again and again
	for _, f := range p.Faults {
		switch {
		case f.Code == 400:
			c.refusing = true
		case f.On == "poison", f.On == "message" && f.Chance > 0: // chance hits five times in a row, too
			c.poisoned = true
		case f.On == "message" && f.Nth == 0 && f.Code != 429:
			failing++
		}
	}
	c.poisoned = c.poisoned || failing > 1
	world := sandbox.New(p.options())
	wo := world.Options()
	c.rig = &rig{t: t, world: world, source: db, ledger: c.dsn, legacy: c.dsn, rate: p.Rate, timeout: modelTimeout, open: ledger.Connect,
		live: importer.Live{Region: "RU"},
		options: importer.Options{
			Compose: compose.Settings{IDs: compose.DefaultTemplates(), SplitOver: 500,
				Bot:      amojo.Party{ID: wo.Channel.Bot.ClientID, RefID: wo.Channel.Bot.ID, Name: wo.Channel.Bot.Name},
				Managers: map[string]compose.Manager{"m1": {Name: "Anna", RefID: wo.Users[0].AmojoID}}},
			Region: "RU", PersonKey: []byte("test"), SettleTime: p.settleTime(), Lanes: p.Lanes,
			MaxChanged: 10, MaxRejected: 10, Hold: p.Hold, MarkRead: p.MarkRead, Log: zerolog.Nop(),
		}}
	if p.Announce {
		c.rig.options.Announce = importer.AnnounceLast
	}
	if p.Edits {
		c.rig.options.OnEdit = importer.SendEdits
	}
	if p.ByField {
		c.rig.live.LegacyField = 9003
	}

	for i, run := range p.Runs {
		time.Sleep(run.Later)
		for _, change := range run.Changes {
			c.change(change)
		}
		for _, d := range run.Decisions {
			c.decides(d, false)
		}
		c.lead(fmt.Sprint("run ", i+1), run)
		c.pool.settle()
		if len(c.faults) > 0 {
			return nil
		}
	}
	for _, change := range p.Afterward {
		c.change(change)
	}
	for _, d := range p.Decisions {
		c.decides(d, false)
	}
	c.follow(c.start("the last run", nil))
	c.all.Wait()
	if len(c.faults) > 0 {
		return nil
	}
	c.check()
	if p.Again {
		sent := world.Counters().Messages
		c.follow(c.start("one run more", nil))
		if n := world.Counters().Messages; n != sent {
			c.fail("a run with nothing to do sent %d messages", n-sent)
		}
		c.check()
	}
	for _, d := range p.Finally {
		if len(c.faults) > 0 || !c.decides(d, false) {
			break
		}
		c.follow(c.start("a run after a decision", nil))
		c.check()
	}
	if p.Repair != nil && len(c.faults) == 0 {
		c.repair(p.Repair)
	}
	if len(c.faults) == 0 {
		c.verify()
	}
	c.tallyWorld()
	return nil
}

// follow waits until a process has ended, and what it started, and judges its end.
func (c *modelCase) follow(p *modelProcess) {
	<-p.ended
	p.mu.Lock()
	second := p.second
	p.mu.Unlock()
	if second != nil {
		<-second.ended
		var held *ledger.HeldError
		switch {
		case errors.As(second.err, &held):
			c.hit("second run refused")
			second.err = nil
		case second.err == nil && errors.Is(p.err, ledger.ErrLeaseLost):
			c.hit("second run took over")
		}
		c.follow(second)
	}
	c.note("%s ended: %v", p.name, p.err)
	if p.rig.progress != nil { // it got the ledger
		figures := p.rig.progress.Figures()
		c.hits("doubt", int(figures.Doubts))
		c.hits("doubt where a repeated msgid is "+string(c.plan.Repeated), int(figures.Doubts))
		c.hits("resumed with a doubt", int(figures.Resumed))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.err == nil, p.befell[doKill]:
	case p.unlucky && p.rig.progress == nil: // it could not even start
	case errors.Is(p.err, ledger.ErrLeaseLost) && (second != nil || p.befell[doUsurp]):
	case second != nil && errors.As(p.err, new(*ledger.HeldError)): // the second was quicker
	case p.befell[doStop] && (errors.Is(p.err, context.Canceled) || p.unlucky):
	default:
		c.fail("%s ended with: %v", p.name, p.err)
	}
}

func (c *modelCase) change(m modelChange) {
	c.db.Lock()
	defer c.db.Unlock()
	doubt, err := c.legacy.change(m)
	if err != nil {
		c.fail("change the legacy database: %v", err)
	}
	if doubt {
		c.hit(m.Do + " at a doubt")
	}
}

// usurp takes the lease from whoever holds it.
func (c *modelCase) usurp() error {
	return c.aside(`update amoimport.lease set epoch = epoch + 1, held = false`)
}

func (c *modelCase) cutLegacy() error {
	return c.aside(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'legacy'`)
}

func (c *modelCase) aside(sql string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, c.dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

func (c *modelCase) fail(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *modelCase) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, fmt.Sprintf("%s: ", time.Since(c.begun))+fmt.Sprintf(format, args...))
}

func (c *modelCase) takenBy(p *modelProcess) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = p
}

func (c *modelCase) taker() *modelProcess {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.took
}

func (c *modelCase) hit(class string) { c.hits(class, 1) }

func (c *modelCase) hits(class string, n int) {
	if n > 0 {
		c.note("%s", class)
		c.tally.add(class, n)
	}
}

// tallyWorld counts what the servers did.
func (c *modelCase) tallyWorld() {
	p, n := &c.plan, c.rig.world.Counters()
	for fault, hits := range n.Faults {
		c.hits(fault, hits)
	}
	c.hits("throttled", n.Answers[429])
	c.hits("applied after the attempt's end", n.AppliedLate)
	c.hits("history: "+string(p.Order), 1)
	var delay string
	err := c.legacy.conn.QueryRow(context.Background(), `select value from amoimport.learned where name = 'visibility_delay'`).Scan(&delay)
	if d, _ := strconv.ParseInt(delay, 10, 64); err == nil && time.Duration(d) > p.settleTime()/2 {
		c.hit("delay over half the settle time")
	}
	c.tally.add("lives", 1)
}
