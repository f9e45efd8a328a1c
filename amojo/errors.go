package amojo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// Error is an answer of the API that is not a success. The documented body has four keys; all of them
// may be missing (https://developers.kommo.com/docs/http-codes).
type Error struct {
	Op      string // what was asked, "send message"
	Subject string // id of what it was about, if any
	Status  int    // HTTP status

	Code        int    // error_code
	Type        string // error_type, such as ORIGIN_INVALID_SIGNATURE
	Description string // error_description, or the text of a body that is no JSON; at most 200 runes, one line. May repeat what was sent if it is Rejected, else it is empty then
	Plain       bool   // the body was no JSON object, or empty

	RequestID  string        // X-Request-Id, for the vendor's support
	RetryAfter time.Duration // how long to wait, from the header or the body; 0: not said
	ServerTime time.Time     // the server's clock, from the Date header; zero: not said
}

// Error says what failed and how. It holds the server's own words only where they cannot be about a
// message, since those might repeat a text or a phone number.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(heading(e.Op, e.Subject))
	fmt.Fprintf(&b, "%d %s", e.Status, http.StatusText(e.Status))
	if e.Type != "" {
		b.WriteString(" " + e.Type)
	}
	switch e.Status {
	case http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests:
		if e.Description != "" {
			b.WriteString(": " + e.Description)
		}
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
		return "amojo does not take this message or chat as it is; look at the mapping of its fields."
	case e.InvalidSignature():
		return "Check that the channel secret belongs to this channel id, and that this machine's clock is right: a signature is good for 15 minutes."
	case e.Blocked():
		return httpapi.BlockHint(e.RetryAfter)
	case e.UnknownScope():
		return "Check the channel id and the account's amojo_id, and that the channel is connected to this account."
	case e.PaymentRequired():
		return "The amoCRM account is not paid, or its plan does not include chats: settle that in the account, then go on."
	case e.TooMany():
		return "The API asks for fewer requests: go on later, with a lower rate."
	case e.Server():
		return "The API has a fault of its own: try again later."
	case e.Status >= 300 && e.Status < 400:
		return "The address redirects, which the chats API never does: check the base URL."
	default:
		return "The API answered with a status it does not document: check the base URL, and ask the vendor's support with the request id."
	}
}

// Rejected says that the request itself was refused: this message or chat, not the run.
func (e *Error) Rejected() bool {
	return e.Status == http.StatusBadRequest || e.Status == http.StatusRequestEntityTooLarge || e.Status == http.StatusUnprocessableEntity
}

// InvalidSignature says that secret, clock or path do not fit: nothing will get through.
func (e *Error) InvalidSignature() bool { return e.Status == http.StatusForbidden && !e.Plain }

// Blocked says that the caller is locked out, which the API tells with a 403 in plain text.
func (e *Error) Blocked() bool { return e.Status == http.StatusForbidden && e.Plain }

// UnknownScope says that channel or account are unknown, or that the base URL is wrong.
func (e *Error) UnknownScope() bool { return e.Status == http.StatusNotFound }

// PaymentRequired says that the account must be paid first.
func (e *Error) PaymentRequired() bool { return e.Status == http.StatusPaymentRequired }

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
		return "Check that the base URL is that of the chats API and that no proxy alters its answers."
	}
	return "Check the network, the base URL and any proxy between here and the API."
}

func heading(op, subject string) string {
	if subject == "" {
		return "amojo: " + op + ": "
	}
	return "amojo: " + op + " " + httpapi.Clean(subject, 64) + ": "
}

// newError is the one place that turns an answer that is no success into an error.
func newError(k call, resp *http.Response, body []byte) *Error {
	e := &Error{Op: k.op, Subject: k.subject, Status: resp.StatusCode, RequestID: httpapi.RequestID(resp.Header), ServerTime: httpapi.ServerTime(resp.Header)}
	var answer struct {
		Code        httpapi.Number `json:"error_code"`
		Type        httpapi.Text   `json:"error_type"`
		Description httpapi.Text   `json:"error_description"`
		RetryAfter  httpapi.Number `json:"retry_after"`
	}
	if httpapi.IsObject(body) && json.Unmarshal(body, &answer) == nil {
		e.Code = int(answer.Code)
		if isCode(string(answer.Type)) {
			e.Type = string(answer.Type)
		}
		e.Description = httpapi.Clean(string(answer.Description), httpapi.MaxWords)
	} else {
		e.Plain = true
		e.Description = httpapi.PlainText(body)
	}
	if !e.Rejected() && httpapi.Repeats(e.Description, k.body, k.query) {
		e.Description = ""
	}
	if e.RetryAfter = httpapi.RetryAfter(resp.Header, e.ServerTime); e.RetryAfter == 0 {
		e.RetryAfter = httpapi.Seconds(int64(answer.RetryAfter))
	}
	return e
}

// isCode says whether s looks like the API's UPPER_SNAKE codes, which carry no foreign text.
func isCode(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}
