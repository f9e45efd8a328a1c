// Package sandbox is a small amoCRM (or Kommo) to try an import against: one world of accounts, contacts, chats and
// messages behind both fake APIs, the chats API ("amojo") and API v4. It is as strict as the vendor's pages say,
// can play every behaviour they leave open, and can fail on purpose.
//
// A World is an http.Handler; Start serves it on a socket, Transport without one. The path decides which API a
// request is for: /v2/origin/custom/ is amojo, /api/v4/ and /oauth2/ API v4, and everything else a page to look at
// the world.
package sandbox

import (
	"sync"
	"time"
)

// World is the whole state behind both APIs. Its methods may be called at the same time as requests are served.
type World struct {
	routes []route

	mu      sync.Mutex
	o       Options
	began   time.Time
	lastID  int
	lastReq int

	users   map[int]*User
	channel channelState
	parties map[partyKey]*party
	chats   []*chat
	byConv  map[string]*chat
	byChat  map[uuid]*chat

	arrivals []*message // in order of acceptance
	byMsgID  map[string]*message
	byUUID   map[uuid]*message
	late     []lateRequest // to be applied after their attempt ended
	strings  map[string]string

	contacts  []*contact // by rising id
	contactOf map[int]*contact
	leads     []*lead
	leadOf    map[int]*lead
	unsorted  []*unsorted
	talks     []*talk
	talkOf    map[int]*talk
	talkLog   []talkEvent
	moves     []Move

	tokens    map[string]*accessToken
	refreshes map[string]*refreshToken
	codes     map[string]time.Time

	gates    map[API]*gate
	faults   []*Scripted
	counters Counters
	log      []Request
	refusals []string
}

// New makes a world.
func New(o Options) *World {
	w := &World{
		o:         o.WithDefaults(),
		parties:   map[partyKey]*party{},
		byConv:    map[string]*chat{},
		byChat:    map[uuid]*chat{},
		byMsgID:   map[string]*message{},
		byUUID:    map[uuid]*message{},
		strings:   map[string]string{},
		contactOf: map[int]*contact{},
		leadOf:    map[int]*lead{},
		talkOf:    map[int]*talk{},
		tokens:    map[string]*accessToken{},
		refreshes: map[string]*refreshToken{},
		codes:     map[string]time.Time{},
		gates:     map[API]*gate{Amojo: {}, APIv4: {}},
		lastID:    1_000_000,
	}
	w.routes = routes()
	w.readyCounters()
	w.began = w.now()
	w.channel = channelState{title: w.o.Channel.Title, connected: !w.o.Disconnected}
	w.readOptions()
	w.codes[w.o.OAuth.Code] = w.began
	w.refreshes[w.o.OAuth.RefreshToken] = &refreshToken{}
	for _, f := range w.o.Faults {
		w.addFault(f)
	}
	return w
}

// Options returns the options of the world with every default filled in: all that a client needs to know.
func (w *World) Options() Options {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.o
}

// ScopeID returns the scope of the channel in the account: "<channel id>_<account amojo id>".
func (w *World) ScopeID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.scope()
}

func (w *World) scope() string { return w.o.Channel.ID + "_" + w.o.Account.AmojoID }

// Change changes how the world behaves from now on. What the options started with (faults, the first tokens, the
// order of history) is not started again.
func (w *World) Change(edit func(*Options)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	order := w.o.HistoryOrder
	edit(&w.o)
	w.o = w.o.WithDefaults()
	w.o.HistoryOrder = order
	w.readOptions()
}

// readOptions makes the indexes that only depend on the options.
func (w *World) readOptions() {
	w.users = map[int]*User{}
	for i := range w.o.Users {
		w.users[w.o.Users[i].ID] = &w.o.Users[i]
	}
	for _, t := range []struct {
		token string
		admin bool
	}{{w.o.Token, true}, {w.o.TokenOfManager, false}} {
		if w.tokens[t.token] == nil {
			w.tokens[t.token] = &accessToken{admin: t.admin}
		}
	}
}

func (w *World) now() time.Time {
	if w.o.Now != nil {
		return w.o.Now()
	}
	return time.Now()
}

// serverTime is what the server believes the time to be.
func (w *World) serverTime() time.Time { return w.now().Add(w.o.ClockOffset) }

func (w *World) nextID() int {
	w.lastID++
	return w.lastID
}

// intern keeps one copy of a string that many messages share.
func (w *World) intern(s string) string {
	if kept, ok := w.strings[s]; ok {
		return kept
	}
	w.strings[s] = s
	return s
}
