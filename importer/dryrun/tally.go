package dryrun

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

// tally counts what would become of messages. The zero tally is empty.
type tally struct {
	messages, chats int64
	parts           int64
	marks           int64 // parts that managers or the bot would speak
	hidden          int64 // would be sent, and no card shows them
	future          int64 // would be sent with a time that is still to come
	held            int64 // would be sent, once what is parked before it in its conversation is decided
	asked           int64 // files for whose name or size a server would be asked
	clients, people int64
	lookups         int64 // requests that looking for people's contacts takes
	shared          int64 // phones and e-mails of clients that too many share

	unreadablePhones, unreadableEmails int64 // of clients

	oldest, newest time.Time // of what would be sent; as seen first, where it is read again

	reasons  map[reason]*count
	kinds    map[source.Kind]int64
	hosts    map[string]int64 // scheme and host of attachments
	sample   []string         // URLs of attachments to look at
	managers map[string]int64 // messages by legacy manager for whom the bot speaks
	found    map[string]int64 // people by how their contact is found
}

// reason is why something is not moved as it is. Some have a detail that tells
// apart what a person has to mend.
type reason struct {
	code   outcome.Code
	detail string
}

// count is how often something is so, with examples.
type count struct {
	n        int64
	examples []Example
}

// Example names a message.
type Example struct {
	Conversation string `json:"conversation"`
	Message      string `json:"message"`
}

// maxExamples is how many messages are named for a reason.
const maxExamples = 3

// maxDetails bounds the different details of reasons; what comes after has none.
const maxDetails = 1000

// count counts n messages with a reason, of which one is named.
func (t *tally) count(code outcome.Code, conversation, message, detail string, n int64) {
	if t.reasons == nil {
		t.reasons = make(map[reason]*count)
	}
	why := reason{code, detail}
	c := t.reasons[why]
	if c == nil && len(t.reasons) >= maxDetails {
		why.detail = ""
		c = t.reasons[why]
	}
	if c == nil {
		c = &count{}
		t.reasons[why] = c
	}
	c.n += n
	if len(c.examples) < maxExamples {
		c.examples = append(c.examples, Example{conversation, message})
	}
}

// sent counts a message that would be sent.
func (t *tally) sent(m source.Message, made compose.Composed, bot bool, now time.Time) {
	t.span(m.SentAt, m.SentAt)
	if m.SentAt.After(now) {
		t.future++
	}
	t.parts += int64(len(made.Parts))
	if made.Parts[0].Sender.RefID != "" {
		t.marks += int64(len(made.Parts))
	}
	add(&t.kinds, source.Kind(made.Parts[0].Content.Type), 1)
	for _, note := range made.Notes {
		t.count(note, string(m.Conversation), m.ID, "", 1)
	}
	if m.Direction == source.Out && bot {
		add(&t.managers, m.ManagerID, 1)
	}
}

// span widens the times of what would be sent.
func (t *tally) span(oldest, newest time.Time) {
	if t.oldest.IsZero() || !oldest.IsZero() && oldest.Before(t.oldest) {
		t.oldest = oldest
	}
	if newest.After(t.newest) {
		t.newest = newest
	}
}

// samplesOfHost is how many files of a host are looked at, samples of how many in all.
const (
	samplesOfHost = 5
	samples       = 100
)

// file counts a file, and keeps some of their URLs for a look.
func (t *tally) file(raw string, sample bool) {
	host := origin(raw)
	add(&t.hosts, host, 1)
	if sample && t.hosts[host] <= samplesOfHost && len(t.sample) < samples {
		t.sample = append(t.sample, raw)
	}
}

// contact counts a person by how the contact is found.
func (t *tally) contact(how string) { add(&t.found, how, 1) }

func (t *tally) contacts() (n int64) {
	for _, one := range t.found {
		n += one
	}
	return n
}

// maxHosts bounds the different hosts that are told apart.
const maxHosts = 1000

// origin is the scheme and host of a URL, which may hold secrets elsewhere.
func origin(raw string) string {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Host == "" {
		return "no URL"
	}
	return u.Scheme + "://" + u.Host
}

// add adds n to an entry of a map that may be nil.
func add[K comparable](m *map[K]int64, k K, n int64) {
	if *m == nil {
		*m = make(map[K]int64)
	}
	(*m)[k] += n
}

// subtract takes back what another tally counted of messages, but for the files that
// were chosen for a look.
func (t *tally) subtract(o *tally) {
	t.messages -= o.messages
	t.chats -= o.chats
	t.parts -= o.parts
	t.marks -= o.marks
	t.hidden -= o.hidden
	t.future -= o.future
	t.held -= o.held
	t.asked -= o.asked
	for why, c := range o.reasons {
		if have := t.reasons[why]; have != nil {
			have.n -= c.n
			have.examples = slices.DeleteFunc(have.examples, func(e Example) bool { return slices.Contains(c.examples, e) })
			if have.n == 0 {
				delete(t.reasons, why)
			}
		}
	}
	less(t.kinds, o.kinds)
	less(t.hosts, o.hosts)
	less(t.managers, o.managers)
}

func less[K comparable](from, by map[K]int64) {
	for k, n := range by {
		if from[k] -= n; from[k] <= 0 {
			delete(from, k)
		}
	}
}

// add takes what another tally counted of messages.
func (t *tally) add(o *tally) {
	t.messages += o.messages
	t.chats += o.chats
	t.parts += o.parts
	t.marks += o.marks
	t.hidden += o.hidden
	t.future += o.future
	t.held += o.held
	t.span(o.oldest, o.newest)
	t.asked += o.asked
	for _, raw := range o.sample {
		if t.hosts[origin(raw)] < samplesOfHost && len(t.sample) < samples {
			t.sample = append(t.sample, raw)
		}
	}
	for why, c := range o.reasons {
		for i, e := range c.examples {
			n := int64(0)
			if i == 0 {
				n = c.n
			}
			t.count(why.code, e.Conversation, e.Message, why.detail, n)
		}
	}
	for k, n := range o.kinds {
		add(&t.kinds, k, n)
	}
	for k, n := range o.hosts {
		if len(t.hosts) >= maxHosts && t.hosts[k] == 0 {
			k = "others"
		}
		add(&t.hosts, k, n)
	}
	for k, n := range o.managers {
		add(&t.managers, k, n)
	}
}
