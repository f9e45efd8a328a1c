package amocrm

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// ChatLink ties a chat to a contact. A chat has one contact at most, a contact many chats.
type ChatLink struct {
	ContactID int64
	ChatID    string // the chat's id in the chats API
	ID        int64  // the link's own id, in answers; changes when the link is changed
}

// LinkChats links chats to contacts, at most [MaxBatch] at once, and gives the links that the API
// confirms, in the order of the batch; one that it does not mention is left out. A chat that is linked to
// another contact is moved, so look with [Client.LinksByChat] before. It takes administrator rights and the
// integration that the chats' channel names.
//
// https://www.amocrm.ru/developers/content/crm_platform/contacts-api
func (c *Client) LinkChats(ctx context.Context, batch []ChatLink) ([]ChatLink, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	if len(batch) > MaxBatch {
		return nil, fmt.Errorf("amocrm: link chats: %d in a batch, the API takes at most %d", len(batch), MaxBatch)
	}
	body := make([]linkRequest, len(batch))
	for i, l := range batch {
		body[i] = linkRequest{ContactID: l.ContactID, ChatID: l.ChatID}
	}
	var rows []chatLink
	var more bool
	k := call{op: fmt.Sprintf("link %d chats", len(batch)), method: http.MethodPost, path: "contacts/chats", body: body}
	if _, err := c.do(ctx, k, decodeList("chats", &rows, &more)); err != nil {
		return nil, err
	}
	return confirmed(batch, rows), nil
}

// LinksByChat gives the contact that a chat is linked to, if any: also that of a lead that is still
// unsorted. More than one row would be against the API's own rule.
//
// https://www.amocrm.ru/developers/content/crm_platform/contacts-api
func (c *Client) LinksByChat(ctx context.Context, chatID string) ([]ChatLink, error) {
	var rows []chatLink
	var more bool
	k := call{op: "read links of chat", subject: chatID, method: http.MethodGet, path: "contacts/chats", query: query("chat_id", chatID)}
	if _, err := c.do(ctx, k, decodeList("chats", &rows, &more)); err != nil {
		return nil, err
	}
	var links []ChatLink
	for _, r := range rows {
		// A filter that the account does not have may be ignored, so the rows are looked at again.
		if strings.EqualFold(string(r.ChatID), chatID) && r.ContactID > 0 {
			links = append(links, ChatLink{ContactID: int64(r.ContactID), ChatID: chatID, ID: int64(r.ID)})
		}
	}
	return links, nil
}

type linkRequest struct {
	ContactID int64  `json:"contact_id"`
	ChatID    string `json:"chat_id"`
}

// chatLink is the JSON of a ChatLink in answers.
type chatLink struct {
	ID        httpapi.Number `json:"id"`
	ContactID httpapi.Number `json:"contact_id"`
	ChatID    httpapi.Text   `json:"chat_id"`
}

func confirmed(batch []ChatLink, rows []chatLink) []ChatLink {
	var out []ChatLink
	for _, l := range batch {
		for _, r := range rows {
			if int64(r.ContactID) == l.ContactID && strings.EqualFold(string(r.ChatID), l.ChatID) {
				l.ID = int64(r.ID)
				out = append(out, l)
				break
			}
		}
	}
	return out
}
