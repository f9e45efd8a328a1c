package verify

import (
	"cmp"
	"slices"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/source"
)

// tolerance is how far the time of a message may be off, in seconds. History may
// answer a second more than was sent, and whole seconds only.
// https://www.amocrm.ru/developers/content/chats/chat-import-message-example
const tolerance = 2

// placed is a part that is in the chat.
type placed struct {
	Example
	sentMsec int64
	copyOf
}

// account compares what was sent of a conversation, in its order, with what its
// chat shows.
func account(id source.ConversationID, sent []ledger.SentMessage, h *history) Result {
	r := Result{Chats: 1, Foreign: h.foreign}
	var inOrder []placed
	for _, m := range sent {
		for k := 1; k <= m.Parts; k++ {
			part := Example{Conversation: id, Message: m.ID, Part: k, MsgID: compose.PartID(m.MsgID, k)}
			r.Messages++
			copies := h.copies[part.MsgID]
			if len(copies) == 0 {
				r.fault(Missing, part)
				continue
			}
			r.Present++
			if len(copies) > 1 {
				r.fault(Doubled, part)
			}
			p := placed{part, m.SentMsec + int64(k) - 1, nearest(copies, m.SentMsec+int64(k)-1)}
			if p.timeOff() {
				r.fault(TimeOff, part)
			}
			if !m.Late {
				inOrder = append(inOrder, p)
			}
		}
	}
	for _, p := range misplaced(inOrder) {
		r.fault(OutOfOrder, p.Example)
	}
	return r
}

// nearest is the copy whose time is nearest to the time sent.
func nearest(copies []copyOf, msec int64) copyOf {
	off := func(c copyOf) int64 {
		if c.msec == 0 {
			return abs(c.sec*1000 - msec/1000*1000)
		}
		return abs(c.msec - msec)
	}
	return slices.MinFunc(copies, func(a, b copyOf) int { return cmp.Compare(off(a), off(b)) })
}

// timeOff says whether the part's time is not the one that was sent.
func (p placed) timeOff() bool {
	if p.msec == 0 {
		return abs(p.sec-p.sentMsec/1000) > tolerance
	}
	return abs(p.msec-p.sentMsec) > tolerance*1000
}

// misplaced returns the fewest parts without which the others follow each other
// in time. Equal times say nothing about order; where one time is known in whole
// seconds only, all are compared so.
func misplaced(parts []placed) []placed {
	exact := !slices.ContainsFunc(parts, func(p placed) bool { return p.msec == 0 })
	at := func(p placed) int64 {
		if exact {
			return p.msec
		}
		return p.sec
	}
	// The longest run of times that do not fall: ends[n] is the part that ends the
	// best run of n+1 parts so far, before[i] the part before i in its run.
	var ends []int
	before := make([]int, len(parts))
	for i, p := range parts {
		n, _ := slices.BinarySearchFunc(ends, at(p), func(end int, t int64) int {
			if at(parts[end]) <= t {
				return -1
			}
			return 1
		})
		before[i] = -1
		if n > 0 {
			before[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, i)
		} else {
			ends[n] = i
		}
	}
	if len(ends) == len(parts) {
		return nil
	}
	keep := make([]bool, len(parts))
	for i := ends[len(ends)-1]; i >= 0; i = before[i] {
		keep[i] = true
	}
	var out []placed
	for i, p := range parts {
		if !keep[i] {
			out = append(out, p)
		}
	}
	return out
}

func abs(n int64) int64 { return max(n, -n) }
