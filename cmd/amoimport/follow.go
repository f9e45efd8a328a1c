package main

import (
	"fmt"
	"time"

	"github.com/amoimport/amoimport/importer"
)

// standing says how a run that follows stands to the legacy database.
func standing(f importer.Follow, parked int64) string {
	if f.Looked.IsZero() {
		return "the legacy database was not looked at yet"
	}
	said := "not ready for cut-over"
	if !f.Ready.IsZero() {
		said = "ready for cut-over: all that there was at " + f.Ready.UTC().Format(time.RFC3339) + " is in amoCRM"
	}
	switch {
	case parked > 0 && !f.Ready.IsZero():
		said += fmt.Sprintf(", but for %s", plural(parked, "parked message", "parked messages"))
	case parked > 0:
		said += fmt.Sprintf("; %s parked", plural(parked, "message is", "messages are"))
	}
	if f.Behind > 0 {
		said += fmt.Sprintf("; %s not sent, the oldest %s old", plural(f.Behind, "message is known and", "messages are known and"), aged(f.Lag))
	}
	return said + "; last looked at " + f.Looked.UTC().Format(time.RFC3339)
}

// aged is an age of so many seconds in words.
func aged(seconds float64) string {
	const most = 100 * 365 * 24 * time.Hour // more must not overflow
	age := time.Duration(min(seconds, most.Seconds()) * float64(time.Second)).Round(time.Second)
	if age < 48*time.Hour {
		return age.String()
	}
	return fmt.Sprintf("%.0f days", age.Hours()/24)
}
