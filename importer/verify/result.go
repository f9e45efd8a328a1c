package verify

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/amoimport/amoimport/source"
)

// Fault is what can be wrong with a message that was sent.
type Fault string

// The faults.
const (
	Missing    Fault = "missing"      // not in its chat
	Doubled    Fault = "doubled"      // there more than once
	OutOfOrder Fault = "out_of_order" // its time is on the wrong side of another's
	TimeOff    Fault = "time_off"     // its time is more than 2 s from what was sent
)

// MaxExamples is how many examples of a fault a result keeps.
const MaxExamples = 10

// Result is what the chats show. A legacy message that was sent in parts counts
// once for each part.
type Result struct {
	Chats      int64 `json:"chats"`
	Messages   int64 `json:"messages"` // that the ledger says were sent
	Present    int64 `json:"present"`
	Missing    int64 `json:"missing"`
	Doubled    int64 `json:"doubled"` // present more than once; not how many copies
	OutOfOrder int64 `json:"out_of_order"`
	TimeOff    int64 `json:"time_off"`
	Foreign    int64 `json:"foreign"` // of others, such as managers who wrote in the chat; no fault
	// Examples are the first of each fault, by conversation.
	Examples map[Fault][]Example `json:"examples,omitempty"`
}

// Example names a message with a fault. It has no text.
type Example struct {
	Conversation source.ConversationID `json:"conversation"` // legacy id
	Message      string                `json:"message"`      // legacy id
	Part         int                   `json:"part"`         // from 1
	MsgID        string                `json:"msgid"`
}

func (e Example) String() string {
	s := fmt.Sprintf("%s/%s", e.Conversation, e.Message)
	if e.Part > 1 {
		s += fmt.Sprintf(" (part %d)", e.Part)
	}
	return s
}

// Clean says that every message is there, once, at its time and in its place.
func (r Result) Clean() bool {
	return r.Missing == 0 && r.Doubled == 0 && r.OutOfOrder == 0 && r.TimeOff == 0
}

// fault counts a fault of a message. The messages come in order.
func (r *Result) fault(f Fault, e Example) {
	switch f {
	case Missing:
		r.Missing++
	case Doubled:
		r.Doubled++
	case OutOfOrder:
		r.OutOfOrder++
	case TimeOff:
		r.TimeOff++
	}
	if r.Examples == nil {
		r.Examples = map[Fault][]Example{}
	}
	if len(r.Examples[f]) < MaxExamples {
		r.Examples[f] = append(r.Examples[f], e)
	}
}

// add adds the result of another chat. Chats come in any order; the examples kept
// do not depend on it.
func (r *Result) add(o Result) {
	r.Chats += o.Chats
	r.Messages += o.Messages
	r.Present += o.Present
	r.Missing += o.Missing
	r.Doubled += o.Doubled
	r.OutOfOrder += o.OutOfOrder
	r.TimeOff += o.TimeOff
	r.Foreign += o.Foreign
	for f, more := range o.Examples {
		if r.Examples == nil {
			r.Examples = map[Fault][]Example{}
		}
		all := slices.Concat(r.Examples[f], more)
		slices.SortStableFunc(all, func(a, b Example) int { return cmp.Compare(a.Conversation, b.Conversation) })
		r.Examples[f] = all[:min(len(all), MaxExamples)]
	}
}
