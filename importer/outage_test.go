package importer_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/amoimport/amoimport/sandbox"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestAPIOutage: while an API is away, for seconds or for an hour, one probe at a
// time asks for it; the run goes on by itself, nothing is parked and nothing doubled.
func TestAPIOutage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		api    sandbox.API
		host   string
		begins string // in the request before it
		only   string // method
		effect sandbox.Effect
		long   time.Duration
	}{
		{"amojo, refused, seconds", sandbox.Amojo, "amojo", `"imp1-c1-m4"`, "", sandbox.Effect{Kind: sandbox.Refuse}, 7 * time.Second},
		{"amojo, refused", sandbox.Amojo, "amojo", `"imp1-c1-m4"`, "", sandbox.Effect{Kind: sandbox.Refuse}, time.Hour},
		{"amojo, 503", sandbox.Amojo, "amojo", `"imp1-c1-m4"`, "", sandbox.Effect{Kind: sandbox.Status, Code: 503}, time.Hour},
		{"amojo, connections cut", sandbox.Amojo, "amojo", `"imp1-c1-m4"`, "", sandbox.Effect{Kind: sandbox.DropBeforeApply}, time.Hour},
		{"amojo, no answers", sandbox.Amojo, "amojo", `"imp1-c1-m4"`, "", sandbox.Effect{Kind: sandbox.CutAfterApply}, time.Hour},
		{"amojo, 503 to writes", sandbox.Amojo, "amojo", `"imp1-c1-m4"`, http.MethodPost, sandbox.Effect{Kind: sandbox.Status, Code: 503}, time.Hour},
		{"API v4, refused, seconds", sandbox.APIv4, "amocrm", `"custom_fields_values"`, "", sandbox.Effect{Kind: sandbox.Refuse}, 7 * time.Second},
		{"API v4, refused", sandbox.APIv4, "amocrm", `"custom_fields_values"`, "", sandbox.Effect{Kind: sandbox.Refuse}, time.Hour},
		{"API v4, 503", sandbox.APIv4, "amocrm", `"custom_fields_values"`, "", sandbox.Effect{Kind: sandbox.Status, Code: 503}, time.Hour},
		{"API v4, no answers", sandbox.APIv4, "amocrm", `"custom_fields_values"`, "", sandbox.Effect{Kind: sandbox.CutAfterApply}, time.Hour},
		{"API v4, 503 to writes", sandbox.APIv4, "amocrm", `"custom_fields_values"`, http.MethodPost, sandbox.Effect{Kind: sandbox.Status, Code: 503}, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, legacy(t, 12, 9, 9, 6, 6, 6, 6, 6), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice}, func(t *testing.T, r *rig) {
				var mu sync.Mutex
				var began time.Time
				perMinute := map[int]int{}
				r.on(func(req *http.Request) *http.Response {
					mu.Lock()
					defer mu.Unlock()
					if began.IsZero() && strings.Contains(bodyOf(req), c.begins) {
						began = time.Now()
						r.world.AddFault(sandbox.Fault{API: c.api, Method: c.only, To: c.long, Effect: c.effect})
					}
					if passed := time.Since(began); !began.IsZero() && passed < c.long && strings.Contains(req.URL.Host, c.host) {
						perMinute[int(passed/time.Minute)]++
					}
					return nil
				})
				r.mustRun()
				if began.IsZero() {
					t.Fatal("there was no outage")
				}
				if s := r.snapshot().Messages; s.Sent != 60 {
					t.Errorf("%+v", s)
				}
				if took := time.Since(began); took < c.long || took > c.long+30*time.Minute {
					t.Errorf("it went on %s after an outage of %s began", took, c.long)
				}
				for minute, n := range perMinute {
					if c.only == "" && minute > 0 && n > 6 {
						t.Errorf("%d requests in minute %d of the outage", n, minute)
					}
				}
			})
		})
	}
}

// wire is a way to Postgres that can be taken away: connections break, and new ones
// are refused.
type wire struct {
	mu      sync.Mutex
	away    bool
	refused int
	conns   map[net.Conn]bool
	see     func([]byte) // all that is written
}

