package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/internal/embedpg"
	"github.com/jackc/pgx/v5"
)

// TestRestart stops Postgres while lanes commit, and starts it again.
func TestRestart(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := embedpg.Options{Dir: filepath.Join(openDir(t), "data"), Port: listener.Addr().(*net.TCPAddr).Port}
	listener.Close()
	server, err := embedpg.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	dsn, err := server.CreateDatabase(t.Context(), "ledger")
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 100)
	l, err := ledger.Open(t.Context(), ledger.Options{DSN: dsn, Waiting: func(reason string) { told <- reason }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	acquire(t, l, ledger.Self("test"))
	if err := l.Settle(t.Context(), setup()); err != nil {
		t.Fatal(err)
	}
	for len(told) > 0 {
		<-told
	}

	const lanes, rounds = 5, 400
	b := &bench{Ledger: l, t: t}
	for i := range lanes {
		b.convs = append(b.convs, conv(fmt.Sprint(i)))
		for r := range rounds {
			b.keys = append(b.keys, key(fmt.Sprint(i), fmt.Sprint(r), r))
		}
	}
	b.enrol()
	var done atomic.Int64
	var all sync.WaitGroup
	down := make(chan struct{}) // closed when Postgres is down
	for i := range lanes {
		all.Go(func() {
			for r := range rounds {
				if r == rounds/2 {
					<-down
				}
				k := b.keys[i*rounds+r]
				err := l.Commit(t.Context(), ledger.Change{Conversation: k.Conversation, Settled: []ledger.Settled{settled(k)}, LastMsgID: k.MsgID})
				if err != nil {
					t.Errorf("lane %d: %v", i, err)
					return
				}
				done.Add(1)
			}
		})
	}
	for done.Load() < 20 {
		runtime.Gosched()
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	close(down)
	if reason := <-told; reason == "" {
		t.Error("nobody is told why it waits")
	}

	// Who stops waiting says why nothing came.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var failed *ledger.Error
	if _, err := l.Works(gone, false); !errors.As(err, &failed) {
		t.Errorf("error %v", err)
	}
	if _, err := l.Enrol(gone, b.pass()); err == nil {
		t.Error("enrolled while Postgres was down")
	}

	if server, err = embedpg.Start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	for reason := "?"; reason != ""; reason = <-told {
	}
	s, err := l.Snapshot(t.Context())
	if err != nil || s.Messages.Sent != lanes*rounds {
		t.Errorf("%+v, %v", s.Messages, err)
	}
}

// openDir is a folder that the account which runs Postgres can reach too.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ledger-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestTerminated cuts the ledger's connections while lanes commit, again and again.
func TestTerminated(t *testing.T) {
	const n, rounds = 4, 30
	b := newBench(t)
	for i := range n {
		b.convs = append(b.convs, conv(fmt.Sprint(i)))
		for r := range rounds {
			b.keys = append(b.keys, key(fmt.Sprint(i), fmt.Sprint(r), r))
		}
	}
	b.enrol()
	var all sync.WaitGroup
	var done atomic.Int64
	for i := range n {
		all.Go(func() {
			for r := range rounds {
				k := b.keys[i*rounds+r]
				if err := b.Commit(t.Context(), ledger.Change{Conversation: k.Conversation, Settled: []ledger.Settled{settled(k)}}); err != nil {
					t.Errorf("lane %d: %v", i, err)
				}
				done.Add(1)
			}
		})
	}
	cut := 0
	for at := int64(5); at < n*rounds; at += 10 {
		for done.Load() < at {
			runtime.Gosched()
		}
		cut += len(b.texts(`select pg_terminate_backend(pid)::text from pg_stat_activity
			where datname = current_database() and pid <> pg_backend_pid() and application_name = 'amoimport'`))
	}
	all.Wait()
	if cut == 0 {
		t.Error("no connection was cut")
	}
	b.adds(n * rounds)
	if s, err := b.Snapshot(t.Context()); err != nil || s.Messages.Sent != n*rounds {
		t.Errorf("%+v, %v", s.Messages, err)
	}
}

// TestEnrolTerminated cuts the connections while rows are staged: the pass is read
// anew, and is whole then.
func TestEnrolTerminated(t *testing.T) {
	b := newBench(t)
	b.convs = []ledger.EnrolledConversation{conv("1")}
	for i := range 20_000 {
		b.keys = append(b.keys, key("1", fmt.Sprint(i), i))
	}
	p := b.pass()
	cut := false
	p.Progress = func(phase string, n int64) {
		if phase == "reading" && !cut {
			cut = true
			b.texts(`select pg_terminate_backend(pid)::text from pg_stat_activity
				where datname = current_database() and pid <> pg_backend_pid() and application_name = 'amoimport'`)
		}
	}
	if m, err := b.Enrol(t.Context(), p); err != nil || m != (ledger.Merged{Conversations: 1, Messages: 20_000, New: 20_000}) || !cut {
		t.Errorf("merged %+v, %v", m, err)
	}
	b.adds(20_000)
}

// TestNoSessionState uses the ledger for a while, and looks what that left in its
// sessions: behind a transaction pooler, any of it would be lost or be another's.
func TestNoSessionState(t *testing.T) {
	b := rows(t)
	b.pages("2", 1)
	if _, err := b.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.OpenBatch(t.Context(), 1, []ledger.Creation{{Person: 1, ClientID: "1"}}); err != nil {
		t.Fatal(err)
	}
	sessions := ledger.Idle(t.Context(), b.Ledger)
	if len(sessions) == 0 {
		t.Fatal("no sessions")
	}
	for _, session := range sessions {
		defer session.Release()
		rows, _ := session.Query(t.Context(), `
			select 'prepared statement ' || name from pg_prepared_statements where name <> ''
			union all select 'listens to ' || c from pg_listening_channels() c
			union all select 'has set ' || name from pg_settings where source = 'session'
			union all select 'holds an advisory lock' from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()
			union all select 'has temporary tables' where pg_my_temp_schema() <> 0`, pgx.QueryExecModeExec)
		left, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(left) > 0 {
			t.Errorf("a session %v, %v", left, err)
		}
	}
}
