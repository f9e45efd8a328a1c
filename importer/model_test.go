package importer_test

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"
)

// The environment of TestModel. Without it a few lives are enough, the same ones
// each time.
const (
	modelTime = "AMOIMPORT_MODEL_TIME" // how long it goes on
	modelSeed = "AMOIMPORT_MODEL_SEED" // of the first life; the next one's is one more
)

const (
	modelFew    = 20 // lives without the environment
	modelMany   = 300
	modelFirst  = 1 // seed of the first life
	modelShards = 4 // lives at a time: they wait for Postgres rather than for a processor
)

// TestModel runs the importer through drawn lives: rows that come, change and go,
// servers that fail, answers that are lost, processes that die and meet. After
// each life every message must be where it belongs, once.
func TestModel(t *testing.T) {
	d, stop := newModelDraw(t)
	defer stop()
	tally := &modelTally{hits: map[string]int{}}
	var shards sync.WaitGroup
	for shard := range modelShards {
		shards.Go(func() {
			t.Run(strconv.Itoa(shard), func(t *testing.T) {
				pool := newModelPooler(t, pgtest.Template(t, "model", modelTemplate))
				for seed, more := d.next(); more; seed, more = d.next() {
					if faults := liveModel(t, modelPlanOf(seed), pool, tally); len(faults) > 0 {
						d.fail(seed)
						t.Errorf("life %d fails; %s=%d make model begins with it\n%s", seed-d.first+1, modelSeed, seed, strings.Join(faults, "\n"))
					}
				}
			})
		})
	}
	shards.Wait()
	tally.report(t)
	if d.failed != 0 {
		t.Run("smaller", func(t *testing.T) { lessenModel(t, d.failed) })
	}
}

// modelDraw gives out the seeds of the lives.
type modelDraw struct {
	ctx   context.Context
	first int
	least int
	end   time.Time

	mu     sync.Mutex
	drawn  int
	failed int // seed of a life that failed; the rest is not lived
}

func newModelDraw(t *testing.T) (*modelDraw, context.CancelFunc) {
	d := &modelDraw{ctx: t.Context(), first: modelFirst, least: modelFew}
	stop := context.CancelFunc(func() {})
	if s := os.Getenv(modelTime); s != "" {
		long, err := time.ParseDuration(s)
		if err != nil {
			t.Fatalf("%s: %v", modelTime, err)
		}
		d.end, d.least = time.Now().Add(long), modelMany
		// Who is told to stop tells what there was so far.
		d.ctx, stop = signal.NotifyContext(d.ctx, os.Interrupt, syscall.SIGTERM)
	}
	if s := os.Getenv(modelSeed); s != "" {
		var err error
		if d.first, err = strconv.Atoi(s); err != nil {
			t.Fatalf("%s: %v", modelSeed, err)
		}
	}
	t.Logf("%s=%d", modelSeed, d.first)
	return d, stop
}

// next is the seed of the next life; false when it was enough.
func (d *modelDraw) next() (seed int, more bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed != 0 || d.ctx.Err() != nil || d.drawn >= d.least && !time.Now().Before(d.end) {
		return 0, false
	}
	d.drawn++
	return d.first + d.drawn - 1, true
}

func (d *modelDraw) fail(seed int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == 0 {
		d.failed = seed
	}
}

// modelPlanOf draws a plan, for a seed always the same.
func modelPlanOf(seed int) modelPlan { return rapid.Custom(drawPlan).Example(seed) }

// lessenModel looks for a smaller plan that fails like that of the seed. The lives
// meet a real Postgres, so it may well find none.
func lessenModel(t *testing.T, seed int) {
	for name, value := range map[string]string{"rapid.seed": strconv.Itoa(seed), "rapid.checks": "1", "rapid.nofailfile": "true"} {
		f := flag.Lookup(name)
		before := f.Value.String()
		if err := f.Value.Set(value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Value.Set(before) })
	}
	pool := newModelPooler(t, pgtest.Template(t, "model", modelTemplate))
	rapid.Check(t, func(rt *rapid.T) {
		if faults := liveModel(t, drawPlan(rt), pool, &modelTally{hits: map[string]int{}}); len(faults) > 0 {
			rt.Fatalf("%s", strings.Join(faults, "\n"))
		}
	})
}

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
