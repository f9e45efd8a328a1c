package amocrm_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amocrm"
)

// tokens is a source that gives its tokens one after the other.
type tokens struct {
	list    []string
	err     error // of Renew, when the list is at its end
	refused []string
}

func (s *tokens) Token(context.Context) (string, error) {
	if len(s.list) == 0 {
		return "", s.err
	}
	return s.list[0], nil
}

func (s *tokens) Renew(_ context.Context, refused string) (string, error) {
	s.refused = append(s.refused, refused)
	if len(s.list) < 2 {
		return "", s.err
	}
	s.list = s.list[1:]
	return s.list[0], nil
}

// door lets in who knows the token; it notes each try.
type door struct {
	token string
	tries []string
	open  int // bodies of answers that nobody closed
}

type doorBody struct {
	io.Reader
	d *door
}

func (b doorBody) Close() error { b.d.open--; return nil }

func (d *door) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	d.tries = append(d.tries, r.Header.Get("Authorization")+" "+string(body))
	d.open++
	status := http.StatusOK
	if r.Header.Get("Authorization") != "Bearer "+d.token {
		status = http.StatusUnauthorized
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: doorBody{strings.NewReader(`{"detail":"answer"}`), d}, Request: r}, nil
}

func TestAuthorizer(t *testing.T) {
	failed := errors.New("no token today")
	for name, test := range map[string]struct {
		source *tokens
		status int
		err    error
		tries  []string
	}{
		"token taken":            {&tokens{list: []string{"good"}}, 200, nil, []string{"Bearer good body"}},
		"token renewed":          {&tokens{list: []string{"old", "good"}}, 200, nil, []string{"Bearer old body", "Bearer good body"}},
		"renewed one refused":    {&tokens{list: []string{"old", "bad", "good"}}, 401, nil, []string{"Bearer old body", "Bearer bad body"}},
		"it cannot be renewed":   {&tokens{list: []string{"old"}, err: amocrm.ErrFinalToken}, 401, nil, []string{"Bearer old body"}},
		"renewing fails":         {&tokens{list: []string{"old"}, err: failed}, 0, failed, []string{"Bearer old body"}},
		"no token to begin with": {&tokens{err: failed}, 0, failed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := &door{token: "good"}
			req, _ := http.NewRequest(http.MethodPost, "https://example.amocrm.ru/", strings.NewReader("body"))
			req.Header.Set("Authorization", "Bearer of the caller")
			resp, err := amocrm.Authorizer{Base: d, Source: test.source}.RoundTrip(req)
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if diff := cmp.Diff(test.tries, d.tries); diff != "" {
				t.Errorf("tries (-want +got):\n%s", diff)
			}
			if got := req.Header.Get("Authorization"); got != "Bearer of the caller" {
				t.Errorf("the caller's request was changed: %q", got)
			}
			if err != nil {
				if d.open != 0 {
					t.Errorf("%d answers left open", d.open)
				}
				return
			}
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != test.status || string(body) != `{"detail":"answer"}` || d.open != 0 {
				t.Errorf("status %d, body %q, %d answers left open", resp.StatusCode, body, d.open)
			}
		})
	}
}

func TestAuthorizerDoesNotRepeatABodyItCannotRead(t *testing.T) {
	d, source := &door{token: "good"}, &tokens{list: []string{"old", "good"}}
	req, _ := http.NewRequest(http.MethodPost, "https://example.amocrm.ru/", io.MultiReader(strings.NewReader("body")))
	resp, err := amocrm.Authorizer{Base: d, Source: source}.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || len(d.tries) != 1 || len(source.refused) != 0 {
		t.Errorf("response %v, error %v after %q, refused %q", resp, err, d.tries, source.refused)
	}
}

func TestLongLivedTokenRefusedIsFinal(t *testing.T) {
	d := &door{token: "good"}
	client, err := amocrm.New(&http.Client{Transport: amocrm.Authorizer{Base: d, Source: amocrm.LongLivedToken("revoked")}}, "https://example.amocrm.ru")
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Account(t.Context())
	var refused *amocrm.Error
	if !errors.As(err, &refused) || !refused.Unauthorized() || !strings.Contains(refused.Hint(), "token") || len(d.tries) != 1 {
		t.Errorf("error %v after %d tries, want one 401", err, len(d.tries))
	}
	var none *amocrm.TokenError
	if _, err := amocrm.LongLivedToken("").Token(t.Context()); !errors.As(err, &none) {
		t.Errorf("empty token: error %v, want a TokenError", err)
	}
}
