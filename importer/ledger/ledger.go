// Package ledger is the migration's memory in Postgres: which legacy messages
// there are, what became of each, and the one request per conversation whose end
// is not known. A run starts from it and nothing else, so it can be killed at any
// moment. It holds no texts, names, phones, e-mails or secrets.
//
// It works behind a transaction pooler: no session state, no named statements.
package ledger

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed sql/*.sql
var statements embed.FS

const (
	// connectTimeout bounds one attempt to connect when the DSN sets no
	// connect_timeout, so that a silent firewall is noticed.
	connectTimeout = 10 * time.Second
	// idleLimit is how long a transaction may stand idle before Postgres ends it, in
	// milliseconds. A process that merely was slow repeats it.
	idleLimit = "5000"
)

// DefaultSchema is the schema of a ledger whose config names none.
const DefaultSchema = "amoimport"

// ErrLeaseLost means that another run took the ledger over, or may have. Nothing
// may be sent or recorded any more.
var ErrLeaseLost = errors.New("another run has taken the ledger over")

// Options say where a ledger is.
type Options struct {
	DSN    string
	Schema string // DefaultSchema when empty
	// Waiting is told why a call waits, each time it starts to, and "" when it
	// goes on. Nil: nobody is told.
	Waiting func(reason string)
	// Dial opens the connections to Postgres. Nil: the usual way.
	Dial pgconn.DialFunc
	// Wall is the machine's clock, which may jump. Nil: time.Now.
	Wall func() time.Time
}

// Ledger is an open ledger. Reads are free to all; writes need Acquire first.
type Ledger struct {
	pool    *pgxpool.Pool
	dsn     string
	dial    pgconn.DialFunc
	wires   *wires // of the pool
	schema  string
	sql     map[string]string
	waiting func(string)
	wall    func() time.Time
	lease   *Lease
	made    bool // the schema was created by this Open
	commits committer
}

// Open connects and brings the schema up to date.
func Open(ctx context.Context, o Options) (*Ledger, error) {
	l, err := Connect(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := l.migrate(ctx); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Connect opens a ledger for reading: it creates and changes nothing, and fails
// where there is no ledger when it is read.
func Connect(ctx context.Context, o Options) (*Ledger, error) {
	if o.Schema == "" {
		o.Schema = DefaultSchema
	}
	if o.Waiting == nil {
		o.Waiting = func(string) {}
	}
	cfg, err := pgxpool.ParseConfig(o.DSN)
	if err != nil {
		return nil, &Error{Op: "read the ledger's DSN", Err: err,
			Advice: "set AMOIMPORT_LEDGER_DSN to something like postgres://user:password@host:5432/database"}
	}
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	cfg.ConnConfig.StatementCacheCapacity = 0
	cfg.ConnConfig.DescriptionCacheCapacity = 0
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "amoimport"
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	if o.Dial != nil {
		cfg.ConnConfig.DialFunc = o.Dial
	}
	if o.Wall == nil {
		o.Wall = time.Now
	}
	open := &wires{open: map[*wire]struct{}{}}
	cfg.ConnConfig.DialFunc = open.dial(cfg.ConnConfig.DialFunc)
	cfg.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, &Error{Op: "open the ledger", Err: err}
	}
	l := &Ledger{pool: pool, dsn: o.DSN, dial: o.Dial, wires: open, schema: o.Schema, sql: statementsFor(o.Schema), waiting: o.Waiting, wall: o.Wall}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, &Error{Op: "connect to the ledger's database", Err: brief(err),
			Advice: "check ledger.dsn (or AMOIMPORT_LEDGER_DSN), and that the server is up, has the database and lets this machine in"}
	}
	return l, nil
}

// Close closes the connections. A lease held is left to run out; Release it first.
func (l *Ledger) Close() { l.pool.Close() }

// schemaName is how SQL text and migrations name the schema.
var schemaName = regexp.MustCompile(`\bamoimport\.`)

// inSchema puts the configured schema into SQL text: the one place that does.
func inSchema(sql, schema string) string {
	return schemaName.ReplaceAllLiteralString(sql, pgx.Identifier{schema}.Sanitize()+".")
}

func statementsFor(schema string) map[string]string {
	files, err := statements.ReadDir("sql")
	if err != nil {
		panic(err) // embedded: cannot fail
	}
	all := make(map[string]string, len(files))
	for _, f := range files {
		text, err := statements.ReadFile(path.Join("sql", f.Name()))
		if err != nil {
			panic(err)
		}
		all[strings.TrimSuffix(f.Name(), ".sql")] = inSchema(string(text), schema)
	}
	return all
}

// statement is the SQL of that name. A name that does not exist is a mistake in
// this package, which its first test run finds.
func (l *Ledger) statement(name string) string {
	text, ok := l.sql[name]
	if !ok {
		panic("ledger: no statement " + name)
	}
	return text
}

// write runs f in a transaction that first proves the lease, and repeats it while
// Postgres is away or asks for a repeat. A commit whose answer was lost is
// repeated too, so f must be idempotent.
func (l *Ledger) write(ctx context.Context, op string, f func(pgx.Tx) error) error {
	repeat := false
	return l.again(ctx, op, func() error {
		defer func() { repeat = true }()
		return l.transact(ctx, repeat, f)
	})
}

// transact runs f once in a transaction that proves the lease. Before a repeat it
// ends what the try before it may have left half-written, and locked.
func (l *Ledger) transact(ctx context.Context, repeat bool, f func(pgx.Tx) error) error {
	if repeat {
		if _, err := l.pool.Exec(ctx, l.statement("end_stuck")); err != nil {
			return err
		}
	}
	return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		if err := l.prove(ctx, tx); err != nil {
			return err
		}
		return f(tx)
	})
}

// prove fails when the epoch is no longer ours; while the transaction lasts,
// nobody can take it.
func (l *Ledger) prove(ctx context.Context, tx pgx.Tx) error {
	if l.lease == nil {
		return errors.New("no lease is held")
	}
	var limit string
	err := tx.QueryRow(ctx, l.statement("check_epoch"), l.lease.epoch, idleLimit).Scan(&limit)
	if errors.Is(err, pgx.ErrNoRows) {
		l.lease.lose()
		return ErrLeaseLost
	}
	return err
}

// read repeats f while Postgres is away.
func (l *Ledger) read(ctx context.Context, op string, f func() error) error {
	return l.again(ctx, op, f)
}

// again calls f until it succeeds, fails for good, or the context ends.
func (l *Ledger) again(ctx context.Context, op string, f func() error) error {
	pause := 50 * time.Millisecond
	told := false
	defer func() {
		if told {
			l.waiting("")
		}
	}()
	for {
		err := f()
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrLeaseLost) {
			return err
		}
		if ctx.Err() != nil {
			return l.fail(op, fmt.Errorf("%w: %w", ctx.Err(), err))
		}
		if !passing(err) {
			return l.fail(op, err)
		}
		tell := func() {
			if !told {
				told = true
				l.waiting("waiting for the ledger's database")
			}
		}
		if pause > time.Second {
			tell()
		}
		select {
		case <-ctx.Done():
			return l.fail(op, fmt.Errorf("%w: %w", ctx.Err(), err))
		case <-time.After(pause):
		}
		if l.lease != nil {
			if err := l.lease.answered(ctx, tell); err != nil {
				return l.fail(op, err)
			}
		}
		pause = min(2*pause, 5*time.Second)
	}
}
