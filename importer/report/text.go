package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/importer/verify"
)

// Print writes the report for people.
func (r *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "Import of %s into %s, scope %s\n", r.Source, r.Account, r.ScopeID)
	fmt.Fprintf(w, "Report of %s by amoimport %s, ledger schema %d\n\n", stamp(&r.MadeAt), r.Program, r.Schema)

	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if r.FirstSentAt != nil {
		fmt.Fprintf(t, "sent\tfrom %s to %s\n", stamp(r.FirstSentAt), stamp(r.LastSentAt))
		fmt.Fprintf(t, "messages of\t%s to %s\n", r.FirstMessage.Format(time.DateOnly), r.LastMessage.Format(time.DateOnly))
	}
	if r.Undried {
		fmt.Fprintln(t, "dry run\ta run went on without one of its settings")
	}
	if r.PurgedAt != nil {
		fmt.Fprintf(t, "purged\t%s, of what refers to people\n", stamp(r.PurgedAt))
	}
	c, m := r.Conversations, r.Messages
	fmt.Fprintf(t, "conversations\t%d, %d chats, %d linked\n", c.Total, c.Chats, c.Linked)
	var made, found int64
	for how, n := range r.Contacts {
		if how == ledger.Created {
			made += n
		} else {
			found += n
		}
	}
	fmt.Fprintf(t, "contacts\t%d created, %d found\n", made, found)
	fmt.Fprintf(t, "messages\t%d: %d sent (as %d), %d skipped, %d parked, %d planned\n", m.Total, m.Sent, m.Parts, m.Skipped, m.Parked, m.Planned)
	row := func(name string, n int64) {
		if n > 0 {
			fmt.Fprintf(t, "%s\t%d\n", name, n)
		}
	}
	row("in doubt", r.InDoubt)
	row("sent after a person's retry", r.Retried)
	row("skipped by hand", r.SkippedByHand)
	row("edited after sending", r.Edited)
	row("deleted after sending", r.Deleted)
	_ = t.Flush()

	tallies(w, "Sent, by kind", r.Kinds)
	tallies(w, "Sent, by manager (amojo's id)", r.Managers)
	for _, group := range []struct {
		title string
		of    outcome.Outcome
		list  []Reason
	}{{"Skipped", outcome.Skipped, r.Reasons}, {"Parked", outcome.Parked, r.Reasons}, {"Sent, with a remark", outcome.Sent, r.Notes}} {
		var list []ledger.Tally
		for _, one := range group.list {
			if one.Outcome == group.of {
				list = append(list, ledger.Tally{Name: one.Short, Count: one.Count})
			}
		}
		slices.SortStableFunc(list, func(a, b ledger.Tally) int { return cmp.Compare(b.Count, a.Count) })
		tallies(w, group.title, list)
	}
	for i, c := range r.Differences {
		if i == 0 {
			fmt.Fprint(w, "\nChanged in the legacy database after it was sent, and not in amoCRM:\n")
		}
		if i == mostDifferences {
			fmt.Fprintf(w, "  and %d more, see --json\n", len(r.Differences)-i)
			break
		}
		fmt.Fprintf(w, "  %s/%s %s\n", c.Conversation, c.Message, c.What)
	}
	tallies(w, "Talks", some(ledger.Tally{Name: "closed", Count: r.Talks.Closed}, ledger.Tally{Name: "asked to close, not seen closed yet", Count: r.Talks.Asked},
		ledger.Tally{Name: "refused", Count: r.Talks.Refused}, ledger.Tally{Name: "found, not closed", Count: r.Talks.Found},
		ledger.Tally{Name: "conversations of which no talk was found", Count: r.Talks.NotFound}))
	tallies(w, "Leads", some(ledger.Tally{Name: "made", Count: r.Leads.Created}, ledger.Tally{Name: "refused", Count: r.Leads.Refused},
		ledger.Tally{Name: "in doubt: `amoimport leads create` settles them", Count: r.Leads.InDoubt}))
	tallies(w, "Events", r.Events)
	r.Verification.print(w)
}

// mostDifferences is how many changed rows a person is shown.
const mostDifferences = 20

// print tells what the chats showed.
func (v Verification) print(w io.Writer) {
	if v.Last == nil {
		fmt.Fprintln(w, "\nThe chats were not read back yet: `amoimport verify` does that.")
		return
	}
	fmt.Fprintf(w, "\nRead back: %d chats, from %s to %s", v.Chats, stamp(v.From), stamp(v.To))
	if v.Unread > 0 {
		fmt.Fprintf(w, "; %d chats were not, or not since something more was sent", v.Unread)
	}
	fmt.Fprintln(w)
	fmt.Fprintf(w, "  last pass: %s, begun %s", v.Last.Scope, stamp(&v.Last.BegunAt))
	if v.Last.EndedAt == nil {
		fmt.Fprint(w, ", not ended")
	}
	fmt.Fprintf(w, "\n  %d of %d messages in their chats: %s\n", v.Present, v.Messages, verdict(v.Counts))
	if v.Unchecked > 0 {
		fmt.Fprintf(w, "  of %d of them the text or the author is not known any more\n", v.Unchecked)
	}
	if v.Foreign > 0 {
		fmt.Fprintf(w, "  %d messages were written by others\n", v.Foreign)
	}
}

// verdict tells the faults in words.
func verdict(c ledger.Counts) string {
	if verify.Clean(c) {
		return "each once, as it was sent, in its place"
	}
	var said []string
	for _, f := range []struct {
		n    int64
		what string
	}{{c.Missing, "missing"}, {c.Doubled, "doubled"}, {c.Altered, "altered"}, {c.OutOfOrder, "out of order"}} {
		if f.n > 0 {
			said = append(said, fmt.Sprintf("%d %s", f.n, f.what))
		}
	}
	return strings.Join(said, ", ")
}

// some are those that count anything.
func some(all ...ledger.Tally) []ledger.Tally {
	return slices.DeleteFunc(all, func(t ledger.Tally) bool { return t.Count == 0 })
}

func tallies(w io.Writer, title string, list []ledger.Tally) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s:\n", title)
	for _, one := range list {
		name := one.Name
		if name == "" {
			name = "not known"
		}
		fmt.Fprintf(w, "%9d  %s\n", one.Count, name)
	}
}

func stamp(t *time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
