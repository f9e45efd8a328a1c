package demodata

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// language is what people say in the shop's chat in one language.
type language struct {
	first, last []string
	greetings   []exchange
	topics      []exchange
	farewells   []exchange
	items       []string
	cities      []string
	days        []string
}

// exchange is a question and its answers, with places to fill in: {order},
// {item}, {city}, {day}, {sum}.
type exchange struct {
	client, manager string
	media           string // kind of what the client attaches
	answerMedia     string // kind of what the manager attaches
}

// line is one message of a visit.
type line struct {
	manager bool
	text    string
	media   string
}

// name is a client's name.
func (l *language) name(rng *rand.Rand) string {
	return pick(rng, l.first) + " " + pick(rng, l.last)
}

// visit is one visit of a client: a greeting, one to five matters, mostly a
// farewell.
func (l *language) visit(rng *rand.Rand) []line {
	exchanges := []exchange{pick(rng, l.greetings)}
	for range 1 + rng.IntN(5) {
		exchanges = append(exchanges, pick(rng, l.topics))
	}
	if rng.IntN(4) > 0 {
		exchanges = append(exchanges, pick(rng, l.farewells))
	}
	fill := strings.NewReplacer(
		"{order}", fmt.Sprintf("%c-%05d", 'A'+rune(rng.IntN(8)), rng.IntN(100_000)),
		"{item}", pick(rng, l.items),
		"{city}", pick(rng, l.cities),
		"{day}", pick(rng, l.days),
		"{sum}", fmt.Sprint(10*(20+rng.IntN(900))),
	)
	var lines []line
	for _, e := range exchanges {
		lines = append(lines, line{text: fill.Replace(e.client), media: e.media})
		if e.manager != "" {
			lines = append(lines, line{manager: true, text: fill.Replace(e.manager), media: e.answerMedia})
		}
	}
	return lines
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

var russian = &language{
	first:  []string{"Ирина", "Олег", "Марина", "Тимур", "Светлана", "Никита", "Полина", "Рустам", "Галина", "Фёдор", "Юлия", "Артём"},
	last:   []string{"Берёзкина", "Журавль", "Капустина", "Лебедь", "Мельник", "Осипенко", "Рябинина", "Синица", "Тополь", "Шалаш"},
	items:  []string{"чайник", "торшер", "рюкзак «Тропа»", "кофемолка", "плед", "настольная лампа", "термос 0,7 л", "полка «Север»"},
	cities: []string{"Казань", "Тверь", "Пермь", "Омск", "Сочи", "Псков", "Томск"},
	days:   []string{"завтра", "в пятницу", "до конца недели", "в понедельник", "послезавтра"},
	greetings: []exchange{
		{client: "Добрый день!", manager: "Здравствуйте! Чем помочь?"},
		{client: "Здравствуйте, есть кто-нибудь на связи?", manager: "Да, мы здесь, слушаем вас."},
		{client: "Привет!", manager: "Добрый день! Рады вас видеть снова 🙂"},
		{client: "Алло, это магазин?", manager: "Да, магазин «Тёплый дом». Что вас интересует?"},
	},
	topics: []exchange{
		{client: "Когда приедет заказ {order}?", manager: "Заказ {order} уже в пути, привезём {day}."},
		{client: "А {item} ещё остались?", manager: "Осталось две штуки, могу отложить на сутки."},
		{client: "Сколько стоит доставка в город {city}?", manager: "До города {city} доставка {sum} рублей, от десяти тысяч бесплатно."},
		{client: "Можно поменять адрес доставки?", manager: "Конечно, напишите новый адрес и номер заказа."},
		{client: "Пришёл {item}, но с царапиной. Вот фото.", media: "picture", manager: "Очень жаль! Заменим за наш счёт, курьер заберёт {day}."},
		{client: "Мне нужен счёт на организацию.", manager: "Счёт на {sum} рублей во вложении, он действует три дня.", answerMedia: "file"},
		{client: "Пока не могу писать, сказал голосом", media: "voice", manager: "Послушали, всё понятно. Оформляю."},
		{client: "Снял видео, как он шумит, послушайте", media: "video", manager: "Передали мастеру, ответит {day}."},
		{client: "Оплатила, проверьте, пожалуйста.", manager: "Оплату на {sum} рублей видим, спасибо. Собираем заказ."},
		{client: "Есть ли скидка, если взять три?", manager: "На три и больше скидка семь процентов, посчитаю сразу в корзине."},
		{client: "Как вернуть {item}? Не подошёл по цвету.", manager: "Вернуть можно в течение двух недель, нужен только чек или номер заказа."},
		{client: "Курьер звонил, а я не успел ответить…", manager: "Не беда, попросим его набрать вас ещё раз через полчаса."},
		{client: "Инструкция только на английском?", manager: "Русская тоже есть, отправляю файлом.", answerMedia: "file"},
		{client: "Покажите, как {item} выглядит вживую", manager: "Сфотографировали на витрине при дневном свете.", answerMedia: "picture"},
		{client: "Гарантия сколько?", manager: "Два года, талон лежит в коробке."},
		{client: "Вы работаете {day}?", manager: "Да, с девяти до восьми без перерыва."},
	},
	farewells: []exchange{
		{client: "Спасибо, всё понятно!", manager: "Всегда пожалуйста. Хорошего дня!"},
		{client: "Отлично, жду.", manager: "До связи!"},
		{client: "👍"},
		{client: "Хорошо, тогда до встречи", manager: "Ждём вас!"},
	},
}

var english = &language{
	first:  []string{"Alice", "Tom", "Nora", "Igor", "Emily", "Jack", "Sofia", "Peter", "Lena", "Max"},
	last:   []string{"Hill", "Brook", "Wood", "Stone", "Reed", "Marsh", "Field", "Lake"},
	items:  []string{"kettle", "floor lamp", "trail backpack", "coffee grinder", "blanket", "desk lamp", "thermos"},
	cities: []string{"Riga", "Tbilisi", "Yerevan", "Almaty", "Belgrade"},
	days:   []string{"tomorrow", "on Friday", "by the end of the week", "on Monday"},
	greetings: []exchange{
		{client: "Hello!", manager: "Hi! How can we help?"},
		{client: "Hi, is anybody there?", manager: "Yes, we are. What is it about?"},
		{client: "Good morning", manager: "Good morning! Nice to see you back."},
	},
	topics: []exchange{
		{client: "When will order {order} arrive?", manager: "Order {order} has left the warehouse, you get it {day}."},
		{client: "Do you still have the {item}?", manager: "Two left. Shall I put one aside?"},
		{client: "How much is delivery to {city}?", manager: "Delivery to {city} is {sum}, free for larger orders."},
		{client: "The {item} came with a scratch, see the photo.", media: "picture", manager: "Sorry about that! We will swap it {day} at our cost."},
		{client: "I need an invoice for my company, please.", manager: "Attached. It is good for three days.", answerMedia: "file"},
		{client: "Listen, that is the noise", media: "voice", manager: "We passed it on to the workshop."},
		{client: "Can I pay in two parts?", manager: "Yes, half now and half on delivery."},
		{client: "How do I return it? Wrong colour.", manager: "Within two weeks, the order number is enough."},
		{client: "Is there a manual in English?", manager: "There is, here you go.", answerMedia: "file"},
		{client: "Are you open {day}?", manager: "Nine to eight, every day."},
		{client: "I have paid, could you check?", manager: "Got it, {sum} received. We are packing."},
	},
	farewells: []exchange{
		{client: "Thanks, that's all.", manager: "You are welcome. Have a nice day!"},
		{client: "Great, I'll wait.", manager: "See you!"},
		{client: "ok 👌"},
	},
}
