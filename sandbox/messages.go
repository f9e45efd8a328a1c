package sandbox

import (
	"cmp"
	"net/http"
)

// message is kept small: a world holds a million of them.
type message struct {
	id       uuid
	msgid    string
	msec     int64 // its own time
	accepted int64 // Unix seconds
	visible  int64 // Unix nanoseconds
	arrival  int   // from 1, over the whole world
	chat     *chat
	talk     *talk
	from, to *party
	kind     string
	text     string
	source   string
	media    *media   // nil for plain text
	reply    *message // what it quotes
	silent   bool
	status   int8
	edits    uint16
	repeats  uint16
}

// media is the part of a message that is not text.
type media struct {
	url, fileName       string
	fileSize, duration  int64
	stickerID           string
	lon, lat            float64
	cardName, cardPhone string
	hasLocation         bool
}

func (m *message) incoming() bool { return !m.from.inside }

func byTime(a, b *message) int {
	return cmp.Or(cmp.Compare(a.msec, b.msec), cmp.Compare(a.arrival, b.arrival))
}

func (m *message) copy() Message {
	out := Message{
		ID: m.id.String(), MsgID: m.msgid, TimeMsec: m.msec, Type: m.kind, Text: m.text,
		Sender: m.from.copy(), Receiver: m.to.copy(), Source: m.source, Silent: m.silent, Arrival: m.arrival,
		Repeats: int(m.repeats), Edits: int(m.edits), Status: int(m.status),
	}
	if m.reply != nil {
		out.ReplyTo, out.ReplyToMsgID = m.reply.id.String(), m.reply.msgid
	}
	if x := m.media; x != nil {
		out.Media, out.FileName, out.FileSize, out.Duration = x.url, x.fileName, x.fileSize, x.duration
		out.StickerID, out.Lon, out.Lat = x.stickerID, x.lon, x.lat
		out.ContactName, out.ContactPhone = x.cardName, x.cardPhone
	}
	return out
}

// postMessage serves new_message and edit_message.
// https://www.amocrm.ru/developers/content/chats/chat-api-reference
func (w *World) postMessage(rq *request) *reply {
	var n draft
	edit := false
	if bad := readAmojo(rq, func(o object) {
		_ = o.str("account_id", false) // in old samples; means nothing
		kind := o.str("event_type", true)
		if kind != "new_message" && kind != "edit_message" {
			o.fail("event_type", "NotSupportedChoice", "This value should be new_message or edit_message.")
			return
		}
		p, ok := o.child("payload", true)
		if !ok {
			return
		}
		if edit = kind == "edit_message"; edit {
			n = w.readEdit(p)
		} else {
			n = w.readDraft(p)
		}
	}); bad != nil {
		return bad
	}
	if edit {
		return w.edit(n)
	}
	return w.accept(rq, n)
}

// accept stores a message, unless its msgid is known.
func (w *World) accept(rq *request, n draft) *reply {
	first, repeated := w.byMsgID[n.msgid]
	if repeated {
		w.counters.Repeats++
		first.repeats++
		switch w.o.RepeatedMsgID {
		case SameID:
			return w.receipt(first, first.id)
		case NewID:
			return w.receipt(first, w.newUUID("repeat", int(first.repeats), n.msgid))
		case BadRequest:
			return amojoError(http.StatusBadRequest, "MESSAGE_ALREADY_EXISTS", "payload.msgid: this message was sent already")
		}
	}
	m := w.build(n)
	m.accepted = rq.acted.Unix()
	copies := 0
	if repeated {
		copies = int(first.repeats)
	} else {
		w.byMsgID[m.msgid] = m
	}
	m.id = w.newUUID("message", copies, m.msgid)
	m.visible = rq.acted.Add(w.lag(w.o.VisibilityLag, "visibility", copies, m.msgid)).UnixNano()
	w.store(m, rq)
	return w.receipt(m, m.id)
}

// build makes the message that a draft describes, and the chat and people that are missing.
func (w *World) build(n draft) *message {
	m := &message{
		msgid: n.msgid, msec: n.msec, kind: n.kind, text: n.text, media: n.media, silent: n.silent,
		source: w.intern(n.source), reply: n.reply,
	}
	var client *party
	if n.outgoing {
		m.from, m.to = w.insider(n.sender), w.client(n.receiver)
		client = m.to
	} else {
		m.from = w.client(n.sender)
		client = m.from
	}
	c, ok := w.byConv[n.conv]
	if !ok {
		w.counters.ChatsByMessage++
		c = w.newChat(n.conv, client, true)
	}
	m.chat = c
	return m
}

// store puts a message into its chat, its talk and the event feed, and makes the noise of a message that is not silent.
func (w *World) store(m *message, rq *request) {
	c := m.chat
	w.arrivals = append(w.arrivals, m)
	m.arrival = len(w.arrivals)
	w.byUUID[m.id] = m
	c.arrivals = append(c.arrivals, m)
	c.hidden = append(c.hidden, m)
	if m.source != "" {
		c.source = m.source
	}
	w.counters.Messages++
	if !m.silent {
		w.counters.Notifications++
		if c.contact == nil {
			w.makeUnsorted(c, m, rq)
		}
	}
	w.intoTalk(m, rq)
}

// receipt is the answer to a message. Its msgid is amojo's id and its ref_id ours, the reverse of the request.
func (w *World) receipt(m *message, id uuid) *reply {
	answer := doc{"msgid": id.String()}
	if w.o.ResponseShape != Shape2020 {
		answer["ref_id"] = m.msgid
	}
	if w.o.ResponseShape == ShapeCurrent {
		answer["conversation_id"] = m.chat.conv
		answer["sender_id"] = m.from.id.String()
		answer["receiver_id"] = nil
		if m.to != nil {
			answer["receiver_id"] = m.to.id.String()
		}
	}
	return okJSON(doc{"new_message": answer})
}

// edit changes a message's content. By amojo's id it may also set our msgid.
func (w *World) edit(n draft) *reply {
	m := w.byMsgID[n.msgid]
	if id, ok := parseUUID(n.amojoID); ok && w.byUUID[id] != nil {
		m = w.byUUID[id]
		if n.msgid != "" && m.msgid != n.msgid {
			m.msgid = n.msgid
			w.byMsgID[n.msgid] = m
		}
	}
	if m == nil || m.chat.conv != n.conv {
		return badRequest([]fault{{"NotFound", "payload.msgid", "No such message in this conversation."}})
	}
	m.kind, m.text, m.media = n.kind, n.text, n.media
	m.edits++
	return w.receipt(m, m.id)
}
