package importer

import (
	"cmp"
	"context"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

// deliver sends the parts of one message. last says that nothing to be sent
// follows it in its chat.
func (l *lane) deliver(ctx context.Context, m *letter, last bool) error {
	if m.end != nil {
		return l.finish(ctx, m)
	}
	var reply compose.Reply
	if m.body.ReplyToID != "" {
		var err error
		if reply, err = l.quote(ctx, m.body.ReplyToID); err != nil {
			return err
		}
	}
	composed, refusal := l.Compose.Compose(l.row, m.body, reply)
	if refusal != nil {
		end := m.refused(refusal)
		m.end = &end
		return l.finish(ctx, m)
	}
	parts, texts := composed.Parts, compose.TextHash(composed.Parts)
	rowHash := ledger.Hash(m.body.Hash)
	same := func(s ledger.Settled) bool {
		return s.Parts == len(parts) && s.BodyHash == texts && s.SentHash != nil && *s.SentHash == rowHash
	}

	s := m.begin()
	s.Notes, s.Kind = append(composed.Notes, m.notes...), source.Kind(parts[0].Content.Type)
	s.Author = authorOf(composed)
	if l.conv.LastMsgID == "" { // what the chat goes without is told once, of its first message
		chat, _ := l.Compose.Chat(l.row)
		s.Notes = append(s.Notes, chat.Notes...)
	}
	tried := s.Attempts > 0
	if tried {
		id, v, err := l.lookBack(ctx, m, m.planned.PartsSent+1)
		switch {
		case err != nil:
			return err
		case v == unprovable:
			s.Outcome, s.Reason = outcome.Parked, outcome.InDoubt
			return l.settle(s)
		case v == present:
			if s.SentHash == nil { // of a ledger that did not note what it tried
				s.Parts, s.BodyHash, s.SentHash = len(parts), texts, &rowHash
			}
			s.SentMsec = cmp.Or(s.SentMsec, m.planned.SentAt.UnixMilli())
			k := s.PartsSent + 1
			l.arrived(&s, k, compose.TextEnd(parts[:min(k, len(parts))]), id, compose.PartID(m.planned.MsgID, k))
			if s.Outcome == outcome.Sent {
				return l.settle(s)
			}
		case m.otherwise != nil:
			return l.deliver(ctx, m.otherwise, last)
		}
	}
	if s.PartsSent == 0 && tried && !same(s) {
		switch behind, err := l.partsBehind(ctx, m); {
		case err != nil:
			return err
		case behind:
			return l.settle(torn(s))
		}
	}
	looked := m.planned.PartsSent + 1
	switch {
	case s.PartsSent == 0:
		s.SentMsec = max(m.planned.SentAt.UnixMilli(), m.planned.FloorMsec+1, l.endMsec+1)
		s.Parts, s.BodyHash, s.SentHash = len(parts), texts, &rowHash
	case !same(s):
		return l.settle(midway(s))
	}
	for k := s.PartsSent + 1; k <= len(parts); k++ {
		part, msec := parts[k-1], s.SentMsec+int64(k)-1
		compose.Stamp(&part, msec)
		announce := l.Announce == AnnounceLast && last && k == len(parts) &&
			(l.conv.Announced == "" || l.conv.Announced == part.MsgID)
		part.Silent = !announce
		if ctx.Err() != nil {
			return l.interrupted(s, m, errStopped)
		}
		if tried && k > looked { // of a repaired message it may be there, behind one that was not
			id, v, err := l.lookBack(ctx, m, k)
			if err != nil {
				return l.interrupted(s, m, err)
			}
			if v == unprovable {
				s.Outcome, s.Reason = outcome.Parked, outcome.InDoubt
				l.endMsec = s.SentMsec + int64(len(parts)) - 1
				break
			}
			if v == present {
				l.arrived(&s, k, compose.TextEnd(parts[:k]), id, part.MsgID)
				continue
			}
		}
		if announce {
			l.conv.Announced = part.MsgID
		}
		err := l.commit(&ledger.Intent{Message: m.planned.ID, MsgID: part.MsgID, Part: k, Parts: len(parts), End: compose.TextEnd(parts[:k]),
			SentMsec: msec, RowHash: rowHash, BodyHash: texts, Notes: s.Notes, Kind: s.Kind, Author: s.Author})
		if err != nil {
			return err
		}
		amojoID, err := l.send(ctx, part, &s, tried)
		if err != nil {
			return l.interrupted(s, m, err)
		}
		if s.Outcome == outcome.Parked {
			l.endMsec = s.SentMsec + int64(len(parts)) - 1 // it may be there, or be sent later
			if announce && s.Reason != outcome.InDoubt {
				l.conv.Announced = "" // nobody heard it
			}
			break
		}
		l.arrived(&s, k, l.intent.End, amojoID, part.MsgID)
		if s.Outcome == outcome.Planned { // there are more parts
			l.settled = append(l.settled, s)
		}
	}
	return l.settle(s)
}

// authorOf is who speaks.
func authorOf(c compose.Composed) ledger.Author {
	sender := c.Parts[0].Sender
	return ledger.Author{ID: sender.ID, RefID: sender.RefID}
}

// finish settles what is not to be sent, or not any more. What was tried may be in its
// chat all the same.
func (l *lane) finish(ctx context.Context, m *letter) error {
	if m.planned.Attempts == 0 {
		return l.settle(*m.end)
	}
	id, v, err := l.lookBack(ctx, m, m.planned.PartsSent+1)
	switch {
	case err != nil:
		return err
	case v == unprovable:
		s := m.begin()
		s.Outcome, s.Reason = outcome.Parked, outcome.InDoubt
		return l.settle(s)
	case v == absent:
		behind, err := l.partsBehind(ctx, m)
		if err != nil {
			return err
		}
		if behind {
			return l.settle(torn(m.begin()))
		}
		return l.settle(*m.end)
	}
	s := m.begin()
	k, end := s.PartsSent+1, 0 // where its text ends cannot be told any more
	s.Parts, s.SentMsec = max(s.Parts, k), cmp.Or(s.SentMsec, m.planned.SentAt.UnixMilli())
	l.arrived(&s, k, end, id, compose.PartID(m.planned.MsgID, k))
	if s.Outcome != outcome.Sent {
		s = midway(s)
	}
	return l.settle(s)
}

// interrupted takes down how far a message is that stays planned: what was tried
// must be remembered, so that it is looked for before it is sent again.
func (l *lane) interrupted(s ledger.Settled, m *letter, err error) error {
	if s.Attempts > m.planned.Attempts || s.PartsSent > m.planned.PartsSent {
		l.settled = append(l.settled, s)
	}
	return err
}

// arrived takes down that part k of a message is in its chat.
func (l *lane) arrived(s *ledger.Settled, k, end int, amojoID, msgid string) {
	s.PartsSent = k
	s.PartEnds = place(s.PartEnds, k, end)
	s.AmojoIDs = place(s.AmojoIDs, k, amojoID)
	if k == s.Parts {
		s.Outcome = outcome.Sent
	}
	l.conv.LastMsgID = msgid
	l.endMsec = s.SentMsec + int64(k) - 1
	l.conv.LastMsec = max(l.conv.LastMsec, l.endMsec)
	l.Progress.sentPart()
}

// place returns a list of k values with v as the last, whatever list held.
func place[T any](list []T, k int, v T) []T {
	out := make([]T, k)
	copy(out, list)
	out[k-1] = v
	return out
}

// maxUnrecorded bounds what waits for the next commit.
const maxUnrecorded = 500

// settle takes down what became of a message. It is recorded with the next
// intent, or at the end of the lane.
func (l *lane) settle(s ledger.Settled) error {
	l.settled = append(l.settled, s)
	l.left--
	l.held = l.Hold && s.Outcome == outcome.Parked
	if len(l.settled) < maxUnrecorded {
		return nil
	}
	return l.commit(nil)
}
