package importer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/pace"
	"github.com/amoimport/amoimport/sandbox"
)

// legacyField is the sandbox's custom field for legacy ids.
const legacyField = 9003

// finder is a target over API v4 alone, at a rate of departures per second.
func finder(t testing.TB, way http.RoundTripper, rate float64) *importer.Live {
	t.Helper()
	crm, err := amocrm.New(&http.Client{Transport: amocrm.Authorizer{Source: amocrm.LongLivedToken(sandbox.New(sandbox.Options{}).Options().Token),
		Base: &pace.Transport{Pacer: pace.New(pace.Config{Name: "API v4", Rate: rate}), AttemptTimeout: time.Minute, Base: way}}}, "https://example.amocrm.test")
	if err != nil {
		t.Fatal(err)
	}
	return &importer.Live{CRM: crm, Region: "RU", LegacyField: legacyField, CRMRate: func() float64 { return rate }}
}

// card is a contact that is there before anybody is looked for.
type card struct {
	name           string
	created        int64
	phones, emails []string
	legacy         string
	deleted        bool
}

// put makes contacts in a world and returns their ids.
func put(t testing.TB, w *sandbox.World, cards ...card) []int {
	t.Helper()
	var ids []int
	for chunk := range slices.Chunk(cards, 250) {
		var batch []any
		for _, c := range chunk {
			var fields []any
			field := func(key string, id any, values []string) {
				var all []any
				for _, v := range values {
					all = append(all, map[string]any{"value": v})
				}
				if len(all) > 0 {
					fields = append(fields, map[string]any{key: id, "values": all})
				}
			}
			field("field_code", "PHONE", c.phones)
			field("field_code", "EMAIL", c.emails)
			if c.legacy != "" {
				field("field_id", legacyField, []string{c.legacy})
			}
			one := map[string]any{"name": c.name}
			if c.created != 0 {
				one["created_at"] = c.created
			}
			if fields != nil {
				one["custom_fields_values"] = fields
			}
			batch = append(batch, one)
		}
		body, err := json.Marshal(batch)
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequest(http.MethodPost, "https://example.amocrm.test/api/v4/contacts", bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+w.Options().Token)
		answer := httptest.NewRecorder()
		w.ServeHTTP(answer, req)
		var made struct {
			Embedded struct{ Contacts []struct{ ID int } } `json:"_embedded"`
		}
		if err := json.Unmarshal(answer.Body.Bytes(), &made); err != nil || len(made.Embedded.Contacts) != len(chunk) {
			t.Fatalf("contacts were not made: %d %s", answer.Code, answer.Body)
		}
		for i, c := range made.Embedded.Contacts {
			if chunk[i].deleted {
				w.DeleteContact(c.ID)
			}
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// numbered are contacts with a phone each.
func numbered(from, n int) []card {
	cards := make([]card, n)
	for i := range cards {
		cards[i] = card{name: "Number " + strconv.Itoa(from+i), phones: []string{phone(from + i)}}
	}
	return cards
}

func phone(n int) string { return fmt.Sprintf("+7912%07d", n) }

// byPhone is somebody of whom a phone is known.
func byPhone(phone string) importer.Person { return importer.Person{Phone: phone, ByPhone: true} }

// lists is how often contacts were listed, or searched for.
func lists(w *sandbox.World) int { return w.Counters().Requests["GET /api/v4/contacts"] }
