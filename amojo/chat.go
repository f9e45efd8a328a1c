package amojo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// ChatID is amojo's id of a chat, a UUID: the chat_id of API v4 and the id in the path of a history.
type ChatID string

// Chat is what a chat is created from.
type Chat struct {
	ConversationID string  `json:"conversation_id"` // our id of the chat
	Source         *Source `json:"source,omitempty"`
	User           Party   `json:"user"` // the client
}

// CreatedChat is a chat as amojo answers it.
type CreatedChat struct {
	ID   ChatID
	User Participant
}

// Participant is a sender, receiver or client as amojo knows it. Every field may be empty.
type Participant struct {
	AmojoID  string // amojo's id
	ClientID string // our id; only people from outside have one
	Name     string
	Avatar   string
	Phone    string
	Email    string
}

// CreateChat creates a chat before its first message, so that neither a contact nor a lead is made for
// it. For a conversation id that exists the id of its chat comes back; for a user id that exists, the
// user as stored.
//
// https://www.amocrm.ru/developers/content/chats/chat-api-reference
func (c *Client) CreateChat(ctx context.Context, chat Chat) (CreatedChat, error) {
	var created CreatedChat
	_, err := c.do(ctx, call{
		op: "create chat", subject: chat.ConversationID,
		method: http.MethodPost, path: []string{c.scope.String(), "chats"}, body: chat,
	}, func(_ int, body []byte) error { return decodeChat(body, &created) })
	return created, err
}

func decodeChat(body []byte, created *CreatedChat) error {
	var answer struct {
		ID   httpapi.Text                `json:"id"`
		User httpapi.Object[participant] `json:"user"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return errNotJSON
	}
	if !plainID(string(answer.ID)) {
		return errors.New("it has no chat id")
	}
	*created = CreatedChat{ID: ChatID(answer.ID), User: answer.User.Value.export()}
	return nil
}

// participant is the JSON of a Participant: phone and e-mail stand in it flat, or in a profile.
type participant struct {
	ID       httpapi.Text `json:"id"`
	ClientID httpapi.Text `json:"client_id"`
	Name     httpapi.Text `json:"name"`
	Avatar   httpapi.Text `json:"avatar"`
	Phone    httpapi.Text `json:"phone"`
	Email    httpapi.Text `json:"email"`
	Profile  httpapi.Object[struct {
		Phone httpapi.Text `json:"phone"`
		Email httpapi.Text `json:"email"`
	}] `json:"profile"`
}

func (p participant) export() Participant {
	profile := p.Profile.Value
	return Participant{
		AmojoID: string(p.ID), ClientID: string(p.ClientID), Name: string(p.Name), Avatar: string(p.Avatar),
		Phone: string(cmp.Or(p.Phone, profile.Phone)), Email: string(cmp.Or(p.Email, profile.Email)),
	}
}
