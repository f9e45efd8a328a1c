package amojo_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/amojo"
	"github.com/google/go-cmp/cmp"
)

// TestSetDeliveryStatus: the present name of the field goes first; where it is refused the
// older one is tried once, and kept if it works.
func TestSetDeliveryStatus(t *testing.T) {
	const id = "079e44fb-fc22-476b-9e8a-421b688ec53b"
	now, older := `{"status_code":2}`, fmt.Sprintf(`{"msgid":%q,"delivery_status":2}`, id)
	for name, c := range map[string]struct {
		codes []int // of the answers
		want  []string
		err   int // status of the second call's error; 0: none
	}{
		"present name":         {[]int{200, 200}, []string{now, now}, 0},
		"older name":           {[]int{400, 200, 200}, []string{now, older, older}, 0},
		"neither":              {[]int{400, 400, 400, 400}, []string{now, older, now, older}, 400},
		"no such message":      {[]int{404, 404}, []string{now, now}, 404},
		"fault of the server":  {[]int{400, 500, 400, 200}, []string{now, older, now, older}, 0},
		"no word of the older": {[]int{400, 500, 400, 502}, []string{now, older, now, older}, 502},
	} {
		t.Run(name, func(t *testing.T) {
			codes := c.codes
			s, client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(codes[0])
				codes = codes[1:]
			})
			_ = client.SetDeliveryStatus(t.Context(), id, "imp1-5-7", amojo.Read)
			err := client.SetDeliveryStatus(t.Context(), id, "imp1-5-7", amojo.Read)
			var answer *amojo.Error
			if c.err == 0 && err != nil || c.err != 0 && (!errors.As(err, &answer) || answer.Status != c.err) {
				t.Errorf("error %v, want %d", err, c.err)
			}
			var got []string
			for _, r := range s.requests {
				got = append(got, r.Body)
				if r.Line != "POST "+scopePath+"/"+id+"/delivery_status" {
					t.Errorf("request %q", r.Line)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	s, client := serve(t, reply(200, ""))
	for _, bad := range []string{"", "..", "a/b", strings.Repeat("a", 65)} {
		if err := client.SetDeliveryStatus(t.Context(), bad, "imp1-5-7", amojo.Read); !errors.Is(err, amojo.ErrBadID) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if len(s.requests) != 0 {
		t.Errorf("requests %q", s.requests)
	}
}
