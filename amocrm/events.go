package amocrm

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// maxEventsPage is the most events that a page of their list holds.
const maxEventsPage = 100

// MessageEvent tells that a message came into a chat, or was written in one.
type MessageEvent struct {
	Incoming  bool
	MessageID string // the message's id in the chats API
	TalkID    int64  // the talk that the message belongs to; 0: the account does not tell
}

// MessageEvents lists the events of chat messages of a contact, as far as the token's user may see them. When such
// an event was made is not what the message says of its time; imported messages may have none.
//
// https://www.amocrm.ru/developers/content/crm_platform/events-and-notes
func (c *Client) MessageEvents(ctx context.Context, contact int64) iter.Seq2[MessageEvent, error] {
	n := strconv.FormatInt(contact, 10)
	// The rows name the lead that a talk is about, if there is one; they are found under the contact all the same.
	k := call{op: "list events of contact", subject: n, method: http.MethodGet, path: "events", query: url.Values{
		"filter[entity][]": {"contact"}, "filter[entity_id][]": {n}, "filter[type][]": {eventIncoming, eventOutgoing},
	}}
	return func(yield func(MessageEvent, error) bool) {
		for page, err := range walk(ctx, c, k, "events", maxEventsPage, func(e event) string { return string(e.ID) }) {
			if err != nil {
				yield(MessageEvent{}, err)
				return
			}
			for _, e := range page {
				for _, m := range e.messages() {
					if !yield(m, nil) {
						return
					}
				}
			}
		}
	}
}

const (
	eventIncoming = "incoming_chat_message"
	eventOutgoing = "outgoing_chat_message"
)

// event is the JSON of an event.
type event struct {
	ID    httpapi.Text `json:"id"`
	Type  httpapi.Text `json:"type"`
	After httpapi.List[struct {
		Message httpapi.Object[struct {
			ID     httpapi.Text   `json:"id"`
			TalkID httpapi.Number `json:"talk_id"`
		}] `json:"message"`
	}] `json:"value_after"`
}

// messages are those that the event is about; of another event than was asked for, none.
func (e event) messages() []MessageEvent {
	if e.Type != eventIncoming && e.Type != eventOutgoing {
		return nil
	}
	var out []MessageEvent
	for _, v := range e.After {
		if m := v.Message.Value; m.ID != "" || m.TalkID > 0 {
			out = append(out, MessageEvent{Incoming: e.Type == eventIncoming, MessageID: string(m.ID), TalkID: max(0, int64(m.TalkID))})
		}
	}
	return out
}
