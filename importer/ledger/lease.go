package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrUnconfirmed means that the lease was not confirmed in the last seconds: the
// ledger's database is slow or away, and nothing may be written until it answers.
var ErrUnconfirmed = errors.New("the lease on the ledger is not confirmed")

const (
	beatEvery = time.Second
	// beatMost is the pause between two beats while Postgres does not answer.
	beatMost = 5 * time.Second
	// fresh is how long a confirmed beat allows requests to be written. A
	// newcomer waits for the whole lease time, which is longer.
	fresh = 5 * time.Second
	// MinLeaseTime keeps the lease time above fresh and what it takes to connect
	// after the last look at the lease.
	MinLeaseTime = 20 * time.Second
)

// Holder is the process that holds a ledger.
type Holder struct {
	Command      string
	Host         string
	BootID       string
	PIDNamespace string
	PID          int
	Started      string // the process's start, in the kernel's words; "" where it does not say
}

// HeldError refuses a second run: another process holds the ledger.
type HeldError struct {
	Holder Holder
	Since  time.Time
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("another run holds the ledger: %s, process %d on %s, since %s",
		e.Holder.Command, e.Holder.PID, e.Holder.Host, e.Since.UTC().Format(time.RFC3339))
}

// Hint says what to do.
func (e *HeldError) Hint() string {
	return "wait for it to end, or stop it with SIGTERM; a run that died is taken over after the lease time"
}

// Lease is the right to write to a ledger and, through it, to amoCRM.
type Lease struct {
	ledger *Ledger
	epoch  int64
	cancel context.CancelFunc
	done   chan struct{}

	mu        sync.Mutex
	confirmed moment // when the last good beat was begun
	silent    bool   // the last beat got no answer
	lost      bool
	changed   chan struct{} // closed and replaced at each beat
	figures   func() any
}

// moment is a point in time on both clocks of the machine.
type moment struct{ monotonic, wall time.Time }

func (l *Ledger) now() moment { return moment{time.Now(), l.wall().Round(0)} }

// since is how much time has passed. The monotonic clock stands still while a
// machine sleeps, the wall clock can be set: the one that says more is believed.
func (m moment) since(earlier moment) time.Duration {
	return max(m.monotonic.Sub(earlier.monotonic), m.wall.Sub(earlier.wall))
}

// Acquire takes the ledger for self and keeps it until Release. It waits up to
// leaseTime to see whether a holder still lives; a living one is a *HeldError.
// figures, if not nil, is asked for what status shall show, about once a second.
func (l *Ledger) Acquire(ctx context.Context, self Holder, leaseTime time.Duration, figures func() any) (*Lease, error) {
	leaseTime = max(leaseTime, MinLeaseTime)
	var seen leaseRow
	tried := int64(-1) // epoch of a take whose answer was lost
	since := time.Now()
	for first := true; ; first = false {
		var row leaseRow
		err := l.read(ctx, "read the ledger's lease", func() error { return row.scan(l.pool.QueryRow(ctx, l.statement("read_lease"))) })
		if err != nil {
			return nil, err
		}
		if tried >= 0 && row.Held && row.Epoch == tried+1 && row.Holder == self {
			return l.hold(ctx, row.Epoch, l.now(), figures), nil
		}
		if row.Held && !row.Holder.dead(self) {
			switch {
			case first:
				seen, since = row, time.Now()
			case row.Epoch != seen.Epoch || row.Beat != seen.Beat:
				return nil, &HeldError{Holder: row.Holder, Since: row.TakenAt}
			}
			if time.Since(since) < leaseTime {
				l.waiting("another run seems to hold the ledger; waiting to see whether it lives")
				select {
				case <-ctx.Done():
					return nil, l.fail("take the ledger", ctx.Err())
				case <-time.After(beatEvery / 2):
				}
				continue
			}
		}
		l.waiting("")
		begun := l.now()
		var epoch int64
		// Who is dead, or silent for so long, may have left locks.
		if _, err = l.pool.Exec(ctx, l.statement("end_stuck")); err == nil {
			err = l.pool.QueryRow(ctx, l.statement("take_lease"), row.Epoch, row.Beat,
				self.Command, self.Host, self.BootID, self.PIDNamespace, self.PID, self.Started).Scan(&epoch)
		}
		if errors.Is(err, pgx.ErrNoRows) { // somebody was quicker
			continue
		}
		if err != nil {
			if ctx.Err() == nil && passing(err) {
				tried = row.Epoch // the take may have been recorded
				select {
				case <-ctx.Done():
				case <-time.After(beatEvery / 2):
				}
				continue
			}
			return nil, l.fail("take the ledger", err)
		}
		return l.hold(ctx, epoch, begun, figures), nil
	}
}

