package amocrm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amocrm"
)

var integration = amocrm.Integration{ClientID: "client-id", ClientSecret: "client-secret", RedirectURI: "https://example.com/hook?a=1&b=2"}

// issuer plays the token endpoint: every refresh token works once.
type issuer struct {
	mu     sync.Mutex
	n      int // pairs issued
	spent  map[string]bool
	asked  []string
	delay  time.Duration
	during func()                                                     // runs while a request is served
	answer func(ask int, resp *http.Response) (*http.Response, error) // may spoil an answer
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	i.mu.Lock()
	i.asked = append(i.asked, r.Method+" "+r.URL.String()+" "+string(body))
	ask := len(i.asked)
	i.mu.Unlock()
	select {
	case <-time.After(i.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if i.during != nil {
		i.during()
	}
	var in struct {
		RefreshToken string `json:"refresh_token"`
	}
	_ = json.Unmarshal(body, &in)
	var resp *http.Response
	i.mu.Lock()
	if i.spent[in.RefreshToken] {
		resp = answer(400, `{"title":"Bad Request","hint":"Token has been revoked","status":400,"detail":"refresh token is spent"}`)
	} else {
		i.n++
		resp = answer(200, fmt.Sprintf(`{"token_type":"Bearer","expires_in":86400,"access_token":"a%d","refresh_token":"r%d","server_time":1}`, i.n, i.n))
	}
	i.mu.Unlock()
	if i.answer == nil {
		i.spend(in.RefreshToken)
		return resp, nil
	}
	spoiled, err := i.answer(ask, resp)
	return spoiled, err
}

func (i *issuer) spend(token string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.spent == nil {
		i.spent = make(map[string]bool)
	}
	i.spent[token] = true
}

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// newOAuth makes a source whose file holds the pair a0, r0.
func newOAuth(t *testing.T, endpoint http.RoundTripper) (*amocrm.OAuth, amocrm.TokenFile) {
	t.Helper()
	file := amocrm.TokenFile(filepath.Join(t.TempDir(), "token.json"))
	if err := file.Store(amocrm.TokenPair{AccessToken: "a0", RefreshToken: "r0"}); err != nil {
		t.Fatal(err)
	}
	source, err := amocrm.NewOAuth(&http.Client{Transport: endpoint}, "https://example.amocrm.ru/prefix", integration, file)
	if err != nil {
		t.Fatal(err)
	}
	return source, file
}

func wantPair(t *testing.T, file amocrm.TokenFile, access, refresh string) {
	t.Helper()
	pair, err := file.Load()
	if err != nil {
		t.Fatal(err)
	}
	if pair.AccessToken != access || pair.RefreshToken != refresh {
		t.Errorf("the file holds %s, %s, want %s, %s", pair.AccessToken, pair.RefreshToken, access, refresh)
	}
}

func TestOAuthRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := new(issuer)
		source, file := newOAuth(t, i)
		token, err := source.Token(t.Context())
		if token != "a0" || err != nil {
			t.Fatalf("token %q, error %v", token, err)
		}
		// While the answer is on its way, the file holds the old pair.
		i.during = func() { wantPair(t, file, "a0", "r0") }
		token, err = source.Renew(t.Context(), "a0")
		if token != "a1" || err != nil {
			t.Fatalf("token %q, error %v", token, err)
		}
		wantPair(t, file, "a1", "r1")
		if token, _ := source.Token(t.Context()); token != "a1" {
			t.Errorf("token %q after the refresh, want a1", token)
		}
		pair, _ := file.Load()
		if want := time.Now().Add(24 * time.Hour); !pair.ExpiresAt.Equal(want) {
			t.Errorf("expires at %v, want %v", pair.ExpiresAt, want)
		}
		want := []string{`POST https://example.amocrm.ru/prefix/oauth2/access_token {"client_id":"client-id","client_secret":"client-secret","grant_type":"refresh_token","refresh_token":"r0","redirect_uri":"https://example.com/hook?a=1&b=2"}`}
		if diff := cmp.Diff(want, i.asked); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

func TestOAuthExchange(t *testing.T) {
	i := new(issuer)
	file := amocrm.TokenFile(filepath.Join(t.TempDir(), "token.json"))
	source, err := amocrm.NewOAuth(&http.Client{Transport: i}, "https://example.amocrm.ru", integration, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Exchange(t.Context(), "code-1"); err != nil {
		t.Fatal(err)
	}
	wantPair(t, file, "a1", "r1")
	want := []string{`POST https://example.amocrm.ru/oauth2/access_token {"client_id":"client-id","client_secret":"client-secret","grant_type":"authorization_code","code":"code-1","redirect_uri":"https://example.com/hook?a=1&b=2"}`}
	if diff := cmp.Diff(want, i.asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if token, err := source.Token(t.Context()); token != "a1" || err != nil {
		t.Errorf("token %q, error %v", token, err)
	}
}

// Twenty lanes find the token expired at once: it is refreshed once, and each repeats its own request.
func TestManyCallersRefreshOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{delay: time.Second}
		source, _ := newOAuth(t, i)
		var mu sync.Mutex
		bodies := make(map[string]int)
		api := roundTrip(func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			bodies[string(body)]++
			if r.Header.Get("Authorization") != "Bearer a1" {
				return answer(401, `{}`), nil
			}
			return answer(200, `{}`), nil
		})
		hc := &http.Client{Transport: amocrm.Authorizer{Base: api, Source: source}}
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() {
				resp, err := hc.Post("https://example.amocrm.ru/", "application/json", strings.NewReader(fmt.Sprint(n)))
				if err != nil || resp.StatusCode != 200 {
					t.Errorf("lane %d: %v, %v", n, resp, err)
				}
			})
		}
		wg.Wait()
		if len(i.asked) != 1 {
			t.Errorf("%d refreshes, want 1", len(i.asked))
		}
		for body, n := range bodies {
			if n != 2 {
				t.Errorf("request %s went out %d times, want twice", body, n)
			}
		}
	})
}

