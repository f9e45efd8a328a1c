package compose_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

func settings() compose.Settings {
	return compose.Settings{
		IDs: compose.DefaultTemplates(),
		Bot: amojo.Party{ID: "bot", RefID: "0aa1d5b9-2b3c-4d5e-8f90-a1b2c3d4e5f6", Name: "Robot"},
		Managers: map[string]compose.Manager{
			"m1": {Name: "Anna Petrova", RefID: "1d5b90aa-3c2b-5e4d-908f-b2a1d4c3f6e5"},
			"m2": {Name: "Boris"},
			"m3": {},
			"m4": {RefID: "b90a1d5a-2b3c-4d5e-8f90-a1b2c3d4e5f6"},
		},
	}
}

func conversation() source.Conversation {
	return source.Conversation{
		ID:               "17",
		ClientID:         "c1",
		ClientName:       "Vasya",
		ClientPhone:      "+79151112233",
		ClientEmail:      "vasya@example.com",
		ClientAvatarURL:  "https://files.example.com/vasya.jpg",
		ClientProfileURL: "https://example.com/vasya",
		SourceExternalID: " 78001234567 ",
	}
}

// message is a plain one, changed by the functions given.
func message(changes ...func(*source.Message)) source.Message {
	m := source.Message{
		Conversation: "17",
		ID:           "42",
		SentAt:       time.Date(2021, 12, 16, 13, 15, 29, 379e6, time.UTC),
		Direction:    source.In,
		Kind:         source.KindText,
		Text:         "Можно ли оплатить заказ при получении ?",
	}
	for _, change := range changes {
		change(&m)
	}
	return m
}

func client() amojo.Party {
	return amojo.Party{
		ID: "imp1-cc1", Name: "Vasya", Avatar: "https://files.example.com/vasya.jpg", ProfileLink: "https://example.com/vasya",
		Profile: &amojo.Profile{Phone: "+79151112233", Email: "vasya@example.com"},
	}
}

// part is the part of the plain message, changed by the functions given.
func part(changes ...func(*amojo.Message)) amojo.Message {
	m := amojo.Message{
		MsgID:          "imp1-17-42",
		ConversationID: "imp1-17",
		Silent:         true,
		Source:         &amojo.Source{ExternalID: "78001234567"},
		Sender:         client(),
		Content:        amojo.Content{Type: amojo.TypeText, Text: "Можно ли оплатить заказ при получении ?"},
	}
	for _, change := range changes {
		change(&m)
	}
	return m
}

func from(sender amojo.Party) func(*amojo.Message) {
	return func(m *amojo.Message) {
		m.Sender = sender
		m.Receiver = ptr(client())
	}
}

func ptr[T any](v T) *T { return &v }

func TestTextIsCleaned(t *testing.T) {
	tests := []struct {
		name, text, want string
		noted            bool
	}{
		{"as it is", "  a\tb\nc \u202b\u05d0\u202c 👍 \ufeff", "  a\tb\nc \u202b\u05d0\u202c 👍 \ufeff", false},
		{"line ends", "a\r\nb\rc\n", "a\nb\nc\n", false},
		{"control characters", "a\x00b\x1bc\x7f\u0085d", "abcd", true},
		{"broken bytes", "a\xffb\xd0", "a\uFFFDb\uFFFD", true},
		{"replaced long ago", "a\uFFFDb", "a\uFFFDb", false},
	}
	for _, tt := range tests {
		got, refusal := settings().Compose(conversation(), message(func(m *source.Message) { m.Text = tt.text }), compose.Reply{})
		if refusal != nil {
			t.Fatalf("%s: %+v", tt.name, *refusal)
		}
		if text := got.Parts[0].Content.Text; text != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, text, tt.want)
		}
		if noted := slices.Contains(got.Notes, outcome.TextCleaned); noted != tt.noted {
			t.Errorf("%s: noted %v, want %v", tt.name, noted, tt.noted)
		}
	}
}

