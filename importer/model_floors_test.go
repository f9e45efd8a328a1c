package importer_test

import (
	"maps"
	"path"
	"slices"
	"sync"
	"testing"
)

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

// report prints the counts and fails when a class was hit less often than its
// floor. Hits come in bunches, a drawn fault hits a whole life: in few lives
// chance alone can miss a class, so then none is asked for.
func (m *modelTally) report(t *testing.T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, class := range slices.Sorted(maps.Keys(m.hits)) {
		t.Logf("%6d %s", m.hits[class], class)
	}
	lives := m.hits["lives"]
	if t.Failed() || lives < modelMany {
		return
	}
	for class, floor := range modelFloors() {
		hits := 0
		for name, n := range m.hits {
			if ok, _ := path.Match(class, name); ok {
				hits += n
			}
		}
		if want := floor * lives / modelMany; hits < want {
			t.Errorf("%s: %d hits in %d lives, want %d", class, hits, lives, want)
		}
	}
}

// modelFloors says how often each class of events must be hit in 300 lives for
// the model test to mean anything: about a fifth of what is usual, so that chance
// alone does not miss it. A * stands for anything.
func modelFloors() map[string]int {
	return map[string]int{
		"doubt": 200,
		"doubt where a repeated msgid is bad_request":  50,
		"doubt where a repeated msgid is new_id":       50,
		"doubt where a repeated msgid is same_id":      50,
		"doubt where a repeated msgid is stored_twice": 50,
		"resumed with a doubt":                         75,
		"* at a doubt":                                 20, // the legacy database changed where it hurts
		"late at a doubt":                              6,
		"edited in its chat":                           30,
		"changed midway":                               5,
		"delay over half the settle time":              5,
		"applied after the attempt's end":              60,
		"retried by hand":                              30,
		"retried while a life runs":                    8,
		"skipped by hand":                              25,
		"skipped by hand, taken back":                  4,
		"held behind a parked one":                     20,
		"refused":                                      6,
		"parked in doubt":                              5,
		"sent after it was parked in doubt":            4,
		"read back":                                    1900,
		"read back, not whole":                         15,
		"read back, of others":                         2,
		"lost: first":                                  7,
		"lost: middle":                                 8,
		"lost: last":                                   11,
		"lost: part":                                   16,
		"lost: all of a chat":                          9,
		"lost: before another part":                    18,
		"lost, and then: *":                            6,
		"planned again by a repair":                    40,
		"struck after a repair":                        9,
		"changed midway where it was lost":             6,
		"marked":                                       400,
		"mark: *":                                      8,
		"crash while marking":                          2,
		"changed while a run follows":                  36,
		"stopped while it follows":                     13,
		"ready for cut-over":                           4,
		"there when a run was ready":                   40,
		"history stalled":                              25,
		"announced":                                    40,
		"commit in doubt":                              17,
		"commit lost":                                  20,
		"ledger away":                                  50,
		"ledger connection cut":                        12,
		"legacy connections cut":                       10,
		"legacy changed during a run":                  8,
		"lease lost":                                   14,
		"stopped":                                      11,
		"second run refused":                           15,
		"second run took over":                         10,
		"crash before apply":                           6,
		"crash after apply":                            14,
		"crash in a split message":                     10,
		"crash before a commit":                        5,
		"crash after a commit":                         6,
		"crash while reading":                          4,
		"crash at a batch of contacts":                 6,
		"contacts: *":                                  10,
		"link: *":                                      3,
		"chat: *":                                      7,
		"history: cut_after_apply":                     10,
		"history: drop_before_apply":                   10,
		"history: status_after_apply":                  8,
		"message: cut_after_apply":                     10,
		"message: drop_before_apply":                   20,
		"message: status_after_apply":                  18,
		"message: status":                              15,
		"message: slow":                                10,
		"message: garbage":                             8,
		"message: truncated":                           9,
		"message: throttled":                           9,
		"parked for server errors":                     5,
		"amojo: *":                                     60,
		"v4: *":                                        60,
		"history: newest_first":                        15,
		"history: oldest_first":                        15,
		"history: newest_arrival_first":                12,
		"history: oldest_arrival_first":                12,
	}
}
