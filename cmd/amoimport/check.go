package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/spf13/cobra"
)

func newCheck(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Check everything that a run relies on, and change nothing",
		Long: `check looks at the configuration, both databases, the queries, the token, the
account and the channel, and says of each whether it is well. It only reads, and
takes seconds. Managers are shown by their ids; --names shows names and e-mails.`,
		Args: noWords,
	}
	path := configFlag(c)
	asJSON := c.Flags().Bool("json", false, "print JSON")
	names := c.Flags().Bool("names", false, "show the names and e-mails of managers")
	managers := c.Flags().String("write-managers", "", "write a `file` to fill in for managers.map; one that is there is left as it is")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if c.Flags().Changed("write-managers") && *managers == "" {
			return &usageError{problem: "--write-managers names no file", command: c.CommandPath()}
		}
		cfg, err := config.Load(*path, e.getenv)
		if err != nil {
			return err
		}
		ctx, release := e.untilSignal(c.Context(), e.say)
		defer release()
		list := checkAll(ctx, *path, cfg, e.say)
		if err := interrupted(ctx, ctx.Err()); err != nil {
			return err
		}
		report := list.report(*names)
		if *asJSON {
			enc := json.NewEncoder(e.out)
			enc.SetIndent("", "  ")
			err = enc.Encode(report)
		} else {
			report.print(e.out)
		}
		if err == nil && *managers != "" {
			err = list.writeManagers(e.err, *managers)
		}
		return cmp.Or(err, list.verdict())
	}
	return c
}

// condition is how it stands with a thing that was checked.
type condition string

const (
	well    condition = "ok"
	warning condition = "warning" // a run goes on with it
	failed  condition = "failed"  // a run stops at it
)

// checked is one line of what check found.
type checked struct {
	Check  string    `json:"check"`
	State  condition `json:"state"`
	Found  string    `json:"found"`
	Advice string    `json:"advice"` // what to do; "": nothing
}

// checklist gathers what check finds.
type checklist struct {
	lines    []checked
	managers []importer.PairedManager
	paired   bool // both the managers and the users are known
}

func (l *checklist) ok(check, found string, args ...any) {
	l.lines = append(l.lines, checked{check, well, fmt.Sprintf(found, args...), ""})
}

func (l *checklist) warn(check, advice, found string, args ...any) {
	l.lines = append(l.lines, checked{check, warning, fmt.Sprintf(found, args...), advice})
}

// fail takes an error for what was found, and its hint for what to do.
func (l *checklist) fail(check string, err error) {
	l.lines = append(l.lines, checked{check, failed, oneLine(err.Error()), oneLine(hintOf(err))})
}

// count is how many lines are in a state.
func (l *checklist) count(s condition) (n int64) {
	for _, line := range l.lines {
		if line.State == s {
			n++
		}
	}
	return n
}

// verdict is an error when anything failed.
func (l *checklist) verdict() error {
	n := l.count(failed)
	if n == 0 {
		return nil
	}
	return &fault{problem: plural(n, "check", "checks") + " failed; a run would not start",
		hint: "Do what stands below the failed lines, and check again."}
}

// checkAll checks everything, whatever fails on the way.
func checkAll(ctx context.Context, path string, cfg *config.Config, say func(string)) *checklist {
	list := &checklist{}
	list.configuration(path, cfg)
	legacy := list.source(ctx, cfg)
	place := list.ledger(ctx, cfg, legacy)
	if place.db != nil {
		defer place.db.Close()
	}
	list.account(ctx, cfg, say, legacy, place)
	return list
}

func (l *checklist) configuration(path string, cfg *config.Config) {
	const check = "configuration"
	if err := composing(cfg, nil).Validate(); err != nil {
		l.fail(check, &fault{problem: "the settings do not fit: " + err.Error(), hint: "Correct them in the configuration."})
		return
	}
	l.ok(check, "%s has no faults", path)
	if cfg.Channel.Live {
		l.warn(check, "Import through a channel of its own, or make sure that the messenger's side ignores the imported ids and run with --into-live-channel.",
			"channel.live says that a messenger is behind this channel: a run asks for --into-live-channel")
	}
}

// checkReport is what check prints.
type checkReport struct {
	Checks   []checked       `json:"checks"`
	Managers []managerReport `json:"managers"`
}

// managerReport is a legacy manager and who he is in the account.
type managerReport struct {
	LegacyID string `json:"legacy_id"`
	Name     string `json:"name,omitempty"`  // only when asked for
	Email    string `json:"email,omitempty"` // only when asked for
	UserID   int64  `json:"user_id"`         // 0: none
	Speaks   bool   `json:"speaks"`          // false: the channel's bot speaks for him
	How      string `json:"how"`
}

func (l *checklist) report(names bool) checkReport {
	r := checkReport{Checks: l.lines, Managers: []managerReport{}}
	for _, m := range l.managers {
		one := managerReport{LegacyID: m.ID, UserID: m.User.ID, Speaks: m.Speaks(), How: how(m)}
		if names {
			one.Name, one.Email = m.Name, m.Email
		}
		r.Managers = append(r.Managers, one)
	}
	return r
}

// how says how a manager's user was found, or why there is none who speaks.
func how(m importer.PairedManager) string {
	switch {
	case m.User.ID == 0 && m.Email == "":
		return "he has no e-mail"
	case m.User.ID == 0:
		return "no user has his e-mail"
	case !m.User.IsActive:
		return "the user is deactivated"
	case m.User.AmojoID == "":
		return "the user was never active in chats"
	case m.Chosen:
		return "as configured"
	}
	return "by e-mail"
}

// mostManagers is how many managers a person is shown.
const mostManagers = 60

func (r checkReport) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range r.Checks {
		fmt.Fprintf(t, "%s\t%s\t%s\n", c.State, c.Check, c.Found)
		if c.Advice != "" {
			fmt.Fprintf(t, "\t\t-> %s\n", c.Advice)
		}
	}
	_ = t.Flush()
	if len(r.Managers) == 0 {
		return
	}
	// Those without a voice first: somebody may have to act.
	all := slices.Clone(r.Managers)
	slices.SortStableFunc(all, func(a, b managerReport) int {
		switch {
		case a.Speaks == b.Speaks:
			return 0
		case b.Speaks:
			return -1
		}
		return 1
	})
	fmt.Fprintln(w, "\nManagers:")
	fmt.Fprintln(t, "  legacy id\tuser\tspeaks\tbecause")
	for _, m := range all[:min(len(all), mostManagers)] {
		user, voice := "-", "the bot"
		if m.UserID != 0 {
			user = fmt.Sprint(m.UserID)
		}
		if m.Speaks {
			voice = "himself"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s", m.LegacyID, user, voice, m.How)
		if m.Name != "" || m.Email != "" {
			fmt.Fprintf(t, "\t%s\t%s", oneLine(m.Name), oneLine(m.Email))
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush()
	if more := len(all) - mostManagers; more > 0 {
		fmt.Fprintf(w, "  and %d more, see --json\n", more)
	}
}
