// Package pgtest gives tests databases of their own.
//
// The first call in a test process starts a private Postgres, which dies with the process. If
// AMOIMPORT_TEST_DATABASE_URL is set, the databases are made on that server instead, under names of their own.
//
// Call it outside a testing/synctest bubble; the DSN can be used inside.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/amoimport/amoimport/internal/embedpg"
)

// URL is the environment variable that names a server to use instead of a private one. Its account must be allowed
// to create databases.
const URL = "AMOIMPORT_TEST_DATABASE_URL"

// TB is the part of testing.TB that is needed. A *rapid.T has it too, and drops its database after each case.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Database returns the DSN of a fresh empty database, which is dropped at cleanup with whoever is connected to it.
func Database(t TB) (dsn string) {
	t.Helper()
	s := running(t)
	name := s.name()
	dsn, err := s.cluster.CreateDatabase(context.Background(), name)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	s.dropAtCleanup(t, name)
	return dsn
}

// Template returns the DSN of a fresh copy of a database that setup has filled. Setup runs once per process and key;
// it must close its connections. The copy is dropped at cleanup.
func Template(t TB, key string, setup func(ctx context.Context, dsn string) error) (dsn string) {
	t.Helper()
	s := running(t)
	made, _ := s.templates.LoadOrStore(key, &template{})
	tmpl := made.(*template)
	tmpl.once.Do(func() { tmpl.name, tmpl.err = s.fill(setup) })
	if tmpl.err != nil {
		t.Fatalf("pgtest: template %s: %v", key, tmpl.err)
	}
	name := s.name()
	dsn, err := s.cluster.Clone(context.Background(), tmpl.name, name)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	s.dropAtCleanup(t, name)
	return dsn
}

// server is where this process makes its databases.
type server struct {
	cluster   embedpg.Cluster
	own       *embedpg.Server // held, since a server ends when it becomes garbage; nil for one that is not ours
	prefix    string          // of every database of this process
	count     atomic.Int64
	templates sync.Map // key → *template

	// alive, on a server that is not ours, tells other processes by its application name that databases with our
	// prefix are still in use.
	alive *pgx.Conn
}

type template struct {
	once sync.Once
	name string
	err  error
}

// start is the one variable of a package in this repository: a server per test process is the purpose here, and
// tests have no other place in common.
var start = sync.OnceValues(func() (*server, error) {
	ctx := context.Background()
	if dsn := os.Getenv(URL); dsn != "" {
		return adopt(ctx, dsn)
	}
	own, err := embedpg.Start(ctx, embedpg.Options{})
	if err != nil {
		return nil, err
	}
	return &server{cluster: own.Cluster.Keeping(), own: own, prefix: "test"}, nil
})

func running(t TB) *server {
	t.Helper()
	s, err := start()
	if err != nil {
		if h, ok := errors.AsType[interface {
			error
			Hint() string
		}](err); ok {
			t.Fatalf("pgtest: %v\n%s", err, h.Hint())
		}
		t.Fatalf("pgtest: %v", err)
	}
	return s
}

// adopt uses a server that outlives this process, so it removes what earlier processes left behind: databases whose
// prefix no live connection carries.
func adopt(ctx context.Context, dsn string) (*server, error) {
	const ours = "amoimport_test_"
	s := &server{cluster: embedpg.At(dsn).Keeping(), prefix: ours + strings.ToLower(rand.Text()[:8])}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", URL, err)
	}
	config.RuntimeParams["application_name"] = s.prefix
	if s.alive, err = pgx.ConnectConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("%s: %w", URL, err)
	}
	rows, err := s.alive.Query(ctx, `
		select d.datname from pg_database d
		where starts_with(d.datname, $1) and not exists (
			select from pg_stat_activity a
			where starts_with(a.application_name, $1) and starts_with(d.datname, a.application_name || '_'))`, ours)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", URL, err)
	}
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", URL, err)
	}
	for _, name := range left {
		if err := s.cluster.DropDatabase(ctx, name); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// fill makes a template.
func (s *server) fill(setup func(ctx context.Context, dsn string) error) (string, error) {
	ctx, name := context.Background(), s.name()
	dsn, err := s.cluster.CreateDatabase(ctx, name)
	if err != nil {
		return "", err
	}
	return name, setup(ctx, dsn)
}

func (s *server) name() string {
	return s.prefix + "_" + strconv.FormatInt(s.count.Add(1), 10)
}

func (s *server) dropAtCleanup(t TB, name string) {
	t.Cleanup(func() {
		t.Helper()
		if err := s.cluster.DropDatabase(context.Background(), name); err != nil {
			t.Fatalf("pgtest: %v", err)
		}
	})
}
