package importer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
)

// follower is a run that follows, in the background of a test under virtual time.
type follower struct {
	*rig
	looks  *looks
	figure *importer.Progress
	tick   time.Duration // between two looks at what until waits for
	cancel context.CancelFunc
	ended  chan error
}

// looks notes when a run looked at the legacy database, and from where.
type looks struct {
	importer.Source
	mu   sync.Mutex
	full []time.Time
	news []time.Time
	slow time.Duration // what reading all keys takes
	away time.Time     // the legacy database is away until then
}

func (l *looks) Keys(ctx context.Context, since time.Time) iter.Seq2[source.Key, error] {
	return func(yield func(source.Key, error) bool) {
		l.mu.Lock()
		if since.IsZero() {
			l.full = append(l.full, time.Now())
		} else {
			l.news = append(l.news, time.Now())
		}
		slow, gone := l.slow, time.Now().Before(l.away)
		l.mu.Unlock()
		if gone {
			yield(source.Key{}, away{})
			return
		}
		if since.IsZero() && slow > 0 {
			<-time.After(slow)
		}
		l.Source.Keys(ctx, since)(yield)
	}
}

// goes takes the legacy database away for so long.
func (l *looks) goes(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = time.Now().Add(d)
}

func (l *looks) all() int {
	full, news := l.count()
	return full + news
}

func (l *looks) count() (full, news int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.full), len(l.news)
}

// follower is a run that will look every half minute, and at everything every hour.
func (r *rig) follower() *follower {
	f := &follower{rig: r, looks: &looks{}, figure: &importer.Progress{}, tick: time.Second, ended: make(chan error, 1)}
	r.options.Follow = importer.Following{Every: 30 * time.Second, FullEvery: time.Hour}
	r.options.Progress = f.figure
	r.reader = func(s importer.Source) importer.Source { f.looks.Source = s; return f.looks }
	return f
}

// follow starts such a run.
func (r *rig) follow() *follower {
	f := r.follower()
	f.start()
	return f
}

func (f *follower) start() {
	ctx, cancel := context.WithCancel(f.t.Context())
	f.cancel = cancel
	f.t.Cleanup(cancel)
	go func() { f.ended <- f.run(ctx) }()
}

func (f *follower) stand() importer.Follow { return f.figure.Figures().Follow }

// until waits for something to become true, at most for so long, and says how long
// it took.
func (f *follower) until(what string, most time.Duration, is func() bool) time.Duration {
	f.t.Helper()
	begun := time.Now()
	for !is() {
		select {
		case err := <-f.ended:
			f.t.Fatalf("waiting until %s: the run ended with %v", what, err)
		case <-time.After(f.tick):
		}
		if time.Since(begun) > most {
			f.t.Fatalf("after %s it is not so that %s; %+v", most, what, f.stand())
		}
	}
	return time.Since(begun)
}

func (f *follower) ready() bool { return !f.stand().Ready.IsZero() }

// arrived says whether so many messages are in amoCRM, and recorded.
func (f *follower) arrived(n int) func() bool {
	return func() bool {
		return f.world.Counters().Messages == n && f.stand().Behind == 0 && f.figure.Figures().Phase == "follow"
	}
}

// stop ends the run cleanly.
func (f *follower) stop() error {
	f.cancel()
	return <-f.ended
}

// comes inserts a message of a client.
func (r *rig) comes(conversation, id string, at time.Time) {
	r.t.Helper()
	r.queryAt(r.legacy, `insert into messages (conversation_id, id, sent_at, direction, text) values ($1, $2, $3, 'in', 'new')`, []any{conversation, id, at}, nil)
}

func (r *rig) requests() (n int) {
	for _, times := range r.world.Counters().Requests {
		n += times
	}
	return n
}

// TestFollow: a run that follows says when it is ready; rows, conversations and
// clients that come then arrive soon, once and in order; and while nothing is new it
// asks nothing of the APIs.
func TestFollow(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 6, 3), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice}, func(t *testing.T, r *rig) {
		f := r.follow()
		f.until("it is ready", 2*time.Minute, f.ready)
		if s := f.stand(); s.Behind != 0 || !s.Oldest.IsZero() || s.Ready.After(s.Looked) {
			t.Errorf("%+v", s)
		}
		full, _ := f.looks.count()
		ready, before := f.stand().Ready, r.requests()
		time.Sleep(30 * time.Minute)
		if more := r.requests() - before; more != 0 {
			t.Errorf("%d requests though nothing is new", more)
		}
		if again, news := f.looks.count(); again != full || news < 55 || !f.stand().Ready.Equal(ready) {
			t.Errorf("%d full passes more, %d looks; %+v", again-full, news, f.stand())
		}

		now := time.Now()
		r.comes("c1", "n2", now)
		r.comes("c1", "n1", now.Add(-time.Second))
		r.queryAt(r.legacy, `insert into conversations (id, client_id, client_name, client_phone) values
			('c7', 'p7', 'Client of c7', '+79120000007'), ('c9', 'p9', 'Client of c9', '+79120000009'), ('c8', 'pc1', 'Client of c1', '+79120000001'), ('c6', 'p6', 'Client of c1', '+7 912 000-00-01')`, nil, nil)
		for _, c := range []string{"c9", "c8", "c6"} {
			r.comes(c, "m1", now)
		}
		r.comes("c7", "m1", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)) // for the full pass
		f.until("it is no longer ready", time.Minute, func() bool { return !f.ready() })
		if took := f.until("five messages came", time.Minute, f.arrived(14)); took > 45*time.Second {
			t.Errorf("what is new took %s", took)
		}
		for _, c := range []string{"c8", "c6"} {
			if r.contactOf(c) != r.contactOf("c1") {
				t.Errorf("%s has another contact than c1, who is the same person", c)
			}
		}
		f.until("the full pass found the old row too", 2*time.Minute, f.arrived(15))
		f.until("it is ready again", 2*time.Minute, f.ready)
		if s := f.stand(); !s.Ready.After(now) {
			t.Errorf("ready as of %s", s.Ready)
		}
		if n := len(r.living()); n != 4 {
			t.Errorf("%d contacts for 4 people", n)
		}
		if err := f.stop(); err != nil {
			t.Errorf("with nothing left to send it ended with %v", err)
		}
		r.complete()
		r.knowsIDs()
		if c := r.world.Counters(); c.Repeats != 0 {
			t.Errorf("%d repeats", c.Repeats)
		}
	})
}

