package amocrm

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
	s := string(bytes.Trim(b, `"`))
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		*n = number(i)
	} else if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<62 {
		*n = number(f)
	}
	return nil
}

// flag is true, 1 or "1"; anything else is false.
type flag bool

// UnmarshalJSON implements [json.Unmarshaler].
func (f *flag) UnmarshalJSON(b []byte) error {
	s := string(bytes.Trim(b, `"`))
	*f = s == "true" || s == "1"
	return nil
}

// object is a JSON object, or nothing.
type object[T any] struct{ value T }

// UnmarshalJSON implements [json.Unmarshaler].
func (o *object[T]) UnmarshalJSON(b []byte) error {
	if b[0] != '{' {
		return nil
	}
	return json.Unmarshal(b, &o.value)
}

// list is a JSON array of objects, or nothing. Elements that are no objects stay zero.
type list[T any] []T

// UnmarshalJSON implements [json.Unmarshaler].
func (l *list[T]) UnmarshalJSON(b []byte) error {
	if b[0] != '[' {
		return nil
	}
	var elements []object[T]
	if err := json.Unmarshal(b, &elements); err != nil {
		return err
	}
	*l = make(list[T], len(elements))
	for i, e := range elements {
		(*l)[i] = e.value
	}
	return nil
}

func firstOf(a, b text) text {
	if a != "" {
		return a
	}
	return b
}

func isObject(b []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) }

const (
	maxWords = 200  // runes of the server's words that an error keeps
	maxPlain = 1024 // bytes of a plain body that are looked at
)

// plainText gives the gist of a body that is no JSON: the title of a gateway's HTML page, else its beginning.
func plainText(body []byte) string {
	s := string(body[:min(len(body), maxPlain)])
	if _, rest, ok := strings.Cut(s, "<title>"); ok {
		s, _, _ = strings.Cut(rest, "</title>")
	}
	return clean(s, maxWords)
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
