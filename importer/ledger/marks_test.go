package ledger_test

import (
	"encoding/json"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// TestMarksReadLittle: what is left to be marked is found without reading what is marked,
// and recorded for good.
func TestMarksReadLittle(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.convs = []ledger.EnrolledConversation{conv("1")}
	b.enrol()
	exec(t, b.conn, `insert into amoimport.message (conversation, id, msgid, sent_at, seq, row_hash, outcome, parts, parts_sent, amojo_ids, author_ref, marked)
		select '1', g::text, '1-' || g, $1::timestamptz + g * interval '1 s', 0, md5(g::text)::uuid, 'sent', 2, 2, array['a' || g, 'b' || g],
			case when g % 2 = 0 then 'manager' end, case when g in (20, 40, 60) then 1 when g % 2 = 0 then 2 else 0 end
		from generate_series(1, 20000) g`, monday())
	exec(t, b.conn, "vacuum analyze amoimport.message")
	for name, args := range map[string][]any{"list_unmarked": {"", "", 100}, "count_unmarked": nil} {
		rows, _ := b.conn.Query(t.Context(), "explain (analyze, buffers, format json) "+ledger.Statement(b.Ledger, name), append([]any{pgx.QueryExecModeExec}, args...)...)
		text, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		var plans []struct {
			Plan struct {
				Hit  int `json:"Shared Hit Blocks"`
				Read int `json:"Shared Read Blocks"`
			}
		}
		if err := json.Unmarshal([]byte(text), &plans); err != nil || len(plans) != 1 {
			t.Fatal(err, text)
		}
		if blocks := plans[0].Plan.Hit + plans[0].Plan.Read; blocks > 20 {
			t.Errorf("%s reads %d blocks:\n%s", name, blocks, text)
		}
	}

	left := func(want int64) []ledger.Marks {
		t.Helper()
		page, err := b.Unmarked(t.Context(), ledger.Marks{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := b.CountUnmarked(t.Context()); err != nil || n != want {
			t.Errorf("%d parts are left, want %d; %v", n, want, err)
		}
		return page
	}
	page := left(3)
	want := ledger.Marks{Conversation: "1", ID: "20", MsgID: "1-20", Marked: 1, PartsSent: 2, AmojoIDs: []string{"a20", "b20"}}
	if len(page) != 3 {
		t.Fatalf("%+v", page)
	}
	if diff := cmp.Diff(want, page[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	page[0].Marked, page[1].Marked, page[1].Unmarkable = 2, 2, 1
	for range 2 { // the same again changes nothing
		if err := b.RecordMarks(t.Context(), page); err != nil {
			t.Fatal(err)
		}
	}
	if page = left(1); len(page) != 1 || page[0].ID != "60" {
		t.Errorf("%+v", page)
	}
	if next, err := b.Unmarked(t.Context(), page[0], 100); err != nil || len(next) != 0 {
		t.Errorf("after the last: %+v, %v", next, err)
	}
	s, err := b.Snapshot(t.Context())
	if err != nil || s.Marked != 20_000-1-1 || s.Unmarkable != 1 {
		t.Errorf("%d marked, %d not markable; %v", s.Marked, s.Unmarkable, err)
	}
}
