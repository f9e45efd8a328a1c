package pace

import (
	"context"
	"errors"
	"fmt"
)

// NotSentError says that a request changed nothing at the API: it was withdrawn
// while it waited, the gate refused it, or no connection came about. It is free
// to be made again. (A 429 counts as not applied, and so does any number of
// failed reads before.)
type NotSentError struct {
	API  string // the pacer's name
	When string // what was being done: "waiting for its turn", …
	Err  error  // why it ended
	Last error  // what the attempt before came to, if there was one
}

// Error says what was not sent, when it ended and why.
func (e *NotSentError) Error() string {
	s := fmt.Sprintf("%s: request not sent, %s: %v", e.API, e.When, e.Err)
	if e.Last != nil {
		s += fmt.Sprintf(" (the attempt before: %v)", e.Last)
	}
	return s
}

// Unwrap gives the causes.
func (e *NotSentError) Unwrap() []error {
	if e.Last == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Last}
}

// Hint says what to do.
func (e *NotSentError) Hint() string {
	var refused hinter
	switch {
	case errors.As(e.Err, &refused):
		return refused.Hint()
	case e.Last != nil:
		return "Check that the API can be reached from here, then run the command again."
	case errors.Is(e.Err, context.Canceled):
		return "Nothing is lost; run the command again to go on."
	default:
		return "Run the command again."
	}
}

type hinter interface {
	error
	Hint() string
}

// NotSent reports whether err says that the request did not reach the API.
func NotSent(err error) bool {
	var e *NotSentError
	return errors.As(err, &e)
}
