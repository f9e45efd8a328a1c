package importer_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/sandbox"
)

// serverClock is the clock of the servers, which goes on whatever the machine's does.
type serverClock struct{ origin, since time.Time }

func (c *serverClock) now() time.Time { return c.origin.Add(time.Since(c.since)) }

// TestClockAfterRestart: the machine is gone while a request is in doubt, and comes
// back with another clock. The next run waits for the lease and for the doubt by its
// own time, and everything arrives once.
func TestClockAfterRestart(t *testing.T) {
	t.Parallel()
	before := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for clock, after := range map[string]time.Time{"an hour earlier": before.Add(-time.Hour), "a day later": before.Add(24 * time.Hour)} {
		for _, at := range []string{`"imp1-c1-m5"`, `"custom_fields_values"`} {
			for _, effect := range []sandbox.EffectKind{sandbox.CutAfterApply, sandbox.DropBeforeApply} {
				t.Run(strings.Join([]string{clock, at, string(effect)}, ", "), func(t *testing.T) {
					t.Parallel()
					legacyDSN, ledgerDSN := legacy(t, 8, 5, 3), newLedger(t)
					servers := &serverClock{origin: before, since: time.Now()}
					world := sandbox.New(sandbox.Options{Now: servers.now, RepeatedMsgID: sandbox.StoredTwice, ContactSearchLag: time.Minute,
						VisibilityLag: sandbox.Lag{Min: 30 * time.Second, Max: 50 * time.Second},
						Faults:        []sandbox.Fault{{Method: http.MethodPost, Contains: at, Times: 1, Effect: sandbox.Effect{Kind: effect}}}})
					// boot lets a machine with a clock live, and stand before the two servers.
					boot := func(id string, clock time.Time, live func(t *testing.T, r *rig)) {
						synctest.Test(t, func(t *testing.T) {
							time.Sleep(time.Until(clock))
							servers.since = time.Now()
							world.Change(func(o *sandbox.Options) { o.ClockOffset = time.Since(servers.now()) })
							r := rigOver(t, legacyDSN, ledgerDSN, sandbox.Options{})
							r.world, r.rate, r.options.SettleTime = world, 5, 120*time.Second
							r.self = ledger.Holder{Command: "test", Host: "here", BootID: id, PIDNamespace: "here", PID: 7, Started: "1"}
							live(t, r)
							servers.origin = servers.now().Add(time.Minute)
						})
					}
					boot("first", before, func(t *testing.T, r *rig) {
						ctx, end := context.WithCancel(t.Context())
						defer end()
						w := &wire{}
						r.dial = w.dial
						r.base = func(base http.RoundTripper) http.RoundTripper {
							return roundTrip(func(req *http.Request) (*http.Response, error) {
								if ctx.Err() != nil {
									return sandboxGone(req)
								}
								resp, err := base.RoundTrip(req)
								if strings.Contains(bodyOf(req), at) {
									w.cut(100 * time.Hour)
									end()
								}
								return resp, err
							})
						}
						if err := r.run(ctx); err == nil {
							t.Fatal("the run went to its end")
						}
					})
					boot("second", after, func(t *testing.T, r *rig) {
						began := time.Now()
						r.mustRun()
						if f := r.progress.Figures(); f.Resumed == 0 {
							t.Error("no doubt was left to settle")
						}
						if s := r.snapshot().Messages; s.Sent != 16 {
							t.Errorf("%+v", s)
						}
						if n := len(world.Snapshot().Contacts); n != 3 {
							t.Errorf("%d contacts for 3 people", n)
						}
						least := ledger.MinLeaseTime
						if effect == sandbox.DropBeforeApply {
							least += r.options.SettleTime
						}
						if took := time.Since(began); took < least || took > least+10*time.Minute {
							t.Errorf("it took %s, want %s and a little", took, least)
						}
					})
				})
			}
		}
	}
}

// sandboxGone is what a machine that is gone gets from its network.
func sandboxGone(*http.Request) (*http.Response, error) { return nil, context.Canceled }
