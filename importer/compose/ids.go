package compose

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Templates make our ids from legacy ids. {id} is the legacy id of the thing
// itself; Message may also hold {conversation_id}.
//
// An id is the filled template if that is short, plain and does not look like a
// part of another id; otherwise it is a hash over the legacy ids. Two filled
// templates can be equal for different rows, as with "{conversation_id}-{id}"
// for ("a-b", "c") and ("a", "b-c"); the ledger refuses those before anything is
// sent. The same templates and legacy ids give the same id for ever: a resumed
// run finds its messages by it.
type Templates struct {
	Message, Conversation, Client, Author, Manager string
}

// DefaultTemplates returns the templates of a config that names none.
func DefaultTemplates() Templates {
	return Templates{
		Message:      "imp1-{conversation_id}-{id}",
		Conversation: "imp1-{id}",
		Client:       "imp1-c{id}",
		Author:       "imp1-a{id}",
		Manager:      "imp1-m{id}",
	}
}

const (
	idPlaceholder           = "{id}"
	conversationPlaceholder = "{conversation_id}"

	maxID   = 64 // the longest id sent to amojo
	maxBase = 58 // the longest id of a whole message: leaves room for _p9999
)

// Validate reports all faults of the templates at once, joined.
func (t Templates) Validate() error {
	var faults []error
	check := func(name, template string, placeholders ...string) {
		literal := template
		for _, p := range placeholders {
			literal = strings.ReplaceAll(literal, p, "")
		}
		switch {
		case !strings.Contains(template, idPlaceholder):
			faults = append(faults, fmt.Errorf("id template %s is %q; it needs {id}", name, template))
		case literal != "" && !plain(literal):
			faults = append(faults, fmt.Errorf("id template %s is %q; beside %s it may hold only letters, digits, _ and -",
				name, template, strings.Join(placeholders, " and ")))
		}
	}
	check("message", t.Message, idPlaceholder, conversationPlaceholder)
	check("conversation", t.Conversation, idPlaceholder)
	check("client", t.Client, idPlaceholder)
	check("author", t.Author, idPlaceholder)
	check("manager", t.Manager, idPlaceholder)
	return errors.Join(faults...)
}

// MessageID is the msgid of a message, of its first part if it is sent in parts.
func (t Templates) MessageID(conversation, id string) string {
	return makeID("message", t.Message, conversation, id, maxBase)
}

// ConversationID is our id of a chat.
func (t Templates) ConversationID(id string) string {
	return makeID("conversation", t.Conversation, "", id, maxID)
}

// ClientID is our id of the client of a conversation.
func (t Templates) ClientID(id string) string { return makeID("client", t.Client, "", id, maxID) }

// AuthorID is our id of somebody outside who is not the conversation's client.
func (t Templates) AuthorID(id string) string { return makeID("author", t.Author, "", id, maxID) }

// ManagerID is our id of a manager.
func (t Templates) ManagerID(id string) string { return makeID("manager", t.Manager, "", id, maxID) }

// PartID is the msgid of part k of a message, counted from 1; part 1 has the
// message's own.
func PartID(messageID string, k int) string {
	if k == 1 {
		return messageID
	}
	return messageID + "_p" + strconv.Itoa(k)
}

func makeID(kind, template, conversation, id string, limit int) string {
	if s := fill(template, conversation, id); len(s) <= limit && plain(s) && !looksLikePart(s) && id != "" {
		return s
	}
	return hashID(kind, template, conversation, id)
}

// fill puts the ids in place of the placeholders, in one pass: an id that looks
// like a placeholder stays what it is.
func fill(template, conversation, id string) string {
	var b strings.Builder
	b.Grow(len(template) + len(conversation) + len(id))
	for template != "" {
		switch {
		case strings.HasPrefix(template, idPlaceholder):
			b.WriteString(id)
			template = template[len(idPlaceholder):]
		case strings.HasPrefix(template, conversationPlaceholder):
			b.WriteString(conversation)
			template = template[len(conversationPlaceholder):]
		default:
			b.WriteByte(template[0])
			template = template[1:]
		}
	}
	return b.String()
}

// hashID is the literal start of the template, "h" and 128 bits of a hash. Each
// thing hashed comes after its length, so that no two lists of things run
// together into the same bytes.
func hashID(kind, template, conversation, id string) string {
	h := sha256.New()
	for _, s := range []string{"amoimport id 1", kind, template, conversation, id} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	digest := hex.EncodeToString(h.Sum(nil)[:16])
	prefix, _, _ := strings.Cut(template, "{")
	if room := maxBase - len(digest) - 1; len(prefix) > room {
		prefix = prefix[:room]
	}
	return prefix + "h" + digest
}

// plain reports whether s is a non-empty run of letters, digits, _ and -.
func plain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return s != ""
}

// looksLikePart reports whether s ends in _p and digits.
func looksLikePart(s string) bool {
	rest := strings.TrimRight(s, "0123456789")
	return rest != s && strings.HasSuffix(rest, "_p")
}
