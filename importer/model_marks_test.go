package importer_test

import (
	"slices"

	"github.com/amoimport/amoimport/sandbox"
	"pgregory.net/rapid"
)

// modelRead is the status of a message that was read.
const modelRead = 2

// drawMarks draws what befalls marks: faults, and a process that dies over them.
func (p *modelPlan) drawMarks(t *rapid.T) {
	if rapid.Bool().Draw(t, "marks are lost") {
		p.Faults = append(p.Faults, drawMarkFault(t))
	}
	if rapid.Bool().Draw(t, "dies while marking") {
		run := &p.Runs[rapid.IntRange(0, len(p.Runs)-1).Draw(t, "which run")]
		run.Hits = append(run.Hits, modelHit{At: atMark, Do: rapid.SampledFrom([]modelDeed{doKill, doUsurp, doStop}).Draw(t, "of"), Nth: rapid.IntRange(1, 12).Draw(t, "nth")})
	}
}

func drawMarkFault(t *rapid.T) modelFault {
	f := modelFault{On: "mark", Code: 502,
		Kind: rapid.SampledFrom([]sandbox.EffectKind{sandbox.CutAfterApply, sandbox.DropBeforeApply, sandbox.StatusAfterApply, sandbox.Status,
			sandbox.Garbage, sandbox.Slow}).Draw(t, "effect")}
	if f.Kind == sandbox.Status {
		f.Code = rapid.SampledFrom([]int{429, 500, 503}).Draw(t, "code")
	}
	switch rapid.IntRange(0, 2).Draw(t, "how often") {
	case 0:
		f.Every = rapid.IntRange(3, 10).Draw(t, "every")
	case 1:
		f.Nth = rapid.IntRange(1, 8).Draw(t, "nth")
	case 2:
		f.Chance = float64(rapid.IntRange(2, 25).Draw(t, "percent")) / 100
	}
	return f
}

// checkMark holds a part that its chat shows against what was to be marked as read:
// all that managers wrote, where that is asked for, and nothing else.
func (c *modelCase) checkMark(m *modelMessage, part sandbox.Message) {
	f := m.fate
	switch want := m.out && c.plan.MarkRead; {
	case !want && (part.Status != 0 || f.marked > 0):
		c.fail("%s is marked with %d, the ledger says %+v", part.MsgID, part.Status, f)
	case want && f.marked != f.partsSent:
		c.fail("%s: a run has ended and left marks: %+v", part.MsgID, f)
	case want && f.unmarkable > 0 && !c.plan.losesMarks():
		c.fail("%s: given up too early: %+v", part.MsgID, f)
	case want && f.unmarkable == 0 && part.Status != modelRead:
		c.fail("%s is not marked, the ledger says %+v", part.MsgID, f)
	case want:
		c.tally.add("marked", 1)
	}
}

// losesMarks says whether marks may get no answer again and again: by chance, five in a
// row while others get through are as good as a server that never takes it.
func (p *modelPlan) losesMarks() bool {
	return slices.ContainsFunc(p.Faults, func(f modelFault) bool { return f.On == "mark" && f.Nth == 0 && f.Code != 429 })
}
