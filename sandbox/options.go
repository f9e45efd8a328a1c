package sandbox

import (
	"cmp"
	"time"
)

// Options say what world to build and how it behaves. The zero value is a sensible amocrm.ru account: one connected
// channel, a few users, an administrator's long-lived token, no limits, no lag and no faults.
type Options struct {
	Flavour Flavour // which product's rules hold; default AmoCRM
	Account Account
	Channel Channel
	Users   []User        // default: an administrator, a manager, one without amojo_id and one deactivated
	Sources []Source      // the integration's amo sources; default one, external id "legacy-import"
	Fields  []CustomField // custom fields of contacts; default PHONE, EMAIL and a text field for the legacy id

	// Token is a long-lived token with an administrator's rights, TokenOfManager one without them.
	// The defaults have the shape of a JWT.
	Token          string
	TokenOfManager string
	OAuth          OAuth

	// Now is the world's clock, time.Now when nil (and so virtual inside a testing/synctest bubble).
	Now func() time.Time
	// ClockOffset is how far the server's clock is off from Now: it moves the Date header of every answer, and
	// the middle of the 15 minutes in which a signature is good.
	ClockOffset time.Duration
	// Seed repeats everything drawn: identifiers, lags, and faults with a probability.
	Seed uint64

	AmojoLimit Limit
	APIv4Limit Limit
	Latency    Lag // how long every answer takes

	// VisibilityLag is the time from a message's acceptance to its appearance in the history. A range is drawn
	// per message, so that messages appear out of order.
	VisibilityLag Lag
	// ApplyDelay is how long after its end an attempt whose answer is lost (a cut or an error after apply) takes effect.
	ApplyDelay time.Duration
	// RepeatedMsgID is what happens to a second message with a known msgid; default SameID.
	RepeatedMsgID RepeatedMsgID
	ResponseShape ResponseShape // of new_message answers; default ShapeCurrent
	ProfileShape  ProfileShape  // of phone and e-mail in create-chat answers; default ProfileFlat
	HistoryOrder  HistoryOrder  // default NewestFirst
	// DriftSecond makes history answer times one second later than sent, as the vendor's own sample does.
	DriftSecond bool
	// MaxText refuses longer texts (in characters) with a 400; 0 accepts any length.
	MaxText int
	// Disconnected starts with a channel that was not connected to the account: its scope is unknown until connect.
	Disconnected bool

	// ContactSearchLag is how long a new or edited contact stays invisible to query and filter.
	ContactSearchLag time.Duration
	// FilterAddon switches the paid list filters on; without it filter[...] on contacts is ignored.
	FilterAddon bool
	// NoLinkArrays makes GET contacts/chats refuse arrays of ids.
	NoLinkArrays bool
	// NoTalksList makes GET /api/v4/talks answer 404, as accounts without it do.
	NoTalksList bool
	// TalkCloseLag is the time from a talk's accepted close to is_in_work=false.
	TalkCloseLag time.Duration
	// SetCookie, if set, is sent as a Set-Cookie header on every answer.
	SetCookie string

	Faults []Fault
	// FailOnWrite refuses every method but GET with a 500 and records it as a violation.
	FailOnWrite bool
	// Record keeps every request with its body for World.Requests.
	Record bool
	// Addr is where Start listens; default 127.0.0.1:0.
	Addr string
}

// Flavour is the product whose rules hold.
type Flavour string

// The two flavours. Kommo needs msec_timestamp and a title on connect, takes hook_api_version v2 only, answers {}
// where amoCRM answers nothing, and keeps a refresh token usable until its successor is used.
const (
	AmoCRM Flavour = "amocrm"
	Kommo  Flavour = "kommo"
)

// Account is the one account of the world.
type Account struct {
	ID        int
	Name      string
	Subdomain string
	AmojoID   string // the account's UUID in the chats API
}

// Channel is the one registered chat channel.
type Channel struct {
	ID         string
	Secret     string
	Code       string // such as amo.ext.31337001
	Title      string // shown name; connect may change it
	ClientUUID string // the integration whose token may link chats
	Bot        Bot
}

// Bot is the channel's own author, for messages whose manager has no user.
type Bot struct {
	ID       string // in amojo; what sender.ref_id names
	ClientID string // on our side
	Name     string
}

