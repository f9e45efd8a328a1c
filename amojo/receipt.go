package amojo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// Receipt is amojo's answer to a message. It means that the message was accepted, not that it can be
// seen: that comes later, and only the history proves it.
type Receipt struct {
	AmojoID string // amojo's id of the message; the answer calls it msgid
	MsgID   string // our id, which the answer calls ref_id; empty in answers of 2020

	// Whose ids these are differs between the vendor's own examples: ours or amojo's.
	ConversationID string
	SenderID       string
	ReceiverID     string
}

// SendMessage sends one message. An answer without a readable receipt, or with that of another
// message, gives a [*CallError]: the message may have been accepted.
//
// https://www.amocrm.ru/developers/content/chats/chat-api-reference
func (c *Client) SendMessage(ctx context.Context, m Message) (Receipt, error) {
	var r Receipt
	_, err := c.do(ctx, call{
		op: "send message", subject: m.MsgID,
		method: http.MethodPost, path: []string{c.scope.String()}, body: event{Type: "new_message", Payload: m},
	}, func(_ int, body []byte) error { return decodeReceipt(body, m.MsgID, &r) })
	return r, err
}

type event struct {
	Type    string `json:"event_type"`
	Payload any    `json:"payload"` // a Message or an Edit
}

func decodeReceipt(body []byte, msgID string, r *Receipt) error {
	var answer struct {
		NewMessage httpapi.Object[struct {
			MsgID          httpapi.Text `json:"msgid"`
			RefID          httpapi.Text `json:"ref_id"`
			ConversationID httpapi.Text `json:"conversation_id"`
			SenderID       httpapi.Text `json:"sender_id"`
			ReceiverID     httpapi.Text `json:"receiver_id"`
		}] `json:"new_message"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return errNotJSON
	}
	got := answer.NewMessage.Value
	switch {
	case got.MsgID == "":
		return errors.New("it has no new_message.msgid")
	case got.RefID != "" && string(got.RefID) != msgID:
		return errors.New("its ref_id is not that of the message sent")
	}
	*r = Receipt{
		AmojoID: string(got.MsgID), MsgID: string(got.RefID), ConversationID: string(got.ConversationID),
		SenderID: string(got.SenderID), ReceiverID: string(got.ReceiverID),
	}
	return nil
}
