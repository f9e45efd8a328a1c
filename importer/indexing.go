package importer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/pace"
)

// indexFresh is how long an index counts as up to date: as long as a search index
// may lag. Then the contacts made since are read, which is one request for all
// who are looked for meanwhile.
const indexFresh = time.Minute

// Expect finds out which is cheaper for so many people: a search for each, or
// reading all contacts once into an index. It does the latter at half the set rate.
func (v *Live) Expect(ctx context.Context, people int64) error {
	v.index = nil
	if people == 0 {
		return nil
	}
	list := &contactList{live: v}
	index, err := list.choose(ctx, people)
	switch {
	case err == nil:
		v.index = index
		return nil
	case listless(ctx, err):
		v.Log.Warn().Err(err).Int64("people", people).Msg("the list of contacts cannot be read: they are searched for one by one")
		return nil
	}
	return crmVerdict(err)
}

// Lookups is about how many requests it takes to look for the contacts of so many
// people, in the way that Expect found cheaper.
func (v *Live) Lookups(people int64) int64 {
	if v.index != nil {
		return v.index.requests
	}
	return people
}

// freshIndex is the index, up to date; nil when contacts are searched for.
func (v *Live) freshIndex(ctx context.Context) (*contactIndex, error) {
	x := v.index
	if x == nil {
		return nil, nil
	}
	x.updating.Lock()
	defer x.updating.Unlock()
	switch {
	case x.broken:
		return nil, nil
	case time.Since(x.asked) < indexFresh:
		return x, nil
	}
	asked := time.Now()
	var newer []amocrm.Contact
	err := v.read(ctx, v.contactsAnswer(), func(ctx context.Context) error {
		newer = nil
		return collect(v.CRM.NewestContacts(ctx, x.newest), &newer, func(amocrm.Contact) bool { return true })
	})
	if err != nil && listless(ctx, err) {
		x.broken = true
		v.Log.Warn().Err(err).Msg("the newest contacts cannot be read: from here on contacts are searched for one by one")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, c := range newer {
		v.take(x, c)
	}
	x.asked = asked
	return x, nil
}

// take adds a contact to an index.
func (v *Live) take(x *contactIndex, c amocrm.Contact) {
	if !c.IsDeleted {
		x.add(candidate{c.ID, c.CreatedAt}, v.keysOfContact(c))
	}
}

// errShifts says that no end of the list is in sight.
var errShifts = errors.New("its pages do not follow each other")

// listless says that the list of contacts is at fault, not the account, the token or
// the run: then there is still the search.
func listless(ctx context.Context, err error) bool {
	var unanswered *UnansweredError
	var garbled *amocrm.CallError
	var refused *RefusedError
	return ctx.Err() == nil && !pace.NotSent(err) &&
		(errors.Is(err, errShifts) || errors.As(err, &unanswered) || errors.As(err, &garbled) || errors.As(crmVerdict(err), &refused))
}

// contactList is the list of all contacts, read page by page at half the set rate.
type contactList struct {
	live     *Live
	next     time.Time // for the next page
	requests int64
}

func (l *contactList) page(ctx context.Context, page, size int) (rows []amocrm.Contact, more bool, err error) {
	if err := pace.Sleep(ctx, time.Until(l.next)); err != nil {
		return nil, false, err
	}
	if rate := l.live.CRMRate; rate != nil {
		l.next = time.Now().Add(time.Duration(2 / rate() * float64(time.Second)))
	}
	l.requests++
	err = l.live.read(ctx, l.live.contactsAnswer(), func(ctx context.Context) (err error) {
		rows, more, err = l.live.CRM.ContactsPage(ctx, page, size)
		return err
	})
	return rows, more, err
}

// choose makes an index when there are more people than pages of contacts; else it
// returns nil.
func (l *contactList) choose(ctx context.Context, people int64) (*contactIndex, error) {
	least, most, err := l.count(ctx, people)
	if err != nil {
		return nil, err
	}
	log := l.live.Log.Info().Int64("people", people).Int64("search_requests", people) // at least
	if most >= people {
		log.Int64("pages", least).Int64("list_requests", least).
			Msg("contacts are searched for one by one: there are at least as many pages of contacts as people to look for")
		return nil, nil
	}
	log.Int64("pages", most).Int64("list_requests", most).
		Msg("all contacts are read once, at half the rate: there are more people to look for than pages of contacts")
	x := newContactIndex()
	x.asked = time.Now()
	if most > 0 {
		if err := l.read(ctx, x); err != nil {
			return nil, err
		}
	}
	x.requests = l.requests
	l.live.Log.Info().Int("contacts", len(x.contacts)).Int64("requests", l.requests).Msg("the contacts are read")
	return x, nil
}

// count bounds the number of pages of contacts, as closely as it takes to tell
// whether there are fewer than people.
func (l *contactList) count(ctx context.Context, people int64) (least, most int64, err error) {
	least, most = 0, math.MaxInt64
	for n := int64(1); ; {
		rows, more, err := l.page(ctx, int(n), amocrm.MaxContactsPage)
		switch {
		case err != nil:
			return 0, 0, err
		case len(rows) == 0:
			most = n - 1
		case more:
			least = n
		default:
			least, most = n, n
		}
		switch {
		case most < people, least >= people:
			return least, most, nil
		case most == math.MaxInt64:
			n *= 2
		default:
			n = (least + most + 1) / 2
		}
	}
}

const (
	// maxStill is how many pages in a row may hold nothing new before the list is not
	// believed any more. Many are deleted at once where duplicates are merged.
	maxStill = 200
	// minOverlap and maxOverlap bound by how many contacts a page overlaps what is
	// read: one more than may be deleted between two pages at no cost.
	minOverlap, maxOverlap = 4, 64
)

// read reads the whole list into an index. Contacts that are added meanwhile come
// at its end. Where some are deleted, those after them move up, past the pages that
// are still to be read: so each page begins with a contact that is known, and
// where it does not, the reading goes back, and goes on with a larger overlap.
func (l *contactList) read(ctx context.Context, x *contactIndex) error {
	place, overlap, still := 0, minOverlap, 0 // place: up to where the list is read
	for {
		page, size := overlapping(place, overlap)
		begin := (page - 1) * size
		rows, more, err := l.page(ctx, page, size)
		if err != nil {
			return err
		}
		known := x.newest
		if begin > 0 && (len(rows) == 0 || rows[0].ID > known) {
			place, overlap = max(0, begin-amocrm.MaxContactsPage), min(2*overlap, maxOverlap)
		} else {
			for _, c := range rows {
				if c.ID > known {
					l.live.take(x, c)
					x.newest = c.ID
				}
			}
			if !more {
				return nil
			}
			place = begin + size
		}
		if still++; x.newest > known {
			still = 0
		}
		if still == maxStill {
			return fmt.Errorf("list contacts: %w", errShifts)
		}
	}
}

// overlapping is the page that begins a number of contacts before a place in the
// list, or earlier, and reaches furthest. A page begins at a multiple of its size, so
// slightly smaller ones begin elsewhere; with an overlap of up to maxOverlap there
// is always one that reaches beyond the place.
func overlapping(place, by int) (page, size int) {
	page, size = 1, amocrm.MaxContactsPage
	for n := size; n >= amocrm.MaxContactsPage/2; n-- {
		if p := max(0, place-by)/n + 1; p*n > page*size {
			page, size = p, n
		}
	}
	return page, size
}
