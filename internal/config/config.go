// Package config reads amoimport.yaml: strictly, and with all its faults at once.
// Secrets are not in the file; they come from the environment or from files that
// it names.
package config

import "time"

// Config is a whole configuration, checked and with defaults filled in. The yaml
// tags are the keys of the file; what has no key comes from elsewhere.
type Config struct {
	Account  Account  `yaml:"account"`
	Channel  Channel  `yaml:"channel"`
	Source   Source   `yaml:"source"`
	Ledger   Ledger   `yaml:"ledger"`
	Limits   Limits   `yaml:"limits"`
	IDs      IDs      `yaml:"ids"`
	Replay   Replay   `yaml:"replay"`
	Contacts Contacts `yaml:"contacts"`
	Managers Managers `yaml:"managers"`
	Media    Media    `yaml:"media"`
	Talks    Talks    `yaml:"talks"`
	Leads    Leads    `yaml:"leads"`
	Run      Run      `yaml:"run"`
}

// Account is the amoCRM or Kommo account to import into.
type Account struct {
	Domain      string `yaml:"domain"` // amocrm.ru, amocrm.com or kommo.com
	Subdomain   string `yaml:"subdomain"`
	ID          int64  `yaml:"id"`           // 0: not checked
	AmojoID     string `yaml:"amojo_id"`     // "": asked of the API
	BaseURL     string `yaml:"base_url"`     // of API v4; filled in from subdomain and domain
	TokenFile   string `yaml:"token_file"`   // path
	RedirectURI string `yaml:"redirect_uri"` // of the OAuth integration

	// Token is a long-lived token, from the environment or a token file that
	// holds one. It is "" when TokenFile holds, or is to hold, a pair.
	Token        Secret `yaml:"-"`
	ClientID     string `yaml:"-"` // of the OAuth integration
	ClientSecret Secret `yaml:"-"`
}

// Channel is the chat channel that amoCRM's support registered.
type Channel struct {
	ID             string `yaml:"id"`
	Bot            Bot    `yaml:"bot"`
	Title          string `yaml:"title"`            // shown in the account; used by connect
	HookAPIVersion string `yaml:"hook_api_version"` // used by connect
	Live           bool   `yaml:"live"`             // a messenger is behind it: what is imported could reach real clients
	BaseURL        string `yaml:"base_url"`         // of amojo; filled in from the account's domain
	SecretFile     string `yaml:"secret_file"`      // path

	Secret Secret `yaml:"-"`
}

// Bot is the channel's bot, which speaks for managers without an amoCRM user.
type Bot struct {
	ID       string `yaml:"id"`        // in amojo
	ClientID string `yaml:"client_id"` // on our side
	Name     string `yaml:"name"`
}

// Source is the legacy database.
type Source struct {
	Name             string   `yaml:"name"` // of this legacy source, for ever; a restored dump keeps it
	DSNFile          string   `yaml:"dsn_file"`
	ConversationsSQL File     `yaml:"conversations_sql"`
	MessagesSQL      File     `yaml:"messages_sql"`
	ManagersSQL      File     `yaml:"managers_sql"`
	Timezone         Timezone `yaml:"timezone"` // of a sent_at without zone

	DSN DSN `yaml:"-"`
}

// Ledger is our memory in Postgres.
type Ledger struct {
	DSN     DSN    `yaml:"dsn"`
	DSNFile string `yaml:"dsn_file"`
	Schema  string `yaml:"schema"`
}

// Limits are how fast the APIs may be called.
type Limits struct {
	Amojo          float64       `yaml:"amojo"`  // requests a second
	APIv4          float64       `yaml:"api_v4"` // requests a second
	AttemptTimeout time.Duration `yaml:"attempt_timeout"`
}

// IDs are the templates of the ids that we give to what we make.
type IDs struct {
	Message      string `yaml:"message"`
	Conversation string `yaml:"conversation"`
	Client       string `yaml:"client"`
	Author       string `yaml:"author"`
	Manager      string `yaml:"manager"`
}

// Replay is how rows become messages.
type Replay struct {
	SplitOver   int    `yaml:"split_over"` // characters (runes)
	Announce    string `yaml:"announce"`   // none or last
	ManagerName string `yaml:"manager_name"`
	OnEdit      string `yaml:"on_edit"` // report or edit_message
	Mark        string `yaml:"mark"`    // none or read
}

