//go:build model

package importer_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/amoimport/amoimport/sandbox"
	"pgregory.net/rapid"
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
	Seed      uint64
	Faults    []modelFault
	Runs      []modelRun
	Afterward []modelChange // before the last run
	Again     bool          // one run more, with nothing to do
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
	On     string // message, chat, contacts, link, history, read
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
	Changes []modelChange
	Hits    []modelHit
}

// modelHit happens at the nth event of a kind.
type modelHit struct {
	At   modelEvent
	Nth  int
	Do   modelDeed
	Away time.Duration // how long the ledger's network is away
	Hang bool          // connecting then hangs rather than fails
	Late modelChange   // for doChange
}

type modelEvent string

// The events of a process.
const (
	atPost      modelEvent = "post"      // a POST is about to reach the server
	atPosted    modelEvent = "posted"    // it was served
	atSend      modelEvent = "send"      // a message is about to reach the server
	atPart      modelEvent = "part"      // a message's second or third part was
	atContacts  modelEvent = "contacts"  // a batch of contacts was
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
)

// modelChange changes the legacy database.
type modelChange struct {
	Do    string // late, append, chat, edit, delete, skip
	Doubt bool   // at a message in doubt, if there is one
	Pick  int    // which message otherwise
	Chat  modelChat
	Words int
}

func drawPlan(t *rapid.T) modelPlan {
	ms := func(label string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Millisecond
	}
	p := modelPlan{
		Lanes:    rapid.SampledFrom([]int{1, 2, 8}).Draw(t, "lanes"),
		Rate:     rapid.SampledFrom([]float64{2000, 2000, 2000, 2000, 5, 0.5}).Draw(t, "rate"),
		ByField:  rapid.Bool().Draw(t, "by field"),
		Repeated: rapid.SampledFrom([]sandbox.RepeatedMsgID{sandbox.StoredTwice, sandbox.SameID, sandbox.NewID, sandbox.BadRequest}).Draw(t, "repeated msgid"),
		Order: rapid.SampledFrom([]sandbox.HistoryOrder{sandbox.NewestFirst, sandbox.OldestFirst, sandbox.NewestArrivalFirst,
			sandbox.OldestArrivalFirst}).Draw(t, "history order"),
		Shape: rapid.SampledFrom([]sandbox.ResponseShape{sandbox.ShapeCurrent, sandbox.Shape2021, sandbox.Shape2020}).Draw(t, "response shape"),
		Seed:  rapid.Uint64().Draw(t, "seed"),
	}
	p.Latency = ms("latency", rapid.SampledFrom([]int{20, 800}).Draw(t, "slowness"))
	switch late := rapid.SampledFrom([]string{"apply", "show", "both", "none"}).Draw(t, "late to"); late {
	case "apply":
		p.Apply = time.Second + ms("apply delay", 7_000)
	case "show":
		p.Lag = ms("visibility lag", 12_000)
	case "both":
		p.Apply, p.Lag = ms("apply delay", 7_000), ms("visibility lag", 7_000)
	}
	p.Slow = modelTimeout + ms("too slow", 3_000)
	for range rapid.IntRange(1, 4).Draw(t, "clients") {
		p.Clients = append(p.Clients, modelClient{Phone: rapid.IntRange(0, 3).Draw(t, "phone")})
	}
	p.Chats = rapid.SliceOfN(rapid.Custom(drawChat), 1, 5).Draw(t, "conversations")
	p.Faults = rapid.SliceOfN(rapid.Custom(drawFault), 1, 7).Draw(t, "faults")
	p.Runs = rapid.SliceOfN(rapid.Custom(drawRun), 2, 4).Draw(t, "runs")
	p.Again = rapid.IntRange(0, 3).Draw(t, "again") == 3
	p.Afterward = rapid.SliceOfN(rapid.Custom(drawChange), 0, 3).Draw(t, "afterward")
	return p
}

func drawChat(t *rapid.T) modelChat {
	return modelChat{Client: rapid.IntRange(0, 3).Draw(t, "client"), Rows: rapid.SliceOfN(rapid.Custom(drawRow), 1, 16).Draw(t, "rows")}
}

