package amocrm

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// LeadsOf lists the ids of the leads that a contact has; none also for a contact that is
// not there.
//
// https://www.amocrm.ru/developers/content/crm_platform/contacts-api
func (c *Client) LeadsOf(ctx context.Context, contact int64) ([]int64, error) {
	var answer struct {
		ID       httpapi.Number `json:"id"`
		Embedded httpapi.Object[struct {
			Leads httpapi.List[struct {
				ID httpapi.Number `json:"id"`
			}] `json:"leads"`
		}] `json:"_embedded"`
	}
	id := strconv.FormatInt(contact, 10)
	k := call{op: "list leads of contact", subject: id, method: http.MethodGet, path: "contacts/" + id, query: query("with", "leads")}
	_, err := c.do(ctx, k, func(status int, body []byte) error {
		if status == http.StatusNoContent {
			return nil
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return errNotJSON
		}
		if int64(answer.ID) != contact {
			return errors.New("it is not about that contact")
		}
		return nil
	})
	var gone *Error
	if errors.As(err, &gone) && gone.NotFound() {
		return nil, nil
	}
	var ids []int64
	for _, l := range answer.Embedded.Value.Leads {
		if l.ID > 0 {
			ids = append(ids, int64(l.ID))
		}
	}
	return ids, err
}

// LeadCreatedAt tells when a lead was created, in Unix seconds; 0: there is no such lead.
//
// https://www.amocrm.ru/developers/content/crm_platform/leads-api
func (c *Client) LeadCreatedAt(ctx context.Context, lead int64) (int64, error) {
	var answer struct {
		ID        httpapi.Number `json:"id"`
		CreatedAt httpapi.Number `json:"created_at"`
	}
	id := strconv.FormatInt(lead, 10)
	k := call{op: "read lead", subject: id, method: http.MethodGet, path: "leads/" + id}
	_, err := c.do(ctx, k, func(status int, body []byte) error {
		if status == http.StatusNoContent {
			return nil
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return errNotJSON
		}
		if int64(answer.ID) != lead {
			return errors.New("it is not about that lead")
		}
		return nil
	})
	var gone *Error
	if errors.As(err, &gone) && gone.NotFound() {
		return 0, nil
	}
	return max(0, int64(answer.CreatedAt)), err
}
