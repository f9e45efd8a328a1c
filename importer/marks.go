package importer

import (
	"context"
	"errors"
	"time"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/pace"
	"github.com/sourcegraph/conc/pool"
)

const (
	// markBatch is how many messages are marked before that is recorded: so many are
	// marked again, at most, after a crash.
	markBatch = 100
	// markCalls is how many marks may wait at the pacer or for an answer.
	markCalls = 8
)

// mark marks what managers wrote as read, until the limit: news goes before it. With a
// zero limit it goes on to the end. Marking again what is marked changes nothing, so a
// lost answer is no doubt, and only what is over is recorded.
func (r *run) mark(ctx context.Context, limit time.Time) error {
	if !r.MarkRead {
		return nil
	}
	if f := r.Progress.Figures(); f.ToMark <= f.Marked+f.Unmarkable { // else there is known to be something
		left, err := r.Ledger.CountUnmarked(ctx)
		if err != nil || left == 0 {
			return err
		}
		r.Progress.count(func(f *Figures) { f.ToMark = f.Marked + f.Unmarkable + left })
	}
	r.Progress.count(func(f *Figures) { f.Phase = "mark" })
	inTime, cancel := ctx, context.CancelFunc(func() {})
	if !limit.IsZero() {
		inTime, cancel = context.WithDeadline(ctx, limit)
	}
	defer cancel()
	for after := (ledger.Marks{}); inTime.Err() == nil; {
		batch, err := r.Ledger.Unmarked(ctx, after, markBatch)
		if err != nil || len(batch) == 0 {
			return err
		}
		after = batch[len(batch)-1]
		err = r.markAll(inTime, batch)
		if failed := r.Ledger.RecordMarks(r.durable, batch); failed != nil {
			return failed
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && stoppedOr(inTime, err) != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// markAll marks a batch, some parts at a time, and takes down in it how far it came.
func (r *run) markAll(ctx context.Context, batch []ledger.Marks) error {
	calls := pool.New().WithMaxGoroutines(markCalls).WithContext(ctx).WithCancelOnError().WithFirstError()
	for i := range batch {
		m := &batch[i] // one goroutine has it, and its parts go in order
		calls.Go(func(ctx context.Context) error {
			for m.Marked < m.PartsSent {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				done, err := r.markPart(ctx, m)
				if err != nil {
					return err
				}
				m.Marked++
				if done {
					r.Progress.count(func(f *Figures) { f.Marked++ })
					continue
				}
				m.Unmarkable++
				r.Progress.count(func(f *Figures) { f.Unmarkable++ })
			}
			return nil
		})
	}
	return calls.Wait()
}

// markPart marks the next part of a message; false: amojo does not know it, or never
// takes the mark.
func (r *run) markPart(ctx context.Context, m *ledger.Marks) (bool, error) {
	var amojoID string
	if m.Marked < len(m.AmojoIDs) {
		amojoID = m.AmojoIDs[m.Marked]
	}
	tries := patience{others: &r.marks}
	begun := time.Now()
	for {
		tries.begin()
		err := r.Target.MarkRead(ctx, amojoID, compose.PartID(m.MsgID, m.Marked+1))
		var refused *RefusedError
		switch {
		case err == nil:
			r.marks.Add(1)
			return true, nil
		case errors.As(err, &refused) && m.Age+time.Since(begun) < r.settleTime():
			// It was sent just now, and may only be late.
			if err := pace.Sleep(ctx, time.Second); err != nil {
				return false, err
			}
			continue
		case errors.As(err, &refused):
			return false, nil
		case !errors.Is(err, ErrInDoubt):
			return false, err
		}
		if err := pace.Sleep(ctx, tries.pause()); err != nil {
			return false, err
		}
		if err := r.Target.ChatsAnswer(ctx); err != nil {
			return false, err
		}
		if tries.spent() {
			return false, nil
		}
	}
}
