package source

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// beginReadOnly opens a transaction in which nothing can be written and in which
// the server's, database's and role's settings do not show in what is read. All
// of it ends with the transaction.
const beginReadOnly = `begin isolation level read committed read only;` +
	` set local timezone = 'UTC'; set local datestyle = 'ISO, MDY'; set local intervalstyle = 'postgres';` +
	` set local extra_float_digits = 1; set local bytea_output = 'hex'; set local standard_conforming_strings = on`

// Formats of values on the wire.
var (
	textFormat   = []int16{0}
	binaryFormat = []int16{1}
)

// tx is an open read-only transaction.
type tx struct{ conn *pgconn.PgConn }

// query runs one statement with text parameters. The extended protocol takes
// one statement only, so nothing in the engineer's text can end the transaction.
func (t tx) query(ctx context.Context, sql string, formats []int16, params ...string) *pgconn.ResultReader {
	values := make([][]byte, len(params))
	for i, p := range params {
		values[i] = []byte(p)
	}
	return t.conn.ExecParams(ctx, sql, values, nil, nil, formats)
}

// rows runs one statement and calls row for every row, whose values are good
// until row returns.
func (t tx) rows(ctx context.Context, sql string, params []string, row func(values [][]byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	result := t.query(ctx, sql, binaryFormat, params...)
	for result.NextRow() {
		if err := row(result.Values()); err != nil {
			// Reading on to the end could take minutes: break the connection.
			cancel()
			result.Close()
			return err
		}
	}
	_, err := result.Close()
	return err
}

// errNoTransaction is what a pooler in statement mode gives.
var errNoTransaction = errors.New("the server or a pooler in front of it holds no transaction open")

// read runs f in a read-only transaction.
func (db *DB) read(ctx context.Context, f func(context.Context, tx) error) error {
	pooled, err := db.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	// A connection that is closed or not idle is thrown away by the pool.
	defer pooled.Release()
	conn := pooled.Conn().PgConn()
	if _, err := conn.Exec(ctx, db.begin).ReadAll(); err != nil {
		return err
	}
	if conn.TxStatus() != 'T' {
		return errNoTransaction
	}
	if err := f(ctx, tx{conn}); err != nil {
		if !conn.IsClosed() {
			// Best effort; the pool drops a connection that is still in a transaction.
			_, _ = conn.Exec(ctx, "rollback").ReadAll()
		}
		return err
	}
	_, err = conn.Exec(ctx, "commit").ReadAll()
	return err
}

// Waits between two attempts while the server is away.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 15 * time.Second
)

// persist repeats a read for as long as its failure is temporary and ctx lives.
// Of the readers that failed only one asks again at a time, so that an outage
// ends with one probe and not with a stampede.
func (db *DB) persist(ctx context.Context, f func(context.Context, tx) error) error {
	err := db.read(ctx, f)
	if err == nil || ctx.Err() != nil || !temporary(err) {
		return err
	}
	select {
	case db.probe <- struct{}{}:
	case <-ctx.Done():
		return err
	}
	defer func() { <-db.probe }()
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err = db.read(ctx, f)
		if err == nil || ctx.Err() != nil || !temporary(err) {
			return err
		}
		if rest(ctx, wait/2+rand.N(wait/2)) != nil {
			return err
		}
	}
}

// rest waits, unless ctx ends first.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Again begins a longer reading anew for as long as the legacy database breaks it off.
// broke is told each time, before it waits.
func Again(ctx context.Context, read func() error, broke func(error)) error {
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		err := read()
		var failed interface{ Temporary() bool } // an *Error, or one of another source
		if err == nil || ctx.Err() != nil || !errors.As(err, &failed) || !failed.Temporary() {
			return err
		}
		broke(err)
		if err := rest(ctx, pause); err != nil {
			return err
		}
	}
}
