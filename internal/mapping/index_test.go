package mapping_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// TestIndexesServe asks Postgres how it would read some messages of one
// conversation, and conversations by their ids, out of tables that are worth an
// index. Package source puts these conditions around the queries.
func TestIndexesServe(t *testing.T) {
	for _, c := range []struct {
		like, grow, ids, conversations string
		want                           []string // tables that are read, each through an index alone
	}{
		{"helpdesk", `
			insert into contacts select n + 1000, 'n' from generate_series(1, 5000) n;
			insert into conversations select n + 1000, n + 1000, 0 from generate_series(1, 5000) n;
			insert into messages (id, conversation_id, message_type, sender_type, sender_id, created_at)
				select n + 1000, n % 200 + 1000, 0, 'Contact', n % 200 + 1000, 'epoch'::timestamp + n * interval '1 s' from generate_series(1, 20000) n;
			insert into attachments (id, message_id, file_type) select n + 1000, n + 1000, 0 from generate_series(1, 20000) n;
			analyze`,
			"q.conversation_id = '1042'::bigint and q.id = any('{1242,1442,1642-a7}'::text[])",
			"q.id = any('{1042,1043}'::bigint[])",
			[]string{"attachments", "contacts", "conversations", "messages"}},
		{"bot", `
			insert into bot_users select md5(n::text)::uuid, '{}' from generate_series(1, 5000) n;
			insert into dialogs select md5(n::text)::uuid, md5(n::text)::uuid from generate_series(1, 5000) n;
			insert into events (id, dialog_id, n, created_at, author, type, edit_of)
				select md5(n::text)::uuid, md5((n % 200)::text)::uuid, n, 'epoch'::timestamp + n * interval '1 s', 'user', 'text', md5((n - 200)::text)::uuid
				from generate_series(1, 20000) n;
			analyze`,
			"q.conversation_id = md5('42')::uuid and q.id = any(array[md5('242'), md5('442'), md5('642')]::uuid[])",
			"q.id = any(array[md5('42'), md5('43')]::uuid[])",
			[]string{"bot_users", "dialogs", "events"}},
	} {
		dsn := load(t, c.like)
		exec(t, dsn, c.grow)
		m := like(t, c.like)
		got := map[string]bool{} // table: through an index alone
		var said strings.Builder
		for _, statement := range []string{
			fmt.Sprintf("select q.*, count(*) over () from (\n%s\n) q where %s", m.Messages, c.ids),
			fmt.Sprintf("select q.* from (\n%s\n) q where %s", m.Conversations, c.conversations),
		} {
			var text []byte
			if err := connect(t, dsn).QueryRow(t.Context(), "explain (format json) "+statement).Scan(&text); err != nil {
				t.Fatal(err)
			}
			var plans []struct{ Plan node }
			if err := json.Unmarshal(text, &plans); err != nil {
				t.Fatal(err)
			}
			plans[0].Plan.walk(func(n node) {
				if n.Table != "" {
					before, there := got[n.Table]
					got[n.Table] = n.byIndex() && (before || !there)
				}
			})
			said.Write(text)
		}
		want := map[string]bool{}
		for _, table := range c.want {
			want[table] = true
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s: tables, and whether an index alone is used (-want +got):\n%s\n%s", c.like, diff, said.String())
		}
	}
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
