package importer

import (
	"context"
	"errors"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/pace"
)

// verdict is how a doubt was settled.
type verdict int

const (
	unprovable verdict = iota // neither of the following could be shown
	present                   // it is in the chat
	absent                    // it is not, and will not be
)

const (
	// maxRounds is how often a part that is never there after its settle time is
	// sent again, before it is parked.
	maxRounds = 5
	// maxRoundsAlone is how often it is sent while nobody gets through, though
	// reading works: with the usual settle time, for two hours.
	maxRoundsAlone = 60
	// maxSettles is how many settle times a doubt may last.
	maxSettles = 10
)

// doubt is the question whether a part is in the lane's chat.
func (l *lane) doubt(msgid string) Doubt {
	return Doubt{ChatID: amojo.ChatID(l.conv.ChatID), MsgID: msgid, Predecessor: l.conv.LastMsgID}
}

// send sends a part until its end is known and returns amojo's id of it. A part
// that needs a person leaves s parked, with the reason. tried says that the part
// was sent before this lane began.
func (l *lane) send(ctx context.Context, part amojo.Message, s *ledger.Settled, tried bool) (string, error) {
	q, newest := l.doubt(part.MsgID), part.MsecTimestamp > l.conv.LastMsec
	sends, strikes := l.sends.Load(), 0
	for round := 1; ; round++ {
		if ctx.Err() != nil {
			return "", errStopped
		}
		s.Attempts++
		receipt, err := l.Target.Send(ctx, part, l.left)
		ended := time.Now()
		var refused *RefusedError
		switch {
		case err == nil:
			l.sends.Add(1)
			return receipt.AmojoID, nil
		case withdrawn(ctx, err):
			s.Attempts--
			return "", errStopped
		case errors.As(err, &refused):
			if tried || round > 1 { // a refusal may mean that it is there already
				seen, err := l.Target.Delivered(ctx, q)
				if err != nil {
					return "", &doubtLeft{stopOr(ctx, err)}
				}
				if seen.Present {
					return seen.AmojoID, nil
				}
			}
			s.Outcome, s.Reason, s.Detail = outcome.Parked, outcome.Rejected, refused.Detail
			l.rejected()
			return "", nil
		case !errors.Is(err, ErrInDoubt):
			return "", err
		}
		l.Progress.count(func(f *Figures) { f.Doubts++ })
		l.Log.Debug().Str("conversation", string(l.conv.ID)).Str("msgid", part.MsgID).Msg("no answer; looking whether it arrived")
		id, v, err := l.settleDoubt(ctx, q, newest, ended, true)
		switch {
		case err != nil:
			return "", err
		case v == present:
			return id, nil
		case v == unprovable:
			s.Outcome, s.Reason = outcome.Parked, outcome.InDoubt
			return "", nil
		}
		// A round in which others got through speaks against this message, and so
		// does one when there are no others and reading works. A round in which
		// nobody got through is an outage: then all begin to count anew. But not for
		// ever: what is left may be nothing but such messages.
		now := l.sends.Load()
		if now > sends || l.busy.Load() == 1 && l.idle() {
			strikes++
		} else {
			strikes = 0
		}
		sends = now
		if strikes >= maxRounds || round >= maxRoundsAlone {
			s.Outcome, s.Reason = outcome.Parked, outcome.ServerError
			return "", nil
		}
	}
}

// lookBack looks for a part of a message that an earlier run, or an earlier try of
// a parked message, may have sent. Where that try was refused, one look is enough.
func (l *lane) lookBack(ctx context.Context, m *letter, part int) (string, verdict, error) {
	msgid := compose.PartID(m.planned.MsgID, part)
	if l.absent == msgid {
		return "", absent, nil
	}
	q, newest := l.doubt(msgid), m.planned.SentMsec+int64(part)-1 > l.conv.LastMsec
	if m.planned.LastFault != outcome.Rejected {
		return l.settleDoubt(ctx, q, newest, l.begun, false)
	}
	seen, err := l.Target.Delivered(ctx, q)
	if err != nil {
		return "", unprovable, stopOr(ctx, err)
	}
	if seen.Present {
		return seen.AmojoID, present, nil
	}
	return "", absent, nil
}

// partsBehind says whether the chat shows later parts of a message whose next one it
// does not have: so does a chat that lost one of them.
func (l *lane) partsBehind(ctx context.Context, m *letter) (bool, error) {
	for k := m.planned.PartsSent + 2; k <= m.planned.Parts; k++ {
		seen, err := l.Target.Delivered(ctx, l.doubt(compose.PartID(m.planned.MsgID, k)))
		if err != nil {
			return false, stopOr(ctx, err)
		}
		if seen.Present {
			return true, nil
		}
	}
	return false, nil
}

