package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/internal/config"
)

// minimal is the least that a file must say.
const minimal = `
account: {subdomain: example}
channel:
  id: 344a5002-f8ca-454d-af3d-396180102ac7
  bot: {id: bot-1, client_id: bot, name: Robot}
source: {name: helpdesk}
`

func allSecrets() map[string]string {
	return map[string]string{
		config.EnvSourceDSN:     "postgres://reader:s3cret@legacy.example.com:5433/helpdesk",
		config.EnvLedgerDSN:     "host=127.0.0.1 user=amo password='s3 cret' dbname=ledger",
		config.EnvToken:         "tok-s3cret",
		config.EnvChannelSecret: "chan-s3cret",
	}
}

// load writes the text, and more files beside it, and loads it.
func load(t *testing.T, text string, env map[string]string, files map[string]string, needs ...config.Need) (*config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	files2 := map[string]string{"amoimport.yaml": text}
	for name, content := range files {
		files2[name] = content
	}
	for name, content := range files2 {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load(filepath.Join(dir, "amoimport.yaml"), func(k string) string { return env[k] }, needs...)
}

func mustLoad(t *testing.T, text string, env map[string]string, files map[string]string, needs ...config.Need) *config.Config {
	t.Helper()
	c, err := load(t, text, env, files, needs...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// faultsOf are the faults as lines, without the hints.
func faultsOf(t *testing.T, err error) []string {
	t.Helper()
	var e *config.Error
	if err == nil {
		return nil
	}
	if !errors.As(err, &e) {
		t.Fatalf("err is a %T: %v", err, err)
	}
	if strings.ContainsAny(e.Error(), "\n") || e.Hint() == "" {
		t.Errorf("not one line, or no hint: %q, %q", e.Error(), e.Hint())
	}
	var out []string
	for _, f := range e.Faults {
		out = append(out, f.String())
	}
	return out
}

func TestMinimal(t *testing.T) {
	c := mustLoad(t, minimal, allSecrets(), nil)
	got := []any{
		c.Account.BaseURL, c.Channel.BaseURL, string(c.Account.Token), string(c.Channel.Secret),
		c.Limits.Amojo, c.Limits.AttemptTimeout, c.Run.MaxChanged, c.Contacts.Unnamed, c.Channel.Live,
		c.Source.Timezone.Location == nil, c.Source.MessagesSQL,
	}
	want := []any{
		"https://example.amocrm.ru", "https://amojo.amocrm.ru", "tok-s3cret", "chan-s3cret",
		5.0, 20 * time.Second, config.Percent(0.05), "Client {id}", false,
		true, config.File{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEverythingSet(t *testing.T) {
	c := mustLoad(t, `
account:
  domain: kommo.com
  subdomain: shop-2
  id: 31415
  amojo_id: 52e591f7-c98f-4255-8495-827210138c81
  base_url: http://127.0.0.1:8080/v4/
  token_file: token.json
  redirect_uri: https://example.com/cb
channel: {id: 007, live: yes, title: "Import", hook_api_version: v1, base_url: "http://localhost:8081", secret_file: chan,
  bot: {id: b, client_id: c, name: "Бот"}}
source: {name: s, dsn_file: dsn, messages_sql: m.sql, timezone: Europe/Moscow}
ledger: {dsn: "postgres://amo@db/l", schema: other}
limits: {amojo: 2.5, api_v4: 7, attempt_timeout: 1m30s}
ids: {message: "{id}", conversation: "{id}", client: "{id}", author: "a{id}", manager: "m_{id}"}
replay: {split_over: 1000, announce: last, manager_name: "<{name}> ", on_edit: edit_message, mark: read}
contacts: {default_region: KZ, legacy_id_field: 12, shared_phone_max: 2, on_ambiguous: park, tags: [import, "2024"], responsible_user_id: 9, unnamed: "Клиент {id}"}
managers: {by_id: {17: 504141, "a.b": anna@example.com}}
media: {url_template: "https://files.example.com/{media_url}", unreachable: text_with_name, ask: all, timeout: 3s, per_host: 0.5, allow_loopback: yes}
run: {lanes: 4, prepare_ahead: 10, settle_time: 1s, lease_time: 20s, max_changed: 0%, max_rejected: 12.5%, on_parked: hold, poll_every: 2s, full_pass_every: 5m}
talks: {close: legacy_closed}
leads: {create: backdated, pipeline_id: 5, status_id: 51, allow_open: yes, name: "old {client_id}", tags: [old]}
`, nil, map[string]string{
		"token.json": `{"access_token":"x"}`, "chan": "from-file\n", "dsn": "postgres://u:p@h/d\r\n", "m.sql": "select 1\n",
	})
	got := []any{
		c.Account.Domain, c.Account.ID, c.Account.BaseURL, filepath.Base(c.Account.TokenFile), string(c.Account.Token),
		c.Channel.ID, c.Channel.Live, c.Channel.BaseURL, string(c.Channel.Secret), c.Channel.Bot,
		string(c.Source.DSN), filepath.Base(c.Source.MessagesSQL.Path), c.Source.MessagesSQL.Text, c.Source.Timezone.String(),
		string(c.Ledger.DSN), c.Ledger.Schema, c.Limits, c.IDs, c.Replay, c.Contacts, c.Managers, c.Media, c.Run, c.Talks, c.Leads,
	}
	want := []any{
		"kommo.com", int64(31415), "http://127.0.0.1:8080/v4", "token.json", "",
		"007", true, "http://localhost:8081", "from-file", config.Bot{ID: "b", ClientID: "c", Name: "Бот"},
		"postgres://u:p@h/d", "m.sql", "select 1\n", "Europe/Moscow",
		"postgres://amo@db/l", "other",
		config.Limits{Amojo: 2.5, APIv4: 7, AttemptTimeout: 90 * time.Second},
		config.IDs{Message: "{id}", Conversation: "{id}", Client: "{id}", Author: "a{id}", Manager: "m_{id}"},
		config.Replay{SplitOver: 1000, Announce: "last", ManagerName: "<{name}> ", OnEdit: "edit_message", Mark: "read"},
		config.Contacts{
			DefaultRegion: "KZ", LegacyIDField: 12, SharedPhoneMax: 2, OnAmbiguous: "park",
			Tags: []string{"import", "2024"}, ResponsibleUserID: 9, Unnamed: "Клиент {id}",
		},
		config.Managers{ByID: map[string]config.User{"17": {ID: 504141}, "a.b": {Email: "anna@example.com"}}},
		config.Media{URLTemplate: "https://files.example.com/{media_url}", Unreachable: "text_with_name", Ask: "all",
			Timeout: 3 * time.Second, PerHost: 0.5, AllowLoopback: true},
		config.Run{Lanes: 4, PrepareAhead: 10, SettleTime: time.Second, LeaseTime: 20 * time.Second, MaxChanged: 0, MaxRejected: 0.125, OnParked: "hold",
			PollEvery: 2 * time.Second, FullPassEvery: 5 * time.Minute},
		config.Talks{Close: "legacy_closed"},
		config.Leads{Create: "backdated", PipelineID: 5, StatusID: 51, AllowOpen: true, Name: "old {client_id}", Tags: []string{"old"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := load(t, `account:
  domain: amocrm.de
  subdomian: example
  token: abc-s3cret
channel:
  id: 344a5002
  base_url: http://amojo.example.com
  bot: {id: b, client_id: c}
source:
  name: x
  messages_sql: nowhere.sql
  timezone: Moscow
  lanes: 3
limits:
  amojo: fast
  attempt_timeout: 20
ids:
  message: "imp-{conversation_id}"
  client: "imp {id}"
run:
  max_changed: 0.05
  max_rejected: 101%
  settle_time: 0s
managers:
  by_id: {1: nobody}
colour: red
`, nil, nil)
	want := []string{
		`line 1: account.token_file: there is no token for API v4`,
		`line 1: account.subdomain: it is required`,
		`line 2: account.domain: "amocrm.de" is none of amocrm.ru, amocrm.com, kommo.com`,
		`line 3: account.subdomian: unknown key`,
		`line 4: account.token: unknown key`,
		`line 5: channel.secret_file: the channel's secret is missing`,
		`line 7: channel.base_url: plain http to amojo.example.com would show the secrets to everybody on the way`,
		`line 8: channel.bot.name: it is required`,
		`line 9: source.dsn_file: the DSN of the legacy database is missing`,
		`line 11: source.messages_sql: DIR/nowhere.sql: there is no such file`,
		`line 12: source.timezone: "Moscow" is wrong: write a zone's name, like Europe/Moscow or UTC`,
		`line 13: source.lanes: unknown key`,
		`line 15: limits.amojo: "fast" is wrong: write a number`,
		`line 16: limits.attempt_timeout: "20" is wrong: write a time with its unit, like "120s" or "5m"`,
		`line 18: ids.message: "imp-{conversation_id}" has no {id}`,
		`line 19: ids.client: "imp {id}" may hold letters, digits, _ and - beside {id}`,
		`line 21: run.max_changed: "0.05" is wrong: write it from "0%" to "100%"`,
		`line 22: run.max_rejected: "101%" is wrong: write it from "0%" to "100%"`,
		`line 23: run.settle_time: 0s is not between 100ms and 24h0m0s`,
		`line 25: managers.by_id.1: "nobody" is wrong: write the id or the e-mail of an amoCRM user`,
		`line 26: colour: unknown key`,
		`ledger.dsn: the DSN of the ledger is missing`,
	}
	var e *config.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	got := faultsOf(t, err)
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], filepath.Dir(e.Path), "DIR")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a secret is in %v", err)
	}
	hints := map[string]string{
		"account.subdomian":   "Did you mean account.subdomain?",
		"account.token":       "AMOIMPORT_TOKEN",
		"account.token_file":  "AMOIMPORT_TOKEN",
		"channel.secret_file": "AMOIMPORT_CHANNEL_SECRET",
		"source.dsn_file":     "AMOIMPORT_SOURCE_DSN",
		"ledger.dsn":          "AMOIMPORT_LEDGER_DSN",
		"source.lanes":        "Did you mean run.lanes?",
		"colour":              "The keys here are account, channel,",
		"channel.base_url":    "Use https",
	}
	for _, f := range e.Faults {
		if !strings.Contains(f.Hint, hints[f.Key]) {
			t.Errorf("hint of %s is %q", f.Key, f.Hint)
		}
	}
}

func TestOneFault(t *testing.T) {
	tests := []struct{ add, want string }{
		{"run: {lanes: 0}", "line 7: run.lanes: 0 is too little; the least is 1"},
		{"run: {lanes: many}", `line 7: run.lanes: "many" is wrong: write a whole number`},
		{"run: {lanes: [1, 2]}", `line 7: run.lanes: a list stands where a value should be`},
		{"run: {lanes: {a: 1}}", `line 7: run.lanes: keys stand where a value should be`},
		{"run: 5", `line 7: run: a single value stands where keys should be`},
		{"run: {poll_every: 1m, full_pass_every: 30s}", "line 7: run.full_pass_every: 30s is not between 1m0s and 168h0m0s"},
		{"replay: {on_edit: send}", `line 7: replay.on_edit: "send" is none of report, edit_message`},
		{"replay: {mark: 'yes'}", `line 7: replay.mark: "yes" is none of none, read`},
		{"talks: {close: closed}", `line 7: talks.close: "closed" is none of none, legacy_closed, all`},
		{"leads: {create: 'yes'}", `line 7: leads.create: "yes" is none of none, backdated`},
		{"leads: {status_id: 51}", "line 7: leads.status_id: 51 is an open stage"},
		{"leads: {tags: [a, '']}", `line 7: leads.tags: a tag is empty`},
		{"run: {on_parked: wait}", `line 7: run.on_parked: "wait" is none of skip, hold`},
		{"run: {lease_time: 19s}", "line 7: run.lease_time: 19s is not between 20s and 1h0m0s"},
		{"contacts: {tags: one}", `line 7: contacts.tags: "one" is wrong: write a list, like [one, two]`},
		{"contacts: {tags: [a, '']}", `line 7: contacts.tags: a tag is empty`},
		{"contacts: {default_region: ru}", `line 7: contacts.default_region: write two capital letters, like RU`},
		{"contacts: {on_ambiguous: ask}", `line 7: contacts.on_ambiguous: "ask" is none of oldest, newest, park`},
		{"replay: {split_over: 10}", "line 7: replay.split_over: 10 is too little; the least is 500"},
		{"replay: {manager_name: 'x'}", "line 7: replay.manager_name: it must hold {name} and at most 64 characters"},
		{"limits: {amojo: 0}", "line 7: limits.amojo: 0 is no usable rate"},
		{"limits: {amojo: .nan}", `line 7: limits.amojo: ".nan" is wrong: write a number`},
		{"ledger: {schema: 'Bad-Name'}", `line 7: ledger.schema: "Bad-Name" is no schema name`},
		{"ledger: {schema: &a x}", "line 7: ledger.schema: anchors, aliases and tags are not taken here"},
		{"managers: {by_id: [1]}", "line 7: managers.by_id: a list stands where a value should be"},
		{"run:\n\tlanes: 1", "line 8: found character '\t' that cannot start any token"},
		{"source: {name: again}", `line 7: mapping key "source" already defined at [6:1]`},
		{"---\nrun: {}", "line 8: a second document begins here"},
	}
	for _, test := range tests {
		t.Run(test.add, func(t *testing.T) {
			_, err := load(t, minimal+test.add+"\n", allSecrets(), nil)
			got := faultsOf(t, err)
			if len(got) != 1 || got[0] != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestBaseURLs(t *testing.T) {
	for url, wantFault := range map[string]bool{
		"https://proxy.example.com/amo/": false,
		"http://127.0.0.1:1":             false,
		"http://[::1]:80":                false,
		"http://localhost":               false,
		"http://localhost.example.com":   true,
		"http://10.0.0.1":                true,
		"ftp://localhost":                true,
		"example.amocrm.ru":              true,
		"https://u:p@example.com":        true,
		"https://example.com/?a=b":       true,
		"https://":                       true,
	} {
		_, err := load(t, strings.Replace(minimal, "{subdomain: example}", fmt.Sprintf("{base_url: %q}", url), 1), allSecrets(), nil)
		if got := faultsOf(t, err); (len(got) > 0) != wantFault || len(got) > 1 {
			t.Errorf("%s: %q", url, got)
		}
	}
}

func TestMissingFile(t *testing.T) {
	_, err := config.Load("nowhere/amoimport.yaml", os.Getenv)
	want := "config nowhere/amoimport.yaml: there is no such file"
	var e *config.Error
	if !errors.As(err, &e) || err.Error() != want || !strings.Contains(e.Hint(), "amoimport init") {
		t.Errorf("err = %v", err)
	}
	if _, err := config.Load(t.TempDir(), os.Getenv); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := load(t, strings.Repeat("# long\n", 200_000), nil, nil); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("a large file: %v", err)
	}
}

func TestNeeds(t *testing.T) {
	env := map[string]string{config.EnvLedgerDSN: "postgres://localhost/l"}
	mustLoad(t, minimal, env, nil, config.NeedLedger)
	_, err := load(t, minimal, env, nil, config.NeedLedger, config.NeedSource)
	if got := faultsOf(t, err); len(got) != 1 || !strings.Contains(got[0], "source.dsn_file") {
		t.Errorf("got %q", got)
	}
}

func TestToken(t *testing.T) {
	withFile := strings.Replace(minimal, "subdomain: example", "subdomain: example, token_file: tok", 1)
	env := allSecrets()
	delete(env, config.EnvToken)
	tests := []struct {
		name  string
		files map[string]string
		env   string
		want  string
		fault bool
	}{
		{"long-lived, in a file", map[string]string{"tok": "abc\n"}, "", "abc", false},
		{"a pair", map[string]string{"tok": `{"refresh_token":"x"}`}, "", "", false},
		{"the environment wins", map[string]string{"tok": "abc\n"}, "def", "def", false},
		{"not there yet", nil, "", "", true},
		{"empty", map[string]string{"tok": "\n"}, "", "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env[config.EnvToken] = test.env
			c, err := load(t, withFile, env, test.files)
			if (err != nil) != test.fault {
				t.Fatal(err)
			}
			if err == nil && string(c.Account.Token) != test.want {
				t.Errorf("token is %q", string(c.Account.Token))
			}
			if _, err := load(t, withFile, env, test.files, config.NeedLedger); err != nil {
				t.Errorf("not needed: %v", err)
			}
		})
	}
}

func TestSecretFiles(t *testing.T) {
	withFile := strings.Replace(minimal, "channel:", "channel:\n  secret_file: chan", 1)
	env := allSecrets()
	delete(env, config.EnvChannelSecret)
	if c := mustLoad(t, withFile, env, map[string]string{"chan": "abc \r\n"}); c.Channel.Secret != "abc " {
		t.Errorf("secret is %q", string(c.Channel.Secret))
	}
	for name, files := range map[string]map[string]string{
		"there is no file of this name": nil,
		"the file is empty":             {"chan": "\n"},
	} {
		_, err := load(t, withFile, env, files)
		if got := faultsOf(t, err); len(got) != 1 || !strings.HasPrefix(got[0], "line 4: channel.secret_file: ") || !strings.HasSuffix(got[0], name) {
			t.Errorf("got %q", got)
		}
	}
	if c := mustLoad(t, withFile, allSecrets(), nil); c.Channel.Secret != "chan-s3cret" {
		t.Error("the environment does not win")
	}
}

func TestInlinePassword(t *testing.T) {
	env := allSecrets()
	delete(env, config.EnvLedgerDSN)
	for dsn, wantFault := range map[string]bool{
		"postgres://u:s3cret@127.0.0.1:54329/l":  false,
		"postgres://u:s3cret@/l?host=/run/pg":    false,
		"postgres://u@db.example.com/l":          false,
		"postgres://u:s3cret@db.example.com/l":   true,
		"host=db.example.com password=s3cret":    true,
		"postgres://u@db.example.com?password=s": true,
		"mysql://u:s3cret@localhost/l":           true,
		"postgres://u:s3#cret@localhost/l":       true,
		"just words s3cret":                      true,
	} {
		text := minimal + fmt.Sprintf("ledger: {dsn: %q}\n", dsn)
		_, err := load(t, text, env, nil)
		if got := faultsOf(t, err); (len(got) == 1) != wantFault || strings.Contains(fmt.Sprint(err), "s3") {
			t.Errorf("%s: %q", dsn, got)
		}
		mustLoad(t, strings.ReplaceAll(text, "mysql", "postgres"), allSecrets(), nil) // the environment wins
	}
}
