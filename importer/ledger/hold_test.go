package ledger_test

import (
	"encoding/json"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// TestHoldAtTie: what has the time of the parked message comes before it or after it by
// seq and id, as it does in the conversation.
func TestHoldAtTie(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.convs = []ledger.EnrolledConversation{conv("1")}
	for i, id := range []string{"7", "8", "9", "10", "11", "5"} {
		k := key("1", id, 0)
		if k.Seq = 4; i == 0 {
			k.Seq = 3
		} else if i == 5 {
			k.Seq = 5
		}
		b.keys = append(b.keys, k)
	}
	b.enrol()
	b.commit(ledger.Change{Conversation: "1", Settled: []ledger.Settled{{ID: "9", Outcome: outcome.Parked, Reason: outcome.Rejected}}})
	page, err := b.Page(t.Context(), "1", ledger.After{}, 10, true)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, p := range page {
		ids = append(ids, p.ID)
	}
	if diff := cmp.Diff([]string{"7", "8"}, ids); diff != "" {
		t.Error(diff)
	}
	works, err := b.Works(t.Context(), true)
	if err != nil || len(works) != 1 || works[0].Planned != 2 {
		t.Errorf("%+v, %v", works, err)
	}
}

// TestHoldReadsLittle: a page of a conversation that waits at a parked message costs what
// it holds, however long the conversation is, before that message and after it.
func TestHoldReadsLittle(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.convs = []ledger.EnrolledConversation{conv("1"), conv("2")}
	b.enrol()
	exec(t, b.conn, `insert into amoimport.message (conversation, id, msgid, sent_at, seq, row_hash, outcome, reason)
		select c::text, g::text, c || '-' || g, $1::timestamptz + g * interval '1 s', 0, md5(g::text)::uuid,
			case when g = 10000 then 'parked' else 'planned' end, case when g = 10000 then 'rejected' end
		from generate_series(1, 20000) g, generate_series(1, 2) c`, monday())
	exec(t, b.conn, "analyze amoimport.message")
	at := monday()
	for name, c := range map[string]struct {
		after any
		seq   int64
		id    string
		rows  float64
	}{
		"the first page": {rows: 200},
		"the last page":  {after: at.Add(9_900e9), id: "9900", rows: 99},
		"after the last": {after: at.Add(9_999e9), id: "9999"},
	} {
		rows, _ := b.conn.Query(t.Context(), "explain (analyze, buffers, format json) "+ledger.Statement(b.Ledger, "list_planned"),
			pgx.QueryExecModeExec, "1", c.after, c.seq, c.id, 200, true)
		text, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		var plans []struct {
			Plan struct {
				Rows float64 `json:"Actual Rows"`
				Hit  int     `json:"Shared Hit Blocks"`
				Read int     `json:"Shared Read Blocks"`
			}
		}
		if err := json.Unmarshal([]byte(text), &plans); err != nil || len(plans) != 1 {
			t.Fatal(err, text)
		}
		p := plans[0].Plan
		if blocks := p.Hit + p.Read; p.Rows != c.rows || blocks > 100+5*int(c.rows) {
			t.Errorf("%s: %v rows, want %v, of %d blocks:\n%s", name, p.Rows, c.rows, blocks, text)
		}
	}
}
