package importer

import (
	"context"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

// letter is a planned message with its body.
type letter struct {
	planned ledger.Planned
	body    source.Message
	notes   []outcome.Code  // what was done to the body
	end     *ledger.Settled // it is not to be sent, and this becomes of it
	// otherwise is what becomes of it where its first try turns out not to be in the
	// chat; nil: this letter itself.
	otherwise *letter
}

// begin is the record of a message as it stands before anything more is sent.
func (m *letter) begin() ledger.Settled {
	p := m.planned
	return ledger.Settled{ID: p.ID, Outcome: outcome.Planned, Attempts: p.Attempts,
		Parts: p.Parts, PartsSent: p.PartsSent, PartEnds: p.PartEnds, AmojoIDs: p.AmojoIDs,
		SentMsec: p.SentMsec, SentHash: p.SentHash, BodyHash: p.BodyHash}
}

// refused is the record of a message that cannot be sent.
func (m *letter) refused(refusal *compose.Refusal) ledger.Settled {
	s := m.begin()
	s.Outcome, s.Reason, s.Detail = outcome.Parked, refusal.Code, refusal.Detail
	if r, ok := outcome.Lookup(refusal.Code); ok {
		s.Outcome = r.Outcome
	}
	return midway(s)
}

// gone is the record of a message whose row exists no more.
func (m *letter) gone() ledger.Settled {
	s := m.begin()
	s.Outcome, s.Reason = outcome.Skipped, outcome.DeletedInLegacy
	return midway(s)
}

// torn is the record of a message of which the chat holds parts of a text that its
// row has no more.
func torn(s ledger.Settled) ledger.Settled {
	s.Outcome, s.Reason, s.Detail = outcome.Parked, outcome.ChangedMidway, ""
	return s
}

// midway turns whatever stops a message of which a part went out already into
// one reason: its row is no longer what it was.
func midway(s ledger.Settled) ledger.Settled {
	if s.PartsSent > 0 {
		return torn(s)
	}
	return s
}

// pageRows is how many planned messages a lane reads at a time. Their bodies come
// in pages of their own, bounded by size.
const pageRows = 200

// feed gives a lane its letters in order: those that can be composed. The others
// are settled on the way.
type feed struct {
	*lane
	page    []ledger.Planned
	after   ledger.After
	drained bool
	bodies  map[string]source.Message // of page[:looked]
	looked  int
}

// next is the next letter, or nil when there are none.
func (f *feed) next(ctx context.Context) (*letter, error) {
	for {
		if err := f.fill(ctx); err != nil || len(f.page) == 0 {
			return nil, err
		}
		m := &letter{planned: f.page[0]}
		f.page, f.looked = f.page[1:], f.looked-1
		body, there := f.bodies[m.planned.ID]
		delete(f.bodies, m.planned.ID)
		m.body = body
		end := m.gone()
		if there {
			refusal, err := f.settleFile(ctx, m)
			if err != nil {
				return nil, err
			}
			if refusal == nil {
				// Whether it can be sent does not depend on what it quotes.
				_, refusal = f.Compose.Compose(f.row, m.body, compose.Reply{})
			}
			if refusal == nil {
				return m, nil
			}
			end = m.refused(refusal)
		}
		held := f.Hold && end.Outcome == outcome.Parked
		if held { // what comes before it is decided first, and after it nothing is
			f.page, f.drained = nil, true
		}
		if held || m.planned.Attempts > 0 { // in its turn: what was tried must be looked for
			m.end = &end
			return m, nil
		}
		if err := f.settle(end); err != nil {
			return nil, err
		}
	}
}

// fill reads the next page of keys, or of bodies, when the last is used up.
func (f *feed) fill(ctx context.Context) error {
	if len(f.page) == 0 && !f.drained {
		page, err := f.Ledger.Page(ctx, f.conv.ID, f.after, pageRows, f.Hold)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			f.drained = true
			return nil
		}
		last := page[len(page)-1]
		f.page, f.after = page, ledger.After{SentAt: last.SentAt, Seq: last.Seq, ID: last.ID}
	}
	if len(f.page) == 0 || f.looked > 0 {
		return nil
	}
	ids := make([]string, len(f.page))
	for i, p := range f.page {
		ids[i] = p.ID
	}
	found, looked, err := f.Source.Messages(ctx, f.conv.ID, ids)
	if err != nil {
		return err
	}
	f.looked = looked
	f.bodies = make(map[string]source.Message, len(found))
	for _, m := range found {
		f.bodies[m.ID] = m
	}
	return nil
}

// quote says what a reply to a legacy message can quote now.
func (l *lane) quote(ctx context.Context, id string) (compose.Reply, error) {
	for _, s := range l.settled { // decided, but not recorded yet
		if s.ID == id {
			return quotable(s.Outcome, s.PartsSent, l.Compose.IDs.MessageID(string(l.conv.ID), id)), nil
		}
	}
	known, err := l.Ledger.Messages(ctx, l.conv.ID, id)
	if err != nil {
		return compose.Reply{}, err
	}
	m, there := known[id]
	if !there {
		return compose.Reply{Note: outcome.ReplyDroppedMissing}, nil
	}
	return quotable(m.Outcome, m.PartsSent, m.MsgID), nil
}

// quotable is a reply to a message with this outcome. A split one is quoted by
// its first part, so one sent part is enough.
func quotable(o outcome.Outcome, partsSent int, msgid string) compose.Reply {
	switch {
	case partsSent > 0:
		return compose.Reply{MsgID: msgid}
	case o == outcome.Planned:
		return compose.Reply{Note: outcome.ReplyDroppedLater}
	}
	return compose.Reply{Note: outcome.ReplyDroppedSkipped}
}
