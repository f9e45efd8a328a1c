package source

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Difference is one thing in which a query does not fit the contract.
type Difference struct {
	Query   string // file of the query
	Column  string // "" when it is about the whole query
	Problem string
	Hint    string // what to do, "" when the problem says it all
}

// String is the difference in one line, without the hint.
func (d Difference) String() string {
	if d.Column == "" {
		return d.Query + ": " + d.Problem
	}
	return d.Query + ": column " + d.Column + ": " + d.Problem
}

// ContractError lists everything in which the three queries do not fit.
type ContractError struct{ Differences []Difference }

// Error names all differences in one line.
func (e *ContractError) Error() string {
	all := make([]string, len(e.Differences))
	for i, d := range e.Differences {
		all[i] = d.String()
	}
	return "the legacy queries do not fit: " + strings.Join(all, "; ")
}

// Hint says what to do.
func (e *ContractError) Hint() string {
	if len(e.Differences) == 1 && e.Differences[0].Hint != "" {
		return e.Differences[0].Hint
	}
	return "Correct the named queries so that they return the columns of the contract; extra columns do no harm."
}

// shape is what Postgres says a query returns.
type shape struct {
	columns map[string]pgType
	names   []string // in the query's order
}

// has says whether the query returns the column.
func (s shape) has(name string) bool {
	_, ok := s.columns[name]
	return ok
}

// Check asks Postgres what the three queries would return, without reading a
// row, and compares names and types with the contract. All differences come at
// once, as *ContractError; any other error is about the connection.
func (db *DB) Check(ctx context.Context) error {
	var all []Difference
	for _, q := range []query{db.conversations, db.messages, db.managers} {
		if _, err := db.describe(ctx, q); err != nil {
			var contract *ContractError
			if !errors.As(err, &contract) {
				return err
			}
			all = append(all, contract.Differences...)
		}
	}
	if len(all) > 0 {
		return &ContractError{all}
	}
	return nil
}

// shape is what the query returns, asked for once.
func (db *DB) shape(ctx context.Context, q query) (shape, error) {
	db.mu.Lock()
	s, ok := db.shapes[q.table.name]
	db.mu.Unlock()
	if ok {
		return s, nil
	}
	return db.describe(ctx, q)
}

// describe asks Postgres what the query returns, compares that with the
// contract, and keeps it when it fits.
func (db *DB) describe(ctx context.Context, q query) (shape, error) {
	if q.fault != "" {
		return shape{}, &ContractError{[]Difference{{
			Query: q.name, Problem: q.fault,
			Hint: "Write one select statement without parameters.",
		}}}
	}
	s := shape{columns: make(map[string]pgType)}
	var twice []string // names that the query returns more than once
	statement := "select * " + q.from() + " limit 0"
	err := db.read(ctx, func(ctx context.Context, t tx) error {
		result := t.query(ctx, statement, textFormat)
		fields := result.FieldDescriptions()
		oids := make([]uint32, len(fields))
		s.names = make([]string, len(fields))
		for i, f := range fields {
			s.names[i], oids[i] = f.Name, f.DataTypeOID
		}
		if _, err := result.Close(); err != nil {
			return err
		}
		types, err := t.types(ctx, oids)
		if err != nil {
			return err
		}
		for i, name := range s.names {
			if s.has(name) {
				twice = append(twice, name)
			}
			s.columns[name] = types[oids[i]]
		}
		return nil
	})
	var pg *pgconn.PgError
	if err != nil && errors.As(err, &pg) && blamesQuery(pg.Code) {
		return shape{}, &ContractError{[]Difference{refusal(q, statement, pg)}}
	}
	if err != nil {
		return shape{}, db.failed(ctx, "look at the legacy query", q, "", err)
	}
	if diffs := db.compare(q, s, twice); len(diffs) > 0 {
		return shape{}, &ContractError{diffs}
	}
	db.mu.Lock()
	db.shapes[q.table.name] = s
	db.mu.Unlock()
	return s, nil
}

