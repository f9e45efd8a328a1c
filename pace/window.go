package pace

import "time"

// window remembers the last departures, up to size of them.
type window struct {
	size  int
	times []time.Time // oldest first
}

func (w *window) add(t time.Time) {
	w.times = append(w.times, t)
	if len(w.times) >= 2*w.size { // copy down now and then, not at each departure
		w.resize(w.size)
	}
}

func (w *window) resize(size int) {
	w.size = size
	if drop := len(w.times) - size; drop > 0 {
		w.times = append(w.times[:0], w.times[drop:]...)
	}
}

// earliest is when a further departure no longer makes size+1 of them within
// span; the zero time when it may be at once.
func (w *window) earliest(span time.Duration) time.Time {
	if len(w.times) < w.size {
		return time.Time{}
	}
	return w.times[len(w.times)-w.size].Add(span)
}
