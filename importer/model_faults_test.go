package importer_test

import (
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/amoimport/amoimport/sandbox"
)

// options make the world of a plan.
func (p *modelPlan) options() sandbox.Options {
	o := sandbox.Options{RepeatedMsgID: p.Repeated, HistoryOrder: p.Order, ResponseShape: p.Shape, Seed: p.Seed, ApplyDelay: p.Apply,
		Latency: sandbox.Lag{Max: p.Latency}, VisibilityLag: sandbox.Lag{Max: p.Lag}, ContactSearchLag: time.Minute}
	for _, f := range p.Faults {
		o.Faults = append(o.Faults, f.sandbox(p.Slow))
	}
	return o
}

var (
	modelMessages = regexp.MustCompile(`^/v2/origin/custom/[^/]+$`)
	modelMarks    = regexp.MustCompile(`/delivery_status$`)
	modelOpen     = regexp.MustCompile(`/chats$`)
	modelHistory  = regexp.MustCompile(`/chats/([^/]+)/history$`)
	modelLinks    = regexp.MustCompile(`/contacts/chats$`)
)

func (f modelFault) sandbox(slow time.Duration) sandbox.Fault {
	out := sandbox.Fault{Name: fmt.Sprintf("%s: %s", f.On, f.Kind), Every: f.Every, Nth: f.Nth, Probability: f.Chance, From: f.From, To: f.To,
		Effect: sandbox.Effect{Kind: f.Kind, Code: f.Code}}
	if f.Kind == sandbox.Slow {
		out.Effect.Delay = slow
	}
	if f.Code == 429 {
		out.Name = f.On + ": throttled"
	}
	post, get := http.MethodPost, http.MethodGet
	switch f.On {
	case "poison":
		out.API, out.Method, out.Path = sandbox.Amojo, post, modelMessages
		out.Contains, out.Nth = fmt.Sprintf(`-m%d"`, f.Nth), 0
	case "message":
		out.API, out.Method, out.Path = sandbox.Amojo, post, modelMessages
	case "mark":
		out.API, out.Method, out.Path = sandbox.Amojo, post, modelMarks
	case "chat":
		out.API, out.Method, out.Path = sandbox.Amojo, post, modelOpen
	case "contacts":
		out.API, out.Method, out.Path = sandbox.APIv4, post, contactsPath
	case "link":
		out.API, out.Method, out.Path = sandbox.APIv4, post, modelLinks
	case "history":
		out.API, out.Method = sandbox.Amojo, get
	case "read":
		out.API, out.Method = sandbox.APIv4, get
	case "amojo":
		out.API = sandbox.Amojo
	case "v4":
		out.API = sandbox.APIv4
	}
	return out
}
