package amocrm

import (
	"context"
	"net/http"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// Pipeline (воронка) is a way of leads through stages.
type Pipeline struct {
	ID       int64
	Main     bool // where leads go that name none
	Archived bool
	Stages   []int64 // ids of its statuses, [StageWon] and [StageLost] among them
}

// Pipelines lists the account's pipelines of leads. Every user may see them.
//
// https://www.amocrm.ru/developers/content/crm_platform/leads_pipelines
func (c *Client) Pipelines(ctx context.Context) ([]Pipeline, error) {
	// The list has no pages.
	var rows []struct {
		ID       httpapi.Number `json:"id"`
		Main     httpapi.Flag   `json:"is_main"`
		Archived httpapi.Flag   `json:"is_archive"`
		Embedded httpapi.Object[struct {
			Statuses ids `json:"statuses"`
		}] `json:"_embedded"`
	}
	var more bool
	k := call{op: "list pipelines", method: http.MethodGet, path: "leads/pipelines"}
	if _, err := c.do(ctx, k, decodeList("pipelines", &rows, &more)); err != nil {
		return nil, err
	}
	pipelines := make([]Pipeline, len(rows))
	for i, r := range rows {
		pipelines[i] = Pipeline{ID: int64(r.ID), Main: bool(r.Main), Archived: bool(r.Archived), Stages: r.Embedded.Value.Statuses.export()}
	}
	return pipelines, nil
}
