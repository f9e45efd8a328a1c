package amojo_test

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

	"github.com/amoimport/amoimport/amojo"
)

// The ids of the vendor's import example.
var testScope = amojo.Scope{ChannelID: channelA, AccountID: "af9945ff-1490-4cad-807d-945c15d88bec"}

const testChat = amojo.ChatID("6cbab3d5-c4c1-46ff-b710-ad59ad10805f")

// recorded is one request as the server got it.
type recorded struct {
	Line string // method and address
	Body string
}

// server is an API below a path prefix, so that a client with absolute paths fails.
type server struct {
	*httptest.Server
	requests []recorded
}

func serve(t *testing.T, handle http.HandlerFunc) (*server, *amojo.Client) {
	t.Helper()
	s := new(server)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.requests = append(s.requests, recorded{r.Method + " " + r.RequestURI, string(body)})
		handle(w, r)
	}))
	t.Cleanup(s.Close)
	hc := s.Client()
	hc.Jar, _ = cookiejar.New(nil) // never fails; the client must not use it
	hc.Transport = amojo.SigningTransport{Secret: secretA, Base: hc.Transport}
	client, err := amojo.New(hc, s.URL+"/prefix", testScope)
	if err != nil {
		t.Fatal(err)
	}
	return s, client
}

// reply answers every request alike; headers come in pairs.
func reply(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func (s *server) wantRequest(t *testing.T, line, body string) {
	t.Helper()
	if diff := cmp.Diff([]recorded{{line, body}}, s.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

const scopePath = "/prefix/v2/origin/custom/f90ba33d-c9d9-44da-b76c-c349b0ecbe41_af9945ff-1490-4cad-807d-945c15d88bec"

func TestConnect(t *testing.T) {
	s, client := serve(t, reply(200, `{"account_id":"af9945ff-1490-4cad-807d-945c15d88bec","scope_id":"`+testScope.String()+`","title":"ScopeTitle","hook_api_version":"v2","is_time_window_disabled":false}`))
	got, err := client.Connect(t.Context(), "ScopeTitle", "v2")
	if err != nil {
		t.Fatal(err)
	}
	want := amojo.Connection{AccountID: testScope.AccountID, ScopeID: testScope.String(), Title: "ScopeTitle", HookAPIVersion: "v2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("connection (-want +got):\n%s", diff)
	}
	s.wantRequest(t, "POST /prefix/v2/origin/custom/"+channelA+"/connect", connectA)
}

func TestConnectWithoutTitleLeavesTheChannelsOwn(t *testing.T) {
	s, client := serve(t, reply(200, `{"scope_id":"x"}`))
	if _, err := client.Connect(t.Context(), "", "v2"); err != nil {
		t.Fatal(err)
	}
	s.wantRequest(t, "POST /prefix/v2/origin/custom/"+channelA+"/connect",
		`{"account_id":"af9945ff-1490-4cad-807d-945c15d88bec","hook_api_version":"v2"}`)
}

func TestCreateChat(t *testing.T) {
	chat := amojo.Chat{
		ConversationID: "skc-8e3e7640-49af-4448-a2c6-d5a421f7f217",
		Source:         &amojo.Source{ExternalID: "78001234567"},
		User: amojo.Party{
			ID: "sk-1376265f-86df-4c49-a0c3-a4816df41af9", Name: "Вася <клиент> & Co",
			Avatar:      "https://example.com/users/avatar.png?a=1&b=2",
			Profile:     &amojo.Profile{Phone: "+79151112233", Email: "example.client@example.com"},
			ProfileLink: "https://example.com/profile/example.client",
		},
	}
	const request = `{"conversation_id":"skc-8e3e7640-49af-4448-a2c6-d5a421f7f217","source":{"external_id":"78001234567"},` +
		`"user":{"id":"sk-1376265f-86df-4c49-a0c3-a4816df41af9","name":"Вася <клиент> & Co","avatar":"https://example.com/users/avatar.png?a=1&b=2",` +
		`"profile":{"phone":"+79151112233","email":"example.client@example.com"},"profile_link":"https://example.com/profile/example.client"}}`
	full := amojo.CreatedChat{ID: testChat, User: amojo.Participant{
		AmojoID: "86a0caef-41ec-49ac-814a-b27da2cea267", ClientID: "sk-1", Name: "Вася", Avatar: "https://example.com/a.png",
		Phone: "+79151112233", Email: "example.client@example.com",
	}}
	for name, test := range map[string]struct {
		answer string
		want   amojo.CreatedChat
	}{
		"flat phone": {`{"id":"6cbab3d5-c4c1-46ff-b710-ad59ad10805f","user":{"id":"86a0caef-41ec-49ac-814a-b27da2cea267","client_id":"sk-1","name":"Вася","avatar":"https://example.com/a.png","phone":"+79151112233","email":"example.client@example.com"}}`, full},
		"phone in a profile": {`{"id":"6cbab3d5-c4c1-46ff-b710-ad59ad10805f","user":{"id":"86a0caef-41ec-49ac-814a-b27da2cea267","client_id":"sk-1","name":"Вася","avatar":"https://example.com/a.png",
			"profile":{"phone":"+79151112233","email":"example.client@example.com"}}}`, full},
		"only the id":    {`{"id":"6cbab3d5-c4c1-46ff-b710-ad59ad10805f"}`, amojo.CreatedChat{ID: testChat}},
		"empty profile":  {`{"id":"6cbab3d5-c4c1-46ff-b710-ad59ad10805f","user":{"id":"u","profile":[]}}`, amojo.CreatedChat{ID: testChat, User: amojo.Participant{AmojoID: "u"}}},
		"numeric phone":  {`{"id":"6cbab3d5-c4c1-46ff-b710-ad59ad10805f","user":{"phone":79151112233}}`, amojo.CreatedChat{ID: testChat, User: amojo.Participant{Phone: "79151112233"}}},
		"user is absent": {`{"id":"6cbab3d5-c4c1-46ff-b710-ad59ad10805f","user":null}`, amojo.CreatedChat{ID: testChat}},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := serve(t, reply(200, test.answer))
			got, err := client.CreateChat(t.Context(), chat)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("chat (-want +got):\n%s", diff)
			}
			s.wantRequest(t, "POST "+scopePath+"/chats", request)
		})
	}
}

