package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer/identity"
	"github.com/amoimport/amoimport/importer/ledger"
)

// FindContact looks for the contact of a person: by the custom field with our
// client id, then by phone, then by e-mail.
func (v *Live) FindContact(ctx context.Context, p Person) (Match, error) {
	find := v.search
	index, err := v.freshIndex(ctx)
	switch {
	case err != nil:
		return Match{}, crmVerdict(err)
	case index != nil:
		find = index.find
	}
	for _, k := range v.keysOfPerson(p) {
		fitting, err := find(ctx, k)
		if err != nil {
			return Match{}, crmVerdict(err)
		}
		if len(fitting) > 0 {
			id, all, err := v.choose(fitting)
			return Match{ContactID: id, How: k.how, Fitting: all}, err
		}
	}
	return Match{}, nil
}

// contactKey is one way to recognise somebody.
type contactKey struct {
	how   ledger.Found
	value string // as it is compared
}

// keysOfPerson are the ways to a person's contact, the surest first.
func (v *Live) keysOfPerson(p Person) []contactKey {
	var keys []contactKey
	if v.LegacyField != 0 && p.ClientID != "" {
		keys = append(keys, contactKey{ledger.ByField, p.ClientID})
	}
	known := identity.Normalize(v.Region, p.Phone, p.Email)
	if p.ByPhone && known.Phone != "" {
		keys = append(keys, contactKey{ledger.ByPhone, known.Phone})
	}
	if p.ByEmail && known.Email != "" {
		keys = append(keys, contactKey{ledger.ByEmail, known.Email})
	}
	return keys
}

// keysOfContact is all that a contact may be recognised by.
func (v *Live) keysOfContact(c amocrm.Contact) []contactKey {
	var keys []contactKey
	if v.LegacyField != 0 {
		for _, s := range c.Texts(v.LegacyField) {
			keys = append(keys, contactKey{ledger.ByField, s})
		}
	}
	for _, s := range c.Phones() {
		if phone := identity.Normalize(v.Region, s, "").Phone; phone != "" {
			keys = append(keys, contactKey{ledger.ByPhone, phone})
		}
	}
	for _, s := range c.Emails() {
		if email := identity.Normalize("", "", s).Email; email != "" {
			keys = append(keys, contactKey{ledger.ByEmail, email})
		}
	}
	return keys
}

// candidate is a contact that fits a person.
type candidate struct {
	id      int64
	created int64 // Unix seconds
}

// search asks the API for the contacts with a key. Its search is a text search that
// also returns what only looks alike, so every row is compared again.
func (v *Live) search(ctx context.Context, k contactKey) ([]candidate, error) {
	text := k.value
	if k.how == ledger.ByPhone {
		text = lastDigits(text)
	}
	var fitting []amocrm.Contact
	err := v.read(ctx, v.contactsAnswer(), func(ctx context.Context) error {
		fitting = nil
		return collect(v.CRM.SearchContacts(ctx, text), &fitting, func(c amocrm.Contact) bool {
			return !c.IsDeleted && slices.Contains(v.keysOfContact(c), k)
		})
	})
	found := make([]candidate, len(fitting))
	for i, c := range fitting {
		found[i] = candidate{c.ID, c.CreatedAt}
	}
	return found, err
}

// lastDigits is what a phone is looked for by: stored numbers keep any formatting
// and country prefix, so the end of it finds most.
func lastDigits(phone string) string {
	if len(phone) <= 10 {
		return phone
	}
	return phone[len(phone)-10:]
}

func collect(rows iter.Seq2[amocrm.Contact, error], into *[]amocrm.Contact, keep func(amocrm.Contact) bool) error {
	for c, err := range rows {
		if err != nil {
			return err
		}
		if keep(c) {
			*into = append(*into, c)
		}
	}
	return nil
}

// choose takes one of several fitting contacts, and names them all.
func (v *Live) choose(fitting []candidate) (int64, []int64, error) {
	slices.SortFunc(fitting, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.id, b.id))
	})
	if len(fitting) == 1 {
		return fitting[0].id, nil, nil
	}
	ids := make([]int64, len(fitting))
	for i, c := range fitting {
		ids[i] = c.id
	}
	switch v.OnAmbiguous {
	case Park:
		return 0, ids, &AmbiguousError{Contacts: ids}
	case Newest:
		return ids[len(ids)-1], ids, nil
	}
	return ids[0], ids, nil
}

