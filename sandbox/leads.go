package sandbox

import (
	"slices"
)

// lead is an entity of API v4.
type lead struct {
	id                             int
	name                           string
	price                          int64
	status, pipeline, responsible  int
	createdBy                      int
	createdAt, updatedAt, closedAt int64
	lossReason                     int64
	tags                           []string
	contacts                       []*contact
	unsorted                       bool
}

// unsorted is an incoming lead that waits for somebody to accept it.
type unsorted struct {
	uid     uuid
	created int64
	lead    *lead
	contact *contact
	chat    *chat
	last    *message
}

// The status of a lead that waits in the unsorted, and of one that names none.
const (
	statusUnsorted = DefaultPipeline*10 + 0
	statusFirst    = DefaultPipeline*10 + 1
)

// addLeads answers POST /api/v4/leads.
// https://www.amocrm.ru/developers/content/crm_platform/leads-api
func (w *World) addLeads(rq *request) *reply {
	var drafts []*lead
	var ids []string
	if bad := readBatch(rq, func(_ int, e element) {
		drafts, ids = append(drafts, w.readLead(rq, e.object)), append(ids, e.requestID)
	}); bad != nil {
		return bad
	}
	rows := make([]doc, len(drafts))
	for i, l := range drafts {
		w.addLead(l)
		rows[i] = doc{"id": l.id, "request_id": ids[i], "_links": selfLink(rq, "leads", l.id)}
	}
	return hal(doc{"_embedded": doc{"leads": rows}})
}

func (w *World) addLead(l *lead) {
	l.id = w.nextID()
	w.leads = append(w.leads, l)
	w.leadOf[l.id] = l
	for _, c := range l.contacts {
		c.leads = append(c.leads, l)
	}
}

func (w *World) readLead(rq *request, o object) *lead {
	now := rq.acted.Unix()
	l := &lead{
		name: o.str("name", false), status: statusFirst, pipeline: DefaultPipeline, responsible: w.admin(),
		createdBy: w.admin(), createdAt: now, updatedAt: now, tags: readTags(o, "tags_to_add"),
	}
	l.price, _ = o.integer("price", false)
	l.closedAt, _ = o.integer("closed_at", false)
	l.lossReason, _ = o.integer("loss_reason_id", false)
	if n, ok := o.integer("pipeline_id", false); ok {
		l.pipeline = int(n)
		l.status = l.pipeline*10 + 1
	}
	if n, ok := o.integer("status_id", false); ok {
		l.status = int(n)
	}
	w.checkStage(o, l)
	if n, ok := o.integer("created_at", false); ok {
		l.createdAt = n
	}
	if n, ok := o.integer("updated_at", false); ok {
		l.updatedAt = n
	}
	set(&l.responsible, w.readUser(o, "responsible_user_id"))
	set(&l.createdBy, w.readUser(o, "created_by"))
	in, _ := o.child("_embedded", false)
	if in.values == nil {
		return l
	}
	for _, c := range in.objects("contacts", false) {
		id, ok := c.integer("id", true)
		_, _ = c.boolean("is_main", false)
		if found := w.living(int(id)); found != nil {
			l.contacts = append(l.contacts, found)
		} else if ok {
			c.fail("id", "NotSupportedChoice", "The value you selected is not a valid choice.")
		}
	}
	l.tags = append(l.tags, readTags(in, "tags")...)
	return l
}

// listLeads answers GET /api/v4/leads.
func (w *World) listLeads(rq *request) *reply {
	p, bad := readPaging(rq, 250)
	if bad != nil {
		return bad
	}
	q := rq.url.Query()
	var rows []*lead
	for _, l := range w.leads {
		if !l.unsorted {
			rows = append(rows, l)
		}
	}
	if w.o.FilterAddon && isArray(q, "filter") {
		ids := numbers(q, "filter[id]")
		rows = slices.DeleteFunc(rows, func(l *lead) bool { return ids != nil && !ids[l.id] })
	}
	if q.Get("order[id]") == "desc" {
		slices.Reverse(rows)
	}
	return p.list(rq, "leads", len(rows), func(i int) doc { return w.leadRow(rq, rows[i]) })
}

func (w *World) getLead(rq *request) *reply {
	l := w.leadOf[rq.id()]
	if l == nil {
		return noContent()
	}
	return hal(w.leadRow(rq, l))
}

