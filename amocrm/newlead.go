package amocrm

import (
	"context"
	"fmt"
	"net/http"
)

// NewLead is a lead to add.
type NewLead struct {
	RequestID  string // names the element within its batch; required
	Name       string
	ContactID  int64 // the lead's main contact
	PipelineID int64 // 0: the account's main pipeline
	StatusID   int64 // of its stage; [StageWon] and [StageLost] are closed ones of every pipeline
	CreatedAt  int64 // Unix seconds, may lie in the past; 0: now
	ClosedAt   int64 // Unix seconds, for a closed stage; 0: amoCRM chooses
	Tags       []string
}

// The stages that every pipeline has with these ids; a lead in them is closed.
//
// https://www.amocrm.ru/developers/content/crm_platform/leads_pipelines
const (
	StageWon  = 142
	StageLost = 143
)

// AddLeads adds a batch of at most [MaxBatch] leads and gives their ids in the order of the batch. As for
// [Client.AddContacts], it is not idempotent, a batch with a bad element is refused whole, and a [*CallError] leaves
// open whether the leads were made.
//
// https://www.amocrm.ru/developers/content/crm_platform/leads-api
func (c *Client) AddLeads(ctx context.Context, batch []NewLead) ([]int64, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	names := make([]string, len(batch))
	body := make([]newLead, len(batch))
	for i, n := range batch {
		names[i], body[i] = n.RequestID, n.request()
	}
	if err := checkBatch("leads", names); err != nil {
		return nil, err
	}
	var added []int64
	k := call{op: fmt.Sprintf("add %d leads", len(batch)), method: http.MethodPost, path: "leads", body: body}
	_, err := c.do(ctx, k, func(status int, body []byte) (err error) {
		added, err = decodeAdded("leads", status, body, names)
		return err
	})
	return added, err
}

// newLead is the JSON of a NewLead.
type newLead struct {
	Name       string       `json:"name,omitempty"`
	PipelineID int64        `json:"pipeline_id,omitempty"`
	StatusID   int64        `json:"status_id,omitempty"`
	CreatedAt  int64        `json:"created_at,omitempty"`
	ClosedAt   int64        `json:"closed_at,omitempty"`
	Embedded   leadEmbedded `json:"_embedded"`
	RequestID  string       `json:"request_id"`
}

type leadEmbedded struct {
	Contacts []leadContact `json:"contacts"`
	Tags     []tag         `json:"tags,omitempty"`
}

type leadContact struct {
	ID     int64 `json:"id"`
	IsMain bool  `json:"is_main"`
}

func (n NewLead) request() newLead {
	out := newLead{Name: n.Name, PipelineID: n.PipelineID, StatusID: n.StatusID, CreatedAt: n.CreatedAt, ClosedAt: n.ClosedAt,
		Embedded: leadEmbedded{Contacts: []leadContact{{ID: n.ContactID, IsMain: true}}}, RequestID: n.RequestID}
	for _, name := range n.Tags {
		out.Embedded.Tags = append(out.Embedded.Tags, tag{Name: name})
	}
	return out
}