// TestFollowLateRows: a row with an old time comes with the next full pass, one from
// far ahead hides nothing, and transactions that commit minutes late are seen.
func TestFollowLateRows(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 6), sandbox.Options{}, func(t *testing.T, r *rig) {
		f := r.follow()
		f.until("it is ready", 2*time.Minute, f.ready)
		r.comes("c1", "ahead", time.Date(2098, 1, 1, 0, 0, 0, 0, time.UTC))
		f.until("the row from the future is there", time.Minute, f.arrived(7))
		f.until("it is ready", 2*time.Minute, f.ready)
		r.comes("c1", "now", time.Now())
		if took := f.until("the next row is there", 10*time.Minute, f.arrived(8)); took > time.Minute {
			t.Errorf("it took %s", took)
		}
		f.until("it is ready", 2*time.Minute, f.ready)
		r.comes("c1", "commits late", time.Now().Add(-8*time.Minute))
		if took := f.until("that one too", 10*time.Minute, f.arrived(9)); took > time.Minute {
			t.Errorf("it took %s", took)
		}
		f.until("it is ready", 2*time.Minute, f.ready)
		full, _ := f.looks.count()
		r.comes("c1", "old", time.Date(2021, 3, 1, 10, 0, 2, 5e6, time.UTC))
		time.Sleep(20 * time.Minute)
		if n := r.world.Counters().Messages; n != 9 || !f.ready() {
			t.Errorf("%d messages, ready %v", n, f.ready())
		}
		f.until("the old row is there", time.Hour, f.arrived(10))
		if again, _ := f.looks.count(); again != full+1 {
			t.Errorf("it took %d full passes", again-full)
		}
		f.until("it is ready again", 2*time.Minute, f.ready)
		if err := f.stop(); err != nil {
			t.Error(err)
		}
		r.complete()
	})
}

// TestFollowHeld: what waits behind a parked message keeps the run from being ready,
// until its row is deleted; a parked message alone does not.
func TestFollowHeld(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 3), sandbox.Options{}, func(t *testing.T, r *rig) {
		r.options.Hold = true
		f := r.follow()
		f.until("it is ready", 2*time.Minute, f.ready)
		r.comes("c1", "bad", time.Now())
		r.comes("c1", "held", time.Now().Add(time.Second))
		r.legacyExec(`update messages set kind = 'foto' where id = 'bad'`)
		time.Sleep(10 * time.Minute)
		if s := f.stand(); f.ready() || s.Behind != 1 || s.Lag < 500 || s.Lag > 700 {
			t.Errorf("%+v", s)
		}
		r.legacyExec(`delete from messages where id = 'held'`)
		f.until("it is ready", 2*time.Hour, f.ready)
		if r.reasons()[string(outcome.DeletedInLegacy)] != 1 || r.snapshot().Messages.Parked != 1 {
			t.Errorf("%v", r.reasons())
		}
		if err := f.stop(); err != nil {
			t.Error(err)
		}
		r.complete()
	})
}

// TestFollowStopped: asked to stop, a run that follows ends with the reason where
// something is left to send. Another goes on.
func TestFollowStopped(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 200), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice}, func(t *testing.T, r *rig) {
		f := r.follow()
		f.until("some are there", time.Minute, func() bool { return r.world.Counters().Messages > 20 })
		if err := f.stop(); !errors.Is(err, context.Canceled) {
			t.Errorf("in the first pass: %v", err)
		}
		f = r.follow()
		f.until("it is ready", 5*time.Minute, f.ready)
		r.legacyExec(`insert into messages (conversation_id, id, sent_at, direction, text)
			select 'c1', 'n' || g, timestamptz '2023-01-01+00' + g * interval '1 s', 'in', 'x' from generate_series(1, 100) g`)
		f.until("news is under way", 2*time.Hour, func() bool { return r.world.Counters().Messages > 250 })
		if s := f.stand(); f.ready() || s.Behind < 10 || s.Behind > 50 {
			t.Errorf("%+v", s)
		}
		if err := f.stop(); !errors.Is(err, context.Canceled) {
			t.Errorf("with something to send: %v", err)
		}
		f = r.follow()
		f.until("it is ready", 5*time.Minute, f.ready)
		if err := f.stop(); err != nil {
			t.Errorf("with nothing to send: %v", err)
		}
		r.complete()
		if c := r.world.Counters(); c.Messages != 300 || c.Repeats != 0 {
			t.Errorf("%d messages, %d repeats", c.Messages, c.Repeats)
		}
	})
}

