// Package httpapi is what the clients of both APIs do alike: which base URLs they take, how they ask and
// read within bounds, how leniently they decode, and what of a server's words may be told again.
package httpapi

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

// BaseURL reads the URL that all calls stand below. A path prefix is kept; plain http is taken for
// loopback hosts only.
func BaseURL(s string) (*url.URL, error) {
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
		return nil, fmt.Errorf("plain http is for loopback hosts only, not for %s", Clean(u.Hostname(), 100))
	default:
		return nil, errors.New("must begin with https://")
	}
}

func loopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

// Plain keeps of a client its transport: it follows no redirect, since neither token nor signature may reach
// another host, keeps no cookies, and sets no overall timeout, since the transport may rightly wait for long
// before it sends.
func Plain(hc *http.Client) http.Client {
	return http.Client{
		Transport:     hc.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// NewRequest makes a request with body as compact JSON, or without one for nil. <, > and & stay as they are:
// it is smaller, and only the sent bytes count. Transports can repeat it.
func NewRequest(ctx context.Context, method, url string, body any) (*http.Request, error) {
	if body == nil {
		return http.NewRequestWithContext(ctx, method, url, nil)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return nil, errors.New("the request cannot be written as JSON") // the cause may quote a value
	}
	// A bytes.Reader gives the request a GetBody.
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(bytes.TrimSuffix(b.Bytes(), []byte("\n"))))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	return req, nil
}

// Read reads an answer's body to its end, or to limit bytes, and closes it. Of a longer body it returns what
// it read with an error.
func Read(resp *http.Response, limit int64) ([]byte, error) {
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("longer than %d bytes", limit)
	}
	return body, err
}

// WithoutURL takes off the *url.Error that net/http puts around a transport's error: a URL may hold a phone
// number that was searched for.
func WithoutURL(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}
