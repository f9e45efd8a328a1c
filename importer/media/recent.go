package media

import "container/list"

// recent keeps what was used last, at most so many values.
type recent[K comparable, V any] struct {
	most  int
	order *list.List // of pair[K, V], the one used last in front
	at    map[K]*list.Element
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](most int) *recent[K, V] {
	return &recent[K, V]{most: most, order: list.New(), at: map[K]*list.Element{}}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	e, ok := r.at[key]
	if !ok {
		var none V
		return none, false
	}
	r.order.MoveToFront(e)
	return e.Value.(pair[K, V]).value, true
}

func (r *recent[K, V]) put(key K, value V) {
	if e, ok := r.at[key]; ok {
		e.Value = pair[K, V]{key, value}
		r.order.MoveToFront(e)
		return
	}
	r.at[key] = r.order.PushFront(pair[K, V]{key, value})
	if oldest := r.order.Back(); r.order.Len() > r.most {
		delete(r.at, r.order.Remove(oldest).(pair[K, V]).key)
	}
}
