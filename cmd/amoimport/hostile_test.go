package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHostileRows imports rows whose ids and texts are what an attacker would write
// to have them taken for SQL.
func TestHostileRows(t *testing.T) {
	t.Parallel()
	s := newSecrecy(t)
	conn := connected(t, s.legacy)
	put := func(sql string, values ...any) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql, values...); err != nil {
			t.Fatal(err)
		}
	}
	hostile := []string{
		`'; drop schema amoimport cascade; --`, `"; drop table messages; --`, `\'; drop table messages; --`, `$1 $2::text %s %d {id}`,
		`') or ('1'='1`, "$$; drop table messages; $$", "{'; drop table messages', NULL}",
	}
	var want []string
	for _, h := range hostile {
		put("insert into managers values ($1, $1, null)", h)
		put("insert into conversations (id, client_id, client_name, client_phone, client_email) values ($1, $1, $1, $1, $1)", h)
		put(`insert into messages (conversation_id, id, sent_at, direction, kind, text, media_url, file_name, contact_name, contact_phone, sticker_id, reply_to_id)
			values ($1, $1, '2021-01-01 10:00:00+00', 'in', 'text', $1, null, $1, $1, $1, $1, null),
			($1, $1 || '2', '2021-01-01 10:01:00+00', 'in', 'text', $1 || '2', null, null, null, null, null, $1)`, h)
		put(`insert into messages (conversation_id, id, sent_at, direction, manager_id, author_id, author_name, text, skip_reason)
			values ($1, $1 || '3', '2021-01-01 10:02:00+00', 'out', $1, $1, $1, $1 || '3', null), ($1, $1 || '4', '2021-01-01 10:03:00+00', 'in', null, null, null, 'x', $1)`, h)
		want = append(want, h, h+"2", h+": "+h+"3")
	}
	rows := func() (n int) {
		if err := conn.QueryRow(t.Context(), "select count(*) from messages").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := rows()
	s.run(exitDone, "run", "--without-dry-run")
	s.run(exitDone, "run", "--without-dry-run")
	s.run(exitDone, "verify")
	s.run(exitDone, "status")
	var got []string
	for _, chat := range s.world.Snapshot().Chats {
		for _, m := range chat.Messages {
			got = append(got, m.Text)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what arrived (-want +got):\n%s", diff)
	}
	if after := rows(); after != before {
		t.Errorf("%d legacy rows of %d are left", after, before)
	}
	s.run(exitDone, "ledger", "purge", "--yes")
	s.run(exitDone, "verify")
}
