package importer

import (
	"context"
	"errors"

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
