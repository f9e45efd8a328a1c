package importer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
)

// TestSearchOrIndex: whether contacts are searched for, or all of them were read
// before, the same ones are found.
func TestSearchOrIndex(t *testing.T) {
	t.Parallel()
	cards := []card{
		{name: "formatted", phones: []string{"8 (912) 000-00-01"}},
		{name: "bare", phones: []string{"79120000002"}},
		{name: "no country", phones: []string{"9120000003"}},
		{name: "two in one", phones: []string{"+79120000004, +79120000099"}},
		{name: "with words", phones: []string{"8 912 000 00 05 Anna"}},
		{name: "newer", created: 1600000000, phones: []string{"+79120000006"}},
		{name: "older", created: 1500000000, phones: []string{"8-912-000-00-06"}},
		{name: "between", created: 1550000000, phones: []string{"+49 151 23456789", "8 912 000 00 06"}},
		{name: "in the bin", phones: []string{"+79120000007"}, deleted: true},
		{name: "older, in the bin", created: 1500000000, phones: []string{"+79120000008"}, deleted: true},
		{name: "its double", created: 1600000000, phones: []string{"+79120000008"}},
		{name: "mixed case", emails: []string{"Mixed.Case@Example.com"}},
		{name: "first of two e-mails", created: 1500000000, emails: []string{"two@example.com"}},
		{name: "second of two e-mails", created: 1500000000, emails: []string{"other@example.com", "TWO@example.com"}},
		{name: "near", legacy: "imp1-c100"},
		{name: "by field", legacy: "imp1-c10"},
		{name: "phone of three", phones: []string{"+79120000011"}},
		{name: "e-mail of three", emails: []string{"three@example.com"}},
		{name: "field of three", legacy: "imp1-c11"},
		{name: "one phone twice", phones: []string{"+7 912 000-00-14", "89120000014"}},
		{name: "no phone", phones: []string{"none"}, emails: []string{"none"}},
		{name: "+79120000015"}, // a name is no phone
	}
	for name, c := range map[string]struct {
		p                    importer.Person
		oldest, newest, park string // names; "" for nobody
		how                  ledger.Found
	}{
		"formatted":          {byPhone("+79120000001"), "formatted", "formatted", "formatted", ledger.ByPhone},
		"bare":               {byPhone("8 912 000 00 02"), "bare", "bare", "bare", ledger.ByPhone},
		"no country":         {byPhone("+7 (912) 000-00-03"), "no country", "no country", "no country", ledger.ByPhone},
		"first of a field":   {byPhone("9120000004"), "two in one", "two in one", "two in one", ledger.ByPhone},
		"second of a field":  {byPhone("+79120000099"), "", "", "", ""},
		"with words":         {byPhone("+79120000005"), "with words", "with words", "with words", ledger.ByPhone},
		"shared":             {byPhone("+79120000006"), "older", "newer", "older between newer", ledger.ByPhone},
		"foreign":            {byPhone("+4915123456789"), "between", "between", "between", ledger.ByPhone},
		"deleted":            {byPhone("+79120000007"), "", "", "", ""},
		"one of two deleted": {byPhone("+79120000008"), "its double", "its double", "its double", ledger.ByPhone},
		"e-mail": {importer.Person{Email: " mixed.case@EXAMPLE.com", ByEmail: true},
			"mixed case", "mixed case", "mixed case", ledger.ByEmail},
		"equally old": {importer.Person{Email: "two@example.com", ByEmail: true},
			"first of two e-mails", "second of two e-mails", "first of two e-mails second of two e-mails", ledger.ByEmail},
		"field": {importer.Person{ClientID: "imp1-c10"}, "by field", "by field", "by field", ledger.ByField},
		"field first": {importer.Person{ClientID: "imp1-c11", Phone: "+79120000011", ByPhone: true, Email: "three@example.com", ByEmail: true},
			"field of three", "field of three", "field of three", ledger.ByField},
		"then the phone": {importer.Person{ClientID: "imp1-c12", Phone: "+79120000011", ByPhone: true, Email: "three@example.com", ByEmail: true},
			"phone of three", "phone of three", "phone of three", ledger.ByPhone},
		"then the e-mail": {importer.Person{ClientID: "imp1-c12", Phone: "+79120000012", ByPhone: true, Email: "three@example.com", ByEmail: true},
			"e-mail of three", "e-mail of three", "e-mail of three", ledger.ByEmail},
		"a phone that many share": {importer.Person{ClientID: "imp1-c12", Phone: "+79120000011", Email: "three@example.com", ByEmail: true},
			"e-mail of three", "e-mail of three", "e-mail of three", ledger.ByEmail},
		"an e-mail that many share": {importer.Person{ClientID: "imp1-c12", Email: "three@example.com"}, "", "", "", ""},
		"one phone twice":           {byPhone("+79120000014"), "one phone twice", "one phone twice", "one phone twice", ledger.ByPhone},
		"no phone":                  {importer.Person{Phone: "none", ByPhone: true, Email: "none", ByEmail: true}, "", "", "", ""},
		"a phone in a name":         {byPhone("+79120000015"), "", "", "", ""},
		"nobody":                    {importer.Person{ClientID: "imp1-c99", Phone: "+79129999999", ByPhone: true, Email: "nobody@example.com", ByEmail: true}, "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandbox.New(sandbox.Options{})
			names := map[int64]string{}
			for i, id := range put(t, w, cards...) {
				names[int64(id)] = cards[i].name
			}
			for _, indexed := range []bool{false, true} {
				for choice, want := range map[importer.OnAmbiguous]string{importer.Oldest: c.oldest, importer.Newest: c.newest, importer.Park: c.park} {
					v := finder(t, w.Transport(), 2000)
					v.OnAmbiguous = choice
					if indexed {
						if err := v.Expect(t.Context(), 100); err != nil {
							t.Fatal(err)
						}
					}
					asked := lists(w)
					m, err := v.FindContact(t.Context(), c.p)
					got := names[m.ContactID]
					var ambiguous *importer.AmbiguousError
					if errors.As(err, &ambiguous) {
						var all []string
						for _, id := range ambiguous.Contacts {
							all = append(all, names[id])
						}
						got = strings.Join(all, " ")
					} else if err != nil {
						t.Fatal(err)
					}
					if got != want || m.How != c.how && ambiguous == nil {
						t.Errorf("index %v, %s: found %q %s, want %q %s", indexed, choice, got, m.How, want, c.how)
					}
					if n := lists(w) - asked; indexed && n != 0 {
						t.Errorf("%d requests beside the index", n)
					}
				}
			}
		})
	}
}

