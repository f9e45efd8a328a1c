package amocrm

import (
	"context"
	"net/http"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// maxFieldPage is the most custom fields that a page holds.
const maxFieldPage = 50

// Field is a custom field that contacts have in this account.
type Field struct {
	ID   int64
	Name string
	Code string // such as PHONE; empty for most fields
	Type string // such as text, numeric, multitext
}

// IsText says whether the field takes any short text, as an id of another system needs it.
func (f Field) IsText() bool { return f.Type == "text" }

// ContactField looks for a custom field of contacts; false: there is none with that id.
//
// https://www.amocrm.ru/developers/content/crm_platform/custom-fields
func (c *Client) ContactField(ctx context.Context, id int64) (Field, bool, error) {
	k := call{op: "list custom fields", method: http.MethodGet, path: "contacts/custom_fields", query: query()}
	for page, err := range walk(ctx, c, k, "custom_fields", maxFieldPage, func(f field) int64 { return int64(f.ID) }) {
		if err != nil {
			return Field{}, false, err
		}
		for _, f := range page {
			if int64(f.ID) == id {
				return Field{ID: id, Name: string(f.Name), Code: string(f.Code), Type: string(f.Type)}, true, nil
			}
		}
	}
	return Field{}, false, nil
}

type field struct {
	ID   httpapi.Number `json:"id"`
	Name httpapi.Text   `json:"name"`
	Code httpapi.Text   `json:"code"`
	Type httpapi.Text   `json:"type"`
}
