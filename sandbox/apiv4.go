package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// handleV4 checks what all calls of API v4 have in common, then runs the call.
// https://www.amocrm.ru/developers/content/crm_platform/error-codes
func (w *World) handleV4(rq *request) *reply {
	r := rq.route
	if !strings.HasPrefix(rq.url.Path, "/oauth2/") {
		t, out := w.authorize(rq)
		switch {
		case out != nil:
			return out
		case r != nil && r.admin && !t.admin:
			return problem(http.StatusForbidden, "Administrator rights are needed")
		}
	}
	switch {
	case r == nil:
		return problem(http.StatusNotFound, "There is no such method")
	case r.method != rq.method:
		return problem(http.StatusMethodNotAllowed, "Method not allowed")
	}
	return r.serve(w, rq)
}

// paging is the page and limit of a list.
type paging struct{ page, limit int }

func readPaging(rq *request, most int) (paging, *reply) {
	q := rq.url.Query()
	p, ok1 := count(q, "page", 1)
	limit, ok2 := count(q, "limit", min(50, most))
	if !ok1 || !ok2 || p < 1 || limit < 1 || limit > most {
		return paging{}, problem(http.StatusBadRequest, "page must be from 1, limit from 1 to "+strconv.Itoa(most))
	}
	return paging{p, limit}, nil
}

// list answers one page of n rows: 204 when it is empty, a link to the next one when there is more.
func (p paging) list(rq *request, name string, n int, row func(int) doc) *reply {
	if p.page > n { // a page holds one row at least; the product below could overflow
		return noContent()
	}
	from := (p.page - 1) * p.limit
	if from >= n {
		return noContent()
	}
	to := min(from+p.limit, n)
	rows := make([]doc, 0, to-from)
	for i := from; i < to; i++ {
		rows = append(rows, row(i))
	}
	links := doc{"self": doc{"href": rq.base + rq.url.RequestURI()}}
	if to < n {
		q := rq.url.Query()
		q.Set("page", strconv.Itoa(p.page+1))
		q.Set("limit", strconv.Itoa(p.limit))
		links["next"] = doc{"href": rq.base + rq.url.Path + "?" + q.Encode()}
	}
	return hal(doc{"_page": p.page, "_links": links, "_embedded": doc{name: rows}})
}

// one answers a single row, or the 404 of API v4.
func one(found bool, row func() doc) *reply {
	if !found {
		return problem(http.StatusNotFound, "Not found")
	}
	return hal(row())
}

func selfLink(rq *request, path string, id int) doc {
	return doc{"self": doc{"href": rq.base + "/api/v4/" + path + "/" + strconv.Itoa(id)}}
}

// number is the {id} of a path; 0 is nobody's.
func (rq *request) id() int {
	n, _ := strconv.Atoi(rq.vars["id"])
	return n
}

// values returns the values of name, name[] and name[0], name[1] and so on.
func values(q url.Values, name string) []string {
	all := slices.Clone(q[name])
	for i := 0; ; i++ {
		v, ok := q[name+"["+strconv.Itoa(i)+"]"]
		if !ok {
			break
		}
		all = append(all, v...)
	}
	return append(all, q[name+"[]"]...)
}

// isArray says whether any value of name came as an array's.
func isArray(q url.Values, name string) bool {
	for key := range q {
		if strings.HasPrefix(key, name+"[") {
			return true
		}
	}
	return false
}

// numbers returns values as a set of ids; what is no number is nobody's id.
func numbers(q url.Values, name string) (set map[int]bool) {
	for _, v := range values(q, name) {
		if set == nil {
			set = map[int]bool{}
		}
		n, _ := strconv.Atoi(v)
		set[n] = true
	}
	return set
}

// with says whether the query's with parameter names a word.
func with(q url.Values, word string) bool {
	return slices.Contains(strings.Split(q.Get("with"), ","), word)
}

// mostInBatch is how many entities one write may hold.
const mostInBatch = 250

// element is one entity of a batch.
type element struct {
	object
	requestID string // as sent, else its index
}

// readBatch reads a body that must be an array of objects, and lets read check each. One bad element refuses all.
func readBatch(rq *request, read func(i int, e element)) *reply {
	v, err := parse(rq.body)
	if err != nil {
		return problem(http.StatusBadRequest, err.Error())
	}
	all, ok := v.([]any)
	switch {
	case !ok:
		return problem(http.StatusBadRequest, "Request data must be an array")
	case len(all) == 0:
		return problem(http.StatusBadRequest, "Request data can not be empty")
	case len(all) > mostInBatch:
		return problem(http.StatusUnprocessableEntity, "Limit 250 per page")
	}
	var bad []invalid
	for i, v := range all {
		e := element{object{faults: new([]fault)}, strconv.Itoa(i)}
		if m, ok := v.(map[string]any); !ok {
			e.wrong("", "object")
		} else {
			e.values = m
			if id := e.str("request_id", false); id != "" {
				e.requestID = id
			}
			read(i, e)
		}
		if len(*e.faults) > 0 {
			bad = append(bad, invalid{e.requestID, *e.faults})
		}
	}
	if len(bad) > 0 {
		return validationProblem(bad)
	}
	return nil
}