// Each case loses one answer or more; applied says whether the old refresh token is spent by it.
func TestOAuthLostAnswers(t *testing.T) {
	cut := errors.New("connection cut")
	for name, test := range map[string]struct {
		spoil  func(ask int, resp *http.Response) (*http.Response, error)
		asked  int
		waited time.Duration
		token  string
	}{
		"cut once":     {func(ask int, r *http.Response) (*http.Response, error) { return orError(r, ask == 1, cut) }, 2, time.Second, "a2"},
		"cut twice":    {func(ask int, r *http.Response) (*http.Response, error) { return orError(r, ask <= 2, cut) }, 3, 3 * time.Second, "a3"},
		"cut always":   {func(_ int, r *http.Response) (*http.Response, error) { return orError(r, true, cut) }, 3, 3 * time.Second, ""},
		"gateway once": {func(ask int, r *http.Response) (*http.Response, error) { return orAnswer(r, ask == 1, 502, "<html>") }, 2, time.Second, "a2"},
		"garbage once": {func(ask int, r *http.Response) (*http.Response, error) { return orAnswer(r, ask == 1, 200, "<html>") }, 2, time.Second, "a2"},
		"half a pair once": {func(ask int, r *http.Response) (*http.Response, error) {
			return orAnswer(r, ask == 1, 200, `{"access_token":"x"}`)
		}, 2, time.Second, "a2"},
		"too many once": {func(ask int, r *http.Response) (*http.Response, error) { return orAnswer(r, ask == 1, 429, "") }, 2, time.Second, "a2"},
		"refused": {func(_ int, r *http.Response) (*http.Response, error) {
			return orAnswer(r, true, 401, `{"detail":"revoked"}`)
		}, 1, 0, ""},
		"blocked": {func(_ int, r *http.Response) (*http.Response, error) { return orAnswer(r, true, 403, "403 Forbidden") }, 1, 0, ""},
		"cut, then it is spent": {func(ask int, r *http.Response) (*http.Response, error) {
			if ask == 1 {
				return nil, cut
			}
			return answer(400, `{"detail":"refresh token is spent"}`), nil
		}, 2, time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := &issuer{answer: test.spoil}
				source, file := newOAuth(t, i)
				start := time.Now()
				token, err := source.Renew(t.Context(), "a0")
				if token != test.token || (err == nil) != (test.token != "") {
					t.Fatalf("token %q, error %v, want token %q", token, err, test.token)
				}
				if len(i.asked) != test.asked || time.Since(start) != test.waited {
					t.Errorf("asked %d times in %v, want %d in %v", len(i.asked), time.Since(start), test.asked, test.waited)
				}
				for _, asked := range i.asked {
					if !strings.Contains(asked, `"refresh_token":"r0"`) {
						t.Errorf("asked with another refresh token: %s", asked)
					}
				}
				if err == nil {
					wantPair(t, file, token, "r"+token[1:])
					return
				}
				wantPair(t, file, "a0", "r0")
				var failed *amocrm.TokenError
				if !errors.As(err, &failed) || failed.Hint() == "" || strings.Contains(err.Error(), "client-secret") || strings.Contains(err.Error(), "r0") {
					t.Errorf("error %#v: %v", err, err)
				}
			})
		})
	}
}

