package compose_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

func TestAuthors(t *testing.T) {
	bot := settings().Bot
	tests := []struct {
		name  string
		row   func(*source.Message)
		want  amojo.Message
		notes []outcome.Code
	}{
		{"client", func(m *source.Message) {}, part(), nil},
		{"client, named as author", func(m *source.Message) { m.AuthorID, m.AuthorName = "c1", "V." }, part(), nil},
		{"somebody else outside", func(m *source.Message) { m.AuthorID, m.AuthorName = "a9", "Olga" },
			part(func(m *amojo.Message) { m.Sender = amojo.Party{ID: "imp1-aa9", Name: "Olga"} }), nil},
		{"somebody else without a name", func(m *source.Message) { m.AuthorID = "a9" },
			part(func(m *amojo.Message) { m.Sender = amojo.Party{ID: "imp1-aa9", Name: "Client a9"} }), nil},
		{"manager", func(m *source.Message) { m.Direction, m.ManagerID = source.Out, "m1" },
			part(from(amojo.Party{ID: "imp1-mm1", RefID: "1d5b90aa-3c2b-5e4d-908f-b2a1d4c3f6e5", Name: "Anna Petrova"})), nil},
		{"manager without a name", func(m *source.Message) { m.Direction, m.ManagerID = source.Out, "m4" },
			part(from(amojo.Party{ID: "imp1-mm4", RefID: "b90a1d5a-2b3c-4d5e-8f90-a1b2c3d4e5f6", Name: "Manager m4"})), nil},
		{"manager without a user", func(m *source.Message) { m.Direction, m.ManagerID = source.Out, "m2" },
			part(from(bot), func(m *amojo.Message) { m.Content.Text = "Boris: " + m.Content.Text }), []outcome.Code{outcome.BotForManager}},
		{"manager without a user or a name", func(m *source.Message) { m.Direction, m.ManagerID = source.Out, "m3" },
			part(from(bot)), []outcome.Code{outcome.BotForManager}},
		{"unknown manager", func(m *source.Message) { m.Direction, m.ManagerID = source.Out, "m99" },
			part(from(bot)), []outcome.Code{outcome.BotForManager}},
		{"machine", func(m *source.Message) { m.Direction = source.Out }, part(from(bot)), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, refusal := settings().Compose(conversation(), message(tt.row), compose.Reply{})
			if refusal != nil {
				t.Fatalf("refused: %+v", *refusal)
			}
			if diff := cmp.Diff(compose.Composed{Parts: []amojo.Message{tt.want}, Notes: tt.notes, Speaker: strings.TrimSuffix(tt.want.Content.Text, message(tt.row).Text)}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestOwnWordsForNames(t *testing.T) {
	s := settings()
	s.ManagerNameFormat, s.UnnamedClient, s.UnnamedManager = "[{name}]\n", "Клиент {id}", "Менеджер {id}"
	c := conversation()
	c.ClientID, c.ClientName = "", " \u200b "
	got, _ := s.Compose(c, message(func(m *source.Message) { m.Direction, m.ManagerID = source.Out, "m2" }), compose.Reply{})
	if text := got.Parts[0].Content.Text; !strings.HasPrefix(text, "[Boris]\nМожно") {
		t.Errorf("text %q", text)
	}
	if r := got.Parts[0].Receiver; r.ID != "imp1-cconversation-17" || r.Name != "Клиент 17" {
		t.Errorf("a client without id or name is %s, %q", r.ID, r.Name)
	}
	got, _ = s.Compose(c, message(func(m *source.Message) { m.Direction, m.ManagerID = source.Out, "m4" }), compose.Reply{})
	if name := got.Parts[0].Sender.Name; name != "Менеджер m4" {
		t.Errorf("a manager without name is %q", name)
	}
}

func TestChat(t *testing.T) {
	tests := []struct {
		name string
		row  func(*source.Conversation)
		want compose.Chat
	}{
		{"everything", func(*source.Conversation) {},
			compose.Chat{ConversationID: "imp1-17", Client: client(), Source: &amojo.Source{ExternalID: "78001234567"}}},
		{"nothing", func(c *source.Conversation) { *c = source.Conversation{ID: "17"} },
			compose.Chat{ConversationID: "imp1-17", Client: amojo.Party{ID: "imp1-cconversation-17", Name: "Client 17"}}},
		{"names in several lines", func(c *source.Conversation) {
			*c = source.Conversation{ID: "17", ClientName: " <script>alert(1)</script>\r\n\x00 Vasya ", ClientEmail: " a@example.com"}
		}, compose.Chat{ConversationID: "imp1-17", Client: amojo.Party{ID: "imp1-cconversation-17", Name: "<script>alert(1)</script> Vasya",
			Profile: &amojo.Profile{Email: "a@example.com"}}}},
		{"a long name", func(c *source.Conversation) {
			*c = source.Conversation{ID: "17", ClientName: strings.Repeat("👍🏽", 60)}
		},
			compose.Chat{ConversationID: "imp1-17", Client: amojo.Party{ID: "imp1-cconversation-17", Name: strings.Repeat("👍🏽", 50)}}},
		{"links that cannot be fetched", func(c *source.Conversation) {
			*c = source.Conversation{ID: "17", ClientName: "V", ClientAvatarURL: "/a.jpg", ClientProfileURL: "http://10.0.0.1/v"}
		}, compose.Chat{ConversationID: "imp1-17", Client: amojo.Party{ID: "imp1-cconversation-17", Name: "V"},
			Notes: []outcome.Code{outcome.AvatarDropped, outcome.ProfileLinkDropped}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := conversation()
			tt.row(&c)
			got, refusal := settings().Chat(c)
			if refusal != nil {
				t.Fatal(*refusal)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestChatWithABadSource(t *testing.T) {
	for _, id := range []string{strings.Repeat("x", 41), "источник", "a\tb"} {
		c := conversation()
		c.SourceExternalID = id
		_, refusal := settings().Chat(c)
		_, refused := settings().Compose(c, message(), compose.Reply{})
		want := &compose.Refusal{Code: outcome.BadSourceID}
		if diff := cmp.Diff([]*compose.Refusal{want, want}, []*compose.Refusal{refusal, refused}); diff != "" {
			t.Errorf("%q: %s", id, diff)
		}
	}
}
