package amocrm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/amocrm"
)

// A server may repeat a request in its error, with whatever status.
func TestErrorsRepeatNothingThatWasSent(t *testing.T) {
	batch := []amocrm.NewContact{{RequestID: "p1", Name: "Ann Brown", Fields: []amocrm.FieldValues{amocrm.Phone("+7 915 111-22-33")}}}
	for said, kept := range map[string]bool{
		"blocked for 10 minutes":           true,
		"no such contact: Ann Brown":       false,
		"+7 915 111-22-33 is not welcome":  false,
		"nothing found for 9151112233 yet": false,
	} {
		for _, status := range []int{401, 402, 403, 404, 429, 500} {
			client := answering(status, nil, strings.NewReader(said))
			_, err := client.AddContacts(t.Context(), batch)
			if strings.Contains(said, "found for") {
				for _, err = range answering(status, nil, strings.NewReader(said)).SearchContacts(t.Context(), "9151112233") {
				}
			}
			var got *amocrm.Error
			if !errors.As(err, &got) {
				t.Fatal(err)
			}
			if (got.Detail != "") != kept || !kept && strings.Contains(err.Error(), said) {
				t.Errorf("%d %s: detail %q, error %q", status, said, got.Detail, err)
			}
		}
	}
}

// Where nothing was sent that could be compared, a server that shows the whole request must not show the token.
func TestErrorsRepeatNoToken(t *testing.T) {
	for _, said := range []string{"wants {} with map[Authorization:[Bearer token-1]]", "authorization: token-1", "you sent bearer token-1"} {
		for _, status := range []int{401, 402, 403, 404, 405} {
			client := answering(status, nil, strings.NewReader(said))
			if err := client.CloseTalk(t.Context(), 1, true); err == nil || strings.Contains(err.Error(), "token-1") {
				t.Errorf("%d: %v", status, err)
			}
		}
	}
}
