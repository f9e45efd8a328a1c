package importer_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
)

// editing lets the runs bring edits over. What was sent counts as sent long ago.
func (r *rig) editing() {
	r.t.Helper()
	r.options.OnEdit, r.options.MaxChanged = importer.SendEdits, 1
	r.exec(`update amoimport.message set settled_at = settled_at - interval '1 day'`)
}

// shown tells what a chat shows of a message, and how often it was edited.
func (r *rig) shown(c source.ConversationID, id string) (text string, edits int) {
	chat, _ := r.world.Chat("imp1-" + string(c))
	for _, m := range chat.Messages {
		if m.MsgID == "imp1-"+string(c)+"-"+id {
			return m.Text, m.Edits
		}
	}
	return "", 0
}

// editCase is a change of a row that was sent.
type editCase struct {
	note   outcome.Code
	before string // done to the rows of conversation $c before the first run
	change string // and after it
	behind func(w *sandbox.World, msgid string)
	fault  string // text in the body of the edit that is refused
	text   string // that the chat shows afterwards
	edits  int
}

func editCases() []editCase {
	const row = `update messages set %s where conversation_id = $c and id = 'm2'`
	set := func(what string) string { return fmt.Sprintf(row, what) }
	return []editCase{
		{note: outcome.EditSent, change: set(`text = 'text two'`), text: "text two", edits: 1},
		{note: outcome.EditSent, change: set(`text = 'seen'`), text: "seen",
			behind: func(w *sandbox.World, msgid string) { w.AlterMessage(msgid, "seen", 0) }},
		{note: outcome.EditOther, change: set(`sent_at = sent_at + interval '1 s'`), text: "text 2"},
		{note: outcome.EditNotText, before: set(`kind = 'location', latitude = 55, longitude = 37`), change: set(`latitude = 56`), text: "text 2"},
		{note: outcome.EditNotText, change: set(`kind = 'location', latitude = 55, longitude = 37`), text: "text 2"},
		{note: outcome.EditAuthor, change: set(`direction = 'in', manager_id = null, text = 'text two'`), text: "text 2"},
		{note: outcome.EditAuthor, before: set(`manager_id = 'm9'`), change: set(`direction = 'in', manager_id = null`), text: "Nina: text 2"},
		{note: outcome.EditAuthor, before: set(`manager_id = 'm9'`), change: set(`manager_id = 'm8'`), text: "Nina: text 2"},
		{note: outcome.EditAuthor, before: set(`manager_id = 'm9'`), change: set(`manager_id = 'm8', text = 'text two'`), text: "Nina: text 2"},
		{note: outcome.EditSent, before: set(`manager_id = 'm9'`), change: set(`text = 'text two'`), text: "Nina: text two", edits: 1},
		{note: outcome.EditSplit, change: set(`text = repeat('long ', 150)`), text: "text 2"},
		{note: outcome.EditSplit, before: set(`text = repeat('long ', 150)`), change: set(`text = 'short'`), text: strings.Repeat("long ", 100)},
		{note: outcome.EditUnsendable, change: set(`text = ' '`), text: "text 2"},
		{note: outcome.EditUnseen, change: set(`text = 'text two'`), behind: func(w *sandbox.World, msgid string) { w.LoseMessage(msgid) }},
		{note: outcome.EditConflict, change: set(`text = 'text two'`), text: "by hand",
			behind: func(w *sandbox.World, msgid string) { w.AlterMessage(msgid, "by hand", 0) }},
		{note: outcome.EditRejected, change: set(`text = 'refuse me'`), fault: "refuse me", text: "text 2"},
	}
}

// TestEdits: rows change after they were sent. A changed text is changed in its chat,
// once; anything else is told, and stays as it is.
func TestEdits(t *testing.T) {
	t.Parallel()
	cases := editCases()
	r := newRig(t, legacy(t, slices.Repeat([]int{3}, len(cases))...), sandbox.Options{})
	r.options.Compose.SplitOver = 500
	for id, name := range map[string]string{"m8": "Mila", "m9": "Nina"} { // the bot speaks for them
		r.options.Compose.Managers[id] = compose.Manager{Name: name}
	}
	on := func(sql string, i int) {
		if sql != "" {
			r.legacyExec(strings.ReplaceAll(sql, "$c", fmt.Sprintf("'c%d'", i+1)))
		}
	}
	for i, c := range cases {
		on(c.before, i)
	}
	r.mustRun()
	for i, c := range cases {
		on(c.change, i)
		if c.behind != nil {
			c.behind(r.world, fmt.Sprintf("imp1-c%d-m2", i+1))
		}
		if c.fault != "" {
			r.world.AddFault(sandbox.Fault{Contains: c.fault, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 400}})
		}
	}
	sent := r.world.Counters().Messages
	r.options.MaxChanged = 1
	if err := r.run(t.Context()); err != nil { // edits are only told of
		t.Fatal(err)
	}
	if _, edits := r.shown("c1", "m2"); edits != 0 {
		t.Fatal("it was edited though nobody asked for it")
	}
	r.editing()
	for range 2 { // the second run finds nothing to do
		if err := r.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, c := range cases {
			id := source.ConversationID(fmt.Sprintf("c%d", i+1))
			if text, edits := r.shown(id, "m2"); text != c.text || edits != c.edits {
				t.Errorf("%s, case %d: %d edits, the chat says %.20q, want %d and %.20q", c.note, i, edits, text, c.edits, c.text)
			}
			if m := r.messages(id)["m2"]; m.outcome != "sent" || !slices.Equal(editNotes(m), []string{string(c.note)}) {
				t.Errorf("%s, case %d: %+v", c.note, i, m)
			}
		}
	}
	if n := r.world.Counters().Messages; n != sent {
		t.Errorf("%d messages were sent anew", n-sent)
	}
	// What went over is no longer different; the rest is told for as long as it is so.
	if s := r.snapshot(); s.Edited != int64(len(cases)-3) {
		t.Errorf("%d rows count as edited", s.Edited)
	}
	// Edited once more, it is edited once more; and changed back, too.
	for n, text := range []string{"text three", "text 2"} {
		r.legacyExec(`update messages set text = '` + text + `' where conversation_id = 'c1' and id = 'm2'`)
		if err := r.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, edits := r.shown("c1", "m2"); got != text || edits != n+2 {
			t.Errorf("edit %d: the chat says %q", edits, got)
		}
	}
}

