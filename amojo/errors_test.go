package amojo_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amojo"
)

// kind names the predicates that hold.
func kind(e *amojo.Error) string {
	var names []string
	for _, p := range []struct {
		name string
		is   bool
	}{
		{"rejected", e.Rejected()}, {"invalid signature", e.InvalidSignature()}, {"blocked", e.Blocked()}, {"unknown scope", e.UnknownScope()},
		{"payment required", e.PaymentRequired()}, {"too many", e.TooMany()}, {"server", e.Server()},
	} {
		if p.is {
			names = append(names, p.name)
		}
	}
	return strings.Join(names, ", ")
}

func TestErrors(t *testing.T) {
	const problem = `{"status":0,"error_code":403,"error_type":"ORIGIN_INVALID_SIGNATURE","error_description":"invalid signature"}`
	date := time.Date(2020, 8, 3, 15, 11, 21, 0, time.UTC)
	for name, test := range map[string]struct {
		status int
		header http.Header
		body   string
		want   amojo.Error // without Op, Subject, Status
		kind   string
		text   string
	}{
		"invalid signature": {403, http.Header{"X-Request-Id": {"r-1"}, "Date": {"Mon, 03 Aug 2020 15:11:21 GMT"}}, problem,
			amojo.Error{Code: 403, Type: "ORIGIN_INVALID_SIGNATURE", Description: "invalid signature", RequestID: "r-1", ServerTime: date},
			"invalid signature", "403 Forbidden ORIGIN_INVALID_SIGNATURE: invalid signature (request r-1)"},
		"blocked": {403, nil, "403 Forbidden",
			amojo.Error{Plain: true, Description: "403 Forbidden"}, "blocked", "403 Forbidden: 403 Forbidden"},
		"unknown scope": {404, nil, `{"status":0,"error_code":404,"error_type":"ORIGIN_NOT_REGISTERED","error_description":"NOT_FOUND"}`,
			amojo.Error{Code: 404, Type: "ORIGIN_NOT_REGISTERED", Description: "NOT_FOUND"}, "unknown scope", "404 Not Found ORIGIN_NOT_REGISTERED: NOT_FOUND"},
		"wrong address": {404, nil, "",
			amojo.Error{Plain: true}, "unknown scope", "404 Not Found"},
		"a message refused, its text repeated": {400, nil, `{"error_code":400,"error_type":"VALIDATION","error_description":"bad text: call me at +79151112233"}`,
			amojo.Error{Code: 400, Type: "VALIDATION", Description: "bad text: call me at +79151112233"}, "rejected", "400 Bad Request VALIDATION"},
		"too large for a gateway": {413, nil, "<html>\r\n<head><title>413 Request Entity Too Large</title></head>",
			amojo.Error{Plain: true, Description: "413 Request Entity Too Large"}, "rejected", "413 Request Entity Too Large"},
		"not paid": {402, nil, `{"error_description":"pay"}`,
			amojo.Error{Description: "pay"}, "payment required", "402 Payment Required: pay"},
		"too many, in the body": {429, nil, `{"retry_after":300,"error_description":"slow down"}`,
			amojo.Error{Description: "slow down", RetryAfter: 300 * time.Second}, "too many", "429 Too Many Requests: slow down"},
		"too many, in the header": {429, http.Header{"Retry-After": {"7"}}, `{"retry_after":"300"}`,
			amojo.Error{RetryAfter: 7 * time.Second}, "too many", "429 Too Many Requests"},
		"too many, with a date": {429, http.Header{"Retry-After": {"Mon, 03 Aug 2020 15:13:21 GMT"}, "Date": {"Mon, 03 Aug 2020 15:11:21 GMT"}}, "wait",
			amojo.Error{Plain: true, Description: "wait", RetryAfter: 2 * time.Minute, ServerTime: date}, "too many", "429 Too Many Requests: wait"},
		"too many, for an age": {429, http.Header{"Retry-After": {"999999999999999999"}}, "",
			amojo.Error{Plain: true, RetryAfter: 7 * 24 * time.Hour}, "too many", "429 Too Many Requests"},
		"gateway": {502, nil, "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
			amojo.Error{Plain: true, Description: "502 Bad Gateway"}, "server", "502 Bad Gateway"},
		"a fault that repeats the text": {500, nil, `{"error_code":500,"error_description":"cannot store: secret words"}`,
			amojo.Error{Code: 500, Description: "cannot store: secret words"}, "server", "500 Internal Server Error"},
		"fields of impossible kinds": {403, nil, `{"error_code":"x","error_type":"not a code: +7915","error_description":["a"]}`,
			amojo.Error{}, "invalid signature", "403 Forbidden"},
		"a redirect":   {302, nil, "", amojo.Error{Plain: true}, "", "302 Found"},
		"undocumented": {409, nil, `[]`, amojo.Error{Plain: true, Description: "[]"}, "", "409 Conflict"},
		"control characters": {403, nil, "\x1b[31mred\x00\r\n\u202etext\xff  here",
			amojo.Error{Plain: true, Description: "[31mred text\uFFFD here"}, "blocked", "403 Forbidden: [31mred text\uFFFD here"},
	} {
		t.Run(name, func(t *testing.T) {
			header := test.header
			if header == nil {
				header = http.Header{}
			}
			_, err := answering(test.status, header, strings.NewReader(test.body)).SendMessage(t.Context(), amojo.Message{MsgID: "imp1-5-7"})
			var got *amojo.Error
			if !errors.As(err, &got) {
				t.Fatalf("error %#v, want an Error", err)
			}
			want := test.want
			want.Op, want.Subject, want.Status = "send message", "imp1-5-7", test.status
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if k := kind(got); k != test.kind {
				t.Errorf("it is %q, want %q", k, test.kind)
			}
			if text := "amojo: send message imp1-5-7: " + test.text; err.Error() != text {
				t.Errorf("text %q, want %q", err, text)
			}
			if hint := got.Hint(); !strings.HasSuffix(hint, ".") || strings.Contains(hint, "\n") {
				t.Errorf("hint %q", hint)
			}
		})
	}
}

