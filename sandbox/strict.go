package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Both APIs mind the documented type of every argument: a number sent as a string is refused, and so is a null.
// encoding/json into structs is too kind for that (it ignores the case of keys and takes null for anything), hence
// this reader over plain values.

// fault is one thing wrong with a request body.
type fault struct {
	Code   string `json:"code"`
	Path   string `json:"path"`
	Detail string `json:"detail"`
}

// object reads typed values out of one JSON object and notes what is wrong, with its path, in faults.
type object struct {
	path   string
	values map[string]any
	faults *[]fault
}

// parse reads a whole body as one JSON value.
func parse(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("body is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("body is not valid JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("body holds more than one JSON value")
	}
	return v, nil
}

// parseObject reads a body that must be one JSON object.
func parseObject(body []byte) (object, error) {
	v, err := parse(body)
	if err != nil {
		return object{}, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return object{}, errors.New("body must be a JSON object")
	}
	return object{values: m, faults: new([]fault)}, nil
}

func (o object) fail(key, code, detail string) {
	*o.faults = append(*o.faults, fault{code, o.at(key), detail})
}

func (o object) at(key string) string {
	if o.path == "" || key == "" {
		return o.path + key
	}
	return o.path + "." + key
}

func (o object) has(key string) bool { _, ok := o.values[key]; return ok }

// get returns the value at key; a value that is needed and absent is a fault.
func (o object) get(key string, need bool) (any, bool) {
	v, ok := o.values[key]
	if !ok && need {
		o.fail(key, "NotBlank", "This field is missing.")
	}
	return v, ok
}

func (o object) wrong(key, want string) {
	o.fail(key, "InvalidType", "This value should be of type "+want+".")
}

// str returns a string; one that is needed must not be empty.
func (o object) str(key string, need bool) string {
	v, ok := o.get(key, need)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	switch {
	case !ok:
		o.wrong(key, "string")
	case need && s == "":
		o.fail(key, "NotBlank", "This value should not be blank.")
	}
	return s
}

// id returns one of our ids: at most 64 printable ASCII characters.
func (o object) id(key string, need bool) string {
	s := o.str(key, need)
	if !printable(s, 64) || strings.Contains(s, " ") {
		o.fail(key, "InvalidValue", "This value should be at most 64 ASCII characters.")
	}
	return s
}

func printable(s string, most int) bool {
	if len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// integer returns a whole number; ok is false if it is absent or wrong.
func (o object) integer(key string, need bool) (n int64, ok bool) {
	v, ok := o.get(key, need)
	if !ok {
		return 0, false
	}
	if n, ok = wholeNumber(v); !ok {
		o.wrong(key, "int")
	}
	return n, ok
}

func wholeNumber(v any) (int64, bool) {
	num, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(num.String(), 10, 64)
	return n, err == nil
}

func (o object) number(key string, need bool) float64 {
	v, ok := o.get(key, need)
	if !ok {
		return 0
	}
	num, _ := v.(json.Number)
	f, err := num.Float64()
	if err != nil || math.IsInf(f, 0) {
		o.wrong(key, "float")
	}
	return f
}

// boolean returns a bool; ok is false if it is absent or wrong.
func (o object) boolean(key string, need bool) (b, ok bool) {
	v, ok := o.get(key, need)
	if !ok {
		return false, false
	}
	if b, ok = v.(bool); !ok {
		o.wrong(key, "bool")
	}
	return b, ok
}

// child returns an object inside this one; ok is false if it is absent or wrong.
func (o object) child(key string, need bool) (object, bool) {
	v, ok := o.get(key, need)
	if !ok {
		return object{}, false
	}
	return o.sub(key, v)
}

// sub reads v, found at key, as an object.
func (o object) sub(key string, v any) (object, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		o.wrong(key, "object")
		return object{}, false
	}
	return object{path: o.at(key), values: m, faults: o.faults}, true
}

func (o object) list(key string, need bool) []any {
	v, ok := o.get(key, need)
	if !ok {
		return nil
	}
	l, ok := v.([]any)
	if !ok {
		o.wrong(key, "array")
	}
	return l
}

// objects returns the objects of an array at key.
func (o object) objects(key string, need bool) []object {
	var all []object
	for i, v := range o.list(key, need) {
		if c, ok := o.sub(key+"."+strconv.Itoa(i), v); ok {
			all = append(all, c)
		}
	}
	return all
}
