package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/source"
	"github.com/spf13/cobra"
)

func newRun(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Import, or go on with an import",
		Long: `run imports everything that the legacy database holds and amoCRM does not have
yet. Stop it whenever you like; the same command goes on where it was. Before
it writes anything it checks the queries, the token, the account and the channel.

With --follow it goes on after that: it looks for news every run.poll_every,
compares all rows every run.full_pass_every, and says when it is ready for
cut-over. The first signal ends it, with exit code 0 when nothing is left to send.`,
		Args: noWords,
	}
	path := configFlag(c)
	intoLive := c.Flags().Bool("into-live-channel", false, "import although channel.live says that a messenger is behind the channel")
	undried := c.Flags().Bool("without-dry-run", false, "import although no dry run of these settings passed")
	follow := c.Flags().Bool("follow", false, "go on looking for news until a signal")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return e.runImport(c.Context(), *path, *intoLive, *undried, *follow)
	}
	return c
}

func (e env) runImport(ctx context.Context, path string, intoLive, undried, follow bool) error {
	cfg, err := config.Load(path, e.getenv)
	if err != nil {
		return err
	}
	if cfg.Channel.Live && !intoLive {
		return &fault{problem: "channel.live says that a messenger is behind this channel: what managers wrote years ago could reach real clients",
			hint: "Import through a channel of its own, or make sure that the messenger's side ignores the imported ids and run with --into-live-channel."}
	}
	progress := &importer.Progress{}
	a, err := newAPIs(cfg, nil)
	if err != nil {
		return err
	}
	show := e.newDisplay(func() figures { return a.figures(progress) })
	a.say = show.say
	ctx, release := e.untilSignal(ctx, show.say)
	defer release()
	state, err := e.runUntil(ctx, cfg, a, progress, show, undried, follow)
	show.end()
	if err = interrupted(ctx, err); err != nil {
		return err
	}
	summary(e.out, state)
	if f := progress.Figures().Follow; follow {
		fmt.Fprintln(e.out, "\n"+standing(f, state.Messages.Parked))
	}
	if f := progress.Figures(); f.Resumed+f.Doubts > 0 {
		fmt.Fprintf(e.out, "\n%s settled by reading chats back, %d of them left by an earlier run.\n",
			plural(f.Resumed+f.Doubts, "doubt was", "doubts were"), f.Resumed)
	}
	if n := state.Messages.Parked; n > 0 {
		return &parkedError{messages: n, held: state.Held}
	}
	return nil
}

// runUntil checks, takes the ledger, and imports to the end.
func (e env) runUntil(ctx context.Context, cfg *config.Config, a *apis, progress *importer.Progress, show *display, undried, follow bool) (ledger.Snapshot, error) {
	db, t, err := prepare(ctx, cfg, a)
	if err != nil {
		return ledger.Snapshot{}, err
	}
	defer db.Close()
	passed, err := dryRunPassed(ctx, cfg, settingsDigest(cfg, t, db.SQLDigest()))
	if err != nil {
		return ledger.Snapshot{}, err
	}
	if !passed && !undried {
		return ledger.Snapshot{}, &fault{problem: "no dry run of these settings and queries has passed with this ledger",
			hint: "Run `amoimport dry-run` and read what it tells; --without-dry-run goes on without, and `amoimport status` will say so."}
	}
	if silent := t.silent(); len(silent) > 0 {
		show.log.Warn().Strs("managers", silent[:min(20, len(silent))]).Int("all", len(silent)).
			Msg("managers without an active user in the account: the channel's bot speaks for them; managers.by_id can say who they are")
	}
	l, err := ledger.Open(ctx, ledgerAt(cfg, progress.SetWaiting))
	if err != nil {
		return ledger.Snapshot{}, err
	}
	defer l.Close()
	err = e.importInto(ctx, l, cfg, a, t, db, progress, show, passed, follow)
	var clash *ledger.ClashError
	if errors.As(err, &clash) && l.Made() && progress.Figures().Phase == "enrol" {
		// The proof needed the ledger; what is refused at first leaves none behind.
		err = cmp.Or(l.Drop(context.WithoutCancel(ctx)), err)
	}
	if err != nil {
		return ledger.Snapshot{}, err
	}
	return readState(context.WithoutCancel(ctx), l, cfg) // a run that follows ends well with a signal
}

// prepare proves everything that can be proved by reading, so that a run with
// something wrong writes nothing anywhere.
func prepare(ctx context.Context, cfg *config.Config, a *apis) (*source.DB, target, error) {
	if err := composing(cfg, nil).Validate(); err != nil {
		return nil, target{}, &fault{problem: "the settings do not fit: " + err.Error(), hint: "Correct them in the configuration.", err: err}
	}
	// There may be no ledger yet; its server must be there.
	l, err := ledger.Connect(ctx, ledgerAt(cfg, nil))
	if err != nil {
		return nil, target{}, err
	}
	l.Close()
	db, err := openSource(ctx, cfg)
	if err != nil {
		return nil, target{}, err
	}
	t, err := func() (target, error) {
		if err := db.Check(ctx); err != nil {
			return target{}, err
		}
		managers, err := db.Managers(ctx)
		if err != nil {
			return target{}, err
		}
		return look(ctx, cfg, a, managers)
	}()
	if err != nil {
		db.Close()
		return nil, target{}, err
	}
	return db, t, nil
}

// importInto holds the ledger while the import runs.
func (e env) importInto(ctx context.Context, l *ledger.Ledger, cfg *config.Config, a *apis, t target, db *source.DB,
	progress *importer.Progress, show *display, dried, follow bool) (err error) {
	lease, err := l.Acquire(ctx, ledger.Self("amoimport run"), cfg.Run.LeaseTime, func() any { return a.figures(progress) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.Release(context.WithoutCancel(ctx))) }()
	if err := l.Settle(ctx, setup(cfg, t)); err != nil {
		return err
	}
	if !dried {
		if err := l.Learn(ctx, learnedUndried, "yes"); err != nil {
			return err
		}
	}
	live, err := a.live(t.scope, lease)
	if err != nil {
		return err
	}
	o := running(cfg, t)
	o.Source, o.Target, o.Ledger = db, live, l
	o.Log, o.Progress = show.log, progress
	live.Log = show.log
	if follow {
		o.Follow = importer.Following{Every: cfg.Run.PollEvery, FullEvery: cfg.Run.FullPassEvery}
	}
	return importer.Run(ctx, o)
}
