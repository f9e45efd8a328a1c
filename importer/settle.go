package importer

import (
	"context"
	"errors"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
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
	// maxSettles is how many settle times a doubt may last.
	maxSettles = 10
)

// send sends a part until its end is known and returns amojo's id of it. A part
// that needs a person leaves s parked, with the reason. earlier says that an
// attempt was made before this lane, which fault ended.
func (l *lane) send(ctx context.Context, part amojo.Message, s *ledger.Settled, earlier bool, fault outcome.Code) (string, error) {
	q := Doubt{ChatID: amojo.ChatID(l.conv.ChatID), MsgID: part.MsgID, Predecessor: l.conv.LastMsgID,
		Newest: part.MsecTimestamp > l.conv.LastMsec}
	if earlier && l.absent != part.MsgID {
		id, v, err := l.lookBack(ctx, q, fault)
		if v == present || err != nil {
			return id, err
		}
		if v == unprovable {
			s.Outcome, s.Reason = outcome.Parked, outcome.InDoubt
			return "", nil
		}
	}
	sends := l.sends.Load()
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
			return receipt.AmojoID, nil
		case withdrawn(ctx, err):
			s.Attempts--
			return "", errStopped
		case errors.As(err, &refused):
			if earlier || round > 1 { // a refusal may mean that it is there already
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
		id, v, err := l.settleDoubt(ctx, q, ended)
		switch {
		case err != nil:
			return "", err
		case v == present:
			return id, nil
		case v == unprovable:
			s.Outcome, s.Reason = outcome.Parked, outcome.InDoubt
			return "", nil
		case round >= maxRounds && (l.sends.Load() > sends || l.busy.Load() == 1):
			// Others get through, or there are no others and reading works: it is
			// this message. Otherwise it is an outage, and it is tried again.
			s.Outcome, s.Reason = outcome.Parked, outcome.ServerError
			return "", nil
		}
	}
}

// lookBack looks for a part that an earlier run, or an earlier try of a parked
// message, may have sent. Where that try was answered, one look is enough.
func (l *lane) lookBack(ctx context.Context, q Doubt, fault outcome.Code) (string, verdict, error) {
	if fault == "" || fault == outcome.InDoubt || fault == outcome.ServerError {
		return l.settleDoubt(ctx, q, l.begun)
	}
	seen, err := l.Target.Delivered(ctx, q)
	if err != nil {
		return "", absent, stopOr(ctx, err)
	}
	if seen.Present {
		return seen.AmojoID, present, nil
	}
	return "", absent, nil
}

// settleDoubt reads the chat back until it shows whether the part is there.
// Present is believed at once. Absent counts only after the settle time, counted
// from since, and when the part sent before it is visible: until then the server
// may merely be late. The lane's slot is another's while it waits. An error leaves
// the doubt open.
func (l *lane) settleDoubt(ctx context.Context, q Doubt, since time.Time) (string, verdict, error) {
	l.Progress.count(func(f *Figures) { f.Settling++ })
	defer l.Progress.count(func(f *Figures) { f.Settling-- })
	q.Newest = q.Newest && l.newestFirst()
	pause := 250 * time.Millisecond
	for looks := 0; ; looks++ {
		begun := time.Now()
		seen, err := l.Target.Delivered(ctx, q)
		if err != nil {
			return "", unprovable, &doubtLeft{stopOr(ctx, err)}
		}
		l.sawOrder(seen.Order)
		settle, passed := l.settleTime(), begun.Sub(since)
		switch {
		case seen.Present:
			if looks > 0 {
				l.saw(passed)
			}
			l.slot.take(ctx)
			return seen.AmojoID, present, nil
		case passed >= settle && seen.Predecessor:
			l.absent = q.MsgID
			l.slot.take(ctx)
			return "", absent, nil
		case passed >= maxSettles*settle:
			l.slot.take(ctx)
			return "", unprovable, nil
		}
		wait := pause
		if passed < settle {
			wait = min(wait, settle-passed)
		}
		l.slot.give()
		if err := sleep(ctx, wait); err != nil {
			return "", unprovable, &doubtLeft{errStopped}
		}
		pause = min(2*pause, max(settle/4, time.Second))
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
		SentMsec: first, SentHash: &in.RowHash, BodyHash: in.BodyHash}
	id, v, err := l.settleDoubt(ctx, Doubt{ChatID: amojo.ChatID(l.conv.ChatID), MsgID: in.MsgID,
		Predecessor: l.conv.LastMsgID, Newest: in.SentMsec > l.conv.LastMsec}, l.begun)
	if err != nil {
		return err
	}
	switch v {
	case present:
		l.arrived(&s, in.Part, in.End, id, in.MsgID)
		l.endMsec = 0 // a late row may come before it; the ledger knows what comes after
		l.settled = append(l.settled, s)
	case unprovable:
		s.Outcome, s.Reason = outcome.Parked, outcome.InDoubt
		l.settled = append(l.settled, s)
	}
	return nil
}
