package compose

import (
	"cmp"
	"strings"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

// Chat is a conversation as amojo is told of it, when the chat is opened and in
// each of its messages.
type Chat struct {
	ConversationID string
	Client         amojo.Party
	Source         *amojo.Source // nil: none
	Notes          []outcome.Code
}

// Longer names are cut. A name in front of a text is shorter than the least
// split length, so that the text begins in the first part.
const maxName = 100

// Chat makes the chat of a conversation, or says why its messages cannot be
// sent; then the refusal is not nil. What the client can do without (an avatar
// that nobody outside can fetch) is left out with a note.
func (s Settings) Chat(c source.Conversation) (Chat, *Refusal) {
	chat := Chat{
		ConversationID: s.IDs.ConversationID(string(c.ID)),
		Client: amojo.Party{
			ID:   s.IDs.ClientID(ClientOf(c)),
			Name: nameOr(c.ClientName, s.UnnamedClient, "Client {id}", cmp.Or(c.ClientID, string(c.ID))),
		},
	}
	if id := strings.TrimSpace(c.SourceExternalID); id != "" {
		if !printableASCII(id) || len(id) > maxSourceID {
			return Chat{}, &Refusal{Code: outcome.BadSourceID}
		}
		chat.Source = &amojo.Source{ExternalID: id}
	}
	if phone, email := oneLine(c.ClientPhone), oneLine(c.ClientEmail); phone != "" || email != "" {
		chat.Client.Profile = &amojo.Profile{Phone: phone, Email: email}
	}
	link := func(raw string, dropped outcome.Code) string {
		if strings.TrimSpace(raw) == "" {
			return ""
		}
		u, problem := PublicURL(raw, false)
		if problem != "" {
			chat.Notes = append(chat.Notes, dropped)
			return ""
		}
		return u.String()
	}
	chat.Client.Avatar = link(c.ClientAvatarURL, outcome.AvatarDropped)
	chat.Client.ProfileLink = link(c.ClientProfileURL, outcome.ProfileLinkDropped)
	return chat, nil
}

const maxSourceID = 40

// speakers is who says a message to whom.
type speakers struct {
	sender        amojo.Party
	receiver      *amojo.Party // nil: to us
	prefix        string       // what stands in front of the text
	botForManager bool
}

func (s Settings) speakers(c source.Conversation, m source.Message, client amojo.Party) (speakers, *Refusal) {
	switch m.Direction {
	case source.In:
		if m.AuthorID == "" || m.AuthorID == ClientOf(c) {
			return speakers{sender: client}, nil
		}
		return speakers{sender: amojo.Party{
			ID:   s.IDs.AuthorID(m.AuthorID),
			Name: nameOr(m.AuthorName, s.UnnamedClient, "Client {id}", m.AuthorID),
		}}, nil
	case source.Out:
		manager := s.Managers[m.ManagerID]
		if m.ManagerID != "" && manager.RefID != "" {
			return speakers{receiver: &client, sender: amojo.Party{
				ID:    s.IDs.ManagerID(m.ManagerID),
				RefID: manager.RefID,
				Name:  nameOr(manager.Name, s.UnnamedManager, "Manager {id}", m.ManagerID),
			}}, nil
		}
		say := speakers{sender: s.Bot, receiver: &client, botForManager: m.ManagerID != ""}
		if name := cut(oneLine(manager.Name), maxName); name != "" && m.ManagerID != "" {
			format := s.ManagerNameFormat
			if format == "" {
				format = namePlaceholder + ": "
			}
			say.prefix = strings.ReplaceAll(format, namePlaceholder, name)
		}
		return say, nil
	}
	return speakers{}, &Refusal{Code: outcome.BadDirection}
}

// ClientOf is the legacy id of a conversation's client. A conversation without one
// has a client of its own, whose id cannot be that of another row's client.
func ClientOf(c source.Conversation) string {
	if c.ClientID == "" {
		return "conversation-" + string(c.ID)
	}
	return c.ClientID
}

// nameOr is a name fit to be shown, or the format (or its default) with the id.
func nameOr(name, format, fallback, id string) string {
	if name = cut(oneLine(name), maxName); name != "" {
		return name
	}
	if format == "" {
		format = fallback
	}
	return cut(oneLine(strings.ReplaceAll(format, idPlaceholder, id)), maxName)
}
