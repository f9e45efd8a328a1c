package amocrm_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amocrm"
)

// recorded is one request as the server got it.
type recorded struct {
	Line string // method and address, its query unescaped
	Body string
}

// server is an API below a path prefix, so that a client with absolute paths fails.
type server struct {
	*httptest.Server
	requests []recorded
}

func serve(t *testing.T, handle http.HandlerFunc) (*server, *amocrm.Client) {
	t.Helper()
	s := new(server)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		line := r.Method + " " + r.URL.Path
		if r.URL.RawQuery != "" {
			line += "?" + strings.NewReplacer("%5B", "[", "%5D", "]", "%2C", ",", "%2B", "+").Replace(r.URL.RawQuery)
		}
		s.requests = append(s.requests, recorded{line, string(body)})
		if r.Header.Get("Authorization") != "Bearer token-1" || (len(body) > 0) != (r.Header.Get("Content-Type") == "application/json") {
			t.Errorf("%s: headers %v", line, r.Header)
		}
		handle(w, r)
	}))
	t.Cleanup(s.Close)
	hc := s.Client()
	hc.Jar, _ = cookiejar.New(nil) // never fails; the client must not use it
	hc.Transport = amocrm.Authorizer{Base: hc.Transport, Source: amocrm.LongLivedToken("token-1")}
	client, err := amocrm.New(hc, s.URL+"/prefix")
	if err != nil {
		t.Fatal(err)
	}
	return s, client
}

// reply answers the requests in turn, the last answer again and again; an empty body goes out as a 204.
func reply(bodies ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		body := bodies[0]
		if len(bodies) > 1 {
			bodies = bodies[1:]
		}
		if body == "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "application/hal+json")
		_, _ = io.WriteString(w, body)
	}
}

func (s *server) wantRequests(t *testing.T, want ...recorded) {
	t.Helper()
	if diff := cmp.Diff(want, s.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// roundTrip is a network made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering is a client whose every request is answered alike, without a network.
func answering(status int, header http.Header, body io.Reader) *amocrm.Client {
	client, err := amocrm.New(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(body), Request: r}, nil
	})}, "https://example.amocrm.ru")
	if err != nil {
		panic(err)
	}
	return client
}

// wantUnreadable fails unless err is that of a success answer that makes no sense.
func wantUnreadable(t *testing.T, err error) {
	t.Helper()
	var failed *amocrm.CallError
	var refused *amocrm.Error
	if !errors.As(err, &failed) || errors.As(err, &refused) || !failed.Unreadable() || failed.Hint() == "" {
		t.Errorf("error %#v, want an unreadable CallError", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for base, want := range map[string]string{
		"http://example.amocrm.ru":               "plain http is for loopback hosts only, not for example.amocrm.ru",
		"example.amocrm.ru":                      "has no host",
		"ftp://example.amocrm.ru":                "must begin with https://",
		"https://user:pa55@example.amocrm.ru":    "must not hold a user or password",
		"https://user:pa55@example.amocrm.ru:x/": "not a URL",
		"https://example.amocrm.ru/?a=b":         "must not have a query or fragment",
	} {
		if _, err := amocrm.New(http.DefaultClient, base); err == nil || err.Error() != "amocrm: base URL: "+want {
			t.Errorf("New(%q): %v, want %s", base, err, want)
		}
		if _, err := amocrm.NewOAuth(http.DefaultClient, base, amocrm.Integration{}, ""); err == nil || err.Error() != "amocrm: base URL: "+want {
			t.Errorf("NewOAuth(%q): %v, want %s", base, err, want)
		}
	}
	for _, base := range []string{"https://example.kommo.com", "https://proxy.example/amo/", "http://localhost:8080", "http://[::1]:1"} {
		if _, err := amocrm.New(http.DefaultClient, base); err != nil {
			t.Errorf("New(%q): %v", base, err)
		}
	}
	if _, err := amocrm.New(nil, "https://example.amocrm.ru"); err == nil {
		t.Error("New without a client: no error")
	}
}

func TestAccount(t *testing.T) {
	s, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", "Mon, 03 Aug 2020 15:11:21 GMT")
		reply(`{"id":1231414,"name":"Пример","subdomain":"example","created_at":1585031842,"current_user_id":3,"country":"RU","is_unsorted_on":true,
			"amojo_id":"af9945ff-1490-4cad-807d-945c15d88bec","_links":{"self":{"href":"https://example.amocrm.ru/api/v4/account"}},"_embedded":[]}`)(w, r)
	})
	got, err := client.Account(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := amocrm.Account{
		ID: 1231414, Name: "Пример", Subdomain: "example", Country: "RU", CurrentUserID: 3, AmojoID: "af9945ff-1490-4cad-807d-945c15d88bec",
		ServerTime: time.Date(2020, 8, 3, 15, 11, 21, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
	s.wantRequests(t, recorded{"GET /prefix/api/v4/account?with=amojo_id", ""})
}

func TestAccountUnreadable(t *testing.T) {
	for _, body := range []string{"", "<html>", "{}", `{"id":0}`, `[]`, `{"id":`} {
		_, err := answering(200, nil, strings.NewReader(body)).Account(t.Context())
		wantUnreadable(t, err)
	}
	_, err := answering(204, nil, strings.NewReader("")).Account(t.Context())
	wantUnreadable(t, err)
	long := `{"id":1,"name":"` + strings.Repeat("a", 16<<20) + `"}`
	_, err = answering(200, nil, strings.NewReader(long)).Account(t.Context())
	wantUnreadable(t, err)
}

// endless is a body without an end, up to what no client should read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 200<<20 {
		return 0, io.ErrUnexpectedEOF
	}
	return len(p), nil
}

func TestAnswersAreBounded(t *testing.T) {
	for _, status := range []int{200, 500} {
		body := new(endless)
		if _, err := answering(status, nil, body).Account(t.Context()); err == nil || body.read > 64<<20 {
			t.Errorf("status %d: %d bytes read, error %v", status, body.read, err)
		}
	}
}

func TestClientFollowsNoRedirectAndKeepsNoCookies(t *testing.T) {
	var cookies, elsewhere int
	s, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cookies += len(r.Cookies())
		if r.URL.Path == "/elsewhere" {
			elsewhere++
		}
		http.SetCookie(w, &http.Cookie{Name: "session_id", Value: "1", Path: "/"})
		http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
	})
	for range 2 {
		_, err := client.Account(t.Context())
		var refused *amocrm.Error
		if !errors.As(err, &refused) || refused.Status != http.StatusMovedPermanently {
			t.Errorf("error %v, want a 301", err)
		}
	}
	if cookies != 0 || elsewhere != 0 || len(s.requests) != 2 {
		t.Errorf("%d cookies, %d requests elsewhere, %d requests: want 0, 0, 2", cookies, elsewhere, len(s.requests))
	}
}

func TestTransportErrorStaysReachableAndHidesTheQuery(t *testing.T) {
	cause := errors.New("dial refused")
	client, err := amocrm.New(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, cause })}, "https://example.amocrm.ru")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range client.SearchContacts(t.Context(), "9151112233") {
		var failed *amocrm.CallError
		if !errors.As(err, &failed) || !errors.Is(err, cause) || failed.Unreadable() || failed.Hint() == "" {
			t.Fatalf("error %#v: want a CallError without answer that wraps the cause", err)
		}
		if want := "amocrm: search contacts: dial refused"; err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, live := serve(t, reply(""))
	if _, err := live.Account(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want it to wrap context.Canceled", err)
	}
}
