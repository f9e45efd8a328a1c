package importer_test

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
)

// sentTexts are the texts of a chat's messages by msgid.
func (r *rig) sentTexts(chat string) map[string]string {
	c, _ := r.world.Chat(chat)
	texts := map[string]string{}
	for _, m := range c.Messages {
		texts[m.MsgID] = m.Text
	}
	return texts
}

// TestRowsDuringRun: while a message is in doubt, rows arrive with old times, also
// before it, and whole conversations; rows that wait are deleted and reworded, and so
// is the one in doubt. The run is not misled, and the next brings over what came.
func TestRowsDuringRun(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sandbox.EffectKind{"applied": sandbox.CutAfterApply, "not applied": sandbox.DropBeforeApply} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, legacy(t, 10, 4), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, Faults: []sandbox.Fault{lose(`"imp1-c1-m5"`, effect)}}, func(t *testing.T, r *rig) {
				r.options.MaxChanged = 1
				var once sync.Once
				r.on(func(req *http.Request) *http.Response {
					if strings.HasSuffix(req.URL.Path, "/history") {
						once.Do(func() {
							r.legacyExec(
								`insert into messages (conversation_id, id, sent_at, direction, text) select 'c1', 'before', sent_at - interval '0.5 s', 'in', 'x' from messages where conversation_id = 'c1' and id = 'm5'`,
								`insert into messages (conversation_id, id, sent_at, direction, text) values ('c1', 'oldest', '2001-01-01+00', 'in', 'x'), ('c1', 'newest', '2022-01-01+00', 'in', 'x')`,
								`delete from messages where conversation_id = 'c1' and id = 'm8'`,
								`update messages set text = 'reworded' where conversation_id = 'c1' and id in ('m5', 'm9')`)
							r.addConversation("c9", "p9", "+79120000009")
							r.addConversation("c8", "pc1", "+79120000001") // of a client who is known
						})
					}
					return nil
				})
				if err := r.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				r.base = nil
				r.mustRun()
				s, c := r.snapshot(), r.world.Counters()
				if s.Messages.Sent != 19 || c.Messages != 19 || c.Repeats != 0 {
					t.Errorf("%+v, %d messages arrived, %d of them again", s.Messages, c.Messages, c.Repeats)
				}
				// The lane had read what it was to send: what changed meanwhile is told.
				if s.Edited != 2 || s.Vanished != 1 {
					t.Errorf("%d edited, %d deleted", s.Edited, s.Vanished)
				}
				if got := r.sentTexts("imp1-c1")["imp1-c1-m5"]; got != "text 5" {
					t.Errorf("m5, in doubt with its old words, says %q", got)
				}
				if n := len(r.living()); n != 3 {
					t.Errorf("%d contacts for 3 people", n)
				}
			})
		})
	}
}

// TestWordsAsSent: a row that is reworded after its key was read, and before it is
// sent, goes with its new words; that is no edit after sending.
func TestWordsAsSent(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3), sandbox.Options{})
	var once sync.Once
	r.on(func(req *http.Request) *http.Response {
		once.Do(func() { r.legacyExec(`update messages set text = 'reworded' where id = 'm3'`) })
		return nil
	})
	r.mustRun()
	r.mustRun()
	if got := r.sentTexts("imp1-c1")["imp1-c1-m3"]; got != "reworded" {
		t.Errorf("it was sent as %q", got)
	}
	if s := r.snapshot(); s.Edited != 0 {
		t.Errorf("%d edits after sending", s.Edited)
	}
}

// TestChangedAfterSending: rows that change or go after they were sent are counted
// and never sent again, a row that comes back is no longer missing, and a row that
// changes back is no longer edited.
func TestChangedAfterSending(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 60), sandbox.Options{})
	counts := func(edited, vanished int64) {
		t.Helper()
		r.mustRun()
		if s := r.snapshot(); s.Edited != edited || s.Vanished != vanished || s.Messages.Sent != 60 {
			t.Errorf("%d edited, %d deleted, want %d, %d; %+v", s.Edited, s.Vanished, edited, vanished, s.Messages)
		}
		if c := r.world.Counters(); c.Messages != 60 || c.Repeats != 0 {
			t.Errorf("%d messages arrived, %d of them again", c.Messages, c.Repeats)
		}
	}
	counts(0, 0)
	r.legacyExec(`update messages set text = 'other' where id = 'm3'`, `create table aside as select * from messages where id = 'm4'`, `delete from messages where id = 'm4'`)
	counts(1, 1)
	counts(1, 1) // told for as long as it is so
	r.legacyExec(`insert into messages select * from aside`, `drop table aside`, `update messages set sent_at = sent_at - interval '1 year' where id = 'm5'`)
	counts(2, 0)
	r.legacyExec(`update messages set text = 'text 3' where id = 'm3'`)
	counts(1, 0)
	if got := r.sentTexts("imp1-c1")["imp1-c1-m3"]; got != "text 3" {
		t.Errorf("m3 says %q", got)
	}
}