// TestFollowChanges: a few edits of new rows stop nothing, though they are many of
// those that a look for news sees; too many of all do, and so do clashing ids.
func TestFollowChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		then string
		want func(error) bool
	}{
		"changed": {`update messages set text = 'other' where id in (select id from messages where id like 'm%' order by id limit 11)`, func(err error) bool {
			var changed *ledger.ChangedError
			return errors.As(err, &changed) && changed.Changed == 12 && changed.Sent == 43
		}},
		"gone": {`delete from messages where direction is not null`, func(err error) bool {
			var changed *ledger.ChangedError
			return errors.As(err, &changed) && changed.Gone == 43
		}},
		"clash": {`insert into messages (conversation_id, id, sent_at, direction, text) values ('c1', '1', now() + interval '200 years', 'in', 'x'), ('c2', '1', now() + interval '200 years', 'in', 'x')`,
			func(err error) bool {
				var clash *ledger.ClashError
				return errors.As(err, &clash)
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, legacy(t, 40), sandbox.Options{}, func(t *testing.T, r *rig) {
				if name == "clash" {
					r.options.Compose.IDs.Message = "imp1-{id}"
				}
				f := r.follow()
				for i := range 3 {
					r.comes("c1", fmt.Sprint("n", i), time.Now())
				}
				f.until("it is ready", 2*time.Minute, f.ready)
				r.legacyExec(`update messages set text = 'other' where id = 'n1'`)
				f.until("the edit is seen", time.Minute, func() bool { return r.snapshot().Edited == 1 })
				r.legacyExec(c.then)
				if err := <-f.ended; !c.want(err) {
					t.Errorf("it ended with %v", err)
				}
				if n := r.world.Counters().Messages; n != 43 {
					t.Errorf("%d messages", n)
				}
			})
		})
	}
}

// TestFollowSparesTheSource: where a message comes again and again, all rows are
// compared for a fifth of the time at most.
func TestFollowSparesTheSource(t *testing.T) {
	t.Parallel()
	const slow = 200 * time.Millisecond
	r := newRig(t, legacy(t, 5), sandbox.Options{})
	f := r.follower()
	f.looks.slow, f.tick = slow, time.Millisecond
	r.options.Follow.Every = 10 * time.Millisecond
	begun := time.Now()
	f.start()
	for i := 0; time.Since(begun) < 25*slow; i++ {
		f.until("what came is there", time.Minute, f.arrived(5+i))
		before := f.looks.all()
		f.until("it has found nothing", time.Minute, func() bool { return f.looks.all() >= before+2 })
		r.comes("c1", fmt.Sprint("n", i), time.Now())
	}
	f.until("it is ready", time.Minute, f.ready)
	full, _ := f.looks.count()
	if most := int(time.Since(begun)/(5*slow)) + 1; full > most {
		t.Errorf("%d full passes of %s in %s", full, slow, time.Since(begun))
	}
	if err := f.stop(); err != nil {
		t.Error(err)
	}
}

// TestFollowOutages: neither a legacy database nor an API that is away for long ends
// the following.
func TestFollowOutages(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 5), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice}, func(t *testing.T, r *rig) {
		var until atomic.Pointer[time.Time]
		r.on(func(req *http.Request) *http.Response {
			if strings.Contains(req.URL.Path, "/origin/") && until.Load() != nil && time.Now().Before(*until.Load()) {
				return answer(req, 503, "")
			}
			return nil
		})
		f := r.follow()
		f.until("it is ready", 2*time.Minute, f.ready)
		f.looks.goes(time.Hour)
		f.until("it is told", 5*time.Minute, func() bool { return f.figure.Figures().Waiting != "" })
		r.comes("c1", "n1", time.Now())
		f.until("it is there", 2*time.Hour, f.arrived(6))
		back := time.Now().Add(time.Hour)
		until.Store(&back)
		r.comes("c1", "n2", time.Now())
		f.until("it is there", 2*time.Hour, f.arrived(7))
		f.until("it is ready", 2*time.Hour, f.ready)
		if err := f.stop(); err != nil {
			t.Error(err)
		}
		r.complete()
		if c := r.world.Counters(); c.Repeats != 0 {
			t.Errorf("%d repeats", c.Repeats)
		}
	})
}

// away is what a legacy database says that will be back.
type away struct{}

func (away) Error() string   { return "away" }
func (away) Temporary() bool { return true }
