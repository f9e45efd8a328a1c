package amocrm

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// Error is an answer of the API that is not a success, usually as problem+json
// (https://www.amocrm.ru/developers/content/crm_platform/error-codes).
type Error struct {
	Op      string // what was asked, "add contacts"
	Subject string // id of what it was about, if any
	Status  int    // HTTP status

	Title    string         // title of the problem
	Detail   string         // its detail, or the text of a body that is no JSON; at most 200 runes, one line. May repeat what was sent if it is Rejected, else it is empty then
	Elements []ElementError // what is wrong with which element of a batch, if the API says so
	Plain    bool           // the body was no JSON object, or empty

	RequestID  string        // X-Request-Id or trace_id, for the vendor's support
	RetryAfter time.Duration // how long to wait, from the header or the body; 0: not said
	ServerTime time.Time     // the server's clock, from the Date header; zero: not said
}

// ElementError is what the API finds wrong with one element of a batch.
type ElementError struct {
	RequestID string // the element's request_id, else its index as the API counts it; may be empty
	Faults    []Fault
}

// Fault is one thing wrong with an element.
type Fault struct {
	Code   string // such as NotSupportedChoice
	Path   string // such as custom_fields_values.0.field_id
	Detail string // the server's words; may repeat what was sent
}

// Error says what failed and how. It holds the server's own words only where they cannot be about a
// contact, since those might repeat a name or a phone number; codes and paths of fields are said.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(heading(e.Op, e.Subject))
	fmt.Fprintf(&b, "%d %s", e.Status, http.StatusText(e.Status))
	switch e.Status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusTooManyRequests:
		if e.Detail != "" {
			b.WriteString(": " + e.Detail)
		}
	}
	if n := len(e.Elements); n > 0 && len(e.Elements[0].Faults) > 0 {
		f := e.Elements[0].Faults[0]
		fmt.Fprintf(&b, ": %d bad, the first for %s %s", n, word(f.Code), word(f.Path))
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Hint says in one sentence what to do about it.
func (e *Error) Hint() string {
	switch {
	case e.Rejected():
		return "amoCRM does not take this data as it is; look at the mapping of the fields named."
	case e.Unauthorized():
		return "The access token is expired, revoked or of another account: make a new one, or authorise the integration again."
	case e.PaymentRequired():
		return "The amoCRM account is not paid, or its plan does not include this: settle that in the account, then go on."
	case e.Blocked():
		return httpapi.BlockHint(e.RetryAfter)
	case e.Forbidden():
		return "The token's user needs administrator rights, and chats can be linked only by the integration that their channel names."
	case e.NotFound():
		return "Check the account's subdomain and base URL; the record may also have been deleted or merged."
	case e.TooMany():
		return "The API asks for fewer requests: go on later, with a lower rate."
	case e.Server():
		return "The API has a fault of its own: try again later, with smaller batches if it was a 504."
	case e.Status >= 300 && e.Status < 400:
		return "The address redirects, which the API never does: check the account's subdomain, it may have been changed."
	default:
		return "The API answered with a status it does not document: check the base URL, and ask the vendor's support with the request id."
	}
}

// Rejected says that the data was refused: the whole batch, of which Elements may name the guilty ones.
func (e *Error) Rejected() bool {
	return e.Status == http.StatusBadRequest || e.Status == http.StatusRequestEntityTooLarge || e.Status == http.StatusUnprocessableEntity
}

// Unauthorized says that the token is not taken; see [Authorizer] for when it was refreshed before.
func (e *Error) Unauthorized() bool { return e.Status == http.StatusUnauthorized }

// PaymentRequired says that the account must be paid first.
func (e *Error) PaymentRequired() bool { return e.Status == http.StatusPaymentRequired }

// Forbidden says that the token has not the rights for this request.
func (e *Error) Forbidden() bool { return e.Status == http.StatusForbidden && !e.Plain }

// Blocked says that the caller is locked out, which the API tells with a 403 in plain text.
func (e *Error) Blocked() bool { return e.Status == http.StatusForbidden && e.Plain }

// NotFound says that there is no such record or route.
func (e *Error) NotFound() bool { return e.Status == http.StatusNotFound }

// TooMany says that the request came too early and was not looked at.
func (e *Error) TooMany() bool { return e.Status == http.StatusTooManyRequests }

// Server says that the fault is the server's; a POST may have been applied all the same.
func (e *Error) Server() bool { return e.Status >= 500 }

// CallError says that no answer could be read: the request failed on its way, or the answer to a
// success makes no sense. A POST that ends so may or may not have been applied, unless Err, which
// keeps the transport's error, proves that it was never sent.
type CallError struct {
	Op        string
	Subject   string
	Status    int    // of the answer that cannot be read; 0: there was none
	RequestID string // X-Request-Id of that answer
	Err       error
}

// Unreadable says that there was a success answer and its body makes no sense.
func (e *CallError) Unreadable() bool { return e.Status != 0 }

// Error says what failed and why.
func (e *CallError) Error() string {
	if !e.Unreadable() {
		return heading(e.Op, e.Subject) + e.Err.Error()
	}
	s := fmt.Sprintf("%sthe answer (%d) cannot be read: %v", heading(e.Op, e.Subject), e.Status, e.Err)
	if e.RequestID != "" {
		s += " (request " + e.RequestID + ")"
	}
	return s
}

// Unwrap gives the cause.
func (e *CallError) Unwrap() error { return e.Err }

// Hint says in one sentence what to do about it.
func (e *CallError) Hint() string {
	if e.Unreadable() {
		return "Check that the base URL is that of the account and that no proxy alters its answers."
	}
	return "Check the network, the base URL and any proxy between here and the API."
}

func heading(op, subject string) string {
	if subject == "" {
		return "amocrm: " + op + ": "
	}
	return "amocrm: " + op + " " + httpapi.Clean(subject, 64) + ": "
}

// callFailed names the call of a transport's error. A token's error stays as it is: nothing was applied.
func callFailed(k call, err error) error {
	err = httpapi.WithoutURL(err)
	var token *TokenError
	if errors.As(err, &token) {
		return err
	}
	return &CallError{Op: k.op, Subject: k.subject, Err: err}
}

func unreadable(k call, resp *http.Response, err error) *CallError {
	return &CallError{Op: k.op, Subject: k.subject, Status: resp.StatusCode, RequestID: httpapi.RequestID(resp.Header), Err: err}
}

// newError is the one place that turns an answer that is no success into an error.
func newError(k call, resp *http.Response, body []byte) *Error {
	e := &Error{Op: k.op, Subject: k.subject, Status: resp.StatusCode, RequestID: httpapi.RequestID(resp.Header), ServerTime: httpapi.ServerTime(resp.Header)}
	p, ok := decodeProblem(body)
	if ok {
		e.Title, e.Detail, e.Elements = httpapi.Clean(string(p.Title), httpapi.MaxWords), p.detail(), p.elements()
		if e.RequestID == "" {
			e.RequestID = httpapi.Clean(string(p.TraceID), 100)
		}
	} else {
		e.Plain, e.Detail = true, httpapi.PlainText(body)
	}
	if !e.Rejected() && (httpapi.Repeats(e.Detail, k.body, k.query) || repeatsToken(e.Detail)) {
		e.Detail = ""
	}
	if e.RetryAfter = httpapi.RetryAfter(resp.Header, e.ServerTime); e.RetryAfter == 0 {
		e.RetryAfter = httpapi.Seconds(int64(p.RetryAfter))
	}
	return e
}

// repeatsToken says whether a server's words hold the token that was sent, as those of a proxy may that shows the
// whole request.
func repeatsToken(said string) bool {
	said = strings.ToLower(said)
	return strings.Contains(said, "bearer ") || strings.Contains(said, "authorization:")
}
