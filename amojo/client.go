// Package amojo is a client of the chats API ("API чатов") of amoCRM and Kommo, as far as it takes to
// import history: connect, create a chat, send a message, mark it as read, read a chat's history.
//
// Requests must be signed; see [SigningTransport]. The client repeats nothing and waits for nothing:
// whoever builds the *http.Client decides that in its transport. A failed call gives one of two
// errors: [*Error] when the API answered no, [*CallError] when no answer could be read, which for a
// POST means that it may or may not have been applied.
//
// https://www.amocrm.ru/developers/content/chats/chat-api-reference
package amojo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// Client talks to the chats API within one scope. It is safe for concurrent use.
type Client struct {
	hc    http.Client
	base  *url.URL
	scope Scope

	olderStatus atomic.Bool // delivery statuses are taken by the field's older name
}

// New makes a client of the API at baseURL, such as https://amojo.amocrm.ru; a path prefix is kept,
// plain http is taken for loopback hosts only. Of hc only the transport is used: the client follows no
// redirect (the signature would not fit, and it must not reach another host), keeps no cookies, and sets no
// overall timeout, since the transport may rightly wait for long before it sends.
func New(hc *http.Client, baseURL string, scope Scope) (*Client, error) {
	if hc == nil {
		return nil, errors.New("amojo: an http client is required")
	}
	base, err := httpapi.BaseURL(baseURL)
	if err != nil {
		return nil, fmt.Errorf("amojo: base URL: %w", err)
	}
	if err := scope.check(); err != nil {
		return nil, err
	}
	return &Client{
		hc:    httpapi.Plain(hc),
		base:  base.JoinPath("v2", "origin", "custom"),
		scope: scope,
	}, nil
}

const (
	maxAnswer  = 1 << 20  // bytes of any answer but a history page
	maxHistory = 16 << 20 // fifty long texts, each character a six-byte escape, are over a megabyte
)

// call is one request and how its errors name it.
type call struct {
	op      string // "send message"
	subject string // id of what it is about; no personal data
	method  string
	path    []string // below /v2/origin/custom
	query   url.Values
	body    any
	limit   int64 // bytes of the answer; 0: maxAnswer
}

// do makes the call and hands the body of a 2xx answer to decode; an error of decode means that the
// answer cannot be read. The answer's header is returned whenever there was one.
func (c *Client) do(ctx context.Context, k call, decode func(status int, body []byte) error) (http.Header, error) {
	u := c.base.JoinPath(k.path...)
	u.RawQuery = k.query.Encode()
	req, err := httpapi.NewRequest(ctx, k.method, u.String(), k.body)
	if err != nil {
		return nil, &CallError{Op: k.op, Subject: k.subject, Err: err}
	}
	resp, err := c.hc.Do(req)
	if err != nil {
		return nil, &CallError{Op: k.op, Subject: k.subject, Err: httpapi.WithoutURL(err)}
	}
	body, err := httpapi.Read(resp, cmp.Or(k.limit, maxAnswer))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp.Header, newError(k, resp, body)
	}
	if err == nil {
		err = decode(resp.StatusCode, body)
	}
	if err != nil {
		return resp.Header, &CallError{Op: k.op, Subject: k.subject, Status: resp.StatusCode, RequestID: httpapi.RequestID(resp.Header), Err: err}
	}
	return resp.Header, nil
}
