// Package mapping holds worked mappings: the three queries for two shapes of
// legacy database that are often met. docs/mapping.md walks through them.
package mapping

import _ "embed"

var (
	//go:embed helpdesk/conversations.sql
	helpdeskConversations string
	//go:embed helpdesk/messages.sql
	helpdeskMessages string
	//go:embed helpdesk/managers.sql
	helpdeskManagers string

	//go:embed bot/conversations.sql
	botConversations string
	//go:embed bot/messages.sql
	botMessages string
	//go:embed bot/managers.sql
	botManagers string
)

// Mapping is the three queries for one shape.
type Mapping struct {
	Name string // as `amoimport init --like` takes it
	Zone string // that its sent_at without zone is in; "" when it has one

	Conversations, Messages, Managers string // texts of the queries
}

// All returns the mappings there are.
func All() []Mapping {
	return []Mapping{
		{"helpdesk", "UTC", helpdeskConversations, helpdeskMessages, helpdeskManagers},
		{"bot", "", botConversations, botMessages, botManagers},
	}
}

// Like finds a mapping by its name.
func Like(name string) (Mapping, bool) {
	for _, m := range All() {
		if m.Name == name {
			return m, true
		}
	}
	return Mapping{}, false
}
