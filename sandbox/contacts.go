package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// contact is an entity of API v4.
type contact struct {
	id                     int
	name, first, last      string
	responsible            int
	createdBy, updatedBy   int
	createdAt, updatedAt   int64
	values                 []fieldValues
	tags                   []string
	chats                  []*chat
	leads                  []*lead
	deleted, byMessage     bool
	findable               time.Time // when query and filter see it
	searched, searchedNums string    // what query looks in
}

// fieldValues are the values of one custom field.
type fieldValues struct {
	field  CustomField
	values []fieldValue
}

type fieldValue struct {
	value string
	enum  string
}

// contactDraft is a contact as a request describes it; a nil place was not named.
type contactDraft struct {
	id                   int
	name, first, last    *string
	responsible          *int
	createdBy, updatedBy *int
	createdAt, updatedAt *int64
	values               []fieldValues
	tags                 []string
	tagsNamed            bool
}

// addContacts answers POST /api/v4/contacts. There is no duplicate control: the same request twice makes two contacts.
// https://www.amocrm.ru/developers/content/crm_platform/contacts-api
func (w *World) addContacts(rq *request) *reply {
	var drafts []contactDraft
	var ids []string
	if bad := readBatch(rq, func(_ int, e element) {
		drafts, ids = append(drafts, w.readContact(e.object)), append(ids, e.requestID)
	}); bad != nil {
		return bad
	}
	rows := make([]doc, len(drafts))
	for i, d := range drafts {
		c := &contact{id: w.nextID(), responsible: w.admin(), createdBy: w.admin(), createdAt: rq.acted.Unix(), updatedAt: rq.acted.Unix()}
		w.contacts = append(w.contacts, c)
		w.contactOf[c.id] = c
		w.apply(d, c, rq.acted)
		rows[i] = doc{"id": c.id, "request_id": ids[i], "_links": selfLink(rq, "contacts", c.id)}
	}
	return hal(doc{"_links": doc{"self": doc{"href": rq.base + "/api/v4/contacts"}}, "_embedded": doc{"contacts": rows}})
}

// editContacts answers PATCH /api/v4/contacts.
func (w *World) editContacts(rq *request) *reply {
	var drafts []contactDraft
	var ids []string
	if bad := readBatch(rq, func(_ int, e element) {
		d := w.readContact(e.object)
		id, ok := e.integer("id", true)
		if d.id = int(id); ok && w.living(d.id) == nil {
			e.fail("id", "NotFound", "There is no such contact.")
		}
		drafts, ids = append(drafts, d), append(ids, e.requestID)
	}); bad != nil {
		return bad
	}
	rows := make([]doc, len(drafts))
	for i, d := range drafts {
		c := w.contactOf[d.id]
		c.updatedAt = rq.acted.Unix()
		w.apply(d, c, rq.acted)
		rows[i] = doc{"id": c.id, "name": c.name, "updated_at": c.updatedAt, "request_id": ids[i], "_links": selfLink(rq, "contacts", c.id)}
	}
	return hal(doc{"_embedded": doc{"contacts": rows}})
}

// editContact answers PATCH /api/v4/contacts/{id}.
func (w *World) editContact(rq *request) *reply {
	o, err := parseObject(rq.body)
	if err != nil {
		return problem(http.StatusBadRequest, err.Error())
	}
	c := w.living(rq.id())
	if c == nil {
		return one(false, nil)
	}
	d := w.readContact(o)
	if len(*o.faults) > 0 {
		return validationProblem([]invalid{{"0", *o.faults}})
	}
	c.updatedAt = rq.acted.Unix()
	w.apply(d, c, rq.acted)
	return hal(doc{"id": c.id, "name": c.name, "updated_at": c.updatedAt, "_links": selfLink(rq, "contacts", c.id)})
}

// living returns a contact that was not deleted.
func (w *World) living(id int) *contact {
	if c := w.contactOf[id]; c != nil && !c.deleted {
		return c
	}
	return nil
}

func (w *World) readContact(o object) contactDraft {
	var d contactDraft
	text := func(key string) *string {
		if !o.has(key) {
			return nil
		}
		s := o.str(key, false)
		return &s
	}
	moment := func(key string) *int64 {
		if n, ok := o.integer(key, false); ok {
			return &n
		}
		return nil
	}
	d.name, d.first, d.last = text("name"), text("first_name"), text("last_name")
	d.responsible, d.createdBy, d.updatedBy = w.readUser(o, "responsible_user_id"), w.readUser(o, "created_by"), w.readUser(o, "updated_by")
	d.createdAt, d.updatedAt = moment("created_at"), moment("updated_at")
	for _, v := range o.objects("custom_fields_values", false) {
		if f := w.readValues(v); f != nil {
			d.values = append(d.values, *f)
		}
	}
	d.tags, d.tagsNamed = readTags(o, "tags_to_add"), o.has("tags_to_add")
	if in, ok := o.child("_embedded", false); ok && in.has("tags") {
		d.tags, d.tagsNamed = append(d.tags, readTags(in, "tags")...), true
	}
	return d
}

