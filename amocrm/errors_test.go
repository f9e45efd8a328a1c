package amocrm_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amocrm"
)

// kind names the predicates that hold.
func kind(e *amocrm.Error) string {
	var names []string
	for _, p := range []struct {
		name string
		is   bool
	}{
		{"rejected", e.Rejected()}, {"unauthorized", e.Unauthorized()}, {"payment required", e.PaymentRequired()}, {"forbidden", e.Forbidden()},
		{"blocked", e.Blocked()}, {"not found", e.NotFound()}, {"too many", e.TooMany()}, {"server", e.Server()},
	} {
		if p.is {
			names = append(names, p.name)
		}
	}
	return strings.Join(names, ", ")
}

func TestErrors(t *testing.T) {
	date := time.Date(2020, 8, 3, 15, 11, 21, 0, time.UTC)
	for name, test := range map[string]struct {
		status int
		header http.Header
		body   string
		want   amocrm.Error // without Op, Status
		kind   string
		text   string
	}{
		"a bad element of a batch": {
			400, nil, `{"validation-errors":[{"request_id":"p-2","errors":[{"code":"NotSupportedChoice","path":"custom_fields_values.0.field_id","detail":"The value +79151112233 is not valid."}]}],
				"title":"Bad Request","type":"https://httpstatus.es/400","status":400,"detail":"Request validation failed"}`,
			amocrm.Error{Title: "Bad Request", Detail: "Request validation failed", Elements: []amocrm.ElementError{
				{RequestID: "p-2", Faults: []amocrm.Fault{{Code: "NotSupportedChoice", Path: "custom_fields_values.0.field_id", Detail: "The value +79151112233 is not valid."}}},
			}},
			"rejected", "400 Bad Request: 1 bad, the first for NotSupportedChoice custom_fields_values.0.field_id",
		},
		"two bad elements, told oddly": {
			400, nil, `{"validation-errors":[{"request_id":0,"errors":[{"code":"not a code: +7915","path":null}]},{"request_id":"1","errors":{}},null]}`,
			amocrm.Error{Elements: []amocrm.ElementError{
				{RequestID: "0", Faults: []amocrm.Fault{{Code: "not a code: +7915"}}}, {RequestID: "1"}, {},
			}},
			"rejected", "400 Bad Request: 3 bad, the first for ? ?",
		},
		"no data": {
			400, nil, `{"title":"Bad Request","status":400,"detail":"Request data can not be empty"}`,
			amocrm.Error{Title: "Bad Request", Detail: "Request data can not be empty"}, "rejected", "400 Bad Request",
		},
		"the form of the other batches": {
			400, nil, `{"_total_items":0,"errors":[{"title":"Entity not found"}]}`,
			amocrm.Error{Detail: "Entity not found", Elements: []amocrm.ElementError{{Faults: []amocrm.Fault{{Detail: "Entity not found"}}}}},
			"rejected", "400 Bad Request: 1 bad, the first for ? ?",
		},
		"token refused": {
			401, http.Header{"X-Request-Id": {"r-1"}, "Date": {"Mon, 03 Aug 2020 15:11:21 GMT"}},
			`{"title":"Unauthorized","type":"https://httpstatus.es/401","status":401,"detail":"Token has expired"}`,
			amocrm.Error{Title: "Unauthorized", Detail: "Token has expired", RequestID: "r-1", ServerTime: date}, "unauthorized", "401 Unauthorized: Token has expired (request r-1)",
		},
		"not paid":     {402, nil, `{"title":"Payment Required","detail":"pay"}`, amocrm.Error{Title: "Payment Required", Detail: "pay"}, "payment required", "402 Payment Required: pay"},
		"no rights":    {403, nil, `{"title":"Forbidden","detail":""}`, amocrm.Error{Title: "Forbidden", Detail: "Forbidden"}, "forbidden", "403 Forbidden: Forbidden"},
		"blocked":      {403, nil, "403 Forbidden", amocrm.Error{Plain: true, Detail: "403 Forbidden"}, "blocked", "403 Forbidden: 403 Forbidden"},
		"nowhere":      {404, nil, "", amocrm.Error{Plain: true}, "not found", "404 Not Found"},
		"wrong method": {405, nil, `{"detail":"no POST"}`, amocrm.Error{Detail: "no POST"}, "", "405 Method Not Allowed: no POST"},
		"too big a batch": {
			422, nil, `{"detail":"Limit 250 per page"}`, amocrm.Error{Detail: "Limit 250 per page"}, "rejected", "422 Unprocessable Entity",
		},
		"too many, in the body": {
			429, nil, `{"title":"Too Many Requests","detail":"slow down","retry_after":300}`,
			amocrm.Error{Title: "Too Many Requests", Detail: "slow down", RetryAfter: 300 * time.Second}, "too many", "429 Too Many Requests: slow down",
		},
		"too many, in the header": {
			429, http.Header{"Retry-After": {"7"}}, `too many`, amocrm.Error{Plain: true, Detail: "too many", RetryAfter: 7 * time.Second}, "too many", "429 Too Many Requests: too many",
		},
		"too many, with a date": {
			429, http.Header{"Retry-After": {"Mon, 03 Aug 2020 15:13:21 GMT"}, "Date": {"Mon, 03 Aug 2020 15:11:21 GMT"}}, "",
			amocrm.Error{Plain: true, RetryAfter: 2 * time.Minute, ServerTime: date}, "too many", "429 Too Many Requests",
		},
		"a fault with a trace": {
			500, nil, `{"title":"ErrInternalServer","status":500,"detail":"cannot store Vasya","trace_id":"t-9"}`,
			amocrm.Error{Title: "ErrInternalServer", Detail: "cannot store Vasya", RequestID: "t-9"}, "server", "500 Internal Server Error (request t-9)",
		},
		"gateway": {
			504, nil, "<html>\r\n<head><title>504 Gateway Time-out</title></head>", amocrm.Error{Plain: true, Detail: "504 Gateway Time-out"}, "server", "504 Gateway Timeout",
		},
		"undocumented": {418, nil, "\x1b[31m\x00tea\u202e", amocrm.Error{Plain: true, Detail: "[31m tea"}, "", "418 I'm a teapot"},
	} {
		t.Run(name, func(t *testing.T) {
			header := test.header
			if header == nil {
				header = http.Header{}
			}
			_, err := answering(test.status, header, strings.NewReader(test.body)).AddContacts(t.Context(), twoContacts)
			var got *amocrm.Error
			if !errors.As(err, &got) {
				t.Fatalf("error %#v, want an Error", err)
			}
			want := test.want
			want.Op, want.Status = "add 2 contacts", test.status
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if k := kind(got); k != test.kind {
				t.Errorf("it is %q, want %q", k, test.kind)
			}
			if text := "amocrm: add 2 contacts: " + test.text; err.Error() != text {
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
	for _, e := range []amocrm.Error{{Status: 400}, {Status: 401}, {Status: 402}, {Status: 403}, {Status: 403, Plain: true}, {Status: 404}, {Status: 429}, {Status: 500}, {Status: 301}, {Status: 418}} {
		hints[e.Hint()]++
	}
	if len(hints) != 10 {
		t.Errorf("%d hints for 10 kinds: %v", len(hints), hints)
	}
}

func FuzzError(f *testing.F) {
	f.Add(400, "r-1", []byte(`{"validation-errors":[{"request_id":"0","errors":[{"code":"c","path":"p","detail":"d"}]}],"title":"t","detail":"d","retry_after":300}`))
	f.Add(429, "\x00", []byte(`{"errors":[{"title":"x"}]}`))
	f.Add(502, "", []byte("<title>"))
	f.Fuzz(func(t *testing.T, status int, id string, body []byte) {
		if status < 300 || status > 599 {
			status = 300 + (status&0xff)%300
		}
		_, err := answering(status, http.Header{"X-Request-Id": {id}}, strings.NewReader(string(body))).AddContacts(t.Context(), twoContacts)
		var got *amocrm.Error
		if !errors.As(err, &got) {
			t.Fatalf("error %#v, want an Error", err)
		}
		for _, s := range []string{got.Error(), got.Title, got.Detail, got.RequestID} {
			if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || utf8.RuneCountInString(s) > 800 {
				t.Errorf("text %q", s)
			}
		}
		if got.RetryAfter < 0 || got.Hint() == "" || strings.Contains(kind(got), ",") {
			t.Errorf("retry after %v, hint %q, kinds %q", got.RetryAfter, got.Hint(), kind(got))
		}
	})
}
