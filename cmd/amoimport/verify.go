package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/source"
	"github.com/spf13/cobra"
)

// verifying is what verify is told.
type verifying struct {
	config       string
	sample       string
	only         []string
	anew, repair bool
	against      string
	json         bool
}

func newVerify(e env) *cobra.Command {
	var v verifying
	c := &cobra.Command{
		Use:   "verify",
		Short: "Read all chats back and account for every message that was sent",
		Long: `verify reads the history of the chats back and accounts for every message that was
sent: is it there, once, with its text, kind, author and time, and in its place? It
can be stopped at any moment; the same command goes on.

With --repair, messages that are missing are planned again; amoimport run sends them.
With --against it compares the chats with a report of long ago, without a ledger.

Exit code 0 says that all is accounted for; 3 the same, but something is parked.`,
		Args: noWords,
	}
	path := configFlag(c)
	c.Flags().StringVar(&v.sample, "sample", "", "read only some chats, always the same: a `number` of them, or a share such as 5%")
	c.Flags().StringSliceVar(&v.only, "only", nil, "read only the chats of these conversations, by their legacy `ids`")
	c.Flags().BoolVar(&v.anew, "anew", false, "begin anew where the last reading came to no end")
	c.Flags().BoolVar(&v.repair, "repair", false, "plan again what is missing")
	c.Flags().StringVar(&v.against, "against", "", "compare with the chats of this `report.json`")
	c.Flags().BoolVar(&v.json, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		v.config = *path
		if c.Flags().Changed("only") && !slices.ContainsFunc(v.only, func(id string) bool { return id != "" }) {
			return &usageError{problem: "--only names no conversation", command: c.CommandPath()}
		}
		if c.Flags().Changed("against") && v.against == "" {
			return &usageError{problem: "--against names no report", command: c.CommandPath()}
		}
		if err := v.check(); err != nil {
			return err
		}
		if v.against != "" {
			return e.verifyAgainst(c.Context(), v)
		}
		return e.verify(c.Context(), v)
	}
	return c
}

// check refuses words that contradict each other.
func (v verifying) check() error {
	if v.sample != "" && len(v.only) > 0 {
		return &usageError{problem: "--sample and --only each say which chats are meant", command: "amoimport verify"}
	}
	if v.against != "" && (v.sample != "" || len(v.only) > 0 || v.anew || v.repair) {
		return &usageError{problem: "--against compares all chats of a report and changes nothing: it goes with --json alone", command: "amoimport verify"}
	}
	return nil
}

// scope is which chats are meant.
func (v verifying) scope() (verify.Scope, error) {
	var s verify.Scope
	for _, id := range v.only {
		if id != "" { // a comma too many
			s.Only = append(s.Only, source.ConversationID(id))
		}
	}
	if v.sample == "" {
		return s, nil
	}
	s, err := verify.ParseSample(v.sample)
	if err != nil {
		return s, &usageError{problem: "--sample: " + err.Error(), command: "amoimport verify"}
	}
	return s, nil
}

// verifyReport is what verify --json prints. Its keys stay.
type verifyReport struct {
	verify.Result
	Clean   bool  `json:"clean"`   // no fault was found
	Planned int64 `json:"planned"` // messages of the whole import that are not sent yet
	Parked  int64 `json:"parked"`  // messages of the whole import that need a person
	Held    int64 `json:"held"`    // of those not sent: they wait behind parked ones
}

func (e env) verify(ctx context.Context, v verifying) error {
	scope, err := v.scope()
	if err != nil {
		return err
	}
	cfg, err := config.Load(v.config, e.getenv, config.NeedLedger, config.NeedChannel)
	if err != nil {
		return err
	}
	watch := newWatching(e)
	ctx, release := e.untilSignal(ctx, watch.say)
	defer release()
	r, err := readBack(ctx, cfg, v, scope, watch)
	if err = interrupted(ctx, err); err != nil {
		return err
	}
	if v.json {
		err = printJSON(e.out, r)
	} else {
		printVerdict(e.out, r.Result)
	}
	return errors.Join(err, r.end(scope))
}

// end says what is left to do; nil: all is accounted for. Of a part of the chats only
// what they show is judged.
func (r verifyReport) end(scope verify.Scope) error {
	repaired := r.Repair != nil && r.Repair.Planned > 0
	switch {
	case repaired && r.Repair.Left > 0:
		return &fault{problem: plural(r.Repair.Planned, "message is", "messages are") + " planned again, and " + plural(r.Repair.Left, "is", "are") + " not",
			hint: "`amoimport run` sends them; then run `amoimport verify --repair` again."}
	case repaired:
		return &fault{problem: plural(r.Repair.Planned, "message that was missing is", "messages that were missing are") + " planned again",
			hint: "`amoimport run` looks for them once more and sends them; then run `amoimport verify` again."}
	case r.Repair != nil && r.Repair.Left > 0:
		return &fault{problem: plural(r.Repair.Left, "message is", "messages are") + " missing, and nothing was planned again: no chat showed anything of ours",
			hint: "See in amoCRM whether the chats are there; or name other conversations with --only."}
	case !r.Clean && r.Missing == 0:
		return &fault{problem: fmt.Sprintf("%s found in the chats", plural(r.Doubled+r.Altered+r.OutOfOrder, "fault was", "faults were")),
			hint: "The table above names some. None is missing, and what is there cannot be taken back or sent better: look at them in amoCRM, and write down what you find."}
	case !r.Clean:
		return &fault{problem: fmt.Sprintf("%s found in the chats", plural(r.Missing+r.Doubled+r.Altered+r.OutOfOrder, "fault was", "faults were")),
			hint: "The table above names some; `amoimport verify --repair` plans again what is missing."}
	case !scope.All():
		return nil
	case r.Planned > 0:
		hint := "`amoimport run` goes on; `amoimport status` shows how far it is."
		if r.Planned == r.Held {
			hint = "They wait behind parked ones, which `amoimport parked retry` or `amoimport parked skip` decides."
		}
		return &fault{problem: fmt.Sprintf("what was sent is in the chats, but the import is not over: %s not sent yet", plural(r.Planned, "message is", "messages are")),
			hint: hint}
	case r.Parked > 0:
		return &parkedError{messages: r.Parked, verified: true}
	}
	return nil
}

