package importer_test

import (
	"slices"
	"time"

	"github.com/amoimport/amoimport/sandbox"
	"pgregory.net/rapid"
)

func drawPlan(t *rapid.T) modelPlan {
	ms := func(label string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Millisecond
	}
	p := modelPlan{
		Lanes:    rapid.SampledFrom([]int{1, 2, 8}).Draw(t, "lanes"),
		Rate:     rapid.SampledFrom([]float64{2000, 2000, 2000, 2000, 5, 0.5, 0.05}).Draw(t, "rate"),
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
	if rapid.Bool().Draw(t, "stall") {
		p.Stall = modelStall{From: ms("stall from", rapid.SampledFrom([]int{200, 10_000}).Draw(t, "stall at most from")),
			Settles: rapid.SampledFrom([]int{2, 5, 12, 25, 25}).Draw(t, "stall for")}
	}
	p.Page = rapid.SampledFrom([]int{0, 2, 0, 3, 1, 2}).Draw(t, "page")
	p.Announce = rapid.IntRange(0, 4).Draw(t, "announce") == 4
	p.Hold = rapid.IntRange(0, 3).Draw(t, "hold") == 3
	p.MarkRead = rapid.IntRange(0, 3).Draw(t, "mark read") == 3
	for range rapid.IntRange(1, 4).Draw(t, "clients") {
		p.Clients = append(p.Clients, modelClient{Phone: rapid.IntRange(0, 3).Draw(t, "phone")})
	}
	p.Chats = rapid.SliceOfN(rapid.Custom(drawChat), 1, 5).Draw(t, "conversations")
	p.Faults = rapid.SliceOfN(rapid.Custom(drawFault), 1, 7).Draw(t, "faults")
	p.Runs = rapid.SliceOfN(rapid.Custom(drawRun), 2, 4).Draw(t, "runs")
	if p.MarkRead {
		p.drawMarks(t)
	}
	p.changeMidway(t)
	p.queue(t)
	p.Again = rapid.IntRange(0, 3).Draw(t, "again") == 3
	p.Afterward = rapid.SliceOfN(rapid.Custom(drawChange), 0, 3).Draw(t, "afterward")
	p.Decisions = rapid.SliceOfN(rapid.Custom(drawDecision), 0, 2).Draw(t, "decisions")
	p.Finally = rapid.SliceOfN(rapid.Custom(drawDecision), 0, 2).Draw(t, "finally")
	if p.Edits = rapid.Bool().Draw(t, "edits"); p.Edits {
		for i := range p.Runs[1:] {
			p.Runs[i+1].Changes = append(p.Runs[i+1].Changes, drawEdits(t)...)
		}
		p.Afterward = append(p.Afterward, drawEdits(t)...)
	}
	p.Repair = drawRepair(t)
	return p
}

// drawEdits changes the texts of rows, many of which will have been sent.
func drawEdits(t *rapid.T) (edits []modelChange) {
	for range 3 {
		edits = append(edits, modelChange{Do: "edit", Pick: rapid.IntRange(0, 1000).Draw(t, "edit"), Words: rapid.SampledFrom([]int{1, 3, 120}).Draw(t, "words")})
	}
	return edits
}

// changeMidway lets many a row change whose message was half sent when its process
// died: it seldom does by itself.
func (p *modelPlan) changeMidway(t *rapid.T) {
	for i, r := range p.Runs[:len(p.Runs)-1] {
		half := slices.ContainsFunc(r.Hits, func(h modelHit) bool { return h.At == atPart })
		if half && rapid.Bool().Draw(t, "changes midway") {
			next := &p.Runs[i+1]
			next.Changes = append([]modelChange{{Do: "edit", Doubt: true, Words: 260}}, next.Changes...)
		}
	}
}

// queue lets another process take the ledger over while requests wait for their
// turn: only where calls are rare do they wait that long.
func (p *modelPlan) queue(t *rapid.T) {
	if p.Rate > 0.05 {
		return
	}
	h := modelHit{At: atPosted, Do: doAwayTwo, Away: time.Minute, Hang: rapid.Bool().Draw(t, "hang"), Nth: rapid.IntRange(5, 12).Draw(t, "queue at")}
	p.Lanes, p.Runs[0].Hits = 8, append(p.Runs[0].Hits, h)
}

func drawChat(t *rapid.T) modelChat {
	return modelChat{Client: rapid.IntRange(0, 3).Draw(t, "client"), Rows: rapid.SliceOfN(rapid.Custom(drawRow), 1, 16).Draw(t, "rows")}
}

func drawRow(t *rapid.T) modelRow {
	r := modelRow{
		Gap:   rapid.SampledFrom([]time.Duration{2 * time.Second, time.Hour, 5 * time.Second, 0, time.Millisecond, 900 * time.Microsecond}).Draw(t, "gap"),
		Out:   rapid.Bool().Draw(t, "out"),
		Words: rapid.SampledFrom([]int{1, 20, 150, 260, 260}).Draw(t, "words"), // of 5 characters: up to three parts
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
		f.To = f.From + rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute, 5 * time.Minute,
			time.Second, 10 * time.Second, time.Minute, time.Hour}).Draw(t, "for")
		return f
	case "poison":
		f.Kind = sandbox.Status
		f.Code = rapid.SampledFrom([]int{500, 500, 500, 400}).Draw(t, "code")
		f.Nth = rapid.IntRange(2, 9).Draw(t, "which message")
		f.To = rapid.SampledFrom([]time.Duration{0, 0, time.Minute, time.Hour}).Draw(t, "for")
		return f
	}
	if f.Kind == sandbox.Status {
		codes := []int{429, 500, 503}
		if f.On == "message" {
			codes = append(codes, 400)
		}
		f.Code = rapid.SampledFrom(codes).Draw(t, "code")
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
		Later:     rapid.SampledFrom([]time.Duration{0, 0, 0, time.Minute, 1000 * time.Hour}).Draw(t, "later"),
		Changes:   rapid.SliceOfN(rapid.Custom(drawChange), 0, 3).Draw(t, "changes"),
		Decisions: rapid.SliceOfN(rapid.Custom(drawDecision), 0, 2).Draw(t, "decisions"),
		Hits:      rapid.SliceOfN(rapid.Custom(drawHit), 0, 3).Draw(t, "hits"),
		Follow:    drawFollow(t),
	}
	for range rapid.IntRange(0, 2).Draw(t, "decides") {
		h := modelHit{At: rapid.SampledFrom([]modelEvent{atPosted, atRead, atCommitted}).Draw(t, "decides at"), Do: doDecide, Decision: drawDecision(t)}
		h.draw(t)
		r.Hits = append(r.Hits, h)
	}
	if rapid.IntRange(0, 3).Draw(t, "dies") > 0 {
		r.Hits = append(r.Hits, drawDeath(t))
	}
	return r
}

// drawDeath draws how a process ends.
func drawDeath(t *rapid.T) modelHit {
	h := modelHit{
		At: rapid.SampledFrom([]modelEvent{atPosted, atPart, atContacts, atSend, atCommit, atCommitted, atRead, atContacts, atPart}).Draw(t, "dies at"),
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
		h.Away = rapid.SampledFrom([]time.Duration{2 * time.Second, 7 * time.Second, 20 * time.Second, 60 * time.Second,
			2 * time.Second, 7 * time.Second, 20 * time.Second, time.Hour}).Draw(t, "away")
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
