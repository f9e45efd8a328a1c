// Package importer moves conversations: it enrols what the legacy database holds,
// prepares contacts, chats and links, and replays every message in order, so that
// each arrives once. Everything it must remember is in the ledger; a run starts
// from there, so starting it again is how it is resumed.
package importer

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/source"
	"github.com/rs/zerolog"
)

// Source is what is read.
type Source interface {
	// Conversations streams the conversations with these ids, or all without any.
	Conversations(ctx context.Context, ids ...source.ConversationID) iter.Seq2[source.Conversation, error]
	// Keys streams the keys of the messages since a time; the zero time: of all.
	Keys(ctx context.Context, since time.Time) iter.Seq2[source.Key, error]
	// Messages reads bodies. It looks at a prefix of ids that fits a page and
	// says how long that is; a row of it that is not returned exists no more.
	Messages(ctx context.Context, c source.ConversationID, ids []string) (found []source.Message, looked int, err error)
	// SQLDigest changes when the queries do.
	SQLDigest() string
}

// ErrInDoubt says that a request was written and its end is not known: it may or
// may not have been applied.
var ErrInDoubt = errors.New("the request may or may not have been applied")

// RefusedError says that the API refused this one thing, and would again.
type RefusedError struct {
	Detail string // the server's words, cut; may repeat what was sent, so it goes to the ledger only as a code
	Err    error
}

