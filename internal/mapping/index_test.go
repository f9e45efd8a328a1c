package mapping_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// The conditions that package source puts around the queries.
const (
	bodies  = "select q.*, count(*) over () from (\n%s\n) q where %s"
	clients = "select q.* from (\n%s\n) q where %s"
)

// TestIndexesServe asks Postgres how it would read some messages of one
// conversation, and conversations by their ids, out of tables that are worth an
// index.
func TestIndexesServe(t *testing.T) {
	for _, c := range []struct {
		like, grow, messages, conversations string

		want map[string]bool
	}{
		{"helpdesk", `
			insert into contacts select n + 1000, 'n' from generate_series(1, 2000) n;
			insert into conversations select n + 1000, n + 1000, 0 from generate_series(1, 2000) n;
			insert into messages (id, conversation_id, message_type, sender_type, sender_id, created_at)
				select n + 1000, n % 100 + 1000, 0, 'Contact', n % 100 + 1000, 'epoch'::timestamp + n * interval '1 s' from generate_series(1, 10000) n;
			insert into attachments (id, message_id, file_type) select n + 1000, n + 1000, 0 from generate_series(1, 10000) n;
			analyze`,
			"q.conversation_id = '1042'::bigint and q.id = any('{1142,1242,1342-a7}'::text[])",
			"q.id = any('{1042,1043}'::bigint[])",
			map[string]bool{"attachments": true, "contacts": true, "conversations": true, "messages": true}},
		{"bot", `
			insert into bot_users select md5(n::text)::uuid, '{}' from generate_series(1, 2000) n;
			insert into dialogs select md5(n::text)::uuid, md5(n::text)::uuid from generate_series(1, 2000) n;
			insert into events (id, dialog_id, n, created_at, author, type, edit_of)
				select md5(n::text)::uuid, md5((n % 100)::text)::uuid, n, 'epoch'::timestamp + n * interval '1 s', 'user', 'text', md5((n - 100)::text)::uuid
				from generate_series(1, 10000) n;
			analyze`,
			"q.conversation_id = md5('42')::uuid and q.id = any(array[md5('142'), md5('242'), md5('342')]::uuid[])",
			"q.id = any(array[md5('42'), md5('43')]::uuid[])",
			map[string]bool{"bot_users": true, "dialogs": true, "events": true}},
	} {
		dsn := load(t, c.like)
		exec(t, dsn, c.grow)
		m := like(t, c.like)
		got := tables(t, dsn, fmt.Sprintf(bodies, m.Messages, c.messages), fmt.Sprintf(clients, m.Conversations, c.conversations))
		if diff := gocmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: tables, and whether only what an index finds is read (-want +got):\n%s", c.like, diff)
		}
	}
}

// TestWhatKeepsIndexesFromServing holds the advice of docs/mapping.md.
func TestWhatKeepsIndexesFromServing(t *testing.T) {
	dsn := load(t, "helpdesk")
	exec(t, dsn, `insert into messages (id, conversation_id, message_type, created_at)
		select n + 1000, n % 100 + 1000, 0, 'epoch'::timestamp + n * interval '1 s' from generate_series(1, 10000) n;
		analyze`)
	for _, c := range []struct {
		query string
		want  bool
	}{
		{"select conversation_id, id::text from messages", true},
		{"select conversation_id, 'm' || id as id from messages", true},
		{"select conversation_id::text, id::text from messages", false},
		{"select conversation_id, id::text, row_number() over (partition by conversation_id order by id) as seq from messages", true},
		{"select conversation_id, id::text, row_number() over (order by id) as seq from messages", false},
		{"select distinct on (conversation_id, created_at) conversation_id, id::text from messages", true},
		{"select distinct on (created_at) conversation_id, id::text from messages", false},
		{"select conversation_id, id::text from messages limit 1000000", false},
	} {
		got := tables(t, dsn, fmt.Sprintf(bodies, c.query, "q.conversation_id = '1042' and q.id = any('{1142,1242}'::text[])"))
		if got["messages"] != c.want {
			t.Errorf("%s: an index serves: %v", c.query, got["messages"])
		}
	}
}

// tables are those that the statements read, and whether in each only those rows
// that an index finds.
func tables(t *testing.T, dsn string, statements ...string) map[string]bool {
	t.Helper()
	conn := connect(t, dsn)
	all := map[string]bool{}
	for _, statement := range statements {
		var text []byte
		if err := conn.QueryRow(t.Context(), "explain (format json) "+statement).Scan(&text); err != nil {
			t.Fatal(err)
		}
		var plans []struct{ Plan node }
		if err := json.Unmarshal(text, &plans); err != nil {
			t.Fatal(err)
		}
		plans[0].Plan.walk(func(n node) {
			if n.Table != "" {
				before, there := all[n.Table]
				all[n.Table] = n.byIndex() && (before || !there)
			}
		})
	}
	return all
}

// node is a step of a plan.
type node struct {
	Type  string `json:"Node Type"`
	Table string `json:"Relation Name"`
	Index string `json:"Index Cond"`
	Plans []node
}

func (n node) walk(do func(node)) {
	do(n)
	for _, p := range n.Plans {
		p.walk(do)
	}
}

// byIndex reports whether only those rows are read that an index finds.
func (n node) byIndex() bool {
	if n.Type == "Bitmap Heap Scan" {
		return true // the bitmap comes of an index and its condition
	}
	return strings.HasPrefix(n.Type, "Index ") && n.Index != ""
}
