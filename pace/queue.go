package pace

import (
	"container/heap"
	"context"
)

// Priority says who goes first. Read-backs go before everything else, since a
// lane stands still until its doubt is settled, but they take every second turn
// at most while others wait: any number of lanes may be settling. Then comes the
// lane with most left, since the longest conversation is the tail of the run;
// then who came first.
//
// Nothing ages: while more important calls keep coming, the others wait. In a
// run that ends by itself: a lane sends one call at a time, so the important
// ones are at most as many as there are lanes, and what is left of each shrinks.
type Priority struct {
	ReadBack bool
	Left     int // messages the caller's lane still has to send
}

type priorityKey struct{}

// WithPriority returns a context whose requests wait with priority p. Without
// it a request has the zero Priority, the last.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

func priorityOf(ctx context.Context) Priority {
	p, _ := ctx.Value(priorityKey{}).(Priority)
	return p
}

// A waiter is one request at the pacer, through all its attempts.
type waiter struct {
	Priority
	arrival uint64        // kept by a repeat: it does not go to the end again
	ready   chan struct{} // closed when it has the turn
	index   int           // in its heap; −1 outside
}

// newWaiter takes a number.
func (p *Pacer) newWaiter(pr Priority) *waiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arrivals++
	return &waiter{Priority: pr, arrival: p.arrivals, index: -1}
}

// queue holds those who wait.
type queue struct {
	readBacks, others waiterHeap
	readBack          bool // the last one popped was a read-back
}

func (q *queue) len() int { return len(q.readBacks) + len(q.others) }

func (q *queue) of(w *waiter) *waiterHeap {
	if w.ReadBack {
		return &q.readBacks
	}
	return &q.others
}

func (q *queue) push(w *waiter) { heap.Push(q.of(w), w) }

// pop takes the one whose turn it is; there is one.
func (q *queue) pop() *waiter {
	q.readBack = len(q.others) == 0 || len(q.readBacks) > 0 && !q.readBack
	if q.readBack {
		return heap.Pop(&q.readBacks).(*waiter)
	}
	return heap.Pop(&q.others).(*waiter)
}

// remove reports whether w was in the queue.
func (q *queue) remove(w *waiter) bool {
	if w.index < 0 {
		return false
	}
	heap.Remove(q.of(w), w.index)
	return true
}

// waiterHeap has the most important waiter first.
type waiterHeap []*waiter

func (h waiterHeap) Len() int { return len(h) }

func (h waiterHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	switch {
	case a.Left != b.Left:
		return a.Left > b.Left
	default:
		return a.arrival < b.arrival
	}
}

func (h waiterHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *waiterHeap) Push(x any) {
	w := x.(*waiter)
	w.index = len(*h)
	*h = append(*h, w)
}

func (h *waiterHeap) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	w.index = -1
	return w
}
