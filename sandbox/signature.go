package sandbox

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// signatureLife is how long a signature is good, counted from its Date.
const signatureLife = 15 * time.Minute

// sign is the chats API's signature.
// https://www.amocrm.ru/developers/content/chats/chat-step-by-step
func sign(secret, method, contentMD5, contentType, date, path string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(strings.Join([]string{strings.ToUpper(method), contentMD5, contentType, date, path}, "\n")))
	return hex.EncodeToString(mac.Sum(nil))
}

// checkSignature says what is wrong with a request's signature. now is the server's time.
func checkSignature(rq *request, secret string, now time.Time) error {
	h := rq.header
	sum := md5.Sum(rq.body)
	date := h.Get("Date")
	sent, err := parseDate(date)
	switch {
	case h.Get("Content-Type") != typeJSON:
		return fmt.Errorf("header Content-Type is %q, not exactly %s", h.Get("Content-Type"), typeJSON)
	case h.Get("Content-MD5") != hex.EncodeToString(sum[:]):
		return errors.New("header Content-MD5 is not the lower-case hex MD5 of the body")
	case err != nil:
		return err
	case now.Sub(sent) > signatureLife, sent.Sub(now) > signatureLife:
		return errors.New("header Date is more than 15 minutes away from the server's clock")
	}
	want := sign(secret, rq.method, h.Get("Content-MD5"), h.Get("Content-Type"), date, rq.url.EscapedPath())
	if !hmac.Equal([]byte(h.Get("X-Signature")), []byte(want)) {
		return errors.New("header X-Signature does not match method, MD5, type, date and path")
	}
	return nil
}

// parseDate reads an RFC 2822 date, with a numeric zone as documented or with GMT as some clients send it.
func parseDate(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC1123Z, http.TimeFormat, "Mon, 2 Jan 2006 15:04:05 -0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("header Date is no RFC 2822 date")
}
