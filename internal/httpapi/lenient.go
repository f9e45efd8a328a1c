package httpapi

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
)

// The APIs' answers differ between their ages and brands: fields are missing or null, an empty object may be
// PHP's [], a number may be a string. One odd field must not make an answer unreadable, so the types here
// take what they can use and leave the rest out.

// Text is a string; of a number it keeps the digits.
type Text string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Text) UnmarshalJSON(b []byte) error {
	switch {
	case b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = Text(s)
	case b[0] == '-' || b[0] >= '0' && b[0] <= '9':
		*t = Text(b)
	}
	return nil
}

// Number is a whole number, or a string that holds one.
type Number int64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *Number) UnmarshalJSON(b []byte) error {
	s := string(bytes.Trim(b, `"`))
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		*n = Number(i)
	} else if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<62 {
		*n = Number(f)
	}
	return nil
}

// Degrees is a coordinate, or a string that holds one.
type Degrees float64

// UnmarshalJSON implements [json.Unmarshaler].
func (d *Degrees) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(bytes.Trim(b, `"`)), 64)
	if err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
		*d = Degrees(f)
	}
	return nil
}

// Flag is true, 1 or "1"; anything else is false.
type Flag bool

// UnmarshalJSON implements [json.Unmarshaler].
func (f *Flag) UnmarshalJSON(b []byte) error {
	s := string(bytes.Trim(b, `"`))
	*f = s == "true" || s == "1"
	return nil
}

// Object is a JSON object, or nothing.
type Object[T any] struct {
	Is    bool // there was one
	Value T
}

// UnmarshalJSON implements [json.Unmarshaler].
func (o *Object[T]) UnmarshalJSON(b []byte) error {
	if b[0] != '{' {
		return nil
	}
	o.Is = true
	return json.Unmarshal(b, &o.Value)
}

// List is a JSON array of objects, or nothing. Elements that are no objects stay zero.
type List[T any] []T

// UnmarshalJSON implements [json.Unmarshaler].
func (l *List[T]) UnmarshalJSON(b []byte) error {
	if b[0] != '[' {
		return nil
	}
	var elements []Object[T]
	if err := json.Unmarshal(b, &elements); err != nil {
		return err
	}
	*l = make(List[T], len(elements))
	for i, e := range elements {
		(*l)[i] = e.Value
	}
	return nil
}

// IsObject says whether JSON begins like an object.
func IsObject(b []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) }
