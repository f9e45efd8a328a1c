package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/internal/config"
)

func TestDSNRedacted(t *testing.T) {
	for dsn, want := range map[config.DSN]string{
		"postgres://ann:s3cret@db.example.com:5433/help?sslmode=require": "database help on db.example.com:5433 as ann",
		"postgresql://db.example.com":                                    "on db.example.com",
		"postgres://ann:s3cret@[::1]:5432/help":                          "database help on [::1]:5432 as ann",
		"postgres:///help?host=/run/pg&user=ann&password=s3cret":         "database help on the local socket /run/pg as ann",
		`host=h port=1 user=ann password='s3 cr\'et' dbname = help`:      "database help on h:1 as ann",
		"dbname=help user=ann password=s3cret":                           "database help on the local socket as ann",
		"postgres://ann:s3#cret@h/d":                                     "(a DSN that cannot be read)",
		"postgres://ann:12#s3cret@h/d":                                   "(a DSN that cannot be read)",
		"postgres://ann:12/s3cret@h/d":                                   "(a DSN that cannot be read)",
		"postgres://ann:12?s3cret@h/d":                                   "(a DSN that cannot be read)",
		"postgres://h/d#x":                                               "(a DSN that cannot be read)",
		"password='s3cret":                                               "(a DSN that cannot be read)",
		"s3cret":                                                         "(a DSN that cannot be read)",
		"":                                                               "",
	} {
		if got := dsn.Redacted(); got != want {
			t.Errorf("%q: %s, want %s", string(dsn), got, want)
		}
	}
}

// Whatever is done with a configuration, its secrets do not come out.
func TestSecretsDoNotPrint(t *testing.T) {
	env := allSecrets()
	env[config.EnvClientSecret] = "client-s3cret"
	c := mustLoad(t, minimal, env, nil)
	var out strings.Builder
	for _, v := range []any{c, *c, c.Account, c.Account.Token, &c.Account.Token, c.Source.DSN, c.Channel.Secret, c.Account.ClientSecret} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
		slog.New(slog.NewTextHandler(&out, nil)).Info("config", "value", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("config", "value", v)
	}
	for _, secret := range []string{"s3cret", "s3 cret", fmt.Sprintf("%x", "s3cret")} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q came out", secret)
		}
	}
	for _, want := range []string{"(secret)", "database helpdesk on legacy.example.com:5433 as reader"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in what was printed", want)
		}
	}
}

func TestPercentPrints(t *testing.T) {
	for p, want := range map[config.Percent]string{0.05: "5%", 0: "0%", 0.125: "12.5%", 1: "100%", 0.07: "7%"} {
		if got := p.String(); got != want {
			t.Errorf("%v prints as %s, want %s", float64(p), got, want)
		}
	}
}
