package demodata

// addOdd adds the odd cases.
func (w *world) addOdd() {
	w.oddLong()
	w.oddConversations()
	w.oddTimes()
	w.oddTexts()
	w.oddFiles()
	w.oddKinds()
	w.oddReplies()
	w.oddPeople()
	w.oddManagers()
	w.oddRows()
	w.documentedExample()
}

func (w *world) oddLong() {
	w.expectations = append(w.expectations, Expectation{
		Case: "the longest conversation", Conversation: LongConversation, Messages: longestMessages,
	})
}

func (w *world) oddConversations() {
	s := w.story(conversation{id: "odd-empty", phone: "+79005541001"})
	s.ends("a conversation without messages")

	s = w.story(conversation{id: "odd-all-skipped", phone: "+79005541002"})
	for _, text := range []string{"Ошиблась чатом, простите", "удалите, пожалуйста", "и это тоже"} {
		id := s.in(text)
		s.last().skipReason = "deleted by the client"
		s.skips("every message is skipped", id, "skipped_by_query")
	}
	s.ends("every message is skipped")

	s = w.story(conversation{id: "odd-deleted", phone: "+79005541003"})
	s.in("Здравствуйте, подскажите цену")
	id := s.in("ой, не то")
	s.last().skipReason = "deleted by the client"
	s.skips("a deleted message among others", id, "skipped_by_query")
	s.out("Добрый день! О каком товаре речь?")
	s.ends("a deleted message among others")

	s = w.story(conversation{id: "odd-closed", phone: "+79005541004", closed: true})
	s.in("Вопрос решён, можно закрывать")
	s.out("Закрываем, спасибо!")
	s.ends("a closed conversation")

	s = w.story(conversation{id: "odd-source", phone: "+79005541005", source: "telegram-shop"})
	s.in("Пишу из телеграма")
	s.ends("a conversation of an amo source")

	s = w.story(conversation{id: "odd-group", phone: "+79005541006", name: "Поход на выходных"})
	for _, author := range [][2]string{{"odd-guest-1", "Ася"}, {"odd-guest-2", "Борис из второй палатки"}, {"odd-guest-3", ""}} {
		id := s.say(message{text: "Я в деле!", authorID: author[0], authorName: author[1]})
		s.sends("one of several outside authors", id, 1)
	}
	s.in("Тогда берём четыре рюкзака")
	s.out("Отложили четыре, заберите до субботы")
	s.ends("a group conversation with several outside authors")
}

func (w *world) oddPeople() {
	one := func(c conversation, what, person string) {
		s := w.story(c)
		s.in("Здравствуйте! Это снова я.")
		s.out("Здравствуйте! Видим вас.")
		s.endsAs(what, person)
	}
	one(conversation{id: "odd-no-phone", email: "no.phone@example.org"}, "a client without phone", "no-phone")
	one(conversation{id: "odd-no-phone-no-email"}, "a client without phone and e-mail", "no-phone-no-email")

	// Four clients, so that the phone does not count as shared by too many.
	for i, phone := range []string{
		"+79123456789", "89123456789", "9123456789", "8 (912) 345-67-89",
		"+7 912 345 67 89", "7-912-345-67-89", "8\u00a0912\u00a0345.67.89", "тел. 8 912 345 67 89",
	} {
		n := string(rune('1' + i))
		client := string(rune('1' + i/2))
		one(conversation{id: "odd-phone-" + n, clientID: "odd-phone-client-" + client, phone: phone},
			"one phone written in eight ways", "phone")
	}
	one(conversation{id: "odd-two-clients-1", phone: "+79005542001", name: "Муж"}, "two clients with one phone", "two-clients")
	one(conversation{id: "odd-two-clients-2", phone: "+79005542001", name: "Жена"}, "two clients with one phone", "two-clients")
	for i := range 7 {
		n := string(rune('1' + i))
		one(conversation{id: "odd-shared-" + n, phone: "+7 495 123-45-67"}, "a phone shared by too many clients is no key", "shared-"+n)
	}
	for i, phone := range []string{"0", "0", "00000000000", "нет", "+7"} {
		n := string(rune('1' + i))
		one(conversation{id: "odd-junk-phone-" + n, phone: phone}, "a junk phone is no key", "junk-"+n)
	}
	one(conversation{id: "odd-script-name", name: "<script>alert(1)</script>", phone: "+79005542002"},
		"a client's name that is HTML", "script-name")
}

func (w *world) oddManagers() {
	s := w.story(conversation{id: "odd-managers", phone: "+79005543001"})
	s.in("Кто-нибудь ответит?")
	for _, m := range []struct{ what, id string }{
		{"a manager who has no user in amoCRM", managerWithoutMatch},
		{"a manager without e-mail", managerWithoutEmail},
		{"a manager whom the managers query does not know", "mgr-gone"},
	} {
		id := s.say(message{direction: "out", managerID: m.id, text: "Уже отвечаем."})
		s.sends(m.what, id, 1, "bot_for_manager")
	}
	s.sends("an answer without manager", s.say(message{direction: "out", text: "Это автоответ."}), 1)
	id := s.say(message{direction: "out", managerID: managerWithoutMatch, kind: "picture",
		mediaURL: "https://files.example.com/odd/showroom.jpg", fileName: "showroom.jpg", fileSize: new(int64(120_000))})
	s.sends("a picture of a manager who has no user in amoCRM", id, 1, "bot_for_manager")
	s.ends("managers who cannot be found")
}

// documentedExample is the conversation of the vendor's own import example:
// https://www.amocrm.ru/developers/content/chats/chat-import-message-example
func (w *world) documentedExample() {
	s := w.story(conversation{
		id:       ExampleConversation,
		clientID: "sk-1376265f-86df-4c49-a0c3-a4816df41af9",
		name:     "Example Client",
		phone:    "79151112233",
		email:    "example.client@example.com",
		avatar:   "https://example.com/users/avatar.png",
		profile:  "https://example.com/profile/example.client",
	})
	s.say(message{id: "5f283618af2c8", sentAt: unix(1596470808), text: "Можно ли оплатить заказ при получении ?"})
	s.say(message{id: "skm-5f2836a8ca468", sentAt: unix(1596470952), direction: "out", managerID: managerOfExample,
		text: "Да, можно: курьер принимает и карты, и наличные."})
	s.ends("the documented import example")
}

// ExampleConversation is the id of the documented import example.
const ExampleConversation = "skc-8e3e7640-49af-4448-a2c6-d5a421f7f217"
