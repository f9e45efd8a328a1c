package importer

import (
	"strings"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/source"
)

// PairedManager is a legacy manager and his user in the account.
type PairedManager struct {
	source.Manager
	User   amocrm.User // zero: there is none
	Chosen bool        // by a person, not by the e-mail
}

// Speaks says whether messages can be in the manager's own name. Else the channel's bot
// speaks for him: he is no user, or one who was never active in chats, or is
// deactivated.
func (p PairedManager) Speaks() bool { return p.User.IsActive && p.User.AmojoID != "" }

// PairManagers finds each legacy manager's user: the chosen one, by legacy id, else
// the one with the same e-mail.
func PairManagers(managers []source.Manager, users []amocrm.User, chosen map[string]amocrm.User) []PairedManager {
	byEmail := make(map[string]amocrm.User, len(users))
	for _, u := range users {
		if u.Email != "" {
			byEmail[strings.ToLower(u.Email)] = u
		}
	}
	pairs := make([]PairedManager, len(managers))
	for i, m := range managers {
		user, ok := chosen[m.ID]
		if email := strings.ToLower(strings.TrimSpace(m.Email)); !ok && email != "" {
			user = byEmail[email]
		}
		pairs[i] = PairedManager{Manager: m, User: user, Chosen: ok}
	}
	return pairs
}

// Speakers is how messages name the managers, by legacy id.
func Speakers(pairs []PairedManager) map[string]compose.Manager {
	known := make(map[string]compose.Manager, len(pairs))
	for _, p := range pairs {
		m := compose.Manager{Name: p.Name}
		if p.Speaks() {
			m.RefID = p.User.AmojoID
		}
		if m.Name == "" {
			m.Name = p.User.Name
		}
		known[p.ID] = m
	}
	return known
}