func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		w.refused++
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if w.conns == nil {
		w.conns = map[net.Conn]bool{}
	}
	w.conns[conn] = true
	if w.see != nil {
		return &watched{conn, w.see}, nil
	}
	return conn, nil
}

// cut takes the way away and gives it back later.
func (w *wire) cut(long time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = true
	for conn := range w.conns {
		conn.Close()
	}
	clear(w.conns)
	time.AfterFunc(long, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.away = false
	})
}

// TestLedgerOutage takes the ledger away while lanes send. Nothing leaves without
// it, one probe asks for it, and the run goes on by itself.
func TestLedgerOutage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at   string // in a request, or in what is written to the ledger
		long time.Duration
	}{
		"sending, seconds": {`"imp1-c1-m4"`, 7 * time.Second},
		"sending":          {`"imp1-c1-m4"`, time.Hour},
		"preparing":        {`"custom_fields_values"`, time.Hour},
		"enrolling":        {`enrol_key_order on`, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, legacy(t, 12, 9, 9, 6, 6, 6, 6, 6), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice}, func(t *testing.T, r *rig) {
				w := &wire{}
				var once sync.Once
				var began time.Time
				begin := func() { began = time.Now(); w.cut(c.long) }
				w.see = func(b []byte) {
					if bytes.Contains(b, []byte(c.at)) {
						once.Do(begin)
					}
				}
				r.dial = w.dial
				late := 0
				r.on(func(req *http.Request) *http.Response {
					if strings.Contains(bodyOf(req), c.at) {
						once.Do(begin)
					}
					if passed := time.Since(began); !began.IsZero() && passed > 6*time.Second && passed < c.long {
						late++
					}
					return nil
				})
				r.mustRun()
				if s := r.snapshot().Messages; s.Sent != 60 {
					t.Errorf("%+v", s)
				}
				if took := time.Since(began); took < c.long || took > c.long+5*time.Minute {
					t.Errorf("it went on %s after an outage of %s began", took, c.long)
				}
				if late > 0 {
					t.Errorf("%d requests left without a ledger", late)
				}
				if most := 40 + 15*int(c.long.Minutes()); w.refused > most {
					t.Errorf("the ledger was asked for %d times, want at most %d", w.refused, most)
				}
			})
		})
	}
}

// door stands before a database that is reached over a socket and can be shut.
type door struct {
	way wire
	dsn string // through the door
}

// newDoor opens a door. It lives outside of bubbles.
func newDoor(t *testing.T, dsn string) *door {
	t.Helper()
	to, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	d := &door{}
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			network, addr := pgconn.NetworkAddress(to.Host, to.Port)
			out, err := d.way.dial(context.Background(), network, addr)
			if err != nil {
				in.Close()
				continue
			}
			all.Go(func() { _, _ = io.Copy(in, out); in.Close() })
			all.Go(func() { _, _ = io.Copy(out, in); out.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); d.shut(); all.Wait() })
	d.dsn = (&url.URL{Scheme: "postgres", User: url.UserPassword(to.User, to.Password), Host: l.Addr().String(),
		Path: "/" + to.Database, RawQuery: "sslmode=disable"}).String()
	return d
}

func (d *door) shut() {
	d.way.mu.Lock()
	defer d.way.mu.Unlock()
	d.way.away = true
	for conn := range d.way.conns {
		conn.Close()
	}
}

func (d *door) open() (refused int) {
	d.way.mu.Lock()
	defer d.way.mu.Unlock()
	d.way.away = false
	return d.way.refused
}

