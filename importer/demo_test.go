package importer_test

import (
	"context"
	"slices"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/internal/demodata"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
	"github.com/google/go-cmp/cmp"
)

// TestDemoData imports the demo's data, with all its odd cases, and holds every
// message against what is expected of it, in the ledger and in the chats.
func TestDemoData(t *testing.T) {
	t.Parallel()
	r := demoRig(t, sandbox.Options{})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Connect(t.Context(), ledger.Options{DSN: r.ledger})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	type message struct{ conversation, id string }
	expected := map[message]demodata.Expectation{}
	persons := map[string][]string{}
	for _, e := range demodata.Expectations() {
		if e.Message != "" {
			expected[message{e.Conversation, e.Message}] = e
			continue
		}
		chat, _ := r.world.Chat("imp1-" + e.Conversation)
		if len(chat.Messages) != e.Messages {
			t.Errorf("%s: chat %s holds %d messages, want %d", e.Case, e.Conversation, len(chat.Messages), e.Messages)
		}
		if e.Person != "" && len(chat.Messages) > 0 {
			persons[e.Person] = append(persons[e.Person], e.Conversation)
		}
	}
	for _, id := range r.conversations() {
		known := r.messages(id)
		for mid, m := range known {
			want, odd := expected[message{string(id), mid}]
			delete(expected, message{string(id), mid})
			if !odd {
				want = demodata.Expectation{Case: "ordinary", Outcome: "sent", Parts: 1}
			}
			got := demodata.Expectation{Outcome: m.outcome, Reason: m.reason, Notes: m.notes, Parts: m.parts}
			want = demodata.Expectation{Outcome: want.Outcome, Reason: want.Reason, Notes: want.Notes, Parts: want.Parts}
			if !odd {
				got.Notes = slices.DeleteFunc(got.Notes, func(n string) bool { return n == string(outcome.BotForManager) })
			}
			if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
				t.Errorf("message %s of %s (-want +got):\n%s", mid, id, diff)
			}
		}
	}
	for m := range expected {
		t.Errorf("message %s of %s is not in the ledger", m.id, m.conversation)
	}
	contact := map[int]string{}
	for person, conversations := range persons {
		first, _ := r.world.Chat("imp1-" + conversations[0])
		if first.ContactID == 0 {
			t.Errorf("chat %s is not linked", conversations[0])
		}
		if other, taken := contact[first.ContactID]; taken {
			t.Errorf("%s and %s share contact %d", person, other, first.ContactID)
		}
		contact[first.ContactID] = person
		for _, c := range conversations[1:] {
			if chat, _ := r.world.Chat("imp1-" + c); chat.ContactID != first.ContactID {
				t.Errorf("%s: chats %s and %s are linked to contacts %d and %d", person, conversations[0], c, first.ContactID, chat.ContactID)
			}
		}
	}
	r.complete()
	r.reports(l)

	before := r.world.Counters().Messages
	if err := r.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if after := r.world.Counters(); after.Messages != before || after.Repeats != 0 {
		t.Errorf("a second run sent %d messages, %d repeats", after.Messages-before, after.Repeats)
	}
}

func sorted(e demodata.Expectation) demodata.Expectation {
	e.Notes = slices.Clone(e.Notes)
	slices.Sort(e.Notes)
	if len(e.Notes) == 0 {
		e.Notes = nil
	}
	return e
}

// kept is what the ledger has of a message.
type kept struct {
	outcome, reason string
	notes           []string
	parts           int // sent
	msgid           string
	sentMsec        int64
}

// messages reads the ledger's messages of a conversation.
func (r *rig) messages(id source.ConversationID) map[string]kept {
	r.t.Helper()
	all := map[string]kept{}
	r.query(`select id, outcome, coalesce(reason, ''), coalesce(notes, '{}'), parts_sent, msgid, coalesce(sent_msec, 0)
		from amoimport.message where conversation = $1`, []any{string(id)}, func(scan func(...any) error) error {
		var mid string
		var k kept
		err := scan(&mid, &k.outcome, &k.reason, &k.notes, &k.parts, &k.msgid, &k.sentMsec)
		all[mid] = k
		return err
	})
	return all
}

// conversations lists the ledger's conversations.
func (r *rig) conversations() []source.ConversationID {
	var ids []source.ConversationID
	r.query(`select id from amoimport.conversation order by id`, nil, func(scan func(...any) error) error {
		var id source.ConversationID
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids
}
