// Package outcome says what can become of a legacy message, and why. A message
// has one outcome; a skipped or parked one has exactly one reason, a sent one
// may have some notes. Reasons and notes are registered here once, so that
// logs, reports and JSON tell the same story.
package outcome

// Outcome is where a message stands.
type Outcome string

// The outcomes.
const (
	Planned Outcome = "planned" // not decided yet
	Sent    Outcome = "sent"
	Skipped Outcome = "skipped" // left out by a rule
	Parked  Outcome = "parked"  // needs a person
)
