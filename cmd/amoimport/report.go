package main

import (
	"context"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/report"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/spf13/cobra"
)

func newReport(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "report",
		Short: "Tell what an import moved, when, and what the chats showed",
		Long: `report tells from the ledger what was moved, when, by kind, reason and manager, what
was parked and decided, and what the chats showed when they were read back.

Its JSON holds a digest of each chat too. Keep it: amoimport verify --against
report.json compares the chats with it years later, without the ledger.`,
		Args: noWords,
	}
	path := configFlag(c)
	asJSON := c.Flags().Bool("json", false, "print JSON, with a line for each chat")
	c.RunE = func(c *cobra.Command, _ []string) error { return e.report(c.Context(), *path, *asJSON) }
	return c
}

func (e env) report(ctx context.Context, path string, asJSON bool) error {
	cfg, err := config.Load(path, e.getenv, config.NeedLedger)
	if err != nil {
		return err
	}
	l, err := ledger.Connect(ctx, ledgerAt(cfg, nil))
	if err != nil {
		return err
	}
	defer l.Close()
	r, err := report.Collect(ctx, l, version(), time.Now())
	if err != nil {
		return err
	}
	if r.ScopeID == "" {
		return nothingImported()
	}
	if !asJSON {
		r.Print(e.out)
		return nil
	}
	var blank int64 // chats without digests
	chats := func(yield func(report.Chat, error) bool) {
		for c, err := range report.Chats(ctx, l) {
			if err == nil && c.AsShown == "" {
				blank++
			}
			if !yield(c, err) {
				return
			}
		}
	}
	if err := r.WriteJSON(e.out, chats); err != nil {
		return err
	}
	if blank > 0 && r.PurgedAt != nil {
		e.say("warning: the ledger was purged, and " + plural(blank, "chat has", "chats have") +
			" no digests any more: nothing can be compared with this report later, unless `amoimport verify` reads the chats before it is made")
		return nil
	}
	if n := r.Verification.Unread; n > 0 { // in the file it would be found out only years later
		e.say("warning: " + plural(n, "chat was not read back since something was sent into it: its digests are",
			"chats were not read back since something was sent into them: their digests are") + " old or empty; `amoimport verify` reads what is left to read")
	}
	return nil
}
