package demodata

import "time"

// manager, conversation and message are rows of the legacy tables. An empty
// string or a nil is a null.
type manager struct{ id, name, email string }

var managerColumns = []string{"id", "name", "email"}

func (m manager) row() []any { return []any{m.id, m.name, null(m.email)} }

type conversation struct {
	id, clientID, name, phone, email, avatar, profile, source string
	closed                                                    bool
}

var conversationColumns = []string{"id", "client_id", "client_name", "client_phone", "client_email",
	"client_avatar_url", "client_profile_url", "closed", "source_external_id"}

func (c conversation) row() []any {
	return []any{c.id, null(c.clientID), null(c.name), null(c.phone), null(c.email),
		null(c.avatar), null(c.profile), c.closed, null(c.source)}
}

type message struct {
	conversation, id     string
	seq                  *int64
	sentAt               time.Time // zero: null
	direction            string
	managerID            string
	authorID, authorName string
	kind                 string
	text                 string
	mediaURL, fileName   string
	fileSize, duration   *int64
	latitude, longitude  *float64
	cardName, cardPhone  string
	stickerID, replyTo   string
	skipReason           string
}

var messageColumns = []string{"conversation_id", "id", "seq", "sent_at", "direction", "manager_id", "author_id", "author_name",
	"kind", "text", "media_url", "file_name", "file_size", "media_duration", "latitude", "longitude",
	"contact_name", "contact_phone", "sticker_id", "reply_to_id", "skip_reason"}

func (m message) row() []any {
	var sentAt any
	if !m.sentAt.IsZero() {
		sentAt = m.sentAt
	}
	return []any{m.conversation, m.id, m.seq, sentAt, null(m.direction), null(m.managerID), null(m.authorID), null(m.authorName),
		null(m.kind), null(m.text), null(m.mediaURL), null(m.fileName), m.fileSize, m.duration, m.latitude, m.longitude,
		null(m.cardName), null(m.cardPhone), null(m.stickerID), null(m.replyTo), null(m.skipReason)}
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}
