package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/source"
	"github.com/spf13/cobra"
)

func newParkedShow(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "show CONVERSATION MESSAGE",
		Short: "Show everything that the ledger knows of one message, parked or not",
		Long: `show tells everything that the ledger knows of one message, by its legacy ids: what
became of it and why, what to do about it, and the server's own words. Its text is
not there: the ledger never holds it.`,
		Args: func(c *cobra.Command, words []string) error {
			if len(words) != 2 {
				return &usageError{problem: "name a conversation and a message by their legacy ids", command: c.CommandPath()}
			}
			return nil
		},
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, words []string) error {
		return e.onLedger(c.Context(), *path, func(ctx context.Context, l *ledger.Ledger, _ *config.Config) error {
			conversation := source.ConversationID(words[0])
			m, err := record(ctx, l, conversation, words[1])
			if err == nil {
				showRecord(e.out, conversation, words[1], m)
			}
			return err
		})
	}
	return c
}

// showRecord prints what is known, a line a fact.
func showRecord(w io.Writer, conversation source.ConversationID, id string, m ledger.MessageRecord) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, value)
		}
	}
	line("message", fmt.Sprintf("%s of conversation %s", id, conversation))
	line("time", moment(m.SentAt))
	line("outcome", string(m.Outcome))
	if m.Reason != "" {
		known, _ := outcome.Lookup(m.Reason)
		line("reason", string(m.Reason))
		line("  meaning", known.Short)
		line("  advice", known.Advice)
	}
	line("details", oneLine(m.Detail))
	if m.LastFault != "" {
		known, _ := outcome.Lookup(m.LastFault)
		line("parked before", fmt.Sprintf("%s: %s", m.LastFault, known.Short))
	}
	line("kind", m.Kind)
	line("attempts", fmt.Sprint(m.Attempts))
	if m.Parts > 0 {
		line("parts in the chat", fmt.Sprintf("%d of %d", m.PartsSent, m.Parts))
	}
	if m.SentMsec > 0 {
		sent := time.UnixMilli(m.SentMsec)
		line("time in the chat", moment(&sent))
	}
	for _, n := range m.Notes {
		known, _ := outcome.Lookup(n)
		line("remark", fmt.Sprintf("%s: %s", n, known.Short))
	}
	if m.SettledAt != nil {
		line("decided", moment(m.SettledAt))
	}
	if m.Edited {
		line("row", "changed after it was sent")
	}
	if m.Vanished {
		line("row", "deleted after it was sent")
	}
	line("msgid", m.MsgID)
	line("chat", m.ConversationID)
	line("  in amojo", m.ChatID)
	_ = t.Flush()
}