// settleDoubt reads the chat back until it shows whether the part is there.
// Present is believed at once. Absent counts only after the settle time, counted
// from since, and when the part sent before it is visible: until then the server
// may merely be late. The lane's slot is another's while it waits. An error leaves
// the doubt open. sent says that since is when the attempt ended, and not when
// this run began.
func (l *lane) settleDoubt(ctx context.Context, q Doubt, newest bool, since time.Time, sent bool) (string, verdict, error) {
	l.Progress.count(func(f *Figures) { f.Settling++ })
	defer l.Progress.count(func(f *Figures) { f.Settling-- })
	pause := 250 * time.Millisecond
	var waited time.Duration // between looks; a look itself may wait for an outage to end
	first := time.Now()      // a run that is old has not looked for this one for that long
	for {
		begun := time.Now()
		settle, passed := l.settleTime(), begun.Sub(since)
		// Until absence can count, only presence can be learned: where what is new is
		// known to come first, a glance is enough. Anywhere else a glance would miss
		// it, and the delay that is learned would be how long we did not look.
		q.Newest = newest && l.newestFirst()
		q.Glance = q.Newest && passed < settle && waited > 0
		seen, err := l.Target.Delivered(ctx, q)
		if err != nil {
			return "", unprovable, &doubtLeft{stopOr(ctx, err)}
		}
		l.sawOrder(seen.Order)
		switch {
		case seen.Present:
			if sent {
				l.saw(waited)
			}
			l.slot.take(ctx)
			return seen.AmojoID, present, nil
		case passed >= settle && seen.Predecessor:
			l.absent = q.MsgID
			l.slot.take(ctx)
			return "", absent, nil
		case begun.Sub(first) >= maxSettles*settle:
			l.slot.take(ctx)
			return "", unprovable, nil
		}
		// A look at a long chat takes its time: at least half of it is for the others.
		most := max(settle/4, time.Second)
		wait := min(max(pause, time.Since(begun)), most)
		if passed < settle {
			wait = min(wait, settle-passed)
		}
		l.slot.give()
		if err := pace.Sleep(ctx, wait); err != nil {
			return "", unprovable, &doubtLeft{errStopped}
		}
		waited += wait
		pause = min(2*pause, most)
	}
}

// stopOr turns an error that only says that the run was stopped into errStopped.
func stopOr(ctx context.Context, err error) error {
	if stoppedOr(ctx, err) == nil {
		return errStopped
	}
	return err
}

// settleIntent settles the request that an earlier run left in doubt: exactly
// that msgid, whatever the legacy database says by now.
func (l *lane) settleIntent(ctx context.Context) error {
	in := l.conv.Doubt
	l.Progress.count(func(f *Figures) { f.Resumed++ })
	known, err := l.Ledger.Messages(ctx, l.conv.ID, in.Message)
	if err != nil {
		return &doubtLeft{err}
	}
	m := known[in.Message]
	first := in.SentMsec - int64(in.Part) + 1
	s := ledger.Settled{ID: in.Message, Outcome: outcome.Planned, Notes: in.Notes, Attempts: m.Attempts + 1,
		Parts: in.Parts, PartsSent: m.PartsSent, PartEnds: m.PartEnds, AmojoIDs: m.AmojoIDs,
		SentMsec: first, SentHash: &in.RowHash, BodyHash: in.BodyHash, Kind: in.Kind, Author: in.Author}
	id, v, err := l.settleDoubt(ctx, l.doubt(in.MsgID), in.SentMsec > l.conv.LastMsec, l.begun, false)
	if err != nil {
		return err
	}
	switch {
	case v == present && in.Part > m.PartsSent+1:
		// A part before it was found to be missing meanwhile: it is there, behind a gap.
		l.settled = append(l.settled, s)
	case v == present:
		l.arrived(&s, in.Part, in.End, id, in.MsgID)
		l.endMsec = 0 // a late row may come before it; the ledger knows what comes after
		l.settled = append(l.settled, s)
	case v == unprovable:
		s.Outcome, s.Reason = outcome.Parked, outcome.InDoubt
		l.settled = append(l.settled, s)
	case v == absent:
		if m.Outcome == outcome.Planned {
			l.settled = append(l.settled, s) // the attempt is remembered
		}
	}
	switch {
	case s.Outcome == outcome.Planned:
	case m.Outcome == outcome.Planned:
		l.left--
	default: // enrol decided about its row meanwhile
		l.Progress.count(func(f *Figures) { f.Planned++ })
	}
	return nil
}