func TestReplies(t *testing.T) {
	quote := &amojo.ReplyTo{Message: amojo.QuotedMessage{MsgID: "imp1-17-41"}}
	tests := []struct {
		name      string
		replyToID string
		reply     compose.Reply
		want      *amojo.ReplyTo
		notes     []outcome.Code
	}{
		{"none", "", compose.Reply{}, nil, nil},
		{"not asked for", "", compose.Reply{MsgID: "imp1-17-41"}, nil, nil},
		{"to one that was sent", "41", compose.Reply{MsgID: "imp1-17-41"}, quote, nil},
		{"to a later one", "43", compose.Reply{Note: outcome.ReplyDroppedLater}, nil, []outcome.Code{outcome.ReplyDroppedLater}},
		{"to a skipped one", "43", compose.Reply{Note: outcome.ReplyDroppedSkipped}, nil, []outcome.Code{outcome.ReplyDroppedSkipped}},
		{"to nothing", "99", compose.Reply{}, nil, []outcome.Code{outcome.ReplyDroppedMissing}},
	}
	for _, tt := range tests {
		got, refusal := settings().Compose(conversation(), message(func(m *source.Message) { m.ReplyToID = tt.replyToID }), tt.reply)
		if refusal != nil {
			t.Fatalf("%s: %+v", tt.name, *refusal)
		}
		want := compose.Composed{Parts: []amojo.Message{part(func(m *amojo.Message) { m.ReplyTo = tt.want })}, Notes: tt.notes}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
}

func TestLongMessageIsSentInParts(t *testing.T) {
	s := settings()
	s.SplitOver = 500
	text := strings.Repeat("слово ", 250) // 1500 characters
	row := message(func(m *source.Message) {
		m.Direction, m.ManagerID, m.Text, m.ReplyToID = source.Out, "m2", text, "41"
		m.Kind, m.MediaURL, m.FileSize = source.KindPicture, "https://files.example.com/p.jpg", ptr(int64(9))
	})
	got, refusal := s.Compose(conversation(), row, compose.Reply{MsgID: "imp1-17-41"})
	if refusal != nil {
		t.Fatal(*refusal)
	}
	var texts []string
	for i, p := range got.Parts {
		texts = append(texts, p.Content.Text)
		want := part(from(settings().Bot), func(m *amojo.Message) {
			m.Content = amojo.Content{Type: amojo.TypeText, Text: p.Content.Text}
			if m.MsgID = compose.PartID("imp1-17-42", i+1); i == 0 {
				m.Content = amojo.Content{Type: amojo.TypePicture, Text: p.Content.Text,
					Media: "https://files.example.com/p.jpg", FileName: "p.jpg", FileSize: 9}
				m.ReplyTo = &amojo.ReplyTo{Message: amojo.QuotedMessage{MsgID: "imp1-17-41"}}
			}
		})
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("part %d (-want +got)\n%s", i+1, diff)
		}
		if !strings.HasSuffix(p.Content.Text, " ") {
			t.Errorf("part %d ends inside a word", i+1)
		}
	}
	if len(texts) != 4 || strings.Join(texts, "") != "Boris: "+text {
		t.Errorf("%d parts make %q", len(texts), strings.Join(texts, ""))
	}
	if diff := cmp.Diff([]outcome.Code{outcome.BotForManager, outcome.FileNameFromURL, outcome.Split}, got.Notes); diff != "" {
		t.Error(diff)
	}
}

func TestTextIsSplitOverFourThousand(t *testing.T) {
	for n, want := range map[int]int{4000: 1, 4001: 2, 100_000: 25} {
		got, _ := settings().Compose(conversation(), message(func(m *source.Message) { m.Text = strings.Repeat("ы", n) }), compose.Reply{})
		if len(got.Parts) != want {
			t.Errorf("%d characters: %d parts, want %d", n, len(got.Parts), want)
		}
	}
}

func TestTooManyParts(t *testing.T) {
	s := settings()
	s.SplitOver = 500
	_, refusal := s.Compose(conversation(), message(func(m *source.Message) { m.Text = strings.Repeat("a", 500*9999+1) }), compose.Reply{})
	if diff := cmp.Diff(&compose.Refusal{Code: outcome.TooLong, Detail: "4999501 characters"}, refusal); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsValidate(t *testing.T) {
	if err := settings().Validate(); err != nil {
		t.Errorf("good settings: %v", err)
	}
	bad := compose.Settings{IDs: compose.Templates{Message: "{id}"}, SplitOver: 10, ManagerNameFormat: "manager"}
	err := bad.Validate()
	if err == nil {
		t.Fatal("no faults found")
	}
	for _, want := range []string{"id template manager", "split length is 10", "bot", "name format"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not tell of the %s:\n%v", want, err)
		}
	}
}

