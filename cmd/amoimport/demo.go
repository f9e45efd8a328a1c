package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/internal/demodata"
	"github.com/amoimport/amoimport/internal/embedpg"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/spf13/cobra"
)

const (
	// demoLimit is what the demo's sandbox allows each API, in requests a second.
	demoLimit = 500
	// demoSettle is the demo's run.settle_time; its sandbox shows messages sooner.
	demoSettle = 2 * time.Second
)

func newDemo(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "demo",
		Short: "Import a made-up legacy database into a local sandbox, start to finish",
		Long: `demo starts a private Postgres with a legacy database in it and a sandbox of
amoCRM, imports the one into the other, stops that half-way, goes on, and reads
every chat back. Nothing leaves this machine, and nothing stays on it.`,
		Args: noWords,
	}
	d := demo{env: e}
	c.Flags().BoolVar(&d.keep, "keep", false, "keep the databases and the configuration, and say where they are")
	c.Flags().StringVar(&d.server, "dsn", "", "make the databases on the Postgres with this `DSN` instead of a private one")
	kommo := c.Flags().Bool("kommo", false, "play Kommo instead of amoCRM")
	c.RunE = func(c *cobra.Command, _ []string) error {
		d.flavour = sandbox.AmoCRM
		if *kommo {
			d.flavour = sandbox.Kommo
		}
		ctx, release := e.untilSignal(c.Context(), func(string) { fmt.Fprintln(e.err, "amoimport: stopping all that the demo started") })
		defer release()
		err := d.play(ctx)
		if err != nil && context.Cause(ctx) == errInterrupted {
			return fmt.Errorf("%w; all that the demo started is stopped", errInterrupted)
		}
		return err
	}
	return c
}

// demo is a demonstration in the making.
type demo struct {
	env
	keep    bool
	server  string // DSN; "": a private Postgres
	flavour sandbox.Flavour

	port           int    // of a private Postgres that is kept
	dir            string // of the configuration and, if kept, the data
	legacy, ledger string // DSNs
	world          *sandbox.World
	url            string // of the sandbox
	rows           demodata.Summary
}

// play does it all, and removes it all in the end.
func (d *demo) play(ctx context.Context) (err error) {
	begun := time.Now()
	clean, err := d.databases(ctx)
	defer func() { err = errors.Join(err, clean()) }()
	if err != nil {
		return err
	}
	if d.rows, err = demodata.Load(ctx, d.legacy, demodata.Options{}); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "A legacy database: %d conversations, %d messages, %d of them in the longest.\n",
		d.rows.Conversations, d.rows.Messages, d.rows.Longest)

	d.world = sandbox.New(sandbox.Options{
		Flavour:       d.flavour,
		AmojoLimit:    sandbox.Limit{PerSecond: demoLimit},
		APIv4Limit:    sandbox.Limit{PerSecond: demoLimit},
		VisibilityLag: sandbox.Lag{Max: 300 * time.Millisecond},
		Faults: []sandbox.Fault{{Name: "lost answer", API: sandbox.Amojo, Method: http.MethodPost, Probability: 0.003,
			Effect: sandbox.Effect{Kind: sandbox.CutAfterApply}}},
	})
	served, err := d.world.Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, served.Close()) }()
	d.url = served.URL
	fmt.Fprintf(d.out, "A sandbox of %s: %d requests a second at most, some answers get lost. While it runs: %s/sandbox\n",
		d.flavour, demoLimit, d.url)

	if err := d.configure(); err != nil {
		return err
	}
	if err := d.importTwice(ctx); err != nil {
		return err
	}
	if err := d.readBack(ctx); err != nil {
		return err
	}
	d.conclude(time.Since(begun))
	return nil
}

// databases makes an empty legacy database and an empty one for the ledger. clean
// removes what was made, and is never nil.
func (d *demo) databases(ctx context.Context) (clean func() error, err error) {
	nothing := func() error { return nil }
	if d.dir, err = os.MkdirTemp("", "amoimport-demo-"); err != nil {
		return nothing, fmt.Errorf("make a folder for the demo: %w", err)
	}
	names := []string{"legacy", "ledger"}
	if d.server != "" {
		suffix := strings.ToLower(rand.Text()[:8])
		names = []string{"amoimport_demo_legacy_" + suffix, "amoimport_demo_ledger_" + suffix}
	}
	if !d.keep {
		var drop []string
		if d.server != "" {
			drop = names
		}
		g, err := startGuard(d.dir, d.server, drop)
		if err != nil {
			return func() error { return os.RemoveAll(d.dir) }, err
		}
		nothing = g.end
	}
	clean = nothing
	cluster := embedpg.At(d.server)
	if d.server == "" {
		o := embedpg.Options{}
		if d.keep {
			if o, err = d.keptServer(); err != nil {
				return clean, err
			}
		}
		server, err := embedpg.Start(ctx, o)
		if err != nil {
			return clean, err
		}
		clean = func() error { return errors.Join(server.Stop(), nothing()) }
		cluster = server.Cluster
	}
	if d.legacy, err = cluster.CreateDatabase(ctx, names[0]); err == nil {
		d.ledger, err = cluster.CreateDatabase(ctx, names[1])
	}
	if err != nil && d.server != "" {
		err = &fault{problem: err.Error(), hint: "Check --dsn; its account must be allowed to create databases.", err: err}
	}
	return clean, err
}

