package ledger_test

import (
	"fmt"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
)

// TestDecidedMeanwhile: a person decides about a parked message while the run does not
// know yet that it is recorded as parked, and repeats that. The decision stays.
func TestDecidedMeanwhile(t *testing.T) {
	t.Parallel()
	of := ledger.Selection{Conversation: "1", Message: "1"}
	retry := func(b *bench) error { _, err := b.Retry(b.t.Context(), of); return err }
	skip := func(b *bench) error { _, err := b.SkipParked(b.t.Context(), of); return err }
	rejected := ledger.Settled{ID: "1", Outcome: outcome.Parked, Reason: outcome.Rejected, Attempts: 1, Parts: 1, SentMsec: 5}
	settle := func(b *bench) error {
		return b.Commit(b.t.Context(), ledger.Change{Conversation: "1", Settled: []ledger.Settled{rejected}})
	}
	park := func(b *bench) error {
		if n, err := b.Park(b.t.Context(), "1", outcome.Rejected, ""); n != 1 || err != nil {
			b.t.Errorf("%d parked, %v", n, err)
		}
		return nil
	}
	const planned, skipped, parked = "planned before rejected", "skipped skipped_by_hand before rejected", "parked rejected"
	for name, c := range map[string]struct {
		do     func(*bench) error
		commit bool                 // the commit gets lost, not only its answer
		decide []func(*bench) error // in between
		want   string
	}{
		"nobody decides":                     {do: settle, want: parked},
		"planned again":                      {do: settle, decide: []func(*bench) error{retry}, want: planned},
		"skipped":                            {do: settle, decide: []func(*bench) error{skip}, want: skipped},
		"skipped, and planned again":         {do: settle, decide: []func(*bench) error{skip, retry}, want: planned},
		"the commit is lost":                 {do: settle, commit: true, want: parked},
		"a conversation":                     {do: park, want: parked},
		"a conversation, planned again":      {do: park, decide: []func(*bench) error{retry}, want: planned},
		"a conversation, skipped":            {do: park, decide: []func(*bench) error{skip}, want: skipped},
		"a conversation, the commit is lost": {do: park, commit: true, want: parked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &loss{commit: c.commit}
			b := losingBench(t, l)
			b.convs, b.keys = []ledger.EnrolledConversation{conv("1")}, []ledger.EnrolledKey{key("1", "1", 0)}
			b.enrol()
			l.meanwhile = func() {
				for _, decide := range c.decide {
					if err := decide(b); err != nil {
						t.Error(err)
					}
				}
			}
			l.armed.Store(true)
			if err := c.do(b); err != nil {
				t.Fatal(err)
			}
			if l.armed.Load() {
				t.Error("nothing was lost")
			}
			if got := b.decided()["1/1"]; got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestParkedAgain: a message that was parked, planned again and tried again is parked
// again, for the same reason, though the first commit of that is lost.
func TestParkedAgain(t *testing.T) {
	t.Parallel()
	l := &loss{commit: true}
	b := losingBench(t, l)
	b.convs, b.keys = []ledger.EnrolledConversation{conv("1")}, []ledger.EnrolledKey{key("1", "1", 0)}
	b.enrol()
	for try := 1; try <= 2; try++ {
		if _, err := b.Retry(t.Context(), ledger.Selection{}); err != nil {
			t.Fatal(err)
		}
		l.armed.Store(true)
		b.commit(ledger.Change{Conversation: "1", Settled: []ledger.Settled{
			{ID: "1", Outcome: outcome.Parked, Reason: outcome.Rejected, Attempts: try, Parts: 1, SentMsec: 5}}})
		if got, want := b.texts("select outcome || ' ' || attempts from amoimport.message")[0], fmt.Sprintf("parked %d", try); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestSkippedInDoubt: a row that enrol parked while its request was in doubt, and that a
// person skipped then, stays skipped when the doubt cannot be settled; but that it was
// tried is not forgotten, should he take that back.
func TestSkippedInDoubt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.convs, b.keys = []ledger.EnrolledConversation{conv("1")}, []ledger.EnrolledKey{key("1", "1", 0)}
	b.enrol()
	if _, err := b.Park(t.Context(), "1", outcome.Rejected, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := b.SkipParked(t.Context(), ledger.Selection{}); err != nil {
		t.Fatal(err)
	}
	b.commit(ledger.Change{Conversation: "1", Settled: []ledger.Settled{
		{ID: "1", Outcome: outcome.Parked, Reason: outcome.InDoubt, Attempts: 1, Parts: 1, SentMsec: 5}}})
	if got := b.texts("select concat_ws(' ', outcome, reason, last_fault, attempts, sent_msec) from amoimport.message")[0]; got != "skipped skipped_by_hand in_doubt 1 5" {
		t.Error(got)
	}
}
