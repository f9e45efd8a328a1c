package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Error is a read of the legacy database that failed. It names the query's file
// and the conversation, and holds no data of the rows.
type Error struct {
	Op           string         // what was being done
	Query        string         // file of the query, "" when none is to blame
	Conversation ConversationID // "" when the read was about all of them
	Err          error          // the cause, with the server's words only where they quote no data

	temporary bool
	hint      string
}

// Error says what failed and where, in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Query != "" {
		b.WriteString(": " + e.Query)
	}
	if e.Conversation != "" {
		fmt.Fprintf(&b, ": conversation %q", string(e.Conversation))
	}
	return b.String() + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary says that the same read may well succeed a little later: the server
// is away, restarts, or cancelled the query in favour of replication. A stream
// that broke off this way is started again from its beginning.
func (e *Error) Temporary() bool { return e.temporary }

// Hint says what to do.
func (e *Error) Hint() string {
	if e.hint != "" {
		return e.hint
	}
	var sql *sqlError
	var row *rowError
	switch {
	case errors.As(e.Err, &row):
		return row.hint
	case errors.As(e.Err, &sql):
		return sql.hint()
	case errors.Is(e.Err, errNoTransaction):
		return "Point the source's DSN at the server itself, or at a pooler in session or transaction mode."
	case e.temporary:
		return "Check that the legacy database runs and can be reached from here, then run again."
	}
	return "Check the source's DSN and that the legacy database can be reached from here."
}

// sqlError is a server's error without the parts that may quote row data: the
// detail, the context, and for errors about values the message too.
type sqlError struct {
	state   string
	message string
}

func (e *sqlError) Error() string { return e.message + " (SQLSTATE " + e.state + ")" }

// SQLState is the server's five-character code.
func (e *sqlError) SQLState() string { return e.state }

func (e *sqlError) hint() string {
	switch e.state {
	case "57014":
		return "The server's statement_timeout is too short for this query, or somebody cancelled it; raise it for the role: alter role … set statement_timeout = 0."
	case "28P01", "28000":
		return "Check the user and the password in the source's DSN, and that pg_hba.conf lets this machine in."
	case "3D000":
		return "Check the database name in the source's DSN."
	case "42501":
		return "Grant the role usage on the schema and select on the tables that the query reads."
	case "25006":
		return "The query must only read; take out what writes."
	case "53300":
		return "The server has no connection left; lower pool_max_conns in the source's DSN or free some."
	}
	if strings.HasPrefix(e.state, "22") {
		return "A row holds a value that the query's own casts or functions cannot take; run the query in psql to find it, and guard the expression."
	}
	return "Run the query in psql with the same role to see it fail."
}

// cleanCause makes a driver's error fit to be shown.
func cleanCause(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		message := "the server failed at the query"
		switch pg.Code[:2] {
		case "08", "0A", "21", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58":
			message = pg.Message
		case "22": // these quote the value
			message = "a value in the data cannot be read: " + condition(pg.Code)
		}
		return &sqlError{state: pg.Code, message: oneLine(message)}
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return &driverError{text: oneLine(connect.Error()), cause: err}
	}
	return err
}

// driverError is a driver's error in one line.
type driverError struct {
	text  string
	cause error
}

func (e *driverError) Error() string { return e.text }
func (e *driverError) Unwrap() error { return e.cause }

// condition names the usual errors about values.
func condition(state string) string {
	switch state {
	case "22P02", "22007":
		return "its text is not of the type it is cast to"
	case "22003", "22008":
		return "out of range"
	case "22012":
		return "division by zero"
	case "22021", "22P05":
		return "not valid in the database's encoding"
	case "22023", "22033":
		return "bad argument of a function"
	}
	return "it does not suit the query's expressions"
}

// rowError is a row that breaks the contract.
type rowError struct{ column, problem, hint string }

func (e *rowError) Error() string { return "column " + e.column + ": " + e.problem }

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// failed makes an Error of what a read gave. Errors that say where they are
// already are passed on.
func (db *DB) failed(ctx context.Context, op string, q query, c ConversationID, err error) error {
	if err == nil {
		return nil
	}
	var own *Error
	var contract *ContractError
	if errors.As(err, &own) || errors.As(err, &contract) {
		return err
	}
	if ctx.Err() != nil {
		return &Error{Op: op, Query: q.name, Conversation: c, Err: context.Cause(ctx), hint: "The read was ended from outside; run again to go on."}
	}
	return &Error{Op: op, Query: q.name, Conversation: c, Err: cleanCause(err), temporary: temporary(err)}
}

// temporary says whether the same statement may succeed a little later. The
// reader's own context must be alive: its end looks like a broken connection.
func temporary(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "40001", // also a conflict with recovery on a standby
			"40P01",          // deadlock, also with recovery
			"53300",          // too many connections
			"57P01", "57P02", // the server shuts down, crashed
			"57P03", // the server starts up
			"57P05": // idle session ended
			return true
		}
		return strings.HasPrefix(pg.Code, "08") && pg.Code != "08P01"
	}
	var connect *pgconn.ConnectError
	var network net.Error
	var errno syscall.Errno
	return errors.As(err, &connect) || errors.As(err, &network) || errors.As(err, &errno) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// dsnError says what is wrong with a DSN without showing any of it: parsers
// quote the part they stumble over, and that may be the password.
func dsnError(err error) error {
	e := &Error{
		Op:   "read the source's DSN",
		Err:  errors.New("it is neither a Postgres URL nor a list of key=value pairs"),
		hint: "Write it as postgres://user:password@host:5432/database; special characters in the password must be percent-encoded.",
	}
	var parse *pgconn.ParseConfigError
	if !errors.As(err, &parse) {
		return e
	}
	text := parse.Error()
	if cause := parse.Unwrap(); cause != nil {
		text = strings.TrimSuffix(text, " ("+cause.Error()+")")
	}
	// What is left after the DSN is one of the parser's fixed phrases.
	if i := strings.LastIndex(text, "`: "); i >= 0 {
		e.Err = errors.New(text[i+len("`: "):])
	}
	return e
}
