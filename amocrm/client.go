// Package amocrm is a client of API v4 of amoCRM and Kommo, as far as it takes to import history: the
// account, its users, contacts, their custom fields, and the links between contacts and chats.
//
// Requests need an access token; see [Authorizer]. The client repeats nothing and waits for nothing:
// whoever builds the *http.Client decides that in its transport. A failed call gives one of three errors:
// [*Error] when the API answered no, [*TokenError] when there is no token to ask with (the request was not
// applied), and [*CallError] when no answer could be read: then a POST may or may not have been applied.
//
// https://www.amocrm.ru/developers/content/crm_platform/account-info
package amocrm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// Client talks to the API of one account. It is safe for concurrent use.
type Client struct {
	hc   http.Client
	base *url.URL
}

// New makes a client of the account at baseURL, such as https://example.amocrm.ru; a path prefix is
// kept, plain http is taken for loopback hosts only. Of hc only the transport is used: the client
// follows no redirect (the token must not reach another host), keeps no cookies (the API refuses to link chats
// when it gets one), and sets no overall timeout, since the transport may rightly wait for long before it sends.
func New(hc *http.Client, baseURL string) (*Client, error) {
	if hc == nil {
		return nil, errors.New("amocrm: an http client is required")
	}
	base, err := httpapi.BaseURL(baseURL)
	if err != nil {
		return nil, fmt.Errorf("amocrm: base URL: %w", err)
	}
	return &Client{hc: httpapi.Plain(hc), base: base.JoinPath("api", "v4")}, nil
}

// maxAnswer is the most bytes of an answer: a page of 250 contacts with many fields fits many times over.
const maxAnswer = 16 << 20

// call is one request and how its errors name it.
type call struct {
	op      string // "read account"
	subject string // id of what it is about; no personal data
	method  string
	path    string // below /api/v4
	query   url.Values
	body    any
}

// do makes the call and hands the body of a 2xx answer to decode; an error of decode means that the
// answer cannot be read. The answer's header is returned whenever there was one.
func (c *Client) do(ctx context.Context, k call, decode func(status int, body []byte) error) (http.Header, error) {
	u := c.base.JoinPath(k.path)
	u.RawQuery = k.query.Encode()
	req, err := httpapi.NewRequest(ctx, k.method, u.String(), k.body)
	if err != nil {
		return nil, &CallError{Op: k.op, Subject: k.subject, Err: err}
	}
	resp, err := c.hc.Do(req)
	if err != nil {
		return nil, callFailed(k, err)
	}
	body, err := httpapi.Read(resp, maxAnswer)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp.Header, newError(k, resp, body)
	}
	if err == nil {
		err = decode(resp.StatusCode, body)
	}
	if err != nil {
		return resp.Header, unreadable(k, resp, err)
	}
	return resp.Header, nil
}

var errNotJSON = errors.New("it is no JSON of the expected shape")
