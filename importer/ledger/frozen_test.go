package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/jackc/pgx/v5"
)

// impatient is a DSN whose statements fail rather than wait for ever.
func impatient(dsn string) string {
	if strings.Contains(dsn, "?") {
		return dsn + "&statement_timeout=20000"
	}
	return dsn + "?statement_timeout=20000"
}

// locks counts who writes to a table. Other databases of the server have tables of the
// same numbers.
func (b *bench) locks(table string) int {
	b.t.Helper()
	return len(b.texts(`select 'x' from pg_locks where database = (select oid from pg_database where datname = current_database())
		and relation = ('amoimport.' || $1::text)::regclass and mode = 'RowExclusiveLock' and granted`, table))
}

// TestFrozenHolder freezes the holder in the middle of its work, where it has locks
// in Postgres: a newcomer gets the ledger nevertheless, and the holder, when it
// wakes, records nothing.
func TestFrozenHolder(t *testing.T) {
	t.Parallel()
	learn := func(ctx context.Context, b *bench) error { return b.Learn(ctx, "name", "of the frozen one") }
	for name, c := range map[string]struct {
		at   string // what it is about to write
		half bool   // and writes all but its end
		work func(ctx context.Context, b *bench) error
	}{
		"in a transaction": {at: `".learned`, work: learn},
		"at its commit":    {at: "commit", work: learn},
		"in the middle of a batch": {at: "announced_msgid", half: true, work: func(ctx context.Context, b *bench) error {
			return b.Commit(ctx, ledger.Change{Conversation: "1", LastMsgID: "of the frozen one"})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := emptyLedger(t)
			synctest.Test(t, func(t *testing.T) {
				f := &frost{}
				l, err := ledger.Connect(t.Context(), ledger.Options{DSN: dsn, Dial: f.dial})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				defer f.end()
				lost := acquire(t, l, stranger())
				if err := l.Settle(t.Context(), setup()); err != nil {
					t.Fatal(err)
				}
				holder := &bench{Ledger: l, t: t, convs: []ledger.EnrolledConversation{conv("1")}, keys: []ledger.EnrolledKey{key("1", "1", 0)}}
				f.at, f.half = []byte(c.at), c.half
				worked := make(chan error, 1)
				go func() { worked <- c.work(t.Context(), holder) }()

				time.Sleep(6 * time.Second)
				if err := lost.Confirm(t.Context()); !errors.Is(err, ledger.ErrUnconfirmed) {
					t.Errorf("the frozen holder may still send: %v", err)
				}
				next := connect(t, impatient(dsn))
				begun := time.Now()
				acquire(t, next, ledger.Self("test"))
				if took := time.Since(begun); took < ledger.MinLeaseTime {
					t.Errorf("taken after %s", took)
				}
				newcomer := &bench{Ledger: next, t: t, conn: around(t, dsn), convs: holder.convs, keys: holder.keys}
				if err := next.Settle(t.Context(), setup()); err != nil {
					t.Fatal(err)
				}
				newcomer.enrol()

				f.thaw()
				if err := <-worked; !errors.Is(err, ledger.ErrLeaseLost) {
					t.Errorf("the holder's work ended with %v", err)
				}
				if err := lost.Await(t.Context()); !errors.Is(err, ledger.ErrLeaseLost) {
					t.Errorf("the holder's lease: %v", err)
				}
				if got, err := next.Learned(t.Context(), "name"); err != nil || got != "" {
					t.Errorf("the holder recorded %q, %v", got, err)
				}
				newcomer.adds(1)
			})
		})
	}
}

// TestHalfBatch: the network goes away in the middle of a commit, and for longer than
// anybody waits. Postgres keeps the locks of what it has got so far; the commit is
// repeated nevertheless.
func TestHalfBatch(t *testing.T) {
	t.Parallel()
	dsn := emptyLedger(t)
	synctest.Test(t, func(t *testing.T) {
		f := &frost{}
		l, err := ledger.Connect(t.Context(), ledger.Options{DSN: impatient(dsn), Dial: f.dial})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		defer f.end()
		acquire(t, l, stranger())
		if err := l.Settle(t.Context(), setup()); err != nil {
			t.Fatal(err)
		}
		b := &bench{Ledger: l, t: t, conn: around(t, dsn), convs: []ledger.EnrolledConversation{conv("1")}, keys: []ledger.EnrolledKey{key("1", "1", 0)}}
		b.enrol()
		f.at, f.half = []byte("announced_msgid"), true
		committed := make(chan error, 1)
		go func() {
			committed <- b.Commit(t.Context(), ledger.Change{Conversation: "1", LastMsgID: "1-1", Settled: []ledger.Settled{settled(b.keys[0])}})
		}()
		time.Sleep(time.Minute)
		n := 0
		for range 10_000 { // Postgres takes what it got in its own time, which is not this test's
			if n = b.locks("conversation"); n == 1 {
				break
			}
		}
		if n != 1 {
			t.Fatalf("%d transactions are cut in the middle", n)
		}
		f.thaw()
		if err := <-committed; err != nil {
			t.Error(err)
		}
		if got := b.states()["1/1"]; got != "sent" {
			t.Errorf("the message is %s", got)
		}
	})
}

