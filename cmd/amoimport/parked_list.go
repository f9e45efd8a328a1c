package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/source"
	"github.com/spf13/cobra"
)

func newParkedList(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List parked messages, and how many there are for each reason",
		Args:  noWords,
	}
	path, s := configFlag(c), narrowingFlags(c)
	limit := c.Flags().Int("limit", 100, "list at most so many; 0 is all")
	asJSON := c.Flags().Bool("json", false, "print JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		chosen, err := s.checked(c)
		if err == nil && *limit < 0 {
			err = &usageError{problem: fmt.Sprintf("--limit: %d is too little", *limit), command: c.CommandPath()}
		}
		if err != nil {
			return err
		}
		return e.onLedger(c.Context(), *path, func(ctx context.Context, l *ledger.Ledger, _ *config.Config) error {
			r, err := readParked(ctx, l, chosen, *limit)
			switch {
			case err != nil:
				return err
			case *asJSON:
				enc := json.NewEncoder(e.out)
				enc.SetIndent("", "  ")
				return enc.Encode(r)
			}
			r.print(e)
			return nil
		})
	}
	return c
}

// parkedReport is what parked list --json prints. Its keys stay.
type parkedReport struct {
	Parked   int64           `json:"parked"`
	Reasons  []reasonReport  `json:"reasons"`
	Messages []parkedMessage `json:"messages"` // at most as many as asked for
}

type parkedMessage struct {
	Conversation source.ConversationID `json:"conversation"`
	Message      string                `json:"message"`
	SentAt       *time.Time            `json:"sent_at"` // null: the row has none
	Code         outcome.Code          `json:"code"`
	Short        string                `json:"short"`
}

func readParked(ctx context.Context, l *ledger.Ledger, s ledger.Selection, limit int) (parkedReport, error) {
	counts, err := l.CountParked(ctx, s)
	if err != nil {
		return parkedReport{}, err
	}
	list, err := l.Parked(ctx, s, limit)
	if err != nil {
		return parkedReport{}, err
	}
	r := parkedReport{Reasons: explained(counts), Messages: make([]parkedMessage, len(list))}
	for _, c := range counts {
		r.Parked += c.Count
	}
	for i, p := range list {
		known, _ := outcome.Lookup(p.Reason)
		r.Messages[i] = parkedMessage{Conversation: p.Conversation, Message: p.ID, SentAt: inUTC(p.SentAt), Code: p.Reason,
			Short: cmp.Or(known.Short, string(p.Reason))}
	}
	return r, nil
}

// print lists the reasons, what to do about each, and the messages.
func (r parkedReport) print(e env) {
	if r.Parked == 0 {
		fmt.Fprintln(e.out, "Nothing is parked.")
		return
	}
	fmt.Fprintf(e.out, "%s parked:\n", plural(r.Parked, "message is", "messages are"))
	for _, c := range r.Reasons {
		fmt.Fprintf(e.out, "%7d  %s: %s\n", c.Count, c.Code, c.Short)
		if c.Advice != "" {
			fmt.Fprintf(e.out, "         -> %s\n", c.Advice)
		}
	}
	fmt.Fprintln(e.out)
	t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "conversation\tmessage\ttime\treason\t")
	for _, m := range r.Messages {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", m.Conversation, m.Message, moment(m.SentAt), m.Code, m.Short)
	}
	_ = t.Flush()
	if more := r.Parked - int64(len(r.Messages)); more > 0 {
		fmt.Fprintf(e.out, "and %d more; --limit 0 lists all\n", more)
	}
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// moment is a time as tables show it.
func moment(t *time.Time) string {
	if t == nil {
		return "none"
	}
	return t.UTC().Format(time.RFC3339)
}
