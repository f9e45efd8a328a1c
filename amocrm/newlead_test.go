package amocrm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amocrm"
)

func TestAddLeads(t *testing.T) {
	s, client := serve(t, reply(`{"_embedded":{"leads":[{"id":12,"request_id":"c2"},{"id":"11","request_id":"c1"}]}}`))
	got, err := client.AddLeads(t.Context(), []amocrm.NewLead{
		{RequestID: "c1", Name: "History <1>", ContactID: 1, PipelineID: 6, StatusID: amocrm.StageLost, CreatedAt: 1500000000, ClosedAt: 1600000000, Tags: []string{"old"}},
		{RequestID: "c2", ContactID: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{11, 12}, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	s.wantRequests(t, recorded{"POST /prefix/api/v4/leads",
		`[{"name":"History <1>","pipeline_id":6,"status_id":143,"created_at":1500000000,"closed_at":1600000000,` +
			`"_embedded":{"contacts":[{"id":1,"is_main":true}],"tags":[{"name":"old"}]},"request_id":"c1"},` +
			`{"_embedded":{"contacts":[{"id":2,"is_main":true}]},"request_id":"c2"}]`})
	for name, answer := range map[string]string{
		"one is missing":  `{"_embedded":{"leads":[{"id":11,"request_id":"c1"}]}}`,
		"one comes twice": `{"_embedded":{"leads":[{"id":11,"request_id":"c1"},{"id":12,"request_id":"c1"}]}}`,
		"others":          `{"_embedded":{"contacts":[]}}`,
		"nothing":         "",
	} {
		_, err := answering(200, nil, strings.NewReader(answer)).AddLeads(t.Context(), []amocrm.NewLead{{RequestID: "c1"}, {RequestID: "c2"}})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wantUnreadable(t, err)
	}
	for _, batch := range [][]amocrm.NewLead{{{}}, {{RequestID: "a"}, {RequestID: "a"}}, make([]amocrm.NewLead, amocrm.MaxBatch+1)} {
		if _, err := client.AddLeads(t.Context(), batch); err == nil || len(s.requests) != 1 {
			t.Errorf("batch of %d: %v", len(batch), err)
		}
	}
	_, err = answering(400, nil, strings.NewReader(`{"validation-errors":[{"request_id":"c2","errors":[{"code":"NotSupportedChoice","path":"_embedded.contacts.0.id","detail":"x"}]}]}`)).
		AddLeads(t.Context(), []amocrm.NewLead{{RequestID: "c1"}, {RequestID: "c2"}})
	var refused *amocrm.Error
	if !errors.As(err, &refused) || !refused.Rejected() || refused.Elements[0].RequestID != "c2" {
		t.Errorf("refused: %v", err)
	}
}

func TestPipelines(t *testing.T) {
	s, client := serve(t, reply(`{"_total_items":2,"_embedded":{"pipelines":[
		{"id":6,"name":"Sales","is_main":true,"is_archive":false,"_embedded":{"statuses":[{"id":61,"type":1},{"id":62,"type":0},{"id":142},{"id":143}]}},
		{"id":7,"name":"Old","is_main":false,"is_archive":true,"_embedded":{"statuses":[]}}]}}`))
	got, err := client.Pipelines(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []amocrm.Pipeline{{ID: 6, Main: true, Stages: []int64{61, 62, 142, 143}}, {ID: 7, Archived: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pipelines (-want +got):\n%s", diff)
	}
	s.wantRequests(t, recorded{"GET /prefix/api/v4/leads/pipelines", ""})
}
