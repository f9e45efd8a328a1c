// Package amojo is a client of the chats API ("API чатов") of amoCRM and Kommo, as far as it takes to
// import history: connect, create a chat, send a message, read a chat's history.
//
// Requests must be signed; see [SigningTransport]. The client repeats nothing and waits for nothing:
// whoever builds the *http.Client decides that in its transport. A failed call gives one of two
// errors: [*Error] when the API answered no, [*CallError] when no answer could be read, which for a
// POST means that it may or may not have been applied.
//
// https://www.amocrm.ru/developers/content/chats/chat-api-reference
package amojo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Client talks to the chats API within one scope. It is safe for concurrent use.
type Client struct {
	hc    http.Client
	base  *url.URL
	scope Scope
}

// New makes a client of the API at baseURL, such as https://amojo.amocrm.ru; a path prefix is kept,
// plain http is taken for loopback hosts only. Of hc only the transport is used: the client follows no
// redirect (the signature would not fit, and it must not reach another host), keeps no cookies, and sets no
// overall timeout, since the transport may rightly wait for long before it sends.
func New(hc *http.Client, baseURL string, scope Scope) (*Client, error) {
	if hc == nil {
		return nil, errors.New("amojo: an http client is required")
	}
	base, err := parseBase(baseURL)
	if err != nil {
		return nil, fmt.Errorf("amojo: base URL: %w", err)
	}
	if err := scope.check(); err != nil {
		return nil, err
	}
	return &Client{
		hc: http.Client{
			Transport:     hc.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		base:  base.JoinPath("v2", "origin", "custom"),
		scope: scope,
	}, nil
}

func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("not a URL") // url.Parse's error repeats the text, which may hold a password
	case u.User != nil:
		return nil, errors.New("must not hold a user or password")
	case u.Host == "":
		return nil, errors.New("has no host")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("must not have a query or fragment")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	case u.Scheme == "http":
		return nil, fmt.Errorf("plain http is for loopback hosts only, not for %s", clean(u.Hostname(), 100))
	default:
		return nil, errors.New("must begin with https://")
	}
}

func loopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

const (
	maxAnswer  = 1 << 20  // bytes of any answer but a history page
	maxHistory = 16 << 20 // fifty long texts, each character escaped as \uXXXX, are over a megabyte
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
	req, err := c.request(ctx, k)
	if err != nil {
		return nil, &CallError{Op: k.op, Subject: k.subject, Err: err}
	}
	resp, err := c.hc.Do(req)
	if err != nil {
		return nil, &CallError{Op: k.op, Subject: k.subject, Err: withoutURL(err)}
	}
	defer func() { _ = resp.Body.Close() }()
	limit := k.limit
	if limit == 0 {
		limit = maxAnswer
	}
	body, readErr := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp.Header, newError(k, resp, body)
	}
	if readErr == nil && int64(len(body)) > limit {
		readErr = fmt.Errorf("longer than %d bytes", limit)
	}
	if readErr == nil {
		readErr = decode(resp.StatusCode, body)
	}
	if readErr != nil {
		return resp.Header, &CallError{Op: k.op, Subject: k.subject, Status: resp.StatusCode, RequestID: requestID(resp), Err: readErr}
	}
	return resp.Header, nil
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	u := c.base.JoinPath(k.path...)
	u.RawQuery = k.query.Encode()
	if k.body == nil {
		return http.NewRequestWithContext(ctx, k.method, u.String(), nil)
	}
	body, err := encode(k.body)
	if err != nil {
		return nil, err
	}
	return http.NewRequestWithContext(ctx, k.method, u.String(), bytes.NewReader(body))
}

// encode writes compact JSON, with <, > and & as they are: it is smaller, and only the sent bytes count.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, errors.New("the request cannot be written as JSON") // the cause may quote a value
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// withoutURL takes off the *url.Error that net/http puts around a transport's error.
func withoutURL(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}
