package importer

import (
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
// client id, then by phone, then by e-mail. The API's search is a text search that
// also returns what only looks alike, so every row is compared again.
func (v *Live) FindContact(ctx context.Context, p Person) (Match, error) {
	keys := identity.Normalize(v.Region, p.Phone, p.Email)
	if !p.ByPhone {
		keys.Phone = ""
	}
	if !p.ByEmail {
		keys.Email = ""
	}
	for _, way := range []struct {
		how   ledger.Found
		query string
		fits  func(amocrm.Contact) bool
	}{
		{ledger.ByField, v.fieldQuery(p), func(c amocrm.Contact) bool {
			return slices.Contains(c.Texts(v.LegacyField), p.ClientID)
		}},
		{ledger.ByPhone, lastDigits(keys.Phone), func(c amocrm.Contact) bool {
			return slices.ContainsFunc(c.Phones(), func(s string) bool { return identity.Normalize(v.Region, s, "").Phone == keys.Phone })
		}},
		{ledger.ByEmail, keys.Email, func(c amocrm.Contact) bool {
			return slices.ContainsFunc(c.Emails(), func(s string) bool { return identity.Normalize("", "", s).Email == keys.Email })
		}},
	} {
		if way.query == "" {
			continue
		}
		var fitting []amocrm.Contact
		err := v.read(ctx, v.contactsAnswer(), func(ctx context.Context) error {
			fitting = nil
			return collect(v.CRM.SearchContacts(ctx, way.query), &fitting, func(c amocrm.Contact) bool { return !c.IsDeleted && way.fits(c) })
		})
		if err != nil {
			return Match{}, crmVerdict(err)
		}
		if len(fitting) == 0 {
			continue
		}
		id, err := v.choose(fitting)
		return Match{ContactID: id, How: way.how}, err
	}
	return Match{}, nil
}

func (v *Live) fieldQuery(p Person) string {
	if v.LegacyField == 0 {
		return ""
	}
	return p.ClientID
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

// choose takes one of several fitting contacts.
func (v *Live) choose(fitting []amocrm.Contact) (int64, error) {
	slices.SortFunc(fitting, func(a, b amocrm.Contact) int {
		if a.CreatedAt != b.CreatedAt {
			return int(a.CreatedAt - b.CreatedAt)
		}
		return int(a.ID - b.ID)
	})
	if len(fitting) > 1 {
		switch v.OnAmbiguous {
		case Park:
			return 0, &AmbiguousError{Count: len(fitting)}
		case Newest:
			return fitting[len(fitting)-1].ID, nil
		}
	}
	return fitting[0].ID, nil
}

// HasContact tells whether a contact is still there.
func (v *Live) HasContact(ctx context.Context, id int64) (bool, error) {
	var there bool
	err := v.read(ctx, v.contactsAnswer(), func(ctx context.Context) (err error) {
		_, there, err = v.CRM.Contact(ctx, id)
		return err
	})
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
	err := v.write(ctx, func(ctx context.Context) (err error) {
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
