package amocrm

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// Sizes of a batch that is written at once: what the vendor recommends, and what is refused above
// (https://developers.kommo.com/docs/limitations).
const (
	GoodBatch = 50
	MaxBatch  = 250
)

// NewContact is a contact to add.
type NewContact struct {
	RequestID         string // names the element within its batch; required
	Name              string
	CreatedAt         int64 // Unix seconds, may lie in the past; 0: now
	ResponsibleUserID int64 // 0: amoCRM chooses
	Fields            []FieldValues
	Tags              []string // names
}

// AddedContact is what became of a NewContact.
type AddedContact struct {
	RequestID string
	ID        int64
}

// AddContacts adds a batch of at most [MaxBatch] contacts and gives their ids in the order of the batch. It
// is not idempotent and does not look for duplicates. A batch with a bad element is refused whole with an [*Error]
// whose Elements name it by its request id. A [*CallError] leaves open whether the contacts were made, also
// when some of them are missing in the answer.
//
// https://www.amocrm.ru/developers/content/crm_platform/contacts-api
func (c *Client) AddContacts(ctx context.Context, batch []NewContact) ([]AddedContact, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	names := make([]string, len(batch))
	for i, n := range batch {
		names[i] = n.RequestID
	}
	if err := checkBatch("contacts", names); err != nil {
		return nil, err
	}
	var ids []int64
	k := call{op: fmt.Sprintf("add %d contacts", len(batch)), method: http.MethodPost, path: "contacts", body: newContacts(batch)}
	_, err := c.do(ctx, k, func(status int, body []byte) (err error) {
		ids, err = decodeAdded("contacts", status, body, names)
		return err
	})
	if err != nil {
		return nil, err
	}
	added := make([]AddedContact, len(batch))
	for i, id := range ids {
		added[i] = AddedContact{RequestID: names[i], ID: id}
	}
	return added, nil
}

// checkBatch finds mistakes of the caller before anything is sent. names are the elements' request ids.
func checkBatch(what string, names []string) error {
	if len(names) > MaxBatch {
		return fmt.Errorf("amocrm: add %s: %d in a batch, the API takes at most %d", what, len(names), MaxBatch)
	}
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		if name == "" || seen[name] {
			return fmt.Errorf("amocrm: add %s: element %d has no request id of its own", what, i)
		}
		seen[name] = true
	}
	return nil
}

// decodeAdded reads the ids of what a batch made, in the order of its request ids.
func decodeAdded(what string, status int, body []byte, names []string) ([]int64, error) {
	var rows []struct {
		ID        httpapi.Number `json:"id"`
		RequestID httpapi.Text   `json:"request_id"`
	}
	var more bool
	if err := decodeList(what, &rows, &more)(status, body); err != nil {
		return nil, err
	}
	ids := make(map[string]int64, len(rows))
	for _, r := range rows {
		if ids[string(r.RequestID)] != 0 {
			return nil, errors.New("a request_id comes twice")
		}
		ids[string(r.RequestID)] = int64(r.ID)
	}
	added := make([]int64, len(names))
	for i, name := range names {
		if added[i] = ids[name]; added[i] <= 0 {
			return nil, fmt.Errorf("it has no id for element %d", i)
		}
	}
	return added, nil
}

// newContact is the JSON of a NewContact.
type newContact struct {
	Name              string        `json:"name,omitempty"`
	CreatedAt         int64         `json:"created_at,omitempty"`
	ResponsibleUserID int64         `json:"responsible_user_id,omitempty"`
	Fields            []FieldValues `json:"custom_fields_values,omitempty"`
	Embedded          *embeddedTags `json:"_embedded,omitempty"`
	RequestID         string        `json:"request_id"`
}

type embeddedTags struct {
	Tags []tag `json:"tags"`
}

type tag struct {
	Name string `json:"name"`
}

func newContacts(batch []NewContact) []newContact {
	out := make([]newContact, len(batch))
	for i, n := range batch {
		out[i] = newContact{
			Name: n.Name, CreatedAt: n.CreatedAt, ResponsibleUserID: n.ResponsibleUserID,
			Fields: n.Fields, RequestID: n.RequestID,
		}
		if len(n.Tags) == 0 {
			continue
		}
		out[i].Embedded = &embeddedTags{}
		for _, name := range n.Tags {
			out[i].Embedded.Tags = append(out[i].Embedded.Tags, tag{Name: name})
		}
	}
	return out
}
