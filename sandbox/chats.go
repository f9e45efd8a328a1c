package sandbox

import (
	"slices"
)

// chat is a conversation of ours at amojo.
type chat struct {
	id        uuid
	conv      string
	client    *party
	byMessage bool
	source    string

	contact *contact // the chat's link, if any
	linkID  int

	arrivals []*message // in order of acceptance
	shown    []*message // what history shows, sorted by World.before
	hidden   []*message // accepted, to be shown later
	talk     *talk      // the newest one
	talks    []*talk
}

func (w *World) newChat(conv string, client *party, byMessage bool) *chat {
	c := &chat{id: w.newUUID("chat", 0, conv), conv: conv, client: client, byMessage: byMessage}
	w.chats = append(w.chats, c)
	w.byConv[conv], w.byChat[c.id] = c, c
	return c
}

// createChat makes a chat before its first message, or finds it by its conversation_id.
// https://www.amocrm.ru/developers/content/chats/chat-api-reference
func (w *World) createChat(rq *request) *reply {
	var conv, source string
	var user profile
	if bad := readAmojo(rq, func(o object) {
		conv, source = o.id("conversation_id", true), readSource(o)
		_ = o.str("account_id", false) // in one of the vendor's samples; means nothing
		if u, ok := o.child("user", true); ok {
			user = readProfile(u)
			if w.checkParty(u, user) {
				u.fail("ref_id", "InvalidValue", "A chat is made with a client, not with a user.")
			}
		}
	}); bad != nil {
		return bad
	}
	client := w.client(user)
	c, known := w.byConv[conv]
	if !known {
		w.counters.ChatsCreated++
		c = w.newChat(conv, client, false)
		c.source = w.intern(source)
	}
	answer := doc{"id": client.id.String(), "client_id": client.clientID, "name": client.name}
	if client.avatar != "" {
		answer["avatar"] = client.avatar
	}
	contacts := doc{}
	if client.phone != "" {
		contacts["phone"] = client.phone
	}
	if client.email != "" {
		contacts["email"] = client.email
	}
	if w.o.ProfileShape == ProfileNested {
		answer["profile"] = contacts
	} else {
		for k, v := range contacts {
			answer[k] = v
		}
	}
	return okJSON(doc{"id": c.id.String(), "user": answer})
}

// readSource reads source.external_id: up to 40 printable ASCII characters.
func readSource(o object) string {
	s, ok := o.child("source", false)
	if !ok {
		return ""
	}
	id := s.str("external_id", true)
	if !printable(id, 40) {
		s.fail("external_id", "InvalidValue", "This value should be at most 40 printable ASCII characters.")
	}
	return id
}

func (w *World) copyChat(c *chat) Chat {
	out := Chat{
		ID: c.id.String(), ConversationID: c.conv, Client: c.client.copy(), ByMessage: c.byMessage, Source: c.source,
		Messages: make([]Message, 0, len(c.arrivals)),
	}
	if c.contact != nil {
		out.ContactID = c.contact.id
	}
	for _, t := range c.talks {
		out.TalkIDs = append(out.TalkIDs, t.id)
	}
	now := w.now().UnixNano()
	copies := map[string]int{}
	for _, m := range c.arrivals {
		copies[m.msgid]++
	}
	for _, m := range slices.SortedFunc(slices.Values(c.arrivals), byTime) {
		one := m.copy()
		one.Visible = m.visible <= now
		if m.msgid != "" {
			one.Copies = copies[m.msgid]
		}
		out.Messages = append(out.Messages, one)
	}
	return out
}
