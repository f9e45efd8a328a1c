package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
	"github.com/google/go-cmp/cmp"
)

// parked is a bench with two conversations of five messages: the first message of each
// is sent, the second is skipped for its row, the third and the fourth are parked, the
// third with one of two parts sent, and the fifth is planned.
func parked(t *testing.T) *bench {
	b := newBench(t)
	for _, c := range []string{"1", "2"} {
		b.convs = append(b.convs, conv(c))
		for i, id := range []string{"1", "2", "3", "4", "5"} {
			b.keys = append(b.keys, key(c, id, i))
		}
	}
	b.enrol()
	for i, k := range b.keys {
		s := ledger.Settled{ID: k.ID}
		switch k.ID {
		case "1":
			s = settled(b.keys[i])
		case "2":
			s.Outcome, s.Reason = outcome.Skipped, outcome.BlankText
		case "3":
			s = settled(b.keys[i])
			s.Outcome, s.Reason, s.Detail, s.Parts, s.PartsSent, s.Attempts = outcome.Parked, outcome.Rejected, "400 odd", 2, 1, 2
		case "4":
			s.Outcome, s.Reason, s.Attempts = outcome.Parked, outcome.InDoubt, 1
		default:
			continue
		}
		b.commit(ledger.Change{Conversation: k.Conversation, Settled: []ledger.Settled{s}})
	}
	return b
}

// decided tells each message's outcome, reason, and the reason that it had before.
func (b *bench) decided() map[string]string {
	b.t.Helper()
	all := map[string]string{}
	for _, line := range b.texts(`select conversation || '/' || id || ' ' || concat_ws(' ', outcome, reason, 'before ' || last_fault) from amoimport.message`) {
		name, state, _ := strings.Cut(line, " ")
		all[name] = state
	}
	return all
}

