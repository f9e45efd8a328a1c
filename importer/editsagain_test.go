package importer_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
)

// TestEditTwice: a row changes once more after its key was read. It goes out as it is then, once, and
// what is known of the edit stays, though looks for news do not show the row.
func TestEditTwice(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 3), sandbox.Options{}, func(t *testing.T, r *rig) {
		r.comes("c1", "m9", time.Date(2021, 3, 2, 0, 0, 0, 0, time.UTC)) // the newest: m2 is no news
		r.mustRun()
		r.editing()
		r.legacyExec(`update messages set text = 'second' where id = 'm2'`)
		f, b := r.readingBodies()
		b.first = func() { r.legacyExec(`update messages set text = 'third' where id = 'm2'`) }
		f.start()
		f.until("it is ready", time.Minute, f.ready)
		time.Sleep(10 * time.Minute)
		if text, edits := r.shown("c1", "m2"); text != "third" || edits != 1 {
			t.Errorf("%d edits, %q", edits, text)
		}
		if m := r.messages("c1")["m2"]; !slices.Equal(editNotes(m), []string{string(outcome.EditSent)}) {
			t.Errorf("%+v", m)
		}
		if err := f.stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestEditOfLost: a message that was lost is sent anew with the text that its row has by now. That is
// no edit any more.
func TestEditOfLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3), sandbox.Options{})
	r.mustRun()
	r.world.LoseMessage("imp1-c1-m2")
	r.legacyExec(`update messages set text = 'second' where id = 'm2'`)
	r.options.MaxChanged = 1
	if err := r.run(t.Context()); err != nil { // edits are only told of
		t.Fatal(err)
	}
	if got := r.verify(verify.Options{Repair: true}); got.Repair.Planned != 1 {
		t.Fatalf("%+v", got.Repair)
	}
	r.editing()
	r.mustRun()
	if text, edits := r.shown("c1", "m2"); text != "second" || edits != 0 {
		t.Errorf("%d edits, %q", edits, text)
	}
	if m := r.messages("c1")["m2"]; len(editNotes(m)) != 0 {
		t.Errorf("%+v", m)
	}
	if s := r.snapshot(); s.Edited != 0 {
		t.Errorf("%d rows count as edited", s.Edited)
	}
}

// TestEditGone: the row of an edit that was deleted is not asked for again and again.
func TestEditGone(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 3), sandbox.Options{}, func(t *testing.T, r *rig) {
		r.mustRun()
		r.options.MaxChanged = 1
		r.legacyExec(`update messages set text = 'second' where id = 'm2'`)
		if err := r.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.editing()
		r.legacyExec(`delete from messages where id = 'm2'`)
		f, b := r.readingBodies()
		f.start()
		f.until("it is ready", time.Minute, f.ready)
		time.Sleep(10 * time.Minute)
		if n := b.read.Load(); n > 1 {
			t.Errorf("bodies were read %d times", n)
		}
		if err := f.stop(); err != nil {
			t.Error(err)
		}
	})
}

// bodies counts how often bodies are read.
type bodies struct {
	importer.Source
	read  atomic.Int64
	first func() // done before the first time
	once  sync.Once
}

func (b *bodies) Messages(ctx context.Context, c source.ConversationID, ids []string) ([]source.Message, int, error) {
	b.read.Add(1)
	if b.first != nil {
		b.once.Do(b.first)
	}
	return b.Source.Messages(ctx, c, ids)
}

// readingBodies is a run that will follow, and count its readings of bodies.
func (r *rig) readingBodies() (*follower, *bodies) {
	f, b := r.follower(), &bodies{}
	inner := r.reader
	r.reader = func(s importer.Source) importer.Source { b.Source = inner(s); return b }
	return f, b
}

// TestEditOutdatesVerdict: what a chat was read to show does not hold once an edit went into it.
func TestEditOutdatesVerdict(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3, 3), sandbox.Options{})
	r.mustRun()
	if got := r.verify(verify.Options{}); !got.Clean() {
		t.Fatalf("%+v", got)
	}
	r.editing()
	r.legacyExec(`update messages set text = 'second' where conversation_id = 'c1' and id = 'm2'`)
	r.mustRun()
	r.decide(func(l *ledger.Ledger) error {
		tallies, err := l.Tallies(t.Context())
		if tallies.Unread != 1 {
			t.Errorf("%d chats are to be read again", tallies.Unread)
		}
		return err
	})
	if got := r.verify(verify.Options{}); !got.Clean() || got.Chats != 2 {
		t.Errorf("%+v", got)
	}
}
