package importer_test

import (
	"fmt"
	"strings"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
)

// check holds the ledger and the chats against what the legacy database held.
func (c *modelCase) check() {
	fates, err := c.fates()
	if err != nil {
		c.fail("read the ledger: %v", err)
		return
	}
	world := c.rig.world.Snapshot()
	c.loud, c.want = 0, ledger.Counts{}
	chats := map[string]sandbox.Chat{}
	for _, chat := range world.Chats {
		chats[chat.ConversationID] = chat
	}
	for _, t := range c.legacy.chats {
		var want []*modelMessage
		held := heldAt(t.rows, fates)
		for i, m := range t.rows {
			f, known := fates[t.id+"/"+m.id]
			delete(fates, t.id+"/"+m.id)
			if !known {
				if !m.deleted {
					c.fail("%s/%s is not in the ledger", t.id, m.id)
				}
				continue
			}
			m.fate = f
			if c.plan.Hold && held[i] && f.outcome == outcome.Planned {
				c.hit("held behind a parked one")
			} else if wrong := m.wrong(c); wrong != "" {
				c.fail("%s/%s is %+v: %s", t.id, m.id, f, wrong)
			}
			if f.outcome == outcome.Sent && f.before == outcome.InDoubt {
				c.hit("sent after it was parked in doubt")
			}
			switch f.reason {
			case outcome.Rejected:
				c.hit("refused")
			case outcome.ServerError:
				c.hit("parked for server errors")
			case outcome.ChangedMidway:
				c.hit("changed midway")
			case outcome.InDoubt:
				c.hit("parked in doubt")
			}
			if f.partsSent > 0 || m.maybeThere() || m.lost != nil {
				want = append(want, m)
			}
		}
		c.checkChat(t, want, chats["imp1-"+t.id])
	}
	for id := range fates {
		c.fail("%s is in the ledger, but never was a row", id)
	}
	c.checkContacts(world, chats)
	n := world.Counters
	if n.BadSignatures+n.Blocks+n.Moves+n.ChatsByMessage+n.Repeats > 0 || n.Notifications != c.loud+c.lostLoud {
		c.fail("the world counted %+v", n)
	}
}

// wrong says what is wrong with a message's fate.
func (m *modelMessage) wrong(c *modelCase) string {
	f := m.fate
	want, reason := outcome.Sent, outcome.Code("")
	switch m.flaw {
	case "blank":
		want, reason = outcome.Skipped, outcome.BlankText
	case "no time":
		want, reason = outcome.Parked, outcome.NoSentAt
	case "skip":
		want, reason = outcome.Skipped, outcome.SkippedByQuery
	case "kind":
		want, reason = outcome.Parked, outcome.UnknownKind
	}
	switch skippedAt, skipped := c.person.skipped[m.thread.id+"/"+m.id]; {
	case skipped != (f.reason == outcome.SkippedByHand):
		return "what a person said does not count"
	case skipped:
		if f.outcome != outcome.Skipped || f.partsSent != skippedAt {
			return fmt.Sprintf("skipped by hand when %d parts were sent", skippedAt)
		}
		return ""
	case f.outcome == outcome.Planned:
		return "still planned"
	case f.outcome == want && (f.reason == reason || want == outcome.Sent):
		if want == outcome.Sent && f.partsSent != f.parts {
			return "not all parts were sent"
		}
		return ""
	case f.reason == outcome.Rejected:
		if !c.refusing {
			return "nobody refuses it"
		}
		return ""
	case f.reason == outcome.ServerError:
		if f.attempts < 5 || !c.poisoned {
			return "given up too early"
		}
		return ""
	case f.reason == outcome.InDoubt:
		if c.plan.Stall.Settles == 0 { // an outage and then a stall may last long together
			return "nothing was in doubt for so long"
		}
		return ""
	case f.reason == outcome.ChangedMidway:
		if !m.touched() || f.partsSent == 0 && m.lost == nil || f.parts < 2 {
			return "it did not change midway"
		}
		return ""
	case f.reason == outcome.DeletedInLegacy && m.deleted, f.reason == outcome.SkippedByQuery && m.skipped:
		if f.partsSent > 0 {
			return "sent and skipped"
		}
		return ""
	}
	return fmt.Sprintf("want %s %s", want, reason)
}

