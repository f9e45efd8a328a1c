package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/source"
)

// Fault is what can be wrong with a message that was sent.
type Fault string

// The faults.
const (
	Missing       Fault = "missing"        // not in its chat
	Doubled       Fault = "doubled"        // there more than once
	AlteredText   Fault = "altered_text"   // its text is not the one that was sent
	AlteredKind   Fault = "altered_kind"   // it is of another kind
	AlteredAuthor Fault = "altered_author" // somebody else speaks
	TimeOff       Fault = "time_off"       // its time is more than 2 s from what was sent
	OutOfOrder    Fault = "out_of_order"   // its time is on the wrong side of another's
)

// Faults returns all of them, in the order in which they are told.
func Faults() []Fault {
	return []Fault{Missing, Doubled, AlteredText, AlteredKind, AlteredAuthor, TimeOff, OutOfOrder}
}

// in is where a fault is counted.
func (f Fault) in(c *ledger.Counts) *int64 {
	switch f {
	case Missing:
		return &c.Missing
	case Doubled:
		return &c.Doubled
	case AlteredText:
		return &c.AlteredText
	case AlteredKind:
		return &c.AlteredKind
	case AlteredAuthor:
		return &c.AlteredAuthor
	case TimeOff:
		return &c.TimeOff
	case OutOfOrder:
		return &c.OutOfOrder
	}
	panic("verify: no fault " + string(f))
}

// alters says whether the message is there, but not as it was sent.
func (f Fault) alters() bool {
	return f == AlteredText || f == AlteredKind || f == AlteredAuthor || f == TimeOff
}

// MaxExamples is how many examples of a fault a result keeps.
const MaxExamples = 10

// Result is what the chats of a pass show.
type Result struct {
	Pass Pass `json:"pass"`
	// Chats is how many were read, earlier parts of the pass included.
	Chats int64 `json:"chats"`
	ledger.Counts
	// Digests are over all chats that were read.
	Digests ledger.Digests `json:"digests"`
	// Repair is what became of what is missing; nil: that was not asked for.
	Repair *Repair `json:"repair,omitempty"`
	// Examples are the first of each fault, by conversation.
	Examples map[Fault][]Example `json:"examples,omitempty"`
}

// Pass is one reading of the chats of a scope.
type Pass struct {
	Scope   string     `json:"scope"` // all, sample 5%, only 7 …
	BegunAt time.Time  `json:"begun_at"`
	EndedAt *time.Time `json:"ended_at"` // nil: it broke off
}

// Repair is what became of messages that are missing.
type Repair struct {
	Planned int64 `json:"planned"` // messages that the next run sends
	Left    int64 `json:"left"`    // in chats where nothing of ours was seen, while no other chat showed anything
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

// Clean says that every message is there, once, as it was sent and in its place.
func Clean(c ledger.Counts) bool {
	return c.Missing == 0 && c.Doubled == 0 && c.Altered == 0 && c.OutOfOrder == 0
}

// Clean says that every message is there, once, as it was sent and in its place.
func (r Result) Clean() bool { return Clean(r.Counts) }

// digestPage is how many chats' digests are read at a time.
const digestPage = 2000

// load reads from the ledger what a pass has found.
func (r *Result) load(ctx context.Context, l *ledger.Ledger, pass int64) (err error) {
	if r.Chats, r.Counts, err = l.SumVerdicts(ctx, pass); err != nil {
		return err
	}
	faults, err := l.Faults(ctx, pass, MaxExamples)
	if err != nil {
		return err
	}
	for _, f := range faults {
		if r.Examples == nil {
			r.Examples = map[Fault][]Example{}
		}
		r.Examples[Fault(f.Fault)] = append(r.Examples[Fault(f.Fault)],
			Example{Conversation: f.Conversation, Message: f.Message, Part: f.Part, MsgID: compose.PartID(f.MsgID, f.Part)})
	}
	sum := NewSum()
	var after source.ConversationID
	for {
		page, err := l.PassDigests(ctx, pass, after, digestPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			sum.Add(c.Digests)
		}
		after = page[len(page)-1].Conversation
	}
	r.Digests = sum.Digests()
	return nil
}
