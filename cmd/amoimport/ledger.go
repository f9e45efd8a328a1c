package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/spf13/cobra"
)

func newLedger(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "ledger",
		Short: "Look after the ledger itself",
		Args:  knownCommand,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newLedgerPurge(e))
	return c
}

// onLedger does something with the ledger of a configuration that needs no lease, while
// patience lasts.
func (e env) onLedger(ctx context.Context, path string, do func(context.Context, *ledger.Ledger, *config.Config) error) error {
	cfg, err := config.Load(path, e.getenv, config.NeedLedger)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l, err := ledger.Connect(ctx, ledgerAt(cfg, nil))
	if err != nil {
		return err
	}
	defer l.Close()
	return do(ctx, l, cfg)
}

// purging is what ledger purge is told.
type purging struct {
	config          string
	all, force, yes bool
}

func newLedgerPurge(e env) *cobra.Command {
	var p purging
	c := &cobra.Command{
		Use:   "purge",
		Short: "Remove from the ledger what refers to people, when an import is over",
		Long: `purge removes from the ledger what refers to people: clients, the keyed hashes of
their phones, e-mails and names, the ids of their contacts, the hashes of rows and
texts, and what servers and queries said about single messages. The ids, times and
outcomes of messages stay, so that status and verify still work. Nothing more can be
imported with the ledger afterwards: run refuses it. The digests of chats go too: make
amoimport report --json before, and keep it.

With --all nothing stays. Then nobody knows any more what was imported: a later run
would bring everything a second time.

The account itself, and the legacy database, are left as they are.`,
		Args: noWords,
	}
	path := configFlag(c)
	c.Flags().BoolVar(&p.all, "all", false, "remove the whole ledger")
	c.Flags().BoolVar(&p.force, "force", false, "although something is still to be sent or in doubt")
	c.Flags().BoolVar(&p.yes, "yes", false, "do not ask")
	c.RunE = func(c *cobra.Command, _ []string) error {
		p.config = *path
		return e.purge(c.Context(), p)
	}
	return c
}

func (e env) purge(ctx context.Context, p purging) error {
	cfg, err := config.Load(p.config, e.getenv, config.NeedLedger)
	if err != nil {
		return err
	}
	ctx, release := e.untilSignal(ctx, func(string) {})
	defer release()
	return interrupted(ctx, e.purgeLedger(ctx, cfg, p))
}

// purgeLedger holds the ledger from before it asks: what was shown is what is
// removed.
func (e env) purgeLedger(ctx context.Context, cfg *config.Config, p purging) (err error) {
	l, err := ledger.Connect(ctx, ledgerAt(cfg, nil))
	if err != nil {
		return err
	}
	defer l.Close()
	lease, err := l.Acquire(ctx, ledger.Self("amoimport ledger purge"), cfg.Run.LeaseTime, nil)
	if err != nil {
		return err
	}
	erased := false
	defer func() {
		if !erased {
			err = errors.Join(err, lease.Release(context.WithoutCancel(ctx)))
		}
	}()
	s, err := readState(ctx, l, cfg)
	if err != nil {
		return err
	}
	if s.Setup.ScopeID != "" && cfg.Channel.ID != "" { // it may be the ledger of another import
		if _, err := scopeOf(s.Setup.ScopeID, cfg.Channel.ID); err != nil {
			return err
		}
	}
	open, err := l.OpenBatches(ctx)
	if err != nil {
		return err
	}
	if n := s.Messages.Planned; !p.force && s.PurgedAt == nil && (n > 0 || s.InDoubt > 0 || len(open) > 0) {
		hint := "`amoimport run` brings it to its end; --force gives up what is left."
		if n == s.Held.Messages && n > 0 {
			hint = "They wait behind parked ones, which `amoimport parked retry` or `amoimport parked skip` decides; --force gives up what is left."
		}
		return &fault{problem: fmt.Sprintf("the import is not over: %s still to be sent and %s in doubt",
			plural(n, "message is", "messages are"), plural(s.InDoubt+int64(len(open)), "request is", "requests are")), hint: hint}
	}
	leads, err := l.LeadsInDoubt(ctx)
	if err != nil {
		return err
	}
	if n := int64(len(leads)); n > 0 && !p.force {
		return &fault{problem: plural(n, "lead is", "leads are") + " in doubt: whether amoCRM made what was asked for is not known",
			hint: "`amoimport leads create` settles that; --force gives it up."}
	}
	if !p.yes {
		if err := e.agree(ctx, s, cmp.Or(s.Setup.Account, cfg.Ledger.Schema), p.all); err != nil {
			return err
		}
	}
	if p.all {
		if err := l.Erase(ctx); err != nil {
			return err
		}
		erased = true
		fmt.Fprintln(e.out, "The ledger is removed.")
	} else {
		if err := l.Purge(ctx); err != nil {
			return err
		}
		fmt.Fprintln(e.out, "What refers to people is removed. `amoimport status` and `amoimport verify` still work.")
	}
	fmt.Fprintln(e.out, "The server's backups and its archived log still hold what was there before; until it vacuums, so do its tables.")
	return nil
}

// agree asks whether to go on; the answer is the name of what is lost.
func (e env) agree(ctx context.Context, s ledger.Snapshot, name string, all bool) error {
	if all {
		fmt.Fprintf(e.err, "This removes the whole ledger of %s: what became of %s is not known any more, and a later run\n"+
			"would bring everything a second time. amoCRM has no call that deletes messages.\n",
			name, plural(s.Messages.Total, "message", "messages"))
	} else {
		fmt.Fprintf(e.err, "This removes what refers to people from the ledger of %s, and the digests of chats. Nothing more can be\n"+
			"imported with it: no new rows, and nothing that is parked (%s now). Keep what `amoimport report --json` tells first.\n",
			name, plural(s.Messages.Parked, "message", "messages"))
	}
	fmt.Fprintf(e.err, "It cannot be undone. Type %s to go on: ", name)
	answers := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(io.LimitReader(e.in, 1<<10)).ReadString('\n') // an end is no answer either
		answers <- strings.TrimSpace(line)
	}()
	select {
	case answer := <-answers:
		if answer == name {
			return nil
		}
		return &fault{problem: "that is not " + name + "; nothing was removed", hint: "Where nobody can be asked, --yes goes on without."}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