// checkChat holds a chat against the messages that are to be in it.
func (c *modelCase) checkChat(t *modelThread, want []*modelMessage, chat sandbox.Chat) {
	var got []sandbox.Message
	copies, loud := map[string]int{}, 0
	for _, m := range chat.Messages {
		got = append(got, m)
		if !m.Silent {
			loud++
		}
		if copies[m.MsgID]++; copies[m.MsgID] == 2 {
			c.fail("chat %s holds %s twice", t.id, m.MsgID)
		}
	}
	if loud > 1 || loud > 0 && !c.plan.Announce {
		c.fail("chat %s was announced %d times", t.id, loud)
	}
	c.hits("announced", loud)
	c.loud += loud
	c.want.Shown += int64(len(got))
	crowd := inCrowds(want, got)
	at, last := 0, int64(0)
	for _, m := range want {
		var text strings.Builder
		var parts []amojo.Message
		for k := 1; k <= m.fate.partsSent; k++ {
			id := compose.PartID(m.fate.msgid, k)
			if at >= len(got) || got[at].MsgID != id {
				there := "nothing"
				if at < len(got) {
					there = got[at].MsgID
				}
				c.fail("chat %s holds %s where %s should be", t.id, there, id)
				return
			}
			part := got[at]
			c.checkMark(m, part)
			at++
			switch {
			case part.TimeMsec != m.fate.msec+int64(k)-1 || part.TimeMsec < m.sentAt.UnixMilli() || part.TimeMsec > m.sentAt.UnixMilli()+200:
				c.fail("chat %s shows %s at %d, the row is of %d, the ledger says %d", t.id, id, part.TimeMsec, m.sentAt.UnixMilli(), m.fate.msec)
			case part.TimeMsec <= last && crowd[id] == 0:
				c.fail("chat %s shows %s of %+v at %d, the part before it at %d", t.id, id, m.fate, part.TimeMsec, last)
			case !m.out && (part.Sender.ID != fmt.Sprintf("imp1-cp%d", t.client) || part.Receiver.Name != ""):
				c.fail("chat %s shows %s from %+v to %+v", t.id, id, part.Sender, part.Receiver)
			case m.out && (part.Sender.ID != "imp1-mm1" || part.Receiver.ID != fmt.Sprintf("imp1-cp%d", t.client)):
				c.fail("chat %s shows %s from %+v to %+v", t.id, id, part.Sender, part.Receiver)
			}
			last = part.TimeMsec
			text.WriteString(part.Text)
			parts = append(parts, amojo.Message{Content: amojo.Content{Text: part.Text}})
		}
		for k := m.fate.partsSent + 1; k <= m.fate.parts; k++ {
			id := compose.PartID(m.fate.msgid, k)
			there := at < len(got) && got[at].MsgID == id
			must := m.lost != nil && m.lost.behind[k]
			switch {
			case there && (must || m.maybeThere() && k == m.fate.partsSent+1): // or it is not there
				last = got[at].TimeMsec
				at++
				c.want.Foreign++
			case must:
				c.fail("chat %s does not hold %s any more", t.id, id)
			}
		}
		c.shows(m, parts)
		if !m.said(text.String()) {
			c.fail("chat %s: %s was never like this: %.80q", t.id, m.fate.msgid, text.String())
		} else if wrong := c.unedited(m, text.String()); wrong != "" {
			c.fail("chat %s: %s says %.80q, of %d versions, with the note %q: %s", t.id, m.fate.msgid, text.String(), len(m.versions), m.fate.edit, wrong)
		}
	}
	if at < len(got) {
		c.fail("chat %s holds %s, which the ledger does not know as sent there", t.id, got[at].MsgID)
	}
}

// maybeThere says whether a part that is not known as sent may be in the chat: it
// was parked in doubt and not looked for since.
func (m *modelMessage) maybeThere() bool {
	switch f := m.fate; f.reason {
	case outcome.InDoubt:
		return true
	default:
		return f.before == outcome.InDoubt && (f.outcome == outcome.Planned || f.reason == outcome.SkippedByHand)
	}
}

// said reports whether the text, or its beginning when not all was sent, was the
// message's at some time.
func (m *modelMessage) said(text string) bool {
	for _, v := range m.versions {
		if v == text || m.fate.partsSent < m.fate.parts && strings.HasPrefix(v, text) {
			return true
		}
	}
	return false
}

// unedited says what is wrong with a text that is not the last one of its row.
func (c *modelCase) unedited(m *modelMessage, text string) string {
	// What a killed run sent is settled after the rows were compared: the next run sees
	// that its row has changed since, and must.
	before := m.unseen
	m.unseen = m.fate.unseen
	last := m.versions[len(m.versions)-1]
	if !c.plan.Edits || m.fate.outcome != outcome.Sent || m.fate.parts != 1 || m.deleted || m.skipped {
		return ""
	}
	if text == last {
		if m.fate.edit == outcome.EditSent {
			c.hit("edited in its chat")
		}
		return ""
	}
	switch m.fate.edit {
	case outcome.EditSplit:
		if len(last) <= 500 {
			return "it would fit into one message"
		}
	case outcome.EditRejected:
		if !c.refusing {
			return "nobody refuses it"
		}
	case outcome.EditInDoubt:
		if !c.poisoned {
			return "given up too early"
		}
	default:
		if m.fate.unseen && !before {
			c.hit("edited while in doubt")
			return ""
		}
		// A message that is not seen yet waits for the next run.
		if c.plan.Lag == 0 && c.plan.Stall.Settles == 0 {
			return "nothing was in the way"
		}
	}
	return ""
}

// checkContacts: one contact a person, and every chat at its person's.
func (c *modelCase) checkContacts(world sandbox.Snapshot, chats map[string]sandbox.Chat) {
	person := func(client int) string {
		if phone := c.legacy.clients[client].phone(); phone != "" {
			return phone
		}
		return fmt.Sprintf("Client %d", client)
	}
	contacts := map[string]int{}
	for _, k := range world.Contacts {
		who := k.Name
		if phones := k.Values["PHONE"]; len(phones) > 0 {
			who = phones[0]
		}
		if contacts[who] != 0 {
			c.fail("there are two contacts of %s", who)
		}
		contacts[who] = k.ID
	}
	for _, t := range c.legacy.chats {
		if chat, there := chats["imp1-"+t.id]; there && len(chat.Messages) > 0 && chat.ContactID != contacts[person(t.client)] {
			c.fail("chat %s is linked to %d, not to %d", t.id, chat.ContactID, contacts[person(t.client)])
		}
	}
	if len(world.Moves) > 0 {
		c.fail("chats were moved: %+v", world.Moves)
	}
}
