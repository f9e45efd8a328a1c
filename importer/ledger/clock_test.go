package ledger_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
)

// TestWallClockJumps: what a lease is worth follows the clock that says more time
// has passed. A machine that slept has an old lease, though its monotonic clock did
// not notice; a clock that is set back makes no lease younger.
func TestWallClockJumps(t *testing.T) {
	dsn := emptyLedger(t)
	for name, c := range map[string]struct {
		jump    time.Duration
		at, bad time.Duration // without an answer from Postgres: still good, and no longer
	}{
		"no jump":              {0, 4 * time.Second, 6 * time.Second},
		"the machine slept":    {time.Hour, 0, 0},
		"set back":             {-time.Hour, 4 * time.Second, 6 * time.Second},
		"set forward a little": {3 * time.Second, time.Second, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var off atomic.Int64
				f := &frost{}
				defer f.end()
				l, err := ledger.Connect(t.Context(), ledger.Options{DSN: dsn, Dial: f.dial,
					Wall: func() time.Time { return time.Now().Add(time.Duration(off.Load())) }})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				lease := acquire(t, l, ledger.Self("test"))
				time.Sleep(1500 * time.Millisecond)
				last := time.Now().Add(-500 * time.Millisecond)
				f.freeze()
				off.Store(int64(c.jump))
				if c.at > 0 {
					time.Sleep(time.Until(last.Add(c.at)))
					if err := lease.Confirm(t.Context()); err != nil {
						t.Errorf("after %s: %v", c.at, err)
					}
				}
				time.Sleep(time.Until(last.Add(c.bad)))
				if err := lease.Confirm(t.Context()); !errors.Is(err, ledger.ErrUnconfirmed) {
					t.Errorf("after %s: %v", c.bad, err)
				}
				f.thaw()
				short, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := lease.Await(short); err != nil {
					t.Errorf("Await: %v", err)
				}
				if err := lease.Confirm(t.Context()); err != nil {
					t.Errorf("after the next beat: %v", err)
				}
			})
		})
	}
}
