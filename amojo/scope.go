package amojo

import "github.com/amoimport/amoimport/internal/httpapi"

import "fmt"

// Scope is one channel connected to one account: where chats and messages live. The API calls its
// string form scope_id (https://www.amocrm.ru/developers/content/chats/chat-api-reference).
type Scope struct {
	ChannelID string // the channel's id from its registration
	AccountID string // the account's amojo_id, never its numeric id
}

// String gives the scope_id.
func (s Scope) String() string { return s.ChannelID + "_" + s.AccountID }

// check refuses a scope that could not stand in a path.
func (s Scope) check() error {
	if !plainID(s.ChannelID) {
		return fmt.Errorf("amojo: channel id %q is not an id", httpapi.Clean(s.ChannelID, 64))
	}
	if !plainID(s.AccountID) {
		return fmt.Errorf("amojo: account amojo_id %q is not an id", httpapi.Clean(s.AccountID, 64))
	}
	return nil
}

// plainID says whether an id can stand in a path as it is. All ids of the API are UUIDs.
func plainID(id string) bool {
	for _, c := range []byte(id) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-':
		default:
			return false
		}
	}
	return id != "" && len(id) <= 64
}
