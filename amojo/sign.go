package amojo

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// SigningTransport signs each request the moment it goes out: a signature lives 15 minutes from its
// Date, so one made before a long wait would be refused. It belongs right above the network, below
// everything that waits or repeats.
//
// It sets Date, Content-Type, Content-MD5 and X-Signature on a copy of the request, GET included;
// the bytes that are hashed are the bytes that are sent. The signed path is the path as sent, without
// the query: behind a proxy that adds a path prefix the API would see another path than the one that
// was signed, so a prefix is only for servers that check the path as they get it.
//
// https://www.amocrm.ru/developers/content/chats/chat-api-reference
type SigningTransport struct {
	Secret string            // the channel's secret, as text: it is not hex to be decoded
	Base   http.RoundTripper // nil: http.DefaultTransport
	Now    func() time.Time  // nil: time.Now
}

var errNoSecret = errors.New("amojo: no channel secret to sign with")

// RoundTrip implements [http.RoundTripper].
func (t SigningTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := takeBody(req)
	if err != nil {
		return nil, fmt.Errorf("amojo: read the body to sign: %w", err)
	}
	if t.Secret == "" {
		return nil, errNoSecret
	}
	signed := req.Clone(req.Context())
	if len(body) == 0 {
		signed.Body, signed.GetBody, signed.ContentLength = http.NoBody, nil, 0
	} else {
		signed.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		signed.Body, _ = signed.GetBody()
		signed.ContentLength = int64(len(body))
	}
	t.sign(signed, body)

	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	return base.RoundTrip(signed)
}

// Format prints the type's name only, so that no verb shows the secret.
func (SigningTransport) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "amojo.SigningTransport")
}

func (t SigningTransport) sign(req *http.Request, body []byte) {
	now := time.Now
	if t.Now != nil {
		now = t.Now
	}
	path := req.URL.EscapedPath()
	if path == "" {
		path = "/" // what net/http puts on the request line
	}
	sum := md5.Sum(body)
	contentMD5 := hex.EncodeToString(sum[:]) // hex, not the base64 of RFC 1864
	date := now().UTC().Format(time.RFC1123Z)

	req.Header.Set("Date", date)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Content-MD5", contentMD5)
	req.Header.Set("X-Signature", signature(t.Secret, req.Method, contentMD5, date, path))
}

func signature(secret, method, contentMD5, date, path string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	_, _ = io.WriteString(mac, strings.Join([]string{method, contentMD5, contentType, date, path}, "\n"))
	return hex.EncodeToString(mac.Sum(nil))
}

const contentType = "application/json"

// takeBody reads a request's body to its end and closes it, as a RoundTripper must.
func takeBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(req.Body)
	if closeErr := req.Body.Close(); err == nil {
		err = closeErr
	}
	return body, err
}
