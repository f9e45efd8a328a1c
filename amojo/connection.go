package amojo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// Connection is a channel connected to an account.
type Connection struct {
	AccountID      string // the account's amojo_id
	ScopeID        string // as the server built it
	Title          string // the channel's name in the account
	HookAPIVersion string // "v1" or "v2": format of the webhooks about outgoing messages
}

// Connect connects the scope's channel to its account. A repeat may overwrite the title and the
// webhooks' version of a live channel, so it is for use on purpose. An empty title means the channel's
// own name; hookAPIVersion is "v1" or "v2", Kommo takes only "v2".
//
// https://www.amocrm.ru/developers/content/chats/chat-api-reference
func (c *Client) Connect(ctx context.Context, title, hookAPIVersion string) (Connection, error) {
	var conn Connection
	_, err := c.do(ctx, call{
		op: "connect channel", subject: c.scope.ChannelID,
		method: http.MethodPost, path: []string{c.scope.ChannelID, "connect"},
		body: connectRequest{AccountID: c.scope.AccountID, Title: title, HookAPIVersion: hookAPIVersion},
	}, func(_ int, body []byte) error { return decodeConnection(body, &conn) })
	return conn, err
}

type connectRequest struct {
	AccountID      string `json:"account_id"`
	Title          string `json:"title,omitempty"`
	HookAPIVersion string `json:"hook_api_version"`
}

func decodeConnection(body []byte, conn *Connection) error {
	var answer struct {
		AccountID      httpapi.Text `json:"account_id"`
		ScopeID        httpapi.Text `json:"scope_id"`
		Title          httpapi.Text `json:"title"`
		HookAPIVersion httpapi.Text `json:"hook_api_version"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return errNotJSON
	}
	if answer.ScopeID == "" {
		return errors.New("it has no scope_id")
	}
	*conn = Connection{
		AccountID: string(answer.AccountID), ScopeID: string(answer.ScopeID),
		Title: string(answer.Title), HookAPIVersion: string(answer.HookAPIVersion),
	}
	return nil
}

var errNotJSON = errors.New("it is no JSON of the expected shape")

// Ping checks scope, secret and clock without changing anything: it asks for the history of a chat
// that does not exist, which the API answers with 204. It gives the server's clock (whole seconds; zero
// when the answer has no Date).
func (c *Client) Ping(ctx context.Context) (time.Time, error) {
	k := historyCall(randomChat(), 0, 1)
	k.op, k.subject, k.path[0] = "check channel", c.scope.String(), c.scope.String()
	header, err := c.do(ctx, k, func(status int, body []byte) error {
		_, err := decodeHistory(status, body)
		return err
	})
	return httpapi.ServerTime(header), err
}

func randomChat() ChatID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return ChatID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}
