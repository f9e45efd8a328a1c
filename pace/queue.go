package pace

import (
	"container/heap"
	"context"
)

// Priority says who goes first. Read-backs go before everything else, since a
// lane stands still until its doubt is settled; then the lane with most left,
// since the longest conversation is the tail of the run; then who came first.
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
	index   int           // in the queue; −1 outside
}

// newWaiter takes a number.
func (p *Pacer) newWaiter(pr Priority) *waiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arrivals++
	return &waiter{Priority: pr, arrival: p.arrivals, index: -1}
}

// queue is a heap of waiters, the most important first.
type queue []*waiter

func (q *queue) push(w *waiter) { heap.Push((*waiterHeap)(q), w) }
func (q *queue) pop() *waiter   { return heap.Pop((*waiterHeap)(q)).(*waiter) }

// remove reports whether w was in the queue.
func (q *queue) remove(w *waiter) bool {
	if w.index < 0 {
		return false
	}
	heap.Remove((*waiterHeap)(q), w.index)
	return true
}

type waiterHeap []*waiter

func (h waiterHeap) Len() int { return len(h) }

func (h waiterHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	switch {
	case a.ReadBack != b.ReadBack:
		return a.ReadBack
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
