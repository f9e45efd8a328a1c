package pace_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// Whatever a 429 says, the request goes out again once, not before a moment and
// not later than an hour; and a plain number of seconds is obeyed to the letter.
func FuzzRetryAfter(f *testing.F) {
	f.Add("7", "", []byte(nil))
	f.Add("", "Sat, 01 Jan 2000 00:00:00 GMT", []byte(`{"retry_after":300}`))
	f.Add("Sat, 01 Jan 2000 01:00:09 GMT", "Sat, 01 Jan 2000 01:00:00 GMT", []byte(nil))
	f.Add("NaN", "", []byte(`{"retry_after":"1e400"}`))
	f.Add("-1", "soon", []byte(`{"retry_after":{"a":1}}`))
	f.Add("0x1p-1074", "", []byte(`<html>`))
	f.Fuzz(func(t *testing.T, after, date string, body []byte) {
		synctest.Test(t, func(t *testing.T) {
			a := &api{answer: func(n int, _ *http.Request) (*http.Response, error) {
				if n == 0 {
					return answer(429, string(body), "Retry-After", after, "Date", date), nil
				}
				return answer(200, ""), nil
			}}
			mustStatus(t, client(newPacer(1000), a), "POST", "/", "payload", 200)
			if len(a.times) != 2 {
				t.Fatalf("%d attempts", len(a.times))
			}
			pause := a.times[1].Sub(a.times[0])
			if pause <= 0 || pause > time.Hour {
				t.Errorf("the next departure came after %s", pause)
			}
			want, said := wanted(after, body)
			if said && pause != want {
				t.Errorf("the next departure came after %s, want %s", pause, want)
			}
		})
	})
}

// wanted is the pause asked for where it is a whole number of seconds, as the
// documentation shows it; false where this simple reader cannot tell.
func wanted(after string, body []byte) (time.Duration, bool) {
	n, err := strconv.ParseUint(after, 10, 16)
	if err != nil && after == "" {
		var in struct {
			RetryAfter *uint16 `json:"retry_after"`
		}
		if json.Unmarshal(body, &in) != nil || in.RetryAfter == nil {
			return 0, false
		}
		n = uint64(*in.RetryAfter)
	} else if err != nil {
		return 0, false
	}
	return min(time.Duration(n)*time.Second, time.Hour), n > 0
}