// hold begins to keep a lease that was taken.
func (l *Ledger) hold(ctx context.Context, epoch int64, confirmed moment, figures func() any) *Lease {
	lease := &Lease{ledger: l, epoch: epoch, confirmed: confirmed, done: make(chan struct{}), changed: make(chan struct{}), figures: figures}
	beating, cancel := context.WithCancel(context.WithoutCancel(ctx))
	lease.cancel = cancel
	l.lease = lease
	go lease.keep(beating)
	return lease
}

// keep beats until it is cancelled or the lease is lost.
func (s *Lease) keep(ctx context.Context) {
	defer close(s.done)
	defer s.answer(nil)
	pause := beatEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		figures := []byte("{}")
		if s.figures != nil {
			if b, err := json.Marshal(s.figures()); err == nil {
				figures = b
			}
		}
		begun := s.ledger.now()
		attempt, cancel := context.WithTimeout(ctx, fresh)
		tag, err := s.ledger.pool.Exec(attempt, s.ledger.statement("beat"), s.epoch, string(figures))
		cancel()
		switch {
		case err != nil: // unconfirmed until Postgres answers
			pause = min(2*pause, beatMost)
			s.mu.Lock()
			s.silent = true
			s.mu.Unlock()
		case tag.RowsAffected() == 0:
			s.lose()
			return
		default:
			pause = beatEvery
			s.answer(&begun)
		}
	}
}

// answer takes down that Postgres answers, and since when it confirms the lease.
func (s *Lease) answer(confirmed *moment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = false
	if confirmed != nil {
		s.confirmed = *confirmed
	}
	s.wake()
}

// answered waits while beats get no answer: in an outage they alone ask, and all
// others wait for them, which tell is called for.
func (s *Lease) answered(ctx context.Context, tell func()) error {
	for {
		s.mu.Lock()
		silent, lost, changed := s.silent, s.lost, s.changed
		s.mu.Unlock()
		switch {
		case lost:
			return ErrLeaseLost
		case !silent:
			return nil
		}
		tell()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// wake tells all that wait in Await; the caller holds mu.
func (s *Lease) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Lease) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.lost {
		s.lost = true
		s.wake()
		// Nothing may be recorded any more, so nobody need wait for an answer.
		s.ledger.wires.cut()
		s.ledger.pool.Reset()
	}
}

// Confirm is nil when the lease was confirmed so lately that a request may be
// written now, ErrUnconfirmed when it was not, and ErrLeaseLost when it is gone.
// It is the last thing before every request.
func (s *Lease) Confirm(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost {
		return ErrLeaseLost
	}
	if s.ledger.now().since(s.confirmed) > fresh {
		return ErrUnconfirmed
	}
	return nil
}

// Await waits until the lease is confirmed again, or lost.
func (s *Lease) Await(ctx context.Context) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if err := s.Confirm(ctx); !errors.Is(err, ErrUnconfirmed) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// Do makes a call, and again when its request was held back only because the lease was
// not confirmed at that moment. Without a lease nothing holds requests back.
func (s *Lease) Do(ctx context.Context, call func(context.Context) error) error {
	for {
		err := call(ctx)
		if s == nil || !errors.Is(err, ErrUnconfirmed) {
			return err
		}
		if lost := s.Await(ctx); lost != nil {
			return errors.Join(err, lost)
		}
	}
}

// Release gives the ledger back, so that the next run starts at once.
func (s *Lease) Release(ctx context.Context) error {
	s.cancel()
	<-s.done
	figures := []byte("{}")
	if s.figures != nil {
		if b, err := json.Marshal(s.figures()); err == nil {
			figures = b
		}
	}
	_, err := s.ledger.pool.Exec(ctx, s.ledger.statement("release_lease"), s.epoch, string(figures))
	if err != nil {
		return s.ledger.fail("release the ledger", err)
	}
	return nil
}

type leaseRow struct {
	Epoch, Beat int64
	Held        bool
	Holder      Holder
	TakenAt     time.Time
}

func (r *leaseRow) scan(row pgx.Row) error {
	var taken *time.Time
	err := row.Scan(&r.Epoch, &r.Beat, &r.Held, &r.Holder.Command, &r.Holder.Host, &r.Holder.BootID,
		&r.Holder.PIDNamespace, &r.Holder.PID, &r.Holder.Started, &taken)
	if taken != nil {
		r.TakenAt = *taken
	}
	return err
}
