package demodata

import (
	"fmt"
	"strings"
	"time"
)

func unix(sec int64) time.Time { return time.Unix(sec, 0).UTC() }

func (w *world) oddTimes() {
	at := time.Date(2021, 5, 17, 8, 30, 0, 0, time.UTC)

	s := w.story(conversation{id: "odd-same-second", phone: "+79005544001"})
	for i, text := range []string{"раз", "два", "три", "четыре"} {
		s.say(message{text: text, sentAt: at.Add(time.Duration(i) * 7 * time.Millisecond)})
	}
	s.ends("several messages within one second")

	s = w.story(conversation{id: "odd-equal-times", phone: "+79005544002"})
	for i, text := range []string{"первое", "второе", "третье", "четвёртое", "пятое"} {
		// The ids run the other way: seq decides.
		s.say(message{id: fmt.Sprintf("odd-equal-times-%d", 9-i), text: text, sentAt: at, seq: new(int64(i + 1))})
	}
	s.ends("several messages with the same time, told apart by seq")

	s = w.story(conversation{id: "odd-null-seq", phone: "+79005544003"})
	for _, text := range []string{"по порядку id: один", "два", "три"} {
		s.say(message{text: text, sentAt: at})
	}
	s.ends("the same time and no seq: the ids decide")

	s = w.story(conversation{id: "odd-ids-against-time", phone: "+79005544004"})
	for i, text := range []string{"самое раннее", "потом это", "а это последнее"} {
		s.say(message{id: fmt.Sprintf("odd-ids-against-time-%d", 9-i), text: text, sentAt: at.Add(time.Duration(i) * time.Hour)})
	}
	s.ends("ids that run against time")

	s = w.story(conversation{id: "odd-no-sent-at", phone: "+79005544005"})
	s.in("У этого сообщения время есть")
	id := s.in("а у этого нет")
	s.last().sentAt = time.Time{}
	s.parks("a row without sent_at", id, "no_sent_at")
	s.ends("a row without sent_at")
}

func (w *world) oddTexts() {
	s := w.story(conversation{id: "odd-texts", phone: "+79005545001"})
	for _, t := range []struct{ what, text string }{
		{"emoji", "Спасибо! 🎉👩‍👩‍👧‍👦👍🏽 🇷🇺"},
		{"characters of four bytes", "𝒜 𐍈 𠜎 and 🂡"},
		{"right-to-left text", "שלום, מתי המשלוח? مرحبا بكم"},
		{"right-to-left marks", "\u202bабв\u202c (\u200f12\u200e)"},
		{"several lines and tabs", "1.\tчайник\n2.\tплед\n\nвсё"},
		{"HTML", "<b>жирно</b> &amp; <script>alert(1)</script>"},
	} {
		s.sends(t.what, s.in(t.text), 1)
	}
	s.sends("control characters", s.in("до\x07после\x1b[31m\x7f"), 1, "text_cleaned")
	s.sends("line ends of Windows", s.in("первая\r\nвторая"), 1)
	s.ends("unusual texts")

	s = w.story(conversation{id: "odd-blank", phone: "+79005545002"})
	s.in("Сейчас пришлю")
	for _, text := range []string{" ", "\n\t \n", "\u200b\u2060", "\u00a0"} {
		s.skips("a blank text", s.in(text), "blank_text")
	}
	id := s.in("")
	s.skips("a text that is null", id, "blank_text")
	s.ends("blank texts")

	s = w.story(conversation{id: "odd-100000", phone: "+79005545003"})
	s.in("Высылаю договор целиком, читайте")
	s.sends("100 000 characters", s.in(contract(100_000)), 26, "split")
	s.sends("100 000 characters without a blank", s.in(strings.Repeat("0123456789", 10_000)), 25, "split")
	s.sends("as long as one message may be", s.in(contract(4_000)), 1)
	s.sends("one character more than one message may have", s.in(contract(4_000)+"!"), 2, "split")
	s.out("Получили, читаем.")
	s.ends("very long texts")
}

// contract is a text of exactly n characters.
func contract(n int) string {
	var b strings.Builder
	count := 0
	for i := 1; count < n; i++ {
		clause := []rune(fmt.Sprintf("%d. Стороны договорились, что пункт %d действует со дня подписания и до полного исполнения. ", i, i))
		clause = clause[:min(len(clause), n-count)]
		count += len(clause)
		b.WriteString(string(clause))
	}
	// A blank at the end would be hard to see.
	r := []rune(b.String())
	r[n-1] = '.'
	return string(r)
}

