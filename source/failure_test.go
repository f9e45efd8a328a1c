package source_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/source"
)

func TestNothingCanBeWritten(t *testing.T) {
	dsn := database(t, canonical,
		`insert into conversations (id) values ('c')`,
		`create sequence counter`,
		`create function write() returns text language plpgsql as $$ begin insert into managers values ('intruder'); return 'x'; end $$`,
		`create function unlock() returns text language plpgsql as $$ begin set transaction read write; return write(); end $$`,
		`create function unlock_session() returns text language plpgsql as $$ begin perform set_config('transaction_read_only', 'off', true); return write(); end $$`)
	for _, sql := range []string{"write()", "unlock()", "unlock_session()", "nextval('counter')::text"} {
		t.Run(sql, func(t *testing.T) {
			db := open(t, source.Options{DSN: dsn, ConversationsFile: "chats.sql", ConversationsSQL: "select id, " + sql + " as client_name from conversations"})
			var got error
			for _, err := range db.Conversations(t.Context()) {
				got = err
			}
			if got == nil || !strings.Contains(got.Error(), "chats.sql") || !strings.Contains(got.Error(), "read-only") && !strings.Contains(got.Error(), "read-write") {
				t.Errorf("Conversations: %v", got)
			}
		})
	}
	if managers, err := open(t, source.Options{DSN: dsn}).Managers(t.Context()); err != nil || len(managers) != 0 {
		t.Errorf("somebody wrote managers %v (%v)", managers, err)
	}
}

func TestErrorsHoldNoData(t *testing.T) {
	const secret = "+79005551234"
	dsn := database(t, canonical, `insert into messages (conversation_id, id, text) values ('c', 'm', '`+secret+`')`,
		`create function angry(t text) returns text language plpgsql as $$ begin raise exception 'no: %', t using detail = t, hint = t; end $$`,
		`create function strange(t text) returns text language plpgsql as $$ begin raise exception 'no: %', t using errcode = 'XX000'; end $$`)
	for _, expr := range []string{"text::int::text", "text::date::text", "angry(text)", "strange(text)", "convert_from(text::bytea || '\\xff', 'UTF8')"} {
		t.Run(expr, func(t *testing.T) {
			db := open(t, source.Options{DSN: dsn, MessagesFile: "notes.sql",
				MessagesSQL: "select conversation_id, id, sent_at, direction, " + expr + " as text from messages"})
			_, _, err := db.Messages(t.Context(), "c", []string{"m"})
			var own *source.Error
			if !errors.As(err, &own) || own.Temporary() || own.Hint() == "" {
				t.Fatalf("Messages: %v", err)
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(e.Error(), secret) {
					t.Errorf("the error %q shows the row's data", e)
				}
			}
			if strings.Contains(own.Hint(), secret) {
				t.Errorf("the hint %q shows the row's data", own.Hint())
			}
			if !strings.Contains(err.Error(), `notes.sql: conversation "c"`) {
				t.Errorf("the error %q does not say where", err)
			}
		})
	}
}

// TestReplicationConflict has the server cancel the query as a standby does.
func TestReplicationConflict(t *testing.T) {
	dsn := database(t, canonical, `insert into messages (conversation_id, id, direction) values ('c', 'm', 'in')`, `insert into conversations (id) values ('c')`,
		`create table conflict (yes boolean)`, `insert into conflict values (true)`,
		`create function calm(t text) returns text volatile language plpgsql as $$ begin
			if (select yes from conflict) then raise exception 'canceling statement due to conflict with recovery' using errcode = '40001'; end if;
			return t; end $$`)
	db := open(t, source.Options{DSN: dsn,
		ConversationsSQL: "select id, calm('x') as client_name from conversations",
		MessagesSQL:      "select conversation_id, id, sent_at, calm(direction) as direction from messages"})
	if err := db.Check(t.Context()); err != nil {
		t.Fatal(err)
	}

	// A stream reports it and can be started again.
	for _, err := range db.Conversations(t.Context()) {
		var own *source.Error
		if !errors.As(err, &own) || !own.Temporary() {
			t.Errorf("Conversations: %v", err)
		}
	}

	// Reads by id go on by themselves.
	type answer struct {
		msgs []source.Message
		err  error
	}
	bodies, people := make(chan answer), make(chan answer)
	go func() {
		msgs, _, err := db.Messages(t.Context(), "c", []string{"m"})
		bodies <- answer{msgs, err}
	}()
	go func() {
		var a answer
		for _, err := range db.Conversations(t.Context(), "c") {
			a.err = errors.Join(a.err, err)
			a.msgs = append(a.msgs, source.Message{})
		}
		people <- a
	}()
	waitUntil(t, dsn, `select count(*) > 0 from pg_stat_activity where application_name = 'amoimport' and datname = current_database() and query = 'rollback'`)
	select {
	case a := <-bodies:
		t.Fatalf("Messages gave up: %v", a.err)
	case a := <-people:
		t.Fatalf("Conversations gave up: %v", a.err)
	default:
	}
	exec(t, dsn, "update conflict set yes = false")
	for _, answers := range []chan answer{bodies, people} {
		if a := <-answers; a.err != nil || len(a.msgs) != 1 {
			t.Errorf("after the conflict: %v, %v", a.msgs, a.err)
		}
	}
}

// waitUntil asks the server until the query says true.
func waitUntil(t *testing.T, dsn, query string) {
	t.Helper()
	conn := connect(t, dsn)
	for done := false; !done; {
		if err := conn.QueryRow(t.Context(), "select ("+query+"), pg_sleep(0.005)").Scan(&done, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOtherCancellationsAreNotRepeated(t *testing.T) {
	dsn := database(t, canonical, `insert into messages (conversation_id, id) values ('c', 'm')`)
	conn := connect(t, dsn)
	exec(t, dsn, "alter database "+conn.Config().Database+" set statement_timeout = '20ms'")
	db := open(t, source.Options{DSN: dsn, MessagesSQL: "select conversation_id, id, sent_at, pg_sleep(10)::text as direction from messages"})
	_, _, err := db.Messages(t.Context(), "c", []string{"m"})
	var own *source.Error
	if !errors.As(err, &own) || own.Temporary() || !strings.Contains(own.Hint(), "statement_timeout") {
		t.Errorf("Messages: %v", err)
	}
}

func TestAReadEndsWithItsContext(t *testing.T) {
	dsn := database(t, canonical, `insert into messages (conversation_id, id) values ('c', 'm')`)
	db := open(t, source.Options{DSN: dsn, MessagesSQL: "select conversation_id, id, sent_at, pg_sleep(60)::text as direction from messages"})
	if err := db.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(context.Context) error{
		"Messages": func(ctx context.Context) error {
			_, _, err := db.Messages(ctx, "c", []string{"m"})
			return err
		},
		"Keys": func(ctx context.Context) (got error) {
			for _, err := range db.Keys(ctx, time.Time{}) {
				got = err
			}
			return got
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		err := read(ctx)
		cancel()
		var own *source.Error
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &own) || own.Temporary() {
			t.Errorf("%s: %v", name, err)
		}
	}
}
