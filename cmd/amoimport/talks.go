package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/tidy"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/spf13/cobra"
)

func newTalks(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "talks",
		Short: "Look at talks, and close those that the import opened",
		Long: `Imported messages open talks (беседы) in amoCRM, which then wait for an answer. Once
everything is imported, talks close closes those of conversations that were closed in
the legacy database, or all, as talks.close says.`,
		Args: knownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newTalksShow(e), newTalksClose(e))
	return c
}

func newTalksShow(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show one talk as the API tells it",
		Args: func(c *cobra.Command, words []string) error {
			if len(words) == 1 {
				if n, err := strconv.ParseInt(words[0], 10, 64); err == nil && n > 0 {
					return nil
				}
			}
			return &usageError{problem: "name one talk by its id, a number", command: c.CommandPath()}
		},
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, words []string) error {
		id, err := strconv.ParseInt(words[0], 10, 64)
		if err != nil {
			return err
		}
		return e.showTalk(c.Context(), *path, id)
	}
	return c
}

func (e env) showTalk(ctx context.Context, path string, id int64) error {
	cfg, err := config.Load(path, e.getenv, config.NeedToken)
	if err != nil {
		return err
	}
	a, err := newAPIs(cfg, e.say)
	if err != nil {
		return err
	}
	crm, err := a.crmClient(nil)
	if err != nil {
		return err
	}
	var t amocrm.Talk
	err = a.askCRM(ctx, func(ctx context.Context) error {
		t, err = crm.Talk(ctx, id)
		return err
	})
	var answer *amocrm.Error
	switch {
	case errors.As(err, &answer) && answer.NotFound():
		return &fault{problem: err.Error(), err: err,
			hint: "There is no such talk for this token's user; where talks.close is legacy_closed or all, `amoimport talks close --dry-run` names some that there are."}
	case err == nil:
		printTalk(e.out, t)
	}
	return err
}

// printTalk prints a talk, a line a fact, without what the answer did not tell.
func printTalk(out io.Writer, t amocrm.Talk) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	at := func(sec int64) string {
		if sec <= 0 {
			return ""
		}
		when := time.Unix(sec, 0)
		return moment(&when)
	}
	yes := map[bool]string{true: "yes", false: "no"}
	line("talk", number(t.ID))
	line("in work", yes[t.InWork])
	line("status", oneLine(t.Status))
	line("read", yes[t.Read])
	line("created", at(t.CreatedAt))
	line("changed", at(t.UpdatedAt))
	line("missed", at(t.MissedAt))
	line("chat", oneLine(t.ChatID))
	line("contact", number(t.ContactID))
	if t.EntityID != 0 {
		line("about", oneLine(t.EntityType+" "+number(t.EntityID)))
	}
	line("origin", oneLine(t.Origin))
	line("amo source", number(t.SourceID))
	line("rate", number(t.Rate))
	line("account", number(t.AccountID))
	_ = w.Flush()
}

func newTalksClose(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "close",
		Short: "Close the talks of imported chats, without a survey to the clients",
		Long: `close looks for the talks of imported chats and closes them, as talks.close says:
those of conversations that were closed in the legacy database, or all. They are
closed by force, so that no NPS bot writes to clients. Conversations in which
something is still to be sent are left alone. Stop it whenever you like; the same
command goes on, and asks about what was not closed before.

--dry-run only looks: how many talks there are to close, and what that takes.`,
		Args: noWords,
	}
	path := configFlag(c)
	dry := c.Flags().Bool("dry-run", false, "only look, and change nothing")
	c.RunE = func(c *cobra.Command, _ []string) error { return e.closeTalks(c.Context(), *path, *dry) }
	return c
}

func (e env) closeTalks(ctx context.Context, path string, dry bool) error {
	cfg, err := config.Load(path, e.getenv, config.NeedLedger, config.NeedToken)
	if err != nil {
		return err
	}
	if cfg.Talks.Close == "none" {
		return &fault{problem: "talks.close is none, so no talk is to be closed",
			hint: "Set talks.close to legacy_closed, or to all if nothing of the legacy system goes on in amoCRM."}
	}
	all := cfg.Talks.Close == "all"
	return e.tidying(ctx, cfg, "talks close", !dry, func(ctx context.Context, o tidy.Options, a *apis) (string, error) {
		if dry {
			before := a.crm.Status().Departures
			would, err := tidy.ForetellTalks(ctx, tidy.TalkOptions{Options: o, All: all})
			if err == nil {
				printForetold(e.out, would, a.crm.Status().Departures-before, cfg.Limits.APIv4)
			}
			return "", err
		}
		did, err := tidy.CloseTalks(ctx, tidy.TalkOptions{Options: o, All: all})
		if err != nil {
			return "", err
		}
		printClosed(e.out, did)
		return leftOfTalks(did), nil
	})
}