// editNotes are the notes that tell of an edit.
func editNotes(m kept) []string {
	return slices.DeleteFunc(slices.Clone(m.notes), func(n string) bool { return !strings.HasPrefix(n, "edit_") })
}

// TestEditInDoubt: the answer to an edit is lost, or the run with it, or nothing but
// server errors come. Reading the text tells; what did not come about is repeated.
func TestEditInDoubt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fault  sandbox.Fault
		killed bool
		again  string // the row's words when the next run begins
		edits  int
		note   outcome.Code // after the run with the fault
	}{
		{name: "applied", fault: lose("edit_message", sandbox.CutAfterApply), edits: 1, note: outcome.EditSent},
		{name: "not applied", fault: lose("edit_message", sandbox.DropBeforeApply), edits: 1, note: outcome.EditSent},
		{name: "killed, applied", fault: lose("edit_message", sandbox.CutAfterApply), killed: true, edits: 1},
		{name: "killed, not applied", fault: lose("edit_message", sandbox.DropBeforeApply), killed: true, edits: 1},
		{name: "killed, applied, edited again", fault: lose("edit_message", sandbox.CutAfterApply), killed: true, again: "third", edits: 2},
		{name: "killed, not applied, edited again", fault: lose("edit_message", sandbox.DropBeforeApply), killed: true, again: "third", edits: 1},
		{name: "always 500", fault: sandbox.Fault{Contains: "edit_message", Effect: sandbox.Effect{Kind: sandbox.Status, Code: 500}}, edits: 1, note: outcome.EditInDoubt},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, legacy(t, 3, 3), sandbox.Options{}, func(t *testing.T, r *rig) {
				r.mustRun()
				r.legacyExec(`update messages set text = 'second' where conversation_id = 'c1' and id = 'm2'`)
				r.editing()
				fault := r.world.AddFault(c.fault)
				if c.killed {
					r.crashAt("edit_message")
					r.crash()
				} else {
					r.ends()
					if m := r.messages("c1")["m2"]; !slices.Equal(editNotes(m), []string{string(c.note)}) {
						t.Errorf("with the fault: %+v", m)
					}
				}
				fault.Remove()
				want := "second"
				if c.again != "" {
					want = c.again
					r.legacyExec(`update messages set text = '` + want + `' where conversation_id = 'c1' and id = 'm2'`)
				}
				r.mustRun()
				if text, edits := r.shown("c1", "m2"); text != want || edits != c.edits {
					t.Errorf("%d edits, the chat says %q", edits, text)
				}
				if m := r.messages("c1")["m2"]; !slices.Equal(editNotes(m), []string{string(outcome.EditSent)}) {
					t.Errorf("%+v", m)
				}
				if s := r.snapshot(); s.Edited != 0 || s.InDoubt != 0 {
					t.Errorf("%d edited, %d in doubt", s.Edited, s.InDoubt)
				}
			})
		})
	}
}

// TestEditStopped: a run is stopped while an edit is on its way: its answer is awaited,
// and the next run goes on with the others.
func TestEditStopped(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 6), sandbox.Options{}, func(t *testing.T, r *rig) {
		r.mustRun()
		r.legacyExec(`update messages set text = 'new ' || id`)
		r.editing()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r.base = stopWhen(func() bool { _, edits := r.shown("c1", "m3"); return edits > 0 }, cancel)
		if err := r.run(ctx); err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
		if s := r.snapshot(); s.InDoubt != 0 || s.Edited != 3 {
			t.Errorf("stopped with %d in doubt and %d to edit", s.InDoubt, s.Edited)
		}
		r.base = nil
		r.mustRun()
		for n := 1; n <= 6; n++ {
			id := fmt.Sprintf("m%d", n)
			if text, edits := r.shown("c1", id); text != "new "+id || edits != 1 {
				t.Errorf("%s: %d edits, %q", id, edits, text)
			}
		}
	})
}

// TestEditMayBeLate: a message that was sent just now may not be seen yet. Its edit
// waits for the next run and is not given up.
func TestEditMayBeLate(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 2), sandbox.Options{VisibilityLag: sandbox.Lag{Min: time.Hour, Max: time.Hour}})
	r.options.SettleTime = time.Hour
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.legacyExec(`update messages set text = 'second' where id = 'm2'`)
	r.options.OnEdit, r.options.MaxChanged = importer.SendEdits, 1
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m := r.messages("c1")["m2"]; len(editNotes(m)) != 0 {
		t.Errorf("decided: %+v", m)
	}
}
