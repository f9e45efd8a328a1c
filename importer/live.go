package importer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/pace"
	"github.com/rs/zerolog"
)

// Live is the Target that does it.
type Live struct {
	CRM   *amocrm.Client
	Chats *amojo.Client
	// Lease is what the clients' requests are held back by; nil: by none.
	Lease *ledger.Lease

	LegacyField int64 // custom text field of contacts that holds our client id; 0: none
	OnAmbiguous OnAmbiguous
	Region      string // of phones without a country code
	Tags        []string
	Responsible int64 // user of new contacts; 0: amoCRM chooses

	// CRMRate is the set rate of API v4 in requests a second: all contacts are read
	// at half of it. Nil: there is none.
	CRMRate func() float64
	Log     zerolog.Logger

	index *contactIndex // of all contacts; nil: they are searched for
}

var _ Target = (*Live)(nil)

// OnAmbiguous says which of several fitting contacts is taken.
type OnAmbiguous string

// The settings of contacts.on_ambiguous. The zero value is Oldest.
const (
	Oldest OnAmbiguous = "oldest"
	Newest OnAmbiguous = "newest"
	Park   OnAmbiguous = "park"
)

// OpenChat creates the chat, or returns the one that there is.
func (v *Live) OpenChat(ctx context.Context, c amojo.Chat, left int) (amojo.ChatID, error) {
	var made amojo.CreatedChat
	err := v.Lease.Do(pace.WithPriority(ctx, pace.Priority{Left: left}), func(ctx context.Context) (err error) {
		made, err = v.Chats.CreateChat(ctx, c)
		return err
	})
	return made.ID, chatsVerdict(err, c.User)
}

// Linked tells the link of a chat.
func (v *Live) Linked(ctx context.Context, chat amojo.ChatID) (Link, error) {
	var found Link
	err := v.read(ctx, v.contactsAnswer(), func(ctx context.Context) error {
		found = Link{}
		links, err := v.CRM.LinksByChat(ctx, string(chat))
		for _, l := range links {
			if l.ChatID == string(chat) {
				found = Link{ID: l.ID, ChatID: chat, ContactID: l.ContactID}
			}
		}
		return err
	})
	return found, crmVerdict(err)
}

// LinkChats links chats to contacts.
func (v *Live) LinkChats(ctx context.Context, links []Link) ([]Link, error) {
	batch := make([]amocrm.ChatLink, len(links))
	for i, l := range links {
		batch[i] = amocrm.ChatLink{ChatID: string(l.ChatID), ContactID: l.ContactID}
	}
	var made []amocrm.ChatLink
	err := v.Lease.Do(ctx, func(ctx context.Context) (err error) {
		made, err = v.CRM.LinkChats(ctx, batch)
		return err
	})
	if err = crmVerdict(err); err != nil {
		return nil, err
	}
	out := make([]Link, len(links))
	for i, l := range links {
		for _, m := range made {
			if m.ChatID == string(l.ChatID) {
				out[i] = Link{ID: m.ID, ChatID: l.ChatID, ContactID: m.ContactID}
			}
		}
		if out[i].ID == 0 {
			return nil, fmt.Errorf("%w: the answer does not name chat %s", ErrInDoubt, l.ChatID)
		}
	}
	return out, nil
}

// Send sends one part.
func (v *Live) Send(ctx context.Context, m amojo.Message, left int) (amojo.Receipt, error) {
	var r amojo.Receipt
	err := v.Lease.Do(pace.WithPriority(ctx, pace.Priority{Left: left}), func(ctx context.Context) (err error) {
		r, err = v.Chats.SendMessage(ctx, m)
		return err
	})
	parties := []amojo.Party{m.Sender}
	if m.Receiver != nil {
		parties = append(parties, *m.Receiver)
	}
	words := amojo.Party{Name: m.Content.Text + " " + m.Content.FileName}
	if c := m.Content.Contact; c != nil {
		words.Name += " " + c.Name
	}
	return r, chatsVerdict(err, append(parties, words)...)
}