// TestDecide plans again and skips what different selections name, and nothing else.
func TestDecide(t *testing.T) {
	t.Parallel()
	retry := func(s ledger.Selection) func(*bench) (any, error) {
		return func(b *bench) (any, error) { return b.Retry(b.t.Context(), s) }
	}
	skip := func(s ledger.Selection) func(*bench) (any, error) {
		return func(b *bench) (any, error) { return b.SkipParked(b.t.Context(), s) }
	}
	before := map[string]string{}
	for _, c := range []string{"1", "2"} {
		before[c+"/1"], before[c+"/2"] = "sent", "skipped blank_text"
		before[c+"/3"], before[c+"/4"], before[c+"/5"] = "parked rejected", "parked in_doubt", "planned"
	}
	const rejected, doubt = "planned before rejected", "planned before in_doubt"
	const handRejected, handDoubt = "skipped skipped_by_hand before rejected", "skipped skipped_by_hand before in_doubt"
	half := func(c string) ledger.HalfSent {
		return ledger.HalfSent{Conversation: source.ConversationID(c), ID: "3", PartsSent: 1, Parts: 2}
	}
	for name, c := range map[string]struct {
		do   []func(*bench) (any, error)
		want map[string]string
		said any // by the last
	}{
		"retry all":                   {[]func(*bench) (any, error){retry(ledger.Selection{})}, map[string]string{"1/3": rejected, "1/4": doubt, "2/3": rejected, "2/4": doubt}, ledger.Retried{Planned: 4}},
		"retry a reason":              {[]func(*bench) (any, error){retry(ledger.Selection{Reason: outcome.InDoubt})}, map[string]string{"1/4": doubt, "2/4": doubt}, ledger.Retried{Planned: 2}},
		"retry a conversation":        {[]func(*bench) (any, error){retry(ledger.Selection{Conversation: "2"})}, map[string]string{"2/3": rejected, "2/4": doubt}, ledger.Retried{Planned: 2}},
		"retry both":                  {[]func(*bench) (any, error){retry(ledger.Selection{Conversation: "2", Reason: outcome.Rejected})}, map[string]string{"2/3": rejected}, ledger.Retried{Planned: 1}},
		"retry a message":             {[]func(*bench) (any, error){retry(ledger.Selection{Conversation: "1", Message: "4"})}, map[string]string{"1/4": doubt}, ledger.Retried{Planned: 1}},
		"retry a sent message":        {[]func(*bench) (any, error){retry(ledger.Selection{Conversation: "1", Message: "1"})}, nil, ledger.Retried{}},
		"retry a skipped one":         {[]func(*bench) (any, error){retry(ledger.Selection{Conversation: "1", Message: "2"})}, nil, ledger.Retried{}},
		"skip all":                    {[]func(*bench) (any, error){skip(ledger.Selection{})}, map[string]string{"1/3": handRejected, "1/4": handDoubt, "2/3": handRejected, "2/4": handDoubt}, ledger.Skipped{Messages: 4, Unsure: 2, Half: []ledger.HalfSent{half("1"), half("2")}}},
		"skip a message":              {[]func(*bench) (any, error){skip(ledger.Selection{Conversation: "2", Message: "3"})}, map[string]string{"2/3": handRejected}, ledger.Skipped{Messages: 1, Half: []ledger.HalfSent{half("2")}}},
		"skip a planned one":          {[]func(*bench) (any, error){skip(ledger.Selection{Conversation: "2", Message: "5"})}, nil, ledger.Skipped{}},
		"skip, then retry all":        {[]func(*bench) (any, error){skip(ledger.Selection{Conversation: "1"}), retry(ledger.Selection{})}, map[string]string{"1/3": handRejected, "1/4": handDoubt, "2/3": rejected, "2/4": doubt}, ledger.Retried{Planned: 2}},
		"skip, then take back":        {[]func(*bench) (any, error){skip(ledger.Selection{Conversation: "1"}), retry(ledger.Selection{Reason: outcome.SkippedByHand})}, map[string]string{"1/3": rejected, "1/4": doubt}, ledger.Retried{Planned: 2}},
		"skip, then take back 1":      {[]func(*bench) (any, error){skip(ledger.Selection{Conversation: "1"}), retry(ledger.Selection{Conversation: "1", Message: "3"})}, map[string]string{"1/3": rejected, "1/4": handDoubt}, ledger.Retried{Planned: 1}},
		"skip, then its conversation": {[]func(*bench) (any, error){skip(ledger.Selection{Conversation: "1"}), retry(ledger.Selection{Conversation: "1"})}, map[string]string{"1/3": handRejected, "1/4": handDoubt}, ledger.Retried{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := parked(t)
			var said any
			for _, do := range c.do {
				var err error
				if said, err = do(b); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.said, said); diff != "" {
				t.Errorf("it says (-want +got):\n%s", diff)
			}
			want := map[string]string{}
			for id, state := range before {
				want[id] = state
			}
			for id, state := range c.want {
				want[id] = state
			}
			if diff := cmp.Diff(want, b.decided()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRetryWithoutPlace: a row without a time, or without its conversation, cannot be
// planned by a person: a lane could not place it. Enrol does it, once it is mended.
func TestRetryWithoutPlace(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.convs = []ledger.EnrolledConversation{conv("1")}
	b.keys = []ledger.EnrolledKey{key("1", "1", 0), key("2", "1", 1)}
	b.keys[0].SentAt = time.Time{}
	b.enrol()
	did, err := b.Retry(t.Context(), ledger.Selection{})
	if diff := cmp.Diff(ledger.Retried{Stay: 2}, did); err != nil || diff != "" {
		t.Error(err, diff)
	}
	b.keys[0] = key("1", "1", 0)
	b.convs = append(b.convs, conv("2"))
	b.enrol()
	if diff := cmp.Diff(map[string]string{"1/1": "planned", "2/1": "planned"}, b.states()); diff != "" {
		t.Error(diff)
	}
}

// TestSkippedByHandStays: what a person skipped stays skipped, whatever becomes of its
// row.
func TestSkippedByHandStays(t *testing.T) {
	t.Parallel()
	b := parked(t)
	if _, err := b.SkipParked(t.Context(), ledger.Selection{Conversation: "1", Message: "4"}); err != nil {
		t.Fatal(err)
	}
	at := 3 // the key of 1/4
	for name, change := range map[string]func(*ledger.EnrolledKey){
		"another text": func(k *ledger.EnrolledKey) { k.Hash[5]++ },
		"no time":      func(k *ledger.EnrolledKey) { k.SentAt = time.Time{}; k.Hash[6]++ },
		"skip_reason":  func(k *ledger.EnrolledKey) { k.SkipReason = "spam"; k.Hash[7]++ },
	} {
		change(&b.keys[at])
		b.enrol()
		if got := b.decided()["1/4"]; got != "skipped skipped_by_hand before in_doubt" {
			t.Errorf("after %s it is %s", name, got)
		}
	}
	b.keys = append(b.keys[:at:at], b.keys[at+1:]...)
	b.enrol()
	if got := b.decided()["1/4"]; got != "skipped skipped_by_hand before in_doubt" {
		t.Errorf("after its row was deleted it is %s", got)
	}
}

// TestParkedList lists and counts, in the order of the conversations.
func TestParkedList(t *testing.T) {
	t.Parallel()
	b := parked(t)
	at := func(id string, sec int) ledger.ParkedMessage {
		sent := key("1", id, sec).SentAt
		return ledger.ParkedMessage{ID: id, SentAt: &sent}
	}
	list := func(s ledger.Selection, limit int) string {
		t.Helper()
		all, err := b.Parked(t.Context(), s, limit)
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, p := range all {
			if want := at(p.ID, map[string]int{"3": 2, "4": 3}[p.ID]); !p.SentAt.Equal(*want.SentAt) {
				t.Errorf("%s/%s is of %s, not %s", p.Conversation, p.ID, p.SentAt, want.SentAt)
			}
			said = append(said, fmt.Sprintf("%s/%s %s", p.Conversation, p.ID, p.Reason))
		}
		return strings.Join(said, ", ")
	}
	for _, c := range []struct {
		s     ledger.Selection
		limit int
		want  string
	}{
		{ledger.Selection{}, 0, "1/3 rejected, 1/4 in_doubt, 2/3 rejected, 2/4 in_doubt"},
		{ledger.Selection{}, 3, "1/3 rejected, 1/4 in_doubt, 2/3 rejected"},
		{ledger.Selection{Reason: outcome.InDoubt}, 0, "1/4 in_doubt, 2/4 in_doubt"},
		{ledger.Selection{Conversation: "2"}, 1, "2/3 rejected"},
		{ledger.Selection{Conversation: "9"}, 0, ""},
	} {
		if got := list(c.s, c.limit); got != c.want {
			t.Errorf("%+v: %s, want %s", c.s, got, c.want)
		}
	}
	counts, err := b.CountParked(t.Context(), ledger.Selection{Conversation: "2"})
	want := []ledger.ReasonCount{
		{Outcome: outcome.Parked, Code: outcome.InDoubt, Count: 1, Example: "2/4"},
		{Outcome: outcome.Parked, Code: outcome.Rejected, Count: 1, Example: "2/3"},
	}
	if diff := cmp.Diff(want, counts); err != nil || diff != "" {
		t.Error(err, diff)
	}
	m, known, err := b.Record(t.Context(), "1", "3")
	if err != nil || !known || m.Outcome != outcome.Parked || m.Reason != outcome.Rejected || m.Detail != "400 odd" ||
		m.Parts != 2 || m.PartsSent != 1 || m.Attempts != 2 || m.SettledAt == nil {
		t.Errorf("%+v, %v, %v", m, known, err)
	}
	if _, known, err := b.Record(t.Context(), "1", "9"); known || err != nil {
		t.Error(known, err)
	}
}

// TestHoldAtParked: with hold nothing from a conversation's first parked message on is
// work, and the rest is counted as held.
func TestHoldAtParked(t *testing.T) {
	t.Parallel()
	b := parked(t)
	planned := func(hold bool) (said []string) {
		t.Helper()
		works, err := b.Works(t.Context(), hold)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range works {
			page, err := b.Page(t.Context(), w.ID, ledger.After{}, 10, hold)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page {
				said = append(said, fmt.Sprintf("%s/%s of %d", w.ID, p.ID, w.Planned))
			}
		}
		return said
	}
	if diff := cmp.Diff([]string{"1/5 of 1", "2/5 of 1"}, planned(false)); diff != "" {
		t.Error(diff)
	}
	if got := planned(true); len(got) != 0 {
		t.Errorf("held, but %v", got)
	}
	s, err := b.Snapshot(t.Context())
	if diff := cmp.Diff(ledger.Held{Conversations: 2, Messages: 2}, s.Held); err != nil || diff != "" {
		t.Error(err, diff)
	}
	late := key("2", "late", 1) // as early as the second
	late.Seq = -1
	b.keys = append(b.keys, late)
	b.enrol()
	if diff := cmp.Diff([]string{"2/late of 1"}, planned(true)); diff != "" {
		t.Error(diff)
	}
}
