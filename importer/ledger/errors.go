package ledger

import (
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// passing says whether an error is Postgres's passing trouble: a lost connection,
// a restart, a serialization failure, a full disk.
func passing(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code[:2] {
		case "08", "40", "53", "57", "58":
			return pg.Code != "57014" // cancelled on request
		}
		return pg.Code == "25P03" // stood idle in a transaction: this process was frozen for a while
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return pgconn.SafeToRetry(err) || errors.As(err, &network) || errors.As(err, &connect) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// brief is the one thing that matters of a failed connection: what the server said,
// or why there was none. The driver tries each address with and without TLS and
// tells of all.
func brief(err error) error {
	var pg *pgconn.PgError
	var op *net.OpError
	switch {
	case errors.As(err, &pg):
		return pg
	case errors.As(err, &op):
		return op
	}
	return err
}

// errGap says that the ledger was not set up before it was used.
var errGap = errors.New("the ledger does not hold what it must")

// dataFault says whether Postgres refused a value: class 22 (data exception) or
// 23 (constraint).
func dataFault(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23"))
}

func (l *Ledger) fail(op string, err error) error {
	e := &Error{Op: op, Err: err}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case pg.Code == "42703", pg.Code == "42P01" && !firstTables.MatchString(pg.Message):
			e.Err = fmt.Errorf("%w: %w", errOlder, err)
			e.Advice = "amoimport run brings it up to date; amoimport status shows it as it is"
		case pg.Code == "42P01", pg.Code == "3F000":
			e.Err = &absentError{l.schema}
			e.Advice = "start with amoimport run, or check ledger.dsn (or AMOIMPORT_LEDGER_DSN) and ledger.schema"
		case pg.Code == "42501":
			e.Advice = "give the ledger's role the right to create and use its schema"
		}
	}
	return e
}

// firstTables are those that every ledger has.
var firstTables = regexp.MustCompile(`\.(setup|lease|person|client|conversation|message|event|learned)"`)

// errOlder says that a ledger lacks what this version of the program looks for.
var errOlder = errors.New("this ledger was made by an older version of amoimport, and not brought up to date yet")

// absentError says that a schema holds no ledger.
type absentError struct{ schema string }

func (e *absentError) Error() string {
	return fmt.Sprintf("there is no ledger in schema %s of this database yet", e.schema)
}

// Error is a failure of the ledger.
type Error struct {
	Op     string // what was being done
	Err    error
	Advice string
}

func (e *Error) Error() string {
	// A PgError prints severity, message and code; its detail can hold row data
	// and stays out.
	return "ledger: cannot " + e.Op + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *Error) Hint() string { return e.Advice }
