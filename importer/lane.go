package importer

import (
	"cmp"
	"context"
	"errors"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

// errStopped ends a lane whose run was asked to stop: everything it did is
// recorded, and it is no failure.
var errStopped = errors.New("the run was stopped")

// lane replays one conversation, in order, on one goroutine. At most one of its
// requests is in doubt at a time: the one its intent in the ledger names.
type lane struct {
	*run
	slot    *slot
	conv    ledger.Conversation
	row     source.Conversation
	settled []ledger.Settled     // not yet recorded
	edited  []ledger.SettledEdit // likewise
	intent  *ledger.Intent       // as recorded
	left    int                  // messages still to send
	endMsec int64                // message time of the part sent last by this lane
	absent  string               // msgid that this run has proved absent; it needs no second look
	held    bool                 // it waits at the message that was parked last
}

// replayConversation replays what is planned of one conversation.
func (r *run) replayConversation(ctx context.Context, work ledger.Work, slot *slot) error {
	conv, err := r.Ledger.Conversation(ctx, work.ID)
	if err != nil {
		return stoppedOr(ctx, err)
	}
	rows, err := r.conversationRows(ctx, []source.ConversationID{work.ID})
	if err != nil {
		return stoppedOr(ctx, err)
	}
	row, there := rows[work.ID]
	l := &lane{run: r, slot: slot, conv: conv, row: row, intent: conv.Doubt, left: int(work.Planned)}
	switch {
	case conv.Doubt == nil:
	case conv.Doubt.Edit:
		err = l.close(l.settleEditIntent(ctx))
	default:
		err = l.close(l.settleIntent(ctx))
	}
	switch {
	case err != nil:
	case there:
		err = l.replay(ctx)
	case conv.Planned > 0:
		err = r.park(work, outcome.NoConversation, "it is gone from the conversations query")
	}
	return stoppedOr(ctx, err)
}

// stoppedOr drops errors that only say that the run was stopped.
func stoppedOr(ctx context.Context, err error) error {
	if errors.Is(err, errStopped) || ctx.Err() != nil && (errors.Is(err, context.Canceled) || withdrawn(ctx, err)) {
		return nil
	}
	return err
}

// replay sends message after message. The next one is read and composed before
// this one is sent, so that one commit records this one's outcome and the next
// one's intent, and so that the newest of the chat is known when it comes.
func (l *lane) replay(ctx context.Context) error {
	feed := &feed{lane: l}
	current, err := feed.next(ctx)
	for err == nil && current != nil && !l.held {
		var following *letter
		if following, err = feed.next(ctx); err == nil {
			err = l.deliver(ctx, current, following == nil)
			current = following
		}
	}
	if err == nil && l.Hold { // what is left waits behind a parked message
		l.Progress.count(func(f *Figures) { f.Held += int64(max(0, l.left)) })
	}
	return l.close(err)
}

// close records what is left to record when a lane ends, for whatever reason. A
// doubt stays in the ledger; an intent that came to nothing is cleared.
func (l *lane) close(err error) error {
	var intent *ledger.Intent
	var doubt *doubtLeft
	if errors.As(err, &doubt) {
		intent, err = l.intent, doubt.cause
	}
	if len(l.settled)+len(l.edited) > 0 || l.intent != intent {
		if failed := l.commit(intent); failed != nil {
			return failed
		}
	}
	return err
}

// doubtLeft ends a lane while its intent's end is not known.
type doubtLeft struct{ cause error }

func (e *doubtLeft) Error() string { return "stopped with a request in doubt: " + e.cause.Error() }

// commit records what is settled, and what comes next.
func (l *lane) commit(next *ledger.Intent) error {
	change := ledger.Change{Conversation: l.conv.ID, Settled: l.settled, Edits: l.edited, LastMsgID: l.conv.LastMsgID, Announced: l.conv.Announced, Intent: next}
	err := l.Ledger.Commit(l.durable, change)
	var refused *ledger.RefusedError
	if errors.As(err, &refused) {
		// A value from outside cannot be stored. What matters can: leave out the
		// server's words, and say so.
		for i := range l.settled {
			s := &l.settled[i]
			s.Detail, s.AmojoIDs = "", nil
			if s.Outcome == outcome.Parked {
				s.Reason = outcome.LedgerRefused
			}
		}
		err = l.Ledger.Commit(l.durable, change)
	}
	if err != nil {
		return err
	}
	l.tally()
	l.settled, l.edited = nil, nil
	l.intent = next
	return nil
}

// tally counts what was just recorded.
func (l *lane) tally() {
	l.Progress.count(func(f *Figures) {
		for _, s := range l.settled {
			switch s.Outcome {
			case outcome.Sent:
				f.Sent++
			case outcome.Skipped:
				f.Skipped++
			case outcome.Parked:
				f.Parked++
			}
		}
	})
}

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
	s.Author = ledger.Author{ID: parts[0].Sender.ID, RefID: parts[0].Sender.RefID}
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
