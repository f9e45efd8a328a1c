package amojo

import (
	"context"
	"net/http"
)

// Edit changes what a message says. The API ignores anything else of it.
type Edit struct {
	Timestamp      int64   `json:"timestamp"`      // of the message, Unix seconds
	MsecTimestamp  int64   `json:"msec_timestamp"` // of the message, Unix milliseconds
	ID             string  `json:"id,omitempty"`   // amojo's id of the message; with it, MsgID becomes our id of it
	MsgID          string  `json:"msgid"`          // our id of the message
	ConversationID string  `json:"conversation_id"`
	Silent         bool    `json:"silent"`
	Content        Content `json:"message"`
}

// EditMessage changes a message. It may be repeated: the message then says the same.
//
// https://www.amocrm.ru/developers/content/chats/chat-api-reference
func (c *Client) EditMessage(ctx context.Context, e Edit) (Receipt, error) {
	var r Receipt
	_, err := c.do(ctx, call{
		op: "edit message", subject: e.MsgID,
		method: http.MethodPost, path: []string{c.scope.String()}, body: event{Type: "edit_message", Payload: e},
	}, func(_ int, body []byte) error { return decodeReceipt(body, e.MsgID, &r) })
	return r, err
}
