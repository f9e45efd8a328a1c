package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/amoimport/amoimport/migrations"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// plainName is what a schema may be called: a name that means the same with and
// without quotes, since the migration tool does not quote its tables.
var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,40}$`)

// migrate creates the schema and applies what migrations it has not seen. Two
// processes may do so at once: whoever is beaten to a schema or a table looks again.
func (l *Ledger) migrate(ctx context.Context) error {
	var err error
	for range 10 {
		if err = l.tryMigrate(ctx); !beatenTo(err) {
			break
		}
	}
	return err
}

// beatenTo says whether something was not created because another session did so at
// the same moment. Postgres says that it is there, or, if that session had not
// committed when it looked, that a name in its catalogue is not unique. "If not
// exists" guards against neither.
func beatenTo(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case "42P06", "42P07": // the schema, the table
		return true
	case "23505":
		return strings.HasPrefix(pg.ConstraintName, "pg_")
	}
	return false
}

// tryMigrate does what migrate says, alone: a table lock, not an advisory one, lets
// one process through, because a pooler gives no session to hold the other kind.
func (l *Ledger) tryMigrate(ctx context.Context) error {
	if !plainName.MatchString(l.schema) {
		return &Error{Op: "use the schema " + fmt.Sprintf("%q", l.schema), Err: fmt.Errorf("the name is not plain"),
			Advice: "set ledger.schema to lower-case letters, digits and underscores"}
	}
	cfg, err := pgx.ParseConfig(l.dsn)
	if err != nil {
		return l.fail("read the ledger's DSN", err)
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	if l.dial != nil {
		cfg.DialFunc = l.dial
	}
	db := stdlib.OpenDB(*cfg)
	defer db.Close()

	// Looked for first: "create schema if not exists" wants the right to create
	// schemas even where an administrator made this one.
	var there bool
	if err := db.QueryRowContext(ctx, "select exists (select from pg_namespace where nspname = $1)", l.schema).Scan(&there); err != nil {
		return l.fail("look for the ledger's schema", err)
	}
	if !there {
		if _, err := db.ExecContext(ctx, "create schema "+pgx.Identifier{l.schema}.Sanitize()); err != nil {
			return l.fail("create the ledger's schema", err)
		}
		l.made = true
	}
	locker, err := lock.NewPostgresTableLocker(
		lock.WithTableName(l.schema+".migration_lock"),
		lock.WithTableLeaseDuration(10*time.Second),
		lock.WithTableHeartbeatInterval(2*time.Second),
		lock.WithTableLockTimeout(time.Second, 60),
	)
	if err != nil {
		return l.fail("prepare the ledger's migrations", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, schemaFiles{migrations.Files, l.schema},
		goose.WithTableName(l.schema+".migration"), goose.WithLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return l.fail("prepare the ledger's migrations", err)
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return l.fail("look at the ledger's version", err)
	}
	if !pending {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return l.fail("bring the ledger's schema up to date", err)
	}
	return nil
}

// Made says that there was no ledger before this Open.
func (l *Ledger) Made() bool { return l.made }

// Drop removes the whole schema: for scratch ledgers.
func (l *Ledger) Drop(ctx context.Context) error {
	_, err := l.pool.Exec(ctx, "drop schema if exists "+pgx.Identifier{l.schema}.Sanitize()+" cascade")
	if err != nil {
		return l.fail("drop the schema "+l.schema, err)
	}
	return nil
}

// schemaFiles are SQL files with the schema's name put in.
type schemaFiles struct {
	fs.FS
	schema string
}

func (s schemaFiles) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return &schemaFile{Reader: bytes.NewReader([]byte(inSchema(string(text), s.schema))), info: info}, nil
}

type schemaFile struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f *schemaFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *schemaFile) Close() error               { return nil }
