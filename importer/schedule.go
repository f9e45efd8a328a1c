package importer

import (
	"container/heap"
	"context"
	"sync"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/sourcegraph/conc"
)

// replay prepares and replays conversations, the longest first. Both
// go on side by side, since the two APIs have budgets of their own; preparing
// stays a bounded way ahead.
func (r *run) replay(ctx context.Context, works []ledger.Work) error {
	var planned, doubts int64
	for _, w := range works {
		planned += w.Planned
		if w.Doubt {
			doubts++
		}
	}
	if doubts > 0 {
		r.Log.Info().Int64("requests", doubts).Stringer("settle_time", r.settleTime()).
			Msg("an earlier run left requests without an answer; what did not arrive is sent again after the settle time")
	}
	r.Progress.count(func(f *Figures) { f.Planned, f.Held = planned+f.settled(), 0 })
	r.Log.Info().Int("conversations", len(works)).Int64("messages", planned).Msg("replaying")

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	q := newQueue(works, r.PrepareAhead)
	defer context.AfterFunc(ctx, q.wake)()
	r.idle = q.drained

	var all conc.WaitGroup
	all.Go(func() {
		defer q.close()
		if err := r.prepare(ctx, q); err != nil {
			cancel(err)
		}
	})
	for {
		// The slot is taken when there is something to take it for, and the longest
		// conversation is chosen when there is a slot.
		slot := &slot{slots: r.slots}
		if !q.await(ctx) || !slot.take(ctx) {
			break
		}
		work := q.next()
		r.busy.Add(1)
		all.Go(func() {
			defer slot.give()
			defer r.busy.Add(-1)
			r.Progress.count(func(f *Figures) { f.Lanes++ })
			defer r.Progress.count(func(f *Figures) { f.Lanes-- })
			if err := r.replayConversation(ctx, work, slot); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// slot is a lane's right to be under way. A lane that settles a doubt gives it to
// another meanwhile.
type slot struct {
	slots chan struct{}
	held  bool
}

// take waits for a free slot, unless it is held; false when the context ended.
func (s *slot) take(ctx context.Context) bool {
	if s.held {
		return true
	}
	select {
	case <-ctx.Done():
		return false
	case s.slots <- struct{}{}:
		s.held = true
	}
	if ctx.Err() != nil {
		s.give()
	}
	return s.held
}

// give frees the slot, if it is held.
func (s *slot) give() {
	if s.held {
		s.held = false
		<-s.slots
	}
}

// queue holds the conversations that a run works on: those that wait to be
// prepared, and those that are ready for a lane.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	toPrep  []ledger.Work // longest first
	ready   workHeap
	ahead   int // ready ones at which preparing waits
	closed  bool
}

func newQueue(works []ledger.Work, ahead int) *queue {
	q := &queue{ahead: ahead}
	q.changed = sync.NewCond(&q.mu)
	for _, w := range works {
		if w.Ready {
			q.ready = append(q.ready, w)
		} else {
			q.toPrep = append(q.toPrep, w)
		}
	}
	heap.Init(&q.ready)
	return q
}

// await waits until a conversation is ready; false when there will be none.
func (q *queue) await(ctx context.Context) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.ready) == 0 && !q.closed && ctx.Err() == nil {
		q.changed.Wait()
	}
	return len(q.ready) > 0 && ctx.Err() == nil
}

// next takes the longest conversation that is ready. There is one: only one
// goroutine takes.
func (q *queue) next() ledger.Work {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := heap.Pop(&q.ready).(ledger.Work)
	q.changed.Broadcast()
	return w
}

// drained says that nothing is ready and nothing more will be.
func (q *queue) drained() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && len(q.ready) == 0
}

// toPrepare takes the next conversations to prepare, at most n, when lanes are
// near enough to need them. It is empty when there are none left.
func (q *queue) toPrepare(ctx context.Context, n int) []ledger.Work {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.toPrep) > 0 && len(q.ready) >= q.ahead && ctx.Err() == nil {
		q.changed.Wait()
	}
	if ctx.Err() != nil {
		return nil
	}
	n = min(n, len(q.toPrep))
	batch := q.toPrep[:n]
	q.toPrep = q.toPrep[n:]
	return batch
}

// add makes a prepared conversation ready for a lane.
func (q *queue) add(w ledger.Work) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w.Ready = true
	heap.Push(&q.ready, w)
	q.changed.Broadcast()
}

// close says that no more will be added.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
}

func (q *queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.changed.Broadcast()
}

// workHeap has the longest conversation on top.
type workHeap []ledger.Work

func (h workHeap) Len() int { return len(h) }
func (h workHeap) Less(i, j int) bool {
	return h[i].Planned > h[j].Planned || h[i].Planned == h[j].Planned && h[i].ID < h[j].ID
}
func (h workHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *workHeap) Push(x any)   { *h = append(*h, x.(ledger.Work)) }
func (h *workHeap) Pop() any {
	old := *h
	w := old[len(old)-1]
	*h = old[:len(old)-1]
	return w
}
