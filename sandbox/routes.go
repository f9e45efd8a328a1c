package sandbox

import (
	"net/http"
	"strings"
)

// API names one of the two APIs, which have their own limits.
type API string

// The two APIs; page is the sandbox's own.
const (
	Amojo API = "amojo"
	APIv4 API = "api_v4"

	page API = "page"
)

const amojoRoot = "/v2/origin/custom/"

// route is one documented call. In a pattern {name} stands for one path segment.
type route struct {
	api     API
	method  string
	pattern string
	parts   []string
	admin   bool // needs an administrator's token
	serve   func(*World, *request) *reply
}

func routes() []route {
	all := []route{
		{api: Amojo, method: http.MethodPost, pattern: amojoRoot + "{channel}/connect", serve: (*World).connect},
		{api: Amojo, method: http.MethodDelete, pattern: amojoRoot + "{channel}/disconnect", serve: (*World).disconnect},
		{api: Amojo, method: http.MethodPost, pattern: amojoRoot + "{scope}/chats", serve: (*World).createChat},
		{api: Amojo, method: http.MethodPost, pattern: amojoRoot + "{scope}", serve: (*World).postMessage},
		{api: Amojo, method: http.MethodPost, pattern: amojoRoot + "{scope}/typing", serve: (*World).typing},
		{api: Amojo, method: http.MethodPost, pattern: amojoRoot + "{scope}/react", serve: (*World).react},
		{api: Amojo, method: http.MethodPost, pattern: amojoRoot + "{scope}/{msgid}/delivery_status", serve: (*World).deliveryStatus},
		{api: Amojo, method: http.MethodGet, pattern: amojoRoot + "{scope}/chats/{chat}/history", serve: (*World).history},

		{api: APIv4, method: http.MethodPost, pattern: "/oauth2/access_token", serve: (*World).issueTokens},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/account", serve: (*World).account},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/users", admin: true, serve: (*World).listUsers},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/users/{id}", admin: true, serve: (*World).getUser},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/contacts", serve: (*World).listContacts},
		{api: APIv4, method: http.MethodPost, pattern: "/api/v4/contacts", serve: (*World).addContacts},
		{api: APIv4, method: http.MethodPatch, pattern: "/api/v4/contacts", serve: (*World).editContacts},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/contacts/custom_fields", serve: (*World).listFields},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/contacts/custom_fields/{id}", serve: (*World).getField},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/contacts/chats", admin: true, serve: (*World).listLinks},
		{api: APIv4, method: http.MethodPost, pattern: "/api/v4/contacts/chats", admin: true, serve: (*World).addLinks},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/contacts/{id}", serve: (*World).getContact},
		{api: APIv4, method: http.MethodPatch, pattern: "/api/v4/contacts/{id}", serve: (*World).editContact},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/leads", serve: (*World).listLeads},
		{api: APIv4, method: http.MethodPost, pattern: "/api/v4/leads", serve: (*World).addLeads},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/leads/pipelines", serve: (*World).listPipelines},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/leads/unsorted", serve: (*World).listUnsorted},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/leads/{id}", serve: (*World).getLead},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/sources", admin: true, serve: (*World).listSources},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/sources/{id}", admin: true, serve: (*World).getSource},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/talks", serve: (*World).listTalks},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/talks/{id}", serve: (*World).getTalk},
		{api: APIv4, method: http.MethodPost, pattern: "/api/v4/talks/{id}/close", serve: (*World).closeTalk},
		{api: APIv4, method: http.MethodGet, pattern: "/api/v4/events", serve: (*World).listEvents},

		{api: page, method: http.MethodGet, pattern: "/", serve: (*World).indexPage},
		{api: page, method: http.MethodGet, pattern: "/sandbox", serve: (*World).indexPage},
		{api: page, method: http.MethodGet, pattern: "/sandbox/", serve: (*World).indexPage},
		{api: page, method: http.MethodGet, pattern: "/sandbox/chats/{chat}", serve: (*World).chatPage},
		{api: page, method: http.MethodGet, pattern: "/sandbox/state.json", serve: (*World).statePage},
	}
	for i := range all {
		all[i].parts = strings.Split(all[i].pattern, "/")
	}
	return all
}

// find says which API and, if there is one, which call a request is for.
func (w *World) find(rq *request) {
	path := rq.url.Path
	switch {
	case strings.HasPrefix(path, amojoRoot):
		rq.api = Amojo
	case strings.HasPrefix(path, "/api/v4/"), strings.HasPrefix(path, "/oauth2/"):
		rq.api = APIv4
	default:
		rq.api = page
	}
	parts := strings.Split(path, "/")
	for i := range w.routes {
		r := &w.routes[i]
		if vars, ok := r.match(parts); ok {
			// A path that is known under another method keeps its route, so that the answer can be a 405.
			if rq.route == nil || r.method == rq.method {
				rq.route, rq.vars = r, vars
			}
			if r.method == rq.method {
				return
			}
		}
	}
}

func (r *route) match(parts []string) (map[string]string, bool) {
	if len(parts) != len(r.parts) {
		return nil, false
	}
	var vars map[string]string
	for i, p := range r.parts {
		if !strings.HasPrefix(p, "{") {
			if p != parts[i] {
				return nil, false
			}
			continue
		}
		if parts[i] == "" {
			return nil, false
		}
		if vars == nil {
			vars = map[string]string{}
		}
		vars[p[1:len(p)-1]] = parts[i]
	}
	return vars, true
}

// name is how a request is counted: method and pattern.
func (rq *request) name() string {
	if rq.route == nil || rq.route.method != rq.method {
		return rq.method + " (unknown)"
	}
	return rq.method + " " + rq.route.pattern
}
