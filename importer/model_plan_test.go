package importer_test

import (
	"slices"
	"time"

	"github.com/amoimport/amoimport/sandbox"
)

// modelPlan is all that happens in one case: what the legacy database holds, how
// the servers behave, and what befalls each run.
type modelPlan struct {
	Clients   []modelClient
	Chats     []modelChat // conversations at the beginning
	Lanes     int
	Rate      float64 // of calls, per second
	ByField   bool    // contacts carry the legacy id in a custom field
	Repeated  sandbox.RepeatedMsgID
	Order     sandbox.HistoryOrder
	Shape     sandbox.ResponseShape
	Latency   time.Duration // at most
	Lag       time.Duration // of visibility, at most
	Apply     time.Duration // delay of what is applied after its attempt's end
	Slow      time.Duration // of the answers that come too late
	Stall     modelStall
	Page      int  // most messages of a history that an answer gives; 0: the server's own bound
	Announce  bool // the newest message of a chat is not silent
	Hold      bool // a conversation waits at its first parked message
	Edits     bool // what is edited after it was sent is edited in its chat
	MarkRead  bool // what managers wrote is marked as read
	Seed      uint64
	Faults    []modelFault
	Runs      []modelRun
	Afterward []modelChange   // before the last run
	Decisions []modelDecision // too
	Again     bool            // one run more, with nothing to do
	Finally   []modelDecision // after it, each with one run more
	Repair    *modelRepair    // after that; nil: nothing is lost
}

// modelStall is a time in which the histories of chats with some messages show
// none. A first message cannot be told from one that never came, so it is not hidden.
type modelStall struct {
	From    time.Duration
	Settles int // for how many settle times; 0: there is no stall
}

// modelClient is who writes. Clients with the same phone are one person.
type modelClient struct{ Phone int } // 0: none

type modelChat struct {
	Client int
	Rows   []modelRow
}

// modelRow is a legacy message as it is first written.
type modelRow struct {
	Gap   time.Duration // after the row before it
	Out   bool
	Words int
	Flaw  string // blank, no time, skip, kind; "": none
	Reply int    // how many rows before it is quoted; 0: none
}

type modelFault struct {
	On     string // message, mark, chat, contacts, link, history, read
	Kind   sandbox.EffectKind
	Code   int
	Every  int
	Nth    int
	Chance float64
	From   time.Duration
	To     time.Duration
}

// modelRun is one process: what changes before it starts, what hits it, how it ends.
type modelRun struct {
	Later     time.Duration // than the end of the process before it
	Changes   []modelChange
	Decisions []modelDecision // after the changes
	Hits      []modelHit
	Follow    *modelFollow // nil: it ends when all is sent
}

// modelHit happens at the nth event of a kind.
type modelHit struct {
	At       modelEvent
	Nth      int
	Do       modelDeed
	Away     time.Duration // how long the ledger's network is away
	Hang     bool          // connecting then hangs rather than fails
	Late     modelChange   // for doChange
	Decision modelDecision // for doDecide, which waits from then on until something is parked
}

type modelEvent string

// The events of a process.
const (
	atPost      modelEvent = "post"      // a POST is about to reach the server
	atPosted    modelEvent = "posted"    // it was served
	atSend      modelEvent = "send"      // a message is about to reach the server
	atPart      modelEvent = "part"      // a message's second or third part was
	atContacts  modelEvent = "contacts"  // a batch of contacts was
	atMark      modelEvent = "mark"      // a mark was
	atRead      modelEvent = "read"      // a GET was served
	atCommit    modelEvent = "commit"    // COMMIT is about to reach the ledger
	atCommitted modelEvent = "committed" // it was done, its answer is on the way
	atWrite     modelEvent = "write"     // anything goes to the ledger
)

type modelDeed string

// The deeds.
const (
	doKill      modelDeed = "kill"       // the process dies: all its connections with it
	doUsurp     modelDeed = "usurp"      // the lease is another's from now on
	doStop      modelDeed = "stop"       // the process is asked to end
	doCut       modelDeed = "cut"        // this connection to the ledger is cut
	doAway      modelDeed = "away"       // the ledger cannot be reached for some time
	doAwayTwo   modelDeed = "away, two"  // and another process is started
	doTwo       modelDeed = "two"        // another process is started
	doLegacyCut modelDeed = "legacy cut" // the legacy server ends all its sessions
	doChange    modelDeed = "change"     // the legacy database changes
	doDecide    modelDeed = "decide"     // a person decides about parked messages
)

// modelChange changes the legacy database.
type modelChange struct {
	Do    string // late, append, chat, edit, delete, skip
	Doubt bool   // at a message in doubt, if there is one
	Pick  int    // which message otherwise
	Chat  modelChat
	Words int
}

const modelTimeout = 5 * time.Second

// settleTime is the least that these servers need: all their delays one after the
// other, and a little.
func (p *modelPlan) settleTime() time.Duration {
	all := p.Latency + p.Apply + p.Lag
	if slices.ContainsFunc(p.Faults, func(f modelFault) bool { return f.Kind == sandbox.Slow }) {
		all += p.Slow
	}
	all += all/20 + 100*time.Millisecond
	if p.Stall.Settles > 0 { // so that a stall is not over in no time
		all = max(all, 5*time.Second)
	}
	return all
}

// stalled says whether histories stall at a time of the life.
func (p *modelPlan) stalled(at time.Duration) bool {
	return at >= p.Stall.From && at < p.Stall.From+time.Duration(p.Stall.Settles)*p.settleTime()
}
