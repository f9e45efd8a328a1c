package importer_test

import (
	"testing"
	"time"

	"github.com/amoimport/amoimport/sandbox"
)

// TestUnreadableAnswersPass: for an hour all answers to questions break off, or for
// ten minutes they make no sense. The run waits, and goes on by itself.
func TestUnreadableAnswersPass(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]sandbox.Fault{
		"broken off": {To: time.Hour, Effect: sandbox.Effect{Kind: sandbox.Truncated}},
		"no sense":   {To: 10 * time.Minute, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 200, Body: "<html>We are closed</html>"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fault.Name, fault.Method = "questions", "GET"
			bubble(t, legacy(t, 6, 3), sandbox.Options{Faults: []sandbox.Fault{fault}}, func(t *testing.T, r *rig) {
				r.mustRun()
				if s, c := r.snapshot().Messages, r.world.Counters(); s.Sent != 9 || c.Faults["questions"] < 10 {
					t.Errorf("%+v, %d questions failed", s, c.Faults["questions"])
				}
			})
		})
	}
}