func TestErrorHintsDiffer(t *testing.T) {
	hints := make(map[string]int)
	for _, e := range []amojo.Error{{Status: 400}, {Status: 403}, {Status: 403, Plain: true}, {Status: 404}, {Status: 402}, {Status: 429}, {Status: 500}, {Status: 301}, {Status: 418}} {
		hints[e.Hint()]++
	}
	if len(hints) != 9 {
		t.Errorf("%d hints for 9 kinds: %v", len(hints), hints)
	}
}

func TestErrorKeepsLittleOfALongBody(t *testing.T) {
	for _, body := range []string{strings.Repeat("слово ", 1<<20), `{"error_description":"` + strings.Repeat("слово ", 10_000) + `"}`} {
		_, err := answering(403, nil, strings.NewReader(body)).SendMessage(t.Context(), amojo.Message{})
		var got *amojo.Error
		if !errors.As(err, &got) {
			t.Fatal(err)
		}
		if n := utf8.RuneCountInString(got.Description); n > 200 || n < 100 {
			t.Errorf("description of %d runes", n)
		}
	}
}

func FuzzError(f *testing.F) {
	f.Add(403, "r-1", "7", []byte(`{"status":0,"error_code":403,"error_type":"ORIGIN_INVALID_SIGNATURE","error_description":"invalid signature","retry_after":300}`))
	f.Add(429, "\x00", "Mon, 03 Aug 2020 15:11:21 GMT", []byte("<title>"))
	f.Fuzz(func(t *testing.T, status int, id, after string, body []byte) {
		if status < 300 || status > 599 {
			status = 300 + (status&0xff)%300
		}
		header := http.Header{"X-Request-Id": {id}, "Retry-After": {after}, "Date": {"Mon, 03 Aug 2020 15:11:21 GMT"}}
		_, err := answering(status, header, strings.NewReader(string(body))).SendMessage(t.Context(), amojo.Message{MsgID: "m1"})
		var got *amojo.Error
		if !errors.As(err, &got) {
			t.Fatalf("error %#v, want an Error", err)
		}
		for _, s := range []string{got.Error(), got.Description, got.RequestID} {
			if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || utf8.RuneCountInString(s) > 600 {
				t.Errorf("text %q", s)
			}
		}
		if got.RetryAfter < 0 || got.Hint() == "" || strings.Contains(kind(got), ",") {
			t.Errorf("retry after %v, hint %q, kinds %q", got.RetryAfter, got.Hint(), kind(got))
		}
	})
}
