package tidy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer/ledger"
)

// refuse writes down which leads of a batch were refused, and why. A batch with a bad element is refused whole, so the
// others may be tried again. The error says that the fault is not theirs.
func (l *leader) refuse(answer *amocrm.Error, group []ledger.Leadless, leads []ledger.Lead, batch []amocrm.NewLead) error {
	refused := 0
	// Where a lead was made, or where some were refused before, as of contacts that are gone, it says nothing of the others.
	telling := l.made == 0 && !slices.ContainsFunc(group, func(c ledger.Leadless) bool { return c.Refused })
	for _, e := range answer.Elements {
		at := slices.IndexFunc(batch, func(n amocrm.NewLead) bool { return n.RequestID == e.RequestID })
		if n, err := strconv.Atoi(e.RequestID); at < 0 && err == nil && n >= 0 && n < len(batch) {
			at = n
		}
		if at < 0 || leads[at].Reason != "" {
			continue
		}
		refused++
		leads[at].Reason, leads[at].Detail = Rejected, codes(e)
		if slices.ContainsFunc(e.Faults, isShared) {
			return &SettingsError{Detail: codes(e), Err: answer}
		}
	}
	switch {
	case telling && refused == len(batch) && len(batch) > 1:
		return &SettingsError{Detail: leads[0].Detail, Err: answer}
	case refused > 0:
	case len(batch) == 1:
		leads[0].Reason = Rejected
		refused = 1
	}
	if telling && refused > 0 && len(batch) == 1 && l.failed() {
		return &SettingsError{Detail: leads[0].Detail, Err: answer}
	}
	return nil
}

// isShared says whether a fault is about what all leads have in common.
func isShared(f amocrm.Fault) bool {
	return slices.ContainsFunc([]string{"pipeline_id", "status_id", "tags"}, func(key string) bool { return strings.Contains(f.Path, key) })
}

// codes is what an answer says is wrong with an element, in codes and paths, and nothing that may be foreign text.
func codes(e amocrm.ElementError) string {
	var said []string
	for _, f := range e.Faults {
		said = append(said, strings.TrimSpace(plainWord(f.Code)+" "+plainWord(f.Path)))
	}
	return strings.Join(said, ", ")
}

func plainWord(s string) string {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_.-", r) {
			return "?"
		}
	}
	return s
}

// SettingsError says that amoCRM refuses all leads, or what they have in common.
type SettingsError struct {
	Detail string // codes and paths that it names
	Err    error
}

func (e *SettingsError) Error() string {
	if e.Detail == "" {
		return "amoCRM refuses the leads: " + e.Err.Error()
	}
	return fmt.Sprintf("amoCRM refuses the leads for what they have in common (%s): %v", e.Detail, e.Err)
}

func (e *SettingsError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *SettingsError) Hint() string {
	return "Look at leads.pipeline_id, leads.status_id, leads.name and leads.tags; what was made before stays, and the same command goes on."
}
