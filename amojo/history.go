package amojo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// MaxHistoryPage is the most messages that one request for history gives.
const MaxHistoryPage = 50

// HistoryMessage is a message as a chat's history shows it. Every field may be empty.
type HistoryMessage struct {
	AmojoID string // amojo's id of the message
	MsgID   string // our id (client_id); empty for messages we did not send

	Timestamp     int64 // Unix seconds; may be a second later than what was sent
	MsecTimestamp int64 // Unix milliseconds; 0: only seconds are known

	Sender   Participant
	Receiver *Participant // nil for messages from the client

	Type         MessageType
	Text         string
	Media        string // URL of amojo's copy
	Thumbnail    string // URL
	FileName     string
	FileSize     int64 // bytes
	MediaGroupID string
	Location     *Location
	Contact      *Contact
}

// Time is the message's time as exactly as the answer tells it.
func (m HistoryMessage) Time() time.Time {
	if m.MsecTimestamp != 0 {
		return time.UnixMilli(m.MsecTimestamp)
	}
	return time.Unix(m.Timestamp, 0)
}

// History gives a page of a chat's messages: at most limit (1 to [MaxHistoryPage]) after the first
// offset ones. The order is not documented; the only example has the newest first. No messages and no
// error mean the end, but also a chat that is unknown: the API answers 204 to both. Only chats of the
// client's own scope can be read.
//
// https://www.amocrm.ru/developers/content/chats/chat-api-reference
func (c *Client) History(ctx context.Context, chat ChatID, offset, limit int) ([]HistoryMessage, error) {
	k := historyCall(chat, offset, limit)
	k.path[0] = c.scope.String()
	if !plainID(string(chat)) {
		return nil, &CallError{Op: k.op, Subject: k.subject, Err: errors.New("this is not a chat id")}
	}
	var page []HistoryMessage
	_, err := c.do(ctx, k, func(status int, body []byte) (err error) {
		page, err = decodeHistory(status, body)
		return err
	})
	return page, err
}

// End says where a walk through a chat's history ends.
type End int

const (
	// AtShortPage takes a page with fewer messages than asked for as the last one, which saves a
	// request. A server that filters a page after cutting it would make the walk end too early.
	AtShortPage End = iota
	// AtEmptyPage goes on until a page is empty, the only end the API documents: for when a message
	// must be proved absent.
	AtEmptyPage
)

// maxRepeats is how many pages in a row may hold nothing new before a walk gives up: a few shift into
// each other when live messages arrive; a server that ignores the offset would go on for ever.
const maxRepeats = 10

// AllHistory walks through all of a chat's messages, page after page, each message once by amojo's id.
// Messages that arrive meanwhile may or may not be among them. After an error the walk is over.
func (c *Client) AllHistory(ctx context.Context, chat ChatID, end End) iter.Seq2[HistoryMessage, error] {
	return func(yield func(HistoryMessage, error) bool) {
		seen := make(map[string]bool)
		repeats := 0
		for offset := 0; ; {
			page, err := c.History(ctx, chat, offset, MaxHistoryPage)
			if err != nil {
				yield(HistoryMessage{}, err)
				return
			}
			fresh := false
			for _, m := range page {
				if seen[m.AmojoID] {
					continue
				}
				if m.AmojoID != "" {
					seen[m.AmojoID], fresh = true, true
				}
				if !yield(m, nil) {
					return
				}
			}
			if len(page) == 0 || end == AtShortPage && len(page) < MaxHistoryPage {
				return
			}
			if repeats++; fresh {
				repeats = 0
			}
			if repeats == maxRepeats {
				yield(HistoryMessage{}, &CallError{Op: "read history", Subject: string(chat), Status: http.StatusOK,
					Err: fmt.Errorf("%d pages in a row hold nothing new", repeats)})
				return
			}
			offset += len(page)
		}
	}
}