// TestFrozenCopy: a process that is frozen while it copies keys keeps its locks, for
// Postgres waits for its rows without end. Who takes the ledger over ends it, whatever
// he came for.
func TestFrozenCopy(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]func(*bench) error{
		"enrol": func(b *bench) error { b.enrol(); b.adds(1); return nil },
		"purge": func(b *bench) error { return b.Purge(b.t.Context()) },
		"erase": func(b *bench) error { return b.Erase(b.t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := emptyLedger(t)
			b := &bench{Ledger: connect(t, impatient(dsn)), t: t, conn: around(t, dsn),
				convs: []ledger.EnrolledConversation{conv("1")}, keys: []ledger.EnrolledKey{key("1", "1", 0)}}
			rows, frozen := io.Pipe() // nothing is ever written to it
			defer frozen.Close()
			copied := make(chan error, 1)
			go func() {
				conn, err := pgx.Connect(context.Background(), dsn)
				if err == nil {
					defer conn.Close(context.Background())
					_, err = conn.PgConn().CopyFrom(context.Background(), rows, "copy amoimport.enrol_key from stdin")
				}
				copied <- err
			}()
			for deadline := time.Now().Add(20 * time.Second); b.locks("enrol_key") == 0; {
				if time.Now().After(deadline) {
					t.Fatal("nobody copies")
				}
			}
			acquire(t, b.Ledger, ledger.Self("test"))
			if err := b.Settle(t.Context(), setup()); err != nil {
				t.Fatal(err)
			}
			if err := work(b); err != nil {
				t.Fatal(err)
			}
			frozen.Close()
			if err := <-copied; err == nil {
				t.Error("the copy went on")
			}
		})
	}
}

// TestFrozenDecision: a process that is frozen while it records a person's decision has
// locked the messages that this is about. Who writes to them waits only until Postgres
// ends the other.
func TestFrozenDecision(t *testing.T) {
	t.Parallel()
	dsn := emptyLedger(t)
	b := &bench{Ledger: connect(t, impatient(dsn)), t: t, conn: around(t, dsn),
		convs: []ledger.EnrolledConversation{conv("1")}, keys: []ledger.EnrolledKey{key("1", "1", 0)}}
	acquire(t, b.Ledger, ledger.Self("test"))
	if err := b.Settle(t.Context(), setup()); err != nil {
		t.Fatal(err)
	}
	b.enrol()
	if _, err := b.Park(t.Context(), "1", outcome.Rejected, ""); err != nil {
		t.Fatal(err)
	}
	f := &frost{at: []byte("commit")}
	person, err := ledger.Connect(t.Context(), ledger.Options{DSN: dsn, Dial: f.dial})
	if err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	defer f.end()
	ctx, cancel := context.WithCancel(t.Context())
	decided := make(chan struct{})
	go func() {
		defer close(decided)
		_, _ = person.Retry(ctx, ledger.Selection{}) // it fails, as its process was as good as dead
	}()
	defer func() { cancel(); <-decided }()
	for deadline := time.Now().Add(20 * time.Second); !f.isFrozen(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("nobody decides")
		}
	}
	if err := b.Purge(t.Context()); err != nil {
		t.Error(err)
	}
	if got := b.states()["1/1"]; got != "parked rejected" {
		t.Errorf("the message is %s", got)
	}
}

// pausing waits before it writes something for the first time.
type pausing struct {
	net.Conn
	at   []byte
	wait func()
}

func (p *pausing) Write(b []byte) (int, error) {
	if bytes.Contains(b, p.at) {
		p.wait()
		// Over TCP a write to a peer that has gone succeeds, and what the peer said
		// last is read; over a socket of this machine the write would tell first.
		_, _ = p.Conn.Write(b)
		return len(b), nil
	}
	return p.Conn.Write(b)
}

// TestShortFreeze: a process stands still in a transaction until Postgres ends that.
// Nobody took the ledger over, so it does its work again and goes on.
func TestShortFreeze(t *testing.T) {
	t.Parallel()
	dsn := emptyLedger(t)
	conn := around(t, dsn)
	var once sync.Once
	l, err := ledger.Connect(t.Context(), ledger.Options{DSN: dsn, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &pausing{c, []byte(`".learned`), func() {
			once.Do(func() {
				b := &bench{t: t, conn: conn}
				for len(b.texts(`select 'x' || pg_sleep(0.05) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`)) > 0 {
				}
			})
		}}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	acquire(t, l, ledger.Self("test"))
	if err := l.Learn(t.Context(), "name", "value"); err != nil {
		t.Error(err)
	}
	if got, err := l.Learned(t.Context(), "name"); err != nil || got != "value" {
		t.Errorf("%q, %v", got, err)
	}
}