func drawRow(t *rapid.T) modelRow {
	r := modelRow{
		Gap:   rapid.SampledFrom([]time.Duration{2 * time.Second, time.Hour, 5 * time.Second, 0, time.Millisecond, 900 * time.Microsecond}).Draw(t, "gap"),
		Out:   rapid.Bool().Draw(t, "out"),
		Words: rapid.SampledFrom([]int{1, 5, 20, 150, 260}).Draw(t, "words"), // of 5 characters: up to three parts
	}
	if n := rapid.IntRange(0, 9).Draw(t, "flaw"); n == 9 {
		r.Flaw = rapid.SampledFrom([]string{"blank", "no time", "skip", "kind"}).Draw(t, "which flaw")
	} else if n == 8 {
		r.Reply = rapid.IntRange(1, 3).Draw(t, "reply")
	}
	return r
}

func drawFault(t *rapid.T) modelFault {
	f := modelFault{
		On: rapid.SampledFrom([]string{"message", "contacts", "link", "chat", "history", "read", "amojo", "v4", "message", "contacts", "poison"}).Draw(t, "on"),
		Kind: rapid.SampledFrom([]sandbox.EffectKind{sandbox.CutAfterApply, sandbox.DropBeforeApply, sandbox.StatusAfterApply, sandbox.Status,
			sandbox.Status, sandbox.Garbage, sandbox.Truncated, sandbox.Slow}).Draw(t, "effect"),
		Code: 502,
	}
	switch f.On {
	case "amojo", "v4": // an outage
		f.Kind = rapid.SampledFrom([]sandbox.EffectKind{sandbox.Refuse, sandbox.Status, sandbox.DropBeforeApply}).Draw(t, "outage")
		f.Code = 503
		f.From = time.Duration(rapid.IntRange(0, 20_000).Draw(t, "from")) * time.Millisecond
		if f.On == "v4" { // it is needed at the beginning only
			f.From /= 50
		}
		f.To = f.From + rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute, 5 * time.Minute}).Draw(t, "for")
		return f
	case "poison":
		f.Kind, f.Code = sandbox.Status, 500
		f.Nth = rapid.IntRange(2, 9).Draw(t, "which message")
		return f
	}
	if f.Kind == sandbox.Status {
		f.Code = rapid.SampledFrom([]int{429, 500, 503}).Draw(t, "code")
	}
	switch rapid.IntRange(0, 2).Draw(t, "how often") {
	case 0:
		f.Every = rapid.IntRange(3, 10).Draw(t, "every")
	case 1:
		most := 12
		if f.On == "contacts" || f.On == "link" {
			most = 2
		}
		f.Nth = rapid.IntRange(1, most).Draw(t, "nth")
	case 2:
		f.Chance = float64(rapid.IntRange(2, 25).Draw(t, "percent")) / 100
	}
	return f
}

func drawRun(t *rapid.T) modelRun {
	r := modelRun{
		Changes: rapid.SliceOfN(rapid.Custom(drawChange), 0, 3).Draw(t, "changes"),
		Hits:    rapid.SliceOfN(rapid.Custom(drawHit), 0, 3).Draw(t, "hits"),
	}
	if rapid.IntRange(0, 3).Draw(t, "dies") > 0 {
		r.Hits = append(r.Hits, drawDeath(t))
	}
	return r
}

// drawDeath draws how a process ends.
func drawDeath(t *rapid.T) modelHit {
	h := modelHit{
		At: rapid.SampledFrom([]modelEvent{atPosted, atPart, atContacts, atSend, atCommit, atCommitted, atRead, atContacts}).Draw(t, "dies at"),
		Do: rapid.SampledFrom([]modelDeed{doKill, doKill, doUsurp}).Draw(t, "dies of"),
	}
	if h.At == atCommit {
		h.Do = doKill // in this transaction the lease's row is shared
	}
	h.draw(t)
	return h
}

// drawHit draws what a process survives, or is told to end by.
func drawHit(t *rapid.T) modelHit {
	h := modelHit{
		At: rapid.SampledFrom([]modelEvent{atPosted, atPost, atCommit, atCommitted, atRead, atWrite}).Draw(t, "at"),
		Do: rapid.SampledFrom([]modelDeed{doAwayTwo, doAway, doAwayTwo, doTwo, doCut, doLegacyCut, doChange, doStop}).Draw(t, "do"),
	}
	switch h.Do {
	case doAway, doAwayTwo:
		h.Away = rapid.SampledFrom([]time.Duration{2 * time.Second, 7 * time.Second, 20 * time.Second, 60 * time.Second}).Draw(t, "away")
		h.Hang = rapid.Bool().Draw(t, "hang")
	case doCut:
		h.At = rapid.SampledFrom([]modelEvent{atCommit, atCommitted, atWrite}).Draw(t, "cut at")
	case doChange:
		h.Late = drawChange(t)
	}
	h.draw(t)
	return h
}

