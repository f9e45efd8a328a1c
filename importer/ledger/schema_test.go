package ledger_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/migrations"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// schemas lists the schemas of a database that hold tables of a ledger.
func schemas(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, _ := conn.Query(t.Context(), `select schemaname from pg_tables where tablename = 'setup' order by 1`)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestOpen(t *testing.T) {
	dsn := pgtest.Database(t)
	conn := around(t, dsn)
	for range 2 {
		for _, schema := range []string{"", "other_2"} {
			l, err := ledger.Open(t.Context(), ledger.Options{DSN: dsn, Schema: schema})
			if err != nil {
				t.Fatal(err)
			}
			acquire(t, l, ledger.Self("test")).Release(t.Context())
			l.Close()
		}
	}
	if got := schemas(t, conn); !slices.Equal(got, []string{"amoimport", "other_2"}) {
		t.Errorf("ledgers in %v", got)
	}
	var elsewhere int
	if err := conn.QueryRow(t.Context(), `select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname not in ('amoimport', 'other_2', 'pg_toast', 'pg_catalog', 'information_schema')`).Scan(&elsewhere); err != nil || elsewhere != 0 {
		t.Errorf("%d objects outside of the schemas, %v", elsewhere, err)
	}

	l, err := ledger.Connect(t.Context(), ledger.Options{DSN: dsn, Schema: "other_2"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := schemas(t, conn); !slices.Equal(got, []string{"amoimport"}) {
		t.Errorf("after the drop, ledgers in %v", got)
	}
}

func TestOpenTogether(t *testing.T) {
	dsn := pgtest.Database(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			l, err := ledger.Open(t.Context(), ledger.Options{DSN: dsn})
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			if _, err := l.Snapshot(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// older makes a ledger as the first version made it.
func older(t *testing.T, dsn string) {
	t.Helper()
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "create schema amoimport"); err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations.Files, goose.WithTableName("amoimport.migration"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
}

// TestOpenOlder has a ledger of the first version, in use: what came later is added, and
// what it holds is left alone. Until then its state can be read as it is.
func TestOpenOlder(t *testing.T) {
	dsn := pgtest.Database(t)
	older(t, dsn)
	conn := around(t, dsn)
	exec(t, conn, "insert into amoimport.conversation (id, conversation_id) values ('1', 'c1')")
	exec(t, conn, `insert into amoimport.message (conversation, id, msgid, sent_at, seq, row_hash, outcome, reason) values
		('1', '1', 'm1', now(), 0, gen_random_uuid(), 'planned', null), ('1', '2', 'm2', now(), 1, gen_random_uuid(), 'parked', 'rejected')`)
	b := &bench{t: t, conn: conn}
	held := func() []string {
		return b.texts("select concat_ws(' ', xmin, id, msgid, sent_at, outcome, reason) from amoimport.message order by 1")
	}
	before := held()
	look := func(l *ledger.Ledger) {
		t.Helper()
		page, err := l.Page(t.Context(), "1", ledger.After{}, 10, true)
		if err != nil || len(page) != 1 || page[0].ID != "1" {
			t.Errorf("planned before the parked message: %+v, %v", page, err)
		}
		if s, err := l.Snapshot(t.Context()); err != nil || s.Messages.Parked != 1 {
			t.Errorf("state %+v, %v", s.Messages, err)
		}
	}
	old := connect(t, dsn)
	look(old)
	if _, err := old.Talks(t.Context()); err == nil || !strings.Contains(err.Error(), "made by an older version") {
		t.Errorf("what it does not hold yet: %v", err)
	}
	l, err := ledger.Open(t.Context(), ledger.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Made() {
		t.Error("it says that there was no ledger")
	}
	look(l)
	if diff := cmp.Diff(before, held()); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
	want := []string{"message_parked", "message_tried"}
	if got := b.texts("select indexname::text from pg_indexes where schemaname = 'amoimport' and indexname in ('message_parked', 'message_sent', 'message_tried') order by 1"); !slices.Equal(got, want) {
		t.Errorf("of the indexes there are %v", got)
	}
	acquire(t, l, ledger.Self("test")).Release(t.Context())
}

// TestOpenInGivenSchema has a role that may not create schemas, but owns one.
func TestOpenInGivenSchema(t *testing.T) {
	dsn := pgtest.Database(t)
	conn := around(t, dsn)
	role := "tester_" + strings.ToLower(t.Name())
	exec(t, conn, "drop role if exists "+role)
	exec(t, conn, "create role "+role+" login")
	t.Cleanup(func() {
		conn.Exec(context.Background(), "drop owned by "+role+" cascade")
		conn.Exec(context.Background(), "drop role "+role)
	})
	exec(t, conn, "create schema amoimport authorization "+role)
	exec(t, conn, "create schema closed")
	as := dsn + "&options=-c%20role%3D" + role
	if !strings.Contains(dsn, "?") {
		as = strings.Replace(as, "&", "?", 1)
	}
	l, err := ledger.Open(t.Context(), ledger.Options{DSN: as})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, schema := range []string{"closed", "new_one"} {
		_, err = ledger.Open(t.Context(), ledger.Options{DSN: as, Schema: schema})
		var failed *ledger.Error
		if !errors.As(err, &failed) || !strings.Contains(failed.Hint(), "right") {
			t.Errorf("schema %s: %v", schema, err)
		}
	}
}

func TestOpenRefusals(t *testing.T) {
	dsn := pgtest.Database(t)
	for _, c := range []struct{ dsn, schema, say, hint string }{
		{dsn, "Ledger", "schema", "ledger.schema"},
		{dsn, `a"; drop table x`, "schema", "ledger.schema"},
		{dsn, "1st", "schema", "ledger.schema"},
		{dsn, strings.Repeat("x", 60), "schema", "ledger.schema"},
		{"postgres://%zz", "", "DSN", "AMOIMPORT_LEDGER_DSN"},
		{"postgres://tester:sesame@127.0.0.1:1/db", "", "connect", "AMOIMPORT_LEDGER_DSN"},
	} {
		l, err := ledger.Open(t.Context(), ledger.Options{DSN: c.dsn, Schema: c.schema})
		if err == nil {
			l.Close()
			t.Errorf("schema %q is taken", c.schema)
			continue
		}
		var failed *ledger.Error
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), c.say) || !strings.Contains(failed.Hint(), c.hint) {
			t.Errorf("%s, schema %q: error %v, hint %q", c.dsn, c.schema, err, failed.Hint())
		}
		if strings.Contains(err.Error(), "sesame") {
			t.Errorf("the error holds the password: %v", err)
		}
	}
	if got := schemas(t, around(t, dsn)); len(got) > 0 {
		t.Errorf("ledgers in %v", got)
	}
}

// TestConnect opens what is not there: it creates nothing and says what to do.
func TestConnect(t *testing.T) {
	dsn := pgtest.Database(t)
	l := connect(t, dsn)
	_, err := l.Snapshot(t.Context())
	var failed *ledger.Error
	if !errors.As(err, &failed) || !strings.Contains(failed.Hint(), "amoimport run") {
		t.Errorf("error %v", err)
	}
	if got := schemas(t, around(t, dsn)); len(got) > 0 {
		t.Errorf("ledgers in %v", got)
	}
}