// TestBin: a contact that is listed though it is deleted is not found.
func TestBin(t *testing.T) {
	t.Parallel()
	v := finder(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		return answer(req, http.StatusOK, `{"_embedded":{"contacts":[{"id":5,"is_deleted":true,"custom_fields_values":[{"field_code":"PHONE","values":[{"value":"`+phone(1)+`"}]}]}]}}`), nil
	}), 2000)
	for _, people := range []int64{0, 5} { // searched for, indexed
		if err := v.Expect(t.Context(), people); err != nil {
			t.Fatal(err)
		}
		if m, err := v.FindContact(t.Context(), byPhone(phone(1))); err != nil || m.ContactID != 0 {
			t.Errorf("found %+v %v", m, err)
		}
	}
}

// TestCheaperWay: all contacts are read when there are more people than pages of
// them, and only then; what was chosen is told, with the counts.
func TestCheaperWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		contacts int
		people   int64
		pages    int // as told
		index    bool
		requests int // to choose, and to read
	}{
		"nobody":                          {600, 0, 0, false, 0},
		"an empty account":                {0, 1, 0, true, 1},
		"one page, one person":            {100, 1, 1, false, 1},
		"one page, two people":            {100, 2, 1, true, 1 + 1},
		"as many people as pages":         {600, 3, 3, false, 4}, // pages 1, 2, 4, 3
		"one more":                        {600, 4, 3, true, 3 + 3},
		"one less":                        {600, 2, 2, false, 2},
		"many more":                       {600, 1 << 40, 3, true, 3 + 3},
		"full pages":                      {500, 3, 2, true, 4 + 3}, // 1, 2, 4, 3; pages overlap
		"full pages, as many people":      {500, 2, 2, false, 2},
		"between the pages that are seen": {250 * 5, 7, 5, true, 5 + 6}, // 1, 2, 4, 8, 6
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandbox.New(sandbox.Options{})
			put(t, w, numbered(1, c.contacts)...)
			v := finder(t, w.Transport(), 2000)
			var told bytes.Buffer
			v.Log = zerolog.New(&told)
			if err := v.Expect(t.Context(), c.people); err != nil {
				t.Fatal(err)
			}
			if n := lists(w); n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
			const looked = 5
			for n := 1; n <= looked; n++ {
				m, err := v.FindContact(t.Context(), byPhone(phone(n)))
				if err != nil || (m.ContactID != 0) != (n <= c.contacts) {
					t.Errorf("%s: found %+v %v", phone(n), m, err)
				}
			}
			more := looked
			if c.index {
				more = 0
			}
			if n := lists(w) - c.requests; n != more {
				t.Errorf("%d requests to look for %d people, want %d", n, looked, more)
			}
			if c.people == 0 {
				if told.Len() > 0 {
					t.Errorf("it told %s", &told)
				}
				return
			}
			var got []string
			for line := range strings.Lines(told.String()) {
				var said map[string]any
				if err := json.Unmarshal([]byte(line), &said); err != nil {
					t.Fatal(err)
				}
				delete(said, "level")
				delete(said, "message")
				one, _ := json.Marshal(said)
				got = append(got, string(one))
			}
			want := []string{fmt.Sprintf(`{"list_requests":%d,"pages":%d,"people":%d,"search_requests":%d}`, c.pages, c.pages, c.people, c.people)}
			if c.index {
				want = append(want, fmt.Sprintf(`{"contacts":%d,"requests":%d}`, c.contacts, c.requests))
			}
			if c.people < 1<<40 { // JSON's numbers are floats here
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			}
			if strings.Contains(told.String(), "912") {
				t.Errorf("it told %s", &told)
			}
		})
	}
}
