package amocrm

import (
	"encoding/json"
	"strings"
)

// problem is the body of an error: problem+json with validation errors by element, or the form of the
// batch methods outside the main entities, which has errors with a title.
type problem struct {
	Title            text                  `json:"title"`
	Detail           text                  `json:"detail"`
	TraceID          text                  `json:"trace_id"`
	RetryAfter       number                `json:"retry_after"`
	ValidationErrors list[validationError] `json:"validation-errors"`
	Errors           list[batchError]      `json:"errors"`
}

type validationError struct {
	RequestID text              `json:"request_id"`
	Errors    list[elementFlaw] `json:"errors"`
}

type elementFlaw struct {
	Code   text `json:"code"`
	Path   text `json:"path"`
	Detail text `json:"detail"`
}

type batchError struct {
	RequestID text `json:"request_id"`
	Code      text `json:"code"`
	Title     text `json:"title"`
	Detail    text `json:"detail"`
}

func decodeProblem(body []byte) (p problem, ok bool) {
	if !isObject(body) || json.Unmarshal(body, &p) != nil {
		return problem{}, false
	}
	return p, true
}

func (p problem) detail() string {
	for _, s := range []text{p.Detail, p.Title} {
		if s != "" {
			return clean(string(s), maxWords)
		}
	}
	for _, e := range p.Errors {
		return clean(string(firstOf(e.Detail, e.Title)), maxWords)
	}
	return ""
}

func (p problem) elements() []ElementError {
	var out []ElementError
	for _, v := range p.ValidationErrors {
		e := ElementError{RequestID: clean(string(v.RequestID), 100)}
		for _, f := range v.Errors {
			e.Faults = append(e.Faults, Fault{Code: clean(string(f.Code), 100), Path: clean(string(f.Path), 200), Detail: clean(string(f.Detail), maxWords)})
		}
		out = append(out, e)
	}
	for _, b := range p.Errors {
		fault := Fault{Code: clean(string(b.Code), 100), Detail: clean(string(firstOf(b.Detail, b.Title)), maxWords)}
		out = append(out, ElementError{RequestID: clean(string(b.RequestID), 100), Faults: []Fault{fault}})
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
