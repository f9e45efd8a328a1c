package sandbox

import (
	"maps"
	"slices"
	"strings"
)

// Counters are what the world counted since it began.
type Counters struct {
	Requests     map[string]int `json:"requests"`       // by method and pattern, such as "POST /api/v4/contacts"
	Answers      map[int]int    `json:"answers"`        // by status
	MaxPerSecond map[API]int    `json:"max_per_second"` // most requests that came in any sliding second
	TooMany      map[API]int    `json:"too_many"`       // 429s
	Blocks       int            `json:"blocks"`         // times a client earned the block
	Blocked      int            `json:"blocked"`        // requests answered with the plain-text 403
	Refused      int            `json:"refused"`        // connections refused by a fault
	Withdrawn    int            `json:"withdrawn"`      // requests whose client went away first
	AppliedLate  int            `json:"applied_late"`   // requests that took effect after their attempt's end
	PendingLate  int            `json:"pending_late"`   // and those that still will
	Faults       map[string]int `json:"faults"`         // hits by fault name

	BadSignatures  int `json:"bad_signatures"`
	Connects       int `json:"connects"`
	Renames        int `json:"renames"` // connects that gave the channel another title
	ChatsCreated   int `json:"chats_created"`
	ChatsByMessage int `json:"chats_by_message"` // made by a message to an unknown conversation
	Messages       int `json:"messages"`         // stored, copies included
	Repeats        int `json:"repeats"`          // messages that came with a known msgid
	Notifications  int `json:"notifications"`    // non-silent messages
	Unsorted       int `json:"unsorted"`         // incoming leads that non-silent messages made
	Reactions      int `json:"reactions"`
	LinksMade      int `json:"links_made"`
	Moves          int `json:"moves"`   // chats linked away from another contact
	Surveys        int `json:"surveys"` // talks closed without force_close: the NPS bot writes to the client
	TokensIssued   int `json:"tokens_issued"`

	Violations []string `json:"violations,omitempty"` // writes that FailOnWrite refused
}

func (w *World) readyCounters() {
	w.counters.Requests, w.counters.Answers, w.counters.Faults = map[string]int{}, map[int]int{}, map[string]int{}
	w.counters.MaxPerSecond, w.counters.TooMany = map[API]int{}, map[API]int{}
}

// Counters returns a copy of the counters.
func (w *World) Counters() Counters {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.applyLate()
	return w.copyCounters()
}

func (w *World) copyCounters() Counters {
	c := w.counters
	c.PendingLate = len(w.late)
	c.Requests, c.Answers, c.Faults = maps.Clone(c.Requests), maps.Clone(c.Answers), maps.Clone(c.Faults)
	c.MaxPerSecond, c.TooMany = maps.Clone(c.MaxPerSecond), maps.Clone(c.TooMany)
	c.Violations = slices.Clone(c.Violations)
	return c
}

// Request is one request of the log.
type Request struct {
	Method string
	Path   string
	Query  string
	Body   string
	Status int // 0: no answer was sent
}

// Requests returns all requests so far, in order of arrival, if Options.Record is set.
func (w *World) Requests() []Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.log)
}

// count notes that a request came. The caller holds the lock.
func (w *World) count(rq *request) {
	w.counters.Requests[rq.name()]++
	if w.o.Record {
		rq.logged = len(w.log) + 1
		w.log = append(w.log, Request{Method: rq.method, Path: rq.url.EscapedPath(), Query: rq.url.RawQuery, Body: string(rq.body)})
	}
}

// refuse notes why a request was refused; the page shows the last ones.
func (w *World) refuse(rq *request, out *reply) {
	const most = 50
	w.refusals = append(w.refusals, strings.Join([]string{rq.name(), out.reason}, ": "))
	if len(w.refusals) > most {
		w.refusals = slices.Delete(w.refusals, 0, len(w.refusals)-most)
	}
}

// Message is a stored message.
type Message struct {
	ID           string // amojo's
	MsgID        string // ours; empty for a foreign message
	TimeMsec     int64
	Type         string
	Text         string
	Media        string
	FileName     string
	FileSize     int64
	Duration     int64 // seconds
	StickerID    string
	Lon, Lat     float64
	ContactName  string
	ContactPhone string
	Sender       Party
	Receiver     Party  // zero on incoming messages
	ReplyTo      string // amojo's id of the quoted message
	ReplyToMsgID string // ours
	Source       string // source.external_id
	Silent       bool
	Visible      bool // history shows it by now
	Arrival      int  // place in the order of acceptance over the whole world, from 1
	Copies       int  // messages stored with this msgid
	Repeats      int  // times the msgid came again
	Edits        int
	Status       int // delivery status: 0 none, 1 delivered, 2 read, -1 failed
}

// Party is an author or a reader of a message.
type Party struct {
	ID    string // ours, as it was sent
	RefID string // amojo's
	Name  string
	Phone string
	Email string
}

// Chat is a chat with its messages in order of time.
type Chat struct {
	ID             string // amojo's
	ConversationID string // ours
	Client         Party
	ContactID      int  // 0 when not linked
	ByMessage      bool // made by a message, not by a call
	Source         string
	TalkIDs        []int
	Messages       []Message
}

// Contact is a contact of API v4.
type Contact struct {
	ID            int
	Name          string
	CreatedAt     int64
	UpdatedAt     int64
	ResponsibleID int
	Values        map[string][]string // values by field code, or by field id where there is none
	Tags          []string
	ChatIDs       []string
	LeadIDs       []int
	Deleted       bool
	ByMessage     bool // made by a non-silent message
}

// Lead is a lead of API v4.
type Lead struct {
	ID         int
	Name       string
	StatusID   int
	PipelineID int
	CreatedAt  int64
	ClosedAt   int64
	ContactIDs []int
	Unsorted   bool
}

// Talk is a unit of work over a chat.
type Talk struct {
	ID       int
	ChatID   string
	Messages int
	Open     bool
	Forced   bool // closed with force_close
}

// Move is a chat that was linked away from one contact to another.
type Move struct {
	ChatID   string
	From, To int
}

// Snapshot is the whole world at one moment.
type Snapshot struct {
	ChannelTitle string
	Connected    bool
	Chats        []Chat // in order of making
	Contacts     []Contact
	Leads        []Lead
	Talks        []Talk
	Moves        []Move
	Counters     Counters
}

// Snapshot copies the whole world.
func (w *World) Snapshot() Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.applyLate()
	s := Snapshot{
		ChannelTitle: w.channel.title, Connected: w.channel.connected,
		Moves: slices.Clone(w.moves), Counters: w.copyCounters(),
	}
	for _, c := range w.chats {
		s.Chats = append(s.Chats, w.copyChat(c))
	}
	for _, c := range w.contacts {
		s.Contacts = append(s.Contacts, w.copyContact(c))
	}
	for _, l := range w.leads {
		s.Leads = append(s.Leads, l.copy())
	}
	for _, t := range w.talks {
		s.Talks = append(s.Talks, t.copy(w))
	}
	return s
}

// Chat returns the chat of one of our conversations.
func (w *World) Chat(conversationID string) (Chat, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.applyLate()
	c, ok := w.byConv[conversationID]
	if !ok {
		return Chat{}, false
	}
	return w.copyChat(c), true
}
