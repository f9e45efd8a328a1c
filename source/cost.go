package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Cost is what reading the legacy database takes, as its planner sees it.
type Cost struct {
	Conversations, Messages int64         // rows, estimated
	Page                    time.Duration // what reading one message took; 0: there is none
	Warnings                []Difference  // what makes reading slow
}

// Cost looks at the plans of the queries, without reading more than one message.
// The queries must fit the contract.
func (db *DB) Cost(ctx context.Context) (Cost, error) {
	var c Cost
	var err error
	if c.Conversations, err = db.estimate(ctx, db.conversations); err != nil {
		return c, err
	}
	if c.Messages, err = db.estimate(ctx, db.messages); err != nil {
		return c, err
	}
	conversation, id, err := db.anyMessage(ctx)
	var sql *sqlError
	switch {
	case errors.As(err, &sql) && sql.state == "57014":
		c.Warnings = append(c.Warnings, Difference{Query: db.messages.name,
			Problem: fmt.Sprintf("its first row takes longer than %s: the query sorts or groups everything before it returns anything", lookLimit),
			Hint:    "Take order by, distinct, limit and what else needs all rows out of the query."})
		return c, nil
	case err != nil:
		return c, err
	case id == "":
		return c, nil
	}
	if c.Warnings, err = db.scans(ctx, conversation, id); err != nil {
		return c, err
	}
	begun := time.Now()
	if _, _, err = db.Messages(ctx, conversation, []string{id}); err != nil {
		return c, err
	}
	c.Page = time.Since(begun)
	return c, nil
}

// lookLimit bounds what is read for a look.
const lookLimit = 10 * time.Second

// plan is a node of what EXPLAIN shows.
type plan struct {
	Type      string  `json:"Node Type"`
	Schema    string  `json:"Schema"`
	Relation  string  `json:"Relation Name"`
	Alias     string  `json:"Alias"`
	Rows      float64 `json:"Plan Rows"`
	Filter    string  `json:"Filter"`
	IndexCond string  `json:"Index Cond"`
	HashCond  string  `json:"Hash Cond"`
	MergeCond string  `json:"Merge Cond"`
	JoinCond  string  `json:"Join Filter"`
	Plans     []plan  `json:"Plans"`
}

// explain asks for the plan of a statement.
func (t tx) explain(ctx context.Context, statement string, params ...string) (plan, error) {
	var shown []struct{ Plan plan }
	result := t.query(ctx, "explain (format json, verbose) "+statement, textFormat, params...)
	var text []byte
	for result.NextRow() {
		text = append(text, result.Values()[0]...)
	}
	if _, err := result.Close(); err != nil {
		return plan{}, err
	}
	if err := json.Unmarshal(text, &shown); err != nil || len(shown) != 1 {
		return plan{}, errors.New("the plan cannot be read")
	}
	return shown[0].Plan, nil
}

func (db *DB) estimate(ctx context.Context, q query) (int64, error) {
	var rows int64
	err := db.read(ctx, func(ctx context.Context, t tx) error {
		p, err := t.explain(ctx, "select * "+q.from())
		rows = int64(p.Rows)
		return err
	})
	if err != nil {
		return 0, db.failed(ctx, "plan the legacy query", q, "", err)
	}
	return rows, nil
}

// anyMessage gives the ids of some message, "" when there is none.
func (db *DB) anyMessage(ctx context.Context) (c ConversationID, id string, err error) {
	q := db.messages
	err = db.read(ctx, func(ctx context.Context, t tx) error {
		if err := t.hurry(ctx); err != nil {
			return err
		}
		return t.rows(ctx, "select q.conversation_id::text, q.id::text "+q.from()+" where q.id is not null and q.conversation_id is not null limit 1",
			nil, func(v [][]byte) error {
				c, id = ConversationID(v[0]), string(v[1])
				return nil
			})
	})
	if err != nil {
		return "", "", db.failed(ctx, "look for a message", q, "", err)
	}
	return c, id, nil
}

// hurry lets the transaction's statements take lookLimit at most.
func (t tx) hurry(ctx context.Context) error {
	_, err := t.query(ctx, "set local statement_timeout = "+strconv.FormatInt(lookLimit.Milliseconds(), 10), textFormat).Close()
	return err
}

// maxSources is how many sources an integration can have.
const maxSources = 100

// ExternalSources lists the different values of source_external_id, one more at most
// than an account can hold sources.
func (db *DB) ExternalSources(ctx context.Context) ([]string, error) {
	q := db.conversations
	s, err := db.shape(ctx, q)
	if err != nil || !s.has("source_external_id") {
		return nil, err
	}
	var all []string
	err = db.read(ctx, func(ctx context.Context, t tx) error {
		all = nil
		if err := t.hurry(ctx); err != nil {
			return err
		}
		return t.rows(ctx, "select distinct q.source_external_id::text "+q.from()+" where q.source_external_id::text <> '' limit $1::int8",
			[]string{strconv.Itoa(maxSources + 1)}, func(v [][]byte) error {
				all = append(all, text(v[0]))
				return nil
			})
	})
	if err != nil {
		return nil, db.failed(ctx, "list the sources of conversations", q, "", err)
	}
	slices.Sort(all)
	return all, nil
}

// smallTable is how many rows nobody minds reading for each page.
const smallTable = 1000