// Whatever the row holds, there are parts that amojo's rules allow or a reason
// that is registered.
func TestAnyRow(t *testing.T) {
	s := settings()
	s.SplitOver = 500
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.SampledFrom([]string{"", " ", "m1", "m2", "https://files.example.com/a", "in", "out"}), rapid.String())
		m := source.Message{
			ID: word.Draw(t, "id"), SentAt: time.Unix(rapid.Int64Range(-9e9, 9e9).Draw(t, "sent"), 0),
			Direction: rapid.SampledFrom([]source.Direction{source.In, source.Out, source.In, source.Out, "x"}).Draw(t, "direction"),
			Kind:      rapid.SampledFrom([]source.Kind{"", "text", "picture", "file", "video", "voice", "audio", "sticker", "location", "contact", "x"}).Draw(t, "kind"),
			ManagerID: word.Draw(t, "manager"), AuthorID: word.Draw(t, "author"), AuthorName: word.Draw(t, "name"),
			Text:     strings.Repeat(texts().Draw(t, "text"), rapid.IntRange(1, 9).Draw(t, "times")),
			MediaURL: word.Draw(t, "url"), FileName: word.Draw(t, "file"), FileSize: ptr(rapid.Int64().Draw(t, "size")),
			Latitude: ptr(rapid.Float64().Draw(t, "lat")), Longitude: ptr(rapid.Float64Range(-200, 200).Draw(t, "lon")),
			ContactPhone: word.Draw(t, "phone"), StickerID: word.Draw(t, "sticker"), ReplyToID: word.Draw(t, "reply"),
		}
		c := source.Conversation{ID: source.ConversationID(word.Draw(t, "conversation")), ClientID: word.Draw(t, "client"), ClientName: word.Draw(t, "client name")}
		got, refusal := s.Compose(c, m, compose.Reply{})
		if refusal != nil {
			if r, ok := outcome.Lookup(refusal.Code); !ok || r.Outcome == outcome.Sent || len(got.Parts) > 0 {
				t.Fatalf("refused with %+v and %d parts", *refusal, len(got.Parts))
			}
			return
		}
		for _, code := range got.Notes {
			if r, ok := outcome.Lookup(code); !ok || r.Outcome != outcome.Sent {
				t.Fatalf("note %s is not registered as one", code)
			}
		}
		for i, p := range got.Parts {
			if problem := unsendable(p); problem != "" {
				t.Fatalf("part %d: %s: %+v", i+1, problem, p)
			}
		}
	})
}

// unsendable says which of amojo's rules a part breaks.
func unsendable(m amojo.Message) string {
	for _, id := range []string{m.MsgID, m.ConversationID} {
		if !idShape.MatchString(id) {
			return fmt.Sprintf("id %q", id)
		}
	}
	content := m.Content
	switch {
	case !m.Silent:
		return "not silent"
	case m.Sender.ID == "" || m.Sender.Name == "":
		return "nameless sender"
	case (m.Sender.RefID != "") != (m.Receiver != nil):
		return "a receiver belongs to a sender of ours, and only to one"
	case content.Type == amojo.TypeText && compose.Blank(content.Text):
		return "blank text"
	case strings.ContainsAny(content.Text, "\x00\r\x1b") || strings.ToValidUTF8(content.Text, "") != content.Text:
		return "text is not clean"
	}
	switch content.Type {
	case amojo.TypePicture, amojo.TypeFile, amojo.TypeVideo:
		if content.Media == "" || content.FileName == "" || content.FileSize <= 0 {
			return "incomplete file"
		}
	case amojo.TypeVoice, amojo.TypeAudio:
		if content.Media == "" {
			return "no media"
		}
	case amojo.TypeSticker:
		if content.StickerID == "" {
			return "no sticker"
		}
	case amojo.TypeLocation:
		if l := content.Location; l == nil || !(math.Abs(l.Lat) <= 90) || !(math.Abs(l.Lon) <= 180) {
			return "bad location"
		}
	case amojo.TypeContact:
		if content.Contact == nil || content.Contact.Name == "" || content.Contact.Phone == "" {
			return "bad card"
		}
	}
	return ""
}

func BenchmarkCompose(b *testing.B) {
	s, c, m := settings(), conversation(), message(func(m *source.Message) { m.Direction, m.ManagerID = source.Out, "m1" })
	b.ReportAllocs()
	for b.Loop() {
		if _, refusal := s.Compose(c, m, compose.Reply{}); refusal != nil {
			b.Fatal(*refusal)
		}
	}
}