// historyCall leaves the scope in the path to the client.
func historyCall(chat ChatID, offset, limit int) call {
	return call{
		op: "read history", subject: string(chat),
		method: http.MethodGet, path: []string{"", "chats", string(chat), "history"},
		query: url.Values{"offset": {strconv.Itoa(offset)}, "limit": {strconv.Itoa(limit)}},
		limit: maxHistory,
	}
}

// historyMessage is the JSON of a HistoryMessage.
type historyMessage struct {
	Timestamp     httpapi.Number              `json:"timestamp"`
	MsecTimestamp httpapi.Number              `json:"msec_timestamp"`
	Sender        httpapi.Object[participant] `json:"sender"`
	Receiver      httpapi.Object[participant] `json:"receiver"`
	Message       httpapi.Object[struct {
		ID           httpapi.Text   `json:"id"`
		ClientID     httpapi.Text   `json:"client_id"`
		Type         httpapi.Text   `json:"type"`
		Text         httpapi.Text   `json:"text"`
		Media        httpapi.Text   `json:"media"`
		Thumbnail    httpapi.Text   `json:"thumbnail"`
		FileName     httpapi.Text   `json:"file_name"`
		FileSize     httpapi.Number `json:"file_size"`
		MediaGroupID httpapi.Text   `json:"media_group_id"`
		Location     httpapi.Object[struct {
			Lon httpapi.Degrees `json:"lon"`
			Lat httpapi.Degrees `json:"lat"`
		}] `json:"location"`
		Contact httpapi.Object[struct {
			Name  httpapi.Text `json:"name"`
			Phone httpapi.Text `json:"phone"`
		}] `json:"contact"`
	}] `json:"message"`
}

// decodeHistory is strict about the list and lenient about the messages: a page that loses a message
// would tell that it was never sent.
func decodeHistory(status int, body []byte) ([]HistoryMessage, error) {
	if status == http.StatusNoContent {
		return nil, nil
	}
	var answer struct {
		Messages *[]json.RawMessage `json:"messages"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, errNotJSON
	}
	if answer.Messages == nil {
		return nil, errors.New("it has no messages")
	}
	page := make([]HistoryMessage, len(*answer.Messages))
	for i, raw := range *answer.Messages {
		var m historyMessage
		if !httpapi.IsObject(raw) || json.Unmarshal(raw, &m) != nil {
			return nil, fmt.Errorf("its message %d is not an object", i)
		}
		page[i] = m.export()
	}
	return page, nil
}

func (h historyMessage) export() HistoryMessage {
	m := h.Message.Value
	out := HistoryMessage{
		AmojoID: string(m.ID), MsgID: string(m.ClientID),
		Sender: h.Sender.Value.export(),
		Type:   MessageType(m.Type), Text: string(m.Text), Media: string(m.Media), Thumbnail: string(m.Thumbnail),
		FileName: string(m.FileName), FileSize: int64(m.FileSize), MediaGroupID: string(m.MediaGroupID),
	}
	out.Timestamp, out.MsecTimestamp = times(int64(h.Timestamp), int64(h.MsecTimestamp))
	if h.Receiver.Is {
		p := h.Receiver.Value.export()
		out.Receiver = &p
	}
	if l := m.Location; l.Is {
		out.Location = &Location{Lon: float64(l.Value.Lon), Lat: float64(l.Value.Lat)}
	}
	if k := m.Contact; k.Is {
		out.Contact = &Contact{Name: string(k.Value.Name), Phone: string(k.Value.Phone)}
	}
	return out
}

// times fills in what one of the two fields leaves out. Some answers give timestamp in milliseconds: as
// seconds they would be past the year 5000.
func times(sec, msec int64) (int64, int64) {
	if sec > 1e11 {
		if msec == 0 {
			msec = sec
		}
		sec /= 1000
	}
	if sec == 0 {
		sec = msec / 1000
	}
	return sec, msec
}
