package tidy

import (
	"context"
	"fmt"
	"slices"

	"github.com/amoimport/amoimport/amocrm"
)

// StageError says that leads cannot be made in a stage.
type StageError struct {
	PipelineID, StatusID int64 // as they were set
	Problem              string
}

func (e *StageError) Error() string {
	return fmt.Sprintf("leads.pipeline_id %d, leads.status_id %d: %s", e.PipelineID, e.StatusID, e.Problem)
}

// Hint says what to do.
func (e *StageError) Hint() string {
	return "Take a pipeline of this account, or leave leads.pipeline_id empty for the main one; the stages 142 (won) and 143 (lost) are in every pipeline."
}

func closedStage(id int64) bool { return id == amocrm.StageWon || id == amocrm.StageLost }

// checkStage sees that the pipeline is there and has the stage.
func (l *leader) checkStage(ctx context.Context) error {
	var all []amocrm.Pipeline
	err := l.read(ctx, func(ctx context.Context) (err error) {
		all, err = l.CRM.Pipelines(ctx)
		return err
	})
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(p amocrm.Pipeline) bool {
		return p.ID == l.o.PipelineID || l.o.PipelineID == 0 && p.Main
	})
	refuse := func(problem string) error {
		return &StageError{PipelineID: l.o.PipelineID, StatusID: l.o.StatusID, Problem: problem}
	}
	switch {
	case at < 0:
		return refuse("the account has no such pipeline")
	case all[at].Archived:
		return refuse("the pipeline is archived")
	case !closedStage(l.o.StatusID) && !slices.Contains(all[at].Stages, l.o.StatusID):
		return refuse("the pipeline has no such stage")
	}
	return nil
}