func orError(r *http.Response, spoil bool, err error) (*http.Response, error) {
	if spoil {
		return nil, err
	}
	return r, nil
}

func orAnswer(r *http.Response, spoil bool, status int, body string) (*http.Response, error) {
	if spoil {
		return answer(status, body), nil
	}
	return r, nil
}

func TestTokenErrorTellsRefusedFromBlockedFromLost(t *testing.T) {
	type verdict struct {
		Refused, Blocked bool
		Status           int
		Text             string
	}
	for _, test := range []struct {
		status int
		body   string
		want   verdict
	}{
		{400, `{"detail":"bad data"}`, verdict{true, false, 400, "amocrm: refresh token (400): bad data"}},
		{401, ``, verdict{true, false, 401, "amocrm: refresh token (401): Unauthorized"}},
		{403, `{"detail":"off"}`, verdict{true, false, 403, "amocrm: refresh token (403): off"}},
		{403, `403 Forbidden`, verdict{false, true, 403, "amocrm: refresh token (403): 403 Forbidden"}},
		{500, `{}`, verdict{false, false, 500, "amocrm: refresh token (500): Internal Server Error"}},
		{200, `{}`, verdict{false, false, 200, "amocrm: refresh token (200): the answer cannot be read: it has no pair of tokens"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			source, _ := newOAuth(t, roundTrip(func(*http.Request) (*http.Response, error) { return answer(test.status, test.body), nil }))
			hc := &http.Client{Transport: amocrm.Authorizer{Base: &door{token: "good"}, Source: source}}
			client, err := amocrm.New(hc, "https://example.amocrm.ru")
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Account(t.Context())
			var failed *amocrm.TokenError
			var api *amocrm.Error
			var call *amocrm.CallError
			if !errors.As(err, &failed) || errors.As(err, &api) || errors.As(err, &call) {
				t.Fatalf("error %#v, want only a TokenError: an Error would be taken for one about the request", err)
			}
			if diff := cmp.Diff(test.want, verdict{failed.Refused, failed.Blocked, failed.Status, err.Error()}); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// Another process refreshed first: its pair is taken from the file, before asking and after a refusal.
func TestOAuthTakesWhatAnotherProcessWrote(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		i := new(issuer)
		source, file := newOAuth(t, i)
		if err := file.Store(amocrm.TokenPair{AccessToken: "theirs", RefreshToken: "x"}); err != nil {
			t.Fatal(err)
		}
		if token, err := source.Renew(t.Context(), "a0"); token != "theirs" || err != nil || len(i.asked) != 0 {
			t.Errorf("token %q, error %v after asking %d times", token, err, len(i.asked))
		}
	})
	t.Run("meanwhile", func(t *testing.T) {
		i := new(issuer)
		source, file := newOAuth(t, i)
		i.spend("r0")
		i.during = func() { _ = file.Store(amocrm.TokenPair{AccessToken: "theirs", RefreshToken: "x"}) }
		if token, err := source.Renew(t.Context(), "a0"); token != "theirs" || err != nil {
			t.Errorf("token %q, error %v", token, err)
		}
		wantPair(t, file, "theirs", "x")
	})
}

// Where the pair cannot be written, the refresh token is not spent.
func TestOAuthAsksOnlyWhenItCanWrite(t *testing.T) {
	i := new(issuer)
	_, file := newOAuth(t, i)
	open, err := os.Open(string(file))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	// A file that can be read and has no folder to write into, not even for root.
	readOnly := amocrm.TokenFile(fmt.Sprintf("/dev/fd/%d", open.Fd()))
	source, err := amocrm.NewOAuth(&http.Client{Transport: i}, "https://example.amocrm.ru", integration, readOnly)
	if err != nil {
		t.Fatal(err)
	}
	var failed *amocrm.TokenError
	if _, err := source.Renew(t.Context(), "a0"); !errors.As(err, &failed) || failed.Op != "write token file" {
		t.Fatalf("error %v, want that the file cannot be written", err)
	}
	if len(i.asked) != 0 {
		t.Errorf("asked %d times, want not at all", len(i.asked))
	}
}

// The disk fills up between the question and the answer: the new pair is not used before it is
// written, and it is not asked for again.
func TestOAuthKeepsAPairThatItCannotWriteYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := new(issuer)
		source, file := newOAuth(t, i)
		var unblock func()
		i.during = func() { unblock = blockTempFiles(t, file) }
		if token, err := source.Renew(t.Context(), "a0"); err == nil {
			t.Fatalf("token %q was used without being written", token)
		}
		if token, _ := source.Token(t.Context()); token == "a1" {
			t.Error("the new token is used before it is written")
		}
		unblock()
		i.during = nil
		if token, err := source.Renew(t.Context(), "a0"); token != "a1" || err != nil || len(i.asked) != 1 {
			t.Errorf("token %q, error %v after asking %d times, want a1 after one", token, err, len(i.asked))
		}
		wantPair(t, file, "a1", "r1")
	})
}

