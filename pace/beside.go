package pace

import (
	"context"
	"sync"
	"time"
)

// besideAfter is how long a call may take before another question is asked beside it:
// after so long it has failed often enough for the transport to give it up.
const besideAfter = 20 * time.Second

// Beside makes a call that only asks, and while it lasts puts another, harmless
// question now and then. The transport waits out an outage, and takes it for one when
// all that is under way fails, be it one question alone: an answer to another tells it
// better. The priority is the other question's place in the queue. It should be
// another than the call's, so that neither can keep the other from being asked.
func Beside(ctx context.Context, p Priority, ask, call func(context.Context) error) error {
	aside, done := context.WithCancel(WithPriority(ctx, p))
	var asking sync.WaitGroup
	defer asking.Wait()
	defer done()
	asking.Go(func() {
		for Sleep(aside, besideAfter) == nil {
			_ = ask(aside) // whatever it says is for the transport to see
		}
	})
	return call(ctx)
}
