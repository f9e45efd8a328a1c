package demodata

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

const (
	// LongConversation is the conversation with the most messages.
	LongConversation = "odd-long"
	longestMessages  = 2500

	ordinaryConversations = 275
)

// world is the whole legacy database before it is loaded.
type world struct {
	managers      []manager
	conversations []conversation
	messages      []message
	expectations  []Expectation

	rng    *rand.Rand
	nextID int
}

// build makes the database: always the same one, whatever day it is.
func build(opts Options) *world {
	w := &world{rng: rand.New(rand.NewPCG(2019, 2024)), nextID: 100_000}
	w.addManagers(opts.ManagerEmails)
	for i := range ordinaryConversations {
		w.addOrdinary(i)
	}
	w.addLong()
	w.addOdd()
	return w
}

// Ids of managers with something special about them.
const (
	managerWithoutMatch = "mgr-5" // nobody in amoCRM has this address
	managerWithoutEmail = "mgr-6"
	managerOfExample    = "sk-e1982bb8-bdf1-4fa5-841d-7d5cebd77f7b"
)

func (w *world) addManagers(emails []string) {
	w.managers = []manager{
		{"mgr-1", "Анна Соколова", "anna@example.com"},
		{"mgr-2", "Борис Ершов", "boris@example.com"},
		{"mgr-3", "Vera Novak", "vera@example.com"},
		{"mgr-4", "Gleb Frost", "gleb@example.com"},
		{managerWithoutMatch, "Дарья Прежняя", "darya.left@example.net"},
		{managerWithoutEmail, "Егор Безпочтовый", ""},
		{managerOfExample, "Менеджер Василий", "vasily@example.com"},
	}
	for i, email := range emails {
		if i < len(w.managers) {
			w.managers[i].email = email
		}
	}
}

// id is the next id of an ordinary message; the legacy system counted them all
// in one sequence.
func (w *world) id() string {
	w.nextID++
	return fmt.Sprint(w.nextID)
}

// add puts a message into the database.
func (w *world) add(m message) { w.messages = append(w.messages, m) }

// addOrdinary makes a conversation without surprises: some visits to the shop's
// chat over some weeks.
func (w *world) addOrdinary(i int) {
	lang := russian
	if w.rng.IntN(100) < 30 {
		lang = english
	}
	c := conversation{
		id:       fmt.Sprintf("c%04d", i+1),
		clientID: fmt.Sprintf("u%04d", i+1),
		name:     lang.name(w.rng),
		phone:    fmt.Sprintf("+7900%07d", 5_550_000+i),
		closed:   w.rng.IntN(100) < 60,
	}
	switch i % 10 {
	case 3: // knows the address only
		c.phone, c.email = "", fmt.Sprintf("client%04d@example.org", i+1)
	case 5:
		c.email = fmt.Sprintf("client%04d@example.org", i+1)
	case 7:
		c.avatar = fmt.Sprintf("https://files.example.com/avatars/%04d.png", i+1)
		c.profile = fmt.Sprintf("https://shop.example.com/clients/%d", i+1)
	case 9: // known by name only
		c.phone = ""
	}
	switch i % 6 {
	case 1:
		c.source = "telegram-shop"
	case 4:
		c.source = "site-widget"
	}
	w.conversations = append(w.conversations, c)

	// Most conversations are short, some go on and on.
	visits := 1 + w.rng.IntN(2)
	if w.rng.IntN(8) == 0 {
		visits += 5 + w.rng.IntN(8)
	}
	at := time.Date(2019, 1, 9, 9, 0, 0, 0, time.UTC).Add(time.Duration(w.rng.IntN(4*365*24)) * time.Hour)
	for range visits {
		at = w.addVisit(c.id, lang, at, w.ordinaryManager(), math.MaxInt)
		at = at.Add(time.Duration(20+w.rng.IntN(700)) * time.Hour)
	}
}

// ordinaryManager is mostly one who has a user in amoCRM.
func (w *world) ordinaryManager() string {
	return w.managers[[]int{0, 0, 0, 1, 1, 1, 2, 3, 4}[w.rng.IntN(9)]].id
}

// addLong makes the longest conversation: a wholesale client who never stops.
func (w *world) addLong() {
	w.conversations = append(w.conversations, conversation{
		id: LongConversation, clientID: "odd-long-client", name: "ООО «Ромашка», отдел закупок",
		phone: "+79005540001", email: "zakupki@example.org", source: "telegram-shop",
	})
	at := time.Date(2019, 2, 4, 6, 0, 0, 0, time.UTC)
	left := longestMessages
	for left > 0 {
		before := len(w.messages)
		at = w.addVisit(LongConversation, russian, at, w.ordinaryManager(), left)
		at = at.Add(time.Duration(4+w.rng.IntN(10)) * time.Hour)
		left -= len(w.messages) - before
	}
}

// addVisit adds one visit of a client of at most limit messages, and returns
// the time of its end.
func (w *world) addVisit(conversation string, lang *language, at time.Time, managerID string, limit int) time.Time {
	lines := lang.visit(w.rng)
	first := len(w.messages)
	for i, line := range lines[:min(limit, len(lines))] {
		at = at.Add(time.Duration(3+w.rng.IntN(240))*time.Second + time.Duration(w.rng.IntN(1000))*time.Millisecond)
		m := message{conversation: conversation, id: w.id(), sentAt: at, direction: "in", kind: "text", text: line.text}
		if line.manager {
			m.direction, m.managerID = "out", managerID
		}
		if line.media != "" {
			w.attach(&m, line.media)
		}
		if i > 2 && w.rng.IntN(25) == 0 {
			m.replyTo = w.messages[first+w.rng.IntN(i)].id
		}
		w.add(m)
	}
	return at
}

// attach gives a message a file of that kind.
func (w *world) attach(m *message, kind string) {
	m.kind = kind
	dir := fmt.Sprintf("https://files.example.com/%d/%02d/", m.sentAt.Year(), m.sentAt.Month())
	size := func(from, to int64) *int64 { return new(from + w.rng.Int64N(to-from)) }
	switch kind {
	case "picture":
		m.fileName, m.fileSize = "photo-"+m.id+".jpg", size(40_000, 4_000_000)
	case "file":
		m.fileName, m.fileSize = "invoice-"+m.id+".pdf", size(20_000, 900_000)
	case "video":
		m.fileName, m.fileSize, m.duration = "clip-"+m.id+".mp4", size(900_000, 40_000_000), size(3, 90)
	case "voice":
		m.fileName, m.fileSize, m.duration = "voice-"+m.id+".ogg", size(9_000, 300_000), size(2, 60)
	}
	m.mediaURL = dir + m.fileName
}
