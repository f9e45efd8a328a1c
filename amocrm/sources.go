package amocrm

import (
	"context"
	"net/http"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// Source is a source of leads and chats that belongs to the token's integration.
type Source struct {
	ID         int64
	ExternalID string
}

// Sources lists the integration's sources. It takes administrator rights, and an integration whose widget
// declares sources; amoCRM answers 403 to others.
//
// https://www.amocrm.ru/developers/content/crm_platform/sources-api
func (c *Client) Sources(ctx context.Context) ([]Source, error) {
	// The list is never longer than one page.
	var rows []struct {
		ID         httpapi.Number `json:"id"`
		ExternalID httpapi.Text   `json:"external_id"`
	}
	var more bool
	k := call{op: "list sources", method: http.MethodGet, path: "sources"}
	if _, err := c.do(ctx, k, decodeList("sources", &rows, &more)); err != nil {
		return nil, err
	}
	sources := make([]Source, len(rows))
	for i, r := range rows {
		sources[i] = Source{ID: int64(r.ID), ExternalID: string(r.ExternalID)}
	}
	return sources, nil
}
