package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
)

// summary prints the state of the migration as a table.
func summary(w io.Writer, s ledger.Snapshot) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	c, m := s.Conversations, s.Messages
	fmt.Fprintf(t, "conversations\t%d\t%d chats, %d linked, %d empty\n", c.Total, c.Chats, c.Linked, c.Empty)
	fmt.Fprintf(t, "contacts\t%d\t%s\n", people(s), origins(s))
	fmt.Fprintf(t, "messages\t%d\n", m.Total)
	fmt.Fprintf(t, "  sent\t%d", m.Sent)
	if m.Parts != m.Sent {
		fmt.Fprintf(t, "\tas %d, since long texts are sent in parts", m.Parts)
	}
	fmt.Fprintf(t, "\n  skipped\t%d\n", m.Skipped)
	fmt.Fprintf(t, "  parked\t%d\n", m.Parked)
	if m.Planned > 0 {
		fmt.Fprintf(t, "  planned\t%d", m.Planned)
		if h := s.Held; h.Messages > 0 {
			fmt.Fprintf(t, "\t%d held behind parked ones, in %s", h.Messages, plural(h.Conversations, "conversation", "conversations"))
		}
		fmt.Fprintln(t)
	}
	if s.Marked+s.Unmarkable > 0 {
		fmt.Fprintf(t, "marked as read\t%d", s.Marked)
		if s.Unmarkable > 0 {
			fmt.Fprintf(t, "\t%d could not be: amoCRM does not know them, or does not take it", s.Unmarkable)
		}
		fmt.Fprintln(t)
	}
	if s.Edited > 0 {
		fmt.Fprintf(t, "edited after sending\t%d\n", s.Edited)
	}
	if s.Vanished > 0 {
		fmt.Fprintf(t, "deleted after sending\t%d\n", s.Vanished)
	}
	_ = t.Flush()
	reasons(w, "Skipped", s.Reasons, outcome.Skipped)
	reasons(w, "Parked", s.Reasons, outcome.Parked)
	reasons(w, "Sent, with a remark", s.Notes, outcome.Sent)
}

// reasons prints those that led to an outcome, the most frequent first: how many, why, an example, and what
// to do where something is to be done.
func reasons(w io.Writer, title string, all []ledger.ReasonCount, of outcome.Outcome) {
	all = slices.DeleteFunc(slices.Clone(all), func(r ledger.ReasonCount) bool { return r.Outcome != of })
	slices.SortStableFunc(all, func(a, b ledger.ReasonCount) int { return cmp.Compare(b.Count, a.Count) })
	for i, r := range all {
		if i == 0 {
			fmt.Fprintf(w, "\n%s:\n", title)
		}
		known, ok := outcome.Lookup(r.Code)
		if !ok {
			known.Short = string(r.Code)
		}
		fmt.Fprintf(w, "%7d  %s, such as %s\n", r.Count, known.Short, r.Example)
		if of == outcome.Parked && known.Advice != "" {
			fmt.Fprintf(w, "         -> %s\n", known.Advice)
		}
	}
}

// people is how many contacts are known.
func people(s ledger.Snapshot) (n int64) {
	for _, count := range s.Contacts {
		n += count
	}
	return n
}

// origins says where contacts come from.
func origins(s ledger.Snapshot) string {
	var said []string
	for _, o := range []struct {
		how  ledger.Found
		word string
	}{{ledger.Created, "created"}, {ledger.ByField, "found by legacy id"}, {ledger.ByPhone, "found by phone"}, {ledger.ByEmail, "found by e-mail"}} {
		if n := s.Contacts[o.how]; n > 0 {
			said = append(said, fmt.Sprintf("%d %s", n, o.word))
		}
	}
	return strings.Join(said, ", ")
}
