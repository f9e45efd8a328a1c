package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/spf13/cobra"
)

func newSandbox(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve a fake amoCRM and amojo to try an import against",
		Long: `sandbox serves both APIs of a made-up account, as strict as the real ones, and a
page to look at what arrived. It prints the configuration to use with it. All it
holds is in memory and gone when it ends.`,
		Args: noWords,
	}
	var (
		o              sandbox.Options
		s              sandboxFlags
		flags          = c.Flags()
		flavour        = flags.String("flavour", "amocrm", "whose rules hold: amocrm or kommo")
		amojoRate, crm = flags.Int("rate-amojo", 0, "requests a second that amojo allows; 0: any"), flags.Int("rate-api", 0, "requests a second that API v4 allows; 0: any")
	)
	flags.StringVar(&o.Addr, "listen", "127.0.0.1:8099", "`address` to listen on")
	flags.BoolVar(&s.remote, "remote", false, "let --listen name an address that others can reach")
	flags.DurationVar(&o.VisibilityLag.Min, "lag", 0, "how long an accepted message takes to be seen")
	flags.DurationVar(&o.Latency.Min, "latency", 0, "how long every answer takes")
	flags.Uint64Var(&o.Seed, "seed", 0, "repeats everything that is drawn")
	flags.BoolVar(&o.Disconnected, "disconnected", false, "start with a channel that is not connected yet")
	flags.StringVar(&s.faults, "faults", "", "JSON `file` with faults to play")
	flags.Float64Var(&s.lostAnswers, "lost-answers", 0, "share of the writes that are done without an answer, 0 to 1")
	c.RunE = func(c *cobra.Command, _ []string) error {
		o.Flavour = sandbox.Flavour(*flavour)
		o.AmojoLimit.PerSecond, o.APIv4Limit.PerSecond = *amojoRate, *crm
		if err := s.apply(&o, c.CommandPath()); err != nil {
			return err
		}
		return e.serveSandbox(c.Context(), o)
	}
	return c
}

// sandboxFlags are those that need a look before they are options.
type sandboxFlags struct {
	faults      string
	lostAnswers float64
	remote      bool
}

func (s sandboxFlags) apply(o *sandbox.Options, command string) error {
	if o.Flavour != sandbox.AmoCRM && o.Flavour != sandbox.Kommo {
		return &usageError{problem: fmt.Sprintf("--flavour: %q is neither amocrm nor kommo", o.Flavour), command: command}
	}
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return &usageError{problem: fmt.Sprintf("--listen: %q is no address like 127.0.0.1:8099", o.Addr), command: command}
	}
	if ip := net.ParseIP(host); !s.remote && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return &usageError{problem: fmt.Sprintf("--listen: others could reach %s; the sandbox is for this machine, unless --remote is given", o.Addr), command: command}
	}
	if s.lostAnswers < 0 || s.lostAnswers > 1 {
		return &usageError{problem: fmt.Sprintf("--lost-answers: %v is no share between 0 and 1", s.lostAnswers), command: command}
	}
	if s.faults != "" {
		text, err := os.ReadFile(s.faults)
		if err == nil {
			o.Faults, err = sandbox.ParseFaults(text)
		}
		if err != nil {
			return &usageError{problem: fmt.Sprintf("--faults: %s: %v", s.faults, err), command: command}
		}
	}
	if s.lostAnswers > 0 {
		o.Faults = append(o.Faults, sandbox.Fault{Name: "lost answers", Method: http.MethodPost,
			Probability: s.lostAnswers, Effect: sandbox.Effect{Kind: sandbox.CutAfterApply}})
	}
	return nil
}

func (e env) serveSandbox(ctx context.Context, o sandbox.Options) error {
	w := sandbox.New(o)
	s, err := w.Start()
	if err != nil {
		return &fault{problem: err.Error(), hint: "Name another address with --listen.", err: err}
	}
	ctx, release := e.untilSignal(ctx, func(string) {})
	defer release()
	o = w.Options()
	fmt.Fprintf(e.out, "# The sandbox serves at %[1]s until Ctrl-C; look at it with a browser: %[1]s/sandbox\n", s.URL)
	fmt.Fprintf(e.out, "# Put this into %s:\n\n", defaultConfig)
	accountConfig(e.out, o, s.URL)
	fmt.Fprint(e.out, "\n# and this into the environment:\n\n")
	for _, v := range secrets(o) {
		fmt.Fprintf(e.out, "export %s\n", v)
	}
	<-ctx.Done()
	began := time.Now()
	if err := s.Close(); err != nil {
		return fmt.Errorf("sandbox: end after %s: %w", time.Since(began).Round(time.Millisecond), err)
	}
	return nil
}

// accountConfig writes the part of a configuration that points at a sandbox.
func accountConfig(w io.Writer, o sandbox.Options, url string) {
	domain := "amocrm.ru"
	if o.Flavour == sandbox.Kommo {
		domain = "kommo.com"
	}
	fmt.Fprintf(w, `account:
  domain: %s
  subdomain: %s
  base_url: %s
channel:
  id: %s
  base_url: %s
  title: %q
  bot:
    id: %s
    client_id: %s
    name: %q
`, domain, o.Account.Subdomain, url, o.Channel.ID, url, o.Channel.Title, o.Channel.Bot.ID, o.Channel.Bot.ClientID, o.Channel.Bot.Name)
	limit := func(key string, perSecond int) {
		if perSecond > 0 {
			fmt.Fprintf(w, "  %s: %s\n", key, below(perSecond))
		}
	}
	if o.AmojoLimit.PerSecond > 0 || o.APIv4Limit.PerSecond > 0 {
		fmt.Fprintln(w, "limits:")
		limit("amojo", o.AmojoLimit.PerSecond)
		limit("api_v4", o.APIv4Limit.PerSecond)
	}
}

// below is a rate a little under a limit, so that jitter on the way stays within.
func below(perSecond int) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", 0.9*float64(perSecond)), ".0")
}

// secrets are the environment variables that let a run into a sandbox.
func secrets(o sandbox.Options) []string {
	return []string{config.EnvToken + "=" + o.Token, config.EnvChannelSecret + "=" + o.Channel.Secret}
}
