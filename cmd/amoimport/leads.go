package main

import (
	"context"
	"fmt"
	"io"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer/tidy"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/spf13/cobra"
)

func newLeads(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "leads",
		Short: "Make leads that show contacts' history in their cards",
		Args:  knownCommand,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newLeadsCreate(e))
	return c
}

func newLeadsCreate(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "create",
		Short: "Give each imported contact a lead, dated before its first message",
		Long: `create gives each contact with imported messages one lead, created a second before
the first of them, in the stage that leads.status_id names: the card of a lead shows
a chat's history from 24 hours before the lead's creation on. Contacts of which
something is still to be sent wait. Stop it whenever you like; the same command goes
on, and no contact gets a second one.

Nothing here can be taken back but by hand. Try one with --limit 1 first, and look at
its card; docs/leads-and-talks.md says how. --dry-run only counts.`,
		Args: noWords,
	}
	path := configFlag(c)
	dry := c.Flags().Bool("dry-run", false, "only count, and change nothing")
	limit := c.Flags().Int("limit", 0, "make at most so `many`; without it, all")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if c.Flags().Changed("limit") && *limit < 1 { // nothing takes back what a 0 would make
			return &usageError{problem: fmt.Sprintf("--limit: %d is no number of leads to make", *limit), command: c.CommandPath()}
		}
		return e.createLeads(c.Context(), *path, *dry, *limit)
	}
	return c
}

func (e env) createLeads(ctx context.Context, path string, dry bool, limit int) error {
	cfg, err := config.Load(path, e.getenv, config.NeedLedger, config.NeedToken)
	if err != nil {
		return err
	}
	if cfg.Leads.Create == "none" {
		return &fault{problem: "leads.create is none, so no lead is to be made",
			hint: "Set leads.create to backdated, after reading what docs/leads-and-talks.md says about it."}
	}
	return e.tidying(ctx, cfg, "leads create", !dry, func(ctx context.Context, o tidy.Options, _ *apis) (string, error) {
		leads := tidy.LeadOptions{Options: o, PipelineID: cfg.Leads.PipelineID, StatusID: cfg.Leads.StatusID,
			Name: cfg.Leads.Name, Tags: cfg.Leads.Tags, Limit: limit}
		if dry {
			contacts, waiting, err := tidy.ForetellLeads(ctx, leads)
			if err == nil {
				printForetoldLeads(e.out, contacts, waiting, cfg.Limits.APIv4)
			}
			return "", err
		}
		did, err := tidy.CreateLeads(ctx, leads)
		if err != nil {
			return "", err
		}
		printLed(e.out, did)
		return leftOfLeads(did), nil
	})
}

func leftOfLeads(did tidy.Led) string {
	switch {
	case did.Leads.Refused > 0:
		return plural(did.Leads.Refused, "lead was refused", "leads were refused")
	case did.Leads.InDoubt > 0:
		return plural(did.Leads.InDoubt, "lead is in doubt", "leads are in doubt")
	}
	return ""
}

func printForetoldLeads(w io.Writer, contacts, waiting int64, perSecond float64) {
	fmt.Fprintf(w, "%s would get a lead.\n", plural(contacts, "contact", "contacts"))
	fmt.Fprintf(w, "It would take %s.\n", price(contacts+(contacts+amocrm.GoodBatch-1)/amocrm.GoodBatch+2, perSecond))
	printWaiting(w, waiting)
}

func printWaiting(w io.Writer, waiting int64) {
	if waiting > 0 {
		fmt.Fprintf(w, "%s: messages of theirs are still to be sent.\n", plural(waiting, "contact waits", "contacts wait"))
	}
}

func printLed(w io.Writer, did tidy.Led) {
	fmt.Fprintf(w, "leads      %d made now, %d in all\n", did.Made, did.Leads.Created)
	if d := did.Example; d != nil {
		fmt.Fprintf(w, "  such as  lead %d of contact %d\n", d.ID, d.ContactID)
	}
	if n := did.Leads.Refused; n > 0 {
		fmt.Fprintf(w, "  refused  %d\n", n)
	}
	if n := did.Leads.InDoubt; n > 0 {
		fmt.Fprintf(w, "  in doubt %d: whether they were made could not be read; run the command again\n", n)
	}
	printWaiting(w, did.Waiting)
	printRefusals(w, did.Leads.Reasons, "contact")
}
