package dryrun

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/identity"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
	"github.com/sourcegraph/conc/pool"
)

// People finds contacts, and changes nothing. An *importer.Live is one.
type People interface {
	FindContact(ctx context.Context, p importer.Person) (importer.Match, error)
	// Expect says for how many people contacts will be looked for from now on.
	Expect(ctx context.Context, people int64) error
	// Lookups is how many requests looking for so many takes, in the way that Expect
	// has chosen.
	Lookups(people int64) int64
	// OldestLead tells when the oldest lead of a contact was created; the zero time:
	// it has none.
	OldestLead(ctx context.Context, contact int64) (time.Time, error)
}

// shownBefore is how long before a lead was created its card begins to show chats.
const shownBefore = 24 * time.Hour

// key is a hash by which people are told apart; zero: there is none.
type key [16]byte

// client is somebody of the legacy database.
type client struct {
	phone, email key
	person       int32
}

// person is one or several clients who share a phone or an e-mail.
type person struct {
	chat             int32 // of the first conversation of which something would be sent; -1: there is none
	byPhone, byEmail bool
	parked           *compose.Refusal // why there is no contact; nil: there is, or will be
	horizon          time.Time        // of what cards show, for a contact with leads
}

func (d *survey) key(kind, value string) key {
	if value == "" {
		return key{}
	}
	return identity.Hash(d.PersonKey, kind, value)
}

// census reads all conversations and tells people apart: by phone, else by e-mail,
// else each client is one. What more clients share than may is nobody's.
func (d *survey) census(ctx context.Context) error {
	d.chats, d.people = nil, nil
	d.total = tally{}
	var clients []client
	byID := make(map[key]int32)
	for c, err := range d.Source.Conversations(ctx) {
		if err != nil {
			return err
		}
		keys := identity.Normalize(d.Region, c.ClientPhone, c.ClientEmail)
		phone, email := d.key("phone", keys.Phone), d.key("email", keys.Email)
		id := d.key("client", compose.ClientOf(c))
		i, known := byID[id]
		if !known {
			i = int32(len(clients))
			byID[id] = i
			clients = append(clients, client{})
			if c.ClientPhone != "" && phone == (key{}) {
				d.total.unreadablePhones++
			}
			if c.ClientEmail != "" && email == (key{}) {
				d.total.unreadableEmails++
			}
		}
		clients[i].phone, clients[i].email = oneOf(clients[i].phone, phone), oneOf(clients[i].email, email)
		d.chats = append(d.chats, chat{id: c.ID, person: i})
		if len(d.chats)%10000 == 0 {
			d.Progress("conversations", int64(len(d.chats)))
		}
	}
	clear(byID)
	users := make(map[key]int, len(clients)) // of a phone or an e-mail
	for _, c := range clients {
		users[c.phone]++
		users[c.email]++
	}
	persons := byID
	for i := range clients {
		c := &clients[i]
		own := key{}
		for _, k := range []key{c.phone, c.email} {
			if k != (key{}) && users[k] > d.SharedMax {
				d.total.shared++
			} else if own == (key{}) {
				own = k
			}
		}
		p, known := persons[own]
		if !known || own == (key{}) {
			p = int32(len(d.people))
			d.people = append(d.people, person{chat: -1,
				byPhone: c.phone != (key{}) && users[c.phone] <= d.SharedMax,
				byEmail: c.email != (key{}) && users[c.email] <= d.SharedMax})
			if own != (key{}) {
				persons[own] = p
			}
		}
		c.person = p
	}
	for i := range d.chats {
		d.chats[i].person = clients[d.chats[i].person].person
	}
	d.total.clients = int64(len(clients))
	return nil
}

// oneOf keeps the lesser of two keys that are there, whatever order they come in.
func oneOf(a, b key) key {
	switch {
	case a == (key{}):
		return b
	case b == (key{}) || string(a[:]) <= string(b[:]):
		return a
	}
	return b
}

// lookers is how many people are looked for at a time.
const lookers = 8

// lookUp looks for the contacts of all people.
func (d *survey) lookUp(ctx context.Context) error {
	var wanted []*person // who has something to be sent
	for i, c := range d.chats {
		if p := &d.people[c.person]; p.chat < 0 && c.parts > 0 {
			p.chat = int32(i)
			wanted = append(wanted, p)
		}
	}
	d.total.people = int64(len(wanted))
	d.total.lookups = d.total.people
	if d.People == nil {
		return nil
	}
	if err := d.People.Expect(ctx, d.total.people); err != nil {
		return err
	}
	d.total.lookups = d.People.Lookups(d.total.people)
	for first := 0; first < len(wanted); first += batchConversations {
		batch := wanted[first:min(first+batchConversations, len(wanted))]
		rows := make(map[source.ConversationID]source.Conversation, len(batch))
		ids := make([]source.ConversationID, len(batch))
		for i, p := range batch {
			ids[i] = d.chats[p.chat].id
		}
		for c, err := range d.Source.Conversations(ctx, ids...) {
			if err != nil {
				return err
			}
			rows[c.ID] = c
		}
		var mu sync.Mutex
		look := pool.New().WithMaxGoroutines(lookers).WithContext(ctx).WithCancelOnError().WithFirstError()
		for _, p := range batch {
			row, there := rows[d.chats[p.chat].id]
			if !there {
				continue // deleted since
			}
			look.Go(func(ctx context.Context) error {
				how, match, err := d.lookFor(ctx, p, row)
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				d.total.contact(how)
				if match.Fitting != nil {
					d.ambiguous = append(d.ambiguous, Ambiguous{Client: compose.ClientOf(row), Contacts: match.Fitting, Taken: match.ContactID})
				}
				d.Progress("contacts", d.total.contacts())
				return nil
			})
		}
		if err := look.Wait(); err != nil {
			return err
		}
	}
	return d.People.Expect(ctx, 0)
}

// lookFor looks for the contact of one person.
func (d *survey) lookFor(ctx context.Context, p *person, row source.Conversation) (string, importer.Match, error) {
	match, err := d.People.FindContact(ctx, importer.Person{
		ClientID: compose.ClientOf(row), Phone: row.ClientPhone, Email: row.ClientEmail, ByPhone: p.byPhone, ByEmail: p.byEmail,
	})
	var ambiguous *importer.AmbiguousError
	var refused *importer.RefusedError
	switch {
	case errors.As(err, &ambiguous):
		p.parked = &compose.Refusal{Code: outcome.ContactAmbiguous}
		return string(outcome.ContactAmbiguous), importer.Match{Fitting: ambiguous.Contacts}, nil
	case errors.As(err, &refused):
		p.parked = &compose.Refusal{Code: outcome.ContactRejected}
		return string(outcome.ContactRejected), match, nil
	case err != nil:
		return "", match, err
	case match.ContactID == 0:
		return string(ledger.Created), match, nil
	}
	oldest, err := d.People.OldestLead(ctx, match.ContactID)
	if err == nil && !oldest.IsZero() {
		p.horizon = oldest.Add(-shownBefore)
	}
	return string(match.How), match, err
}
