package amojo

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// The API's answers differ between its ages and brands: fields are missing or null, an empty object
// may be PHP's [], a number may be a string. One odd field must not make an answer unreadable, so the
// types here take what they can use and leave the rest out.

// text is a string; of a number it keeps the digits.
type text string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = text(s)
	case b[0] == '-' || b[0] >= '0' && b[0] <= '9':
		*t = text(b)
	}
	return nil
}

// number is a whole number, or a string that holds one.
type number int64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(b []byte) error {
	*n = number(decimal(b))
	return nil
}

// degrees is a coordinate, or a string that holds one.
type degrees float64

// UnmarshalJSON implements [json.Unmarshaler].
func (d *degrees) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(bytes.Trim(b, `"`)), 64)
	if err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
		*d = degrees(f)
	}
	return nil
}

// object is a JSON object, or nothing.
type object[T any] struct {
	is    bool
	value T
}

// UnmarshalJSON implements [json.Unmarshaler].
func (o *object[T]) UnmarshalJSON(b []byte) error {
	if b[0] != '{' {
		return nil
	}
	o.is = true
	return json.Unmarshal(b, &o.value)
}

func decimal(b []byte) int64 {
	s := string(bytes.Trim(b, `"`))
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) >= 1<<62 {
		return 0
	}
	return int64(f)
}

func isObject(b []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) }

const (
	maxDescription = 200  // runes of the server's words that an error keeps
	maxPlain       = 1024 // bytes of a plain body that are looked at
)

// plainText gives the gist of a body that is no JSON: the title of a gateway's HTML page, else its beginning.
func plainText(body []byte) string {
	s := string(body[:min(len(body), maxPlain)])
	if _, rest, ok := strings.Cut(s, "<title>"); ok {
		s, _, _ = strings.Cut(rest, "</title>")
	}
	return clean(s, maxDescription)
}

// clean makes foreign text fit for an error: valid UTF-8, one line, nothing that steers a terminal, at
// most limit runes.
func clean(s string, limit int) string {
	words := strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) })
	runes := []rune(strings.Join(words, " "))
	if len(runes) > limit {
		runes = append(runes[:limit-1], '…')
	}
	return string(runes)
}
