package compose

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

// Compose makes the parts of message m of conversation c
// (https://www.amocrm.ru/developers/content/chats/chat-api-reference), or says
// why there are none; then the refusal is not nil. Reply is looked at only when
// m has a ReplyToID.
//
// Concatenated, the texts of the parts are the row's text, cleaned, with the
// manager's name in front when the bot speaks for a manager.
func (s Settings) Compose(c source.Conversation, m source.Message, reply Reply) (Composed, *Refusal) {
	if m.SkipReason != "" {
		return Composed{}, &Refusal{outcome.SkippedByQuery, cut(oneLine(m.SkipReason), 100)}
	}
	if r := checkTime(m.SentAt); r != nil {
		return Composed{}, r
	}
	chat, r := s.Chat(c)
	if r != nil {
		return Composed{}, r
	}
	say, r := s.speakers(c, m, chat.Client)
	if r != nil {
		return Composed{}, r
	}
	text, cleaned := cleanText(m.Text)
	if m.MediaURL, r = s.mediaURL(c, m); r != nil {
		return Composed{}, r
	}
	content, fromURL, r := s.content(m, text)
	if r != nil {
		return Composed{}, r
	}
	texts, r := s.texts(say.prefix, text)
	if r != nil {
		return Composed{}, r
	}

	out := Composed{Speaker: say.prefix}
	note := func(is bool, code outcome.Code) {
		if is {
			out.Notes = append(out.Notes, code)
		}
	}
	first := amojo.Message{
		MsgID:          s.IDs.MessageID(string(c.ID), m.ID),
		ConversationID: chat.ConversationID,
		Silent:         true,
		Source:         chat.Source,
		Sender:         say.sender,
		Receiver:       say.receiver,
		Content:        content,
	}
	first.Content.Text = texts[0]
	switch {
	case m.ReplyToID == "":
	case reply.MsgID != "":
		first.ReplyTo = &amojo.ReplyTo{Message: amojo.QuotedMessage{MsgID: reply.MsgID}}
	case reply.Note != "":
		note(true, reply.Note)
	default:
		note(true, outcome.ReplyDroppedMissing)
	}
	note(say.botForManager, outcome.BotForManager)
	note(cleaned, outcome.TextCleaned)
	note(fromURL, outcome.FileNameFromURL)
	note(len(texts) > 1, outcome.Split)

	out.Parts = append(make([]amojo.Message, 0, len(texts)), first)
	for i, t := range texts[1:] {
		part := first
		part.MsgID = PartID(first.MsgID, i+2)
		part.Content = amojo.Content{Type: amojo.TypeText, Text: t}
		part.ReplyTo = nil
		out.Parts = append(out.Parts, part)
	}
	return out, nil
}

// texts are the texts of the parts; a message without text has one empty one.
func (s Settings) texts(prefix, text string) ([]string, *Refusal) {
	if Blank(text) { // a caption; blank texts went out earlier
		return []string{strings.TrimRightFunc(prefix, unicode.IsSpace)}, nil
	}
	texts := SplitText(prefix+text, s.splitOver())
	if len(texts) > maxParts {
		return nil, &Refusal{outcome.TooLong, fmt.Sprintf("%d characters", utf8.RuneCountInString(text))}
	}
	return texts, nil
}

// checkTime refuses a message whose place in time is unknown or a mistake of
// units. The first second of 1970 is the zero of somebody's column.
func checkTime(t time.Time) *Refusal {
	switch {
	case t.IsZero():
		return &Refusal{Code: outcome.NoSentAt}
	case t.Unix() <= 0, t.UTC().Year() > 2099:
		return &Refusal{outcome.BadTime, fmt.Sprintf("sent_at is in the year %d", t.UTC().Year())}
	}
	return nil
}