// Edit changes a message that was sent.
func (v *Live) Edit(ctx context.Context, e amojo.Edit) error {
	err := v.Lease.Do(ctx, func(ctx context.Context) error {
		_, err := v.Chats.EditMessage(ctx, e)
		return err
	})
	return chatsVerdict(err, amojo.Party{Name: e.Content.Text})
}

// MarkRead marks a part as read, after all else that waits.
func (v *Live) MarkRead(ctx context.Context, amojoID, msgid string) error {
	err := v.Lease.Do(pace.WithPriority(ctx, pace.Priority{Left: -1}), func(ctx context.Context) error {
		return v.Chats.SetDeliveryStatus(ctx, amojoID, msgid, amojo.Read)
	})
	var answer *amojo.Error
	switch {
	case errors.Is(err, amojo.ErrBadID):
		return &RefusedError{Err: err}
	case errors.As(err, &answer) && answer.Status == http.StatusNotFound:
		// There is no such message, unless there is no such channel.
		if lost := v.ChatsAnswer(ctx); lost != nil {
			return lost
		}
		return &RefusedError{Err: err}
	}
	return chatsVerdict(err)
}

// ChatsAnswer returns once amojo answers a harmless question.
func (v *Live) ChatsAnswer(ctx context.Context) error {
	return v.read(ctx, nil, v.chatsAnswer().ask)
}

// Delivered looks for a part in the history of its chat. What it finds is true at
// once; that it found nothing is only what the history shows now.
func (v *Live) Delivered(ctx context.Context, q Doubt) (Sighting, error) {
	ctx = pace.WithPriority(ctx, pace.Priority{ReadBack: true})
	seen := Sighting{Predecessor: q.Predecessor == ""}
	first := ""
	for offset := 0; ; {
		var page []amojo.HistoryMessage
		err := v.read(ctx, v.chatsAnswer(), func(ctx context.Context) (err error) {
			page, err = v.Chats.History(ctx, q.ChatID, offset, amojo.MaxHistoryPage)
			return err
		})
		var answer *amojo.Error
		var unanswered *UnansweredError
		if errors.As(err, &unanswered) || errors.As(err, &answer) && answer.Rejected() {
			return Sighting{}, nil // this chat cannot be read: nothing can be shown
		}
		if err != nil {
			return Sighting{}, err
		}
		if len(page) == 0 {
			return seen, nil
		}
		if offset == 0 {
			seen.Order, first = orderOf(page), page[0].AmojoID
		} else if page[0].AmojoID == first {
			return Sighting{}, nil // the server ignores the offset: what follows cannot be seen
		}
		for _, m := range page {
			switch m.MsgID {
			case "":
			case q.MsgID:
				seen.AmojoID, seen.Text = m.AmojoID, m.Text
				seen.Present = q.BodyHash == "" || q.BodyHash == wordsHash(m.Text)
				return seen, nil
			case q.Predecessor:
				seen.Predecessor = true
			}
		}
		// Where the newest comes first, our newest comes before our newest but one,
		// so where that is seen, all that matters was seen.
		if q.Glance || q.Newest && q.Predecessor != "" && seen.Predecessor {
			return seen, nil
		}
		offset += len(page)
	}
}

// orderOf tells the order of a page from the times of our messages on it, "" when
// it does not show.
func orderOf(page []amojo.HistoryMessage) string {
	var up, down bool
	var last time.Time
	for _, m := range page {
		if m.MsgID == "" {
			continue
		}
		at := m.Time()
		if !last.IsZero() {
			up = up || at.After(last)
			down = down || at.Before(last)
		}
		last = at
	}
	switch {
	case down && !up:
		return OrderNewestFirst
	case up && !down:
		return OrderOldestFirst
	}
	return ""
}