// draw draws which event of its kind it is: one of about as many as there are.
func (h *modelHit) draw(t *rapid.T) {
	first, last := 1, 15
	switch h.At {
	case atCommit, atCommitted: // enrolling takes the first ten
		first, last = rapid.SampledFrom([]int{1, 10}).Draw(t, "first"), 35
	case atWrite:
		last = 160
	case atPost, atPosted:
		first = rapid.SampledFrom([]int{1, 4}).Draw(t, "first")
	case atContacts:
		last = 1
	case atPart:
		last = 4
	}
	h.Nth = rapid.IntRange(first, last).Draw(t, "nth")
}

func drawChange(t *rapid.T) modelChange {
	c := modelChange{
		Do:    rapid.SampledFrom([]string{"late", "append", "edit", "delete", "chat", "skip", "edit", "late"}).Draw(t, "change"),
		Doubt: rapid.IntRange(0, 3).Draw(t, "in doubt") > 0,
		Pick:  rapid.IntRange(0, 200).Draw(t, "pick"),
		Words: rapid.SampledFrom([]int{3, 260}).Draw(t, "words"),
	}
	if c.Do == "chat" {
		c.Chat = drawChat(t)
	}
	return c
}

const modelTimeout = 5 * time.Second

// settleTime is the least that these servers need: all their delays one after the
// other, and a little.
func (p *modelPlan) settleTime() time.Duration {
	all := p.Latency + p.Apply + p.Lag
	if slices.ContainsFunc(p.Faults, func(f modelFault) bool { return f.Kind == sandbox.Slow }) {
		all += p.Slow
	}
	return all + all/20 + 100*time.Millisecond
}

// options make the world of a plan.
func (p *modelPlan) options() sandbox.Options {
	o := sandbox.Options{RepeatedMsgID: p.Repeated, HistoryOrder: p.Order, ResponseShape: p.Shape, Seed: p.Seed, ApplyDelay: p.Apply,
		Latency: sandbox.Lag{Max: p.Latency}, VisibilityLag: sandbox.Lag{Max: p.Lag}, ContactSearchLag: time.Minute}
	for _, f := range p.Faults {
		o.Faults = append(o.Faults, f.sandbox(p.Slow))
	}
	return o
}

var (
	modelMessages = regexp.MustCompile(`^/v2/origin/custom/[^/]+$`)
	modelOpen     = regexp.MustCompile(`/chats$`)
	modelLinks    = regexp.MustCompile(`/contacts/chats$`)
)

func (f modelFault) sandbox(slow time.Duration) sandbox.Fault {
	out := sandbox.Fault{Name: fmt.Sprintf("%s: %s", f.On, f.Kind), Every: f.Every, Nth: f.Nth, Probability: f.Chance, From: f.From, To: f.To,
		Effect: sandbox.Effect{Kind: f.Kind, Code: f.Code}}
	if f.Kind == sandbox.Slow {
		out.Effect.Delay = slow
	}
	if f.Code == 429 {
		out.Name = f.On + ": throttled"
	}
	post, get := http.MethodPost, http.MethodGet
	switch f.On {
	case "poison":
		out.API, out.Method, out.Path = sandbox.Amojo, post, modelMessages
		out.Contains, out.Nth = fmt.Sprintf(`-m%d"`, f.Nth), 0
	case "message":
		out.API, out.Method, out.Path = sandbox.Amojo, post, modelMessages
	case "chat":
		out.API, out.Method, out.Path = sandbox.Amojo, post, modelOpen
	case "contacts":
		out.API, out.Method, out.Path = sandbox.APIv4, post, contactsPath
	case "link":
		out.API, out.Method, out.Path = sandbox.APIv4, post, modelLinks
	case "history":
		out.API, out.Method = sandbox.Amojo, get
	case "read":
		out.API, out.Method = sandbox.APIv4, get
	case "amojo":
		out.API = sandbox.Amojo
	case "v4":
		out.API = sandbox.APIv4
	}
	return out
}