// keptServer is a server whose data stays and can be served again.
func (d *demo) keptServer() (embedpg.Options, error) {
	// The server's account must be able to pass through; the files in it are their
	// owner's alone.
	if err := os.Chmod(d.dir, 0o711); err != nil {
		return embedpg.Options{}, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return embedpg.Options{}, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	d.port = l.Addr().(*net.TCPAddr).Port
	return embedpg.Options{Dir: filepath.Join(d.dir, "postgres"), Port: d.port}, nil
}

func (d *demo) config() string { return filepath.Join(d.dir, defaultConfig) }

// configure writes the configuration of the import. Secrets and DSNs go through
// the environment.
func (d *demo) configure() error {
	f, err := os.OpenFile(d.config(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the demo's configuration: %w", err)
	}
	accountConfig(f, d.world.Options(), d.url)
	_, err = fmt.Fprintf(f, "source:\n  name: demo\nmedia:\n  ask: never\nrun:\n  settle_time: %s\n", demoSettle)
	return errors.Join(err, f.Close())
}

func (d *demo) environment() []string {
	return append(secrets(d.world.Options()), config.EnvSourceDSN+"="+d.legacy, config.EnvLedgerDSN+"="+d.ledger)
}

// importTwice tells what an import would do, runs it until about half is sent, stops it as a user would,
// and runs it again to the end.
func (d *demo) importTwice(ctx context.Context) error {
	d.command("dry-run")
	dry, err := d.start(ctx, d.out, "dry-run", "-c", d.config())
	if err != nil {
		return err
	}
	if code := dry.wait(); code != exitDone && code != exitParked {
		return dry.unexpected()
	}
	fmt.Fprintln(d.out)
	d.command("run")
	first, err := d.start(ctx, io.Discard, "run", "-c", d.config())
	if err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for half := d.rows.Messages / 2; d.world.Counters().Messages < half; {
		select {
		case <-tick.C:
			continue
		case <-first.ended:
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return first.unexpected()
		}
	}
	stopped := time.Now()
	if err := first.interrupt(); err != nil {
		return err
	}
	if code := first.wait(); code != exitInterrupted {
		return first.unexpected()
	}
	fmt.Fprintf(d.out, "\nStopped half-way with SIGINT, as Ctrl-C does: it ended %.1f s later with exit code %d.\n\n",
		time.Since(stopped).Seconds(), exitInterrupted)
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}

	d.command("run")
	second, err := d.start(ctx, d.out, "run", "-c", d.config())
	if err != nil {
		return err
	}
	if code := second.wait(); code != exitDone && code != exitParked {
		return second.unexpected()
	}
	return nil
}

// readBack verifies the import.
func (d *demo) readBack(ctx context.Context) error {
	fmt.Fprintln(d.out)
	d.command("verify")
	v, err := d.start(ctx, d.out, "verify", "-c", d.config())
	if err != nil {
		return err
	}
	if code := v.wait(); code != exitDone && code != exitParked {
		return v.unexpected()
	}
	return nil
}

// command shows the words that would do the same by hand.
func (d *demo) command(word string) {
	fmt.Fprintf(d.out, "$ amoimport %s -c %s\n", word, d.config())
}

// conclude says what was seen and what to try next.
func (d *demo) conclude(took time.Duration) {
	c := d.world.Counters()
	fmt.Fprintf(d.out, "\nThe busiest second held %d requests to amojo and %d to API v4, of %d allowed; %s turned away as too many.\n",
		c.MaxPerSecond[sandbox.Amojo], c.MaxPerSecond[sandbox.APIv4], demoLimit,
		plural(int64(c.TooMany[sandbox.Amojo]+c.TooMany[sandbox.APIv4]), "was", "were"))
	fmt.Fprintf(d.out, "%s got lost on purpose. Managers got %d notifications. All of it took %.0f s.\n",
		plural(int64(c.Faults["lost answer"]), "answer", "answers"), c.Notifications, took.Seconds())
	if d.keep {
		d.showKept()
	}
	fmt.Fprint(d.out, `
Next:
  amoimport init       write a configuration for a database of your own
  amoimport sandbox    serve this sandbox to try it with
  amoimport check      see in seconds what a run would stop at
  amoimport dry-run    see what a run would make, and what not
  amoimport run        import; run it again to go on after any stop
`)
}

// showKept says where the kept data is and how to look at it.
func (d *demo) showKept() {
	fmt.Fprintf(d.out, "\nKept: %s\n", d.dir)
	if d.server == "" {
		fmt.Fprintf(d.out, "  postgres -D %s -p %d -k /tmp    serves it again (as root: under the account that owns the folder)\n",
			filepath.Join(d.dir, "postgres"), d.port)
	}
	fmt.Fprintf(d.out, "  psql '%s'\n", d.ledger)
	fmt.Fprintf(d.out, "  %s='%s' amoimport status -c %s\n", config.EnvLedgerDSN, d.ledger, d.config())
}
