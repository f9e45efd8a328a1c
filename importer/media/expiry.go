package media

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Expiry reads in a URL until when it is good, as the signed URLs of the usual stores
// tell it. The time is zero where it cannot be told; false means that nothing in the
// URL says that it ends.
func Expiry(raw string) (time.Time, bool) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return time.Time{}, false
	}
	q := map[string]string{} // some write X-Amz-Expires, some x-amz-expires
	for name, values := range u.Query() {
		q[strings.ToLower(name)] = values[0]
	}
	for _, store := range []string{"x-amz-", "x-goog-", "x-oss-"} {
		if lasts, ok := q[store+"expires"]; ok {
			return lastingFrom(q[store+"date"], lasts), true
		}
	}
	if v, ok := q["expires"]; ok { // S3 and CloudFront of old, Google's of old
		return unix(v, 10), true
	}
	if v, ok := q["se"]; ok && q["sig"] != "" { // Azure
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z", time.DateOnly} {
			if at, err := time.Parse(layout, v); err == nil {
				return at, true
			}
		}
		return time.Time{}, true
	}
	if v, ok := q["oe"]; ok && q["oh"] != "" { // Facebook, Instagram, WhatsApp
		return unix(v, 16), true
	}
	if v, ok := q["ex"]; ok && q["hm"] != "" { // Discord
		return unix(v, 16), true
	}
	for _, v := range q {
		if at, ok := tokenExpiry(v); ok {
			return at, true
		}
	}
	return time.Time{}, false
}

func lastingFrom(date, seconds string) time.Time {
	from, err := time.Parse("20060102T150405Z", date)
	n, nErr := strconv.ParseInt(seconds, 10, 32)
	if err != nil || nErr != nil {
		return time.Time{}
	}
	return from.Add(time.Duration(n) * time.Second)
}

func unix(v string, base int) time.Time {
	n, err := strconv.ParseInt(v, base, 64)
	if err != nil || n <= 0 || n > 1<<40 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// tokenExpiry is when a JSON web token ends; false if v is none, or has no end.
func tokenExpiry(v string) (time.Time, bool) {
	parts := strings.Split(v, ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, false
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil || !(claims.Exp > 0 && claims.Exp < 1<<40) {
		return time.Time{}, false
	}
	return time.Unix(int64(claims.Exp), 0).UTC(), true
}
