package importer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
)

// MappingError stops a run in which so much is refused that the mapping is to
// blame rather than the messages.
type MappingError struct{ Rejected, Tried int64 }

func (e *MappingError) Error() string {
	return fmt.Sprintf("amoCRM refused %d of %d messages", e.Rejected, e.Tried)
}

// Hint says what to do.
func (e *MappingError) Hint() string {
	return "the mapping is the likely cause: amoimport parked list shows what was refused. Mend the queries or the config and run again with the same ledger: rows that changed go by themselves, the others after amoimport parked retry --reason rejected; nothing is lost"
}

// run is one run of the import.
type run struct {
	Options
	// durable outlives the run's context by a grace, for what must be written down.
	durable context.Context
	// begun is when this run could first have left no request under way: doubts
	// of earlier runs are counted from here.
	begun time.Time
	slots chan struct{}
	stop  context.CancelCauseFunc

	sends     atomic.Int64 // parts that were sent and answered, of all lanes
	opens     atomic.Int64 // chats that were opened
	links     atomic.Int64 // chats that were linked
	marks     atomic.Int64 // parts that were marked as read
	busy      atomic.Int64 // lanes that have something to send
	idle      func() bool  // nothing but those lanes has, or will have
	worstShow atomic.Int64 // worst delay from acceptance to visibility seen, nanoseconds
	order     atomic.Pointer[string]
	undecided sync.Map // msgids of edits that this run could not show to have come about

	watch watch // what is known of the legacy database
}

// learned names.
const (
	learnedDelay = "visibility_delay"
	learnedOrder = "history_order"
)

// Run does what is to be done: enrol, prepare, replay; with Follow again and again.
// Cancelling the context ends it cleanly: what waits is withdrawn, what was written
// is awaited and recorded. It then returns the context's cause, or nil when it
// followed and nothing is left to send.
func Run(ctx context.Context, o Options) error {
	asked := ctx // ends when the caller wants it
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	durable, undurable := context.WithCancel(context.WithoutCancel(ctx))
	defer undurable()
	r := &run{Options: o.withDefaults(), durable: durable, begun: time.Now(), stop: stop}
	defer context.AfterFunc(ctx, func() { time.AfterFunc(r.Grace, undurable) })()
	r.slots = make(chan struct{}, r.Lanes)
	r.Progress.count(func(f *Figures) { f.Started, f.Phase = r.begun, "enrol" })
	if err := r.recall(ctx); err != nil {
		return err
	}
	err := r.pass(ctx, time.Time{})
	switch {
	case err != nil:
	case r.Follow.Every > 0:
		err = r.followed(asked, r.follow(ctx))
	default:
		err = r.mark(ctx, time.Time{})
	}
	if err != nil {
		return cause(ctx, err)
	}
	r.Progress.count(func(f *Figures) { f.Phase = "done" })
	return nil
}

// pass brings over what is not there yet: of all legacy rows, or of those since a
// time, and what else is planned.
func (r *run) pass(ctx context.Context, since time.Time) error {
	found, err := r.enrol(ctx, since)
	if err != nil {
		return err
	}
	if err := r.looked(ctx, found); err != nil {
		return err
	}
	worked, err := r.replayAll(ctx)
	if err != nil {
		return err
	}
	if err := r.edit(ctx); err != nil {
		return err
	}
	return r.judge(ctx, found, worked)
}

// replayAll replays all that is planned, again while a person plans parked messages
// anew meanwhile. It says whether there was anything to do. The first time it
// settles what an earlier run left, though nothing may be planned.
func (r *run) replayAll(ctx context.Context) (worked bool, err error) {
	for settled := int64(-1); ; {
		works, err := r.Ledger.Works(ctx, r.Hold)
		if err != nil {
			return worked, err
		}
		now := r.Progress.Figures().settled()
		first := r.watch.passes == 0 && settled < 0
		if len(works) == 0 && !first || now == settled {
			return worked, nil
		}
		settled, worked = now, worked || len(works) > 0
		r.Progress.count(func(f *Figures) { f.Phase = "replay" })
		if err := r.replay(ctx, works); err != nil {
			return worked, err
		}
	}
}

// cause prefers the reason for which the run was stopped to what that caused.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil && !errors.Is(c, context.Canceled) {
		return c
	}
	return err
}

// recall takes from the ledger what earlier runs learned.
func (r *run) recall(ctx context.Context) error {
	delay, err := r.Ledger.Learned(ctx, learnedDelay)
	if err != nil {
		return err
	}
	if n, err := strconv.ParseInt(delay, 10, 64); err == nil {
		r.worstShow.Store(n)
	}
	order, err := r.Ledger.Learned(ctx, learnedOrder)
	if err != nil {
		return err
	}
	if order != "" {
		r.order.Store(&order)
	}
	return nil
}

// settleTime is how long after an attempt's end its message may still appear.
func (r *run) settleTime() time.Duration {
	return max(r.SettleTime, 2*time.Duration(r.worstShow.Load()))
}

// saw learns from a message that appeared some time after its attempt ended.
func (r *run) saw(delay time.Duration) {
	for {
		worst := r.worstShow.Load()
		if int64(delay) <= worst {
			return
		}
		if r.worstShow.CompareAndSwap(worst, int64(delay)) {
			break
		}
	}
	if err := r.Ledger.Learn(r.durable, learnedDelay, strconv.FormatInt(int64(delay), 10)); err != nil {
		r.Log.Warn().Err(err).Msg("could not record the visibility delay")
	}
}

// sawOrder learns in which order the server lists a history. Two answers that
// contradict each other mean that there is no order to rely on.
func (r *run) sawOrder(order string) {
	if order == "" {
		return
	}
	known := r.order.Load()
	if known != nil && *known == order {
		return
	}
	if known != nil {
		order = "none"
	}
	r.order.Store(&order)
	if err := r.Ledger.Learn(r.durable, learnedOrder, order); err != nil {
		r.Log.Warn().Err(err).Msg("could not record the order of histories")
	}
}

// newestFirst says whether histories are known to list the newest message first.
func (r *run) newestFirst() bool {
	order := r.order.Load()
	return order != nil && *order == OrderNewestFirst
}

// park parks all that is planned of a conversation.
func (r *run) park(work ledger.Work, code outcome.Code, detail string) error {
	n, err := r.Ledger.Park(r.durable, work.ID, code, detail)
	if err != nil {
		return err
	}
	r.Progress.count(func(f *Figures) { f.Parked += n })
	r.Log.Warn().Str("conversation", string(work.ID)).Str("reason", string(code)).Int64("messages", n).Msg("conversation parked")
	return nil
}

// minTried is how many messages must have been tried before their share of
// refusals says anything.
const minTried = 200

// rejected counts a refused message and stops the run when there are too many.
func (r *run) rejected() {
	var rejected, tried int64
	r.Progress.count(func(f *Figures) {
		f.Rejected++
		rejected, tried = f.Rejected, f.Sent+f.Rejected
	})
	if tried >= minTried && float64(rejected) > r.MaxRejected*float64(tried) {
		r.stop(&MappingError{Rejected: rejected, Tried: tried})
	}
}
