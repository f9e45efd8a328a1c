package amojo

// MessageType is what a message carries.
type MessageType string

// The nine message types of the chats API
// (https://www.amocrm.ru/developers/content/chats/chat-api-reference).
const (
	TypeText     MessageType = "text"
	TypeContact  MessageType = "contact"
	TypeFile     MessageType = "file"
	TypeVideo    MessageType = "video"
	TypePicture  MessageType = "picture"
	TypeVoice    MessageType = "voice"
	TypeAudio    MessageType = "audio"
	TypeSticker  MessageType = "sticker"
	TypeLocation MessageType = "location"
)

// Message is the payload of a new_message event: one message into one chat.
type Message struct {
	Timestamp      int64    `json:"timestamp"`      // Unix seconds
	MsecTimestamp  int64    `json:"msec_timestamp"` // Unix milliseconds; orders messages within a second
	MsgID          string   `json:"msgid"`          // our id of the message
	ConversationID string   `json:"conversation_id"`
	Silent         bool     `json:"silent"` // true: no notification, no unsorted lead
	Source         *Source  `json:"source,omitempty"`
	Sender         Party    `json:"sender"`
	Receiver       *Party   `json:"receiver,omitempty"` // only for outgoing messages
	Content        Content  `json:"message"`
	ReplyTo        *ReplyTo `json:"reply_to,omitempty"`
}

// Source names the amo source a chat or message belongs to.
type Source struct {
	ExternalID string `json:"external_id"`
}

// Party is a sender or receiver.
type Party struct {
	ID          string   `json:"id"`               // our id
	RefID       string   `json:"ref_id,omitempty"` // amojo's id; for managers and the channel's bot
	Name        string   `json:"name"`
	Avatar      string   `json:"avatar,omitempty"` // URL that can be fetched from outside
	Profile     *Profile `json:"profile,omitempty"`
	ProfileLink string   `json:"profile_link,omitempty"`
}

// Profile holds what a contact made from a chat would be given.
type Profile struct {
	Phone string `json:"phone,omitempty"`
	Email string `json:"email,omitempty"`
}

// Content is what the message says or carries.
type Content struct {
	Type          MessageType `json:"type"`
	Text          string      `json:"text"` // may be empty, a caption, for all types but text
	Media         string      `json:"media,omitempty"`
	FileName      string      `json:"file_name,omitempty"`
	FileSize      int64       `json:"file_size,omitempty"`      // bytes
	MediaDuration int64       `json:"media_duration,omitempty"` // seconds
	StickerID     string      `json:"sticker_id,omitempty"`
	Location      *Location   `json:"location,omitempty"`
	Contact       *Contact    `json:"contact,omitempty"`
}

// Location is a point on the map, in degrees.
type Location struct {
	Lon float64 `json:"lon"`
	Lat float64 `json:"lat"`
}

// Contact is a visiting card.
type Contact struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
}

// ReplyTo quotes an earlier message of the same chat.
type ReplyTo struct {
	Message QuotedMessage `json:"message"`
}

// QuotedMessage names the quoted message by our id or by amojo's; one is enough.
type QuotedMessage struct {
	MsgID string `json:"msgid,omitempty"`
	ID    string `json:"id,omitempty"`
}
