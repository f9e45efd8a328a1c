package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/source"
)

// The exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // wrong use or configuration
	exitParked      = 3 // done, but something is parked
	exitHeld        = 4 // another run holds the ledger
	exitInterrupted = 130
)

// usageError is a command line that makes no sense.
type usageError struct {
	problem string
	command string // such as "amoimport run"
	meant   string // the command that may have been meant, if any
}

func (e *usageError) Error() string { return e.problem }

// Hint says what to do.
func (e *usageError) Hint() string {
	if e.meant != "" {
		return fmt.Sprintf("Did you mean `%s %s`? `%s --help` lists all there is.", e.command, e.meant, e.command)
	}
	return fmt.Sprintf("`%s --help` says what it takes.", e.command)
}

// fault is something that this command itself found wrong.
type fault struct {
	problem string
	hint    string
	err     error // the cause, if any; part of the problem's text already
}

func (e *fault) Error() string { return e.problem }
func (e *fault) Unwrap() error { return e.err }

// Hint says what to do.
func (e *fault) Hint() string { return e.hint }

// parkedError says that a run went to its end and left something to a person.
type parkedError struct {
	messages int64
	held     ledger.Held
	dry      bool // it was a dry run
	verified bool // it was a reading back
}

func (e *parkedError) Error() string {
	if e.dry {
		return plural(e.messages, "message", "messages") + " would be parked"
	}
	if e.verified {
		return fmt.Sprintf("what was sent is in the chats, but %s parked", plural(e.messages, "message is", "messages are"))
	}
	said := fmt.Sprintf("done, but %s parked", plural(e.messages, "message is", "messages are"))
	if h := e.held; h.Messages > 0 {
		said += fmt.Sprintf(", and %s at one, with %s", plural(h.Conversations, "conversation waits", "conversations wait"), plural(h.Messages, "message held", "messages held"))
	}
	return said
}

// Hint says what to do.
func (e *parkedError) Hint() string {
	if e.dry {
		if e.held.Messages > 0 {
			return "The list above says why and what to do; a run would send nothing that comes behind them in their conversations."
		}
		return "The list above says why and what to do; a run would go on without them."
	}
	if e.verified {
		return "`amoimport parked list` says why and what to do."
	}
	return "The table above says why and what to do; `amoimport parked list` shows each of them."
}

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

func exitCode(err error) int {
	var (
		usage  *usageError
		cfg    *config.Error
		parked *parkedError
		left   *leftError
		held   *ledger.HeldError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &usage), errors.As(err, &cfg):
		return exitUsage
	case errors.As(err, &parked), errors.As(err, &left):
		return exitParked
	case errors.As(err, &held):
		return exitHeld
	}
	return exitFailed
}

// finding is one thing that is wrong, and what to do about it.
type finding struct{ problem, hint string }

// explain tells a person what went wrong: what and where on one line, what to do
// on the next. Errors that gather several findings get a line for each.
func explain(w io.Writer, err error) {
	var cfg *config.Error
	var contract *source.ContractError
	switch {
	case err == nil:
	case errors.As(err, &cfg):
		list(w, fmt.Sprintf("the configuration %s has %d faults:", cfg.Path, len(cfg.Faults)), configFindings(cfg))
	case errors.As(err, &contract):
		list(w, fmt.Sprintf("the legacy queries do not fit in %d places:", len(contract.Differences)), contractFindings(contract))
	default:
		list(w, "", []finding{{err.Error(), hintOf(err)}})
	}
}

func list(w io.Writer, head string, found []finding) {
	first, indent := "amoimport: ", ""
	if len(found) > 1 {
		fmt.Fprintf(w, "amoimport: %s\n", head)
		first, indent = "", "  "
	}
	for _, f := range found {
		fmt.Fprintf(w, "%s%s%s\n", indent, first, oneLine(f.problem))
		if f.hint != "" {
			fmt.Fprintf(w, "%s  %s\n", indent, oneLine(f.hint))
		}
	}
}

// configFindings names each fault as editors do: file:line: key: problem.
func configFindings(e *config.Error) []finding {
	found := make([]finding, len(e.Faults))
	for i, f := range e.Faults {
		where := e.Path
		if f.Line > 0 {
			where += ":" + strconv.Itoa(f.Line)
		}
		if f.Key != "" {
			where += ": " + f.Key
		}
		found[i] = finding{where + ": " + f.Problem, f.Hint}
	}
	return found
}

func contractFindings(e *source.ContractError) []finding {
	found := make([]finding, len(e.Differences))
	for i, d := range e.Differences {
		found[i] = finding{d.String(), d.Hint}
	}
	if len(found) == 1 {
		found[0].problem = "the legacy queries do not fit: " + found[0].problem
		if found[0].hint == "" {
			found[0].hint = e.Hint()
		}
	}
	return found
}

// hintOf is the first advice on the way down an error's tree.
func hintOf(err error) string {
	if h, ok := err.(interface{ Hint() string }); ok {
		if hint := h.Hint(); hint != "" {
			return hint
		}
	}
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		if inner := u.Unwrap(); inner != nil {
			return hintOf(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range u.Unwrap() {
			if hint := hintOf(inner); hint != "" {
				return hint
			}
		}
	}
	return ""
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// plural is a number with its noun.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}
