//go:build model

package importer_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"
	"pgregory.net/rapid"
)

// modelTime is the environment variable that says how long TestModel runs.
const modelTime = "AMOIMPORT_MODEL_TIME"

// TestModel runs the importer through drawn lives: rows that come, change and go,
// servers that fail, answers that are lost, processes that die and meet. After
// each life every message must be where it belongs, once.
func TestModel(t *testing.T) {
	long, least := 30*time.Second, 25
	if s := os.Getenv(modelTime); s != "" {
		var err error
		if long, err = time.ParseDuration(s); err != nil {
			t.Fatalf("%s: %v", modelTime, err)
		}
	}
	if long >= 3*time.Minute {
		least = 300
	}
	end := time.Now().Add(long)
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		// As many as fit: those after the end draw nothing.
		if err := f.Value.Set("100000"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Value.Set(f.DefValue) })
	}
	tally := &modelTally{hits: map[string]int{}}
	var shards sync.WaitGroup
	var failed atomic.Int64 // shard that found something, from 1; the others end
	for shard := range modelShards {
		// Not t.Parallel: the lives wait for Postgres rather than for a processor.
		shards.Go(func() {
			t.Run(strconv.Itoa(shard), func(t *testing.T) {
				dsn := pgtest.Template(t, "model", modelTemplate)
				rapid.Check(t, func(rt *rapid.T) {
					if f := failed.Load(); f != 0 && f != int64(shard)+1 || f == 0 && tally.enough(end, least) {
						return
					}
					if faults := liveModel(t, drawPlan(rt), dsn, tally); len(faults) > 0 {
						failed.CompareAndSwap(0, int64(shard)+1)
						rt.Fatalf("%s", strings.Join(faults, "\n"))
					}
				})
			})
		})
	}
	shards.Wait()
	tally.report(t)
}

const modelShards = 4

// modelTemplate makes a database with an empty legacy schema and an empty ledger.
func modelTemplate(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, legacySchema); err != nil {
		return err
	}
	l, err := ledger.Open(ctx, ledger.Options{DSN: dsn})
	if err != nil {
		return err
	}
	l.Close()
	return nil
}

// modelCase is one life.
type modelCase struct {
	rig      *rig
	legacy   *modelLegacy
	db       sync.Mutex // around legacy
	poisoned bool
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
func liveModel(t *testing.T, p modelPlan, dsn string, tally *modelTally) []string {
	c := &modelCase{dsn: dsn, tally: tally}
	synctest.Test(t, func(t *testing.T) {
		// Virtual, and so at once: every life begins at a round time.
		time.Sleep(time.Until(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)))
		c.begun = time.Now()
		if err := c.live(t, p); err != nil {
			c.fail("%v", err)
		}
		c.all.Wait()
	})
	if len(c.faults) > 0 {
		return append(c.faults, c.log...)
	}
	return nil
}

func (c *modelCase) live(t *testing.T, p modelPlan) error {
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
			MaxChanged: 10, MaxRejected: 10, Log: zerolog.Nop(),
		}}
	if p.ByField {
		c.rig.live.LegacyField = 9003
	}

	for i, run := range p.Runs {
		for _, change := range run.Changes {
			c.change(change)
		}
		c.follow(c.start(fmt.Sprint("run ", i+1), run.Hits))
		if len(c.faults) > 0 {
			return nil
		}
	}
	for _, change := range p.Afterward {
		c.change(change)
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
	c.tallyWorld(p)
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
func (c *modelCase) tallyWorld(p modelPlan) {
	n := c.rig.world.Counters()
	for fault, hits := range n.Faults {
		c.hits(fault, hits)
	}
	c.hits("throttled", n.Answers[429])
	c.hits("applied after the attempt's end", n.AppliedLate)
	c.hits("repeated msgid", n.Repeats)
	c.hits("repeated msgid: "+string(p.Repeated), min(1, n.Repeats))
	c.hits("history: "+string(p.Order), 1)
	var delay string
	err := c.legacy.conn.QueryRow(context.Background(), `select value from amoimport.learned where name = 'visibility_delay'`).Scan(&delay)
	if d, _ := strconv.ParseInt(delay, 10, 64); err == nil && time.Duration(d) > p.settleTime()/2 {
		c.hit("delay over half the settle time")
	}
	c.tally.add("cases", 1)
}

// modelTally counts how often each class was hit, over all cases.
type modelTally struct {
	mu   sync.Mutex
	hits map[string]int
}

func (m *modelTally) add(class string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hits[class] += n
}

// enough reports whether it is time to end.
func (m *modelTally) enough(end time.Time, least int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Now().After(end) && m.hits["cases"] >= least
}

// report prints the counts and fails when a class was hit less often than its
// floor, a figure for 300 cases. Hits come in bunches, a drawn fault hits a whole
// life; so in fewer cases chance alone can miss a rare class, and none is asked for.
func (m *modelTally) report(t *testing.T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, class := range slices.Sorted(maps.Keys(m.hits)) {
		t.Logf("%6d %s", m.hits[class], class)
	}
	if t.Failed() {
		return
	}
	for class, floor := range modelFloors() {
		hits := 0
		for name, n := range m.hits {
			if ok, _ := path.Match(class, name); ok {
				hits += n
			}
		}
		want := floor * m.hits["cases"] / 300
		if rare := m.hits["cases"] < 300 && want < 5; !rare && hits < want {
			t.Errorf("%s: %d hits in %d cases, want %d", class, hits, m.hits["cases"], want)
		}
	}
}
