//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/internal/demodata"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/jackc/pgx/v5"
)

// front is one run's own way into a world: it knows what came that way, and can
// keep an answer back.
type front struct {
	world *sandbox.World
	keep  func(method, path, body string) bool // whether to keep this answer back; nil: none

	mu       sync.Mutex
	requests []string
	once     sync.Once
	kept     chan struct{} // closed when an answer is kept back
	let      chan struct{} // closed to let it go
}

func newFront(t *testing.T, world *sandbox.World) (*front, string) {
	f := &front{world: world, kept: make(chan struct{}), let: make(chan struct{})}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, server.URL
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	_, _ = body.ReadFrom(r.Body)
	r.Body = readCloser{&body}
	text := body.String()
	f.mu.Lock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	f.mu.Unlock()
	answer := httptest.NewRecorder()
	f.world.ServeHTTP(answer, r)
	if f.keep != nil && f.keep(r.Method, r.URL.Path, text) {
		f.once.Do(func() { close(f.kept) })
		<-f.let
	}
	for k, v := range answer.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

// came is what has come so far.
func (f *front) came() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.requests...)
}

// frozenCase is a moment at which a process is stopped.
type frozenCase struct {
	name string
	rate string                               // of amojo, for the first
	keep func(method, path, body string) bool // the answer during which it is stopped
	lock bool                                 // it is stopped in a transaction
}

// TestFrozenProcess stops the real program, has a second one take the ledger over,
// and lets the first go on: it sends nothing more, records nothing, and says why.
func TestFrozenProcess(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for _, c := range []frozenCase{
		{name: "before its look at the lease", rate: "2000", keep: func(method, path, _ string) bool {
			return method == http.MethodGet && strings.HasSuffix(path, "/contacts")
		}},
		{name: "waiting for its turn", rate: "0.5"},
		{name: "during a request", rate: "2000", keep: func(method, _, body string) bool {
			return method == http.MethodPost && strings.Contains(body, "new_message")
		}},
		{name: "in a transaction", rate: "50", lock: true},
	} {
		// Not t.Parallel: they wait for the lease time rather than for a processor.
		all.Go(func() {
			t.Run(c.name, func(t *testing.T) { frozenProcess(t, c) })
		})
	}
	all.Wait()
}

// frozenProcess plays one case.
func frozenProcess(t *testing.T, c frozenCase) {
	const conversations, messages = 4, 400
	legacy, ledger := pgtest.Database(t), pgtest.Database(t)
	if err := demodata.LoadSized(t.Context(), legacy, conversations, messages); err != nil {
		t.Fatal(err)
	}
	world := sandbox.New(sandbox.Options{RepeatedMsgID: sandbox.StoredTwice})
	conn, err := pgx.Connect(t.Context(), ledger)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	run := func(url, rate string) *background {
		var text bytes.Buffer
		accountConfig(&text, world.Options(), url)
		fmt.Fprintf(&text, "limits: {amojo: %s, api_v4: 2000}\nsource: {name: frozen}\nrun: {settle_time: 1s, lease_time: 20s}\n", rate)
		file := filepath.Join(t.TempDir(), defaultConfig)
		if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		p := &background{cmd: exec.Command("amoimport", "run", "--without-dry-run", "-c", file), ended: make(chan struct{})}
		p.cmd.Env = append(append(os.Environ(), secrets(world.Options())...), config.EnvSourceDSN+"="+legacy, config.EnvLedgerDSN+"="+ledger)
		p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.ended })
		go func() {
			_ = p.cmd.Wait() // the exit code is read from its state
			close(p.ended)
		}()
		return p
	}
	ends := func(p *background, want int) {
		select {
		case <-p.ended:
		case <-time.After(2 * time.Minute):
			t.Fatalf("it goes on and on:\n%s", p.err.String())
		}
		if got := p.cmd.ProcessState.ExitCode(); got != want {
			t.Fatalf("exit code %d, not %d:\n%s", got, want, p.err.String())
		}
	}

	way, url := newFront(t, world)
	way.keep = c.keep
	first := run(url, c.rate)
	switch {
	case c.keep != nil:
		select {
		case <-way.kept:
		case <-first.ended:
			t.Fatalf("it ended before it was frozen:\n%s", first.err.String())
		}
	case c.lock:
		until(t, "there are messages to send", func() bool { return world.Counters().Messages > 0 })
		for _, sql := range []string{"begin", "lock table amoimport.message in share mode"} {
			if _, err := conn.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "it waits in a transaction", func() bool {
			var waits bool
			err := conn.QueryRow(t.Context(), `select count(*) > 0 from pg_locks
				where relation = 'amoimport.message'::regclass and not granted`).Scan(&waits)
			return err == nil && waits
		})
	default:
		until(t, "it sends", func() bool { return world.Counters().Messages > 1 })
	}
	if err := first.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if c.lock {
		if _, err := conn.Exec(t.Context(), "rollback"); err != nil {
			t.Fatal(err)
		}
	}

	_, url = newFront(t, world)
	ends(run(url, "2000"), exitDone)
	sent := world.Counters().Messages
	close(way.let)
	before := len(way.came())
	if err := first.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	ends(first, exitFailed)
	if after := way.came()[before:]; len(after) > 0 {
		t.Errorf("after the other took over it sent %v", after)
	}
	if said := first.err.String(); !strings.Contains(said, "another run has taken the ledger over") {
		t.Errorf("it says:\n%s", said)
	}
	if c := world.Counters(); sent != messages || c.Messages != messages || c.Repeats != 0 || len(world.Snapshot().Contacts) != conversations {
		t.Errorf("%d messages before it went on, %d after; %d repeats, %d contacts", sent, c.Messages, c.Repeats, len(world.Snapshot().Contacts))
	}
	var recorded, epoch, doubts int
	if err := conn.QueryRow(t.Context(), `select (select count(*) from amoimport.message where outcome = 'sent'), epoch,
		(select count(*) from amoimport.conversation where intent_msgid is not null) from amoimport.lease`).Scan(&recorded, &epoch, &doubts); err != nil {
		t.Fatal(err)
	}
	if recorded != messages || epoch != 2 || doubts != 0 {
		t.Errorf("%d recorded as sent, epoch %d, %d in doubt", recorded, epoch, doubts)
	}
}

// until waits for something that another process does.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute until %s", what)
		}
	}
}