func (w *World) leadRow(rq *request, l *lead) doc {
	row := doc{
		"id": l.id, "name": l.name, "price": l.price, "responsible_user_id": l.responsible, "group_id": 0,
		"status_id": l.status, "pipeline_id": l.pipeline, "loss_reason_id": nil, "created_by": l.createdBy, "updated_by": l.createdBy,
		"created_at": l.createdAt, "updated_at": l.updatedAt, "closed_at": nil, "is_deleted": false,
		"custom_fields_values": nil, "account_id": w.o.Account.ID, "_links": selfLink(rq, "leads", l.id),
	}
	if l.closedAt != 0 {
		row["closed_at"] = l.closedAt
	}
	if l.lossReason != 0 {
		row["loss_reason_id"] = l.lossReason
	}
	tags := []doc{}
	for i, t := range l.tags {
		tags = append(tags, doc{"id": i + 1, "name": t})
	}
	embedded := doc{"tags": tags, "companies": []doc{}}
	if with(rq.url.Query(), "contacts") {
		contacts := []doc{}
		for i, c := range l.contacts {
			contacts = append(contacts, doc{"id": c.id, "is_main": i == 0, "_links": selfLink(rq, "contacts", c.id)})
		}
		embedded["contacts"] = contacts
	}
	row["_embedded"] = embedded
	return row
}

func (l *lead) copy() Lead {
	out := Lead{
		ID: l.id, Name: l.name, StatusID: l.status, PipelineID: l.pipeline, CreatedAt: l.createdAt,
		ClosedAt: l.closedAt, Unsorted: l.unsorted,
	}
	for _, c := range l.contacts {
		out.ContactIDs = append(out.ContactIDs, c.id)
	}
	return out
}

// makeUnsorted is what a message that is not silent does in a chat without a contact.
func (w *World) makeUnsorted(c *chat, m *message, rq *request) {
	now := rq.acted.Unix()
	p := c.client
	who := &contact{
		id: w.nextID(), name: p.name, responsible: w.admin(), createdAt: now, updatedAt: now, byMessage: true,
		findable: rq.acted.Add(w.o.ContactSearchLag),
	}
	for code, value := range map[string]string{"PHONE": p.phone, "EMAIL": p.email} {
		if f := w.field(0, code); f != nil && value != "" {
			v := fieldValue{value: value}
			if len(f.Enums) > 0 {
				v.enum = f.Enums[0]
			}
			who.values = append(who.values, fieldValues{*f, []fieldValue{v}})
		}
	}
	slices.SortFunc(who.values, func(a, b fieldValues) int { return a.field.ID - b.field.ID })
	who.indexText()
	w.contacts = append(w.contacts, who)
	w.contactOf[who.id] = who
	w.link(c, who)
	l := &lead{
		name: p.name, status: statusUnsorted, pipeline: w.pipelineOf(c.source), responsible: w.admin(),
		createdAt: now, updatedAt: now, contacts: []*contact{who}, unsorted: true,
	}
	w.addLead(l)
	w.counters.Unsorted++
	w.unsorted = append(w.unsorted, &unsorted{
		uid: w.newUUID("unsorted", len(w.unsorted)), created: now, lead: l, contact: who, chat: c, last: m,
	})
}

// pipelineOf is the pipeline of an amo source; an unknown one falls back to the default.
func (w *World) pipelineOf(externalID string) int {
	for _, s := range w.o.Sources {
		if s.ExternalID == externalID && s.PipelineID != 0 {
			return s.PipelineID
		}
	}
	return DefaultPipeline
}

// listUnsorted answers GET /api/v4/leads/unsorted.
// https://www.amocrm.ru/developers/content/crm_platform/unsorted-api
func (w *World) listUnsorted(rq *request) *reply {
	p, bad := readPaging(rq, 250)
	if bad != nil {
		return bad
	}
	q := rq.url.Query()
	categories, uids, pipelines := values(q, "filter[category]"), values(q, "filter[uid]"), numbers(q, "filter[pipeline_id]")
	from, to := bounds(q, "filter[created_at]")
	var rows []*unsorted
	for _, u := range w.unsorted {
		switch {
		case len(categories) > 0 && !has(categories, "chats"), len(uids) > 0 && !has(uids, u.uid.String()),
			pipelines != nil && !pipelines[u.lead.pipeline], u.created < from, u.created > to:
		default:
			rows = append(rows, u)
		}
	}
	return p.list(rq, "unsorted", len(rows), func(i int) doc {
		u := rows[i]
		return doc{
			"uid": u.uid.String(), "source_uid": u.chat.source, "source_name": w.channel.title, "category": "chats",
			"created_at": u.created, "pipeline_id": u.lead.pipeline, "account_id": w.o.Account.ID,
			"metadata": doc{
				"from": u.chat.client.name, "received_at": u.last.msec / 1000, "service": w.o.Channel.Code,
				"source_name": w.channel.title, "last_message_text": u.last.text,
				"client": doc{"name": u.chat.client.name, "avatar": u.chat.client.avatar},
				"origin": doc{"chat_id": u.chat.id.String()},
			},
			"_embedded": doc{
				"leads":    []doc{{"id": u.lead.id, "_links": selfLink(rq, "leads", u.lead.id)}},
				"contacts": []doc{{"id": u.contact.id, "_links": selfLink(rq, "contacts", u.contact.id)}},
			},
		}
	})
}
