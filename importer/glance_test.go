package importer_test

import (
	"testing"
	"time"

	"github.com/amoimport/amoimport/sandbox"
)

// TestLearnsNoDelayFromNotLooking: where a history lists the oldest first, a lost
// answer to a message beyond the first page is found all the same, soon. If it were
// only found when absence is asked for, that wait would pass for the server's delay,
// and the settle time would double with each such message.
func TestLearnsNoDelayFromNotLooking(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]sandbox.HistoryOrder{
		"newest first": sandbox.NewestFirst, "oldest first": sandbox.OldestFirst, "by arrival": sandbox.OldestArrivalFirst,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, legacy(t, 80), sandbox.Options{HistoryOrder: order, RepeatedMsgID: sandbox.StoredTwice,
				VisibilityLag: sandbox.Lag{Min: 2 * time.Second, Max: 2 * time.Second},
				Faults: []sandbox.Fault{{API: sandbox.Amojo, Contains: `"new_message"`, Every: 7,
					Effect: sandbox.Effect{Kind: sandbox.CutAfterApply}}}}, func(t *testing.T, r *rig) {
				r.mustRun()
				var learned time.Duration
				r.query(`select value::bigint from amoimport.learned where name = 'visibility_delay'`, nil, func(scan func(...any) error) error {
					return scan(&learned)
				})
				if learned == 0 || learned > 10*time.Second {
					t.Errorf("messages show after two seconds, and %s was learned", learned)
				}
			})
		})
	}
}