// HasContact tells whether a contact is still there.
func (v *Live) HasContact(ctx context.Context, id int64) (bool, error) {
	var there bool
	err := v.read(ctx, v.contactsAnswer(), func(ctx context.Context) (err error) {
		_, there, err = v.CRM.Contact(ctx, id)
		return err
	})
	if err == nil && v.index != nil {
		v.index.setGone(id, !there)
	}
	return there, crmVerdict(err)
}

// NewestContact is the highest contact id there is.
func (v *Live) NewestContact(ctx context.Context) (int64, error) {
	var id int64
	err := v.read(ctx, nil, func(ctx context.Context) (err error) {
		id, err = v.CRM.NewestContactID(ctx)
		return err
	})
	return id, err
}

// CreateContacts creates one contact for each person.
func (v *Live) CreateContacts(ctx context.Context, people []Person) ([]int64, error) {
	batch := make([]amocrm.NewContact, len(people))
	for i, p := range people {
		batch[i] = amocrm.NewContact{RequestID: fmt.Sprintf("p%d", p.ID), Name: p.Name, CreatedAt: p.CreatedSec,
			ResponsibleUserID: v.Responsible, Tags: v.Tags}
		if p.Phone != "" {
			batch[i].Fields = append(batch[i].Fields, amocrm.Phone(p.Phone))
		}
		if p.Email != "" {
			batch[i].Fields = append(batch[i].Fields, amocrm.Email(p.Email))
		}
		if v.LegacyField != 0 {
			batch[i].Fields = append(batch[i].Fields, amocrm.Text(v.LegacyField, p.ClientID))
		}
	}
	var added []amocrm.AddedContact
	err := v.Lease.Do(ctx, func(ctx context.Context) (err error) {
		added, err = v.CRM.AddContacts(ctx, batch)
		return err
	})
	var answer *amocrm.Error
	if errors.As(err, &answer) && answer.Rejected() {
		return nil, &RefusedPeople{Refused: guilty(answer, batch), Err: err}
	}
	if err := crmVerdict(err); err != nil {
		return nil, err
	}
	made := make([]int64, len(people))
	for i := range batch {
		for _, a := range added {
			if a.RequestID == batch[i].RequestID {
				made[i] = a.ID
			}
		}
		if made[i] == 0 {
			return nil, ErrInDoubt // an answer that does not name them all
		}
	}
	return made, nil
}

// guilty tells which elements of a batch were refused. The API names an element
// by its request_id, in some answers by its index; ours are no numbers, so the two
// cannot be taken for each other.
func guilty(answer *amocrm.Error, batch []amocrm.NewContact) map[int]string {
	refused := map[int]string{}
	for _, e := range answer.Elements {
		said := faultsOf(&amocrm.Error{Status: answer.Status, Elements: []amocrm.ElementError{e}})
		at := slices.IndexFunc(batch, func(c amocrm.NewContact) bool { return c.RequestID == e.RequestID })
		if n, err := strconv.Atoi(e.RequestID); at < 0 && err == nil && n >= 0 && n < len(batch) {
			at = n
		}
		if at >= 0 {
			refused[at] = said
		}
	}
	if len(refused) == 0 && len(batch) == 1 {
		refused[0] = faultsOf(answer)
	}
	return refused
}

// CreatedAfter tells which of these people have a contact that is newer than
// highest: one with their client id in the custom field, or, without such a field,
// with exactly the name and the time of creation that it was given. Of several
// such, each is one person's; who has the phone comes first.
func (v *Live) CreatedAfter(ctx context.Context, highest int64, people []Person) ([]int64, error) {
	var newer []amocrm.Contact
	err := v.read(ctx, nil, func(ctx context.Context) error {
		newer = nil
		return collect(v.CRM.NewestContacts(ctx, highest), &newer, func(c amocrm.Contact) bool { return c.ID > highest })
	})
	if err != nil {
		return nil, err
	}
	made := make([]int64, len(people))
	taken := map[int64]bool{}
	for _, withPhone := range []bool{true, false} {
		for i, p := range people {
			for _, c := range newer {
				if made[i] == 0 && !taken[c.ID] && v.madeFor(c, p) && (!withPhone || slices.Contains(c.Phones(), p.Phone)) {
					made[i], taken[c.ID] = c.ID, true
				}
			}
		}
	}
	return made, nil
}

func (v *Live) madeFor(c amocrm.Contact, p Person) bool {
	if v.LegacyField != 0 {
		return slices.Contains(c.Texts(v.LegacyField), p.ClientID)
	}
	return c.CreatedAt == p.CreatedSec && p.Named(c.Name)
}
