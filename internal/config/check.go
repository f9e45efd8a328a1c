package config

import (
	"math"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/amoimport/amoimport/importer/compose"
)

var (
	domains    = []string{"amocrm.ru", "amocrm.com", "kommo.com"}
	subdomain  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	apiID      = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,47}$`)
	regionCode = regexp.MustCompile(`^[A-Z]{2}$`)
	inID       = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)
)

// check reports what is missing, wrong or out of bounds, and fills in the base
// URLs.
func (l *loader) check(c *Config) {
	a, ch := &c.Account, &c.Channel
	l.oneOf("account.domain", a.Domain, domains...)
	if a.BaseURL == "" {
		l.required("account.subdomain", a.Subdomain, "The first part of your account's address: for example.amocrm.ru it is example.")
	}
	if a.Subdomain != "" && !subdomain.MatchString(a.Subdomain) {
		l.add("account.subdomain", "Write only the first part of the address: for example.amocrm.ru it is example.", "%s is no subdomain", quote(a.Subdomain))
	}
	l.atLeast("account.id", float64(a.ID), 0)
	l.id("account.amojo_id", a.AmojoID)
	l.baseURL("account.base_url", &a.BaseURL, a.Subdomain+"."+a.Domain)
	if a.RedirectURI != "" {
		if u, err := url.Parse(a.RedirectURI); err != nil || u.Host == "" {
			l.add("account.redirect_uri", "It must be exactly the one in the integration's settings.", "this is no URL")
		}
	}

	const fromSupport = "amoCRM's support named it when it registered the channel."
	l.required("channel.id", ch.ID, fromSupport)
	l.id("channel.id", ch.ID)
	l.required("channel.bot.id", ch.Bot.ID, fromSupport)
	l.id("channel.bot.id", ch.Bot.ID)
	l.required("channel.bot.client_id", ch.Bot.ClientID, fromSupport)
	l.required("channel.bot.name", ch.Bot.Name, fromSupport)
	l.oneOf("channel.hook_api_version", ch.HookAPIVersion, "v1", "v2")
	l.baseURL("channel.base_url", &ch.BaseURL, "amojo."+a.Domain)

	l.required("source.name", c.Source.Name, "A name for the legacy database that stays the same, also for a restored copy.")
	if n := utf8.RuneCountInString(c.Source.Name); n > 64 {
		l.add("source.name", "", "it has %d characters; 64 are the most", n)
	}
	l.dsn("source.dsn_file", EnvSourceDSN, c.Source.DSN)
	l.dsn("ledger.dsn", EnvLedgerDSN, c.Ledger.DSN)
	l.inlinePassword(c.Ledger)
	if !schemaName.MatchString(c.Ledger.Schema) {
		l.add("ledger.schema", "Use small letters, digits and _, at most 48.", "%s is no schema name", quote(c.Ledger.Schema))
	}

	l.rate("limits.amojo", c.Limits.Amojo)
	l.rate("limits.api_v4", c.Limits.APIv4)
	l.between("limits.attempt_timeout", c.Limits.AttemptTimeout, time.Second, 5*time.Minute)

	l.template("ids.message", c.IDs.Message, "{id}", "{conversation_id}")
	l.template("ids.conversation", c.IDs.Conversation, "{id}")
	l.template("ids.client", c.IDs.Client, "{id}")
	l.template("ids.author", c.IDs.Author, "{id}")
	l.template("ids.manager", c.IDs.Manager, "{id}")

	l.atLeast("replay.split_over", float64(c.Replay.SplitOver), 500)
	l.oneOf("replay.announce", c.Replay.Announce, "none", "last")
	if name := c.Replay.ManagerName; !strings.Contains(name, "{name}") || utf8.RuneCountInString(name) > 64 {
		l.add("replay.manager_name", "", "it must hold {name} and at most 64 characters")
	}

	l.oneOf("replay.on_edit", c.Replay.OnEdit, "report", "edit_message")
	l.oneOf("replay.mark", c.Replay.Mark, "none", "read")

	l.contacts(c.Contacts)
	l.media(c.Media, c.Channel)
	l.oneOf("talks.close", c.Talks.Close, "none", "legacy_closed", "all")
	l.leads(c.Leads)
	l.atLeast("run.lanes", float64(c.Run.Lanes), 1)
	l.atLeast("run.prepare_ahead", float64(c.Run.PrepareAhead), 1)
	l.between("run.settle_time", c.Run.SettleTime, 100*time.Millisecond, 24*time.Hour)
	// A request leaves only when the lease was confirmed less than 5 s before.
	l.between("run.lease_time", c.Run.LeaseTime, 20*time.Second, time.Hour)
	l.oneOf("run.on_parked", c.Run.OnParked, "skip", "hold")
	l.between("run.poll_every", c.Run.PollEvery, time.Second, 24*time.Hour)
	l.between("run.full_pass_every", c.Run.FullPassEvery, c.Run.PollEvery, 7*24*time.Hour)
}

// closedStages are the stages won and lost, which every pipeline has with these ids.
var closedStages = []int64{142, 143}

func (l *loader) leads(c Leads) {
	l.oneOf("leads.create", c.Create, "none", "backdated")
	l.atLeast("leads.pipeline_id", float64(c.PipelineID), 0)
	if !slices.Contains(closedStages, c.StatusID) && !c.AllowOpen {
		l.add("leads.status_id", "Use 142 (won) or 143 (lost); on an open stage bots may write to real clients. leads.allow_open: yes goes on all the same.",
			"%d is an open stage", c.StatusID)
	}
	if n := utf8.RuneCountInString(c.Name); n == 0 || n > 200 {
		l.add("leads.name", "", "it needs 1 to 200 characters")
	}
	if slices.Contains(c.Tags, "") {
		l.add("leads.tags", "", "a tag is empty")
	}
}

func (l *loader) contacts(c Contacts) {
	if !regionCode.MatchString(c.DefaultRegion) {
		l.add("contacts.default_region", "", "write two capital letters, like RU")
	}
	l.atLeast("contacts.legacy_id_field", float64(c.LegacyIDField), 0)
	l.atLeast("contacts.shared_phone_max", float64(c.SharedPhoneMax), 1)
	l.oneOf("contacts.on_ambiguous", c.OnAmbiguous, "oldest", "newest", "park")
	if slices.Contains(c.Tags, "") {
		l.add("contacts.tags", "", "a tag is empty")
	}
	l.atLeast("contacts.responsible_user_id", float64(c.ResponsibleUserID), 0)
}

func (l *loader) media(m Media, ch Channel) {
	if err := compose.MediaTemplate(m.URLTemplate).Validate(m.AllowLoopback); err != nil {
		l.add("media.url_template", "Write it like https://files.example.com/{conversation_id}/{id}/{file_name}.", "%s", strings.TrimPrefix(err.Error(), "media URL template: "))
	}
	l.oneOf("media.unreachable", m.Unreachable, "park", "text_with_name")
	l.oneOf("media.ask", m.Ask, "never", "missing", "all")
	l.between("media.timeout", m.Timeout, 100*time.Millisecond, time.Minute)
	if !(m.PerHost > 0 && m.PerHost <= 1000) {
		l.add("media.per_host", "It is in requests a second.", "%v is no usable rate", m.PerHost)
	}
	if u, err := url.Parse(ch.BaseURL); m.AllowLoopback && (err != nil || !loopback(u.Hostname())) {
		l.add("media.allow_loopback", "It is for a rehearsal, with a sandbox as channel.base_url.", "amoCRM cannot fetch files from this machine")
	}
}

// required, like all the checks below, is silent about a key that was faulty
// before: one mistake is one fault.
func (l *loader) required(key, value, hint string) {
	if strings.TrimSpace(value) == "" && !l.faulty(key) {
		l.add(key, hint, "it is required")
	}
}

func (l *loader) oneOf(key, value string, choices ...string) {
	if !slices.Contains(choices, value) {
		l.add(key, "", "%s is none of %s", quote(value), strings.Join(choices, ", "))
	}
}

func (l *loader) id(key, value string) {
	if value != "" && !apiID.MatchString(value) {
		l.add(key, "Copy it as amoCRM shows it.", "%s is no id", quote(value))
	}
}

func (l *loader) atLeast(key string, value, least float64) {
	if value < least && !l.faulty(key) {
		l.add(key, "", "%v is too little; the least is %v", value, least)
	}
}

func (l *loader) between(key string, value, least, most time.Duration) {
	if value < least || value > most {
		l.add(key, "", "%s is not between %s and %s", value, least, most)
	}
}

func (l *loader) rate(key string, value float64) {
	if !(value > 0) || math.IsInf(value, 0) || value > 10_000 {
		l.add(key, "It is in requests a second; amoCRM documents 7.", "%v is no usable rate", value)
	}
}

func (l *loader) template(key, value string, placeholders ...string) {
	literal := value
	for _, p := range placeholders {
		literal = strings.ReplaceAll(literal, p, "")
	}
	switch {
	case !strings.Contains(value, "{id}"):
		l.add(key, "Without it all ids would be the same.", "%s has no {id}", quote(value))
	case !inID.MatchString(literal):
		l.add(key, "", "%s may hold letters, digits, _ and - beside %s", quote(value), strings.Join(placeholders, " and "))
	}
}

// baseURL checks a URL that was set, or makes one of the host.
func (l *loader) baseURL(key string, value *string, host string) {
	if *value == "" {
		*value = "https://" + host
		return
	}
	u, err := url.Parse(*value)
	switch {
	case err != nil, u.Host == "", u.Scheme != "https" && u.Scheme != "http":
		l.add(key, "Write it like https://example.amocrm.ru.", "this is no URL of a web server")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		l.add(key, "Write only scheme, host and path.", "a user, a query or a fragment does not belong here")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		l.add(key, "Use https; plain http is for a sandbox on this machine only.", "plain http to %s would show the secrets to everybody on the way", u.Host)
	default:
		*value = strings.TrimRight(*value, "/")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (l *loader) dsn(key, env string, d DSN) {
	if d == "" {
		return
	}
	if _, err := d.parts(); err != nil {
		const form = "Write it like postgres://user:password@host:5432/database"
		if l.getenv(env) != "" { // which goes before the file
			l.add(env, form+".", "this is no Postgres DSN: %v", err)
			return
		}
		l.add(key, form+", here or in "+env+".", "this is no Postgres DSN: %v", err)
	}
}

// inlinePassword refuses a password in the file, but for a database on this
// machine, as docker-compose makes one.
func (l *loader) inlinePassword(led Ledger) {
	if l.lines["ledger.dsn"] == 0 || l.getenv(EnvLedgerDSN) != "" || led.DSNFile != "" {
		return
	}
	p, err := led.DSN.parts()
	if err == nil && p.password && p.host != "" && !strings.HasPrefix(p.host, "/") && !loopback(p.host) {
		l.add("ledger.dsn", "Put the DSN into "+EnvLedgerDSN+", or name a file in ledger.dsn_file.", "a password for %s does not stand in this file", p.host)
	}
}
