package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// The content types of the two APIs.
const (
	typeJSON    = "application/json"
	typeHAL     = "application/hal+json"
	typeProblem = "application/problem+json"
	typeText    = "text/plain; charset=utf-8"
)

// written is an answer as it goes over the wire.
type written struct {
	status int
	header http.Header
	body   []byte
}

// write makes the bytes of an answer.
func (w *World) write(rq *request, out *reply) *written {
	h := out.header
	if h == nil {
		h = http.Header{}
	}
	w.mu.Lock()
	h.Set("Date", w.serverTime().UTC().Format(http.TimeFormat))
	if w.o.SetCookie != "" {
		h.Set("Set-Cookie", w.o.SetCookie)
	}
	h.Set("X-Request-Id", w.newUUID("request", rq.number).String())
	if rq.api != page {
		w.counters.Answers[out.status]++
	}
	if rq.logged > 0 {
		w.log[rq.logged-1].Status = out.status
	}
	w.mu.Unlock()

	body := []byte(nil)
	switch b := out.body.(type) {
	case nil:
	case []byte:
		body = b
	case string:
		body = []byte(b)
	default:
		body = encode(b)
	}
	if out.kind != "" {
		h.Set("Content-Type", out.kind)
	}
	return &written{out.status, h, body}
}

// encode marshals a value that the sandbox itself made; failing to is a bug in it.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("sandbox: encode %T: %v", v, err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// doc is a JSON object in an answer.
type doc = map[string]any

// amojoError is the error shape of the chats API.
// https://developers.kommo.com/docs/http-codes
func amojoError(status int, kind, description string) *reply {
	return &reply{status: status, kind: typeJSON, reason: description, body: struct {
		Status      int    `json:"status"`
		Code        int    `json:"error_code"`
		Type        string `json:"error_type"`
		Description string `json:"error_description"`
	}{0, status, kind, description}}
}

// problem is the error shape of API v4.
// https://www.amocrm.ru/developers/content/crm_platform/error-codes
func problem(status int, detail string) *reply {
	title := http.StatusText(status)
	return &reply{status: status, kind: typeProblem, reason: detail, body: doc{
		"title": title, "type": fmt.Sprintf("https://httpstatus.es/%d", status), "status": status, "detail": detail,
	}}
}

// invalid is a refused element of a batch.
type invalid struct {
	RequestID string  `json:"request_id"`
	Errors    []fault `json:"errors"`
}

// validationProblem refuses a whole batch for its bad elements.
func validationProblem(bad []invalid) *reply {
	out := problem(http.StatusBadRequest, "Request validation failed")
	out.body.(doc)["validation-errors"] = bad
	first := bad[0].Errors[0]
	out.reason = first.Path + ": " + first.Detail
	return out
}

// serverError is a failure of the server in the shape of the API it happened in.
func (w *World) serverError(rq *request, status int, detail string) *reply {
	if rq.api == Amojo {
		return amojoError(status, "INTERNAL_ERROR", detail)
	}
	return &reply{status: status, kind: typeProblem, reason: detail, body: doc{
		"title": "ErrInternalServer", "status": status, "detail": detail,
		"trace_id": w.newUUID("trace", rq.number).String(),
	}}
}

func hal(body any) *reply    { return &reply{status: http.StatusOK, kind: typeHAL, body: body} }
func noContent() *reply      { return &reply{status: http.StatusNoContent} }
func okJSON(body any) *reply { return &reply{status: http.StatusOK, kind: typeJSON, body: body} }

// okEmpty is a 200 with nothing in it; Kommo sends an empty object.
func (w *World) okEmpty() *reply {
	if w.o.Flavour == Kommo {
		return okJSON(doc{})
	}
	return &reply{status: http.StatusOK}
}

// put adds a value unless it is empty.
func put[T comparable](to doc, key string, v T) {
	if v != *new(T) {
		to[key] = v
	}
}
