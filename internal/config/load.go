package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The environment variables that hold what must not stand in the file. Each wins
// over the file that the configuration names for the same.
const (
	EnvSourceDSN     = "AMOIMPORT_SOURCE_DSN"
	EnvLedgerDSN     = "AMOIMPORT_LEDGER_DSN"
	EnvToken         = "AMOIMPORT_TOKEN"
	EnvChannelSecret = "AMOIMPORT_CHANNEL_SECRET"
	EnvClientID      = "AMOIMPORT_CLIENT_ID"
	EnvClientSecret  = "AMOIMPORT_CLIENT_SECRET"
)

// Need is access that a command cannot do without.
type Need string

// What a command may need.
const (
	NeedSource  Need = "source"  // the legacy database's DSN
	NeedLedger  Need = "ledger"  // the ledger's DSN
	NeedToken   Need = "token"   // a token for API v4, or the means to refresh one
	NeedChannel Need = "channel" // the channel's secret

	NeedTokenFile   Need = "token_file"  // where a token is to be stored
	NeedIntegration Need = "integration" // what an OAuth code is exchanged with
)

// fileMost bounds every file that is read here, in bytes.
const fileMost = 1 << 20

// Load reads the file and what it names, takes secrets from getenv, fills in
// defaults and checks it all. Access that is missing is a fault if it is among
// needs; with no needs given, all of it is needed. Every error is an *Error.
func Load(path string, getenv func(string) string, needs ...Need) (*Config, error) {
	if len(needs) == 0 {
		needs = []Need{NeedSource, NeedLedger, NeedToken, NeedChannel}
	}
	text, err := readFile(path)
	if err != nil {
		f := Fault{Problem: why(err), Hint: "Make it a file that the user who runs amoimport can read, or name another with -c."}
		if errors.Is(err, fs.ErrNotExist) {
			f.Hint = "Write one with `amoimport init`, or name another with -c."
		}
		return nil, &Error{Path: path, Faults: []Fault{f}}
	}
	l := loader{
		faults: faults{lines: map[string]int{}},
		dir:    filepath.Dir(path),
		getenv: getenv,
		needs:  needs,
	}
	c := defaults()
	if (decoder{&l.faults}).document(text, &c) {
		l.access(&c)
		l.check(&c)
	}
	if err := l.err(path); err != nil {
		return nil, err
	}
	return &c, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, fileMost+1))
	if err == nil && len(text) > fileMost {
		err = errors.New("the file is larger than 1 MiB")
	}
	return text, err
}

// why is an error of readFile without the path, which stands before it.
func why(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "there is no such file"
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		return "the file cannot be read: " + p.Err.Error()
	}
	return err.Error()
}

// loader gathers a configuration's parts.
type loader struct {
	faults
	dir    string // of the configuration; paths in it start here
	getenv func(string) string
	needs  []Need
}

