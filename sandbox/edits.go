package sandbox

import (
	"slices"
	"time"
)

// What people and accidents do to an account behind a client's back.

// DeleteContact deletes a contact. Its chats keep no link.
func (w *World) DeleteContact(id int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.living(id)
	if c == nil {
		return false
	}
	c.deleted = true
	for _, chat := range c.chats {
		chat.contact, chat.linkID = nil, 0
	}
	c.chats = nil
	return true
}

// MergeContacts merges one contact into another: its chats and leads go over, and it is deleted.
func (w *World) MergeContacts(from, into int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	a, b := w.living(from), w.living(into)
	if a == nil || b == nil || a == b {
		return false
	}
	for _, chat := range slices.Clone(a.chats) {
		chat.contact, chat.linkID = b, w.nextID()
		b.chats = append(b.chats, chat)
	}
	b.leads = append(b.leads, a.leads...)
	a.chats, a.leads, a.deleted = nil, nil, true
	return true
}

// LinkByHand links a chat to a contact, as a manager does in a card. It is no Move.
func (w *World) LinkByHand(chatID string, contactID int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	u, _ := parseUUID(chatID)
	moved, to := w.byChat[u], w.living(contactID)
	if moved == nil || to == nil {
		return false
	}
	if from := moved.contact; from != nil {
		from.chats = slices.DeleteFunc(from.chats, func(c *chat) bool { return c == moved })
	}
	moved.contact, moved.linkID = to, w.nextID()
	to.chats = append(to.chats, moved)
	return true
}

// WriteByHand stores a text that a user wrote in the account: it has no msgid, and makes no notification.
func (w *World) WriteByHand(chatID string, userID int, text string, at time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	u, _ := parseUUID(chatID)
	chat, user := w.byChat[u], w.users[userID]
	if chat == nil || user == nil || user.AmojoID == "" {
		return false
	}
	now := w.now()
	m := &message{
		id: w.newUUID("foreign", len(w.arrivals)), msec: at.UnixMilli(), accepted: now.Unix(), visible: now.UnixNano(),
		chat: chat, from: w.insider(profile{ref: user.AmojoID}), to: chat.client, kind: "text", text: text, silent: true,
	}
	w.store(m, &request{acted: now})
	return true
}

// LoseMessage removes a message for good, as a server that loses data would. Its msgid is free again.
func (w *World) LoseMessage(msgid string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.byMsgID[msgid]
	if m == nil {
		return false
	}
	delete(w.byMsgID, msgid)
	delete(w.byUUID, m.id)
	same := func(other *message) bool { return other == m }
	c := m.chat
	c.arrivals, c.shown, c.hidden = slices.DeleteFunc(c.arrivals, same), slices.DeleteFunc(c.shown, same), slices.DeleteFunc(c.hidden, same)
	m.talk.messages--
	return true
}

// AlterMessage changes a stored message's text and moves its time.
func (w *World) AlterMessage(msgid, text string, later time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.byMsgID[msgid]
	if m == nil {
		return false
	}
	m.text = text
	m.msec += later.Milliseconds()
	slices.SortFunc(m.chat.shown, w.before)
	return true
}
