package sandbox

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// listContacts answers GET /api/v4/contacts. The plain list is up to date; query and filter lag behind it.
// https://www.amocrm.ru/developers/content/crm_platform/contacts-api
func (w *World) listContacts(rq *request) *reply {
	p, bad := readPaging(rq, 250)
	if bad != nil {
		return bad
	}
	q := rq.url.Query()
	order, bad := contactOrder(q)
	if bad != nil {
		return bad
	}
	searched := q.Get("query") != ""
	keep := w.contactFilter(q)
	var rows []*contact
	for _, c := range w.contacts {
		switch {
		case c.deleted,
			(searched || keep != nil) && rq.acted.Before(c.findable),
			searched && !c.matches(q.Get("query")),
			keep != nil && !keep(c):
		default:
			rows = append(rows, c)
		}
	}
	if order != nil {
		slices.SortStableFunc(rows, order)
	}
	return p.list(rq, "contacts", len(rows), func(i int) doc { return w.contactRow(rq, rows[i]) })
}

// contactOrder reads order[id] or order[updated_at]; nil is by rising id.
func contactOrder(q url.Values) (func(a, b *contact) int, *reply) {
	for key := range q {
		if !strings.HasPrefix(key, "order[") {
			continue
		}
		var by func(a, b *contact) int
		switch key {
		case "order[id]":
			by = func(a, b *contact) int { return cmp.Compare(a.id, b.id) }
		case "order[updated_at]":
			by = func(a, b *contact) int { return cmp.Compare(a.updatedAt, b.updatedAt) }
		}
		switch dir := q.Get(key); {
		case by == nil, dir != "asc" && dir != "desc":
			return nil, problem(http.StatusBadRequest, "order must be by id or updated_at, asc or desc")
		case dir == "desc":
			return func(a, b *contact) int { return by(b, a) }, nil
		default:
			return by, nil
		}
	}
	return nil, nil
}

// indexText collects what query looks in: the name and all values as text, and their digits.
func (c *contact) indexText() {
	var text, nums []string
	text = append(text, c.name, c.first, c.last)
	for _, f := range c.values {
		for _, v := range f.values {
			text = append(text, v.value)
			nums = append(nums, digits(v.value))
		}
	}
	c.searched, c.searchedNums = strings.ToLower(strings.Join(text, "\n")), strings.Join(nums, "\n")
}

// matches is a text search: it also finds what only comes near. A number of five digits or more is found in any
// formatting.
func (c *contact) matches(query string) bool {
	if strings.Contains(c.searched, strings.ToLower(query)) {
		return true
	}
	d := digits(query)
	return len(d) >= 5 && len(d)*2 > len(query) && strings.Contains(c.searchedNums, d)
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// contactFilter reads filter[...]; nil keeps everything, as it does where the paid add-on is off.
// https://www.amocrm.ru/developers/content/crm_platform/filters-api
func (w *World) contactFilter(q url.Values) func(*contact) bool {
	if !w.o.FilterAddon || !isArray(q, "filter") {
		return nil
	}
	const custom = "filter[custom_fields_values]["
	ids, names := numbers(q, "filter[id]"), values(q, "filter[name]")
	from, to := bounds(q, "filter[created_at]")
	wanted := map[int][]string{} // by field
	for key := range q {
		if rest, ok := strings.CutPrefix(key, custom); ok {
			field, _, _ := strings.Cut(rest, "]")
			id, _ := strconv.Atoi(field)
			wanted[id] = values(q, custom+field+"]")
		}
	}
	return func(c *contact) bool {
		if ids != nil && !ids[c.id] || len(names) > 0 && !has(names, c.name) || c.createdAt < from || c.createdAt > to {
			return false
		}
		for field, all := range wanted {
			if !c.holds(field, all) {
				return false
			}
		}
		return true
	}
}

func (c *contact) holds(field int, any []string) bool {
	for _, f := range c.values {
		for _, v := range f.values {
			if f.field.ID == field && has(any, v.value) {
				return true
			}
		}
	}
	return false
}

// bounds reads a range, or one moment after which everything counts.
func bounds(q url.Values, name string) (from, to int64) {
	to = 1<<63 - 1
	if n, err := strconv.ParseInt(q.Get(name), 10, 64); err == nil {
		from = n
	}
	if n, err := strconv.ParseInt(q.Get(name+"[from]"), 10, 64); err == nil {
		from = n
	}
	if n, err := strconv.ParseInt(q.Get(name+"[to]"), 10, 64); err == nil {
		to = n
	}
	return from, to
}

func has(all []string, s string) bool { return slices.Contains(all, s) }
