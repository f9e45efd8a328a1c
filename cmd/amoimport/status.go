package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/spf13/cobra"
)

func newStatus(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "Show how far an import is, during a run or after it",
		Args:  noWords,
	}
	path := configFlag(c)
	asJSON := c.Flags().Bool("json", false, "print JSON")
	c.RunE = func(c *cobra.Command, _ []string) error { return e.status(c.Context(), *path, *asJSON) }
	return c
}

// readState reads the state of the migration. What comes after a parked message is
// held only where the configuration says so.
func readState(ctx context.Context, l *ledger.Ledger, cfg *config.Config) (ledger.Snapshot, error) {
	s, err := l.Snapshot(ctx)
	if !holds(cfg) {
		s.Held = ledger.Held{}
	}
	return s, err
}

func (e env) status(ctx context.Context, path string, asJSON bool) error {
	return e.onLedger(ctx, path, func(ctx context.Context, l *ledger.Ledger, cfg *config.Config) error {
		s, err := readState(ctx, l, cfg)
		if err != nil {
			return err
		}
		r, err := newStatusReport(s, cfg.Run.LeaseTime, time.Now())
		if err != nil {
			return err
		}
		undried, err := l.Learned(ctx, learnedUndried)
		if err != nil {
			return err
		}
		r.Undried = undried != ""
		if asJSON {
			enc := json.NewEncoder(e.out)
			enc.SetIndent("", "  ")
			return enc.Encode(r)
		}
		r.print(e.out)
		fmt.Fprintln(e.out)
		summary(e.out, s)
		return nil
	})
}

// statusReport is what status --json prints. Its keys stay.
type statusReport struct {
	Source  string `json:"source"`  // source.name
	Account string `json:"account"` // subdomain.domain
	ScopeID string `json:"scope_id"`

	Running    bool          `json:"running"`
	Silence    time.Duration `json:"-"`      // since the holder's last sign of life
	Holder     *holderReport `json:"holder"` // of the ledger; null: nobody
	EnrolledAt *time.Time    `json:"enrolled_at"`
	PurgedAt   *time.Time    `json:"purged_at"`       // null: what refers to people is there
	Undried    bool          `json:"without_dry_run"` // a run went on without a dry run of its settings

	Conversations ledger.Conversational  `json:"conversations"`
	Messages      ledger.Counted         `json:"messages"`
	Held          ledger.Held            `json:"held"` // of the planned messages
	Reasons       []reasonReport         `json:"reasons"`
	Notes         []reasonReport         `json:"notes"`
	Contacts      map[ledger.Found]int64 `json:"contacts"`
	Marked        int64                  `json:"marked"`       // messages in amoCRM that were marked as read
	Unmarkable    int64                  `json:"not_markable"` // and that cannot be
	InDoubt       int64                  `json:"in_doubt"`
	Edited        int64                  `json:"edited_after_sending"`
	Deleted       int64                  `json:"deleted_after_sending"`

	Rate       float64  `json:"rate_per_second"`
	ETASeconds *int64   `json:"eta_seconds"` // null: not known
	Waiting    string   `json:"waiting"`
	Run        *figures `json:"run"` // of the present or the last run; null: there was none
}

// quiet is how long a living run may give no sign of life.
const quiet = 10 * time.Second

