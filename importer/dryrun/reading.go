package dryrun

import (
	"fmt"
	"slices"
	"time"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

// reading is a conversation as it is gone through, in order.
type reading struct {
	*survey
	conversation source.Conversation
	horizon      time.Time // what is older, no card shows; zero: all is shown
	decided      map[string]outcome.Outcome
	refused      *compose.Refusal // of the chat
	without      []outcome.Code   // what the chat goes without
	replies      []reply          // to what has not come yet, if it ever does
	sends        bool
	waits        bool // something before is parked
}

// reply is a message that quotes another.
type reply struct{ id, quoted string }

func (d *survey) open(c source.Conversation, at chat) *reading {
	r := &reading{survey: d, conversation: c, decided: make(map[string]outcome.Outcome)}
	var made compose.Chat
	made, r.refused = d.Compose.Chat(c)
	r.without = made.Notes
	if p := d.people[at.person]; d.contactsKnown {
		r.horizon = p.horizon
		if r.refused == nil {
			r.refused = p.parked
		}
	}
	return r
}

// message decides what would become of one message, as a lane does, and returns in
// how many parts it would be sent.
func (r *reading) message(m source.Message, t *tally) (int32, error) {
	if _, twice := r.decided[m.ID]; twice {
		return 0, &ledger.ClashError{What: "message ids", Examples: []string{fmt.Sprintf("message %s of conversation %s comes more than once", m.ID, m.Conversation)},
			Advice: "(conversation_id, id) must name one row of the messages query: look for a join that repeats rows"}
	}
	t.messages++
	refusal := r.refused
	var made compose.Composed
	var asText bool
	if refusal == nil || m.SkipReason != "" {
		m, asText = r.file(m, t)
		made, refusal = r.Compose.Compose(r.conversation, m, r.quote(m.ReplyToID))
	}
	if refusal != nil {
		became := outcome.Parked
		if known, ok := outcome.Lookup(refusal.Code); ok {
			became = known.Outcome
		}
		r.decided[m.ID] = became
		r.waits = r.waits || became == outcome.Parked
		detail := refusal.Detail
		if refusal.Code == outcome.UnknownKind && word.MatchString(string(m.Kind)) {
			detail = string(m.Kind)
		}
		t.count(refusal.Code, string(m.Conversation), m.ID, detail, 1)
		return 0, nil
	}
	if !r.sends { // what the chat goes without is told once, of its first message
		made.Notes = append(made.Notes, r.without...)
	}
	r.decided[m.ID], r.sends = outcome.Sent, true
	if i := slices.Index(made.Notes, outcome.ReplyDroppedMissing); i >= 0 {
		made.Notes = slices.Delete(made.Notes, i, i+1)
		r.replies = append(r.replies, reply{m.ID, m.ReplyToID})
	}
	if asText {
		made.Notes = append(made.Notes, outcome.MediaAsText)
	}
	t.sent(m, made, r.Compose.Managers[m.ManagerID].RefID == "", r.begun)
	if r.Hold && r.waits {
		t.held++
	}
	if !r.horizon.IsZero() && m.SentAt.Before(r.horizon) {
		t.hidden++
	}
	return int32(len(made.Parts)), nil
}

// file decides about a message's file as far as the row tells, and whether a text names
// it instead.
func (r *reading) file(m source.Message, t *tally) (source.Message, bool) {
	a := r.Compose.Attachment(r.conversation, m)
	switch {
	case a.Refused != nil && r.Files.AsText:
		return r.Compose.AsText(r.conversation, m), true
	case a.URL != "":
		t.file(a.URL, r.Files.Probe != nil)
		if r.Files.Asked && (a.LacksName || a.LacksSize) {
			t.asked++
			m = a.Assume(m)
		}
	}
	return m, false
}

// quote says what becomes of a reply to a message before.
func (r *reading) quote(id string) compose.Reply {
	if id == "" {
		return compose.Reply{}
	}
	switch became, there := r.decided[id]; {
	case !there:
		return compose.Reply{Note: outcome.ReplyDroppedMissing}
	case became == outcome.Sent:
		return compose.Reply{MsgID: r.Compose.IDs.MessageID(string(r.conversation.ID), id)}
	}
	return compose.Reply{Note: outcome.ReplyDroppedSkipped}
}

// end closes the conversation: what a reply quotes came later, or never.
func (r *reading) end(t *tally) {
	if r == nil {
		return
	}
	if r.sends {
		t.chats++
	}
	for _, one := range r.replies {
		note := outcome.ReplyDroppedMissing
		if _, there := r.decided[one.quoted]; there {
			note = outcome.ReplyDroppedLater
		}
		t.count(note, string(r.conversation.ID), one.id, "", 1)
	}
}
