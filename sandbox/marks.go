package sandbox

import "net/http"

// typing, reactions and delivery statuses: the small calls.
// https://www.amocrm.ru/developers/content/chats/chat-api-reference

func (w *World) typing(rq *request) *reply {
	if bad := readAmojo(rq, func(o object) {
		_ = o.id("conversation_id", true)
		_, _ = o.integer("duration_ms", false)
		if s, ok := o.child("sender", true); ok {
			_ = s.id("id", true)
		}
	}); bad != nil {
		return bad
	}
	return noContent()
}

func (w *World) react(rq *request) *reply {
	var m *message
	if bad := readAmojo(rq, func(o object) {
		conv, ref := o.id("conversation_id", false), o.str("conversation_ref_id", false)
		if conv == "" && ref == "" {
			o.fail("conversation_id", "NotBlank", "conversation_id or conversation_ref_id is needed.")
		}
		id, msgid := o.str("id", false), o.id("msgid", false)
		if id == "" && msgid == "" {
			o.fail("msgid", "NotBlank", "id or msgid is needed.")
		}
		if u, ok := o.child("user", true); ok {
			p := profile{id: u.id("id", true), ref: u.str("ref_id", false)}
			w.checkParty(u, p)
		}
		kind := o.str("type", true)
		if kind != "react" && kind != "unreact" {
			o.fail("type", "NotSupportedChoice", "This value should be react or unreact.")
		}
		_ = o.str("emoji", kind == "react")
		m = w.byMsgID[msgid]
		if u, ok := parseUUID(id); ok {
			m = w.byUUID[u]
		}
		if m != nil && m.chat.conv != conv && m.chat.id.String() != ref {
			m = nil
		}
	}); bad != nil {
		return bad
	}
	if m == nil {
		return noMessage()
	}
	w.counters.Reactions++
	return w.okEmpty()
}

// deliveryStatus takes the field under its present name and under the one of older pages.
func (w *World) deliveryStatus(rq *request) *reply {
	var status int64
	if bad := readAmojo(rq, func(o object) {
		key := "status_code"
		if !o.has(key) && o.has("delivery_status") {
			key = "delivery_status"
		}
		status, _ = o.integer(key, true)
		if status < -1 || status > 2 || status == 0 {
			o.fail(key, "NotSupportedChoice", "This value should be 1, 2 or -1.")
		}
		_ = o.str("msgid", false)
		_ = o.str("error", false)
		if code, ok := o.integer("error_code", status == -1); ok && (code < 901 || code > 905) {
			o.fail("error_code", "NotSupportedChoice", "This value should be from 901 to 905.")
		}
	}); bad != nil {
		return bad
	}
	id, _ := parseUUID(rq.vars["msgid"])
	m := w.byUUID[id]
	if m == nil {
		return noMessage()
	}
	m.status = int8(status)
	return w.okEmpty()
}

func noMessage() *reply {
	return amojoError(http.StatusNotFound, "MESSAGE_NOT_FOUND", "no such message")
}
