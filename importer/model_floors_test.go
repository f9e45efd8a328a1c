//go:build model

package importer_test

// modelFloors says how often each class of events must be hit in 300 cases
// for the model test to mean anything: about a fifth of what is usual, so that
// chance alone does not miss it. A * stands for anything.
func modelFloors() map[string]int {
	return map[string]int{
		"doubt":                           180,
		"resumed with a doubt":            75,
		"* at a doubt":                    12, // the legacy database changed where it hurts
		"delay over half the settle time": 2,
		"applied after the attempt's end": 30,
		"commit in doubt":                 12,
		"commit lost":                     12,
		"ledger away":                     36,
		"ledger connection cut":           9,
		"legacy connections cut":          6,
		"legacy changed during a run":     9,
		"lease lost":                      12,
		"stopped":                         9,
		"second run refused":              15,
		"second run took over":            9,
		"crash before apply":              3,
		"crash after apply":               12,
		"crash in a split message":        6,
		"crash before a commit":           2,
		"crash after a commit":            9,
		"crash at a batch of contacts":    12,
		"contacts: *":                     6,
		"link: *":                         2,
		"chat: *":                         3,
		"history: *_*_*":                  15, // lost answers to read-backs
		"message: cut_after_apply":        12,
		"message: drop_before_apply":      12,
		"message: status_after_apply":     6,
		"message: status":                 9,
		"message: slow":                   6,
		"message: garbage":                6,
		"message: throttled":              9,
		"parked for server errors":        6,
		"amojo: *":                        60,
		"v4: *":                           60,
		"history: newest_first":           15,
		"history: oldest_first":           15,
		"history: newest_arrival_first":   15,
		"history: oldest_arrival_first":   15,
	}
}