func (e *RefusedError) Error() string { return "refused: " + e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// Target is what a run does to the outside world. Every method may be called
// again with the same arguments; those that create say ErrInDoubt when they must
// not be repeated before the doubt is settled. FindContact, HasContact and Linked
// say *UnansweredError when this one question cannot be answered.
type Target interface {
	// Expect says for how many people contacts will be looked for from now on, so
	// that looking for many can be made cheap; 0: nobody more. It is not called
	// while one of the others looks for a contact.
	Expect(ctx context.Context, people int64) error
	// FindContact looks for the contact of a person. None is the zero Match.
	FindContact(ctx context.Context, p Person) (Match, error)
	// HasContact tells whether a contact is still there: neither deleted nor merged
	// into another.
	HasContact(ctx context.Context, id int64) (bool, error)
	// NewestContact is the highest contact id there is, 0 for none.
	NewestContact(ctx context.Context) (int64, error)
	// CreateContacts creates one for each person: all or, with an error, none.
	// *RefusedPeople names the guilty ones of a refused batch.
	CreateContacts(ctx context.Context, people []Person) ([]int64, error)
	// CreatedAfter tells which of these people have a contact with a higher id,
	// made by us; 0 for those who have none. Of a person it needs ClientID,
	// CreatedSec and Named, and prefers a contact with its Phone.
	CreatedAfter(ctx context.Context, highest int64, people []Person) ([]int64, error)

	// OpenChat creates the chat, or returns the one that there is.
	OpenChat(ctx context.Context, c amojo.Chat, left int) (amojo.ChatID, error)
	// Linked tells the link of a chat; zero when there is none.
	Linked(ctx context.Context, chat amojo.ChatID) (Link, error)
	// LinkChats links chats to contacts and returns the links, in order.
	LinkChats(ctx context.Context, links []Link) ([]Link, error)

	// ChatsAnswer returns once the chats API answers a harmless question.
	ChatsAnswer(ctx context.Context) error
	// Send sends one part. left is how much its lane has to send, for the queue.
	Send(ctx context.Context, m amojo.Message, left int) (amojo.Receipt, error)
	// Edit changes a message that was sent. It may be repeated.
	Edit(ctx context.Context, e amojo.Edit) error
	// MarkRead marks a part that managers see as their own as read; it is given by
	// amojo's id and ours. *RefusedError: it cannot be marked.
	MarkRead(ctx context.Context, amojoID, msgid string) error
	// Delivered looks for a part in the history of its chat. One that cannot be read
	// shows nothing: the zero Sighting.
	Delivered(ctx context.Context, q Doubt) (Sighting, error)
}

// Person is somebody outside whose contact is looked for or created.
type Person struct {
	ID         int64 // in the ledger
	ClientID   string
	Name       string
	Phone      string // as the legacy database has it
	Email      string
	ByPhone    bool  // the phone may be used to find the contact
	ByEmail    bool  // the e-mail may be used to find the contact
	CreatedSec int64 // created_at to give a new contact, Unix seconds
	// Named tells whether a contact's name is the one that the person was given.
	Named func(string) bool
}

// Match is a contact found for a person.
type Match struct {
	ContactID int64 // 0: none
	How       ledger.Found
	Fitting   []int64 // all that fit, oldest first, where there are several
}

// RefusedPeople says that a batch of contacts was refused for some of its members.
type RefusedPeople struct {
	Refused map[int]string // index → code and path, nothing personal
	Err     error
}

func (e *RefusedPeople) Error() string { return e.Err.Error() }
func (e *RefusedPeople) Unwrap() error { return e.Err }

// Link ties a chat to a contact.
type Link struct {
	ID        int64
	ChatID    amojo.ChatID
	ContactID int64
}

// Doubt is a part that may be in a chat.
type Doubt struct {
	ChatID      amojo.ChatID
	MsgID       string
	Predecessor string // msgid of the part sent before it in this chat; "": none
	Newest      bool   // it is our newest of its chat, and histories list the newest first
	Glance      bool   // the first page is enough: absence need not be proved
	BodyHash    string // it counts as present only with these words; "": with any
}

// Sighting is what a history shows of a doubt.
type Sighting struct {
	Present     bool
	AmojoID     string
	Text        string
	Predecessor bool   // the predecessor was seen, or there is none
	Order       string // of the history, when it could be told: OrderNewestFirst or OrderOldestFirst
}

// The orders in which a server may list a history.
const (
	OrderNewestFirst = "newest_first"
	OrderOldestFirst = "oldest_first"
)

// Announce says which messages are not silent.
type Announce string

// The settings of replay.announce.
const (
	AnnounceNone Announce = "none"
	AnnounceLast Announce = "last" // the newest of each chat, once for ever
)

// Options are the settings of a run. Zero values stand for the defaults.
type Options struct {
	Source  Source
	Target  Target
	Ledger  *ledger.Ledger // open, its lease held
	Compose compose.Settings
	Files   Files
	Log     zerolog.Logger

	Announce     Announce
	OnEdit       OnEdit
	MarkRead     bool          // what managers and the bot wrote is marked as read, also what was sent before
	Region       string        // of phones without a country code
	PersonKey    []byte        // keys the hashes of phones and e-mails
	SharedMax    int           // clients that may share a phone before it is nobody's; 5
	Lanes        int           // conversations replayed at a time; 32
	PrepareAhead int           // conversations made ready before a lane is free for them; 300
	SettleTime   time.Duration // how long a message may take to show; 120 s
	MaxChanged   float64       // share of sent rows that may have changed; 0.05
	MaxRejected  float64       // share of messages that may be refused; 0.05
	Hold         bool          // a conversation waits at its first parked message
	Follow       Following     // how the run goes on once all is replayed; zero: it ends
	// Grace is how long a stopped run may take to end what it wrote and to record
	// it; longer than an attempt may last. 30 s.
	Grace    time.Duration
	Progress *Progress // filled in as the run goes; may be nil
}

func (o Options) withDefaults() Options {
	o.Announce = cmp.Or(o.Announce, AnnounceNone)
	o.SharedMax = cmp.Or(o.SharedMax, 5)
	o.Lanes = cmp.Or(o.Lanes, 32)
	o.PrepareAhead = cmp.Or(o.PrepareAhead, 300)
	o.SettleTime = cmp.Or(o.SettleTime, 120*time.Second)
	o.Grace = cmp.Or(o.Grace, 30*time.Second)
	o.MaxChanged = cmp.Or(o.MaxChanged, 0.05)
	o.MaxRejected = cmp.Or(o.MaxRejected, 0.05)
	if o.Progress == nil {
		o.Progress = &Progress{}
	}
	return o
}
