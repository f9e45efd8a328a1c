package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/amoimport/amoimport/importer/dryrun"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/spf13/cobra"
)

func newDryRun(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "dry-run",
		Short: "Go through everything that a run would do, and write nothing",
		Long: `dry-run reads the whole legacy database through the same code as run, looks for
the contacts, and tells what would be made, what would not be moved and why, how
long it would take, and what of it managers would not see in amoCRM. It writes
nothing to amoCRM, and into the ledger only that it passed.`,
		Args: noWords,
	}
	path := configFlag(c)
	asJSON := c.Flags().Bool("json", false, "print JSON")
	probe := c.Flags().Bool("probe-media", false, "ask the servers of some attachments whether they are there")
	c.RunE = func(c *cobra.Command, _ []string) error { return e.dryRun(c.Context(), *path, *asJSON, *probe) }
	return c
}

func (e env) dryRun(ctx context.Context, path string, asJSON, probe bool) error {
	cfg, err := config.Load(path, e.getenv)
	if err != nil {
		return err
	}
	ctx, release := e.untilSignal(ctx, e.say)
	defer release()
	sent, err := ledgerFits(ctx, cfg)
	if err != nil {
		return interrupted(ctx, err)
	}
	r, digest, err := e.goThrough(ctx, cfg, probe)
	if err = interrupted(ctx, err); err != nil {
		return err
	}
	var text bytes.Buffer
	if asJSON {
		enc := json.NewEncoder(&text)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		printDryRun(&text, r)
		if sent > 0 {
			fmt.Fprintf(&text, "\nThis is of all rows. %s sent already; a run makes what is left.\n", plural(sent, "message was", "messages were"))
		}
	}
	if err == nil {
		_, err = e.out.Write(text.Bytes())
	}
	if err != nil { // what nobody could read has not passed
		return err
	}
	if err := passed(ctx, cfg, digest); err != nil {
		return err
	}
	if !r.Clean() {
		return &parkedError{messages: r.Messages.Parked, dry: true, held: ledger.Held{Messages: r.Messages.Held}}
	}
	return nil
}

// goThrough makes the dry run, and tells the digest of the settings that it was made with.
func (e env) goThrough(ctx context.Context, cfg *config.Config, probe bool) (*dryrun.Report, string, error) {
	a, err := newAPIs(cfg, e.say)
	if err != nil {
		return nil, "", err
	}
	db, t, err := prepare(ctx, cfg, a)
	if err != nil {
		return nil, "", err
	}
	defer db.Close()
	people, err := a.looking(t.scope)
	if err != nil {
		return nil, "", err
	}
	people.Log = newWatching(e).log
	o := running(cfg, t)
	files := dryrun.Files{Asked: o.Files.Asker != nil, AsText: o.Files.AsText}
	if probe {
		files.Probe = asker(cfg).Probe
	}
	r, err := dryrun.Run(ctx, dryrun.Options{
		Source: db, Compose: o.Compose, People: people,
		Region: o.Region, PersonKey: o.PersonKey, SharedMax: o.SharedMax, Announce: cfg.Replay.Announce == "last", MarkRead: o.MarkRead, Hold: o.Hold, Files: files,
		Rates:    dryrun.Rates{Amojo: cfg.Limits.Amojo, APIv4: cfg.Limits.APIv4, RoundTrip: t.roundTrip},
		Progress: e.reading(),
	})
	return r, settingsDigest(cfg, t, db.SQLDigest()), err
}

// ledgerFits sees, before anything is read, that what passed could be recorded, and tells
// how many messages were sent with the ledger already.
func ledgerFits(ctx context.Context, cfg *config.Config) (sent int64, err error) {
	l, err := ledger.Connect(ctx, ledgerAt(cfg, nil))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	p, err := l.Place(ctx)
	if err != nil {
		return 0, err
	}
	if err := unfit(cfg, p); err != nil || !p.Exists {
		return 0, err
	}
	s, err := l.Snapshot(ctx)
	if err == nil && s.PurgedAt != nil {
		err = &ledger.PurgedError{At: *s.PurgedAt}
	}
	return s.Messages.Sent, err
}

// passed records that a dry run passed.
func passed(ctx context.Context, cfg *config.Config, digest string) error {
	l, err := ledger.Open(ctx, ledgerAt(cfg, nil))
	if err != nil {
		return err
	}
	defer l.Close()
	lease, err := l.Acquire(ctx, ledger.Self("amoimport dry-run"), cfg.Run.LeaseTime, nil)
	if err != nil {
		return err
	}
	defer func() { _ = lease.Release(context.WithoutCancel(ctx)) }()
	return l.Learn(ctx, learnedDryRun, digest)
}

// learnedDryRun is the name under which the ledger knows the settings of the last dry
// run that passed.
const learnedDryRun = "dry_run"

// learnedUndried is the name under which the ledger knows that a run went on without.
const learnedUndried = "without_dry_run"

// dryRunPassed says whether a dry run of the same settings passed with this ledger.
func dryRunPassed(ctx context.Context, cfg *config.Config, digest string) (bool, error) {
	l, err := ledger.Connect(ctx, ledgerAt(cfg, nil))
	if err != nil {
		return false, err
	}
	defer l.Close()
	p, err := l.Place(ctx)
	if err != nil || !p.Exists {
		return false, err
	}
	learned, err := l.Learned(ctx, learnedDryRun)
	return learned == digest, err
}

// reading tells a person now and then how far the reading is.
func (e env) reading() func(string, int64) {
	begun := time.Now()
	next := begun.Add(gap(0))
	return func(phase string, n int64) {
		if now := time.Now(); now.After(next) {
			e.say(fmt.Sprintf("%s read so far: %d", phase, n))
			next = now.Add(gap(now.Sub(begun)))
		}
	}
}
