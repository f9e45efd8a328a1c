package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
)

func newVerify(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "verify",
		Short: "Read all chats back and account for every message that was sent",
		Args:  noWords,
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error { return e.verify(c.Context(), *path) }
	return c
}

func (e env) verify(ctx context.Context, path string) error {
	cfg, err := config.Load(path, e.getenv, config.NeedLedger, config.NeedChannel)
	if err != nil {
		return err
	}
	watch := newReadingBack(e)
	ctx, release := e.untilSignal(ctx, watch.say)
	defer release()
	result, planned, err := readBack(ctx, cfg, watch)
	if err = interrupted(ctx, err); err != nil {
		return err
	}
	printVerdict(e.out, result)
	if !result.Clean() {
		bad := result.Missing + result.Doubled + result.OutOfOrder + result.TimeOff
		return &fault{problem: fmt.Sprintf("%s found in the chats", plural(bad, "fault was", "faults were")),
			hint: "The table above names some; `amoimport status` shows what the ledger holds."}
	}
	if planned > 0 {
		return &fault{problem: fmt.Sprintf("what was sent is in the chats, but the import is not over: %s not sent yet", plural(planned, "message is", "messages are")),
			hint: "`amoimport run` goes on; `amoimport status` shows how far it is."}
	}
	return nil
}

// readBack holds the ledger meanwhile: a run at the same time would make messages
// that are only late look missing. planned is how many messages are still to be sent.
func readBack(ctx context.Context, cfg *config.Config, watch *readingBack) (found verify.Result, planned int64, err error) {
	a, err := newAPIs(cfg, nil)
	if err != nil {
		return found, 0, err
	}
	l, err := ledger.Connect(ctx, ledgerAt(cfg, nil))
	if err != nil {
		return found, 0, err
	}
	defer l.Close()
	state, err := l.Snapshot(ctx)
	if err != nil {
		return found, 0, err
	}
	scope, err := scopeOf(state.Setup, cfg.Channel.ID)
	if err != nil {
		return found, 0, err
	}
	lease, err := l.Acquire(ctx, ledger.Self("amoimport verify"), cfg.Run.LeaseTime, func() any {
		return figures{Figures: importer.Figures{Phase: "verify"}}
	})
	if err != nil {
		return found, 0, err
	}
	defer func() { err = errors.Join(err, lease.Release(context.WithoutCancel(ctx))) }()
	chats, err := a.chatsClient(scope, nil)
	if err != nil {
		return found, 0, err
	}
	found, err = verify.Run(ctx, verify.Options{
		Ledger: l, Chats: chats, Concurrency: cfg.Run.Lanes, Patience: cfg.Run.SettleTime, Progress: watch.progress,
	})
	return found, state.Messages.Planned, err
}

// scopeOf is the scope that a ledger's messages were sent to.
func scopeOf(s ledger.Setup, channel string) (amojo.Scope, error) {
	account, ok := strings.CutPrefix(s.ScopeID, channel+"_")
	switch {
	case s.ScopeID == "":
		return amojo.Scope{}, &fault{problem: "nothing was imported with this ledger yet", hint: "Start with `amoimport run`."}
	case !ok:
		return amojo.Scope{}, &fault{problem: fmt.Sprintf("this ledger belongs to the scope %s, and channel.id is %s", s.ScopeID, channel),
			hint: "Use the configuration that the import was made with."}
	}
	return amojo.Scope{ChannelID: channel, AccountID: account}, nil
}

// printVerdict prints what was found.
func printVerdict(w io.Writer, r verify.Result) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range []struct {
		n    int64
		what string
	}{
		{r.Chats, "chats read back"},
		{r.Messages, "messages that the ledger says were sent"},
		{r.Present, "of them in their chats"},
		{r.Missing, "missing"},
		{r.Doubled, "doubled"},
		{r.OutOfOrder, "out of order"},
		{r.TimeOff, "with another time"},
		{r.Foreign, "written by others"},
	} {
		fmt.Fprintf(t, "%d\t  %s\n", row.n, row.what)
	}
	_ = t.Flush()
	for _, f := range []verify.Fault{verify.Missing, verify.Doubled, verify.OutOfOrder, verify.TimeOff} {
		if len(r.Examples[f]) == 0 {
			continue
		}
		var names []string
		for _, e := range r.Examples[f] {
			names = append(names, e.String())
		}
		fmt.Fprintf(w, "%s: %s\n", f, strings.Join(names, ", "))
	}
}

// readingBack tells now and then how far the reading is.
type readingBack struct {
	log   zerolog.Logger
	begun time.Time

	mu   sync.Mutex
	next time.Time
}

func newReadingBack(e env) *readingBack {
	var w io.Writer = e.err
	if e.terminal {
		w = zerolog.ConsoleWriter{Out: e.err, TimeFormat: time.TimeOnly}
	}
	now := time.Now()
	return &readingBack{log: zerolog.New(w).With().Timestamp().Logger(), begun: now, next: now.Add(gap(0))}
}

func (r *readingBack) say(what string) { r.log.Info().Msg(what) }

func (r *readingBack) progress(done, total int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.After(r.next) {
		r.log.Info().Int64("chats", done).Int64("of", total).Msg("reading back")
		r.next = now.Add(gap(now.Sub(r.begun)))
	}
}
