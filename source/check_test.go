package source_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/source"
)

// legacySchema is a help desk of a shape of its own.
const legacySchema = `
	create type side as enum ('in', 'out');
	create domain ref as bigint;
	create table ticket (no bigint primary key, uid uuid, subject text, score numeric, body jsonb, code char(8), open boolean);
	create table note (no bigint, ticket_no bigint, created_at timestamptz, local_at timestamp, day date, epoch bigint,
		side side, dir smallint, incoming boolean, words text, bytes numeric, len interval, lat text, "Mixed Case" text);
	create role desk_stranger;`

func TestCheckTellsEveryDifference(t *testing.T) {
	dsn := database(t, strings.Replace(legacySchema, "create role desk_stranger;", "", 1))
	const good = "select no as id, ticket_no as conversation_id, created_at as sent_at, side as direction from note"
	type diffs = []source.Difference
	for _, test := range []struct {
		name     string
		messages string
		want     diffs // without hints where the hint is left empty
	}{
		{"fits", good, nil},
		{"extra columns are fine", "select n.*, no as id, ticket_no as conversation_id, created_at as sent_at, side as direction from note n", nil},
		{"a misnamed optional column", good[:len("select ")] + "'x'::text as txt, " + good[len("select "):], diffs{
			{"messages.sql", "txt", "is not in the contract, and text is missing: its values would not be moved", ""}}},
		{"closing semicolon and comments", "-- notes\n" + good + " ; /* the end; really /* nested */ */ -- ;\n;", nil},
		{"a comment without line end", good + " -- all of them", nil},
		{"semicolons in strings", "select 'a;b' as skip_reason, $x$c;d$x$ as text, E'\\';' as kind, no as id, ticket_no as conversation_id, created_at as sent_at, side as direction from note", nil},
		{"with and order by", "with n as (select * from note) select no as id, ticket_no as conversation_id, created_at as sent_at, side as direction from n order by 1;", nil},
		{"a domain", "select no::ref as id, ticket_no as conversation_id, created_at as sent_at, side as direction from note", nil},
		{"all at once", "select no as id, subject, created_at from ticket, lateral (select created_at from note limit 1) n", diffs{
			{Query: "messages.sql", Column: "conversation_id", Problem: "is missing"},
			{Query: "messages.sql", Column: "sent_at", Problem: "is missing; created_at is a timestamp with time zone", Hint: "Did you mean `created_at as sent_at`?"},
			{Query: "messages.sql", Column: "direction", Problem: "is missing"},
		}},
		{"usual names", "select no as id, ticket_no as ticket_id, created_at as sent_at, incoming from note", diffs{
			{Query: "messages.sql", Column: "conversation_id", Problem: "is missing; ticket_id is a bigint", Hint: "Did you mean `ticket_id as conversation_id`?"},
			{Query: "messages.sql", Column: "direction", Problem: "is missing; incoming is a boolean", Hint: "Did you mean `case when incoming then 'in' else 'out' end as direction`?"},
		}},
		{"another case", `select no as id, no as "Conversation_ID", created_at as sent_at, side as direction from note`, diffs{
			{Query: "messages.sql", Column: "conversation_id", Problem: "is missing; Conversation_ID is a bigint", Hint: "Did you mean `\"Conversation_ID\" as conversation_id`?"},
		}},
		{"types", `select incoming as id, day as conversation_id, epoch as sent_at, dir as direction, bytes as file_size, len as media_duration,
			lat as latitude, dir as kind, incoming as seq, (select body from ticket limit 1) as text from note`, diffs{
			{Query: "messages.sql", Column: "conversation_id", Problem: "has the type date, which is not text, uuid, an integer or numeric"},
			{Query: "messages.sql", Column: "id", Problem: "has the type boolean, which is not text, uuid, an integer or numeric"},
			{Query: "messages.sql", Column: "seq", Problem: "has the type boolean, which is not smallint, integer or bigint"},
			{Query: "messages.sql", Column: "sent_at", Problem: "has the type bigint, which is not timestamptz", Hint: "Return timestamptz, for example `to_timestamp(sent_at) as sent_at`."},
			{Query: "messages.sql", Column: "direction", Problem: "has the type smallint, which is not text or an enum", Hint: "Return text or an enum, for example `case direction when 0 then 'in' else 'out' end as direction`."},
			{Query: "messages.sql", Column: "kind", Problem: "has the type smallint, which is not text or an enum"},
			{Query: "messages.sql", Column: "text", Problem: "has the type jsonb, which is not text or an enum", Hint: "Return text or an enum, for example `text #>> '{}' as text`."},
			{Query: "messages.sql", Column: "file_size", Problem: "has the type numeric, which is not smallint, integer or bigint"},
			{Query: "messages.sql", Column: "media_duration", Problem: "has the type interval, which is not an integer, double precision or numeric"},
			{Query: "messages.sql", Column: "latitude", Problem: "has the type text, which is not an integer, double precision or numeric"},
		}},
		{"date", strings.Replace(good, "created_at", "day", 1), diffs{
			{Query: "messages.sql", Column: "sent_at", Problem: "has the type date, which is not timestamptz"},
		}},
		{"no zone", strings.Replace(good, "created_at", "local_at", 1), diffs{
			{Query: "messages.sql", Column: "sent_at", Problem: "is a timestamp without zone, and no zone is configured",
				Hint: "Set source.timezone to the zone the times were written in, such as Europe/Moscow; converting in the query would keep indexes from serving."},
		}},
		{"twice", "select no as id, ticket_no as id, ticket_no as conversation_id, created_at as sent_at, side as direction from note", diffs{
			{Query: "messages.sql", Column: "id", Problem: "is returned twice"},
		}},
		{"no table", "select 1\nfrom\n  nowhere", diffs{
			{Query: "messages.sql", Problem: `line 3: relation "nowhere" does not exist`},
		}},
		{"no column", "-- комментарий\nselect no as id,\n  tiket_no as conversation_id from note", diffs{
			{Query: "messages.sql", Problem: `line 3: column "tiket_no" does not exist`, Hint: `Perhaps you meant to reference the column "note.ticket_no".`},
		}},
		{"syntax", "select no as id,\n\nfrom note", diffs{
			{Query: "messages.sql", Problem: `line 3: syntax error at or near "from"`},
		}},
		{"two statements", good + ";\n" + good, diffs{{Query: "messages.sql", Problem: "holds more than one statement"}}},
		{"a way out of the brackets", "select 1) q; drop table note; select * from (select 1", diffs{{Query: "messages.sql", Problem: "holds more than one statement"}}},
		{"a parameter", good + " where no > $1", diffs{{Query: "messages.sql", Problem: "uses a parameter ($1)"}}},
		{"only comments", "-- nothing\n;", diffs{{Query: "messages.sql", Problem: "is empty"}}},
		{"not a select", "insert into note (no) values (1) returning no as id", diffs{
			{Query: "messages.sql", Problem: `line 1: syntax error at or near "into"`},
		}},
		{"a write", "with w as (insert into note (no) values (1) returning no) select no as id from w", diffs{
			{Query: "messages.sql", Problem: "line 1: WITH clause containing a data-modifying statement must be at the top level"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := open(t, source.Options{
				DSN:              dsn,
				ConversationsSQL: "select no as id from ticket",
				MessagesSQL:      test.messages,
				MessagesFile:     "messages.sql",
				ManagersSQL:      "select '' as id",
			})
			err := db.Check(t.Context())
			var contract *source.ContractError
			if err != nil && !errors.As(err, &contract) {
				t.Fatalf("Check: %v", err)
			}
			var got diffs
			if contract != nil {
				got = contract.Differences
			}
			for i := range got {
				if got[i].Hint == "" {
					t.Errorf("%s has no hint", got[i])
				}
				if i < len(test.want) && test.want[i].Hint == "" {
					got[i].Hint = ""
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckTellsTheDifferencesOfAllQueries(t *testing.T) {
	dsn := pgtest.Database(t)
	err := open(t, source.Options{DSN: dsn, ManagersFile: "people.sql", ManagersSQL: "select 1 as number"}).Check(t.Context())
	var contract *source.ContractError
	if !errors.As(err, &contract) {
		t.Fatalf("Check: %v", err)
	}
	for _, want := range []string{
		`canonical conversations.sql: line 10: relation "conversations" does not exist`,
		`canonical messages.sql: line 22: relation "messages" does not exist`,
		`people.sql: column id: is missing`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if len(contract.Differences) != 3 || contract.Hint() == "" {
		t.Errorf("%d differences with the hint %q", len(contract.Differences), contract.Hint())
	}
}

func TestCheckTellsOfMissingRights(t *testing.T) {
	dsn := database(t, canonical)
	role := "reader_" + strings.ToLower(t.Name())
	conn := connect(t, dsn)
	var user string
	if err := conn.QueryRow(t.Context(), "select current_user").Scan(&user); err != nil {
		t.Fatal(err)
	}
	exec(t, dsn, "drop role if exists "+role, "create role "+role, "grant select on conversations, managers to "+role,
		"alter role "+user+" in database "+conn.Config().Database+" set role = "+role)
	t.Cleanup(func() {
		admin := connect(t, dsn)
		for _, s := range []string{"reset role", "alter role " + user + " in database " + conn.Config().Database + " reset role", "drop owned by " + role, "drop role " + role} {
			if _, err := admin.Exec(t.Context(), s); err != nil && t.Context().Err() == nil {
				t.Error(err)
			}
		}
	})
	err := open(t, source.Options{DSN: dsn}).Check(t.Context())
	if err == nil || !strings.Contains(err.Error(), "canonical messages.sql: permission denied for table messages") || strings.Contains(err.Error(), "conversations.sql") {
		t.Errorf("Check: %v", err)
	}
}

func TestReadsRefuseAQueryThatDoesNotFit(t *testing.T) {
	db := open(t, source.Options{DSN: pgtest.Database(t)})
	var contract *source.ContractError
	if _, err := db.Managers(t.Context()); !errors.As(err, &contract) {
		t.Errorf("Managers: %v", err)
	}
	for _, err := range db.Conversations(t.Context()) {
		if !errors.As(err, &contract) {
			t.Errorf("Conversations: %v", err)
		}
	}
	for _, err := range db.Keys(t.Context(), time.Time{}) {
		if !errors.As(err, &contract) {
			t.Errorf("Keys: %v", err)
		}
	}
	if _, _, err := db.Messages(t.Context(), "c", []string{"m"}); !errors.As(err, &contract) {
		t.Errorf("Messages: %v", err)
	}
}
