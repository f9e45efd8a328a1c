package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/amoimport/amoimport/importer/dryrun"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
)

// printDryRun prints a report for people.
func printDryRun(w io.Writer, r *dryrun.Report) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	m := r.Messages
	fmt.Fprintf(t, "conversations\t%d\t%s would be opened and linked\n", r.Conversations, plural(r.Chats, "chat", "chats"))
	fmt.Fprintf(t, "clients\t%d\t%s%s\n", r.Clients.Total, plural(r.Clients.People, "person", "people"), contactsOf(r.Clients))
	fmt.Fprintf(t, "messages\t%d\n", m.Total)
	fmt.Fprintf(t, "  would be sent\t%d", m.Sent)
	if m.Parts != m.Sent {
		fmt.Fprintf(t, "\tas %d, since long texts are sent in parts", m.Parts)
	}
	if m.Held > 0 {
		fmt.Fprintf(t, "\n    of them held\t%d\tbehind a parked message of their conversation, until that is decided", m.Held)
	}
	fmt.Fprintf(t, "\n  would be skipped\t%d\n  would be parked\t%d\n", m.Skipped, m.Parked)
	if m.Oldest != nil {
		fmt.Fprintf(t, "times\t%s\tto %s\n", m.Oldest.Format(time.DateTime), m.Newest.Format(time.DateTime+" UTC"))
	}
	_ = t.Flush()
	if m.Future > 0 {
		fmt.Fprintf(w, "\n%s still to come. amoCRM orders a chat by time: what is sent so stays its last, for good.\n"+
			"  Look at sent_at in the messages query, and at source.timezone.\n", plural(m.Future, "message has a time that is", "messages have times that are"))
	}

	dryReasons(w, "Skipped", r.Reasons, outcome.Skipped)
	dryReasons(w, "Parked", r.Reasons, outcome.Parked)
	dryReasons(w, "Sent, with a remark", r.Reasons, outcome.Sent)
	countsOf(w, "What would be sent, by kind", func(row func(int64, string)) {
		for _, k := range slices.Sorted(maps.Keys(r.Kinds)) {
			row(r.Kinds[k], string(k))
		}
	})
	countsOf(w, "Attachments, by host", func(row func(int64, string)) {
		for _, h := range r.Media {
			row(h.Count, h.Host)
		}
	})
	countsOf(w, "Attachments that lack a name or a size", func(row func(int64, string)) {
		row(r.Asked, "for which their servers would be asked")
	})
	countsOf(w, "Attachments that were looked at", func(row func(int64, string)) {
		for _, p := range r.Probed {
			said := p.Host + ": " + string(p.State)
			if p.Why != "" {
				said += ", " + oneLine(p.Why)
			}
			if p.Ending > 0 {
				said += fmt.Sprintf("; %d of the URLs say that they end", p.Ending)
			}
			if p.Ends != nil {
				said += ", the first at " + p.Ends.UTC().Format(time.RFC3339)
			}
			row(p.Files, said)
		}
	})
	countsOf(w, "Managers without a user who can speak, for whom the channel's bot would; by legacy id", func(row func(int64, string)) {
		for _, one := range r.Managers {
			row(one.Messages, cmp.Or(one.LegacyID, "none: outgoing rows without manager_id"))
		}
	})
	for i, a := range r.Ambiguous {
		if i == 0 {
			fmt.Fprintln(w, "\nClients whom several contacts fit; by legacy id:")
		}
		if i == mostAmbiguous {
			fmt.Fprintf(w, "  and %d more, see --json\n", len(r.Ambiguous)-i)
			break
		}
		taken := "none is taken"
		if a.Taken != 0 {
			taken = fmt.Sprintf("%d is taken", a.Taken)
		}
		fmt.Fprintf(w, "  %s: contacts %s; %s\n", a.Client, strings.Trim(strings.ReplaceAll(fmt.Sprint(a.Contacts), " ", ", "), "[]"), taken)
	}
	countsOf(w, "Clients whose contact cannot be told by what they have", func(row func(int64, string)) {
		row(r.Clients.UnreadablePhones, "with a phone that is none")
		row(r.Clients.UnreadableEmails, "with an e-mail that is none")
		row(r.Clients.Shared, "phones and e-mails of more clients than contacts.shared_phone_max")
	})

	p := r.Price
	fmt.Fprintf(w, "\nIt would take some %s:\n", duration(p.Seconds))
	fmt.Fprintf(t, "  amojo\t%s\t%s at the set limit\n", plural(p.Amojo.Count, "request", "requests"), duration(p.Amojo.Seconds))
	if p.Marks > 0 {
		fmt.Fprintf(t, "    of them\t%s\tto mark what managers wrote as read\n", plural(p.Marks, "request", "requests"))
	}
	fmt.Fprintf(t, "  API v4\t%s\t%s at the set limit, side by side with amojo\n", plural(p.APIv4.Count, "request", "requests"), duration(p.APIv4.Seconds))
	if p.Longest.Parts > 0 {
		fmt.Fprintf(t, "  the longest conversation\t%s\t%s alone, since it goes in order: %s\n", plural(p.Longest.Parts, "message", "messages"), duration(p.Longest.Seconds), p.Longest.Conversation)
	}
	_ = t.Flush()
	fmt.Fprintf(w, "It would make %s and notify managers of %s.\n", plural(r.Leads, "lead", "leads"), plural(r.Notifications, "message", "messages"))
	fmt.Fprintln(w, "\nIn amoCRM's cards:")
	if r.Unseen.Contacts == 0 {
		fmt.Fprintln(w, "  none of the contacts found has leads: each contact's card shows its chats.")
	} else {
		fmt.Fprintf(w, "  %s found with leads, whose own card shows no chats; a lead's card shows them from 24 hours\n"+
			"  before it was created. %s older than the oldest lead's card shows.\n"+
			"  Either leave it so (the history is there, in the chat itself), or create a lead with a date before the first message.\n",
			plural(r.Unseen.Contacts, "contact is", "contacts are"), plural(r.Unseen.Messages, "message is", "messages are"))
	}
	fmt.Fprintf(w, "\nNot moved at all, since there is no place for it: %s.\n", strings.Join(r.NotMoved, ", "))
	fmt.Fprintln(w, "Not foreseen: what amoCRM itself refuses, and chats that an earlier import linked to other contacts.")
}

