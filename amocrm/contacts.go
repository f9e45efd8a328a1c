package amocrm

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// SearchContacts lists the contacts in which the text occurs. It is a text search over all filled fields, so
// it gives near matches: compare the values. A contact made just before may not be found yet.
//
// https://www.amocrm.ru/developers/content/crm_platform/contacts-api
func (c *Client) SearchContacts(ctx context.Context, text string) iter.Seq2[Contact, error] {
	k := call{op: "search contacts", method: http.MethodGet, path: "contacts", query: query("query", text)}
	return func(yield func(Contact, error) bool) {
		if strings.TrimSpace(text) == "" {
			yield(Contact{}, &CallError{Op: k.op, Err: errors.New("nothing to search for: the API would list every contact")})
			return
		}
		for page, err := range walk(ctx, c, k, "contacts", maxPage, contactID) {
			if !yieldContacts(page, err, yield) {
				return
			}
		}
	}
}

// NewestContacts lists the contacts with an id above afterID, newest first, as far as the token's user may see
// them. It does not go through the search index, so it sees a contact at once. An answer that is not
// newest first ends it with an error: its end would prove nothing.
//
// https://www.amocrm.ru/developers/content/crm_platform/contacts-api
func (c *Client) NewestContacts(ctx context.Context, afterID int64) iter.Seq2[Contact, error] {
	k := call{op: "list newest contacts", method: http.MethodGet, path: "contacts", query: query("order[id]", "desc")}
	return func(yield func(Contact, error) bool) {
		for page, err := range walk(ctx, c, k, "contacts", maxPage, contactID) {
			if err == nil && !slices.IsSortedFunc(page, newestFirst) {
				err = k.unreadable(errors.New("the contacts are not newest first"))
			}
			end := slices.IndexFunc(page, func(row contact) bool { return int64(row.ID) <= afterID })
			if end >= 0 {
				page = page[:end]
			}
			if !yieldContacts(page, err, yield) || end >= 0 {
				return
			}
		}
	}
}

// MaxContactsPage is the most contacts that a page of their list holds.
const MaxContactsPage = maxPage

// ContactsPage reads one page of the list of all contacts, as far as the token's user may see them, oldest first:
// new ones come at its end. A page is counted from 1 and holds at most size contacts, from (page-1)*size on; none
// are beyond the end of the list. more: the list goes on. Rows that are not in this order are an error: what is
// missing among them could not be told.
//
// https://www.amocrm.ru/developers/content/crm_platform/contacts-api
func (c *Client) ContactsPage(ctx context.Context, page, size int) (contacts []Contact, more bool, err error) {
	k := call{op: "list contacts", method: http.MethodGet, path: "contacts",
		query: query("order[id]", "asc", "limit", strconv.Itoa(size), "page", strconv.Itoa(page))}
	var rows []contact
	if _, err := c.do(ctx, k, decodeList("contacts", &rows, &more)); err != nil {
		return nil, false, err
	}
	if len(rows) > size {
		return nil, false, k.unreadable(errors.New("the page holds more contacts than it may"))
	}
	contacts = make([]Contact, len(rows))
	last := int64(0)
	for i, row := range rows {
		if contacts[i] = row.export(); contacts[i].ID <= last {
			return nil, false, k.unreadable(errors.New("the contacts are not oldest first"))
		}
		last = contacts[i].ID
	}
	return contacts, more || len(rows) == size, nil
}

// NewestContactID gives the highest id of the contacts that the token's user may see; 0: there are none.
func (c *Client) NewestContactID(ctx context.Context) (int64, error) {
	k := call{op: "read newest contact", method: http.MethodGet, path: "contacts", query: query("order[id]", "desc", "limit", "2")}
	var rows []contact
	var more bool
	if _, err := c.do(ctx, k, decodeList("contacts", &rows, &more)); err != nil || len(rows) == 0 {
		return 0, err
	}
	if rows[0].ID <= 0 || !slices.IsSortedFunc(rows, newestFirst) {
		return 0, k.unreadable(errors.New("the contacts are not newest first"))
	}
	return int64(rows[0].ID), nil
}

// Contact reads one contact; false: it does not exist, or not any more (deleted, merged into another).
//
// https://www.amocrm.ru/developers/content/crm_platform/contacts-api
func (c *Client) Contact(ctx context.Context, id int64) (Contact, bool, error) {
	var row contact
	n := strconv.FormatInt(id, 10)
	k := call{op: "read contact", subject: n, method: http.MethodGet, path: "contacts/" + n}
	_, err := c.do(ctx, k, func(status int, body []byte) error { return decodeContact(status, body, id, &row) })
	var refused *Error
	if errors.As(err, &refused) && refused.NotFound() && !refused.Plain {
		return Contact{}, false, nil
	}
	found := err == nil && row.ID != 0 && !bool(row.IsDeleted)
	if !found {
		return Contact{}, false, err
	}
	return row.export(), true, nil
}

func decodeContact(status int, body []byte, id int64, row *contact) error {
	if status == http.StatusNoContent {
		return nil
	}
	if err := json.Unmarshal(body, row); err != nil {
		return errNotJSON
	}
	if int64(row.ID) != id {
		return errors.New("it is not the contact asked for")
	}
	return nil
}

func contactID(row contact) int64  { return int64(row.ID) }
func newestFirst(a, b contact) int { return int(max(-1, min(1, b.ID-a.ID))) }

// yieldContacts hands on a page; false: the walk is over.
func yieldContacts(page []contact, err error, yield func(Contact, error) bool) bool {
	if err != nil {
		yield(Contact{}, err)
		return false
	}
	for _, row := range page {
		if !yield(row.export(), nil) {
			return false
		}
	}
	return true
}
