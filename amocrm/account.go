package amocrm

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// Account is the account that the token belongs to.
type Account struct {
	ID            int64
	Name          string
	Subdomain     string
	Country       string
	CurrentUserID int64
	AmojoID       string // the account's id in the chats API

	ServerTime time.Time // the server's clock, in whole seconds; zero: the answer has no Date
}

// Account reads the account; any user may.
//
// https://www.amocrm.ru/developers/content/crm_platform/account-info
func (c *Client) Account(ctx context.Context) (Account, error) {
	var a Account
	k := call{op: "read account", method: http.MethodGet, path: "account", query: query("with", "amojo_id")}
	header, err := c.do(ctx, k, func(_ int, body []byte) error { return decodeAccount(body, &a) })
	a.ServerTime = httpapi.ServerTime(header)
	return a, err
}

func decodeAccount(body []byte, a *Account) error {
	var answer struct {
		ID            httpapi.Number `json:"id"`
		Name          httpapi.Text   `json:"name"`
		Subdomain     httpapi.Text   `json:"subdomain"`
		Country       httpapi.Text   `json:"country"`
		CurrentUserID httpapi.Number `json:"current_user_id"`
		AmojoID       httpapi.Text   `json:"amojo_id"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return errNotJSON
	}
	if answer.ID <= 0 {
		return errors.New("it has no account id")
	}
	*a = Account{
		ID: int64(answer.ID), Name: string(answer.Name), Subdomain: string(answer.Subdomain), Country: string(answer.Country),
		CurrentUserID: int64(answer.CurrentUserID), AmojoID: string(answer.AmojoID),
	}
	return nil
}
