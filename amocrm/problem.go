package amocrm

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// problem is the body of an error: problem+json with validation errors by element, or the form of the
// batch methods outside the main entities, which has errors with a title.
type problem struct {
	Title            httpapi.Text                  `json:"title"`
	Detail           httpapi.Text                  `json:"detail"`
	TraceID          httpapi.Text                  `json:"trace_id"`
	RetryAfter       httpapi.Number                `json:"retry_after"`
	ValidationErrors httpapi.List[validationError] `json:"validation-errors"`
	Errors           httpapi.List[batchError]      `json:"errors"`
}

type validationError struct {
	RequestID httpapi.Text              `json:"request_id"`
	Errors    httpapi.List[elementFlaw] `json:"errors"`
}

type elementFlaw struct {
	Code   httpapi.Text `json:"code"`
	Path   httpapi.Text `json:"path"`
	Detail httpapi.Text `json:"detail"`
}

type batchError struct {
	RequestID httpapi.Text `json:"request_id"`
	Code      httpapi.Text `json:"code"`
	Title     httpapi.Text `json:"title"`
	Detail    httpapi.Text `json:"detail"`
}

func decodeProblem(body []byte) (p problem, ok bool) {
	if !httpapi.IsObject(body) || json.Unmarshal(body, &p) != nil {
		return problem{}, false
	}
	return p, true
}

func (p problem) detail() string {
	for _, s := range []httpapi.Text{p.Detail, p.Title} {
		if s != "" {
			return httpapi.Clean(string(s), httpapi.MaxWords)
		}
	}
	for _, e := range p.Errors {
		return httpapi.Clean(string(cmp.Or(e.Detail, e.Title)), httpapi.MaxWords)
	}
	return ""
}

func (p problem) elements() []ElementError {
	var out []ElementError
	for _, v := range p.ValidationErrors {
		e := ElementError{RequestID: httpapi.Clean(string(v.RequestID), 100)}
		for _, f := range v.Errors {
			e.Faults = append(e.Faults, Fault{Code: httpapi.Clean(string(f.Code), 100), Path: httpapi.Clean(string(f.Path), 200), Detail: httpapi.Clean(string(f.Detail), httpapi.MaxWords)})
		}
		out = append(out, e)
	}
	for _, b := range p.Errors {
		fault := Fault{Code: httpapi.Clean(string(b.Code), 100), Detail: httpapi.Clean(string(cmp.Or(b.Detail, b.Title)), httpapi.MaxWords)}
		out = append(out, ElementError{RequestID: httpapi.Clean(string(b.RequestID), 100), Faults: []Fault{fault}})
	}
	return out
}

// word keeps a code or a path of a field for an error's text, and nothing that could be foreign text.
func word(s string) string {
	ok := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.-", r)
	}
	if s == "" || strings.TrimFunc(s, ok) != "" {
		return "?"
	}
	return s
}