// blockTempFiles makes every write of the file fail, also for root: the folder's path leads nowhere.
func blockTempFiles(t *testing.T, file amocrm.TokenFile) (unblock func()) {
	t.Helper()
	dir := filepath.Dir(string(file))
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Error(err)
	}
	return func() {
		if err := os.Rename(dir+".away", dir); err != nil {
			t.Error(err)
		}
	}
}

func TestOAuthWithoutRefreshTokenIsFinal(t *testing.T) {
	i := new(issuer)
	source, file := newOAuth(t, i)
	if err := file.Store(amocrm.TokenPair{AccessToken: "a0"}); err != nil {
		t.Fatal(err)
	}
	if _, err := source.Renew(t.Context(), "a0"); !errors.Is(err, amocrm.ErrFinalToken) || len(i.asked) != 0 {
		t.Errorf("error %v after asking %d times", err, len(i.asked))
	}
}

// The one who refreshes is interrupted: his answer is waited for and kept.
func TestOAuthInterruptedRefreshIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{delay: 5 * time.Second}
		source, file := newOAuth(t, i)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if token, err := source.Renew(ctx, "a0"); token != "a1" || err != nil {
			t.Errorf("token %q, error %v", token, err)
		}
		wantPair(t, file, "a1", "r1")
	})
}

// The one who refreshes gives up between two tries; one who waited for him goes on.
func TestOAuthWaitersOutliveTheOneWhoAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{delay: time.Second, answer: func(ask int, r *http.Response) (*http.Response, error) {
			return orAnswer(r, ask == 1, 503, "")
		}}
		source, _ := newOAuth(t, i)
		short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := source.Renew(short, "a0"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the interrupted one: error %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if token, err := source.Renew(t.Context(), "a0"); token != "a2" || err != nil {
				t.Errorf("the patient one: token %q, error %v", token, err)
			}
		})
		wg.Go(func() {
			if _, err := source.Renew(short, "a0"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the other interrupted one: error %v", err)
			}
		})
		wg.Wait()
		if len(i.asked) != 2 {
			t.Errorf("asked %d times, want 2", len(i.asked))
		}
	})
}

// A token endpoint that never answers is given up in a bounded time.
func TestOAuthRefreshIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, _ := newOAuth(t, &issuer{delay: time.Hour})
		start := time.Now()
		_, err := source.Renew(t.Context(), "a0")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 63*time.Second {
			t.Errorf("error %v after %v, want 3 tries of 20 s and two pauses", err, time.Since(start))
		}
	})
}