type holderReport struct {
	Command string    `json:"command"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	SeenAt  time.Time `json:"seen_at"` // its last sign of life, by the clock of the ledger's server
}

type reasonReport struct {
	Outcome outcome.Outcome `json:"outcome"`
	Code    outcome.Code    `json:"code"`
	Count   int64           `json:"count"`
	Example string          `json:"example"` // conversation/message
	Short   string          `json:"short"`
	Advice  string          `json:"advice"`
}

// newStatusReport makes the report. A holder without a sign of life for the lease
// time is no running run.
func newStatusReport(s ledger.Snapshot, leaseTime time.Duration, now time.Time) (statusReport, error) {
	r := statusReport{
		Source: s.Setup.SourceName, Account: s.Setup.Account, ScopeID: s.Setup.ScopeID,
		EnrolledAt: s.EnrolledAt, PurgedAt: s.PurgedAt, Conversations: s.Conversations, Messages: s.Messages, Held: s.Held,
		Reasons: explained(s.Reasons), Notes: explained(s.Notes), Contacts: s.Contacts,
		Marked: s.Marked, Unmarkable: s.Unmarkable, InDoubt: s.InDoubt, Edited: s.Edited, Deleted: s.Vanished,
	}
	if s.Running {
		h := s.Holder
		r.Holder = &holderReport{Command: h.Command, Host: h.Host, PID: h.PID, SeenAt: s.BeatAt.UTC()}
		r.Silence = now.Sub(s.BeatAt)
		r.Running = r.Silence < leaseTime
	}
	var f figures
	if len(s.Figures) > 0 {
		if err := json.Unmarshal(s.Figures, &f); err != nil {
			return r, fmt.Errorf("the ledger's figures of the run cannot be read: %w", err)
		}
	}
	if f.Phase == "" {
		return r, nil
	}
	r.Run = &f
	if r.Running {
		r.Rate, r.Waiting = f.Rate, f.Waiting
		if left, ok := remaining(f); ok {
			seconds := int64(left / time.Second)
			r.ETASeconds = &seconds
		}
	}
	return r, nil
}

func explained(all []ledger.ReasonCount) []reasonReport {
	list := make([]reasonReport, len(all))
	for i, c := range all {
		known, _ := outcome.Lookup(c.Code)
		list[i] = reasonReport{Outcome: c.Outcome, Code: c.Code, Count: c.Count, Example: c.Example,
			Short: cmp.Or(known.Short, string(c.Code)), Advice: known.Advice}
	}
	return list
}

// print says in words whether and how a run goes on.
func (r statusReport) print(w io.Writer) {
	if r.Account != "" {
		fmt.Fprintf(w, "%s into %s\n", r.Source, r.Account)
	}
	switch {
	case r.Holder == nil && r.PurgedAt != nil:
		fmt.Fprintf(w, "what refers to people was purged at %s; nothing more can be imported with this ledger\n", r.PurgedAt.UTC().Format(time.RFC3339))
	case r.Holder == nil && r.Messages.Planned > 0 && r.Messages.Planned == r.Held.Messages:
		fmt.Fprintln(w, "no run is going on; what is planned waits behind parked messages, see amoimport parked list")
	case r.Holder == nil && r.Messages.Planned > 0:
		fmt.Fprintln(w, "no run is going on; amoimport run goes on where the last one was")
	case r.Holder == nil:
		fmt.Fprintln(w, "no run is going on")
	case !r.Running:
		fmt.Fprintf(w, "the last run (process %d on %s) gave its last sign of life at %s; amoimport run goes on where it was\n",
			r.Holder.PID, r.Holder.Host, r.Holder.SeenAt.Format(time.RFC3339))
	default:
		fmt.Fprintf(w, "running: %s, process %d on %s", r.Holder.Command, r.Holder.PID, r.Holder.Host)
		if r.Run != nil {
			fmt.Fprintf(w, ", phase %s, %.3g messages a second", r.Run.Phase, r.Rate)
		}
		if r.ETASeconds != nil {
			fmt.Fprintf(w, ", %s left", time.Duration(*r.ETASeconds)*time.Second)
		}
		fmt.Fprintln(w)
		if r.Silence > quiet {
			fmt.Fprintf(w, "its last sign of life was %s ago; if it died, amoimport run takes over\n", r.Silence.Round(time.Second))
		}
		if r.Waiting != "" {
			fmt.Fprintf(w, "waiting: %s\n", r.Waiting)
		}
		if r.Run != nil && !r.Run.Follow.Looked.IsZero() {
			fmt.Fprintln(w, standing(r.Run.Follow, r.Messages.Parked))
		}
	}
	if r.Undried {
		fmt.Fprintln(w, "a run went on without a dry run of its settings")
	}
	switch {
	case r.InDoubt > 0 && r.Running:
		fmt.Fprintf(w, "%s under way or in doubt\n", plural(r.InDoubt, "request is", "requests are"))
	case r.InDoubt > 0:
		fmt.Fprintf(w, "%s in doubt; a run settles that first\n", plural(r.InDoubt, "request is", "requests are"))
	}
}
