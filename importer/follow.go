package importer

import (
	"context"
	"errors"
	"time"

	"github.com/amoimport/amoimport/pace"
)

// Following is how a run goes on once all is replayed: it looks for news, and now
// and then at everything, until it is stopped.
type Following struct {
	Every     time.Duration // from one look for news to the next; 0: the run ends
	FullEvery time.Duration // from one pass over all rows to the next
}

const (
	// overlap is how far before the newest row that is known a look for news begins. A
	// row may come with an older time than one that was there before it: its
	// transaction took long to commit, or the clock of who wrote it is slow. Ten minutes
	// are more than either should be, and the rows of ten minutes are read in no time.
	// What comes later still is seen by the next pass over all rows.
	overlap = 10 * time.Minute
	// fullRest is for how long nothing is read in full after a full pass, in its own
	// lengths. A pass over all rows is hard work for a database that has clients to
	// serve, and where one message a minute arrives it would always be worth another:
	// so it may take a fifth of the time.
	fullRest = 4
)

// watch is what a run knows of the legacy database.
type watch struct {
	passes int64
	last   seen      // the last look
	full   seen      // the last at everything
	newest time.Time // sent_at of the newest row; zero: there is none
	quiet  bool      // the last look found nothing, and nothing is left to send
	ready  time.Time // as of then all is in amoCRM; zero: not proved
}

// looked takes down what a look found. News takes readiness away at once: to bring it
// over may take long.
func (r *run) looked(ctx context.Context, s seen) error {
	w := &r.watch
	w.last = s
	if s.full {
		w.full = s
	}
	if s.newest.After(w.newest) {
		w.newest = s.newest
	}
	if r.Follow.Every <= 0 {
		return nil
	}
	r.Progress.count(func(f *Figures) { f.Follow.Looked = s.began })
	behind, err := r.lag(ctx)
	if err != nil {
		return err
	}
	if !w.ready.IsZero() && (s.merged.New > 0 || behind > 0) {
		w.ready = time.Time{}
		r.Progress.count(func(f *Figures) { f.Follow.Ready = w.ready })
		r.Log.Info().Int64("behind", behind).Msg("there is news: no longer ready for cut-over")
	}
	return nil
}

// judge says whether all is ready for cut-over once a pass has brought over what it
// found. That is so as of the beginning of a full pass that began when all was sent
// and found nothing; a look for news that finds nothing leaves it at that.
func (r *run) judge(ctx context.Context, s seen, worked bool) error {
	w := &r.watch
	w.passes++
	if r.Follow.Every <= 0 {
		return nil
	}
	behind, err := r.lag(ctx)
	if err != nil {
		return err
	}
	w.quiet = !worked && s.merged.New == 0 && behind == 0
	if !w.quiet || !s.full {
		return nil
	}
	was := w.ready
	w.ready = s.began
	r.Progress.count(func(f *Figures) { f.Follow.Ready = w.ready })
	state, err := r.Ledger.Snapshot(ctx)
	if err != nil {
		return err
	}
	// Each time: who has stopped writing waits for one that is as of later than that.
	r.Log.Info().Time("as_of", w.ready).Int64("parked_in_all", state.Messages.Parked).Msg("ready for cut-over")
	if !was.IsZero() {
		return nil
	}
	return r.Ledger.Note(ctx, "ready", map[string]time.Time{"as_of": w.ready})
}

// lag counts what is known and not sent.
func (r *run) lag(ctx context.Context) (behind int64, err error) {
	lag, err := r.Ledger.Lag(ctx)
	r.Progress.count(func(f *Figures) {
		f.Follow.Behind, f.Follow.Oldest, f.Follow.settled = lag.Planned, lag.Oldest, f.settled()
	})
	return lag.Planned, err
}

// follow looks for news until the run ends.
func (r *run) follow(ctx context.Context) error {
	for {
		next := r.nextLook()
		if err := r.mark(ctx, next); err != nil {
			return err
		}
		r.Progress.count(func(f *Figures) { f.Phase = "follow" })
		if err := pace.Sleep(ctx, time.Until(next)); err != nil {
			return err
		}
		if err := r.pass(ctx, r.since()); err != nil {
			return err
		}
		// All that a quiet look leaves to do before it is ready: to compare all rows.
		if r.watch.quiet && r.watch.ready.IsZero() && r.rested() {
			if err := r.pass(ctx, time.Time{}); err != nil {
				return err
			}
		}
	}
}

// nextLook is when to look again. Looking takes half of the time at most, on a legacy
// database that must read all to find what is new.
func (r *run) nextLook() time.Time {
	s := r.watch.last
	next, rested := s.began.Add(r.Follow.Every), s.ended.Add(s.ended.Sub(s.began))
	if rested.After(next) {
		return rested
	}
	return next
}

// since is from where the next look reads; the zero time when it is to be a full one.
func (r *run) since() time.Time {
	w := r.watch
	if w.newest.IsZero() || r.rested() && time.Since(w.full.began) >= r.Follow.FullEvery {
		return time.Time{}
	}
	return w.newest.Add(-overlap)
}

// rested says that everything may be read again.
func (r *run) rested() bool {
	s := r.watch.full
	return time.Since(s.ended) >= fullRest*s.ended.Sub(s.began)
}

// followed is what becomes of the error that ended the following: nothing, where the
// run was asked to stop and nothing is left to send.
func (r *run) followed(asked context.Context, err error) error {
	c := context.Cause(asked)
	if c == nil || !errors.Is(err, c) && stoppedOr(asked, err) != nil {
		return err
	}
	works, failed := r.Ledger.Works(r.durable, r.Hold)
	if failed != nil || len(works) > 0 {
		return errors.Join(err, failed)
	}
	return nil
}
