package amocrm

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// maxPage is the most entities that a page of a list holds; custom fields have less.
const maxPage = 250

// decodeList reads the named list out of a HAL answer. It is strict about the list, since a row that gets
// lost would tell that a contact does not exist; only a 204 means nothing found.
func decodeList[T any](name string, rows *[]T, more *bool) func(int, []byte) error {
	return func(status int, body []byte) error {
		*rows, *more = nil, false
		if status == http.StatusNoContent {
			return nil
		}
		var answer struct {
			Links httpapi.Object[struct {
				Next httpapi.Object[struct {
					Href httpapi.Text `json:"href"`
				}] `json:"next"`
			}] `json:"_links"`
			Embedded httpapi.Object[map[string]json.RawMessage] `json:"_embedded"`
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return errNotJSON
		}
		var raw []json.RawMessage
		if found, ok := answer.Embedded.Value[name]; !ok || json.Unmarshal(found, &raw) != nil {
			return fmt.Errorf("it has no list _embedded.%s", name)
		}
		for i, r := range raw {
			var row T
			if !httpapi.IsObject(r) || json.Unmarshal(r, &row) != nil {
				return fmt.Errorf("_embedded.%s.%d is not an object", name, i)
			}
			*rows = append(*rows, row)
		}
		*more = answer.Links.Value.Next.Value.Href != ""
		return nil
	}
}

// walk goes through a list page by page, each row once by its id. The list ends at a 204, or with a page
// that is not full and names no next one. The next page's address is made here: that of the answer could
// lead the token anywhere.
func walk[T any, K cmp.Ordered](ctx context.Context, c *Client, k call, name string, size int, id func(T) K) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		k.query = maps.Clone(k.query)
		var none K
		seen := make(map[K]bool)
		for page := 1; ; page++ {
			k.query.Set("limit", strconv.Itoa(size))
			k.query.Set("page", strconv.Itoa(page))
			var rows []T
			var more bool
			if _, err := c.do(ctx, k, decodeList(name, &rows, &more)); err != nil {
				yield(nil, err)
				return
			}
			fresh := make([]T, 0, len(rows))
			for _, row := range rows {
				n := id(row)
				if n <= none {
					yield(nil, k.unreadable(errors.New("a row has no id")))
					return
				}
				if !seen[n] {
					seen[n] = true
					fresh = append(fresh, row)
				}
			}
			if len(rows) == 0 {
				return
			}
			if len(fresh) == 0 {
				yield(nil, k.unreadable(fmt.Errorf("page %d holds nothing new", page)))
				return
			}
			if !yield(fresh, nil) || !more && len(rows) < size {
				return
			}
		}
	}
}

// unreadable is the error for a 200 whose rows make no sense.
func (k call) unreadable(err error) *CallError {
	return &CallError{Op: k.op, Subject: k.subject, Status: http.StatusOK, Err: err}
}

func query(pairs ...string) url.Values {
	q := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q
}
