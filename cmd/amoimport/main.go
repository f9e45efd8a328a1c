// Command amoimport moves chat history from a legacy Postgres database into
// amoCRM or Kommo.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	_ "time/tzdata" // source.timezone must work on machines without zone files

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// defaultConfig is where a command looks for the configuration.
const defaultConfig = "amoimport.yaml"

// env is what a command takes from the process that it runs in.
type env struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // err is one
	asks     bool // in is one: there is somebody to answer
	getenv   func(string) string
	exit     func(code int) // ends the process at once
}

// say tells a person something that is no result.
func (e env) say(what string) { fmt.Fprintln(e.err, "amoimport: "+what) }

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], env{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		terminal: term.IsTerminal(int(os.Stderr.Fd())),
		asks:     term.IsTerminal(int(os.Stdin.Fd())),
		getenv:   os.Getenv,
		exit:     os.Exit,
	}))
}

// execute runs the command that the words name and returns the exit code.
func execute(ctx context.Context, words []string, e env) int {
	root := newRoot(e)
	root.SetArgs(words)
	err := root.ExecuteContext(ctx)
	explain(e.err, err)
	return exitCode(err)
}

func newRoot(e env) *cobra.Command {
	var withParent bool
	root := &cobra.Command{
		Use:   "amoimport",
		Short: "Moves chat history from a legacy Postgres database into amoCRM or Kommo",
		Long: `amoimport moves years of client-manager chat history from a legacy Postgres
database into amoCRM or Kommo. It can be stopped at any moment and started again.

Exit codes: 0 done; 1 failed; 2 wrong use or config; 3 done, but something is
parked and needs a person; 4 another run holds the ledger; 130 interrupted.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun: func(*cobra.Command, []string) {
			if withParent {
				go e.endWithParent()
			}
		},
	}
	root.SetOut(e.out)
	root.SetErr(e.err)
	root.SetIn(e.in)
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		problem, _, _ := strings.Cut(err.Error(), ": strconv.") // which function read the word says nothing to anybody
		return &usageError{problem: problem, command: c.CommandPath()}
	})
	// For children of the demo, which must not outlive it.
	root.PersistentFlags().BoolVar(&withParent, "with-parent", false, "end at once when standard input ends")
	_ = root.PersistentFlags().MarkHidden("with-parent") // it was defined a line above
	root.AddCommand(newDemo(e), newInit(e), newAuth(e), newConnect(e), newCheck(e), newDryRun(e), newRun(e), newStatus(e), newParked(e),
		newVerify(e), newReport(e), newTalks(e), newLeads(e), newLedger(e), newSandbox(e), newGuard(e))
	return root
}

// version is that of the module, as far as the build tells it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}

// knownCommand refuses words that are no command.
func knownCommand(c *cobra.Command, words []string) error {
	if len(words) == 0 {
		return nil
	}
	e := &usageError{problem: fmt.Sprintf("unknown command %q", words[0]), command: c.CommandPath()}
	if near := c.SuggestionsFor(words[0]); len(near) > 0 {
		e.meant = near[0]
	}
	return e
}

// noWords refuses words after a command that takes none.
func noWords(c *cobra.Command, words []string) error {
	if len(words) == 0 {
		return nil
	}
	return &usageError{problem: fmt.Sprintf("%q is one word too many", words[0]), command: c.CommandPath()}
}

// configFlag is the -c of the commands that need a configuration.
func configFlag(c *cobra.Command) *string {
	return c.Flags().StringP("config", "c", defaultConfig, "the configuration `file`")
}