// User is a manager. An empty AmojoID is null in answers: a user never active in chats.
type User struct {
	ID          int
	Name        string
	Email       string
	AmojoID     string
	Admin       bool
	Deactivated bool
}

// Source is an amo source of the integration.
type Source struct {
	ID         int
	Name       string
	ExternalID string
	PipelineID int
	Default    bool
}

// CustomField is a custom field of contacts. Type is text or multitext; Enums only fit multitext.
type CustomField struct {
	ID    int
	Name  string
	Code  string
	Type  string
	Enums []string
}

// OAuth is the integration's OAuth client. Code and RefreshToken are the first ones that work.
type OAuth struct {
	ClientID      string
	ClientSecret  string
	RedirectURI   string
	Code          string
	RefreshToken  string
	TokenLifetime time.Duration // of access tokens; default 24 h
}

// Lag is a fixed time (Max zero) or a range to draw from.
type Lag struct{ Min, Max time.Duration }

// Limit bounds the requests to one API. The zero value bounds nothing.
type Limit struct {
	PerSecond  int           // requests in any sliding second; 0 is no limit
	Form       ThrottleForm  // of the 429; default RetryAfterInBody
	RetryAfter time.Duration // what the 429 asks for, in whole seconds; default 1 s
	// BlockAfter is how many 429s within a minute earn the plain-text 403 block; 0 never blocks.
	BlockAfter int
	BlockFor   time.Duration // default 5 min
}

// ThrottleForm is where a 429 says how long to wait.
type ThrottleForm string

// The forms of a 429.
const (
	RetryAfterInBody   ThrottleForm = "body"
	RetryAfterInHeader ThrottleForm = "header"
	RetryAfterNowhere  ThrottleForm = "none"
	ThrottlePlain      ThrottleForm = "plain" // the body is no JSON at all
)

// RepeatedMsgID is the fate of a message whose msgid is known already.
type RepeatedMsgID string

// The behaviours a client must survive, since the vendor documents none.
const (
	SameID      RepeatedMsgID = "same_id"      // ignored, answered with the first one's id
	NewID       RepeatedMsgID = "new_id"       // ignored, answered with an id that means nothing
	StoredTwice RepeatedMsgID = "stored_twice" // kept as a second message
	BadRequest  RepeatedMsgID = "bad_request"  // refused with a 400
)

// ResponseShape is which fields a new_message answer holds.
type ResponseShape string

// The shapes seen over the years.
const (
	ShapeCurrent ResponseShape = "current"
	Shape2020    ResponseShape = "2020" // msgid only; history without msec_timestamp
	Shape2021    ResponseShape = "2021" // msgid and ref_id
)

// ProfileShape is where a create-chat answer puts phone and e-mail.
type ProfileShape string

// The two shapes the documentation shows.
const (
	ProfileFlat   ProfileShape = "flat"
	ProfileNested ProfileShape = "nested"
)

// HistoryOrder is how a chat's history is sorted.
type HistoryOrder string

// By message time or by arrival, either way round.
const (
	NewestFirst        HistoryOrder = "newest_first"
	OldestFirst        HistoryOrder = "oldest_first"
	NewestArrivalFirst HistoryOrder = "newest_arrival_first"
	OldestArrivalFirst HistoryOrder = "oldest_arrival_first"
)

