package importer_test

import (
	"cmp"
	"slices"
	"time"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/sandbox"
)

// inCrowds finds the parts that share a moment with one that was parked before it
// was sent: those after it were there first, and their milliseconds are taken. Where
// there is no such room their order is not promised, so it is made here what the
// conversation's is. It numbers the crowds, from 1.
func inCrowds(want []*modelMessage, got []sandbox.Message) map[string]int {
	crowd, place := map[string]int{}, map[string]int{}
	for from, n := 0, 1; from < len(want); n++ {
		to := from + 1
		for to < len(want) && want[to].sentAt.Sub(want[to-1].sentAt) < 250*time.Millisecond {
			to++
		}
		if slices.ContainsFunc(want[from:to], (*modelMessage).crowded) {
			for _, m := range want[from:to] {
				for k := 1; k <= m.fate.partsSent+1; k++ {
					id := compose.PartID(m.fate.msgid, k)
					crowd[id], place[id] = n, len(place)
				}
			}
		}
		from = to
	}
	for from := 0; from < len(got); {
		to := from + 1
		for n := crowd[got[from].MsgID]; n > 0 && to < len(got) && crowd[got[to].MsgID] == n; {
			to++
		}
		slices.SortFunc(got[from:to], func(a, b sandbox.Message) int { return cmp.Compare(place[a.MsgID], place[b.MsgID]) })
		from = to
	}
	return crowd
}

// crowded says that a message was sent when those after it may have been there.
func (m *modelMessage) crowded() bool {
	return m.fate.before != "" || m.lost != nil && (m.lost.crowded || m.touched())
}