// Contacts is how clients become contacts.
type Contacts struct {
	DefaultRegion     string   `yaml:"default_region"`  // of phones without a country code
	LegacyIDField     int64    `yaml:"legacy_id_field"` // id of a custom field; 0: none
	SharedPhoneMax    int      `yaml:"shared_phone_max"`
	OnAmbiguous       string   `yaml:"on_ambiguous"` // oldest, newest or park
	Tags              []string `yaml:"tags"`
	ResponsibleUserID int64    `yaml:"responsible_user_id"` // 0: amoCRM decides
	Unnamed           string   `yaml:"unnamed"`
}

// Managers says which amoCRM user each legacy manager is, where the e-mail does
// not tell.
type Managers struct {
	ByID map[string]User `yaml:"by_id"` // by legacy id
	Map  string          `yaml:"map"`   // path of a CSV file with more of them
}

// Media is what becomes of the files of messages.
type Media struct {
	URLTemplate string `yaml:"url_template"` // compose.MediaTemplate; for a database that holds no URLs
	Unreachable string `yaml:"unreachable"`  // park or text_with_name
	Ask         string `yaml:"ask"`          // whose servers are asked: never, missing or all
	// The bounds of asking.
	Timeout time.Duration `yaml:"timeout"`  // of one request
	PerHost float64       `yaml:"per_host"` // requests a second to one host
	// AllowLoopback takes files on this machine for public: those of a rehearsal.
	AllowLoopback bool `yaml:"allow_loopback"`
}

// Talks says which talks (беседы) are closed once everything is imported.
type Talks struct {
	Close string `yaml:"close"` // none, legacy_closed or all
}

// Leads says whether contacts get a lead, in whose card their history shows.
type Leads struct {
	Create     string   `yaml:"create"`      // none or backdated
	PipelineID int64    `yaml:"pipeline_id"` // 0: the account's main one
	StatusID   int64    `yaml:"status_id"`   // of the stage; 142 and 143 are those of every pipeline that are closed
	AllowOpen  bool     `yaml:"allow_open"`  // the stage may be an open one: its bots may write to clients
	Name       string   `yaml:"name"`        // {client_id} is the client's legacy id
	Tags       []string `yaml:"tags"`
}

// Run is how an import works through its rows.
type Run struct {
	Lanes        int           `yaml:"lanes"`
	PrepareAhead int           `yaml:"prepare_ahead"`
	SettleTime   time.Duration `yaml:"settle_time"`
	LeaseTime    time.Duration `yaml:"lease_time"`
	MaxChanged   Percent       `yaml:"max_changed"`
	MaxRejected  Percent       `yaml:"max_rejected"`
	OnParked     string        `yaml:"on_parked"` // skip or hold
	// Of run --follow: how often news is looked for, and how often everything.
	PollEvery     time.Duration `yaml:"poll_every"`
	FullPassEvery time.Duration `yaml:"full_pass_every"`
}

// defaults is what a file that says nothing gets.
func defaults() Config {
	return Config{
		Account: Account{Domain: "amocrm.ru"},
		Channel: Channel{HookAPIVersion: "v2"},
		Ledger:  Ledger{Schema: "amoimport"},
		Limits:  Limits{Amojo: 5, APIv4: 5, AttemptTimeout: 20 * time.Second},
		IDs: IDs{
			Message:      "imp1-{conversation_id}-{id}",
			Conversation: "imp1-{id}",
			Client:       "imp1-c{id}",
			Author:       "imp1-a{id}",
			Manager:      "imp1-m{id}",
		},
		Replay: Replay{SplitOver: 4000, Announce: "none", ManagerName: "{name}: ", OnEdit: "report", Mark: "none"},
		Contacts: Contacts{
			DefaultRegion:  "RU",
			SharedPhoneMax: 5,
			OnAmbiguous:    "oldest",
			Unnamed:        "Client {id}",
		},
		Media: Media{
			Unreachable: "park",
			Ask:         "missing",
			Timeout:     10 * time.Second,
			PerHost:     5,
		},
		Talks: Talks{Close: "none"},
		Leads: Leads{Create: "none", StatusID: 143, Name: "Chat history"},
		Run: Run{
			Lanes:        32,
			PrepareAhead: 300,
			SettleTime:   120 * time.Second,
			LeaseTime:    30 * time.Second,
			MaxChanged:   0.05,
			MaxRejected:  0.05,
			OnParked:     "skip",

			PollEvery:     30 * time.Second,
			FullPassEvery: time.Hour,
		},
	}
}
