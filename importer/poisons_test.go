package importer_test

import (
	"context"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
)

// TestTwoPoisons: two conversations, each at a message that always gets a 500, and
// nobody else left. Reading works, so it is no outage, and neither may wait for
// the other to succeed: the run must end.
func TestTwoPoisons(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3, 3), sandbox.Options{Faults: []sandbox.Fault{
		{API: sandbox.Amojo, Method: "POST", Contains: `"imp1-c1-m2"`, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 500}},
		{API: sandbox.Amojo, Method: "POST", Contains: `"imp1-c2-m2"`, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 500}}}})
	r.options.SettleTime = 50 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := r.run(ctx); err != nil {
		t.Fatalf("%v; %+v", err, r.progress.Figures())
	}
	r.complete()
	for _, c := range []source.ConversationID{"c1", "c2"} {
		if got := r.messages(c)["m2"]; got.outcome != "parked" || got.reason != string(outcome.ServerError) {
			t.Errorf("m2 of %s is %+v", c, got)
		}
	}
}
