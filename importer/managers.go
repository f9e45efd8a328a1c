package importer

import (
	"strings"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/source"
)

// MatchManagers tells which user each legacy manager is: the chosen one, by legacy
// id, else the one with the same e-mail. A manager without a user, or whose user
// cannot be the author of a message (never active in chats, or deactivated), has
// no RefID: the channel's bot speaks for him.
func MatchManagers(managers []source.Manager, users []amocrm.User, chosen map[string]amocrm.User) map[string]compose.Manager {
	byEmail := make(map[string]amocrm.User, len(users))
	for _, u := range users {
		if u.Email != "" {
			byEmail[strings.ToLower(u.Email)] = u
		}
	}
	known := make(map[string]compose.Manager, len(managers))
	for _, m := range managers {
		user, ok := chosen[m.ID]
		if email := strings.ToLower(strings.TrimSpace(m.Email)); !ok && email != "" {
			user = byEmail[email]
		}
		matched := compose.Manager{Name: m.Name}
		if user.IsActive {
			matched.RefID = user.AmojoID
		}
		if matched.Name == "" {
			matched.Name = user.Name
		}
		known[m.ID] = matched
	}
	return known
}
