package importer

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/pace"
)

// UnansweredError says that an API had nothing but server errors for this one
// question, again and again, while it answered another each time.
type UnansweredError struct{ Err error }

func (e *UnansweredError) Error() string { return "never answered: " + e.Err.Error() }
func (e *UnansweredError) Unwrap() error { return e.Err }

const (
	// maxUnreadable is how often a question is asked whose answers make no sense:
	// with the pauses between, for some twelve minutes.
	maxUnreadable = 30
	// maxUnanswered is how often a question is asked that alone gets server errors:
	// with the tries of the transport and the pauses, for twenty minutes or more.
	maxUnanswered = 30
)

// control is a harmless question, asked to tell one that always fails from an
// outage.
type control struct {
	ask func(context.Context) error
	// beside is its place at the pacer while the other question is under way. The
	// two stand in different queues, which take turns: neither can keep the other
	// from being asked.
	beside pace.Priority
}

// chatsAnswer is the control of what asks for histories, as read-backs.
func (v *Live) chatsAnswer() *control {
	return &control{ask: func(ctx context.Context) error {
		_, err := v.Chats.Ping(ctx)
		return err
	}}
}

// contactsAnswer is the control of what asks for contacts and their links.
func (v *Live) contactsAnswer() *control {
	return &control{beside: pace.Priority{ReadBack: true}, ask: func(ctx context.Context) error {
		_, err := v.CRM.NewestContactID(ctx)
		return err
	}}
}

// read makes a call that changes nothing, again when its answer cannot be read, and
// as long as the fault is the server's: one question that fails is no reason to
// end a run. In an outage that is without end, but when the control is answered
// each time, it is *UnansweredError at last. Without a control it has no end.
func (v *Live) read(ctx context.Context, c *control, call func(context.Context) error) error {
	pause := 500 * time.Millisecond
	for unreadable, unanswered := 0, 0; ; {
		err := v.beside(ctx, c, call)
		if err == nil || ctx.Err() != nil || pace.NotSent(err) {
			return err
		}
		var chats *amojo.Error
		var crm *amocrm.Error
		var chatsLost *amojo.CallError
		var crmLost *amocrm.CallError
		switch {
		case errors.As(err, &chats) && chats.Server(), errors.As(err, &crm) && crm.Server():
			if c == nil {
				break
			}
			if failed := v.read(ctx, nil, c.ask); failed != nil {
				return failed
			}
			if unanswered++; unanswered == maxUnanswered {
				return &UnansweredError{err}
			}
		case errors.Is(err, io.ErrUnexpectedEOF): // it broke off: the network's doing, and will pass
		case errors.As(err, &chatsLost), errors.As(err, &crmLost):
			unreadable++
			if unreadable == maxUnreadable {
				return err
			}
			if unreadable&(unreadable-1) == 0 { // the 1st, 2nd, 4th and so on: it may take minutes
				v.Log.Warn().Err(err).Int("times", unreadable).Msg("an answer makes no sense; asking again")
			}
		default:
			return err
		}
		if pace.Sleep(ctx, pause) != nil {
			return err
		}
		pause = min(2*pause, 30*time.Second)
	}
}

// beside makes a call and, while it lasts, asks the control now and then.
func (v *Live) beside(ctx context.Context, c *control, call func(context.Context) error) error {
	if c == nil {
		return v.Lease.Do(ctx, call)
	}
	return pace.Beside(ctx, c.beside, c.ask, func(ctx context.Context) error { return v.Lease.Do(ctx, call) })
}
