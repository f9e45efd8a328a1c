//go:build unix

package embedpg_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/sourcegraph/conc/pool"

	"github.com/amoimport/amoimport/internal/embedpg"
)

func TestDatabases(t *testing.T) {
	t.Parallel()
	s := start(t, embedpg.Options{})
	ctx := t.Context()
	dsn, err := s.CreateDatabase(ctx, `an "odd" näme`)
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, dsn)
	if _, err := conn.Exec(ctx, "create table kept as select 42 as answer"); err != nil {
		t.Fatal(err)
	}
	conn.Close(ctx)

	clones := pool.NewWithResults[string]().WithErrors().WithMaxGoroutines(4)
	for i := range 8 {
		clones.Go(func() (string, error) { return s.Clone(ctx, `an "odd" näme`, fmt.Sprintf("clone%d", i)) })
	}
	dsns, err := clones.Wait()
	if err != nil {
		t.Fatal(err)
	}
	for i, dsn := range dsns {
		conn := connect(t, dsn)
		if _, err := conn.Exec(ctx, "update kept set answer = answer + $1", i); err != nil {
			t.Fatal(err)
		}
		if got := query[int](t, conn, "select answer from kept"); got != 42+i {
			t.Errorf("clone %d shares its table with another: it holds %d", i, got)
		}
	}

	dsn = s.DSN("clone0")
	conn = connect(t, dsn)
	for range 2 { // it is no error if there is none
		if err := s.DropDatabase(ctx, "clone0"); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Ping(ctx); err == nil {
		t.Error("the connection outlived its database")
	}
	if err := try(dsn); err == nil {
		t.Error("the database is still there")
	}
}

// TestKeeping: one session serves call after call, and one that the server has ended is replaced.
func TestKeeping(t *testing.T) {
	t.Parallel()
	s := start(t, embedpg.Options{})
	kept, conn := s.Keeping(), connect(t, s.DSN("postgres"))
	const others = " from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
	create := func(name string) string {
		if _, err := kept.CreateDatabase(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		return query[string](t, conn, "select coalesce(string_agg(pid::text, ' '), '')"+others)
	}
	if first, second := create("a"), create("b"); first == "" || first != second {
		t.Errorf("the sessions are %q, then %q", first, second)
	}
	for query[int](t, conn, "select count(pg_terminate_backend(pid))"+others) > 0 {
	}
	create("c")
}

func TestDSN(t *testing.T) {
	for _, dsn := range []string{
		"postgres://somebody:p%40ss@127.0.0.1:5433/first?sslmode=disable&application_name=x",
		"postgresql:///first?host=127.0.0.1&port=5433&user=somebody&password=p%40ss&dbname=other&application_name=x",
		"host=127.0.0.1 port=5433 user=somebody password=p@ss dbname=first application_name=x",
	} {
		config, err := pgx.ParseConfig(embedpg.At(dsn).DSN(`it's\a`))
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if config.Database != `it's\a` {
			t.Errorf("%s: database is %q", dsn, config.Database)
		}
		if config.Host != "127.0.0.1" || config.Port != 5433 || config.User != "somebody" || config.Password != "p@ss" ||
			config.RuntimeParams["application_name"] != "x" {
			t.Errorf("%s: the rest is lost: %s", dsn, config.ConnString())
		}
	}
}
