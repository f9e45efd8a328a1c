package compose_test

import (
	"encoding/hex"
	"reflect"
	"testing"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
)

func TestStamp(t *testing.T) {
	m := part()
	compose.Stamp(&m, 1639660529379)
	if m.Timestamp != 1639660529 || m.MsecTimestamp != 1639660529379 {
		t.Errorf("stamped %d and %d", m.Timestamp, m.MsecTimestamp)
	}
}

// This value must NEVER change: ledgers of running imports hold it.
func TestGoldenBodyHash(t *testing.T) {
	m := part(from(settings().Bot))
	compose.Stamp(&m, 1639660529379)
	sum := compose.BodyHash(m)
	if got, want := hex.EncodeToString(sum[:]), "678dae1f31f03624c53879e9967413910b42a8e642aca05c2f2d1846c3a44e5d"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Each field of a message, also one that is added later, changes the hash.
func TestBodyHashCoversEveryField(t *testing.T) {
	full := func() *amojo.Message {
		m := new(amojo.Message)
		allocate(reflect.ValueOf(m).Elem())
		return m
	}
	seen := map[[32]byte]string{compose.BodyHash(*full()): "no field"}
	try := func(m *amojo.Message, path string) {
		h := compose.BodyHash(*m)
		if other, ok := seen[h]; ok {
			t.Errorf("setting %s and %s give one hash", path, other)
		}
		seen[h] = path
	}
	for i := range leaves(reflect.ValueOf(full()).Elem()) {
		m := full()
		leaf := leaves(reflect.ValueOf(m).Elem())[i]
		switch v := leaf.value; v.Kind() {
		case reflect.String:
			v.SetString("x")
		case reflect.Int64:
			v.SetInt(1)
		case reflect.Float64:
			v.SetFloat(1)
		case reflect.Bool:
			v.SetBool(true)
		default:
			t.Fatalf("%s is a %s: teach the test and the hash about it", leaf.path, v.Kind())
		}
		try(m, leaf.path)
	}
	try(&amojo.Message{}, "nothing, with no optional part")
}

// allocate sets each pointer to a zero value.
func allocate(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.Pointer {
			f.Set(reflect.New(f.Type().Elem()))
			f = f.Elem()
		}
		if f.Kind() == reflect.Struct {
			allocate(f)
		}
	}
}

type leaf struct {
	path  string
	value reflect.Value
}

func leaves(v reflect.Value) []leaf {
	var all []leaf
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		if f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		if f.Kind() != reflect.Struct {
			all = append(all, leaf{name, f})
			continue
		}
		for _, l := range leaves(f) {
			all = append(all, leaf{name + "." + l.path, l.value})
		}
	}
	return all
}
