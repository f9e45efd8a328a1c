package verify

import "sync"

// Only an empty page is the documented end of a history. A page with fewer messages
// than asked for is one too, unless a server leaves messages out of a page after
// cutting it. That is tried before it is relied on, and now and then later.
const (
	probesFirst = 50 // chats read to the empty page before a short one is trusted
	probesEvery = 50 // and one in so many later
)

// ends knows whether a short page may be taken as the end.
type ends struct {
	mu     sync.Mutex
	asked  int64
	broken bool
	told   bool // that it is
}

// trusted says whether a chat's short page may be taken as its end. It counts chats.
func (e *ends) trusted() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	return !e.broken && e.asked > probesFirst && e.asked%probesEvery != 0
}

// distrust takes down that something came after a short page.
func (e *ends) distrust() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.broken = true
}

func (e *ends) distrusted() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.broken
}

// news says, once, that they are distrusted.
func (e *ends) news() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	news := e.broken && !e.told
	e.told = e.broken
	return news
}

// probes is how many of so many chats with short pages are read to the empty page.
func probes(chats int64) int64 {
	return min(chats, probesFirst+max(0, chats-probesFirst)/probesEvery)
}
