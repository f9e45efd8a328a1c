package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RequestID is the id under which the vendor's support finds a request; "" if the answer has none.
func RequestID(h http.Header) string { return Clean(h.Get("X-Request-Id"), 100) }

// ServerTime is the server's clock, in whole seconds; zero if the answer does not say.
func ServerTime(h http.Header) time.Time {
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// RetryAfter reads a Retry-After header: seconds, or a date on the server's own clock. 0: it does not say.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		return Seconds(n)
	}
	t, err := http.ParseTime(v)
	if err != nil || now.IsZero() {
		return 0
	}
	return max(0, t.Sub(now))
}

// Seconds makes a wait of what a server asks for; more than a week is no sane wish.
func Seconds(n int64) time.Duration {
	return time.Duration(min(max(n, 0), 7*24*3600)) * time.Second
}

// BlockHint says what to do about a caller that an API locked out, which asked it to stay away for wait; 0: it
// did not say for how long.
func BlockHint(wait time.Duration) string {
	long := "some hours"
	if wait > 0 {
		long = wait.Round(time.Second).String()
	}
	return "The API blocks this address or account after too many requests: wait " + long + ", then go on with a lower rate; nothing is lost."
}
