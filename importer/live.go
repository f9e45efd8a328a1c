package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/pace"
)

// Live is the Target that does it.
type Live struct {
	CRM   *amocrm.Client
	Chats *amojo.Client
	// Await waits until the lease is confirmed again; nil: it always is.
	Await func(context.Context) error

	LegacyField int64 // custom text field of contacts that holds our client id; 0: none
	OnAmbiguous OnAmbiguous
	Region      string // of phones without a country code
	Tags        []string
	Responsible int64 // user of new contacts; 0: amoCRM chooses
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
	err := v.write(pace.WithPriority(ctx, pace.Priority{Left: left}), func(ctx context.Context) (err error) {
		made, err = v.Chats.CreateChat(ctx, c)
		return err
	})
	return made.ID, chatsVerdict(err, c.User)
}

// Linked tells the link of a chat.
func (v *Live) Linked(ctx context.Context, chat amojo.ChatID) (Link, error) {
	var found Link
	err := v.read(ctx, func(ctx context.Context) error {
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
	err := v.write(ctx, func(ctx context.Context) (err error) {
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
	err := v.write(pace.WithPriority(ctx, pace.Priority{Left: left}), func(ctx context.Context) (err error) {
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

// ChatsAnswer returns once amojo answers a harmless question.
func (v *Live) ChatsAnswer(ctx context.Context) error {
	return v.read(ctx, func(ctx context.Context) error {
		_, err := v.Chats.Ping(ctx)
		return err
	})
}

// Delivered looks for a part in the history of its chat. What it finds is true at
// once; that it found nothing is only what the history shows now.
func (v *Live) Delivered(ctx context.Context, q Doubt) (Sighting, error) {
	ctx = pace.WithPriority(ctx, pace.Priority{ReadBack: true})
	seen := Sighting{Predecessor: q.Predecessor == ""}
	first := ""
	for offset := 0; ; {
		var page []amojo.HistoryMessage
		err := v.read(ctx, func(ctx context.Context) (err error) {
			page, err = v.Chats.History(ctx, q.ChatID, offset, amojo.MaxHistoryPage)
			return err
		})
		var answer *amojo.Error
		if errors.As(err, &answer) && answer.Rejected() {
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
				seen.Present, seen.AmojoID = true, m.AmojoID
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

// maxUnreadable is how often a question is asked whose answers make no sense: with
// the pauses between, for some twelve minutes.
const maxUnreadable = 30

// read makes a call that changes nothing, again when its answer cannot be read, and
// as long as the fault is the server's: one question that fails is no reason to
// end a run.
func (v *Live) read(ctx context.Context, call func(context.Context) error) error {
	pause := 500 * time.Millisecond
	for unreadable := 0; ; {
		err := v.write(ctx, call)
		if err == nil || ctx.Err() != nil || pace.NotSent(err) {
			return err
		}
		var chats *amojo.Error
		var crm *amocrm.Error
		var chatsLost *amojo.CallError
		var crmLost *amocrm.CallError
		switch {
		case errors.As(err, &chats) && chats.Server(), errors.As(err, &crm) && crm.Server():
		case errors.Is(err, io.ErrUnexpectedEOF): // it broke off: the network's doing, and will pass
		case errors.As(err, &chatsLost), errors.As(err, &crmLost):
			if unreadable++; unreadable == maxUnreadable {
				return err
			}
		default:
			return err
		}
		if sleep(ctx, pause) != nil {
			return err
		}
		pause = min(2*pause, 30*time.Second)
	}
}

// write makes a call, and again when it was held back only because the lease was
// not confirmed at that moment.
func (v *Live) write(ctx context.Context, call func(context.Context) error) error {
	for {
		err := call(ctx)
		if v.Await == nil || !errors.Is(err, ledger.ErrUnconfirmed) {
			return err
		}
		if lost := v.Await(ctx); lost != nil {
			return errors.Join(err, lost)
		}
	}
}
