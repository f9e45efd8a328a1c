package pace

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// peekMost bounds how much of a refused request's answer is read.
const peekMost = 64 << 10

// retryAfter finds the pause a 429 asks for: in the Retry-After header, as
// seconds or as a date, else as "retry_after" in a JSON body
// (https://developers.kommo.com/docs/http-codes). Zero when it asks for none.
func retryAfter(h http.Header, body []byte, now time.Time) time.Duration {
	if v := strings.TrimSpace(h.Get("Retry-After")); v != "" {
		if d := seconds(v); d > 0 {
			return d
		}
		if at, err := http.ParseTime(v); err == nil {
			// The server's own clock, where it tells it, makes ours not matter.
			if d, err := http.ParseTime(h.Get("Date")); err == nil {
				now = d
			}
			if at.After(now) {
				return at.Sub(now)
			}
		}
	}
	var answer struct {
		RetryAfter json.RawMessage `json:"retry_after"`
	}
	if json.NewDecoder(bytes.NewReader(body)).Decode(&answer) != nil {
		return 0
	}
	return seconds(strings.Trim(string(answer.RetryAfter), `"`))
}

// seconds is 0 for what is not a positive number of seconds.
func seconds(s string) time.Duration {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f > 0) {
		return 0
	}
	return time.Duration(math.Min(f, retryAfterMost.Seconds()) * float64(time.Second))
}

// spend reads the rest of an answer that nobody will see, so that its
// connection can be used again, and returns its beginning.
func spend(body io.ReadCloser) []byte {
	defer body.Close()
	b, _ := io.ReadAll(io.LimitReader(body, peekMost)) // a cut body teaches what it teaches
	return b
}