// readBack holds the ledger meanwhile: a run at the same time would make messages
// that are only late look missing.
func readBack(ctx context.Context, cfg *config.Config, v verifying, which verify.Scope, watch *watching) (found verifyReport, err error) {
	a, err := newAPIs(cfg, nil)
	if err != nil {
		return found, err
	}
	l, err := ledger.Connect(ctx, ledgerAt(cfg, nil))
	if err != nil {
		return found, err
	}
	defer l.Close()
	state, err := l.Snapshot(ctx)
	if err != nil {
		return found, err
	}
	scope, err := scopeOf(state.Setup.ScopeID, cfg.Channel.ID)
	if err != nil {
		return found, err
	}
	if v.repair && state.PurgedAt != nil {
		return found, &ledger.PurgedError{At: *state.PurgedAt}
	}
	lease, err := l.Acquire(ctx, ledger.Self("amoimport verify"), cfg.Run.LeaseTime, func() any {
		return figures{Figures: importer.Figures{Phase: "verify"}}
	})
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, lease.Release(context.WithoutCancel(ctx))) }()
	newest, err := ledger.Open(ctx, ledgerAt(cfg, nil)) // its schema may be an older one
	if err != nil {
		return found, err
	}
	newest.Close()
	chats, err := a.chatsClient(scope, nil)
	if err != nil {
		return found, err
	}
	defer watch.troubles(ctx, a)()
	found.Result, err = verify.Run(ctx, verify.Options{
		Ledger: l, Chats: chats, Ping: pingOf(chats), Scope: which, Template: state.Setup.Message, Anew: v.anew, Repair: v.repair,
		Concurrency: cfg.Run.Lanes, Patience: cfg.Run.SettleTime, Progress: watch.readingBack,
		Expect: func(p verify.Plan) { expected(watch, p, cfg.Limits.Amojo) },
	})
	if err != nil {
		return found, err
	}
	state, err = readState(ctx, l, cfg)
	found.Clean = found.Result.Clean()
	found.Planned, found.Parked, found.Held = state.Messages.Planned, state.Messages.Parked, state.Held.Messages
	return found, err
}

// pingOf asks amojo something harmless.
func pingOf(chats *amojo.Client) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := chats.Ping(ctx)
		return err
	}
}

// scopeOf is the scope that a ledger's messages were sent to.
func scopeOf(id, channel string) (amojo.Scope, error) {
	account, ok := strings.CutPrefix(id, channel+"_")
	switch {
	case id == "":
		return amojo.Scope{}, nothingImported()
	case !ok:
		return amojo.Scope{}, &fault{problem: fmt.Sprintf("this ledger belongs to the scope %s, and channel.id is %s", id, channel),
			hint: "Use the configuration that the import was made with."}
	}
	return amojo.Scope{ChannelID: channel, AccountID: account}, nil
}

func nothingImported() error {
	return &fault{problem: "nothing was imported with this ledger yet", hint: "Start with `amoimport run`."}
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
		{r.AlteredText, "with another text"},
		{r.AlteredKind, "of another kind"},
		{r.AlteredAuthor, "of another author"},
		{r.TimeOff, "with another time"},
		{r.OutOfOrder, "out of order"},
		{r.Foreign, "written by others"},
		{r.Unchecked, "whose text or author is not known any more"},
	} {
		if row.n == 0 && row.what == "whose text or author is not known any more" {
			continue
		}
		fmt.Fprintf(t, "%d\t  %s\n", row.n, row.what)
	}
	_ = t.Flush()
	for _, f := range verify.Faults() {
		if len(r.Examples[f]) == 0 {
			continue
		}
		var names []string
		for _, e := range r.Examples[f] {
			names = append(names, e.String())
		}
		fmt.Fprintf(w, "%s: %s\n", f, strings.Join(names, ", "))
	}
	if r.Pass.Scope != "all" {
		fmt.Fprintf(w, "Not all chats were read: %s.\n", r.Pass.Scope)
	}
	fmt.Fprintf(w, "digest of what was sent    %s\ndigest of what is there    %s\n", r.Digests.Legacy, r.Digests.ReadBack)
}

// expected tells how long a reading back will take.
func expected(w *watching, p verify.Plan, rate float64) {
	e := w.log.Info().Int64("chats", p.Unread).Int64("requests", p.Requests).Float64("rate", rate).
		Str("takes", duration(int64(float64(p.Requests)/rate)))
	if p.Resumed {
		e = e.Int64("read_before", p.Chats-p.Unread)
	}
	e.Msg("reading the chats back")
}
