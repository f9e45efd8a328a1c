package sandbox

import "cmp"

// account answers GET /api/v4/account.
// https://www.amocrm.ru/developers/content/crm_platform/account-info
func (w *World) account(rq *request) *reply {
	q, a := rq.url.Query(), w.o.Account
	body := doc{
		"id": a.ID, "name": a.Name, "subdomain": a.Subdomain, "created_at": w.began.Unix(), "updated_at": w.began.Unix(),
		"current_user_id": w.admin(), "country": "RU", "currency": "RUB", "is_unsorted_on": true,
		"_links": doc{"self": doc{"href": rq.base + "/api/v4/account"}},
	}
	embedded := doc{}
	if with(q, "amojo_id") {
		body["amojo_id"] = a.AmojoID
	}
	if with(q, "amojo_rights") {
		embedded["amojo_rights"] = doc{"can_direct": true, "can_create_groups": true}
	}
	if with(q, "is_api_filter_enabled") {
		body["is_api_filter_enabled"] = w.o.FilterAddon
	}
	if with(q, "drive_url") {
		body["drive_url"] = "https://drive.example.com"
	}
	if with(q, "version") {
		body["version"] = 15
	}
	body["_embedded"] = embedded
	return hal(body)
}

// admin is the first administrator, whom the tokens act for.
func (w *World) admin() int {
	for i := range w.o.Users {
		if w.o.Users[i].Admin {
			return w.o.Users[i].ID
		}
	}
	return 0
}

// listUsers answers GET /api/v4/users, deactivated ones included.
// https://www.amocrm.ru/developers/content/crm_platform/users-api
func (w *World) listUsers(rq *request) *reply {
	p, bad := readPaging(rq, 250)
	if bad != nil {
		return bad
	}
	return p.list(rq, "users", len(w.o.Users), func(i int) doc { return userRow(rq, &w.o.Users[i]) })
}

func (w *World) getUser(rq *request) *reply {
	u := w.users[rq.id()]
	return one(u != nil, func() doc { return userRow(rq, u) })
}

func userRow(rq *request, u *User) doc {
	row := doc{
		"id": u.ID, "name": u.Name, "email": u.Email, "lang": "ru",
		"rights": doc{
			"is_admin": u.Admin, "is_active": !u.Deactivated, "is_free": false, "mail_access": u.Admin,
			"catalog_access": u.Admin, "group_id": nil, "role_id": nil,
		},
		"_links": selfLink(rq, "users", u.ID),
	}
	if with(rq.url.Query(), "amojo_id") {
		row["amojo_id"] = nil
		if u.AmojoID != "" {
			row["amojo_id"] = u.AmojoID
		}
	}
	return row
}

// listSources answers GET /api/v4/sources.
// https://www.amocrm.ru/developers/content/crm_platform/sources-api
func (w *World) listSources(rq *request) *reply {
	p, bad := readPaging(rq, 100)
	if bad != nil {
		return bad
	}
	wanted := values(rq.url.Query(), "filter[external_id]")
	var rows []*Source
	for i := range w.o.Sources {
		if len(wanted) == 0 || has(wanted, w.o.Sources[i].ExternalID) {
			rows = append(rows, &w.o.Sources[i])
		}
	}
	return p.list(rq, "sources", len(rows), func(i int) doc { return sourceRow(rq, rows[i]) })
}

func (w *World) getSource(rq *request) *reply {
	for i := range w.o.Sources {
		if w.o.Sources[i].ID == rq.id() {
			return hal(sourceRow(rq, &w.o.Sources[i]))
		}
	}
	return one(false, nil)
}

func sourceRow(rq *request, s *Source) doc {
	return doc{
		"id": s.ID, "name": s.Name, "external_id": s.ExternalID, "pipeline_id": cmp.Or(s.PipelineID, DefaultPipeline),
		"default": s.Default, "services": []doc{}, "_links": selfLink(rq, "sources", s.ID),
	}
}

// listFields answers GET /api/v4/contacts/custom_fields.
// https://www.amocrm.ru/developers/content/crm_platform/custom-fields
func (w *World) listFields(rq *request) *reply {
	p, bad := readPaging(rq, 50)
	if bad != nil {
		return bad
	}
	return p.list(rq, "custom_fields", len(w.o.Fields), func(i int) doc { return fieldRow(rq, &w.o.Fields[i]) })
}

func (w *World) getField(rq *request) *reply {
	f := w.field(rq.id(), "")
	return one(f != nil, func() doc { return fieldRow(rq, f) })
}

func (w *World) field(id int, code string) *CustomField {
	for i := range w.o.Fields {
		if f := &w.o.Fields[i]; f.ID == id || code != "" && f.Code == code {
			return f
		}
	}
	return nil
}

func fieldRow(rq *request, f *CustomField) doc {
	row := doc{
		"id": f.ID, "name": f.Name, "type": f.Type, "code": nil, "sort": f.ID, "entity_type": "contacts",
		"is_api_only": false, "enums": nil, "_links": selfLink(rq, "contacts/custom_fields", f.ID),
	}
	if f.Code != "" {
		row["code"] = f.Code
	}
	var enums []doc
	for i, e := range f.Enums {
		enums = append(enums, doc{"id": f.enumID(i), "value": e, "sort": i})
	}
	if enums != nil {
		row["enums"] = enums
	}
	return row
}

func (f *CustomField) enumID(i int) int { return f.ID*100 + i }
