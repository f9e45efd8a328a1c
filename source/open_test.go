package source_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/source"
)

// canonical is the schema that the canonical queries expect.
const canonical = `
	create table conversations (id text primary key, client_id text, client_name text, client_phone text, client_email text,
		client_avatar_url text, client_profile_url text, closed boolean, source_external_id text);
	create table messages (conversation_id text, id text, seq bigint, sent_at timestamptz, direction text, manager_id text,
		author_id text, author_name text, kind text, text text, media_url text, file_name text, file_size bigint,
		media_duration integer, latitude double precision, longitude double precision, contact_name text, contact_phone text,
		sticker_id text, reply_to_id text, skip_reason text, primary key (conversation_id, id));
	create table managers (id text primary key, name text, email text);`

// database is a fresh database that the statements were run in.
func database(t testing.TB, statements ...string) (dsn string) {
	t.Helper()
	dsn = pgtest.Database(t)
	exec(t, dsn, statements...)
	return dsn
}

func exec(t testing.TB, dsn string, statements ...string) {
	t.Helper()
	conn := connect(t, dsn)
	for _, s := range statements {
		if _, err := conn.Exec(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := conn.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func connect(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func open(t testing.TB, opts source.Options) *source.DB {
	t.Helper()
	db, err := source.Open(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// collect reads a stream to its end.
func collect[T any](t testing.TB, stream func(func(T, error) bool)) []T {
	t.Helper()
	var all []T
	for v, err := range stream {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func TestCanonicalQueriesFitTheCanonicalSchema(t *testing.T) {
	dsn := database(t, canonical,
		`insert into managers values ('m1', 'Анна', 'anna@example.com'), ('m2', null, null)`,
		`insert into conversations values ('c1', 'u1', 'Ирина', '+79001112233', 'i@example.org', 'https://a', 'https://p', true, 'src'),
			('c2', null, null, null, null, null, null, null, null)`, `insert into conversations (id) values ('c3')`)
	db := open(t, source.Options{DSN: dsn})
	if err := db.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	managers, err := db.Managers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]source.Manager{{ID: "m1", Name: "Анна", Email: "anna@example.com"}, {ID: "m2"}}, managers); diff != "" {
		t.Errorf("managers (-want +got):\n%s", diff)
	}
	want := []source.Conversation{
		{ID: "c1", ClientID: "u1", ClientName: "Ирина", ClientPhone: "+79001112233", ClientEmail: "i@example.org",
			ClientAvatarURL: "https://a", ClientProfileURL: "https://p", Closed: true, SourceExternalID: "src"},
		{ID: "c2"}, {ID: "c3"},
	}
	if diff := cmp.Diff(want, collect(t, db.Conversations(t.Context()))); diff != "" {
		t.Errorf("all conversations (-want +got):\n%s", diff)
	}
	some := collect(t, db.Conversations(t.Context(), "c3", "c1", `no"such\one`))
	slices.SortFunc(some, func(a, b source.Conversation) int { return strings.Compare(string(a.ID), string(b.ID)) })
	if diff := cmp.Diff([]source.Conversation{want[0], want[2]}, some); diff != "" {
		t.Errorf("conversations by id (-want +got):\n%s", diff)
	}
}

func TestAReaderMayStopAStream(t *testing.T) {
	dsn := database(t, canonical,
		`insert into conversations (id) select 'c' || n from generate_series(1, 20000) n`,
		`insert into messages (conversation_id, id) select 'c' || n, 'm' from generate_series(1, 20000) n`)
	db := open(t, source.Options{DSN: dsn + poolOf(dsn, 2)})
	for range 4 { // more than the pool has connections
		for _, err := range db.Keys(t.Context(), time.Time{}) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		for _, err := range db.Conversations(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		for _, err := range db.Conversations(t.Context(), "c1", "c2") {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	}
}

// TestNoSessionState shows what a pooler in transaction mode needs: nothing of
// one transaction is left in the session for the next.
func TestNoSessionState(t *testing.T) {
	dsn := database(t, canonical, `insert into messages (conversation_id, id) values ('c', 'm')`, `insert into conversations (id) values ('c')`)
	db := open(t, source.Options{DSN: dsn,
		ManagersSQL: `select current_setting('application_name') as id,
			(select count(*) from pg_prepared_statements where name <> '')::text as name,
			(select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())::text as email`})
	for range 3 {
		if err := db.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		keys(t, db, time.Time{})
		bodies(t, db, "c", "m")
		collect(t, db.Conversations(t.Context(), "c"))
	}
	got, err := db.Managers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]source.Manager{{ID: "amoimport", Name: "0", Email: "0"}}, got); diff != "" {
		t.Errorf("application name, prepared statements, advisory locks (-want +got):\n%s", diff)
	}
}

// poolOf is what to add to a DSN for a pool of n connections.
func poolOf(dsn string, n int) string {
	switch {
	case !strings.Contains(dsn, "://"):
		return " pool_max_conns=" + itoa(n)
	case strings.Contains(dsn, "?"):
		return "&pool_max_conns=" + itoa(n)
	}
	return "?pool_max_conns=" + itoa(n)
}

func TestOpenSaysWhyItCannot(t *testing.T) {
	dsn := pgtest.Database(t)
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	const secret = "s3cret"
	for _, test := range []struct{ name, dsn, want string }{
		{"not a DSN", "postgres://u:" + secret + "@host:port/x", "invalid port"},
		{"a password with a slash", "postgres://u:" + secret + "/x@host/db", "invalid port"},
		{"a bad escape", "postgres://u:" + secret + "%zz@host/db", "failed to parse as URL"},
		{"no value", "host=localhost password=" + secret + " sslmode", "failed to parse"},
		{"bad sslmode", "host=localhost password=" + secret + " sslmode=perhaps", "failed to configure TLS"},
		{"bad pool size", "host=localhost password=" + secret + " pool_max_conns=many", "cannot parse pool_max_conns"},
		{"nobody listens", "host=127.0.0.1 port=1 user=u password=" + secret + " dbname=x sslmode=disable", "connection refused"},
		{"no such folder", "host=/nonexistent user=u password=" + secret + " dbname=x", "no such file"},
		{"no such database", dsnOf(cfg, "nosuchdb"), `database "nosuchdb" does not exist`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := source.Open(t.Context(), source.Options{DSN: test.dsn})
			if err == nil {
				t.Fatal("it opened")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q shows the password or has lines", err)
			}
			var hinter interface{ Hint() string }
			if !errors.As(err, &hinter) || hinter.Hint() == "" {
				t.Errorf("error %q has no hint", err)
			}
		})
	}
}

// dsnOf names another database of the same server.
func dsnOf(cfg *pgx.ConnConfig, database string) string {
	dsn := "host=" + cfg.Host + " user=" + cfg.User + " dbname=" + database
	if cfg.Password != "" {
		dsn += " password=" + cfg.Password
	}
	if cfg.Port != 0 {
		dsn += " port=" + itoa(int(cfg.Port))
	}
	if cfg.TLSConfig == nil {
		dsn += " sslmode=disable"
	}
	return dsn
}

func TestSQLDigestFollowsTheTexts(t *testing.T) {
	dsn := pgtest.Database(t)
	digest := func(opts source.Options) string {
		opts.DSN = dsn
		return open(t, opts).SQLDigest()
	}
	plain := digest(source.Options{})
	if again := digest(source.Options{MessagesFile: "other-name.sql"}); again != plain {
		t.Error("the same texts have two digests")
	}
	seen := map[string]string{plain: "canonical"}
	for name, opts := range map[string]source.Options{
		"conversations": {ConversationsSQL: "select 'x' as id"},
		"messages":      {MessagesSQL: "select 'x' as id"},
		"managers":      {ManagersSQL: "select 'x' as id"},
	} {
		d := digest(opts)
		if other, ok := seen[d]; ok {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[d] = name
	}
}
