package main

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/media"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/pace"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// openSource connects to the legacy database.
func openSource(ctx context.Context, cfg *config.Config) (*source.DB, error) {
	s := cfg.Source
	return source.Open(ctx, source.Options{
		DSN:              string(s.DSN),
		ConversationsSQL: s.ConversationsSQL.Text, ConversationsFile: cmp.Or(s.ConversationsSQL.Path, "the built-in conversations query"),
		MessagesSQL: s.MessagesSQL.Text, MessagesFile: cmp.Or(s.MessagesSQL.Path, "the built-in messages query"),
		ManagersSQL: s.ManagersSQL.Text, ManagersFile: cmp.Or(s.ManagersSQL.Path, "the built-in managers query"),
		Timezone: s.Timezone.Location,
	})
}

// ledgerAt says where the ledger is. waiting may be nil.
func ledgerAt(cfg *config.Config, waiting func(string)) ledger.Options {
	return ledger.Options{DSN: string(cfg.Ledger.DSN), Schema: cfg.Ledger.Schema, Waiting: waiting}
}

// gate is asked before each request is written; nil lets all pass.
type gate func(context.Context) error

// apis is the way to both APIs of one account. All clients made of it share its
// pacers, connections and tokens.
type apis struct {
	cfg              *config.Config
	crm, chats       *pace.Pacer
	crmNet, chatsNet http.RoundTripper
	tokens           amocrm.TokenSource
	say              func(string)
}

// newAPIs makes the way; nothing is asked yet. say, which may be nil, tells a person
// that one waits.
func newAPIs(cfg *config.Config, say func(string)) (*apis, error) {
	a := &apis{
		say:      say,
		cfg:      cfg,
		crm:      pace.New(pace.Config{Name: "API v4", Rate: cfg.Limits.APIv4}),
		chats:    pace.New(pace.Config{Name: "amojo", Rate: cfg.Limits.Amojo}),
		crmNet:   pace.Network(),
		chatsNet: pace.Network(),
	}
	if token := cfg.Account.Token; token != "" {
		a.tokens = amocrm.LongLivedToken(token)
		return a, nil
	}
	// Tokens are renewed beside the pacer: it happens once a day, and everybody
	// who waits for his turn waits for it.
	oauth, err := amocrm.NewOAuth(&http.Client{Transport: a.crmNet}, cfg.Account.BaseURL, amocrm.Integration{
		ClientID: cfg.Account.ClientID, ClientSecret: string(cfg.Account.ClientSecret), RedirectURI: cfg.Account.RedirectURI,
	}, amocrm.TokenFile(cfg.Account.TokenFile))
	a.tokens = oauth
	return a, err
}

// crmClient is a client of API v4. Its Authorizer stands above the pacer, so that
// the repeat with a renewed token waits for its turn as well.
func (a *apis) crmClient(g gate) (*amocrm.Client, error) {
	return amocrm.New(&http.Client{Transport: amocrm.Authorizer{Source: a.tokens, Base: a.paced(a.crm, a.crmNet, g)}}, a.cfg.Account.BaseURL)
}

// chatsClient is a client of amojo. It signs below the pacer, when the request
// really goes out.
func (a *apis) chatsClient(scope amojo.Scope, g gate) (*amojo.Client, error) {
	signed := amojo.SigningTransport{Secret: string(a.cfg.Channel.Secret), Base: a.chatsNet}
	return amojo.New(&http.Client{Transport: a.paced(a.chats, signed, g)}, a.cfg.Channel.BaseURL, scope)
}

func (a *apis) paced(p *pace.Pacer, base http.RoundTripper, g gate) *pace.Transport {
	return &pace.Transport{Pacer: p, Base: base, AttemptTimeout: a.cfg.Limits.AttemptTimeout, Gate: g}
}

// waiting says why requests wait, "" when none does, and whether it is for another
// reason than the pace that was set.
func (a *apis) waiting() (why string, trouble bool) {
	var reasons []string
	for _, p := range []*pace.Pacer{a.crm, a.chats} {
		s := p.Status()
		if s.Reason != "" {
			reasons = append(reasons, s.Reason)
		}
		trouble = trouble || s.State != pace.Running || s.Rate < s.Ceiling
	}
	return strings.Join(reasons, " "), trouble
}

// figures is what status shows of a run; the ledger keeps it with the lease.
type figures struct {
	importer.Figures
	APIs []apiFigures `json:"apis"`

	trouble bool // requests wait for another reason than the pace that was set
}

// apiFigures is the pace of one API.
type apiFigures struct {
	Name     string  `json:"name"`
	State    string  `json:"state"`
	Rate     float64 `json:"rate"`    // requests a second, allowed now
	Ceiling  float64 `json:"ceiling"` // requests a second, as set
	Queue    int     `json:"queue"`
	Requests int64   `json:"requests"`
	TooMany  int64   `json:"too_many"` // 429s
}

func (a *apis) figures(p *importer.Progress) figures {
	f := figures{Figures: p.Figures()}
	why, trouble := a.waiting()
	f.trouble = trouble || f.Waiting != ""
	f.Waiting = cmp.Or(f.Waiting, why)
	for _, p := range []*pace.Pacer{a.crm, a.chats} {
		s := p.Status()
		f.APIs = append(f.APIs, apiFigures{Name: s.Name, State: string(s.State), Rate: s.Rate, Ceiling: s.Ceiling,
			Queue: s.Queue, Requests: s.Departures, TooMany: s.TooMany})
	}
	return f
}

// live is the target that really sends, as long as the lease is held.
func (a *apis) live(scope amojo.Scope, lease *ledger.Lease) (*importer.Live, error) {
	l, err := a.target(scope, lease.Confirm)
	if err == nil {
		l.Lease = lease
	}
	return l, err
}

