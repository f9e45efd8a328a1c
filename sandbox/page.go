package sandbox

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"
)

//go:embed page.html
var pageFiles embed.FS

// handlePage serves the sandbox's own pages.
func (w *World) handlePage(rq *request) *reply {
	switch {
	case rq.route == nil:
		return &reply{status: http.StatusNotFound, kind: typeText, body: "no such page"}
	case rq.method != http.MethodGet:
		return &reply{status: http.StatusMethodNotAllowed, kind: typeText, body: "only GET"}
	}
	return rq.route.serve(w, rq)
}

// rowsOnPage is how many chats or messages one page shows.
const rowsOnPage = 200

// indexPage shows the account's numbers and its chats.
func (w *World) indexPage(rq *request) *reply {
	type row struct {
		ID, Conversation, Client string
		Messages                 int
		Contact                  int
		OpenTalks                int
	}
	first, pages, at := window(rq, len(w.chats))
	var rows []row
	for _, c := range w.chats[first:min(first+rowsOnPage, len(w.chats))] {
		r := row{ID: c.id.String(), Conversation: c.conv, Client: c.client.name, Messages: len(c.arrivals)}
		if c.contact != nil {
			r.Contact = c.contact.id
		}
		for _, t := range c.talks {
			if t.open(rq.acted) {
				r.OpenTalks++
			}
		}
		rows = append(rows, r)
	}
	refusals := slices.Clone(w.refusals)
	slices.Reverse(refusals)
	return render("index", doc{
		"Title": w.o.Account.Name, "Account": w.o.Account, "Channel": w.channel.title, "State": w.state(rq.acted),
		"Chats": rows, "Pages": pages, "Page": at, "Refusals": refusals,
	})
}

// chatPage shows one chat's messages in order of time.
func (w *World) chatPage(rq *request) *reply {
	id, _ := parseUUID(rq.vars["chat"])
	c := w.byChat[id]
	if c == nil {
		return &reply{status: http.StatusNotFound, kind: typeText, body: "no such chat"}
	}
	w.show(c, rq.acted)
	sorted := slices.SortedFunc(slices.Values(c.arrivals), byTime)
	first, pages, at := window(rq, len(sorted))
	type row struct {
		Message
		Time  string
		Reply string
	}
	var rows []row
	for _, m := range sorted[first:min(first+rowsOnPage, len(sorted))] {
		r := row{Message: m.copy(), Time: time.UnixMilli(m.msec).UTC().Format("2006-01-02 15:04:05.000")}
		r.Visible = m.visible <= rq.acted.UnixNano()
		if m.reply != nil {
			r.Reply = m.reply.text
			if r.Reply == "" {
				r.Reply = m.reply.kind
			}
		}
		rows = append(rows, r)
	}
	contact := 0
	if c.contact != nil {
		contact = c.contact.id
	}
	return render("chat", doc{
		"Title": c.conv, "Client": c.client.copy(), "Contact": contact, "Total": len(c.arrivals),
		"Messages": rows, "Pages": pages, "Page": at,
	})
}

// window finds the page that a request asks for: its first row, all pages, and its number.
func window(rq *request, rows int) (first int, pages []int, at int) {
	last := max(1, (rows+rowsOnPage-1)/rowsOnPage)
	at, _ = strconv.Atoi(rq.url.Query().Get("page"))
	at = min(max(at, 1), last)
	for i := max(1, at-5); i <= min(last, at+5); i++ {
		pages = append(pages, i)
	}
	return (at - 1) * rowsOnPage, pages, at
}

// State is what /sandbox/state.json answers.
type State struct {
	Chats    int      `json:"chats"`
	Messages int      `json:"messages"`
	Visible  int      `json:"visible"` // messages that history shows by now
	Contacts int      `json:"contacts"`
	Leads    int      `json:"leads"`
	Talks    int      `json:"talks"`
	Open     int      `json:"open_talks"`
	Linked   int      `json:"linked_chats"`
	Counters Counters `json:"counters"`
}

func (w *World) state(now time.Time) State {
	s := State{
		Chats: len(w.chats), Leads: len(w.leads), Talks: len(w.talks), Counters: w.copyCounters(),
	}
	for _, c := range w.chats {
		w.show(c, now)
		s.Messages += len(c.arrivals)
		s.Visible += len(c.shown)
		if c.contact != nil {
			s.Linked++
		}
	}
	for _, c := range w.contacts {
		if !c.deleted {
			s.Contacts++
		}
	}
	for _, t := range w.talks {
		if t.open(now) {
			s.Open++
		}
	}
	return s
}

func (w *World) statePage(rq *request) *reply { return okJSON(w.state(rq.acted)) }

// render fills one of the page's templates. html/template escapes what people wrote; the policy forbids scripts in
// case it did not.
func render(name string, data doc) *reply {
	t := template.Must(template.ParseFS(pageFiles, "page.html"))
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		return &reply{status: http.StatusInternalServerError, kind: typeText, body: "cannot render the page: " + err.Error()}
	}
	return &reply{
		status: http.StatusOK, kind: "text/html; charset=utf-8", body: b.Bytes(),
		header: http.Header{"Content-Security-Policy": {"default-src 'none'; style-src 'unsafe-inline'"}},
	}
}