// WithDefaults returns a copy with every empty place filled.
func (o Options) WithDefaults() Options {
	o.Flavour = cmp.Or(o.Flavour, AmoCRM)
	o.Account.ID = cmp.Or(o.Account.ID, 31337001)
	o.Account.Name = cmp.Or(o.Account.Name, "Sandbox")
	o.Account.Subdomain = cmp.Or(o.Account.Subdomain, "sandbox")
	o.Account.AmojoID = cmp.Or(o.Account.AmojoID, "5a0d6e6b-0c4f-4c1c-9a5e-2f1f0b7a1001")

	o.Channel.ID = cmp.Or(o.Channel.ID, "c4a1e5b0-7d3e-4b55-8f0a-6e2d9c3b2002")
	o.Channel.Secret = cmp.Or(o.Channel.Secret, "0123456789abcdef0123456789abcdef01234567")
	o.Channel.Code = cmp.Or(o.Channel.Code, "amo.ext.31337001")
	o.Channel.Title = cmp.Or(o.Channel.Title, "Sandbox channel")
	o.Channel.Bot.ID = cmp.Or(o.Channel.Bot.ID, "b07b07b0-5f3c-4a59-9d2e-1c8e7f6a3003")
	o.Channel.Bot.ClientID = cmp.Or(o.Channel.Bot.ClientID, "sandbox-bot")
	o.Channel.Bot.Name = cmp.Or(o.Channel.Bot.Name, "Sandbox bot")

	o.OAuth.ClientID = cmp.Or(o.OAuth.ClientID, "0c1e27d4-1111-4e0e-8b1c-4d5c6b7a4004")
	o.OAuth.ClientSecret = cmp.Or(o.OAuth.ClientSecret, "sandbox-client-secret")
	o.OAuth.RedirectURI = cmp.Or(o.OAuth.RedirectURI, "https://example.com/oauth")
	o.OAuth.Code = cmp.Or(o.OAuth.Code, "sandbox-code")
	o.OAuth.RefreshToken = cmp.Or(o.OAuth.RefreshToken, "sandbox-refresh")
	o.OAuth.TokenLifetime = cmp.Or(o.OAuth.TokenLifetime, 24*time.Hour)
	o.Channel.ClientUUID = cmp.Or(o.Channel.ClientUUID, o.OAuth.ClientID)

	if o.Users == nil {
		o.Users = []User{
			{ID: 7001, Name: "Анна Админ", Email: "anna@example.com", AmojoID: "a0000000-0000-4000-8000-000000007001", Admin: true},
			{ID: 7002, Name: "Борис Менеджер", Email: "boris@example.com", AmojoID: "a0000000-0000-4000-8000-000000007002"},
			{ID: 7003, Name: "Vera New", Email: "vera@example.com"},
			{ID: 7004, Name: "Gleb Gone", Email: "gleb@example.com", AmojoID: "a0000000-0000-4000-8000-000000007004", Deactivated: true},
		}
	}
	if o.Sources == nil {
		o.Sources = []Source{{ID: 8001, Name: "Legacy import", ExternalID: "legacy-import", PipelineID: DefaultPipeline, Default: true}}
	}
	if o.Fields == nil {
		o.Fields = []CustomField{
			{ID: 9001, Name: "Телефон", Code: "PHONE", Type: "multitext", Enums: []string{"WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER"}},
			{ID: 9002, Name: "Email", Code: "EMAIL", Type: "multitext", Enums: []string{"WORK", "PRIV", "OTHER"}},
			{ID: 9003, Name: "Legacy ID", Code: "LEGACY_ID", Type: "text"},
		}
	}
	o.Token = cmp.Or(o.Token, token(o, "long-lived", longLivedUntil))
	o.TokenOfManager = cmp.Or(o.TokenOfManager, token(o, "long-lived-manager", longLivedUntil))

	o.AmojoLimit, o.APIv4Limit = o.AmojoLimit.withDefaults(), o.APIv4Limit.withDefaults()
	o.RepeatedMsgID = cmp.Or(o.RepeatedMsgID, SameID)
	o.ResponseShape = cmp.Or(o.ResponseShape, ShapeCurrent)
	o.ProfileShape = cmp.Or(o.ProfileShape, ProfileFlat)
	o.HistoryOrder = cmp.Or(o.HistoryOrder, NewestFirst)
	o.Addr = cmp.Or(o.Addr, "127.0.0.1:0")
	return o
}

func (l Limit) withDefaults() Limit {
	l.Form = cmp.Or(l.Form, RetryAfterInBody)
	l.RetryAfter = cmp.Or(l.RetryAfter, time.Second)
	l.BlockFor = cmp.Or(l.BlockFor, 5*time.Minute)
	return l
}

// DefaultPipeline is the pipeline of leads that name none.
const DefaultPipeline = 6001

// longLivedUntil is the exp claim of the default long-lived tokens: far away, and the same in every run.
const longLivedUntil = 4102444800 // 2100-01-01
