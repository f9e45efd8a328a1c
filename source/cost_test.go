package source_test

import (
	"strings"
	"testing"

	"github.com/amoimport/amoimport/source"
)

// TestCostNamesTheIndex: where the messages of a conversation cannot be found by an
// index, the one to create is named, and where they can be, nothing is said, however
// small the table is.
func TestCostNamesTheIndex(t *testing.T) {
	dsn := database(t, `
		create table talk (id bigint primary key);
		create table with_index (id bigint, talk_id bigint not null, at timestamptz, side text, primary key (id));
		create table two_keys (id bigint, talk_id bigint not null, at timestamptz, side text, primary key (talk_id, id));
		create table bare (id bigint, talk_id uuid, at timestamptz, side text);
		create table "Odd Name" ("No" bigint, "Talk No" text, at timestamptz, side text);
		create table file (message_id bigint, name text);
		create table few (message_id bigint, name text);
		insert into with_index select n, n / 10, '2020-01-01+00', 'in' from generate_series(1, 5000) n;
		insert into two_keys select * from with_index;
		insert into bare select n, 'c0ffee00-0000-4000-8000-000000000000', '2020-01-01+00', 'in' from generate_series(1, 5000) n;
		insert into "Odd Name" select n, n / 10, '2020-01-01+00', 'in' from generate_series(1, 50) n;
		insert into file select n, 'a.txt' from generate_series(1, 5000) n;
		insert into talk select n from generate_series(0, 500) n;
		insert into few select n, 'a.txt' from generate_series(1, 5) n;`,
		`analyze`)
	const columns = " id, talk_id as conversation_id, at as sent_at, side as direction from "
	for _, test := range []struct {
		name, messages string
		want           [][2]string // parts of problem and hint
	}{
		{"its own key", "select" + columns + "with_index", nil},
		{"key of both", "select" + columns + "two_keys", nil},
		{"a filter of one's own", "select" + columns + "two_keys where side <> 'x' and at > '1990-01-01'", nil},
		{"joined by a key", "select m.id, talk_id as conversation_id, at as sent_at, side as direction from with_index m join talk on talk.id = m.talk_id", nil},
		{"none", "select" + columns + "bare", [][2]string{{"reads the whole table bare, some 5000 rows", "create index concurrently on bare (talk_id, id);"}}},
		{"odd names", `select "No" as id, "Talk No" as conversation_id, at as sent_at, side as direction from "Odd Name"`,
			[][2]string{{`the whole table "Odd Name", some 50 rows`, `create index concurrently on "Odd Name" ("Talk No", "No");`}}},
		{"casts", "select id::text as id, talk_id::text as conversation_id, at as sent_at, side as direction from two_keys",
			[][2]string{{"reads the whole table two_keys", "Return the ids as they are in the table, without a cast (any type of id is taken), or: create index concurrently on two_keys ((talk_id::text), (id::text));"}}},
		{"a bare side table", "select m.id, talk_id as conversation_id, at as sent_at, side as direction, f.name as file_name from with_index m left join file f on f.message_id = m.id",
			[][2]string{{"join file: each page of messages reads the whole table, some 5000 rows", "create index concurrently on file (message_id);"}}},
		{"a small side table", "select m.id, talk_id as conversation_id, at as sent_at, side as direction, f.name as file_name from with_index m left join few f on f.message_id = m.id", nil},
		{"a limit", "select" + columns + "with_index limit 100000", [][2]string{{"cannot apply the condition on conversation_id and id inside the query", "Keep limit,"}}},
		{"a window", "select id, talk_id as conversation_id, at as sent_at, side as direction, row_number() over (order by at) as seq from with_index",
			[][2]string{{"cannot apply the condition", "window functions"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := open(t, source.Options{DSN: dsn, MessagesSQL: test.messages, ConversationsSQL: "select id from talk"})
			cost, err := db.Cost(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if cost.Messages < 50 || cost.Page <= 0 {
				t.Errorf("%d messages, a page takes %v", cost.Messages, cost.Page)
			}
			if len(cost.Warnings) != len(test.want) {
				t.Fatalf("warnings %q, want %d", cost.Warnings, len(test.want))
			}
			for i, want := range test.want {
				if got := cost.Warnings[i]; !strings.Contains(got.Problem, want[0]) || !strings.Contains(got.Hint, want[1]) {
					t.Errorf("problem %q\nhint %q\nwant %q", got.Problem, got.Hint, want)
				}
			}
		})
	}
}

// TestCostOfNothing: a database without messages costs nothing.
func TestCostOfNothing(t *testing.T) {
	dsn := database(t, "create table m (id bigint, talk_id bigint, at timestamptz, side text)")
	db := open(t, source.Options{DSN: dsn, ConversationsSQL: "select 1 as id",
		MessagesSQL: "select id, talk_id as conversation_id, at as sent_at, side as direction from m"})
	cost, err := db.Cost(t.Context())
	if err != nil || cost.Warnings != nil || cost.Page != 0 {
		t.Errorf("%+v, %v", cost, err)
	}
}