// access finds secrets and reads the files that the configuration names.
func (l *loader) access(c *Config) {
	c.Source.DSN = DSN(l.secret("source.dsn_file", &c.Source.DSNFile, EnvSourceDSN))
	if dsn := l.secret("ledger.dsn_file", &c.Ledger.DSNFile, EnvLedgerDSN); dsn != "" {
		c.Ledger.DSN = DSN(dsn)
	}
	c.Channel.Secret = Secret(l.secret("channel.secret_file", &c.Channel.SecretFile, EnvChannelSecret))
	c.Account.ClientID = l.getenv(EnvClientID)
	c.Account.ClientSecret = Secret(l.getenv(EnvClientSecret))
	l.token(&c.Account)

	for _, missing := range []struct {
		need Need
		is   bool
		key  string
		what string
		hint string
	}{
		{NeedSource, c.Source.DSN == "", "source.dsn_file", "the DSN of the legacy database is missing", "Set " + EnvSourceDSN + ", or name a file that holds it."},
		{NeedLedger, c.Ledger.DSN == "" && !l.faulty("ledger.dsn_file"), "ledger.dsn", "the DSN of the ledger is missing", "Set " + EnvLedgerDSN + " or ledger.dsn, or name a file in ledger.dsn_file."},
		{NeedChannel, c.Channel.Secret == "", "channel.secret_file", "the channel's secret is missing", "Set " + EnvChannelSecret + ", or name a file that holds it."},
		{NeedTokenFile, c.Account.TokenFile == "", "account.token_file", "there is no file to store the token in", "Name one; it is written for its owner's eyes only."},
		{NeedIntegration, c.Account.ClientID == "" || c.Account.ClientSecret == "", "account", "the integration's id or secret is missing", "Set " + EnvClientID + " and " + EnvClientSecret + "."},
		{NeedIntegration, c.Account.RedirectURI == "", "account.redirect_uri", "it is required to exchange a code", "It must be exactly the one in the integration's settings."},
	} {
		if missing.is && slices.Contains(l.needs, missing.need) && !l.faulty(missing.key) {
			l.add(missing.key, missing.hint, "%s", missing.what)
		}
	}
	if slices.Contains(l.needs, NeedSource) {
		l.file("source.conversations_sql", &c.Source.ConversationsSQL)
		l.file("source.messages_sql", &c.Source.MessagesSQL)
		l.file("source.managers_sql", &c.Source.ManagersSQL)
		l.managers(&c.Managers)
	}
}

// secret takes a secret from the environment, else from the file.
func (l *loader) secret(key string, file *string, env string) string {
	*file = l.resolve(*file)
	if v := strings.TrimSpace(l.getenv(env)); v != "" {
		return v
	}
	if *file == "" {
		return ""
	}
	text, err := readFile(*file)
	v := strings.TrimRight(string(text), "\r\n")
	if err == nil && v == "" {
		err = errors.New("the file is empty")
	}
	switch {
	case errors.Is(err, fs.ErrNotExist): // it may be the secret itself
		l.add(key, "The key names a file. Put the secret into one, or into "+env+".", "there is no file of this name")
	case err != nil:
		l.add(key, "Put the secret into that file, or into "+env+".", "%s: %s", *file, why(err))
	}
	return v
}

// token finds a long-lived token, or sees that there is, or can be, a pair. A
// token file holds either; a pair is JSON and is its keeper's to read.
func (l *loader) token(a *Account) {
	a.TokenFile = l.resolve(a.TokenFile)
	a.Token = Secret(strings.TrimSpace(l.getenv(EnvToken)))
	if a.Token != "" {
		return
	}
	var text []byte
	if a.TokenFile != "" {
		var err error
		if text, err = readFile(a.TokenFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.add("account.token_file", "Make it readable for the user that runs amoimport.", "%s: %s", a.TokenFile, why(err))
			return
		}
	}
	v := strings.TrimSpace(string(text))
	switch {
	case strings.HasPrefix(v, "{"): // a pair
	case v != "":
		a.Token = Secret(v)
	case slices.Contains(l.needs, NeedToken) && a.TokenFile != "":
		l.add("account.token_file", "The key names a file. Put a long-lived token into one, or set "+EnvToken+".", "there is no file of this name, or it is empty")
	case slices.Contains(l.needs, NeedToken):
		l.add("account.token_file", "Set "+EnvToken+", or name a file that holds one as account.token_file.", "there is no token for API v4")
	}
}

func (l *loader) file(key string, f *File) {
	if f.Path == "" {
		return
	}
	f.Path = l.resolve(f.Path)
	text, err := readFile(f.Path)
	f.Text = string(text)
	if err == nil && strings.TrimSpace(f.Text) == "" {
		err = errors.New("the file is empty")
	}
	if err != nil {
		l.add(key, "Write the query into that file; leave the key empty for the built-in one.", "%s: %s", f.Path, why(err))
	}
}

func (l *loader) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.dir, path)
}
