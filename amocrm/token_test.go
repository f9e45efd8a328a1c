package amocrm_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amocrm"
)

func TestTokenFile(t *testing.T) {
	dir := t.TempDir()
	file := amocrm.TokenFile(filepath.Join(dir, "token.json"))
	for _, want := range []amocrm.TokenPair{
		{AccessToken: "a1", RefreshToken: "r1", ExpiresAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		{AccessToken: "a2"},
	} {
		if err := file.Store(want); err != nil {
			t.Fatal(err)
		}
		got, err := file.Load()
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Error("the pair read is not the pair written")
		}
		info, err := os.Stat(string(file))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, want 0600", info.Mode())
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("folder holds %v, want the token file only", entries)
		}
	}
}

// Readers, who open the file at any moment, see an old pair or a new one, whole.
func TestTokenFileIsReplacedInOneStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token.json")
	file := amocrm.TokenFile(path)
	if err := file.Store(amocrm.TokenPair{AccessToken: "old"}); err != nil {
		t.Fatal(err)
	}
	before, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = before.Close() }()
	if err := file.Store(amocrm.TokenPair{AccessToken: "new"}); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, _ := before.Read(buf)
	if want := "{\"access_token\":\"old\"}\n"; string(buf[:n]) != want {
		t.Errorf("a reader of before sees %q, want %q", buf[:n], want)
	}
}

func TestTokenFileFailures(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode fs.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
		return path
	}
	for name, test := range map[string]struct{ path, text, hint string }{
		"missing":         {filepath.Join(dir, "none"), "no such file", "Authorise the integration first"},
		"others may read": {write("open", `{"access_token":"a"}`, 0o640), "mode 0640: others can read it", "chmod 600"},
		"no JSON":         {write("text", `secret-token`, 0o600), "holds no access token", "Check the token file"},
		"no token":        {write("empty", `{}`, 0o600), "holds no access token", "Check the token file"},
		"a folder":        {dir, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := amocrm.TokenFile(test.path).Load()
			var failed *amocrm.TokenError
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), test.text) || !strings.Contains(failed.Hint(), test.hint) {
				t.Fatalf("error %v, want %q", err, test.text)
			}
			if strings.Contains(err.Error(), "secret-token") {
				t.Errorf("the error %q holds the token", err)
			}
		})
	}
	err := amocrm.TokenFile(filepath.Join(dir, "no", "such", "folder")).Store(amocrm.TokenPair{AccessToken: "a"})
	var failed *amocrm.TokenError
	if !errors.As(err, &failed) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("store into nowhere: %v", err)
	}
}

// A write that fails leaves the old pair and no rubbish.
func TestTokenFileKeepsTheOldPairWhenItCannotBeReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token.json")
	if err := os.MkdirAll(filepath.Join(path, "in", "the", "way"), 0o700); err != nil { // rename cannot replace a folder
		t.Fatal(err)
	}
	if err := amocrm.TokenFile(path).Store(amocrm.TokenPair{AccessToken: "a"}); err == nil {
		t.Fatal("no error")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("folder holds %v, want what was there", entries)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	pair := amocrm.TokenPair{AccessToken: "secret-a", RefreshToken: "secret-r"}
	integration := amocrm.Integration{ClientID: "id", ClientSecret: "secret-s"}
	for _, s := range []string{fmt.Sprintf("%v %+v %#v %q", pair, pair, pair, &pair), fmt.Sprintf("%v %+v %#v %s", integration, integration, &integration, integration)} {
		if strings.Contains(s, "secret-") {
			t.Errorf("secret in %q", s)
		}
	}
}

func jwt(payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"typ":"JWT"}`)) + "." + encode([]byte(payload)) + ".sig"
}

func TestParseClaims(t *testing.T) {
	got, err := amocrm.ParseClaims(jwt(`{"aud":"x","exp":1700000000,"sub":"3","account_id":1231414,"base_domain":"amocrm.ru","api_domain":"api-b.amocrm.ru","scopes":["crm"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(amocrm.Claims{AccountID: 1231414, APIDomain: "api-b.amocrm.ru", ExpiresAt: time.Unix(1700000000, 0)}, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if got, err := amocrm.ParseClaims(jwt(`{"account_id":"7"}`)); err != nil || got != (amocrm.Claims{AccountID: 7}) {
		t.Errorf("claims %+v, error %v", got, err)
	}
	for _, token := range []string{"", "opaque-secret", "a.b", "a.!.c", jwt("[]"), jwt("{")} {
		if _, err := amocrm.ParseClaims(token); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: error %v", token, err)
		}
	}
}