// readUser reads the id of an existing user, or 0 for nobody (a robot).
func (w *World) readUser(o object, key string) *int {
	n, ok := o.integer(key, false)
	if !ok {
		return nil
	}
	id := int(n)
	if id != 0 && w.users[id] == nil {
		o.fail(key, "NotSupportedChoice", "The value you selected is not a valid choice.")
	}
	return &id
}

func readTags(o object, key string) (names []string) {
	for _, t := range o.objects(key, false) {
		_, _ = t.integer("id", false)
		names = append(names, t.str("name", !t.has("id")))
	}
	return names
}

func (w *World) readValues(o object) *fieldValues {
	id, byID := o.integer("field_id", false)
	code := o.str("field_code", false)
	f := w.field(int(id), code)
	if f == nil || byID && int64(f.ID) != id {
		key := "field_id"
		if !byID {
			key = "field_code"
		}
		o.fail(key, "NotSupportedChoice", "The value you selected is not a valid choice.")
		return nil
	}
	out := &fieldValues{field: *f}
	for _, v := range o.objects("values", true) {
		one := fieldValue{value: v.str("value", true), enum: v.str("enum_code", false)}
		switch {
		case one.enum != "" && !slices.Contains(f.Enums, one.enum):
			v.fail("enum_code", "NotSupportedChoice", "The value you selected is not a valid choice.")
		case one.enum == "" && len(f.Enums) > 0:
			one.enum = f.Enums[0]
		}
		out.values = append(out.values, one)
	}
	return out
}

// apply writes a draft over a contact. The values of a custom field are replaced as a whole.
func (w *World) apply(d contactDraft, c *contact, now time.Time) {
	set(&c.name, d.name)
	set(&c.first, d.first)
	set(&c.last, d.last)
	set(&c.responsible, d.responsible)
	set(&c.createdBy, d.createdBy)
	set(&c.updatedBy, d.updatedBy)
	set(&c.createdAt, d.createdAt)
	set(&c.updatedAt, d.updatedAt)
	if c.name == "" {
		c.name = strings.TrimSpace(c.first + " " + c.last)
	}
	for _, v := range d.values {
		c.values = slices.DeleteFunc(c.values, func(old fieldValues) bool { return old.field.ID == v.field.ID })
		c.values = append(c.values, v)
	}
	if d.tagsNamed {
		c.tags = d.tags
	}
	c.findable = now.Add(w.o.ContactSearchLag)
	c.indexText()
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (w *World) getContact(rq *request) *reply {
	c := w.living(rq.id())
	if c == nil {
		return noContent() // the documented answer for an unknown contact
	}
	return hal(w.contactRow(rq, c))
}

func (w *World) contactRow(rq *request, c *contact) doc {
	var fields any // null when there are none
	var all []doc
	for _, f := range c.values {
		var vs []doc
		for _, v := range f.values {
			one := doc{"value": v.value}
			if v.enum != "" {
				one["enum_code"], one["enum_id"] = v.enum, f.field.enumID(slices.Index(f.field.Enums, v.enum))
			}
			vs = append(vs, one)
		}
		row := doc{"field_id": f.field.ID, "field_name": f.field.Name, "field_type": f.field.Type, "field_code": nil, "values": vs}
		if f.field.Code != "" {
			row["field_code"] = f.field.Code
		}
		all = append(all, row)
	}
	if all != nil {
		fields = all
	}
	tags := make([]doc, 0, len(c.tags))
	for i, t := range c.tags {
		tags = append(tags, doc{"id": i + 1, "name": t})
	}
	embedded := doc{"tags": tags, "companies": []doc{}}
	if with(rq.url.Query(), "leads") {
		leads := []doc{}
		for _, l := range c.leads {
			leads = append(leads, doc{"id": l.id, "_links": selfLink(rq, "leads", l.id)})
		}
		embedded["leads"] = leads
	}
	return doc{
		"id": c.id, "name": c.name, "first_name": c.first, "last_name": c.last, "responsible_user_id": c.responsible,
		"group_id": 0, "created_by": c.createdBy, "updated_by": c.updatedBy, "created_at": c.createdAt,
		"updated_at": c.updatedAt, "closest_task_at": nil, "is_deleted": false, "is_unsorted": false,
		"custom_fields_values": fields, "account_id": w.o.Account.ID,
		"_links": selfLink(rq, "contacts", c.id), "_embedded": embedded,
	}
}

func (w *World) copyContact(c *contact) Contact {
	out := Contact{
		ID: c.id, Name: c.name, CreatedAt: c.createdAt, UpdatedAt: c.updatedAt, ResponsibleID: c.responsible,
		Values: map[string][]string{}, Tags: slices.Clone(c.tags), Deleted: c.deleted, ByMessage: c.byMessage,
	}
	for _, f := range c.values {
		key := f.field.Code
		if key == "" {
			key = strconv.Itoa(f.field.ID)
		}
		for _, v := range f.values {
			out.Values[key] = append(out.Values[key], v.value)
		}
	}
	for _, ch := range c.chats {
		out.ChatIDs = append(out.ChatIDs, ch.id.String())
	}
	for _, l := range c.leads {
		out.LeadIDs = append(out.LeadIDs, l.id)
	}
	return out
}
