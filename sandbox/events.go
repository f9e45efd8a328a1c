package sandbox

import (
	"net/http"
	"net/url"
	"slices"
)

// event is a row of the event feed. Messages are not copied into the feed: it is read off their order of arrival.
type event struct {
	message *message // or
	talk    *talkEvent
}

// The types of events that chats make.
const (
	eventIncoming    = "incoming_chat_message"
	eventOutgoing    = "outgoing_chat_message"
	eventTalkCreated = "talk_created"
	eventTalkClosed  = "talk_closed"
)

func (e event) kind() string {
	switch {
	case e.message != nil && e.message.incoming():
		return eventIncoming
	case e.message != nil:
		return eventOutgoing
	case e.talk.closed:
		return eventTalkClosed
	}
	return eventTalkCreated
}

func (e event) created() int64 {
	if e.message != nil {
		return e.message.accepted
	}
	return e.talk.at
}

func (e event) chat() *chat {
	if e.message != nil {
		return e.message.chat
	}
	return e.talk.talk.chat
}

// listEvents answers GET /api/v4/events, newest first. A message's event is created when the message arrives,
// whatever the message's own time is.
// https://www.amocrm.ru/developers/content/crm_platform/events-and-notes
func (w *World) listEvents(rq *request) *reply {
	p, bad := readPaging(rq, 100)
	if bad != nil {
		return bad
	}
	q := rq.url.Query()
	entities, ids := values(q, "filter[entity]"), numbers(q, "filter[entity_id]")
	if ids != nil && (len(entities) != 1 || len(ids) > 10) {
		return problem(http.StatusBadRequest, "filter[entity_id] takes up to 10 ids and exactly one filter[entity]")
	}
	rows := w.events(q, entities, ids)
	return p.list(rq, "events", len(rows), func(i int) doc { return w.eventRow(rq, rows[i]) })
}

// events collects what a filter leaves.
func (w *World) events(q url.Values, entities []string, ids map[int]bool) []event {
	kinds := values(q, "filter[type]")
	from, to := bounds(q, "filter[created_at]")
	var rows []event
	add := func(e event) {
		if at := e.created(); (len(kinds) == 0 || has(kinds, e.kind())) && at >= from && at <= to && e.concerns(entities, ids) {
			rows = append(rows, e)
		}
	}
	if len(entities) == 1 && entities[0] == "contact" && ids != nil {
		// The usual question is about a few contacts; the whole feed may hold a million messages.
		var all []*message
		for id := range ids {
			if c := w.contactOf[id]; c != nil {
				for _, chat := range c.chats {
					all = append(all, chat.arrivals...)
				}
			}
		}
		slices.SortFunc(all, func(a, b *message) int { return b.arrival - a.arrival })
		for _, m := range all {
			add(event{message: m})
		}
		return rows
	}
	next := len(w.talkLog) - 1
	for i := len(w.arrivals); i >= 0; i-- {
		for ; next >= 0 && w.talkLog[next].after >= i; next-- {
			add(event{talk: &w.talkLog[next]})
		}
		if i > 0 {
			add(event{message: w.arrivals[i-1]})
		}
	}
	return rows
}

// concerns says whether an event is about one of the entities. Chat messages are found under their contact, although
// their rows then name the lead.
func (e event) concerns(entities []string, ids map[int]bool) bool {
	if len(entities) == 0 {
		return true
	}
	if e.talk != nil {
		return has(entities, "talk") && (ids == nil || ids[e.talk.talk.id])
	}
	contact := e.chat().contact
	if has(entities, "contact") {
		return ids == nil || contact != nil && ids[contact.id]
	}
	id, kind := contact.entity()
	return kind != "" && has(entities, kind) && (ids == nil || ids[id])
}

func (w *World) eventRow(rq *request, e event) doc {
	row := doc{
		"type": e.kind(), "created_by": 0, "created_at": e.created(), "value_before": []doc{}, "value_after": []doc{},
		"account_id": w.o.Account.ID,
	}
	entity, id := doc{}, ""
	if m := e.message; m != nil {
		id = w.newUUID("event", m.arrival).String()
		row["value_after"] = []doc{{"message": doc{"id": m.id.String(), "talk_id": m.talk.id, "origin": w.o.Channel.Code}}}
		if c := m.chat.contact; c != nil {
			row["entity_id"], row["entity_type"] = c.id, "contact"
			if lead, kind := c.entity(); lead != 0 {
				row["entity_id"], row["entity_type"] = lead, kind
			}
			entity["linked_talk_contact_id"] = c.id
		} else {
			row["entity_id"], row["entity_type"] = 0, "contact"
		}
	} else {
		id = w.newUUID("talk event "+e.kind(), e.talk.talk.id).String()
		row["entity_id"], row["entity_type"] = e.talk.talk.id, "talk"
	}
	entity["id"] = row["entity_id"]
	row["id"] = id
	row["_links"] = doc{"self": doc{"href": rq.base + "/api/v4/events/" + id}}
	row["_embedded"] = doc{"entity": entity}
	return row
}
