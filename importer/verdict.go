package importer

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/pace"
)

// chatsVerdict says what a failed POST to amojo means for the run. The parties
// and texts of the request are taken out of what the server says of it.
func chatsVerdict(err error, sent ...amojo.Party) error {
	var answer *amojo.Error
	var lost *amojo.CallError
	switch {
	case err == nil, pace.NotSent(err):
		return err
	case errors.As(err, &answer):
		if answer.Rejected() {
			return &RefusedError{Detail: redact(fmt.Sprintf("%d %s %s", answer.Status, answer.Type, answer.Description), sent), Err: err}
		}
		return applied(answer.Status, err)
	case errors.As(err, &lost):
		return fmt.Errorf("%w: %w", ErrInDoubt, err)
	}
	return err
}

// crmVerdict says what a failed call to API v4 means for the run.
func crmVerdict(err error) error {
	var answer *amocrm.Error
	var lost *amocrm.CallError
	var unanswered *UnansweredError
	switch {
	case err == nil, pace.NotSent(err), errors.As(err, &unanswered):
		return err
	case errors.As(err, &answer):
		if answer.Rejected() || answer.NotFound() {
			return &RefusedError{Detail: faultsOf(answer), Err: err}
		}
		return applied(answer.Status, err)
	case errors.As(err, &lost):
		return fmt.Errorf("%w: %w", ErrInDoubt, err)
	}
	return err
}

// applied is the error of an answer with a status that is no refusal of this one
// thing. Only some statuses say that nothing was done, and that nothing will be:
// they stop the run. With any other the request may have been applied.
func applied(status int, err error) error {
	switch status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusTooManyRequests:
		return err
	}
	return fmt.Errorf("%w: %w", ErrInDoubt, err)
}

// faultsOf is what an answer says is wrong, in codes and paths.
func faultsOf(answer *amocrm.Error) string {
	said := []string{fmt.Sprint(answer.Status)}
	for _, e := range answer.Elements {
		for _, f := range e.Faults {
			said = append(said, strings.TrimSpace(f.Code+" "+f.Path))
		}
	}
	return strings.Join(said, ", ")
}

// redact takes what was sent out of what the server says: its reason is worth
// keeping, the client's words and numbers are not to be kept.
func redact(said string, sent []amojo.Party) string {
	if whole, cut := strings.CutSuffix(said, "…"); cut {
		said = whole[:strings.LastIndexByte(whole, ' ')+1] + "…" // half a word is not recognised
	}
	for _, p := range sent {
		// What cannot be seen parts words in an error's text.
		for word := range strings.FieldsFuncSeq(p.Name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }) {
			if utf8.RuneCountInString(word) > 2 {
				said = strings.ReplaceAll(said, word, "…")
			}
		}
	}
	said = addressLike.ReplaceAllLiteralString(numberLike.ReplaceAllLiteralString(said, "…"), "…")
	return strings.TrimSpace(said)
}

// What looks like a phone or an e-mail, however it is written.
var (
	numberLike  = regexp.MustCompile(`\+?\d[\d ().-]{5,}\d`)
	addressLike = regexp.MustCompile(`[^\s@]+@[^\s@]+`)
)
