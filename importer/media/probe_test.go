package media_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/importer/media"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	s := newStore(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/lost":
			w.WriteHeader(404)
		case "/closed":
			w.WriteHeader(403)
		case "/down":
			w.WriteHeader(500)
		default:
			w.Header().Set("Content-Length", "12")
		}
	})
	at := s.named("files.example.com")
	got, err := newAsker(t).Probe(t.Context(), []string{
		at + "/ok", at + "/ok?X-Amz-Date=20240102T030405Z&X-Amz-Expires=600&X-Amz-Signature=s3cret",
		at + "/lost", at + "/closed", at + "/down", "http://192.168.0.7/a", "C:\\photos\\a.jpg",
	})
	if err != nil {
		t.Fatal(err)
	}
	const host = "files.example.com"
	want := []media.Probed{
		{Host: host, State: media.Reachable, Size: 12},
		{Host: host, State: media.Reachable, Size: 12, Expiring: true, Expires: time.Date(2024, 1, 2, 3, 14, 5, 0, time.UTC)},
		{Host: host, State: media.Missing, Why: "its server answers 404", Size: -1},
		{Host: host, State: media.Denied, Why: "its server answers 403", Size: -1},
		{Host: host, State: media.Silent, Why: "its server answers 500", Size: -1},
		{Host: "192.168.0.7", State: media.Private, Why: "the address is a private one", Size: -1},
		{Host: "", State: media.Private, Why: "the scheme is not http or https", Size: -1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if none, err := newAsker(t).Probe(t.Context(), nil); len(none) != 0 || err != nil {
		t.Errorf("of nothing: %v, %v", none, err)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, at.Unix()))
	endless := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"1"}`))
	for query, want := range map[string]struct {
		at       time.Time
		expiring bool
	}{
		"":            {},
		"v=3&size=xl": {},
		"X-Amz-Date=20240102T030305Z&X-Amz-Expires=60":   {at, true},
		"x-amz-date=20240102T030305Z&x-amz-expires=60":   {at, true},
		"X-Goog-Date=20240102T030305Z&X-Goog-Expires=60": {at, true},
		"X-Amz-Expires=60": {time.Time{}, true},
		fmt.Sprintf("Expires=%d&Signature=x", at.Unix()): {at, true},
		"Expires=soon":                                    {time.Time{}, true},
		"se=2024-01-02T03%3A04%3A05Z&sig=x":               {at, true},
		"se=2024-01-02&sig=x":                             {at.Truncate(24 * time.Hour), true},
		"se=5":                                            {},
		fmt.Sprintf("oh=x&oe=%X", at.Unix()):              {at, true},
		fmt.Sprintf("ex=%x&is=1&hm=x", at.Unix()):         {at, true},
		"token=eyJhbGciOiJIUzI1NiJ9." + claims + ".c2ln":  {at, true},
		"token=eyJhbGciOiJIUzI1NiJ9." + endless + ".c2ln": {},
		"token=a.b.c":                                     {},
	} {
		got, expiring := media.Expiry("https://files.example.com/a?" + query)
		if !got.Equal(want.at) || expiring != want.expiring {
			t.Errorf("%q: %v, %v; want %v, %v", query, got, expiring, want.at, want.expiring)
		}
	}
}
