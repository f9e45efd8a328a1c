package demodata

import (
	"fmt"
	"time"
)

// story is an odd conversation in the making. Its messages come a minute apart
// unless they say otherwise, and are called <conversation>-1, -2, ….
type story struct {
	w            *world
	conversation string
	at           time.Time
	count        int
	sent         int
}

// story begins a conversation. What the client's fields do not say is made up;
// the phone stays empty if it is.
func (w *world) story(c conversation) *story {
	n := len(w.conversations)
	if c.clientID == "" {
		c.clientID = c.id + "-client"
	}
	if c.name == "" {
		c.name = russian.name(w.rng)
	}
	w.conversations = append(w.conversations, c)
	return &story{w: w, conversation: c.id, at: time.Date(2022, 3, 1, 10, n%60, 0, 0, time.UTC).AddDate(0, 0, n)}
}

// say adds a message and returns its id. Direction is in and kind is text
// unless the message says otherwise; a dash stands for null.
func (s *story) say(m message) string {
	s.count++
	s.at = s.at.Add(time.Minute)
	m.conversation = s.conversation
	if m.id == "" {
		m.id = fmt.Sprintf("%s-%d", s.conversation, s.count)
	}
	if m.sentAt.IsZero() {
		m.sentAt = s.at
	}
	if m.direction == "" {
		m.direction = "in"
	}
	if m.kind == "" {
		m.kind = "text"
	}
	if m.kind == "-" {
		m.kind = ""
	}
	s.w.add(m)
	s.sent++
	return m.id
}

// in adds a client's text, out a manager's.
func (s *story) in(text string) string { return s.say(message{text: text}) }
func (s *story) out(text string) string {
	return s.say(message{text: text, direction: "out", managerID: "mgr-1"})
}

// last is the row that was added last, to be made odder still.
func (s *story) last() *message { return &s.w.messages[len(s.w.messages)-1] }

// sends expects a message to arrive in that many parts, with notes.
func (s *story) sends(what, id string, parts int, notes ...string) {
	s.sent += parts - 1
	s.expect(Expectation{Case: what, Message: id, Outcome: "sent", Parts: parts, Notes: notes})
}

// parks and skips expect a message to stay behind.
func (s *story) parks(what, id, reason string) { s.stays(what, id, "parked", reason) }
func (s *story) skips(what, id, reason string) { s.stays(what, id, "skipped", reason) }

func (s *story) stays(what, id, outcome, reason string) {
	s.sent--
	s.expect(Expectation{Case: what, Message: id, Outcome: outcome, Reason: reason})
}

func (s *story) expect(e Expectation) {
	e.Conversation = s.conversation
	s.w.expectations = append(s.w.expectations, e)
}

// ends expects what the chat holds in the end.
func (s *story) ends(what string) { s.endsAs(what, "") }

// endsAs also says whose contact the chat is linked to.
func (s *story) endsAs(what, person string) {
	s.expect(Expectation{Case: what, Messages: s.sent, Person: person})
}
