//go:build unix

package importer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pooled puts a pgbouncer in transaction mode before a server and returns the way
// through it. It has two connections for all.
func pooled(t *testing.T, dsn string) pgconn.DialFunc {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // where packages put it, and PATH often does not hold
		if _, err := os.Stat(program); err != nil {
			t.Fatal("there is no pgbouncer, which stands before the ledger in this test: install the package pgbouncer (make test does)")
		}
	}
	to, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "amoimport-pool-") // short, for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	cmd := exec.Command(program, filepath.Join(dir, "ini"))
	if os.Geteuid() == 0 {
		// It refuses to run as root, and the server's socket may be for its own account alone.
		as := &syscall.Credential{Uid: 65534, Gid: 65534}
		if network, socket := pgconn.NetworkAddress(to.Host, to.Port); network == "unix" {
			info, err := os.Stat(socket)
			if err != nil {
				t.Fatal(err)
			}
			owner := info.Sys().(*syscall.Stat_t)
			as.Uid, as.Gid = owner.Uid, owner.Gid
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	server := fmt.Sprintf("host=%s port=%d user=%s", to.Host, to.Port, to.User)
	if to.Password != "" {
		server += " password=" + to.Password
	}
	ini := fmt.Sprintf("[databases]\n* = %s\n[pgbouncer]\npool_mode = transaction\ndefault_pool_size = 2\nauth_type = any\n"+
		"listen_addr =\nlisten_port = 6432\nunix_socket_dir = %s\n", server, dir)
	if err := os.WriteFile(filepath.Join(dir, "ini"), []byte(ini), 0o644); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("pgbouncer:\n%.3000s", said.String())
		}
	})
	socket := filepath.Join(dir, ".s.PGSQL.6432")
	for deadline := time.Now().Add(30 * time.Second); ; <-time.After(10 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("pgbouncer does not start: %v", err)
		}
	}
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
}

// TestPooler: with a ledger behind a transaction pooler with two connections, where
// each transaction may meet another session, everything holds: a run that is
// killed with requests in doubt, a second one that is refused, and the one that goes on.
func TestPooler(t *testing.T) {
	t.Parallel()
	r := rigOver(t, legacy(t, 60, 50, 40, 30, 20, 10, 5, 5), pgtest.Database(t), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice,
		Faults: []sandbox.Fault{lose(`"imp1-c1-m20"`, sandbox.CutAfterApply)}})
	r.dial, r.open = pooled(t, r.ledger), ledger.Open
	var refused error
	var once sync.Once
	r.on(func(req *http.Request) *http.Response {
		if isMessage(req) {
			once.Do(func() {
				l, err := ledger.Open(t.Context(), ledger.Options{DSN: r.ledger, Dial: r.dial})
				if err != nil {
					t.Error(err)
					return
				}
				defer l.Close()
				_, refused = l.Acquire(t.Context(), ledger.Self("second"), ledger.MinLeaseTime, nil)
			})
		}
		return nil
	})
	second := r.base
	r.crashAt(`"imp1-c1-m20"`)
	crash := r.base
	r.base = func(base http.RoundTripper) http.RoundTripper { return second(crash(base)) }
	r.crash()
	var held *ledger.HeldError
	if !errors.As(refused, &held) {
		t.Errorf("the second run got %v", refused)
	}
	r.mustRun()
	if f := r.progress.Figures(); f.Resumed == 0 {
		t.Error("no doubt was left to settle")
	}
	if s := r.snapshot().Messages; s.Sent != 220 {
		t.Errorf("%+v", s)
	}
}