// TestTooMuchChanged: when more of what was sent has changed than people do, the run
// stops before it sends anything, until it is told that this is right. A handful of
// edits is what people do, however few messages there are.
func TestTooMuchChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 40), sandbox.Options{})
	r.mustRun()
	r.legacyExec(`update messages set text = 'other' where id in (select id from messages order by id limit 10)`)
	r.mustRun()
	r.legacyExec(`update messages set text = 'other' where id in (select id from messages order by id limit 11)`,
		`insert into messages (conversation_id, id, sent_at, direction, text) values ('c1', 'new', '2022-01-01+00', 'in', 'x')`)
	var changed *ledger.ChangedError
	if err := r.run(t.Context()); !errors.As(err, &changed) || changed.Changed != 11 || changed.Sent != 40 || !strings.Contains(changed.Hint(), "run.max_changed") {
		t.Fatalf("the run ended with %v", err)
	}
	if n := r.world.Counters().Messages; n != 40 {
		t.Errorf("%d messages arrived", n)
	}
	r.options.MaxChanged = 0.3
	r.mustRun()
	if s := r.snapshot(); s.Edited != 11 || s.Messages.Sent != 41 {
		t.Errorf("%d edited, %+v", s.Edited, s.Messages)
	}
}

// TestAllChanged: when all that was sent has changed, be it one message, the run stops
// too, and goes on when it is told that all may change.
func TestAllChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 1), sandbox.Options{})
	r.mustRun()
	r.legacyExec(`update messages set text = 'other'`)
	var changed *ledger.ChangedError
	if err := r.run(t.Context()); !errors.As(err, &changed) || changed.Changed != 1 || changed.Sent != 1 {
		t.Fatalf("the run ended with %v", err)
	}
	r.options.MaxChanged = 1
	r.mustRun()
	if s := r.snapshot(); s.Edited != 1 || s.Messages.Sent != 1 {
		t.Errorf("%d edited, %+v", s.Edited, s.Messages)
	}
}

// TestMendedMapping: another messages query, after which every row has another hash,
// edits nothing and stops nothing. It decides anew about what was parked, and what
// really changes from then on is an edit.
func TestMendedMapping(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 40), sandbox.Options{})
	r.legacyExec(`update messages set kind = 'foto', media_url = 'https://example.com/a.png', file_size = 5 where id = 'm7'`)
	r.mustRun()
	if s := r.snapshot().Messages; s.Sent != 39 || r.reasons()[string(outcome.UnknownKind)] != 1 {
		t.Fatalf("%+v %v", s, r.reasons())
	}
	canonical, err := os.ReadFile("../source/canonical/messages.sql")
	if err != nil {
		t.Fatal(err)
	}
	mended := strings.NewReplacer("kind,", "case kind when 'foto' then 'picture' else kind end as kind,", "text,", "text || '!' as text,").Replace(string(canonical))
	db, err := source.Open(t.Context(), source.Options{DSN: r.legacy, MessagesSQL: mended})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	r.source = db
	r.mustRun()
	if s := r.snapshot(); s.Edited != 0 || s.Messages.Sent != 40 {
		t.Errorf("%d edited, %+v %v", s.Edited, s.Messages, r.reasons())
	}
	r.legacyExec(`update messages set text = 'other' where id = 'm3'`)
	r.mustRun()
	if s := r.snapshot(); s.Edited != 1 {
		t.Errorf("%d edited, want 1", s.Edited)
	}
	if c := r.world.Counters(); c.Messages != 40 || c.Repeats != 0 {
		t.Errorf("%d messages arrived, %d of them again", c.Messages, c.Repeats)
	}
}