func TestUnreadableAnswers(t *testing.T) {
	for _, body := range []string{"", "<html>", "{}", `{"id":"a/b","scope_id":[]}`, `[]`} {
		chat, err := answering(200, nil, strings.NewReader(body)).CreateChat(t.Context(), amojo.Chat{ConversationID: "c1"})
		var failed *amojo.CallError
		if !errors.As(err, &failed) || !failed.Unreadable() || failed.Subject != "c1" || chat.ID != "" {
			t.Errorf("%q: chat %v, error %v: want an unreadable CallError", body, chat, err)
		}
		_, err = answering(200, nil, strings.NewReader(body)).Connect(t.Context(), "title", "v2")
		if !errors.As(err, &failed) || !failed.Unreadable() || failed.Subject != channelA {
			t.Errorf("%q: connection with error %v: want an unreadable CallError", body, err)
		}
	}
}

// endless is a body without an end, up to what no client should read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 100<<20 {
		return 0, io.ErrUnexpectedEOF
	}
	return len(p), nil
}

func TestAnswersAreBounded(t *testing.T) {
	for _, status := range []int{200, 500} {
		body := new(endless)
		if _, err := answering(status, nil, body).SendMessage(t.Context(), amojo.Message{}); err == nil || body.read > 4<<20 {
			t.Errorf("status %d: %d bytes read, error %v", status, body.read, err)
		}
	}
}

