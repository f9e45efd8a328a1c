package ledger_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/source"
)

// stranger is a process of another machine.
func stranger() ledger.Holder {
	return ledger.Holder{Command: "amoimport run", Host: "elsewhere", BootID: "other", PIDNamespace: "other", PID: 7, Started: "1"}
}

// TestAcquire takes a ledger that a holder left in some state.
func TestAcquire(t *testing.T) {
	gone := ledger.Self("amoimport run")
	gone.Started = "1" // another process has the number by now
	for name, c := range map[string]struct {
		left  string // a statement
		args  []any
		takes time.Duration
	}{
		"fresh":    {left: "select 1"},
		"released": {left: "update amoimport.lease set epoch = 4, beat = 9, held = false, command = 'amoimport run'"},
		"stands still": {takes: ledger.MinLeaseTime,
			left: "update amoimport.lease set epoch = 4, beat = 9, held = true, command = 'amoimport run', host = 'elsewhere', beat_at = now()"},
		"stands still since long": {takes: ledger.MinLeaseTime, // but who knows whose clock is right
			left: "update amoimport.lease set epoch = 4, held = true, beat_at = now() - interval '1 day', boot_id = 'other', pid = 7, started = '1'"},
		"died here": {left: "update amoimport.lease set epoch = 4, held = true, boot_id = $1, pid_namespace = $2, pid = $3, started = $4",
			args: []any{gone.BootID, gone.PIDNamespace, gone.PID, gone.Started}},
	} {
		dsn := emptyLedger(t)
		exec(t, around(t, dsn), c.left, c.args...)
		synctest.Test(t, func(t *testing.T) {
			l := connect(t, dsn)
			begun := time.Now()
			lease := acquire(t, l, ledger.Self("test"))
			if took := time.Since(begun); took < c.takes || took > c.takes+time.Second {
				t.Errorf("%s: taken after %s", name, took)
			}
			if err := lease.Confirm(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := l.Settle(t.Context(), setup()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// TestHeld refuses a second run while the first lives, and not after its end.
func TestHeld(t *testing.T) {
	dsn := emptyLedger(t)
	synctest.Test(t, func(t *testing.T) {
		first := acquire(t, connect(t, dsn), stranger())
		second := connect(t, dsn)
		begun := time.Now()
		_, err := second.Acquire(t.Context(), ledger.Self("test"), ledger.MinLeaseTime, nil)
		var held *ledger.HeldError
		if !errors.As(err, &held) || held.Holder != stranger() || held.Since.IsZero() {
			t.Fatalf("error %v", err)
		}
		for _, word := range []string{"amoimport run", "elsewhere", "7"} {
			if !strings.Contains(held.Error(), word) {
				t.Errorf("%q does not name %s", held.Error(), word)
			}
		}
		if held.Hint() == "" {
			t.Error("no hint")
		}
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("refused after %s", took)
		}
		if err := first.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		begun = time.Now()
		acquire(t, second, ledger.Self("test"))
		if took := time.Since(begun); took > time.Second {
			t.Errorf("taken after %s", took)
		}
	})
}

// TestFence lets a second run take over from a first that lives on.
func TestFence(t *testing.T) {
	dsn := emptyLedger(t)
	synctest.Test(t, func(t *testing.T) {
		dead := ledger.Self("amoimport run")
		dead.Started = "1"
		first := connect(t, dsn)
		lost := acquire(t, first, dead)
		b := &bench{Ledger: first, t: t, conn: around(t, dsn), convs: []ledger.EnrolledConversation{conv("1")}, keys: []ledger.EnrolledKey{key("1", "1", 0)}}
		if err := first.Settle(t.Context(), setup()); err != nil {
			t.Fatal(err)
		}
		b.enrol()

		second := connect(t, dsn)
		acquire(t, second, ledger.Self("test"))
		change := ledger.Change{Conversation: "1", Settled: []ledger.Settled{settled(b.keys[0])}}
		for name, write := range map[string]func() error{
			"Commit":     func() error { return first.Commit(t.Context(), change) },
			"SetChat":    func() error { return first.SetChat(t.Context(), "1", "chat") },
			"SetLink":    func() error { return first.SetLink(t.Context(), "1", 1, 2) },
			"SetContact": func() error { return first.SetContact(t.Context(), 1, 2, ledger.ByPhone) },
			"Learn":      func() error { return first.Learn(t.Context(), "name", "value") },
			"Note":       func() error { return first.Note(t.Context(), "kind", 1) },
			"Settle":     func() error { return first.Settle(t.Context(), setup()) },
			"Park":       func() error { _, err := first.Park(t.Context(), "1", "rejected", ""); return err },
			"OpenBatch":  func() error { _, err := first.OpenBatch(t.Context(), 1, nil); return err },
			"CloseBatch": func() error { return first.CloseBatch(t.Context(), 1, nil) },
			"Enrol":      func() error { _, err := first.Enrol(t.Context(), b.pass()); return err },
		} {
			if err := write(); !errors.Is(err, ledger.ErrLeaseLost) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := lost.Confirm(t.Context()); !errors.Is(err, ledger.ErrLeaseLost) {
			t.Errorf("Confirm: %v", err)
		}
		if err := lost.Await(t.Context()); !errors.Is(err, ledger.ErrLeaseLost) {
			t.Errorf("Await: %v", err)
		}
		if got := b.states(); got["1/1"] != "planned" {
			t.Errorf("message 1 is %q", got["1/1"])
		}
		if err := lost.Release(t.Context()); err != nil {
			t.Errorf("Release: %v", err)
		}
		if err := second.Commit(t.Context(), change); err != nil {
			t.Errorf("the second run cannot write: %v", err)
		}
	})
}

// TestBeatFindsLoss does not write: the beat alone finds out.
func TestBeatFindsLoss(t *testing.T) {
	dsn := emptyLedger(t)
	synctest.Test(t, func(t *testing.T) {
		lease := acquire(t, connect(t, dsn), stranger())
		exec(t, around(t, dsn), "update amoimport.lease set epoch = epoch + 1, beat = 0, command = 'another'")
		time.Sleep(1500 * time.Millisecond)
		if err := lease.Confirm(t.Context()); !errors.Is(err, ledger.ErrLeaseLost) {
			t.Error(err)
		}
	})
}

// TestUnconfirmed takes the lease's table away for a while.
func TestUnconfirmed(t *testing.T) {
	dsn := emptyLedger(t)
	synctest.Test(t, func(t *testing.T) {
		conn := around(t, dsn)
		lease := acquire(t, connect(t, dsn), stranger())
		exec(t, conn, "alter table amoimport.lease rename to lease_away")
		time.Sleep(4 * time.Second)
		if err := lease.Confirm(t.Context()); err != nil {
			t.Errorf("after 4 s: %v", err)
		}
		time.Sleep(2 * time.Second)
		if err := lease.Confirm(t.Context()); !errors.Is(err, ledger.ErrUnconfirmed) {
			t.Errorf("after 6 s: %v", err)
		}
		short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := lease.Await(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Await: %v", err)
		}
		waited := make(chan error)
		go func() { waited <- lease.Await(t.Context()) }()
		time.Sleep(2 * time.Second)
		select {
		case err := <-waited:
			t.Fatalf("Await came back: %v", err)
		default:
		}
		exec(t, conn, "alter table amoimport.lease_away rename to lease")
		if err := <-waited; err != nil {
			t.Errorf("Await: %v", err)
		}
		if err := lease.Confirm(t.Context()); err != nil {
			t.Errorf("Confirm: %v", err)
		}
	})
}

// TestFigures shows what the holder says of itself, during and after.
func TestFigures(t *testing.T) {
	dsn := emptyLedger(t)
	synctest.Test(t, func(t *testing.T) {
		l := connect(t, dsn)
		sent := 0
		lease, err := l.Acquire(t.Context(), stranger(), 0, func() any { sent++; return map[string]int{"sent": min(sent, 3)} })
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond)
		reader := connect(t, dsn)
		s, err := reader.Snapshot(t.Context())
		if err != nil || !s.Running || s.Holder != stranger() || string(s.Figures) != `{"sent": 1}` || s.BeatAt.IsZero() {
			t.Errorf("%+v, %v", s, err)
		}
		time.Sleep(5 * time.Second)
		if err := lease.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		s, err = reader.Snapshot(t.Context())
		if err != nil || s.Running || string(s.Figures) != `{"sent": 3}` {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// TestWithoutLease writes nothing.
func TestWithoutLease(t *testing.T) {
	l := connect(t, emptyLedger(t))
	err := l.Commit(t.Context(), ledger.Change{Conversation: source.ConversationID("1")})
	if err == nil || errors.Is(err, ledger.ErrLeaseLost) {
		t.Errorf("error %v", err)
	}
	if _, err := l.Snapshot(t.Context()); err != nil {
		t.Errorf("reading: %v", err)
	}
}

// TestBeatDuringLongStatement: a transaction that has proved the lease lets the
// holder beat, and keeps a newcomer out.
func TestBeatDuringLongStatement(t *testing.T) {
	dsn := emptyLedger(t)
	l, holder, other := connect(t, dsn), around(t, dsn), around(t, dsn)
	exec(t, holder, "update amoimport.lease set epoch = 7, held = true")
	exec(t, holder, "begin")
	exec(t, holder, ledger.Statement(l, "check_epoch"), 7, "60000")
	exec(t, other, "set lock_timeout = '300ms'")
	exec(t, other, ledger.Statement(l, "beat"), 7, "{}")
	_, err := other.Exec(t.Context(), ledger.Statement(l, "take_lease"), 7, 1, "", "", "", "", 1, "")
	if err == nil || !strings.Contains(err.Error(), "lock timeout") {
		t.Errorf("a newcomer during a transaction of the holder: %v", err)
	}
	exec(t, holder, "commit")
	if tag, err := other.Exec(t.Context(), ledger.Statement(l, "take_lease"), 7, 1, "", "", "", "", 1, ""); err != nil || tag.RowsAffected() != 1 {
		t.Errorf("a newcomer after it: %v, %v", tag, err)
	}
}
