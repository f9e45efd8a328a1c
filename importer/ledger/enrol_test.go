package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
	"github.com/google/go-cmp/cmp"
)

// rows is a bench with two conversations of three messages, enrolled, the first
// conversation sent.
func rows(t *testing.T) *bench {
	b := newBench(t)
	b.convs = []ledger.EnrolledConversation{conv("1"), conv("2")}
	for _, c := range []string{"1", "2"} {
		for i, id := range []string{"1", "2", "3"} {
			b.keys = append(b.keys, key(c, id, i))
		}
	}
	if m := b.enrol(); m != (ledger.Merged{Conversations: 2, Messages: 6, New: 6}) {
		t.Errorf("first pass: %+v", m)
	}
	b.sent("1", "1", "2", "3")
	return b
}

// TestEnrol changes the legacy rows between two passes.
func TestEnrol(t *testing.T) {
	asIs := map[string]string{"1/1": "sent", "1/2": "sent", "1/3": "sent", "2/1": "planned", "2/2": "planned", "2/3": "planned"}
	with := func(changes ...string) map[string]string {
		want := map[string]string{}
		for name, state := range asIs {
			want[name] = state
		}
		for i := 0; i < len(changes); i += 2 {
			want[changes[i]] = changes[i+1]
		}
		return want
	}
	for name, c := range map[string]struct {
		change func(*bench)
		want   map[string]string
		merged ledger.Merged // without the rows read
		back   map[string]string
	}{
		"nothing": {change: func(b *bench) {}, want: with()},
		"new message": {change: func(b *bench) { b.keys = append(b.keys, key("1", "4", 4)) },
			want: with("1/4", "planned"), merged: ledger.Merged{New: 1}, back: with("1/4", "skipped deleted_in_legacy")},
		"sent message edited": {change: func(b *bench) { b.keys[0].Hash[5]++ },
			want: with("1/1", "sent edited"), merged: ledger.Merged{Edited: 1}, back: with()},
		"planned message edited": {change: func(b *bench) { b.keys[3].Hash[5]++ }, want: with()},
		"sent message deleted": {change: func(b *bench) { b.keys = b.keys[1:] },
			want: with("1/1", "sent vanished"), merged: ledger.Merged{Vanished: 1}, back: with()},
		"planned message deleted": {change: func(b *bench) { b.keys = b.keys[:5] },
			want: with("2/3", "skipped deleted_in_legacy"), merged: ledger.Merged{Vanished: 1}, back: with()},
		"conversation deleted": {change: func(b *bench) { b.keys, b.convs = b.keys[:3], b.convs[:1] },
			want:   with("2/1", "skipped deleted_in_legacy", "2/2", "skipped deleted_in_legacy", "2/3", "skipped deleted_in_legacy"),
			merged: ledger.Merged{Vanished: 3}, back: with()},
		"planned message to be skipped": {change: func(b *bench) { b.keys[3].SkipReason = "spam" },
			want: with("2/1", "skipped skipped_by_query spam"), back: with()},
		"sent message to be skipped": {change: func(b *bench) { b.keys[0].SkipReason = "spam" }, want: with()},
		"time lost":                  {change: func(b *bench) { b.keys[3].SentAt = time.Time{} }, want: with("2/1", "parked no_sent_at"), back: with()},
		"sent message's time lost":   {change: func(b *bench) { b.keys[0].SentAt = time.Time{} }, want: with()},
		"message of no conversation": {change: func(b *bench) { b.keys = append(b.keys, key("9", "1", 0)) },
			want: with("9/1", "parked no_conversation"), merged: ledger.Merged{New: 1}, back: with("9/1", "parked no_conversation")},
		"other queries": {change: func(b *bench) {
			for i := range b.keys {
				b.keys[i].Hash[5]++
			}
		}, want: with(), merged: ledger.Merged{Rebased: 3}},
		"another time zone": {change: func(b *bench) {
			for i := range b.keys {
				b.keys[i].SentAt = b.keys[i].SentAt.Add(3 * time.Hour)
			}
		}, want: with(), merged: ledger.Merged{Moved: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := rows(t)
			convs, keys := b.convs, append([]ledger.EnrolledKey(nil), b.keys...)
			p := b.pass
			if name == "other queries" {
				p = func() ledger.Pass { p := b.pass(); p.SQLDigest = "other queries"; return p }
			}
			c.change(b)
			pass := func() ledger.Merged {
				m, err := b.Enrol(t.Context(), p())
				if err != nil {
					t.Fatal(err)
				}
				m.Conversations, m.Messages = 0, 0
				return m
			}
			if diff := cmp.Diff(c.merged, pass()); diff != "" {
				t.Errorf("merged (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.want, b.states()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}

			// The same again changes nothing: no row is written.
			before := b.versions()
			again := pass()
			if again.New+again.Vanished+again.Rebased != 0 || again.Edited != c.merged.Edited {
				t.Errorf("again: %+v", again)
			}
			if diff := cmp.Diff(before, b.versions()); diff != "" {
				t.Errorf("the second pass writes (-before +after):\n%s", diff)
			}

			if c.back != nil {
				b.convs, b.keys = convs, keys
				if name == "message of no conversation" {
					b.keys = append(b.keys, key("9", "1", 0))
				}
				pass()
				if diff := cmp.Diff(c.back, b.states()); diff != "" {
					t.Errorf("after it was taken back (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestEnrolMended enrols what was parked for its rows and is in order now.
func TestEnrolMended(t *testing.T) {
	b := newBench(t)
	b.convs = []ledger.EnrolledConversation{conv("1")}
	b.keys = []ledger.EnrolledKey{key("1", "1", 0), key("1", "2", 1), key("9", "1", 0)}
	b.keys[0].SentAt = time.Time{}
	b.enrol()
	want := map[string]string{"1/1": "parked no_sent_at", "1/2": "planned", "9/1": "parked no_conversation"}
	if diff := cmp.Diff(want, b.states()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	works, err := b.Works(t.Context(), false)
	if diff := cmp.Diff([]ledger.Work{{ID: "1", Planned: 1}}, works); err != nil || diff != "" {
		t.Errorf("works (-want +got):\n%s%v", diff, err)
	}

	b.keys[0].SentAt = monday()
	b.convs = append(b.convs, conv("9"))
	b.enrol()
	if diff := cmp.Diff(map[string]string{"1/1": "planned", "1/2": "planned", "9/1": "planned"}, b.states()); diff != "" {
		t.Errorf("mended (-want +got):\n%s", diff)
	}
	c, err := b.Conversation(t.Context(), "9")
	if err != nil || c.ConversationID != "c-9" || c.ClientID != "client-9" || c.Person == 0 || c.Planned != 1 {
		t.Errorf("conversation %+v, %v", c, err)
	}
	if works, err = b.Works(t.Context(), false); err != nil || len(works) != 2 {
		t.Errorf("works %v, %v", works, err)
	}
}

// TestEnrolKeepsVerdicts leaves alone what lanes decided, and what is half sent.
func TestEnrolKeepsVerdicts(t *testing.T) {
	b := rows(t)
	hash := ledger.Hash{1}
	b.commit(ledger.Change{Conversation: "2", LastMsgID: "2-2", Settled: []ledger.Settled{
		{ID: "1", Outcome: outcome.Parked, Reason: outcome.Rejected, Detail: "400", Attempts: 1},
		{ID: "2", Outcome: outcome.Planned, Attempts: 1, Parts: 2, PartsSent: 1, PartEnds: []int{3}, AmojoIDs: []string{"a"},
			SentMsec: monday().UnixMilli(), SentHash: &hash, BodyHash: "body"},
	}})
	want := b.states()
	b.keys[4].Hash[5]++
	b.keys[4].SkipReason = "spam"
	b.keys[4].SentAt = monday().Add(time.Hour)
	b.enrol()
	if diff := cmp.Diff(want, b.states()); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
	page, err := b.Page(t.Context(), "2", ledger.After{}, 10, false)
	if err != nil || len(page) != 2 || page[0].ID != "2" || !page[0].SentAt.Equal(monday().Add(time.Second)) || *page[0].SentHash != hash {
		t.Errorf("page %+v, %v", page, err)
	}

	// A half sent row that is deleted stays planned: its lane says what becomes of it.
	b.keys = append(b.keys[:4:4], b.keys[5])
	if m := b.enrol(); m.Vanished != 1 {
		t.Errorf("merged %+v", m)
	}
	want["2/2"] = "planned vanished"
	if diff := cmp.Diff(want, b.states()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	before := b.versions()
	if m := b.enrol(); m.Vanished != 0 {
		t.Errorf("again: %+v", m)
	}
	if diff := cmp.Diff(before, b.versions()); diff != "" {
		t.Errorf("the second pass writes (-before +after):\n%s", diff)
	}
}

// TestSettledAt stays what it was when the row of a sent message is deleted.
func TestSettledAt(t *testing.T) {
	b := rows(t)
	at := b.texts("select settled_at::text from amoimport.message where conversation = '1' and id = '1'")
	b.keys = b.keys[1:]
	b.enrol()
	if diff := cmp.Diff(at, b.texts("select settled_at::text from amoimport.message where conversation = '1' and id = '1'")); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

// TestEnrolRefuses has passes that must not change anything.
func TestEnrolRefuses(t *testing.T) {
	broken := errors.New("the legacy database is gone")
	for name, c := range map[string]struct {
		change func(*bench) ledger.Pass
		says   []string
	}{
		"stream of messages breaks": {change: func(b *bench) ledger.Pass {
			p := b.pass()
			p.Keys = breaks(append(b.keys[1:], key("2", "4", 9)), broken)
			return p
		}},
		"stream of conversations breaks": {change: func(b *bench) ledger.Pass {
			p := b.pass()
			p.Conversations = breaks(append(b.convs, conv("3")), broken)
			return p
		}},
		"too many edited": {says: []string{"3 of 3"}, change: func(b *bench) ledger.Pass {
			for i := range b.keys {
				b.keys[i].Hash[5]++
			}
			b.keys = append(b.keys, key("2", "4", 9))
			return b.pass()
		}},
		"message twice": {says: []string{"message 2 of conversation 1 comes 2 times"}, change: func(b *bench) ledger.Pass {
			b.keys = append(b.keys, b.keys[1], key("2", "4", 9))
			return b.pass()
		}},
		"conversation twice": {says: []string{"conversation 2 comes 2 times"}, change: func(b *bench) ledger.Pass {
			b.convs = append(b.convs, b.convs[1], conv("3"))
			return b.pass()
		}},
		"two messages with one msgid": {says: []string{"2-4", "2/4", "2/5"}, change: func(b *bench) ledger.Pass {
			b.keys = append(b.keys, key("2", "4", 8), key("2", "5", 9))
			b.keys[7].MsgID = "2-4"
			return b.pass()
		}},
		"msgid of another message": {says: []string{"2/4 would be 1-1", "1/1"}, change: func(b *bench) ledger.Pass {
			b.keys = append(b.keys[1:], key("2", "4", 8))
			b.keys[5].MsgID = "1-1"
			return b.pass()
		}},
		"two conversations with one id": {says: []string{"3 and 4", "c-3"}, change: func(b *bench) ledger.Pass {
			b.convs = append(b.convs, conv("3"), conv("4"))
			b.convs[3].ConversationID = "c-3"
			return b.pass()
		}},
		"id of another conversation": {says: []string{"1 and 3", "c-1"}, change: func(b *bench) ledger.Pass {
			b.convs = append(b.convs[1:], conv("3"))
			b.convs[1].ConversationID = "c-1"
			return b.pass()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := rows(t)
			before := b.versions()
			_, err := b.Enrol(t.Context(), c.change(b))
			var clash *ledger.ClashError
			var changed *ledger.ChangedError
			var hint interface{ Hint() string }
			switch {
			case c.says == nil:
				if err != broken {
					t.Errorf("error %v, want the stream's own", err)
				}
			case !errors.As(err, &clash) && !errors.As(err, &changed) || !errors.As(err, &hint) || hint.Hint() == "":
				t.Errorf("error %v", err)
			default:
				for _, word := range c.says {
					if !strings.Contains(err.Error(), word) {
						t.Errorf("%q does not say %q", err, word)
					}
				}
			}
			if diff := cmp.Diff(before, b.versions()); diff != "" {
				t.Errorf("something is merged (-before +after):\n%s", diff)
			}
		})
	}
}

// TestEnrolInterrupted lets a pass break off, then comes with the whole.
func TestEnrolInterrupted(t *testing.T) {
	b := rows(t)
	p := b.pass()
	p.Keys = breaks(b.keys, errors.New("gone"))
	if _, err := b.Enrol(t.Context(), p); err == nil {
		t.Fatal("no error")
	}
	if m := b.enrol(); m != (ledger.Merged{Conversations: 2, Messages: 6}) {
		t.Errorf("merged %+v", m)
	}
}

// TestEnrolBatches merges more rows than one transaction takes.
func TestEnrolBatches(t *testing.T) {
	b := newBench(t)
	b.convs = []ledger.EnrolledConversation{conv("1"), conv("2")}
	for i := range 12_500 {
		b.keys = append(b.keys, key(fmt.Sprint(i%2+1), fmt.Sprint(i), i))
	}
	var told []string
	p := b.pass()
	p.Progress = func(phase string, n int64) { told = append(told, fmt.Sprint(phase, " ", n)) }
	m, err := b.Enrol(t.Context(), p)
	if err != nil || m != (ledger.Merged{Conversations: 2, Messages: 12_500, New: 12_500}) {
		t.Errorf("%+v, %v", m, err)
	}
	if diff := cmp.Diff([]string{"reading 10000", "merging 5000", "merging 10000", "merging 12500"}, told); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if got := b.texts("select distinct xmin::text from amoimport.message"); len(got) != 3 {
		t.Errorf("%d transactions", len(got))
	}
	b.adds(12_500)
}

// TestPersons groups clients by phone, else e-mail, else by themselves.
func TestPersons(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ id, client, phone, email string }{
		{"1", "a", "p1", ""},
		{"2", "b", "p1", "e1"}, // the same phone
		{"3", "c", "", "e1"},   // an e-mail, which b has too, but b goes by its phone
		{"4", "d", "", "e1"},
		{"5", "e", "", ""},
		{"6", "e", "", ""}, // the same client again
		{"7", "g1", "p9", ""}, {"8", "g2", "p9", "e9"}, {"9", "g3", "p9", ""},
	} {
		b.convs = append(b.convs, ledger.EnrolledConversation{ID: source.ConversationID(c.id), ConversationID: "c-" + c.id,
			ClientID: c.client, Phone: c.phone, Email: c.email})
		b.keys = append(b.keys, key(c.id, "1", 0))
	}
	p := b.pass()
	p.SharedMax = 2
	for range 2 {
		if _, err := b.Enrol(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		all, err := b.Conversations(t.Context(), "1", "2", "3", "4", "5", "6", "7", "8", "9")
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, c := range all {
			got[string(c.ID)] = fmt.Sprintf("%s %q %q", b.texts("select key from amoimport.person where id = " + fmt.Sprint(c.Person))[0], c.Phone, c.Email)
		}
		want := map[string]string{
			"1": `phone:p1 "p1" ""`, "2": `phone:p1 "p1" ""`, // three clients have e1
			"3": `client:c "" ""`, "4": `client:d "" ""`, "5": `client:e "" ""`, "6": `client:e "" ""`,
			"7": `client:g1 "" ""`, "8": `email:e9 "" "e9"`, "9": `client:g3 "" ""`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// TestStagingLost empties the staging tables in the middle of a pass, as a crash
// of Postgres does: nothing is taken for deleted.
func TestStagingLost(t *testing.T) {
	b := rows(t)
	want := b.states()
	p := b.pass()
	crashed := false
	p.Progress = func(phase string, _ int64) {
		if phase == "merging" && !crashed {
			crashed = true
			exec(t, b.conn, "truncate amoimport.enrol_key, amoimport.enrol_conversation")
		}
	}
	m, err := b.Enrol(t.Context(), p)
	if err != nil || m != (ledger.Merged{Conversations: 2, Messages: 6}) {
		t.Errorf("merged %+v, %v", m, err)
	}
	if diff := cmp.Diff(want, b.states()); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}
