package mapping_test

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/internal/mapping"
	"github.com/amoimport/amoimport/source"
)

// legacy is all that an import reads of a legacy database.
type legacy struct {
	Managers      []source.Manager
	Conversations []source.Conversation // by id
	Messages      []source.Message      // by conversation, and in the order in which they are replayed; without hashes
}

func TestMappings(t *testing.T) {
	if len(mapping.All()) != 2 {
		t.Errorf("there are %d mappings", len(mapping.All()))
	}
	for name, want := range map[string]legacy{"helpdesk": helpdesk(), "bot": bot()} {
		t.Run(name, func(t *testing.T) {
			db := open(t, load(t, name), like(t, name))
			if diff := gocmp.Diff(want, read(t, db)); diff != "" {
				t.Errorf("what is read (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoSuchMapping(t *testing.T) {
	if m, ok := mapping.Like("desk"); ok {
		t.Errorf("there is %v", m)
	}
}

// TestIDsStay shows which rows are touched by an attachment or an edit that comes
// late, and by an attachment that goes.
func TestIDsStay(t *testing.T) {
	for _, c := range []struct{ like, late, added, changed, gone string }{
		{"helpdesk", `insert into attachments (id, message_id, file_type, url) values (200, 42, 3, 'https://files.example.com/late.pdf')`, "42-a200", "", ""},
		{"helpdesk", `insert into attachments (id, message_id, file_type, url) values (200, 41, 3, 'https://files.example.com/late.pdf')`, "", "41", ""},
		{"helpdesk", `delete from attachments where id = 105`, "", "", "42-a105"},
		{"helpdesk", `delete from attachments where id = 12`, "", "42", "42-a15"},
		{"bot", `insert into events (id, dialog_id, n, created_at, author, type, payload, edit_of) values ('ff000000-0000-4000-8000-000000000000',
			'00000000-0000-4000-8000-0000000000d1', 11, '2021-02-05 00:00+00', 'bot', 'text', '{"text": "What is it?"}', 'e0000000-0000-4000-8000-000000000002')`,
			"ff000000-0000-4000-8000-000000000000", "e0000000-0000-4000-8000-000000000002", ""},
	} {
		dsn := load(t, c.like)
		db := open(t, dsn, like(t, c.like))
		before := hashes(t, db)
		exec(t, dsn, c.late)
		var added, changed, gone string
		for id, hash := range hashes(t, db) {
			if was, there := before[id]; !there {
				added += id
			} else if was != hash {
				changed += id
			}
			delete(before, id)
		}
		for id := range before {
			gone += id
		}
		if added != c.added || changed != c.changed || gone != c.gone {
			t.Errorf("%s: %q was added, %q changed, %q is gone", c.late, added, changed, gone)
		}
	}
}

func hashes(t *testing.T, db *source.DB) map[string]source.Hash {
	t.Helper()
	all := map[string]source.Hash{}
	for k, err := range db.Keys(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		all[k.ID] = k.Hash
	}
	return all
}

func like(t *testing.T, name string) mapping.Mapping {
	t.Helper()
	m, ok := mapping.Like(name)
	if !ok {
		t.Fatalf("there is no mapping %s", name)
	}
	return m
}

// load fills a fresh database with an example's tables and rows.
func load(t *testing.T, name string) (dsn string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".sql"))
	if err != nil {
		t.Fatal(err)
	}
	dsn = pgtest.Database(t)
	exec(t, dsn, string(text))
	return dsn
}

func exec(t *testing.T, dsn, sql string) {
	t.Helper()
	conn := connect(t, dsn)
	if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// open opens a database through a mapping, which must fit the contract.
func open(t *testing.T, dsn string, m mapping.Mapping) *source.DB {
	t.Helper()
	db := connected(t, dsn, m)
	if err := db.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func connected(t *testing.T, dsn string, m mapping.Mapping) *source.DB {
	t.Helper()
	opts := source.Options{DSN: dsn, ConversationsSQL: m.Conversations, MessagesSQL: m.Messages, ManagersSQL: m.Managers}
	if m.Zone != "" {
		loc, err := time.LoadLocation(m.Zone)
		if err != nil {
			t.Fatal(err)
		}
		opts.Timezone = loc
	}
	db, err := source.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// read reads a database as an import does: keys first, then the bodies in their
// order. Keys and bodies must say the same.
func read(t *testing.T, db *source.DB) legacy {
	t.Helper()
	ctx := t.Context()
	var all legacy
	var err error
	if all.Managers, err = db.Managers(ctx); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all.Managers, func(a, b source.Manager) int { return cmp.Compare(a.ID, b.ID) })
	for c, err := range db.Conversations(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		all.Conversations = append(all.Conversations, c)
	}
	slices.SortFunc(all.Conversations, func(a, b source.Conversation) int { return cmp.Compare(a.ID, b.ID) })

	var keys []source.Key
	for k, err := range db.Keys(ctx, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b source.Key) int {
		return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), a.SentAt.Compare(b.SentAt), cmp.Compare(a.Seq, b.Seq),
			cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	for len(keys) > 0 {
		c := keys[0].Conversation
		n := slices.IndexFunc(keys, func(k source.Key) bool { return k.Conversation != c })
		if n < 0 {
			n = len(keys)
		}
		ids := make([]string, n)
		for i, k := range keys[:n] {
			ids[i] = k.ID
		}
		msgs, looked, err := db.Messages(ctx, c, ids)
		if err != nil || looked != n || len(msgs) != n {
			t.Fatalf("conversation %s: %d messages for %d of %d ids; %v", c, len(msgs), looked, n, err)
		}
		for i, m := range msgs {
			key := source.Key{Conversation: m.Conversation, ID: m.ID, SentAt: m.SentAt, Seq: m.Seq, SkipReason: m.SkipReason, Hash: m.Hash}
			if diff := gocmp.Diff(keys[i], key); diff != "" {
				t.Errorf("key and body differ:\n%s", diff)
			}
			m.Hash = source.Hash{}
			all.Messages = append(all.Messages, m)
		}
		keys = keys[n:]
	}
	return all
}
