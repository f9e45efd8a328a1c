package amojo_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/amojo"
)

// A server may repeat a request in its error, with whatever status.
func TestErrorsRepeatNothingThatWasSent(t *testing.T) {
	m := amojo.Message{MsgID: "m1", Sender: amojo.Party{ID: "c1", Name: "Ann \u00a0Brown"}, Content: amojo.Content{Text: "a long story about an elephant"}}
	for said, kept := range map[string]bool{
		"blocked for 10 minutes":            true,
		"stop, Ann Brown":                   false,
		`{"text":"a long story about an e…`: false,
	} {
		for _, status := range []int{402, 403, 404, 429, 500} {
			_, err := answering(status, nil, strings.NewReader(said)).SendMessage(t.Context(), m)
			var got *amojo.Error
			if !errors.As(err, &got) {
				t.Fatal(err)
			}
			if (got.Description != "") != kept || strings.Contains(err.Error(), "elephant") {
				t.Errorf("%d %s: description %q, error %q", status, said, got.Description, err)
			}
		}
	}
}