func TestPingReadsTheClockAndChangesNothing(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"nothing there":  reply(204, "", "Date", "Mon, 03 Aug 2020 15:11:21 GMT"),
		"somehow a list": reply(200, `{"messages":[]}`, "Date", "Mon, 03 Aug 2020 15:11:21 GMT"),
	} {
		t.Run(name, func(t *testing.T) {
			s, client := serve(t, handle)
			got, err := client.Ping(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if want := time.Date(2020, 8, 3, 15, 11, 21, 0, time.UTC); !got.Equal(want) {
				t.Errorf("server time %v, want %v", got, want)
			}
			if _, err := client.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(s.requests) != 2 || s.requests[0] == s.requests[1] {
				t.Fatalf("requests %q: want two, for different chats", s.requests)
			}
			for _, r := range s.requests {
				chat, ok := strings.CutPrefix(r.Line, "GET "+scopePath+"/chats/")
				chat, tail, _ := strings.Cut(chat, "/")
				if !ok || len(chat) != 36 || chat[14] != '4' || tail != "history?limit=1&offset=0" {
					t.Errorf("request %q", r.Line)
				}
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for base, want := range map[string]string{
		"http://amojo.amocrm.ru":               "plain http is for loopback hosts only, not for amojo.amocrm.ru",
		"http://127.0.0.1.example.com":         "plain http is for loopback hosts only, not for 127.0.0.1.example.com",
		"amojo.amocrm.ru":                      "has no host",
		"ftp://amojo.amocrm.ru":                "must begin with https://",
		"https://user:pa55@amojo.amocrm.ru":    "must not hold a user or password",
		"https://user:pa55@amojo.amocrm.ru:x/": "not a URL",
		"https://amojo.amocrm.ru/?a=b":         "must not have a query or fragment",
		"https://amojo.amocrm.ru/#a":           "must not have a query or fragment",
		"":                                     "has no host",
	} {
		_, err := amojo.New(http.DefaultClient, base, testScope)
		if err == nil || err.Error() != "amojo: base URL: "+want {
			t.Errorf("New(%q): %v, want %s", base, err, want)
		}
	}
	for _, base := range []string{"https://amojo.amocrm.ru", "https://proxy.example/amojo/", "http://localhost:8080", "http://127.0.0.7", "http://[::1]:1"} {
		if _, err := amojo.New(http.DefaultClient, base, testScope); err != nil {
			t.Errorf("New(%q): %v", base, err)
		}
	}
	if _, err := amojo.New(nil, "https://amojo.amocrm.ru", testScope); err == nil {
		t.Error("New without a client: no error")
	}
	for name, scope := range map[string]amojo.Scope{
		"no channel": {AccountID: "a"}, "no account": {ChannelID: "a"},
		"slash": {ChannelID: "a/b", AccountID: "a"}, "dots": {ChannelID: "a", AccountID: ".."},
	} {
		if _, err := amojo.New(http.DefaultClient, "https://amojo.amocrm.ru", scope); err == nil {
			t.Errorf("New with scope %s: no error", name)
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
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Path: "/"})
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	for range 2 {
		_, err := client.SendMessage(t.Context(), amojo.Message{MsgID: "m1"})
		var refused *amojo.Error
		if !errors.As(err, &refused) || refused.Status != http.StatusTemporaryRedirect {
			t.Errorf("error %v, want a 307", err)
		}
	}
	if cookies != 0 || elsewhere != 0 || len(s.requests) != 2 {
		t.Errorf("%d cookies, %d requests elsewhere, %d requests: want 0, 0, 2", cookies, elsewhere, len(s.requests))
	}
}

// roundTrip is a network made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering is a client whose every request is answered alike, without a network.
func answering(status int, header http.Header, body io.Reader) *amojo.Client {
	hc := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(body), Request: r}, nil
	})}
	client, err := amojo.New(hc, "https://amojo.example", testScope)
	if err != nil {
		panic(err)
	}
	return client
}

func TestTransportErrorStaysReachable(t *testing.T) {
	cause := errors.New("dial refused")
	hc := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, cause })}
	client, err := amojo.New(hc, "https://amojo.example", testScope)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.SendMessage(t.Context(), amojo.Message{MsgID: "imp1-5-7"})
	var failed *amojo.CallError
	if !errors.As(err, &failed) || !errors.Is(err, cause) || failed.Unreadable() {
		t.Fatalf("error %#v: want a CallError without answer that wraps the cause", err)
	}
	if want := "amojo: send message imp1-5-7: dial refused"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if failed.Hint() == "" {
		t.Error("no hint")
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, live := serve(t, reply(204, ""))
	if _, err := live.Ping(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want it to wrap context.Canceled", err)
	}
}
