//go:build unix

package embedpg_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/amoimport/amoimport/internal/embedpg"
)

func TestMain(m *testing.M) {
	if os.Getenv(ownerEnv) != "" {
		own()
	}
	goleak.VerifyTestMain(m)
}

func try(dsn string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return conn.Ping(ctx)
}

func start(t *testing.T, o embedpg.Options) *embedpg.Server {
	t.Helper()
	s, err := embedpg.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func query[T any](t *testing.T, conn *pgx.Conn, sql string) T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// folder is the folder of a server's socket.
func folder(t *testing.T, dsn string) string {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return config.Host
}

// processes are those whose command line holds a string: pid and user id each.
func processes(t *testing.T, holding string) map[int]string {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,uid=,stat=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]string{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 3 || strings.HasPrefix(f[2], "Z") || !strings.Contains(line, holding) {
			continue
		}
		if pid, err := strconv.Atoi(f[0]); err == nil && pid != os.Getpid() {
			found[pid] = f[1]
		}
	}
	return found
}

// gone waits until nothing is left of a server's folder and its processes.
func gone(t *testing.T, dir string) {
	t.Helper()
	limit, look := time.After(30*time.Second), time.NewTicker(20*time.Millisecond)
	defer look.Stop()
	for {
		left := processes(t, dir)
		if _, err := os.Stat(dir); os.IsNotExist(err) && len(left) == 0 {
			return
		}
		select {
		case <-limit:
			t.Fatalf("still there: %s, processes %v", dir, left)
		case <-look.C:
		}
	}
}

func TestStartAndStop(t *testing.T) {
	t.Setenv("PGPORT", "1")
	t.Setenv("PGDATA", "/nonexistent")
	t.Setenv("AMOIMPORT_TOKEN", "a secret")
	s := start(t, embedpg.Options{})
	conn := connect(t, s.DSN("postgres"))

	for _, c := range []struct{ setting, want string }{
		{"fsync", "off"}, {"synchronous_commit", "off"}, {"full_page_writes", "off"}, {"listen_addresses", ""},
		{"max_connections", "200"}, {"server_encoding", "UTF8"}, {"TimeZone", "UTC"},
	} {
		if got := query[string](t, conn, "show "+c.setting); got != c.want {
			t.Errorf("%s is %q, want %q", c.setting, got, c.want)
		}
	}

	dir := folder(t, s.DSN("postgres"))
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder %s is open to others: %v, %v", dir, info.Mode(), err)
	}
	servers := processes(t, dir)
	if len(servers) < 2 {
		t.Errorf("expected a guardian and a postmaster, found %v", servers)
	}
	for pid, uid := range servers {
		if uid == "0" {
			t.Errorf("process %d runs as root", pid)
		}
	}

	if _, err := conn.Exec(t.Context(), "create temp table env (line text); copy env from program 'env'"); err != nil {
		t.Fatal(err)
	}
	if n := query[int](t, conn, "select count(*) from env where line like '%secret%'"); n != 0 {
		t.Error("the server's environment holds our secrets")
	}

	if err := s.Stop(); err != nil { // with a connection open
		t.Error(err)
	}
	gone(t, dir)
	if err := s.Stop(); err != nil {
		t.Errorf("a second Stop: %v", err)
	}
}

func TestLongTempFolder(t *testing.T) {
	long := openDir(t)
	for range 20 {
		long = filepath.Join(long, "long")
		if err := os.Mkdir(long, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(long, 0o777); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	t.Setenv("TMPDIR", long)
	s := start(t, embedpg.Options{})
	if err := try(s.DSN("postgres")); err != nil {
		t.Error(err)
	}
}

// TestKeptFolder starts a server twice in one folder and on one port.
func TestKeptFolder(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := embedpg.Options{Dir: filepath.Join(openDir(t), "data"), Port: l.Addr().(*net.TCPAddr).Port}
	l.Close()

	s := start(t, o)
	dsn := s.DSN("postgres")
	if _, err := connect(t, dsn).Exec(t.Context(), "create table kept as select 42 as answer"); err != nil {
		t.Fatal(err)
	}
	guess, err := url.Parse(dsn)
	if err != nil || guess.Host != fmt.Sprintf("127.0.0.1:%d", o.Port) {
		t.Fatalf("the DSN names %q, %v", guess.Host, err)
	}
	guess.User = url.UserPassword("postgres", "a guess")
	if err := try(guess.String()); err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("a wrong password: %v", err)
	}
	lock := filepath.Join(o.Dir, "postmaster.pid")
	ready, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}

	// What a server that was killed leaves behind must not be taken for a new one that is ready.
	if err := os.WriteFile(lock, ready, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(lock, 0o666); err != nil {
		t.Fatal(err)
	}
	if again := start(t, o); again.DSN("postgres") != dsn {
		t.Error("the DSN has changed")
	}
	if got := query[int](t, connect(t, dsn), "select answer from kept"); got != 42 {
		t.Errorf("the table holds %d", got)
	}
}

func TestStartIsCancelled(t *testing.T) {
	tmp := openDir(t)
	t.Setenv("TMPDIR", tmp)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := embedpg.Start(ctx, embedpg.Options{}); err == nil || ctx.Err() == nil {
		t.Fatalf("started: %v", err)
	}
	empty(t, tmp)
}

// openDir is a temporary folder that every account can reach, with a short name; t.TempDir is neither.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "embedpg-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
