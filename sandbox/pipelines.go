package sandbox

import (
	"cmp"
	"slices"
)

// The stages that every pipeline has with these ids; a lead in them is closed.
const (
	statusWon  = 142
	statusLost = 143
)

// pipelines are the ids of the account's pipelines of leads, the main one first: those that amo sources name.
func (w *World) pipelines() []int {
	all := []int{DefaultPipeline}
	for _, s := range w.o.Sources {
		if id := cmp.Or(s.PipelineID, DefaultPipeline); !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// stages are the ids of a pipeline's statuses, in their order.
func stages(pipeline int) []int {
	return []int{pipeline * 10, pipeline*10 + 1, statusWon, statusLost}
}

// listPipelines answers GET /api/v4/leads/pipelines, which every user may ask.
// https://www.amocrm.ru/developers/content/crm_platform/leads_pipelines
func (w *World) listPipelines(rq *request) *reply {
	rows := []doc{}
	for i, id := range w.pipelines() {
		statuses := []doc{}
		for k, status := range stages(id) {
			kind := 0
			if k == 0 {
				kind = 1 // the unsorted
			}
			statuses = append(statuses, doc{
				"id": status, "name": "Stage", "sort": 10 * (k + 1), "is_editable": k == 1, "pipeline_id": id, "color": "#c1c1c1",
				"type": kind, "account_id": w.o.Account.ID,
			})
		}
		rows = append(rows, doc{
			"id": id, "name": "Pipeline", "sort": i + 1, "is_main": i == 0, "is_unsorted_on": true, "is_archive": false,
			"account_id": w.o.Account.ID, "_links": selfLink(rq, "leads/pipelines", id), "_embedded": doc{"statuses": statuses},
		})
	}
	return hal(doc{"_total_items": len(rows), "_embedded": doc{"pipelines": rows}})
}

// checkStage refuses a pipeline that there is not, and a stage of another one.
func (w *World) checkStage(o object, l *lead) {
	switch {
	case !slices.Contains(w.pipelines(), l.pipeline):
		o.fail("pipeline_id", "NotSupportedChoice", "The value you selected is not a valid choice.")
	case !slices.Contains(stages(l.pipeline)[1:], l.status):
		o.fail("status_id", "NotSupportedChoice", "The value you selected is not a valid choice.")
	}
}
