package media_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/amoimport/amoimport/importer/media"
)

// Whatever a file's server says in its headers: a name that is no path and not too long,
// and a size that is one or -1.
func FuzzAnswer(f *testing.F) {
	f.Add(200, `attachment; filename="a.pdf"`, "", "")
	f.Add(206, `inline; filename*=UTF-8''%D1%84.pdf`, "bytes 0-0/1234", "")
	f.Add(416, `attachment; filename="..\\..\\x"`, "bytes */-7", "")
	f.Add(200, `a; filename="=?utf-8?b?/w==?="`, "", "gzip")
	var status int
	var head http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range head {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
	}))
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, code int, disposition, size, encoding string) {
		if code < 200 || code > 599 || strings.ContainsAny(disposition+size+encoding, "\r\n\x00") {
			return // no answer of a server
		}
		status, head = code, http.Header{"Content-Disposition": {disposition}, "Content-Range": {size}, "Content-Encoding": {encoding}}
		a := media.New(media.Options{Rate: 1e6, Pause: time.Microsecond, AllowLoopback: true})
		defer a.Close()
		file, err := a.Ask(t.Context(), s.URL+"/x", nil)
		if err != nil {
			if strings.Contains(err.Error(), s.URL) {
				t.Errorf("the error shows the URL: %v", err)
			}
			return
		}
		if file.Size < -1 || len(file.Name) > 1000 || strings.ContainsAny(file.Name, `/\`) || file.Name == ".." {
			t.Errorf("%+v", file)
		}
		_ = utf8.ValidString(file.Name) // composing cleans what is not
	})
}

// Whatever stands in a URL: a time only where it says that it ends.
func FuzzExpiry(f *testing.F) {
	f.Add("https://s/x?X-Amz-Date=20260101T000000Z&X-Amz-Expires=3600")
	f.Add("https://s/x?se=2026-01-01&sig=x")
	f.Add("https://s/x?token=a.eyJleHAiOjF9.c&oe=zz&oh=1")
	f.Fuzz(func(t *testing.T, raw string) {
		if at, ends := media.Expiry(raw); !ends && !at.IsZero() {
			t.Errorf("%s does not end, at %v", raw, at)
		}
	})
}
