// Package mapping holds worked mappings: the three queries for two shapes of
// legacy database that are often met. docs/mapping.md walks through them.
package mapping

import "embed"

//go:embed helpdesk bot
var files embed.FS

// Mapping is the three queries for one shape.
type Mapping struct {
	Name string // as `amoimport init --like` takes it
	Zone string // that its sent_at without zone is in; "" when it has one

	Conversations, Messages, Managers string // texts of the queries
}

// All returns the mappings there are.
func All() []Mapping {
	all := []Mapping{
		{Name: "helpdesk", Zone: "UTC"},
		{Name: "bot"},
	}
	for i := range all {
		m := &all[i]
		m.Conversations = read(m.Name + "/conversations.sql")
		m.Messages = read(m.Name + "/messages.sql")
		m.Managers = read(m.Name + "/managers.sql")
	}
	return all
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

func read(name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is part of the program
	}
	return string(text)
}