// types looks up the names of types.
func (t tx) types(ctx context.Context, oids []uint32) (map[uint32]pgType, error) {
	list := make([]string, len(oids))
	for i, oid := range oids {
		list[i] = strconv.FormatUint(uint64(oid), 10)
	}
	const sql = `select t.oid::int8::text, pg_catalog.format_type(t.oid, -1), t.typname::text, (t.typtype = 'e')::text
		from pg_catalog.pg_type t where t.oid = any($1::oid[])`
	types := make(map[uint32]pgType)
	err := t.rows(ctx, sql, []string{arrayLiteral(list)}, func(v [][]byte) error {
		oid, err := strconv.ParseUint(string(v[0]), 10, 32)
		types[uint32(oid)] = pgType{name: string(v[1]), base: string(v[2]), enum: string(v[3]) == "true"}
		return err
	})
	return types, err
}

// compare lists in what the query's columns differ from the contract's.
func (db *DB) compare(q query, s shape, twice []string) []Difference {
	var diffs, misnames []Difference
	add := func(column, problem, hint string) {
		diffs = append(diffs, Difference{Query: q.name, Column: column, Problem: problem, Hint: hint})
	}
	for _, name := range twice {
		if _, ok := q.table.column(name); ok {
			add(name, "is returned twice", "Name the columns in the select list and leave one of them out.")
		}
	}
	for _, c := range q.table.columns {
		t, ok := s.columns[c.name]
		switch {
		case !ok && c.required:
			problem, hint := missing(c, q.table, s)
			add(c.name, problem, hint)
		case !ok:
		case !c.class.accepts(t):
			hint := "Return " + c.class.wants() + "."
			if sql := c.advice(c.name, t); sql != "" {
				hint = fmt.Sprintf("Return %s, for example `%s as %s`.", c.class.wants(), sql, c.name)
			}
			add(c.name, fmt.Sprintf("has the type %s, which is not %s", t.name, c.class.wants()), hint)
		case t.base == "timestamp" && db.timezone == nil:
			add(c.name, "is a timestamp without zone, and no zone is configured",
				"Set source.timezone to the zone the times were written in, such as Europe/Moscow; converting in the query would keep indexes from serving.")
		}
	}
	for _, name := range s.names {
		if _, known := q.table.column(name); known || len(diffs) > 0 {
			continue // what is missing has its own suggestions
		}
		if c, ok := misnamed(name, q.table, s); ok {
			misnames = append(misnames, Difference{Query: q.name, Column: name,
				Problem: "is not in the contract, and " + c.name + " is missing: its values would not be moved",
				Hint:    fmt.Sprintf("Did you mean `%s as %s`? If not, leave the column out, or add `null as %[2]s`.", quoteName(name), c.name)})
		}
	}
	return append(diffs, misnames...)
}

// blamesQuery says whether an error at describing a query is the query's fault:
// syntax, names and rights, constants that do not fit their type, an attempt to
// write, a feature the server lacks, more than the server can take.
func blamesQuery(state string) bool {
	switch state[:2] {
	case "42", "22", "0A", "54", "3F":
		return true
	}
	return state == "25006" || state == "08P01"
}

// refusal tells what Postgres has against a query. Nothing was read, so its
// message quotes the query's own text and no data.
func refusal(q query, statement string, pg *pgconn.PgError) Difference {
	d := Difference{Query: q.name, Problem: oneLine(pg.Message)}
	if line := q.line(statement, pg.Position); line > 0 {
		d.Problem = fmt.Sprintf("line %d: %s", line, d.Problem)
	}
	switch pg.Code {
	case "42P01", "3F000":
		d.Hint = "Check the table's name and schema; the role's search_path may not hold the schema, so write schema.table."
	case "42703":
		d.Hint = oneLine(pg.Hint)
		if d.Hint == "" {
			d.Hint = "Check the column's name against the table."
		}
	case "42501":
		d.Hint = "Grant the role usage on the schema and select on the tables that the query reads."
	case "25006":
		d.Hint = "The query must only read; take out what writes."
	case "42601":
		d.Hint = "The query must be one select that also runs inside brackets: select * from (…) q."
	default:
		d.Hint = "Run the query in psql with the same role to see it fail."
	}
	return d
}