func leftOfTalks(did tidy.Closed) string {
	switch {
	case did.Talks.Refused > 0:
		return plural(did.Talks.Refused, "talk was refused", "talks were refused")
	case did.Unanswered > 0:
		return "the talks of " + plural(did.Unanswered, "contact", "contacts") + " could not be looked for"
	}
	return ""
}

func printForetold(w io.Writer, f tidy.Foretold, asked int64, perSecond float64) {
	fmt.Fprintf(w, "%s of %s would be closed.\n", plural(f.Talks, "talk", "talks"), plural(f.Conversations, "conversation", "conversations"))
	if len(f.Some) > 0 {
		some := make([]string, len(f.Some))
		for i, id := range f.Some {
			some[i] = strconv.FormatInt(id, 10)
		}
		if n := f.Talks - int64(len(some)); n > 0 {
			some = append(some, fmt.Sprintf("and %d more", n))
		}
		fmt.Fprintf(w, "Ids for `amoimport talks show`: %s\n", strings.Join(some, " "))
	}
	fmt.Fprintf(w, "It would take %s.\n", price(asked+2*f.Talks, perSecond))
	for _, row := range []struct {
		n    int64
		what string
	}{
		{f.Without, "without a talk that could be found"},
		{f.Waiting, "left alone, with messages still to be sent"},
	} {
		if row.n > 0 {
			fmt.Fprintf(w, "%s %s.\n", plural(row.n, "conversation is", "conversations are"), row.what)
		}
	}
	if f.Refused > 0 {
		fmt.Fprintf(w, "%s not be read.\n", plural(f.Refused, "talk can", "talks can"))
	}
	if f.Unanswered > 0 {
		fmt.Fprintf(w, "The talks of %s could not be looked for.\n", plural(f.Unanswered, "contact", "contacts"))
	}
}

func printClosed(out io.Writer, did tidy.Closed) {
	c := did.Talks
	fmt.Fprintf(out, "talks      %d in %s\n", c.Total, plural(c.Conversations, "conversation", "conversations"))
	fmt.Fprintf(out, "  closed   %d now, %d in all\n", did.Now, c.Closed)
	if c.Found > 0 {
		fmt.Fprintf(out, "  open     %d\n", c.Found)
	}
	if c.Asked > 0 {
		fmt.Fprintf(out, "  asked    %d, not seen closed yet; run the command again to see\n", c.Asked)
	}
	if c.Refused > 0 {
		fmt.Fprintf(out, "  refused  %d\n", c.Refused)
	}
	if c.NotFound > 0 {
		fmt.Fprintf(out, "No talk was found of %s.\n", plural(c.NotFound, "conversation", "conversations"))
	}
	if did.Waiting > 0 {
		fmt.Fprintf(out, "%s left alone, with messages still to be sent.\n", plural(did.Waiting, "conversation is", "conversations are"))
	}
	if did.Unanswered > 0 {
		fmt.Fprintf(out, "The talks of %s could not be looked for: the server answered with errors each time. The same command tries again.\n",
			plural(did.Unanswered, "contact", "contacts"))
	}
	printRefusals(out, c.Reasons, "talk")
}

// printRefusals says why things were refused, and what to do.
func printRefusals(out io.Writer, refused []ledger.Refusals, noun string) {
	if len(refused) == 0 {
		return
	}
	fmt.Fprintln(out, "\nRefused:")
	for _, r := range refused {
		short, advice := tidy.Explain(r.Reason)
		said := ""
		if r.Detail != "" {
			said = " (" + r.Detail + ")"
		}
		fmt.Fprintf(out, "%7d  %s: %s, such as %s %d%s\n         -> %s\n", r.Count, r.Reason, short, noun, r.Example, said, advice)
	}
}
