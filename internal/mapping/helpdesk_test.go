package mapping_test

import (
	"time"

	"github.com/amoimport/amoimport/source"
)

// helpdesk is what must be read of testdata/helpdesk.sql.
func helpdesk() legacy {
	at := func(day, clock string) time.Time {
		when, err := time.Parse("2006-01-02 15:04:05", day+" "+clock)
		if err != nil {
			panic(err)
		}
		return when
	}
	const feb, mar = "2021-02-03", "2021-03-28" // an hour that most clocks in Europe skipped
	return legacy{
		Managers: []source.Manager{{ID: "7", Name: "Anna", Email: "anna@example.com"}, {ID: "8", Name: "Gleb"}},
		Conversations: []source.Conversation{
			{ID: "1", ClientID: "7", ClientName: "Alice Example", ClientPhone: "+7 915 000-11-22", ClientEmail: "alice@example.org",
				ClientAvatarURL: "https://files.example.com/alice.png", Closed: true},
			{ID: "2", ClientID: "9", ClientName: "Bob", ClientEmail: "bob@example.org"},
			{ID: "3"},
			{ID: "4", ClientID: "404"},
			{ID: "5", ClientID: "9", ClientName: "Bob", ClientEmail: "bob@example.org", Closed: true},
		},
		Messages: []source.Message{
			{Conversation: "1", ID: "41", Seq: 41, SentAt: at(feb, "10:00:00"), Direction: source.In, AuthorID: "7", AuthorName: "Alice Example",
				Kind: source.KindText, Text: "Hello,\nis \"it\" there? 👋"},
			{Conversation: "1", ID: "42", Seq: 42, SentAt: at(feb, "10:00:01.25"), Direction: source.In, AuthorID: "7", AuthorName: "Alice Example",
				Kind: source.KindPicture, Text: "Two photos and the bill",
				MediaURL: "https://files.example.com/first.jpg", FileName: "first.jpg", FileSize: new(int64(1000))},
			{Conversation: "1", ID: "42-a15", Seq: 42, SentAt: at(feb, "10:00:01.25"), Direction: source.In, AuthorID: "7", AuthorName: "Alice Example",
				Kind: source.KindFile, MediaURL: "https://files.example.com/bill.pdf", FileName: "bill.pdf", FileSize: new(int64(3000))},
			{Conversation: "1", ID: "42-a105", Seq: 42, SentAt: at(feb, "10:00:01.25"), Direction: source.In, AuthorID: "7", AuthorName: "Alice Example",
				Kind: source.KindPicture, MediaURL: "https://files.example.com/second.jpg", FileName: "second.jpg", FileSize: new(int64(2000))},
			{Conversation: "1", ID: "43", Seq: 43, SentAt: at(feb, "10:01:00"), Direction: source.Out, ManagerID: "7",
				Kind: source.KindText, Text: "I am looking.", ReplyToID: "42"},
			{Conversation: "1", ID: "44", Seq: 44, SentAt: at(feb, "10:01:30"), Direction: source.Out, ManagerID: "7",
				Kind: source.KindText, Text: "Is he the one from May?", SkipReason: "a private note"},
			{Conversation: "1", ID: "45", Seq: 45, SentAt: at(feb, "10:02:00"),
				Kind: source.KindText, Text: "Conversation was marked resolved by Anna", SkipReason: "a system line"},
			{Conversation: "1", ID: "46", Seq: 46, SentAt: at(feb, "10:02:00"), Direction: source.Out,
				Kind: source.KindText, Text: "Thank you for waiting", ReplyToID: "41"},
			{Conversation: "1", ID: "47", Seq: 47, SentAt: at(feb, "10:03:00"), Direction: source.In, AuthorID: "10", AuthorName: "Clara",
				Kind: source.KindText, Text: "I am his wife"},
			{Conversation: "1", ID: "48", Seq: 48, SentAt: at(feb, "10:04:00"), Direction: source.Out, ManagerID: "8",
				Kind: source.KindText, Text: "Too late", SkipReason: "it was never delivered"},
			{Conversation: "1", ID: "49", Seq: 49, SentAt: at(feb, "10:05:00"), Direction: source.In, AuthorID: "7", AuthorName: "Alice Example",
				Kind: source.KindText, Text: "This message was deleted", SkipReason: "deleted by its author"},
			{Conversation: "1", ID: "50", Seq: 50, SentAt: at(feb, "10:06:00"), Direction: source.Out, ManagerID: "8",
				Kind: source.KindText, Text: "It is here."},
			{Conversation: "1", ID: "51", Seq: 51, SentAt: at(feb, "10:06:00"), Direction: source.In, AuthorID: "7", AuthorName: "Alice Example",
				Kind: source.KindText, Text: "At last"},

			{Conversation: "2", ID: "60", Seq: 60, SentAt: at(mar, "02:30:00"), Direction: source.In, AuthorID: "9", AuthorName: "Bob",
				Kind: source.KindLocation, Latitude: new(55.75), Longitude: new(37.62)},
			{Conversation: "2", ID: "61", Seq: 61, SentAt: at(mar, "02:31:00"), Direction: source.In, AuthorID: "9", AuthorName: "Bob",
				Kind: source.KindContact, ContactName: "Pavel the mechanic", ContactPhone: "+7 915 000-33-44"},
			{Conversation: "2", ID: "62", Seq: 62, SentAt: at(mar, "02:32:00"), Direction: source.In, AuthorID: "9", AuthorName: "Bob",
				Kind: source.KindAudio, Text: "The engine sounds like this",
				MediaURL: "https://files.example.com/engine.mp3", FileName: "engine.mp3", FileSize: new(int64(4000))},
			{Conversation: "2", ID: "63", Seq: 63, SentAt: at(mar, "02:33:00"), ManagerID: "7",
				Kind: source.KindText, Text: "of a type nobody remembers"},
			{Conversation: "2", ID: "64", Seq: 64, SentAt: at(mar, "02:34:00"), Direction: source.In, AuthorID: "9", AuthorName: "Bob",
				Kind: source.KindVideo, FileName: "lost.mp4", FileSize: new(int64(5000))},
			{Conversation: "2", ID: "65", Seq: 65, SentAt: at(mar, "02:35:00"), Direction: source.Out, ManagerID: "7", Kind: source.KindPicture,
				MediaURL: "https://files.example.com/note-1.png", FileName: "note-1.png", FileSize: new(int64(10)), SkipReason: "a private note"},
			{Conversation: "2", ID: "65-a21", Seq: 65, SentAt: at(mar, "02:35:00"), Direction: source.Out, ManagerID: "7", Kind: source.KindPicture,
				MediaURL: "https://files.example.com/note-2.png", FileName: "note-2.png", FileSize: new(int64(10)), SkipReason: "a private note"},

			{Conversation: "3", ID: "70", Seq: 70, SentAt: at("2021-04-01", "00:00:00"), Direction: source.In,
				Kind: source.KindText, Text: "No client is known"},
			{Conversation: "4", ID: "80", Seq: 80, SentAt: at("2021-04-02", "00:00:00"), Direction: source.Out, ManagerID: "404",
				Kind: source.KindText, Text: "Both of us are gone"},
			{Conversation: "99", ID: "90", Seq: 90, SentAt: at("2021-04-03", "00:00:00"), Direction: source.In, AuthorID: "7", AuthorName: "Alice Example",
				Kind: source.KindText, Text: "The conversation is gone"},
		},
	}
}
