package amocrm

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// Talk (беседа) is a unit of work over a chat: it is opened by a message and lasts until it is closed. A chat may
// have had several. What an answer does not tell is zero: accounts differ in which fields they know.
//
// https://www.amocrm.ru/developers/content/crm_platform/talks-api
type Talk struct {
	ID        int64
	CreatedAt int64 // Unix seconds
	UpdatedAt int64 // Unix seconds
	Rate      int64 // what the client answered to the NPS bot
	ContactID int64
	ChatID    string // the chat's id in the chats API

	EntityID   int64  // what the talk is about; 0: nothing but the contact
	EntityType string // lead or customer, else ""

	InWork    bool // not closed
	Read      bool
	Origin    string // kind of the chat's source, such as telegram, or the channel's code
	MissedAt  int64  // when it stayed without an answer for too long, Unix seconds; newer answers do not tell
	AccountID int64
	Status    string // in_work, closed, nps_scheduled, nps_in_progress or with_error; older answers do not tell
	SourceID  int64  // the chat's amo source; older answers do not tell

	// Whom and what the talk is with and about, at most one of each.
	Contacts, Leads, Customers []int64
}

// Talk reads one talk. Which talks a token's user may see depends on the rights to the contact; an [*Error] says
// Forbidden or NotFound about that one talk.
//
// https://www.amocrm.ru/developers/content/crm_platform/talks-api
func (c *Client) Talk(ctx context.Context, id int64) (Talk, error) {
	var row talk
	n := strconv.FormatInt(id, 10)
	k := call{op: "read talk", subject: n, method: http.MethodGet, path: "talks/" + n}
	_, err := c.do(ctx, k, func(_ int, body []byte) error {
		switch {
		case json.Unmarshal(body, &row) != nil:
			return errNotJSON
		case int64(row.ID) != id:
			return errors.New("it is not the talk asked for")
		}
		return row.check()
	})
	if err != nil {
		return Talk{}, err
	}
	return row.export(), nil
}

// TalksOf lists the talks of a contact, open and closed, as far as the token's user may see them. listed: the account
// has a list that can be asked so. Many have none yet; there the events tell, see [Client.MessageEvents]. The list
// cannot be asked about a chat, so compare [Talk.ChatID].
//
// https://developers.kommo.com/reference/get-talks
func (c *Client) TalksOf(ctx context.Context, contact int64) (talks []Talk, listed bool, err error) {
	n := strconv.FormatInt(contact, 10)
	k := call{op: "list talks of contact", subject: n, method: http.MethodGet, path: "talks", query: query("filter[contact_id][]", n)}
	for page, err := range walk(ctx, c, k, "talks", maxPage, func(t talk) int64 { return int64(t.ID) }) {
		var refused *Error
		if errors.As(err, &refused) && (refused.NotFound() || refused.Forbidden() || refused.Status == http.StatusMethodNotAllowed) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		others := 0
		for _, row := range page {
			if err := row.check(); err != nil {
				return nil, false, k.unreadable(err)
			}
			if int64(row.ContactID) != contact {
				others++
			}
			talks = append(talks, row.export())
		}
		if others == maxPage {
			return nil, false, nil // the filter is not heeded: this is the list of the whole account
		}
	}
	return talks, true, nil
}

// CloseTalk asks that a talk be closed, which is done a little later: [Client.Talk] tells when. With force the NPS bot,
// which would write to the client, is not started. That the talk is closed already, or about to be, is no error. It may
// be asked again.
//
// https://www.amocrm.ru/developers/content/crm_platform/talks-api
func (c *Client) CloseTalk(ctx context.Context, id int64, force bool) error {
	n := strconv.FormatInt(id, 10)
	k := call{op: "close talk", subject: n, method: http.MethodPost, path: "talks/" + n + "/close", body: closing{ForceClose: force}}
	_, err := c.do(ctx, k, func(int, []byte) error { return nil })
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusUnprocessableEntity {
		return nil
	}
	return err
}

type closing struct {
	ForceClose bool `json:"force_close"`
}

// talk is the JSON of a Talk.
type talk struct {
	ID         httpapi.Number `json:"talk_id"`
	CreatedAt  httpapi.Number `json:"created_at"`
	UpdatedAt  httpapi.Number `json:"updated_at"`
	Rate       httpapi.Number `json:"rate"`
	ContactID  httpapi.Number `json:"contact_id"`
	ChatID     httpapi.Text   `json:"chat_id"`
	EntityID   httpapi.Number `json:"entity_id"`
	EntityType httpapi.Text   `json:"entity_type"`
	InWork     *httpapi.Flag  `json:"is_in_work"`
	Read       httpapi.Flag   `json:"is_read"`
	Origin     httpapi.Text   `json:"origin"`
	MissedAt   httpapi.Number `json:"missed_at"`
	AccountID  httpapi.Number `json:"account_id"`
	Status     httpapi.Text   `json:"status"`
	SourceID   httpapi.Number `json:"source_id"`
	Embedded   httpapi.Object[struct {
		Contacts  ids `json:"contacts"`
		Leads     ids `json:"leads"`
		Customers ids `json:"customers"`
	}] `json:"_embedded"`
}

// check refuses a talk that does not say whether it is closed: silence must not pass for it.
func (t talk) check() error {
	if t.InWork == nil && t.Status == "" {
		return errors.New("it does not say whether the talk is in work")
	}
	return nil
}

func (t talk) export() Talk {
	inWork := t.Status != "closed"
	if t.InWork != nil {
		inWork = bool(*t.InWork)
	}
	return Talk{
		ID: int64(t.ID), CreatedAt: int64(t.CreatedAt), UpdatedAt: int64(t.UpdatedAt), Rate: int64(t.Rate),
		ContactID: int64(t.ContactID), ChatID: string(t.ChatID), EntityID: int64(t.EntityID), EntityType: string(t.EntityType),
		InWork: inWork, Read: bool(t.Read), Origin: string(t.Origin), MissedAt: int64(t.MissedAt), AccountID: int64(t.AccountID),
		Status: string(t.Status), SourceID: int64(t.SourceID),
		Contacts: t.Embedded.Value.Contacts.export(), Leads: t.Embedded.Value.Leads.export(), Customers: t.Embedded.Value.Customers.export(),
	}
}

// ids are embedded entities of which only the id is told.
type ids httpapi.List[struct {
	ID httpapi.Number `json:"id"`
}]

// UnmarshalJSON implements [json.Unmarshaler].
func (l *ids) UnmarshalJSON(b []byte) error {
	return (*httpapi.List[struct {
		ID httpapi.Number `json:"id"`
	}])(l).UnmarshalJSON(b)
}

func (l ids) export() []int64 {
	var out []int64
	for _, e := range l {
		if e.ID > 0 {
			out = append(out, int64(e.ID))
		}
	}
	return out
}