// TestLegacyOutage takes the legacy database away, before anything is read of it and
// while lanes read bodies. One reader at a time asks for it.
func TestLegacyOutage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at   string // in a request; "": from the beginning
		long time.Duration
	}{
		"enrolling, seconds": {"", 7 * time.Second},
		"enrolling":          {"", time.Hour},
		"sending, seconds":   {`"imp1-c1-m4"`, 7 * time.Second},
		"sending":            {`"imp1-c1-m4"`, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDoor(t, legacy(t, 210, 205, 205, 205, 2, 2, 2))
			bubble(t, d.dsn, sandbox.Options{RepeatedMsgID: sandbox.StoredTwice}, func(t *testing.T, r *rig) {
				r.rate = 50
				var once sync.Once
				var began time.Time
				refused := make(chan int, 1)
				begin := func() {
					began = time.Now()
					d.shut()
					time.AfterFunc(c.long, func() { refused <- d.open() })
				}
				if c.at == "" {
					begin()
				}
				r.on(func(req *http.Request) *http.Response {
					if c.at != "" && strings.Contains(bodyOf(req), c.at) {
						once.Do(begin)
					}
					return nil
				})
				r.mustRun()
				if s := r.snapshot().Messages; s.Sent != 831 {
					t.Errorf("%+v", s)
				}
				if took := time.Since(began); took < c.long || took > c.long+5*time.Minute {
					t.Errorf("it went on %s after an outage of %s began", took, c.long)
				}
				// The driver knocks twice at a door that opens and shuts.
				if n, most := <-refused, 60+20*int(c.long.Minutes()); n > most {
					t.Errorf("the legacy database was asked for %d times, want at most %d", n, most)
				}
			})
		})
	}
}

// TestReplicationConflict: a standby cancels queries that stand in the way of what it
// has to apply, or ends their sessions, here for an hour. All of it is read again.
func TestReplicationConflict(t *testing.T) {
	t.Parallel()
	const long = 5 * time.Minute
	for name, conflict := range map[string]string{
		"statement cancelled": `raise exception 'canceling statement due to conflict with recovery' using errcode = '40001'`,
		"session ended":       `perform pg_terminate_backend(pg_backend_pid())`,
	} {
		for _, from := range []string{"enrolling", "sending"} {
			t.Run(name+", "+from, func(t *testing.T) {
				t.Parallel()
				dsn := legacy(t, 210, 205, 30)
				bubble(t, dsn, sandbox.Options{RepeatedMsgID: sandbox.StoredTwice}, func(t *testing.T, r *rig) {
					r.rate = 50
					r.legacyExec(`create table conflict (yes boolean)`, `insert into conflict values (false)`,
						`create function calm(id text) returns boolean volatile language plpgsql as $$ begin
							if id = 'm203' and (select yes from conflict) then `+conflict+`; end if;
							return true; end $$`,
						`alter table messages rename to all_messages`,
						`create view messages as select * from all_messages where calm(id)`)
					var once sync.Once
					begin := func() {
						r.legacyExec(`update conflict set yes = true`)
						time.AfterFunc(long, func() { r.legacyExec(`update conflict set yes = false`) })
					}
					began := time.Now()
					if from == "enrolling" {
						begin()
					}
					r.on(func(req *http.Request) *http.Response {
						if from == "sending" && strings.Contains(bodyOf(req), `"imp1-c1-m4"`) {
							once.Do(begin)
						}
						return nil
					})
					r.mustRun()
					if s := r.snapshot().Messages; s.Sent != 445 {
						t.Errorf("%+v", s)
					}
					if took := time.Since(began); took < long || took > long+5*time.Minute {
						t.Errorf("it took %s", took)
					}
				})
			})
		}
	}
}

// commitLoser is a connection that may break between a commit and its answer.
type commitLoser struct {
	net.Conn
	lose func() bool // asked at each commit
}

func (c *commitLoser) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err == nil && bytes.HasSuffix(b, []byte("commit\x00")) && c.lose() {
		_, _ = c.Conn.Read(make([]byte, 4096)) // Postgres is done with it
		c.Conn.Close()
	}
	return n, err
}

// TestCommitAnswerLost loses the answers to commits of the ledger's, of all kinds.
// What was recorded is recorded once, and nothing is sent twice.
func TestCommitAnswerLost(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 30, 20, 10, 5, 5), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice}, func(t *testing.T, r *rig) {
		var commits, lost atomic.Int64
		r.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return &commitLoser{conn, func() bool {
				if n := commits.Add(1); n%3 != 0 {
					return false
				}
				lost.Add(1)
				return true
			}}, err
		}
		r.mustRun()
		if s := r.snapshot().Messages; s.Sent != 70 {
			t.Errorf("%+v", s)
		}
		if n := len(r.world.Snapshot().Contacts); n != 5 {
			t.Errorf("%d contacts for 5 people", n)
		}
		if lost.Load() < 10 {
			t.Errorf("only %d answers were lost", lost.Load())
		}
	})
}
