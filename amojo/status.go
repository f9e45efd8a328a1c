package amojo

import (
	"context"
	"errors"
	"net/http"
)

// DeliveryStatus is what became of a message outside, as managers see it.
type DeliveryStatus int

// The statuses that are no failure.
const (
	Delivered DeliveryStatus = 1
	Read      DeliveryStatus = 2
)

// ErrBadID refuses a message's id that could not stand in an address.
var ErrBadID = errors.New("it is no id of the chats API")

// SetDeliveryStatus tells what became of an outgoing message, which amojo calls message
// and we msgid. Telling it again changes nothing. An [*Error] with status 404 says that
// there is no such message. Older pages have another name for the field: where the
// present one is refused that one is tried, and from then on first.
//
// https://www.amocrm.ru/developers/content/chats/chat-api-reference
func (c *Client) SetDeliveryStatus(ctx context.Context, message, msgid string, s DeliveryStatus) error {
	if !plainID(message) {
		return &CallError{Op: "set delivery status", Subject: msgid, Err: ErrBadID}
	}
	older := c.olderStatus.Load()
	err := c.setStatus(ctx, message, msgid, s, older)
	var refused *Error
	if older || !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
		return err
	}
	again := c.setStatus(ctx, message, msgid, s, true)
	if again == nil {
		c.olderStatus.Store(true)
	}
	if errors.As(again, &refused) && refused.Status == http.StatusBadRequest {
		return err // it is not the name
	}
	return again
}

func (c *Client) setStatus(ctx context.Context, message, msgid string, s DeliveryStatus, older bool) error {
	var body any = struct {
		Status DeliveryStatus `json:"status_code"`
	}{s}
	if older {
		body = struct {
			MsgID  string         `json:"msgid"`
			Status DeliveryStatus `json:"delivery_status"`
		}{message, s}
	}
	_, err := c.do(ctx, call{
		op: "set delivery status", subject: msgid,
		method: http.MethodPost, path: []string{c.scope.String(), message, "delivery_status"}, body: body,
	}, func(int, []byte) error { return nil })
	return err
}
