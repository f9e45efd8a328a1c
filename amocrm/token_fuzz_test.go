package amocrm_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/amoimport/amoimport/amocrm"
)

// A file holds a pair that survives being written again, or it is refused without
// a word of what is in it.
func FuzzTokenFile(f *testing.F) {
	f.Add([]byte(`{"access_token":"a","refresh_token":"r","expires_at":"2026-01-02T03:04:05Z"}`))
	f.Add([]byte(`{"access_token":7}`))
	f.Add([]byte(`{"access_token":"secret-1","expires_at":"soon"}`))
	f.Add([]byte(``))
	path := filepath.Join(f.TempDir(), "token.json")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		file := amocrm.TokenFile(path)
		pair, err := file.Load()
		if err != nil {
			var failed *amocrm.TokenError
			if !errors.As(err, &failed) || err.Error() != "amocrm: read token file: "+path+" holds no access token" {
				t.Errorf("error %q", err)
			}
			return
		}
		if pair.AccessToken == "" {
			t.Error("an empty token taken")
		}
		if err := file.Store(pair); err != nil {
			t.Fatal(err)
		}
		if again, err := file.Load(); err != nil || again.AccessToken != pair.AccessToken || again.RefreshToken != pair.RefreshToken || !again.ExpiresAt.Equal(pair.ExpiresAt) {
			t.Errorf("the pair is another one after it was written; error %v", err)
		}
	})
}

// Whatever the token endpoint answers: the file holds a pair, the new one if and
// only if it is used, and no error repeats the answer's tokens.
func FuzzRefresh(f *testing.F) {
	f.Add(200, []byte(`{"token_type":"Bearer","expires_in":86400,"access_token":"a1","refresh_token":"r1"}`))
	f.Add(200, []byte(`{"access_token":"a1","refresh_token":null,"expires_in":1e99}`))
	f.Add(400, []byte(`{"hint":"Token has been revoked","detail":"x"}`))
	f.Add(403, []byte(`403 Forbidden`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		status = 200 + (status%400+400)%400
		synctest.Test(t, func(t *testing.T) { // its tries are seconds apart
			source, file := newOAuth(t, roundTrip(func(r *http.Request) (*http.Response, error) {
				_, _ = io.Copy(io.Discard, r.Body)
				return answer(status, string(body)), nil
			}))
			token, err := source.Renew(t.Context(), "a0")
			pair, loadErr := file.Load()
			if loadErr != nil {
				t.Fatal(loadErr)
			}
			if err == nil {
				if token == "" || pair.AccessToken != token || pair.RefreshToken == "" || status != 200 {
					t.Errorf("a %d gave a token that the file does not hold", status)
				}
				return
			}
			var failed *amocrm.TokenError
			if pair.AccessToken != "a0" || pair.RefreshToken != "r0" || token != "" || !errors.As(err, &failed) || failed.Hint() == "" {
				t.Errorf("error %#v, and the file holds another pair: %t", err, pair.AccessToken != "a0")
			}
			if !utf8.ValidString(err.Error()) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("error %q", err)
			}
		})
	})
}

func FuzzClaims(f *testing.F) {
	f.Add(jwt(`{"exp":1700000000,"account_id":"7","api_domain":"api-b.amocrm.ru"}`))
	f.Add(jwt(`{"exp":-1e300}`))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := amocrm.ParseClaims(token)
		if err != nil && (claims != amocrm.Claims{} || err.Error() != "amocrm: the access token is no JWT") {
			t.Errorf("claims %+v, error %q", claims, err)
		}
	})
}
