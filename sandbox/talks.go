package sandbox

import (
	"net/http"
	"time"
)

// talk is a unit of work over a chat. A message into a chat whose talk is closed opens a new one: the pages leave
// that open, and it is the harder case.
type talk struct {
	id               int
	chat             *chat
	created, updated int64
	messages         int
	read             bool
	closing          bool
	closed           time.Time // when a close takes effect
	forced           bool
}

// talkEvent is the beginning or the end of a talk in the event feed.
type talkEvent struct {
	talk   *talk
	closed bool
	at     int64
	after  int // messages that arrived before it
}

// intoTalk puts a message into its chat's talk.
func (w *World) intoTalk(m *message, rq *request) {
	c, now := m.chat, rq.acted.Unix()
	if c.talk == nil || c.talk.closing {
		c.talk = &talk{id: w.nextID(), chat: c, created: now}
		c.talks = append(c.talks, c.talk)
		w.talks = append(w.talks, c.talk)
		w.talkOf[c.talk.id] = c.talk
		w.talkLog = append(w.talkLog, talkEvent{talk: c.talk, at: now, after: m.arrival - 1})
	}
	c.talk.messages++
	c.talk.updated = now
	c.talk.read = !m.incoming()
	m.talk = c.talk
}

func (t *talk) open(now time.Time) bool { return !t.closing || now.Before(t.closed) }

// listTalks answers GET /api/v4/talks, which some accounts do not have. There is no filter by chat.
// https://developers.kommo.com/reference/get-talks
func (w *World) listTalks(rq *request) *reply {
	if w.o.NoTalksList {
		return problem(http.StatusNotFound, "There is no such method")
	}
	p, bad := readPaging(rq, 250)
	if bad != nil {
		return bad
	}
	q := rq.url.Query()
	ids, contacts, entities := numbers(q, "filter[talk_id]"), numbers(q, "filter[contact_id]"), numbers(q, "filter[entity_id]")
	kind := q.Get("filter[entity_type]")
	if entities != nil && kind != "lead" && (kind != "customer" || w.o.Flavour == Kommo) {
		return problem(http.StatusBadRequest, "filter[entity_type] names nothing that talks are about")
	}
	var rows []*talk
	for _, t := range w.talks {
		contact := 0
		if t.chat.contact != nil {
			contact = t.chat.contact.id
		}
		entity, entityKind := t.chat.contact.entity()
		switch {
		case ids != nil && !ids[t.id], contacts != nil && !contacts[contact],
			entities != nil && (!entities[entity] || entityKind != kind),
			q.Has("filter[only_in_work]") && !t.open(rq.acted):
		default:
			rows = append(rows, t)
		}
	}
	return p.list(rq, "talks", len(rows), func(i int) doc { return w.talkRow(rq, rows[i]) })
}

// getTalk answers GET /api/v4/talks/{id}.
// https://www.amocrm.ru/developers/content/crm_platform/talks-api
func (w *World) getTalk(rq *request) *reply {
	t := w.talkOf[rq.id()]
	return one(t != nil, func() doc { return w.talkRow(rq, t) })
}

func (w *World) talkRow(rq *request, t *talk) doc {
	open := t.open(rq.acted)
	status := "in_work"
	if !open {
		status = "closed"
	}
	row := doc{
		"talk_id": t.id, "created_at": t.created, "updated_at": t.updated, "rate": 0, "contact_id": nil,
		"chat_id": t.chat.id.String(), "entity_id": nil, "entity_type": nil, "is_in_work": open, "is_read": t.read,
		"origin": w.o.Channel.Code, "missed_at": nil, "account_id": w.o.Account.ID, "status": status, "source_id": nil,
		"_links": selfLink(rq, "talks", t.id),
	}
	embedded := doc{"contacts": []doc{}, "leads": []doc{}, "customers": []doc{}}
	if c := t.chat.contact; c != nil {
		row["contact_id"] = c.id
		embedded["contacts"] = []doc{{"id": c.id, "_links": selfLink(rq, "contacts", c.id)}}
		if id, kind := c.entity(); id != 0 {
			row["entity_id"], row["entity_type"] = id, kind
			embedded["leads"] = []doc{{"id": id, "_links": selfLink(rq, "leads", id)}}
		}
	}
	for _, s := range w.o.Sources {
		if t.chat.source != "" && s.ExternalID == t.chat.source {
			row["source_id"] = s.ID
		}
	}
	row["_embedded"] = embedded
	return row
}

// closeTalk answers POST /api/v4/talks/{id}/close: accepted, and done a little later.
func (w *World) closeTalk(rq *request) *reply {
	force := false
	if len(rq.body) > 0 {
		o, err := parseObject(rq.body)
		if err != nil {
			return problem(http.StatusBadRequest, err.Error())
		}
		force, _ = o.boolean("force_close", false)
		if len(*o.faults) > 0 {
			return validationProblem([]invalid{{"0", *o.faults}})
		}
	}
	t := w.talkOf[rq.id()]
	switch {
	case t == nil:
		return one(false, nil)
	case t.closing:
		return problem(http.StatusUnprocessableEntity, "Talk is already closed")
	}
	t.closing, t.forced, t.closed = true, force, rq.acted.Add(w.o.TalkCloseLag)
	t.updated = t.closed.Unix()
	if !force {
		w.counters.Surveys++
	}
	w.talkLog = append(w.talkLog, talkEvent{talk: t, closed: true, at: t.updated, after: len(w.arrivals)})
	return &reply{status: http.StatusAccepted}
}

func (t *talk) copy(w *World) Talk {
	return Talk{ID: t.id, ChatID: t.chat.id.String(), Messages: t.messages, Open: t.open(w.now()), Forced: t.forced}
}
