package mapping_test

import (
	"time"

	"github.com/amoimport/amoimport/source"
)

// bot is what must be read of testdata/bot.sql.
func bot() legacy {
	const prefix = "00000000-0000-4000-8000-0000000000"
	const one, two, three = source.ConversationID(prefix + "d1"), source.ConversationID(prefix + "d2"), source.ConversationID(prefix + "d3")
	const system, button = "a system event", "a button was pressed"
	const edit = "an edit; its text is in the message that it changes"
	feb := func(second int) time.Time { return time.Date(2021, 2, 3, 10, 0, second, 0, time.UTC) }
	mar := func(second int) time.Time { return time.Date(2021, 3, 4, 10, 0, second, 0, time.UTC) }
	apr := time.Date(2021, 4, 5, 10, 0, 0, 0, time.UTC)
	id := func(first, last string) string { return first + "0000000-0000-4000-8000-0000000000" + last }
	return legacy{
		Managers: []source.Manager{{ID: prefix + "a1", Name: "Anna", Email: "anna@example.com"}, {ID: prefix + "a2", Name: "Gleb"}},
		Conversations: []source.Conversation{
			{ID: one, ClientID: prefix + "b1", ClientName: "Alice Example", ClientPhone: "79150001122", ClientEmail: "alice@example.org", Closed: true},
			{ID: two, ClientID: prefix + "b2"},
			{ID: three},
		},
		Messages: []source.Message{
			{Conversation: one, ID: id("f", "01"), Seq: 1, SentAt: feb(0), Kind: "started", SkipReason: system},
			{Conversation: one, ID: id("e", "02"), Seq: 2, SentAt: feb(0), Direction: source.Out, Kind: source.KindText, Text: "What is it about?"},
			{Conversation: one, ID: id("d", "03"), Seq: 3, SentAt: feb(0), Direction: source.In, Kind: "button", SkipReason: button},
			{Conversation: one, ID: id("c", "04"), Seq: 4, SentAt: feb(0), Direction: source.In, Kind: source.KindText, Text: "Where is my order?"},
			{Conversation: one, ID: id("b", "05"), Seq: 5, SentAt: feb(1), Direction: source.In, Kind: source.KindText, Text: "Where is my orde?", SkipReason: edit},
			{Conversation: one, ID: id("a", "06"), Seq: 6, SentAt: feb(2), Direction: source.In, Kind: source.KindText, Text: "Where is my order?", SkipReason: edit},
			{Conversation: one, ID: id("9", "07"), Seq: 7, SentAt: feb(3), Direction: source.In, Kind: source.KindText, SkipReason: edit},
			{Conversation: one, ID: id("8", "08"), Seq: 8, SentAt: feb(3), Direction: source.Out, ManagerID: prefix + "a1", Kind: source.KindText,
				Text: "On its way.", ReplyToID: id("c", "04")},
			{Conversation: one, ID: id("7", "09"), Seq: 9, SentAt: feb(3), Direction: source.Out, ManagerID: prefix + "a2", Kind: source.KindPicture,
				Text: "This one, the red", MediaURL: "https://files.example.com/parcel.jpg", FileName: "parcel.jpg", FileSize: new(int64(1000))},
			{Conversation: one, ID: id("6", "0a"), Seq: 10, SentAt: feb(4), Direction: source.Out, ManagerID: prefix + "a2", Kind: source.KindText,
				Text: "This one, the red", SkipReason: edit},

			{Conversation: two, ID: id("f", "11"), Seq: 1, SentAt: mar(0), Direction: source.In, Kind: source.KindVoice,
				MediaURL: "https://files.example.com/voice.ogg", MediaDuration: new(7 * time.Second)},
			{Conversation: two, ID: id("e", "12"), Seq: 2, SentAt: mar(0), Direction: source.In, Kind: source.KindLocation, Latitude: new(55.75), Longitude: new(37.62)},
			{Conversation: two, ID: id("d", "13"), Seq: 3, SentAt: mar(0), Direction: source.In, Kind: source.KindContact, ContactName: "Pavel", ContactPhone: "+7 915 000-33-44"},
			{Conversation: two, ID: id("c", "14"), Seq: 4, SentAt: mar(1), Direction: source.In, Kind: source.KindFile,
				MediaURL: "https://files.example.com/bill.pdf", FileName: "bill.pdf", FileSize: new(int64(3001))},
			{Conversation: two, ID: id("b", "15"), Seq: 5, SentAt: mar(2), Direction: source.In, Kind: source.KindText, Text: "An edit of what is gone"},
			{Conversation: two, ID: id("a", "16"), Seq: 6, SentAt: mar(3), Direction: source.In, Kind: source.KindLocation},
			{Conversation: two, ID: id("9", "17"), Seq: 7, SentAt: mar(4), Direction: source.In, Kind: "poll"},

			{Conversation: three, ID: id("f", "21"), Seq: 1, SentAt: apr, Direction: source.In, Kind: source.KindText},
			{Conversation: three, ID: id("e", "22"), Seq: 2, SentAt: apr, Direction: source.In, Kind: source.KindSticker, StickerID: "s-17",
				MediaURL: "https://files.example.com/s-17.webp"},
		},
	}
}