// mostAmbiguous is how many ambiguous clients a person is shown.
const mostAmbiguous = 20

// dryReasons prints the reasons that lead to an outcome, each with examples.
func dryReasons(w io.Writer, title string, all []dryrun.Reason, of outcome.Outcome) {
	first := true
	for _, r := range all {
		if r.Outcome != of {
			continue
		}
		if first {
			fmt.Fprintf(w, "\n%s:\n", title)
			first = false
		}
		detail := ""
		if r.Detail != "" {
			detail = " (" + oneLine(r.Detail) + ")"
		}
		var names []string
		for _, e := range r.Examples {
			names = append(names, e.Conversation+"/"+e.Message)
		}
		fmt.Fprintf(w, "%7d  %s: %s%s, such as %s\n", r.Count, r.Code, r.Short, detail, strings.Join(names, ", "))
		if of == outcome.Parked {
			fmt.Fprintf(w, "         -> %s\n", r.Advice)
		}
	}
}

// countsOf prints a list of what there is some of.
func countsOf(w io.Writer, title string, rows func(row func(int64, string))) {
	first := true
	rows(func(n int64, what string) {
		if n == 0 {
			return
		}
		if first {
			fmt.Fprintf(w, "\n%s:\n", title)
			first = false
		}
		fmt.Fprintf(w, "%7d  %s\n", n, what)
	})
}

// contactsOf says how people's contacts would be had.
func contactsOf(c dryrun.Clients) string {
	said := ""
	for _, how := range slices.Sorted(maps.Keys(c.Contacts)) {
		words := map[string]string{
			string(ledger.Created): "to be created", string(ledger.ByField): "found by legacy id",
			string(ledger.ByPhone): "found by phone", string(ledger.ByEmail): "found by e-mail",
			string(outcome.ContactAmbiguous): "with several contacts that fit", string(outcome.ContactRejected): "whose search was refused",
		}[how]
		said += fmt.Sprintf(", %d %s", c.Contacts[how], words)
	}
	return said
}

// duration is a time for people.
func duration(seconds int64) string {
	d := time.Duration(seconds) * time.Second
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < time.Hour:
		return plural(int64(d/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		return fmt.Sprintf("%.1f hours", d.Hours())
	}
	return fmt.Sprintf("%.1f days", d.Hours()/24)
}