// scans finds what the server would have to read whole for each page of messages,
// and names the index that is missing.
func (db *DB) scans(ctx context.Context, c ConversationID, id string) ([]Difference, error) {
	q := db.messages
	s, err := db.shape(ctx, q)
	if err != nil {
		return nil, err
	}
	var found []Difference
	err = db.read(ctx, func(ctx context.Context, t tx) error {
		found = nil
		// Without it a small table is read whole, whatever indexes it has.
		if _, err := t.query(ctx, "set local enable_seqscan = off", textFormat).Close(); err != nil {
			return err
		}
		root, err := t.explain(ctx, messagesStatement(s, q), string(c), arrayLiteral([]string{id}), strconv.Itoa(db.pageBytes))
		if err != nil {
			return err
		}
		for _, scan := range root.wholeScans(nil) {
			d, err := t.judge(ctx, q, scan)
			if err != nil {
				return err
			}
			if d.Problem != "" && !slices.Contains(found, d) {
				found = append(found, d)
			}
		}
		return nil
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" {
		return nil, nil // what may not be looked at cannot be judged
	}
	if err != nil {
		return nil, db.failed(ctx, "plan the legacy query", q, "", err)
	}
	return found, nil
}

// scan is a node that reads all there is below it, and how its parent joins it.
type scan struct {
	plan
	join string
}

// wholeScans lists the nodes that read a table whole, or filter what was computed
// whole.
func (p plan) wholeScans(above []string) []scan {
	var found []scan
	switch p.Type {
	case "Seq Scan", "Index Scan", "Index Only Scan":
		if p.IndexCond == "" {
			found = append(found, scan{p, strings.Join(above, " ")})
		}
	case "Subquery Scan", "CTE Scan":
		if asked(p.Filter) {
			return []scan{{p, ""}}
		}
	}
	conds := slices.Concat(above, []string{p.HashCond, p.MergeCond, p.JoinCond})
	for _, below := range p.Plans {
		found = append(found, below.wholeScans(conds)...)
	}
	return found
}

// equals finds the columns that a condition compares, and casts around them.
var equals = regexp.MustCompile(`(?:(\w+|"[^"]+")\.)?(\w+|"[^"]+")(\)::[a-z ]+(?:\[\])?)? = (ANY )?(?:\('|'|\(\(?'?\{)`)

// asked says whether a condition is ours on the ids of messages, rather than one of
// the engineer's query.
func asked(cond string) bool { return strings.Contains(cond, " = ANY ('{") }

// judge says what a scan costs and what would spare it.
func (t tx) judge(ctx context.Context, q query, s scan) (Difference, error) {
	d := Difference{Query: q.name}
	if s.Relation == "" {
		d.Problem = "the server cannot apply the condition on conversation_id and id inside the query: each page of messages computes it whole"
		d.Hint = "Keep limit, distinct, group by, union, window functions and `with … as materialized` away from the columns conversation_id and id, or make a table or materialized view with an index on them."
		return d, nil
	}
	var rows, bytes int64
	const sql = `select greatest(c.reltuples, 0)::int8, pg_catalog.pg_relation_size(c.oid)
		from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		where n.nspname = $1 and c.relname = $2`
	err := t.rows(ctx, sql, []string{s.Schema, s.Relation}, func(v [][]byte) error {
		rows, bytes = integer(v[0]), integer(v[1])
		return nil
	})
	if err != nil {
		return d, err
	}
	table := quoteName(s.Relation)
	if s.Schema != "public" {
		table = quoteName(s.Schema) + "." + table
	}
	own := asked(s.Filter)
	if !own && max(rows, bytes/100) < smallTable {
		return d, nil
	}
	d.Problem = fmt.Sprintf("no index serves to find messages by conversation_id and id: each page reads the whole table %s, some %d rows (%s)", table, rows, size(bytes))
	if !own {
		d.Problem = fmt.Sprintf("no index serves to join %s: each page of messages reads the whole table, some %d rows (%s)", table, rows, size(bytes))
	}
	columns, cast := comparedColumns(s, own)
	switch {
	case len(columns) == 0:
		d.Hint = "See the plan in psql: explain select * from (…) q where conversation_id = … and id = any(…)."
	case cast:
		d.Hint = fmt.Sprintf("Return the ids as they are in the table, without a cast (any type of id is taken), or: create index concurrently on %s (%s);", table, strings.Join(columns, ", "))
	default:
		d.Hint = fmt.Sprintf("create index concurrently on %s (%s);", table, strings.Join(columns, ", "))
	}
	return d, nil
}

// comparedColumns are the columns of a scan that its own filter, or the join above
// it, compares; cast says that it compares expressions of them.
func comparedColumns(s scan, own bool) (columns []string, cast bool) {
	if !own {
		joined := regexp.MustCompile(`\b` + regexp.QuoteMeta(s.Alias) + `\.(\w+|"[^"]+")`)
		for _, m := range joined.FindAllStringSubmatch(s.join, -1) {
			if !slices.Contains(columns, m[1]) {
				columns = append(columns, m[1])
			}
		}
		return columns, false
	}
	for _, m := range equals.FindAllStringSubmatch(s.Filter, -1) {
		column := m[2]
		if m[3] != "" {
			cast = true
			column = "(" + column + strings.TrimPrefix(m[3], ")") + ")"
		}
		switch {
		case slices.Contains(columns, column):
		case m[4] == "": // the conversation's, which comes first in an index
			columns = slices.Insert(columns, 0, column)
		default:
			columns = append(columns, column)
		}
	}
	return columns, cast
}

// size is a number of bytes for people.
func size(n int64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if n < 10000 {
			return strconv.FormatInt(n, 10) + " " + unit
		}
		n /= 1000
	}
	return strconv.FormatInt(n, 10) + " TB"
}