func (w *world) oddFiles() {
	const files = "https://files.example.com/odd/"
	size := new(int64(34_567))
	s := w.story(conversation{id: "odd-files", phone: "+79005546001"})
	for _, f := range []struct {
		what, reason string
		note         string
		m            message
	}{
		{what: "an attachment without text", m: message{kind: "picture", mediaURL: files + "a.jpg", fileName: "a.jpg", fileSize: size}},
		{what: "an attachment with a caption", m: message{kind: "picture", text: "Вот здесь скол", mediaURL: files + "b.jpg", fileName: "b.jpg", fileSize: size}},
		{what: "an attachment without kind", m: message{kind: "-", mediaURL: files + "c.zip", fileName: "c.zip", fileSize: size}},
		{what: "an attachment without URL", reason: "no_media_url", m: message{kind: "picture", fileName: "lost.jpg", fileSize: size}},
		{what: "a file without name", note: "file_name_from_url", m: message{kind: "file", mediaURL: files + "%D1%81%D1%87%D1%91%D1%82.pdf?v=2", fileSize: size}},
		{what: "a file without name, its URL has none either", reason: "no_file_name", m: message{kind: "file", mediaURL: files, fileSize: size}},
		{what: "a file without size", reason: "no_file_size", m: message{kind: "file", mediaURL: files + "d.pdf", fileName: "d.pdf"}},
		{what: "a URL inside a private network", reason: "bad_media_url", m: message{kind: "file", mediaURL: "http://192.168.1.5/share/e.pdf", fileName: "e.pdf", fileSize: size}},
		{what: "a path instead of a URL", reason: "bad_media_url", m: message{kind: "file", mediaURL: "/var/uploads/f.pdf", fileName: "f.pdf", fileSize: size}},
	} {
		id := s.say(f.m)
		switch {
		case f.reason != "":
			s.parks(f.what, id, f.reason)
		case f.note != "":
			s.sends(f.what, id, 1, f.note)
		default:
			s.sends(f.what, id, 1)
		}
	}
	s.ends("attachments of all sorts")
}

func (w *world) oddKinds() {
	const files = "https://files.example.com/kinds/"
	size, seconds := new(int64(98_765)), new(int64(12))
	lat, lon := new(55.7539), new(37.6208)
	kinds := []message{
		{kind: "text", text: "Пример каждого вида"},
		{kind: "picture", mediaURL: files + "kettle.png", fileName: "kettle.png", fileSize: size},
		{kind: "file", mediaURL: files + "price.xlsx", fileName: "price.xlsx", fileSize: size, text: "Прайс"},
		{kind: "video", mediaURL: files + "unboxing.mp4", fileName: "unboxing.mp4", fileSize: size, duration: seconds},
		{kind: "voice", mediaURL: files + "voice.ogg", duration: seconds},
		{kind: "audio", mediaURL: files + "jingle.mp3", duration: seconds},
		{kind: "sticker", stickerID: "kitten-07"},
		{kind: "location", latitude: lat, longitude: lon},
		{kind: "contact", cardName: "Склад, Пётр", cardPhone: "+79005547009"},
	}
	s := w.story(conversation{id: "odd-kinds", phone: "+79005547001"})
	for _, m := range kinds {
		s.sends("a "+m.kind+" of the client", s.say(m), 1)
	}
	for _, m := range kinds {
		m.direction, m.managerID = "out", "mgr-2"
		s.sends("a "+m.kind+" of a manager", s.say(m), 1)
	}
	s.ends("all nine kinds, both ways")
}

func (w *world) oddReplies() {
	s := w.story(conversation{id: "odd-replies", phone: "+79005548001"})
	question := s.in("Какой чайник тише?")
	long := s.in(contract(9_000))
	s.sends("a text in three parts", long, 3, "split")
	deleted := s.in("удалено")
	s.last().skipReason = "deleted by the client"
	s.skips("a deleted message", deleted, "skipped_by_query")
	lost := s.say(message{kind: "picture", fileName: "lost.jpg"})
	s.parks("a picture without URL", lost, "no_media_url")

	reply := func(what, to string, notes ...string) {
		id := s.out("Отвечаю на сообщение.")
		s.last().replyTo = to
		s.sends(what, id, 1, notes...)
	}
	reply("a reply to an earlier message", question)
	reply("a reply to a message in parts", long)
	reply("a reply to a skipped message", deleted, "reply_dropped_skipped")
	reply("a reply to a parked message", lost, "reply_dropped_skipped")
	reply("a reply to a message that is not there", "no-such-message", "reply_dropped_missing")
	reply("a reply to a message of another conversation", "odd-texts-1", "reply_dropped_missing")
	const later = "odd-replies-later"
	reply("a reply to a later message", later, "reply_dropped_later")
	s.say(message{id: later, text: "А вот и оно"})
	s.ends("replies")
}

func (w *world) oddRows() {
	s := w.story(conversation{id: "odd-rows", phone: "+79005549001"})
	s.in("Дальше строки, с которыми ничего не сделать")
	for _, r := range []struct {
		reason string
		m      message
	}{
		{"bad_direction", message{direction: "sideways", text: "?"}},
		{"unknown_kind", message{kind: "reaction", text: "❤"}},
		{"bad_location", message{kind: "location", latitude: new(555.0), longitude: new(37.6)}},
		{"no_contact_card", message{kind: "contact", cardName: "Без номера"}},
		{"no_sticker_id", message{kind: "sticker"}},
		{"unexpected_media", message{text: "текст", mediaURL: "https://files.example.com/odd/g.jpg"}},
		{"bad_time", message{text: "нулевая дата", sentAt: unix(0)}},
	} {
		s.parks("a row that amoCRM could not take", s.say(r.m), r.reason)
	}
	s.ends("rows that amoCRM could not take")

	orphan := &story{w: w, conversation: "odd-orphan", at: time.Date(2020, 7, 7, 7, 7, 7, 0, time.UTC)}
	orphan.parks("a message of a conversation that is not there", orphan.in("Меня никто не видит"), "no_conversation")
}
