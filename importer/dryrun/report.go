package dryrun

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/amoimport/amoimport/importer/media"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

// Report is what a dry run found. Its lists are in a fixed order, so that two reports
// can be compared line by line. It holds no names, phones, e-mails or texts.
type Report struct {
	Conversations int64 `json:"conversations"`
	Chats         int64 `json:"chats"` // conversations of which something would be sent

	Messages Messages              `json:"messages"`
	Kinds    map[source.Kind]int64 `json:"kinds"` // of what would be sent
	Reasons  []Reason              `json:"reasons"`

	Clients Clients `json:"clients"`
	// Ambiguous lists the clients whom several contacts fit.
	Ambiguous []Ambiguous `json:"ambiguous_clients"`
	Managers  []Manager   `json:"managers_without_user"`
	Media     []Origin    `json:"media"`
	Asked     int64       `json:"media_asked"` // files for whose name or size a server would be asked
	Probed    []Probed    `json:"media_probed"`
	Price     Price       `json:"price"`

	Notifications int64 `json:"notifications"` // messages that would notify managers
	Leads         int64 `json:"leads"`         // that the import would make

	Unseen Unseen `json:"unseen"`
	// NotMoved is what amoCRM has no place for.
	NotMoved []string `json:"not_moved"`
}

// Messages counts rows by what would become of them.
type Messages struct {
	Total   int64 `json:"total"`
	Sent    int64 `json:"sent"`
	Parts   int64 `json:"parts"` // messages in amoCRM that those sent would become
	Skipped int64 `json:"skipped"`
	Parked  int64 `json:"parked"`
	// Held is how many of what would be sent wait behind a parked message of their
	// conversation, where run.on_parked is hold, until somebody decides about that one.
	Held int64 `json:"held"`

	// Of what would be sent. Null: nothing would.
	Oldest *time.Time `json:"oldest"`
	Newest *time.Time `json:"newest"`
	Future int64      `json:"future"` // with a time that is still to come
}

// Reason is why rows would be skipped, parked, or sent with a remark.
type Reason struct {
	Outcome  outcome.Outcome `json:"outcome"`
	Code     outcome.Code    `json:"code"`
	Detail   string          `json:"detail,omitempty"`
	Count    int64           `json:"count"`
	Examples []Example       `json:"examples"`
	Short    string          `json:"short"`
	Advice   string          `json:"advice"`
}

// Clients counts those outside, and the contacts that they would have.
type Clients struct {
	Total  int64 `json:"total"`
	People int64 `json:"people"` // to whom something would be sent; clients who share a phone or e-mail are one
	// Contacts is how people's contacts would be found; nil: nobody was looked for.
	Contacts map[string]int64 `json:"contacts"`

	UnreadablePhones int64 `json:"unreadable_phones"` // that identify nobody
	UnreadableEmails int64 `json:"unreadable_emails"`
	Shared           int64 `json:"shared"` // phones and e-mails of more clients than may share one
}

// Ambiguous is a client whom several contacts fit.
type Ambiguous struct {
	Client   string  `json:"client"`   // legacy id
	Contacts []int64 `json:"contacts"` // oldest first
	Taken    int64   `json:"taken"`    // 0: none, as contacts.on_ambiguous wants it
}

// Manager is a legacy manager for whom the channel's bot would speak.
type Manager struct {
	LegacyID string `json:"legacy_id"`
	Messages int64  `json:"messages"`
}

// Origin is where attachments would be fetched from.
type Origin struct {
	Host  string `json:"host"` // with its scheme
	Count int64  `json:"count"`
}

// Probed is what a look at some files of a host found.
type Probed struct {
	Host   string      `json:"host"`
	State  media.State `json:"state"`
	Why    string      `json:"why,omitempty"`
	Files  int64       `json:"files"`
	Ending int64       `json:"ending"` // of them with a URL that says it ends
	// Ends is when the first of those URLs ends; nil: none says when.
	Ends *time.Time `json:"ends,omitempty"`
}

// Unseen is what managers would not find in the cards of amoCRM: a card shows chats
// from 24 hours before its lead was created, and a contact with leads shows none.
type Unseen struct {
	Contacts int64 `json:"contacts"` // found, with leads
	Messages int64 `json:"messages"` // older than what the card of their oldest lead shows
}

// Clean says that nothing would be parked.
func (r *Report) Clean() bool { return r.Messages.Parked == 0 }

func (d *survey) report() *Report {
	t := &d.total
	r := &Report{
		Conversations: int64(len(d.chats)), Chats: t.chats,
		Messages: Messages{Total: t.messages, Parts: t.parts, Held: t.held, Future: t.future, Oldest: at(t.oldest), Newest: at(t.newest)},
		Kinds:    t.kinds,
		Clients: Clients{Total: t.clients, People: t.people, Contacts: t.found,
			UnreadablePhones: t.unreadablePhones, UnreadableEmails: t.unreadableEmails, Shared: t.shared},
		Unseen:   Unseen{Messages: t.hidden},
		NotMoved: []string{"reactions", "earlier versions of edited messages", "who forwarded what from where"},
	}
	if !d.MarkRead {
		r.NotMoved = append(r.NotMoved, "read marks")
	}
	for why, c := range t.reasons {
		known, _ := outcome.Lookup(why.code)
		r.Reasons = append(r.Reasons, Reason{Outcome: known.Outcome, Code: why.code, Detail: why.detail,
			Count: c.n, Examples: sorted(c.examples), Short: known.Short, Advice: known.Advice})
		switch known.Outcome {
		case outcome.Skipped:
			r.Messages.Skipped += c.n
		case outcome.Parked:
			r.Messages.Parked += c.n
		}
	}
	r.Messages.Sent = r.Messages.Total - r.Messages.Skipped - r.Messages.Parked
	slices.SortFunc(r.Reasons, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Detail, b.Detail))
	})
	for _, id := range slices.Sorted(maps.Keys(t.managers)) {
		r.Managers = append(r.Managers, Manager{id, t.managers[id]})
	}
	for _, host := range slices.Sorted(maps.Keys(t.hosts)) {
		r.Media = append(r.Media, Origin{host, t.hosts[host]})
	}
	for _, p := range d.people {
		if !p.horizon.IsZero() {
			r.Unseen.Contacts++
		}
	}
	if d.Announce {
		r.Notifications = t.chats
	}
	slices.SortFunc(d.ambiguous, func(a, b Ambiguous) int { return cmp.Compare(a.Client, b.Client) })
	r.Ambiguous = d.ambiguous
	r.Asked, r.Probed = t.asked, d.probed
	r.Price = d.price()
	return r
}

// at is a time that may be zero: then there is none.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func sorted(examples []Example) []Example {
	slices.SortFunc(examples, func(a, b Example) int {
		return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.Message, b.Message))
	})
	return examples
}
