package amocrm

import (
	"context"
	"net/http"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// User is a manager with a login.
type User struct {
	ID       int64
	Name     string
	Email    string
	AmojoID  string // the user's id in the chats API; empty for users who were never active in chats
	IsAdmin  bool
	IsActive bool
}

// Users lists all users of the account. It takes administrator rights.
//
// https://www.amocrm.ru/developers/content/crm_platform/users-api
func (c *Client) Users(ctx context.Context) ([]User, error) {
	var users []User
	k := call{op: "list users", method: http.MethodGet, path: "users", query: query("with", "amojo_id")}
	for page, err := range walk(ctx, c, k, "users", maxPage, func(u user) int64 { return int64(u.ID) }) {
		if err != nil {
			return nil, err
		}
		for _, u := range page {
			users = append(users, u.export())
		}
	}
	return users, nil
}

type user struct {
	ID      httpapi.Number `json:"id"`
	Name    httpapi.Text   `json:"name"`
	Email   httpapi.Text   `json:"email"`
	AmojoID httpapi.Text   `json:"amojo_id"`
	Rights  httpapi.Object[struct {
		IsAdmin  httpapi.Flag `json:"is_admin"`
		IsActive httpapi.Flag `json:"is_active"`
	}] `json:"rights"`
}

func (u user) export() User {
	rights := u.Rights.Value
	return User{
		ID: int64(u.ID), Name: string(u.Name), Email: string(u.Email), AmojoID: string(u.AmojoID),
		IsAdmin: bool(rights.IsAdmin), IsActive: bool(rights.IsActive),
	}
}
