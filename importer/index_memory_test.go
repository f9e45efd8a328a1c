package importer_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/sandbox"
)

// everything is what a value holds, through all pointers, as bytes.
func everything(v reflect.Value, into *bytes.Buffer) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			everything(v.Elem(), into)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			everything(v.Field(i), into)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			everything(v.Index(i), into)
		}
		into.WriteByte(0)
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			everything(entries.Key(), into)
			everything(entries.Value(), into)
		}
	case reflect.String:
		into.WriteString(v.String() + "\x00")
	case reflect.Uint8:
		into.WriteByte(byte(v.Uint()))
	}
}

// TestIndexHoldsNothingInClear: in memory there are hashes and contact ids, and two
// indexes of the same contacts have no hash in common.
func TestIndexHoldsNothingInClear(t *testing.T) {
	t.Parallel()
	w := sandbox.New(sandbox.Options{})
	put(t, w, card{name: "Secretname", phones: []string{"8 (912) 345-67-89"}, emails: []string{"Secret@Example.com"}, legacy: "legacy-77"})
	var held [2]bytes.Buffer
	for i := range held {
		v := finder(t, w.Transport(), 2000)
		if err := v.Expect(t.Context(), 5); err != nil {
			t.Fatal(err)
		}
		v.CRM, v.CRMRate = nil, nil
		everything(reflect.ValueOf(v), &held[i])
		if n := held[i].Len(); n < 3*12 {
			t.Fatalf("only %d bytes are seen: the test does not test", n)
		}
		for _, secret := range []string{"secret", "12345", "345-67", "legacy"} {
			if strings.Contains(strings.ToLower(held[i].String()), secret) {
				t.Errorf("it holds %q", secret)
			}
		}
	}
	for part := range bytes.SplitSeq(held[0].Bytes(), []byte{0}) {
		if len(part) >= 8 && bytes.Contains(held[1].Bytes(), part) {
			t.Errorf("two indexes share %x", part)
		}
	}
}

// endless answers as a list of n contacts, each with a phone and an e-mail, does.
func endless(n int) roundTrip {
	return func(req *http.Request) (*http.Response, error) {
		page, _ := strconv.Atoi(req.URL.Query().Get("page"))
		size, _ := strconv.Atoi(req.URL.Query().Get("limit"))
		var rows []string
		for i := (page - 1) * size; i < min(page*size, n); i++ {
			rows = append(rows, fmt.Sprintf(`{"id":%d,"name":"Name of %d","created_at":1500000000,"custom_fields_values":[
				{"field_code":"PHONE","values":[{"value":"+7912%07d"}]},{"field_code":"EMAIL","values":[{"value":"somebody.%d@example.com"}]}]}`, i+1, i, i, i))
		}
		if len(rows) == 0 {
			return answer(req, http.StatusNoContent, ""), nil
		}
		return answer(req, http.StatusOK, `{"_embedded":{"contacts":[`+strings.Join(rows, ",")+`]}}`), nil
	}
}

// indexed is the memory that an index of n contacts takes, in bytes a contact.
func indexed(t testing.TB, n int) float64 {
	v := finder(t, endless(n), 1e6)
	v.CRMRate = nil
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	if err := v.Expect(context.Background(), int64(n)); err != nil {
		t.Fatal(err)
	}
	with := heap()
	if err := v.Expect(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	without := heap()
	runtime.KeepAlive(v)
	return (float64(with) - float64(without)) / float64(n)
}

// TestIndexIsSmall: some tens of bytes for each key of a contact; and it is dropped
// when nobody more is looked for.
func TestIndexIsSmall(t *testing.T) { // not parallel: it measures the memory of all
	if each := indexed(t, 50_000); each < 40 || each > 150 {
		t.Errorf("%.0f bytes a contact", each)
	}
}

func BenchmarkIndex(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		b.ReportMetric(indexed(b, n), "B/contact")
	}
}
