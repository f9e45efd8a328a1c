package sandbox

import (
	"net/http"
	"slices"
)

// refuseCookies keeps browsers' sessions out of contacts/chats.
func refuseCookies(rq *request) *reply {
	if rq.header.Get("Cookie") == "" {
		return nil
	}
	return problem(http.StatusForbidden, "This method takes no cookies")
}

// listLinks answers GET /api/v4/contacts/chats, by contacts or by chats.
// https://www.amocrm.ru/developers/content/crm_platform/contacts-api
func (w *World) listLinks(rq *request) *reply {
	if bad := refuseCookies(rq); bad != nil {
		return bad
	}
	q := rq.url.Query()
	contacts, ids := numbers(q, "contact_id"), values(q, "chat_id")
	switch {
	case contacts == nil && len(ids) == 0:
		return w.linkProblem("contact_id or chat_id is needed")
	case w.o.NoLinkArrays && (isArray(q, "contact_id") || isArray(q, "chat_id")):
		return w.linkProblem("contact_id and chat_id take no arrays")
	case w.o.Flavour == Kommo && contacts != nil && len(ids) > 0:
		return w.linkProblem("use contact_id or chat_id, not both")
	}
	var found []*chat
	if len(ids) > 0 {
		for _, id := range ids {
			u, _ := parseUUID(id)
			c := w.byChat[u]
			if c != nil && c.contact != nil && (contacts == nil || contacts[c.contact.id]) && !slices.Contains(found, c) {
				found = append(found, c)
			}
		}
	} else {
		for id := range contacts {
			if c := w.contactOf[id]; c != nil {
				found = append(found, c.chats...)
			}
		}
		slices.SortFunc(found, func(a, b *chat) int { return a.linkID - b.linkID })
	}
	if len(found) == 0 {
		return noContent()
	}
	rows := make([]doc, len(found))
	for i, c := range found {
		rows[i] = linkRow(c, "")
	}
	return hal(doc{"_total_items": len(rows), "_embedded": doc{"chats": rows}})
}

// linkProblem is a 400; Kommo's has nothing in it.
func (w *World) linkProblem(detail string) *reply {
	if w.o.Flavour == Kommo {
		return &reply{status: http.StatusBadRequest, kind: typeJSON, body: doc{}, reason: detail}
	}
	return problem(http.StatusBadRequest, detail)
}

func linkRow(c *chat, requestID string) doc {
	row := doc{"chat_id": c.id.String(), "contact_id": c.contact.id, "id": c.linkID}
	put(row, "request_id", requestID)
	return row
}

// addLinks answers POST /api/v4/contacts/chats. A chat belongs to one contact: linking it again moves it.
func (w *World) addLinks(rq *request) *reply {
	if bad := refuseCookies(rq); bad != nil {
		return bad
	}
	type pair struct {
		chat      *chat
		contact   *contact
		requestID string
	}
	var pairs []pair
	if bad := readBatch(rq, func(i int, e element) {
		id, okContact := e.integer("contact_id", true)
		chatID := e.str("chat_id", true)
		u, okChat := parseUUID(chatID)
		p := pair{w.byChat[u], w.living(int(id)), e.requestID}
		if chatID != "" && (!okChat || p.chat == nil) {
			e.fail("chat_id", "NotFound", "There is no such chat in the integration's channels.")
		}
		if okContact && p.contact == nil {
			e.fail("contact_id", "NotFound", "There is no such contact.")
		}
		pairs = append(pairs, p)
	}); bad != nil {
		if bad.status == http.StatusBadRequest && w.o.Flavour == Kommo {
			return w.linkProblem(bad.reason)
		}
		return bad
	}
	rows := make([]doc, len(pairs))
	for i, p := range pairs {
		w.link(p.chat, p.contact)
		rows[i] = linkRow(p.chat, p.requestID)
	}
	return hal(doc{"_total_items": len(rows), "_embedded": doc{"chats": rows}})
}

// link ties a chat to a contact, away from another if need be. The same pair again changes nothing.
func (w *World) link(c *chat, to *contact) {
	from := c.contact
	if from == to {
		return
	}
	if from != nil {
		from.chats = slices.DeleteFunc(from.chats, func(other *chat) bool { return other == c })
		w.counters.Moves++
		w.moves = append(w.moves, Move{ChatID: c.id.String(), From: from.id, To: to.id})
	}
	w.counters.LinksMade++
	c.contact, c.linkID = to, w.nextID() // a changed link gets a new id
	to.chats = append(to.chats, c)
}

// entity is what a chat's talk is about: the contact's newest lead, else nothing.
func (c *contact) entity() (id int, kind string) {
	if c == nil || len(c.leads) == 0 {
		return 0, ""
	}
	return c.leads[len(c.leads)-1].id, "lead"
}
