package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/internal/config"
)

// TestNoneIsNotTheDefault: 0% means none, while the importer takes 0 for what was not
// said.
func TestNoneIsNotTheDefault(t *testing.T) {
	none := running(&config.Config{}, target{})
	some := running(&config.Config{Run: config.Run{MaxChanged: 0.25, MaxRejected: 1}}, target{})
	if none.MaxChanged <= 0 || none.MaxRejected <= 0 || 1 < none.MaxChanged*1e9 || 1 < none.MaxRejected*1e9 {
		t.Errorf("0%% becomes %v and %v", none.MaxChanged, none.MaxRejected)
	}
	if some.MaxChanged != 0.25 || some.MaxRejected != 1 {
		t.Errorf("25%% and 100%% become %v and %v", some.MaxChanged, some.MaxRejected)
	}
}

// TestOnlyGET: what changes anything does not leave in a dry run.
func TestOnlyGET(t *testing.T) {
	left := 0
	way := onlyGET{roundTripper(func(*http.Request) (*http.Response, error) {
		left++
		return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
	})}
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete, http.MethodGet} {
		req, err := http.NewRequestWithContext(t.Context(), method, "https://example.amocrm.ru/api/v4/contacts", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := way.RoundTrip(req); (err == nil) != (method == http.MethodGet) {
			t.Errorf("%s: %v", method, err)
		}
	}
	if left != 1 {
		t.Errorf("%d requests left", left)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestWhereIs: another database is another place, another password is not, and no
// password is part of it.
func TestWhereIs(t *testing.T) {
	here := whereIs("postgres://reader:s3cret@db.example.com/shop")
	if here == "" || strings.Contains(here, "s3cret") || here != whereIs("postgres://reader:other@db.example.com/shop") || here == whereIs("postgres://reader:s3cret@db.example.com/copy") {
		t.Errorf("%q", here)
	}
}