// looking is a target that can only be asked: what would change anything does not
// leave.
func (a *apis) looking(scope amojo.Scope) (*importer.Live, error) {
	b := *a
	b.crmNet, b.chatsNet = onlyGET{a.crmNet}, onlyGET{a.chatsNet}
	return b.target(scope, nil)
}

// onlyGET lets through what changes nothing.
type onlyGET struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t onlyGET) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return nil, errors.New("a dry run changes nothing")
	}
	return t.RoundTripper.RoundTrip(req)
}

func (a *apis) target(scope amojo.Scope, g gate) (*importer.Live, error) {
	crm, err := a.crmClient(g)
	if err != nil {
		return nil, err
	}
	chats, err := a.chatsClient(scope, g)
	if err != nil {
		return nil, err
	}
	c := a.cfg.Contacts
	return &importer.Live{
		CRM: crm, Chats: chats,
		LegacyField: c.LegacyIDField,
		OnAmbiguous: importer.OnAmbiguous(c.OnAmbiguous),
		Region:      c.DefaultRegion,
		Tags:        c.Tags,
		Responsible: c.ResponsibleUserID,
		CRMRate:     func() float64 { return a.crm.Status().Ceiling },
	}, nil
}

// composing is how rows become messages.
func composing(cfg *config.Config, managers map[string]compose.Manager) compose.Settings {
	bot := cfg.Channel.Bot
	return compose.Settings{
		IDs: compose.Templates{Message: cfg.IDs.Message, Conversation: cfg.IDs.Conversation,
			Client: cfg.IDs.Client, Author: cfg.IDs.Author, Manager: cfg.IDs.Manager},
		SplitOver:         cfg.Replay.SplitOver,
		Bot:               amojo.Party{ID: bot.ClientID, RefID: bot.ID, Name: bot.Name},
		Managers:          managers,
		ManagerNameFormat: cfg.Replay.ManagerName,
		UnnamedClient:     cfg.Contacts.Unnamed,
		MediaURL:          compose.MediaTemplate(cfg.Media.URLTemplate),
		AllowLoopback:     cfg.Media.AllowLoopback,
	}
}

// setup is what may never change for this ledger.
func setup(cfg *config.Config, t target) ledger.Setup {
	return ledger.Setup{
		SourceName: cfg.Source.Name,
		Account:    t.account.Subdomain + "." + cfg.Account.Domain,
		ScopeID:    t.scope.String(),
		Message:    cfg.IDs.Message,
		Chat:       cfg.IDs.Conversation,
		Client:     cfg.IDs.Client,
		Author:     cfg.IDs.Author,
		Manager:    cfg.IDs.Manager,
		SplitOver:  cfg.Replay.SplitOver,
	}
}

// running is what a run is to do, but for source, target and ledger.
func running(cfg *config.Config, t target) importer.Options {
	return importer.Options{
		Compose:      composing(cfg, importer.Speakers(t.managers)),
		Files:        files(cfg),
		Announce:     importer.Announce(cfg.Replay.Announce),
		OnEdit:       importer.OnEdit(cfg.Replay.OnEdit),
		MarkRead:     cfg.Replay.Mark == "read",
		Region:       cfg.Contacts.DefaultRegion,
		PersonKey:    personKey(cfg.Channel.Secret),
		SharedMax:    cfg.Contacts.SharedPhoneMax,
		Lanes:        cfg.Run.Lanes,
		PrepareAhead: cfg.Run.PrepareAhead,
		SettleTime:   cfg.Run.SettleTime,
		MaxChanged:   atMost(cfg.Run.MaxChanged),
		MaxRejected:  atMost(cfg.Run.MaxRejected),
		Hold:         holds(cfg),
		Grace:        cfg.Limits.AttemptTimeout + 10*time.Second,
	}
}

// settingsDigest is a digest of all that decides what a run makes of which rows.
func settingsDigest(cfg *config.Config, t target, queries string) string {
	text, _ := json.Marshal([]any{setup(cfg, t), whereIs(string(cfg.Source.DSN)), queries, cfg.Source.Timezone.String(), cfg.Replay, cfg.Media, cfg.Contacts, cfg.Channel.Bot, cfg.Managers.ByID}) // all of it can be written
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// files is what a run does about files of which the rows do not tell all.
func files(cfg *config.Config) importer.Files {
	m := cfg.Media
	f := importer.Files{All: m.Ask == "all", AsText: m.Unreachable == "text_with_name"}
	if m.Ask != "never" {
		f.Asker = asker(cfg)
	}
	return f
}

// asker asks servers about files, within the bounds that are set.
func asker(cfg *config.Config) *media.Asker {
	m := cfg.Media
	return media.New(media.Options{Timeout: m.Timeout, Rate: m.PerHost, AllowLoopback: m.AllowLoopback})
}

// whereIs is the place of a database, without what lets one in.
func whereIs(dsn string) string {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s:%d/%s", c.Host, c.Port, c.Database)
}

// holds says whether conversations wait at their parked messages.
func holds(cfg *config.Config) bool { return cfg.Run.OnParked == "hold" }

// atMost is a bound as the importer takes it, for which 0 is no bound but the
// default: 0% is the least share there is.
func atMost(p config.Percent) float64 { return max(float64(p), math.SmallestNonzeroFloat64) }

// personKey keys the hashes of phones and e-mails in the ledger. It comes from the
// channel's secret, so that there is no further secret to keep.
func personKey(secret config.Secret) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("amoimport: people of the ledger"))
	return mac.Sum(nil)
}
