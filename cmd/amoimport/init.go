package main

import (
	"fmt"
	"strings"

	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/internal/mapping"
	"github.com/spf13/cobra"
)

// blank is one of the configuration's values that a person knows, and that init
// takes from a flag or asks for.
type blank struct {
	key   string // in the configuration
	flag  string
	what  string // what it is, in the help and as a question
	usual string // taken when the question is answered with Enter; "" leaves the value for later
}

func blanks() []blank {
	return []blank{
		{"account.domain", "domain", "where the account lives: amocrm.ru, amocrm.com or kommo.com", "amocrm.ru"},
		{"account.subdomain", "subdomain", "first part of the account's address: for example.amocrm.ru it is example", ""},
		{"channel.id", "channel", "id of the chat channel, as amoCRM's support named it", ""},
		{"channel.bot.id", "bot-id", "id of the channel's bot in amojo", ""},
		{"channel.bot.client_id", "bot-client-id", "id of the channel's bot on your side", ""},
		{"channel.bot.name", "bot-name", "name of the channel's bot", ""},
		{"source.name", "source", "name for the legacy database that stays, also for a restored copy", "legacy"},
	}
}

func newInit(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a commented configuration to fill in",
		Long: `init writes a commented configuration. What flags do not give it asks for on a
terminal; elsewhere it leaves that empty. Files that are there are left as they
are. Secrets are not asked for: they belong into the environment.`,
		Args: noWords,
	}
	flags := c.Flags()
	path := flags.StringP("output", "o", defaultConfig, "the `file` to write; one that is there is left as it is")
	like := flags.String("like", "", "write a worked mapping beside it, to begin with: "+known(" or "))
	given := map[string]*string{} // by key
	for _, b := range blanks() {
		given[b.key] = flags.String(b.flag, "", b.what)
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		n := newConfig{env: e, values: map[string]string{}, flagged: map[string]bool{"like": flags.Changed("like")}}
		var problems []string
		if err := n.begin(*like); err != nil {
			problems = append(problems, "--like: "+err.Error())
		}
		for _, b := range blanks() {
			if n.flagged[b.key] = flags.Changed(b.flag); !n.flagged[b.key] {
				continue
			}
			if err := n.set(b.key, *given[b.key]); err != nil {
				problems = append(problems, "--"+b.flag+": "+err.Error())
			}
		}
		if len(problems) > 0 {
			return &usageError{problem: strings.Join(problems, "; "), command: c.CommandPath()}
		}
		if e.asks {
			if err := n.draft().Vacant(*path); err != nil {
				return err
			}
			if err := n.ask(); err != nil {
				return err
			}
		}
		if err := n.draft().Write(*path); err != nil {
			return &fault{problem: err.Error(), hint: "Name another file with -o, in a folder that you may write to.", err: err}
		}
		n.next(*path)
		return nil
	}
	return c
}

// newConfig is a configuration that is being put together.
type newConfig struct {
	env
	like    mapping.Mapping
	values  map[string]string // by key
	flagged map[string]bool   // what flags gave, by key, and "like"
}

// begin chooses the mapping to begin with; "" is none.
func (n *newConfig) begin(like string) error {
	if like == "" {
		return nil
	}
	m, ok := mapping.Like(like)
	if !ok {
		return &fault{problem: fmt.Sprintf("%q is neither %s", like, known(" nor "))}
	}
	n.like = m
	return nil
}

// known lists the names of the worked mappings.
func known(separator string) string {
	var names []string
	for _, m := range mapping.All() {
		names = append(names, m.Name)
	}
	return strings.Join(names, separator)
}

// set takes a value if it can be one of the key.
func (n *newConfig) set(key, value string) error {
	value = strings.TrimSpace(value)
	one := config.Draft{Values: map[string]string{key: value}}
	for _, f := range one.Check() {
		return &fault{problem: f.Problem, hint: f.Hint}
	}
	n.values[key] = value
	return nil
}

func (n *newConfig) draft() config.Draft {
	d := config.Draft{Values: n.values}
	if m := n.like; m.Name != "" {
		d.Beside = map[string]string{
			"conversations.sql": m.Conversations,
			"messages.sql":      m.Messages,
			"managers.sql":      m.Managers,
		}
		n.values["source.conversations_sql"] = "conversations.sql"
		n.values["source.messages_sql"] = "messages.sql"
		n.values["source.managers_sql"] = "managers.sql"
		n.values["source.timezone"] = m.Zone
	}
	return d
}

// next says what was written and what comes next.
func (n *newConfig) next(path string) {
	flag := ""
	if path != defaultConfig {
		flag = " -c " + path
	}
	wrote, queries := path, "If your tables are not laid out as the built-in queries expect, write three files with SQL"
	if n.like.Name != "" {
		wrote += ", with conversations.sql, messages.sql and managers.sql beside it"
		queries = "Adapt the three files with SQL to your tables"
	}
	fill := "Put"
	for _, b := range blanks() {
		if n.values[b.key] == "" && b.key != "account.domain" {
			fill = "Fill in what is marked as required and still empty, and put"
		}
	}
	fmt.Fprintf(n.out, "Wrote %s. Next:\n\n", wrote)
	fmt.Fprintf(n.out, `  1. %[7]s the secrets into the environment:
     %[2]s, %[3]s, %[4]s,
     and %[5]s unless the ledger is the one of docker-compose.yml.
  2. %[6]s; docs/mapping.md says how.
  3. To try it first: amoimport sandbox, with the lines that it prints in place of the account's.
  4. If the channel was never connected to the account: amoimport connect%[1]s
  5. amoimport check%[1]s, and amoimport dry-run%[1]s: what would be made and what would not, without making it.
  6. amoimport run%[1]s
     It can be stopped at any moment; the same command goes on where it was.
`, flag, config.EnvSourceDSN, config.EnvToken, config.EnvChannelSecret, config.EnvLedgerDSN, queries, fill)
}
