// Package source is the read-only view of the legacy database: what the
// engineer's queries must return, the check that they do, and the reads an
// import needs.
package source

import "time"

// ConversationID is the legacy id of a conversation, as text. Whatever type the
// column has (bigint, uuid, text), its text form is the id everywhere else.
type ConversationID string

// Manager is a person inside: one row of the managers query.
type Manager struct {
	ID    string
	Name  string
	Email string
}

// Conversation is a legacy thread: one row of the conversations query. Only ID
// is required of the query; a conversation without client_id has a client of its
// own. A null is the zero value.
type Conversation struct {
	ID               ConversationID
	ClientID         string
	ClientName       string
	ClientPhone      string
	ClientEmail      string
	ClientAvatarURL  string
	ClientProfileURL string
	Closed           bool
	SourceExternalID string // the amo source the chat belongs to, if any
}

// Key is what enrol takes of a message: enough to order, count and notice
// changes, and no text.
type Key struct {
	Conversation ConversationID
	ID           string
	SentAt       time.Time // zero when the row has none
	Seq          int64     // breaks ties of SentAt; absent or null is 0
	SkipReason   string    // why the engineer's query wants the row left out; "" to move it
	Hash         Hash
}

// Hash is a digest of a row's fixed columns (all of the contract's message
// columns but media_url, which stores like to re-sign), computed in SQL. Equal
// hashes from the same query text mean an unchanged row.
type Hash [16]byte

// Direction says who wrote a message.
type Direction string

// The two directions.
const (
	In  Direction = "in"  // the client, or somebody else outside, wrote
	Out Direction = "out" // a manager, or a machine of ours, wrote
)

// Kind is what a message carries.
type Kind string

// The nine kinds. A null or absent kind is KindText when there is no media_url.
const (
	KindText     Kind = "text"
	KindPicture  Kind = "picture"
	KindFile     Kind = "file"
	KindVideo    Kind = "video"
	KindVoice    Kind = "voice"
	KindAudio    Kind = "audio"
	KindSticker  Kind = "sticker"
	KindLocation Kind = "location"
	KindContact  Kind = "contact"
)

// Message is a whole legacy message: one row of the messages query. A null or
// absent column is the zero value; the pointers keep "absent" apart from zero
// where zero means something.
type Message struct {
	Conversation  ConversationID
	ID            string
	Seq           int64
	SentAt        time.Time // zero when the row has none
	Direction     Direction // as the row says; anything but In and Out is for compose to refuse
	ManagerID     string    // who wrote, for Out
	AuthorID      string    // who wrote, for In, when not the conversation's client
	AuthorName    string
	Kind          Kind // as the row says; compose refuses what is none of the nine
	Text          string
	MediaURL      string
	FileName      string
	FileSize      *int64         // bytes
	MediaDuration *time.Duration // whole seconds
	Latitude      *float64
	Longitude     *float64
	ContactName   string
	ContactPhone  string
	StickerID     string
	ReplyToID     string // legacy id of the quoted message in the same conversation
	SkipReason    string
	Hash          Hash // of this row as read now, comparable with Key.Hash
}
