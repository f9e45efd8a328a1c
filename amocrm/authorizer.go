package amocrm

import (
	"context"
	"errors"
	"io"
	"net/http"
)

// TokenSource gives access tokens. It is used by many goroutines at once.
type TokenSource interface {
	// Token gives the token to use now.
	Token(ctx context.Context) (string, error)
	// Renew gives another token than the one the API refused, or [ErrFinalToken] when there can be none.
	Renew(ctx context.Context, refused string) (string, error)
}

// ErrFinalToken says that a refused token cannot be renewed.
var ErrFinalToken = errors.New("amocrm: the access token cannot be renewed")

// LongLivedToken is a token made in the account's settings. When the API refuses it, that is final.
type LongLivedToken string

// Token implements [TokenSource].
func (t LongLivedToken) Token(context.Context) (string, error) {
	if t == "" {
		return "", &TokenError{Op: "use access token", Err: errors.New("it is empty")}
	}
	return string(t), nil
}

// Renew implements [TokenSource].
func (LongLivedToken) Renew(context.Context, string) (string, error) { return "", ErrFinalToken }

// Authorizer puts the access token on each request. After a 401 it has the token renewed and repeats
// the request once, which is safe, since a request with a refused token is not applied. It belongs above
// what waits and paces, so that the repeat is paced too; the requests that renew a token must not go
// through it.
//
// https://www.amocrm.ru/developers/content/oauth/oauth
type Authorizer struct {
	Base   http.RoundTripper // nil: http.DefaultTransport
	Source TokenSource
}

// RoundTrip implements [http.RoundTripper]. An error of the token source is a [*TokenError].
func (a Authorizer) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := a.Source.Token(req.Context())
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	resp, err := a.send(req, req.Body, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	body := req.Body
	if body != nil && body != http.NoBody {
		if req.GetBody == nil {
			return resp, nil // it cannot be said again
		}
		if body, err = req.GetBody(); err != nil {
			return resp, nil
		}
	}
	token, err = a.Source.Renew(req.Context(), token)
	if errors.Is(err, ErrFinalToken) {
		return resp, nil
	}
	discard(resp)
	if err != nil {
		return nil, err
	}
	return a.send(req, body, token)
}

func (a Authorizer) send(req *http.Request, body io.ReadCloser, token string) (*http.Response, error) {
	base := a.Base
	if base == nil {
		base = http.DefaultTransport
	}
	out := req.Clone(req.Context())
	out.Body = body
	out.Header.Set("Authorization", "Bearer "+token)
	return base.RoundTrip(out)
}

// discard ends an answer nobody wants so that its connection can be used again.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	_ = resp.Body.Close()
}
