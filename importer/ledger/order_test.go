package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
	"github.com/google/go-cmp/cmp"
)

// pages reads all that is planned of a conversation, limit at a time.
func (b *bench) pages(id source.ConversationID, limit int) []ledger.Planned {
	b.t.Helper()
	var got []ledger.Planned
	var after ledger.After
	for {
		page, err := b.Page(b.t.Context(), id, after, limit, false)
		if err != nil {
			b.t.Fatal(err)
		}
		if len(page) == 0 {
			return got
		}
		if len(page) > limit {
			b.t.Fatalf("a page of %d", len(page))
		}
		got = append(got, page...)
		last := page[len(page)-1]
		after = ledger.After{SentAt: last.SentAt, Seq: last.Seq, ID: last.ID}
	}
}

// TestOrder reads messages whose times and seqs tie, in pages of every size.
func TestOrder(t *testing.T) {
	b := newBench(t)
	b.convs = []ledger.EnrolledConversation{conv("1"), conv("2")}
	want := []string{"900", "2", "8", "9", "10", "11", "100", "1", "Б", "a", "aa", "7"}
	for i, m := range []struct {
		id  string
		at  time.Duration
		seq int64
	}{
		{"900", -time.Microsecond, 9}, // a time before all, however little
		{"2", 0, -1},
		{"8", 0, 0}, {"9", 0, 0}, {"10", 0, 0}, {"11", 0, 0}, {"100", 0, 0}, // numbers in their order
		{"1", 0, 5},
		{"Б", time.Second, 0}, {"a", time.Second, 0}, {"aa", time.Second, 0},
		{"7", time.Hour, 0},
	} {
		k := key("1", m.id, 0)
		k.SentAt, k.Seq = k.SentAt.Add(m.at), m.seq
		b.keys = append(b.keys, k)
		if want[i] != m.id {
			t.Fatal("the test is mistaken")
		}
	}
	// Letters follow by length, then by their bytes.
	want[8], want[9], want[10] = "a", "Б", "aa"
	slices.Reverse(b.keys)
	b.enrol()
	for limit := 1; limit <= 13; limit++ {
		var got []string
		for _, p := range b.pages("1", limit) {
			got = append(got, p.ID)
			if p.MsgID != "1-"+p.ID || p.Parts != 0 || p.SentMsec != 0 || p.FloorMsec != 0 || p.SentHash != nil {
				t.Errorf("planned %+v", p)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", limit, diff)
		}
	}
	if got := b.pages("2", 5); len(got) > 0 {
		t.Errorf("the other conversation has %v", got)
	}
}

// TestFloor tells for each planned message what was sent before it in its order.
func TestFloor(t *testing.T) {
	b := newBench(t)
	b.convs = []ledger.EnrolledConversation{conv("1")}
	for i, id := range []string{"1", "2", "3", "4", "5"} {
		b.keys = append(b.keys, key("1", id, i))
	}
	b.enrol()
	two, four := settled(b.keys[1]), settled(b.keys[3])
	two.Parts, two.PartsSent, two.PartEnds, two.AmojoIDs = 3, 3, []int{1, 2, 3}, []string{"x", "y", "z"}
	b.commit(ledger.Change{Conversation: "1", Settled: []ledger.Settled{two, four}, LastMsgID: "1-4"})

	msec := func(i int) int64 { return b.keys[i].SentAt.UnixMilli() }
	got := map[string]int64{}
	for _, p := range b.pages("1", 2) {
		got[p.ID] = p.FloorMsec
	}
	if diff := cmp.Diff(map[string]int64{"1": 0, "3": msec(1) + 2, "5": msec(3)}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	c, err := b.Conversation(t.Context(), "1")
	if err != nil || c.LastMsec != msec(3) || !c.FirstSent.Equal(monday()) || c.Planned != 3 || c.LastMsgID != "1-4" {
		t.Errorf("conversation %+v, %v", c, err)
	}
}

// TestWorks lists the longest first, and what is in doubt.
func TestWorks(t *testing.T) {
	b := newBench(t)
	for i, n := range []int{1, 5, 0, 3, 3} {
		b.convs = append(b.convs, conv(fmt.Sprint(i)))
		for m := range n {
			b.keys = append(b.keys, key(fmt.Sprint(i), fmt.Sprint(m), m))
		}
	}
	b.enrol()
	if err := b.SetChat(t.Context(), "1", "chat-1"); err != nil {
		t.Fatal(err)
	}
	if err := b.SetChat(t.Context(), "3", "chat-3"); err != nil {
		t.Fatal(err)
	}
	if err := b.SetLink(t.Context(), "3", 33, 333); err != nil {
		t.Fatal(err)
	}
	b.commit(ledger.Change{Conversation: "2", Intent: &ledger.Intent{Message: "0", MsgID: "2-0", Part: 1, Parts: 1}})
	works, err := b.Works(t.Context(), false)
	want := []ledger.Work{{ID: "1", Planned: 5}, {ID: "3", Planned: 3, Ready: true}, {ID: "4", Planned: 3}, {ID: "0", Planned: 1}, {ID: "2", Doubt: true}}
	if diff := cmp.Diff(want, works); err != nil || diff != "" {
		t.Errorf("-want +got:\n%s%v", diff, err)
	}
	c, err := b.Conversation(t.Context(), "3")
	if err != nil || c.ChatID != "chat-3" || c.LinkID != 33 {
		t.Errorf("conversation %+v, %v", c, err)
	}
	if _, err := b.Conversation(t.Context(), "no such"); err == nil {
		t.Error("a conversation that is not there is loaded")
	}

	// Parking takes what is planned, and nothing else.
	b.sent("1", "0")
	n, err := b.Park(t.Context(), "1", outcome.ChatRejected, "400 \x00")
	if err != nil || n != 4 {
		t.Errorf("parked %d, %v", n, err)
	}
	states := b.states()
	if states["1/0"] != "sent" || states["1/4"] != "parked chat_rejected 400 " {
		t.Errorf("states %v", states)
	}
	s, err := b.Snapshot(t.Context())
	wantReasons := []ledger.ReasonCount{{Outcome: outcome.Parked, Code: outcome.ChatRejected, Count: 4, Example: "1/1"}}
	if diff := cmp.Diff(wantReasons, s.Reasons); err != nil || diff != "" {
		t.Errorf("reasons (-want +got):\n%s%v", diff, err)
	}
	if diff := cmp.Diff(ledger.Conversational{Total: 5, Empty: 1, Waiting: 2, Ready: 1, Done: 1, Chats: 2, Linked: 1}, s.Conversations); diff != "" {
		t.Errorf("conversations (-want +got):\n%s", diff)
	}
	if s.InDoubt != 1 {
		t.Errorf("%d in doubt", s.InDoubt)
	}
	b.enrol() // counts again what is planned
	if works, err = b.Works(t.Context(), false); err != nil || works[0].ID != "3" {
		t.Errorf("works %v, %v", works, err)
	}
}

// TestSnapshot counts sent messages by part and by note.
func TestSnapshot(t *testing.T) {
	b := rows(t)
	s := settled(b.keys[3])
	s.Parts, s.PartsSent, s.Notes = 3, 3, []outcome.Code{outcome.Split, outcome.TextCleaned}
	two := settled(b.keys[4])
	two.Notes = []outcome.Code{outcome.Split}
	b.commit(ledger.Change{Conversation: "2", Settled: []ledger.Settled{s, two}})
	got, err := b.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ledger.Counted{Total: 6, Planned: 1, Sent: 5, Parts: 7}, got.Messages); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	notes := []ledger.ReasonCount{{Outcome: outcome.Sent, Code: outcome.Split, Count: 2, Example: "2/1"},
		{Outcome: outcome.Sent, Code: outcome.TextCleaned, Count: 1, Example: "2/1"}}
	if diff := cmp.Diff(notes, got.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if got.Setup != setup() || got.EnrolledAt == nil || !got.Running || got.Reasons != nil {
		t.Errorf("%+v", got)
	}
}

// TestSettle refuses every setting that differs, and names it.
func TestSettle(t *testing.T) {
	b := newBench(t)
	// While nothing is enrolled, everything may change.
	early := setup()
	early.Message, early.SourceName = "other", "other"
	for _, s := range []ledger.Setup{early, setup()} {
		if err := b.Settle(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	b.convs = []ledger.EnrolledConversation{conv("1")}
	b.enrol()
	for name, change := range map[string]func(*ledger.Setup){
		"source.name":       func(s *ledger.Setup) { s.SourceName = "other" },
		"account":           func(s *ledger.Setup) { s.Account = "other" },
		"scope":             func(s *ledger.Setup) { s.ScopeID = "other" },
		"ids.message":       func(s *ledger.Setup) { s.Message = "other" },
		"ids.conversation":  func(s *ledger.Setup) { s.Chat = "other" },
		"ids.client":        func(s *ledger.Setup) { s.Client = "other" },
		"ids.author":        func(s *ledger.Setup) { s.Author = "other" },
		"ids.manager":       func(s *ledger.Setup) { s.Manager = "other" },
		"replay.split_over": func(s *ledger.Setup) { s.SplitOver = 17 },
	} {
		other := setup()
		change(&other)
		err := b.Settle(t.Context(), other)
		var mix *ledger.MixError
		if !errors.As(err, &mix) || len(mix.Differences) != 1 || !strings.Contains(err.Error(), name) || mix.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.Settle(t.Context(), setup()); err != nil {
		t.Errorf("the refused settings were recorded: %v", err)
	}
}

// TestBatches keeps track of contacts that are being created.
func TestBatches(t *testing.T) {
	b := newBench(t)
	b.convs = []ledger.EnrolledConversation{conv("1"), conv("2"), conv("3")}
	for _, c := range b.convs {
		b.keys = append(b.keys, key(string(c.ID), "1", 0))
	}
	b.enrol()
	convs, err := b.Conversations(t.Context(), "1", "2", "3")
	if err != nil {
		t.Fatal(err)
	}
	person := map[source.ConversationID]int64{}
	for _, c := range convs {
		person[c.ID] = c.Person
	}
	members := []ledger.Creation{{Person: person["1"], CreatedSec: 100, ClientID: "1", NameKey: "k1"}, {Person: person["2"], CreatedSec: 200, ClientID: "2", NameKey: "k2"}}
	id, err := b.OpenBatch(t.Context(), 77, members)
	if err != nil {
		t.Fatal(err)
	}
	other, err := b.OpenBatch(t.Context(), 88, []ledger.Creation{{Person: person["3"], CreatedSec: 300, ClientID: "3", NameKey: "k3"}})
	if err != nil {
		t.Fatal(err)
	}
	open, err := b.OpenBatches(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	third := ledger.Batch{ID: other, Highest: 88, Members: []ledger.Creation{{Person: person["3"], CreatedSec: 300, ClientID: "3", NameKey: "k3"}}}
	if diff := cmp.Diff([]ledger.Batch{{ID: id, Highest: 77, Members: members}, third}, open); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	members[0].ContactID = 501 // the second was not made
	for range 2 {
		if err := b.CloseBatch(t.Context(), id, members); err != nil {
			t.Fatal(err)
		}
	}
	if open, err = b.OpenBatches(t.Context()); err != nil || !cmp.Equal(open, []ledger.Batch{third}) {
		t.Errorf("open: %+v, %v", open, err)
	}
	if err := b.SetContact(t.Context(), person["3"], 503, ledger.ByEmail); err != nil {
		t.Fatal(err)
	}
	// A batch whose members all have their contacts is open until it is closed.
	if open, err = b.OpenBatches(t.Context()); err != nil || len(open) != 1 || open[0].Members != nil {
		t.Errorf("open: %+v, %v", open, err)
	}
	s, err := b.Snapshot(t.Context())
	if diff := cmp.Diff(map[ledger.Found]int64{ledger.Created: 1, ledger.ByEmail: 1}, s.Contacts); err != nil || diff != "" {
		t.Errorf("contacts (-want +got):\n%s%v", diff, err)
	}
	for want, c := range map[int64]source.ConversationID{501: "1", 0: "2", 503: "3"} {
		if got, err := b.Conversation(t.Context(), c); err != nil || got.ContactID != want {
			t.Errorf("conversation %s: contact %d, %v", c, got.ContactID, err)
		}
	}
}

// TestLearn keeps what was learned last.
func TestLearn(t *testing.T) {
	b := newBench(t)
	if got, err := b.Learned(t.Context(), "order"); got != "" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, value := range []string{"oldest", "newest"} {
		if err := b.Learn(t.Context(), "order", value); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := b.Learned(t.Context(), "order"); got != "newest" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := b.Note(t.Context(), "enrolled", map[string]int{"new": 5}); err != nil {
		t.Fatal(err)
	}
	if got := b.texts("select kind || ' ' || detail from amoimport.event"); !cmp.Equal(got, []string{`enrolled {"new": 5}`}) {
		t.Errorf("events %v", got)
	}
}

// TestSentMessages lists what was sent, and says what was sent after its turn.
func TestSentMessages(t *testing.T) {
	b := rows(t)
	b.keys = append(b.keys, key("1", "1b", 0), key("1", "4", 9))
	b.enrol()
	b.sent("1", "1b", "4")
	hash := ledger.Hash{1}
	b.commit(ledger.Change{Conversation: "2", LastMsgID: "2-1", Settled: []ledger.Settled{{ID: "1", Outcome: outcome.Parked, Reason: outcome.InDoubt,
		Parts: 3, PartsSent: 2, PartEnds: []int{1, 2}, AmojoIDs: []string{"a", "b"}, SentMsec: 5, SentHash: &hash}}})
	at := func(sec int64) int64 { return monday().Add(time.Duration(sec) * time.Second).UnixMilli() }
	whole := func(id string, sec int64, late bool) ledger.SentMessage {
		return ledger.SentMessage{ID: id, MsgID: "1-" + id, SentMsec: at(sec), Parts: 1, Whole: true, Late: late,
			Kind: "text", BodyHash: "body", AmojoIDs: []string{"amojo-" + id}}
	}
	want := map[source.ConversationID][]ledger.SentMessage{
		"1": {whole("1", 0, false), whole("1b", 0, true), whole("2", 1, false), whole("3", 2, false), whole("4", 9, false)},
		"2": {{ID: "1", MsgID: "2-1", SentMsec: 5, Parts: 2, AmojoIDs: []string{"a", "b"}, Decided: true}},
	}
	sent, err := b.SentMessages(t.Context(), "1", "2", "3")
	if diff := cmp.Diff(want, sent); err != nil || diff != "" {
		t.Errorf("-want +got:\n%s%v", diff, err)
	}
}
