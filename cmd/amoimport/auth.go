package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func newAuth(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "auth",
		Short: "Store a token for API v4 where a run finds it",
		Long: `auth asks for an OAuth authorization code, which works once and for 20 minutes,
exchanges it for a pair of tokens, and stores them in account.token_file, for its
owner's eyes only; a run renews them by itself. With --token it takes a long-lived
token instead. Either is read from the terminal or from standard input, never from
the command line, where others could see it.`,
		Args: noWords,
	}
	path := configFlag(c)
	token := c.Flags().Bool("token", false, "take a long-lived token instead of a code")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx, release := e.untilSignal(c.Context(), e.say)
		defer release()
		return interrupted(ctx, e.auth(ctx, *path, *token))
	}
	return c
}

func (e env) auth(ctx context.Context, path string, longLived bool) error {
	needs := []config.Need{config.NeedTokenFile}
	what := "Long-lived token: "
	if !longLived {
		needs = append(needs, config.NeedIntegration)
		what = "Authorization code: "
	}
	cfg, err := config.Load(path, e.getenv, needs...)
	if err != nil {
		return err
	}
	if e.getenv(config.EnvToken) != "" {
		return &fault{problem: config.EnvToken + " is set, and wins over account.token_file", hint: "Unset it first, or go on using it and store nothing."}
	}
	// A code is spent by exchanging it: prove first that what it gives can be kept.
	file := amocrm.TokenFile(cfg.Account.TokenFile)
	if err := file.Prove(); err != nil {
		return err
	}
	secret, err := e.askSecret(what)
	if err != nil {
		return err
	}
	if longLived {
		// A token that does not work must not replace one that does.
		if err := e.greet(ctx, cfg, amocrm.LongLivedToken(secret)); err != nil {
			return err
		}
		if err := file.Store(amocrm.TokenPair{AccessToken: secret}); err != nil {
			return err
		}
	} else {
		cfg.Account.Token = "" // what the file holds now is to be replaced
		a, err := newAPIs(cfg, e.say)
		if err != nil {
			return err
		}
		// Not every source can: this one was made of an integration a line above.
		if err := a.tokens.(*amocrm.OAuth).Exchange(ctx, secret); err != nil {
			return err
		}
		if err := e.greet(ctx, cfg, a.tokens); err != nil {
			return err
		}
	}
	fmt.Fprintf(e.out, "Stored in %s, readable by its owner only.\n", cfg.Account.TokenFile)
	return nil
}

// greet uses a token once and tells whose it is.
func (e env) greet(ctx context.Context, cfg *config.Config, tokens amocrm.TokenSource) error {
	a, err := newAPIs(cfg, e.say)
	if err != nil {
		return err
	}
	a.tokens = tokens
	crm, err := a.crmClient(nil)
	if err != nil {
		return err
	}
	return a.askCRM(ctx, func(ctx context.Context) error {
		account, err := identify(ctx, cfg, crm)
		if account.ID != 0 {
			fmt.Fprintf(e.out, "The token is for account %d (%s)", account.ID, account.Subdomain)
			if token, err := tokens.Token(ctx); err == nil {
				if claims, err := amocrm.ParseClaims(token); err == nil && !claims.ExpiresAt.IsZero() {
					fmt.Fprintf(e.out, " and expires at %s", claims.ExpiresAt.UTC().Format(time.RFC3339))
				}
			}
			fmt.Fprintln(e.out, ".")
		}
		return err
	})
}

// askSecret reads one line, which a terminal does not show.
func (e env) askSecret(what string) (string, error) {
	var line string
	var err error
	if in, ok := e.in.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		fmt.Fprint(e.err, what)
		var typed []byte
		typed, err = term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(e.err)
		line = string(typed)
	} else {
		line, err = bufio.NewReader(io.LimitReader(e.in, 1<<20)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if line = strings.TrimSpace(line); err == nil && line == "" {
		err = errors.New("nothing was given")
	}
	if err != nil {
		return "", &fault{problem: err.Error(), hint: "Give it on standard input, or type it on the terminal.", err: err}
	}
	return line, nil
}
