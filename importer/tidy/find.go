package tidy

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/source"
)

// errand is a contact whose talks are looked for: one question for all its chats.
type errand struct {
	contact int64
	chats   map[string]source.ConversationID // by amojo's id in small letters
	open    map[int64]source.ConversationID  // talks that were found before and are not known to be closed
}

// errands groups conversations, which come by contact.
func errands(all []ledger.Closable) []errand {
	var out []errand
	for _, c := range all {
		if n := len(out); n == 0 || out[n-1].contact != c.ContactID {
			out = append(out, errand{c.ContactID, map[string]source.ConversationID{}, map[int64]source.ConversationID{}})
		}
		e := out[len(out)-1]
		e.chats[strings.ToLower(c.ChatID)] = c.Conversation
		for _, id := range c.Open {
			e.open[id] = c.Conversation
		}
	}
	return out
}

func (e errand) conversations() []source.ConversationID { return slices.Collect(maps.Values(e.chats)) }

// take adds a talk, if it is of one of our chats.
func (e errand) take(found map[int64]ledger.Talk, t amocrm.Talk) bool {
	conversation, ours := e.chats[strings.ToLower(t.ChatID)]
	if ours {
		found[t.ID] = seen(conversation, t)
	}
	return ours
}

// seen is what the ledger is to know of a talk as it was read.
func seen(conversation source.ConversationID, t amocrm.Talk) ledger.Talk {
	state := ledger.TalkFound
	if !t.InWork {
		state = ledger.TalkClosed
	}
	return ledger.Talk{ID: t.ID, Conversation: conversation, State: state}
}

// finder looks for talks: in the list of talks, or, where the account has none, by
// what the events of messages say.
type finder struct {
	*tidier

	unlisted  atomic.Bool // the account has no list
	strangers sync.Map    // the chats, in small letters, of talks that were not of the contact's chats: nobody reads them twice
}

// find finds the talks of an errand's chats. A talk that cannot be read is refused.
func (f *finder) find(ctx context.Context, e errand) (map[int64]ledger.Talk, error) {
	found := map[int64]ledger.Talk{}
	listed := false
	if !f.unlisted.Load() {
		var talks []amocrm.Talk
		err := f.read(ctx, func(ctx context.Context) (err error) {
			talks, listed, err = f.CRM.TalksOf(ctx, e.contact)
			return err
		})
		if err != nil {
			return nil, err
		}
		f.unlisted.Store(!listed)
		for _, t := range talks {
			e.take(found, t)
		}
	}
	if !listed {
		if err := f.findByEvents(ctx, e, found); err != nil {
			return nil, err
		}
	}
	// What was found once is looked at, whether or not it is told of again.
	for id, conversation := range e.open {
		if _, known := found[id]; !known {
			if err := f.readTalk(ctx, e, id, conversation, found); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// findByEvents reads the talks that the events of a contact's messages name. Which
// chat a talk belongs to only the talk itself says: the feed knows of chats that are
// not ours. When the events were made says nothing about when the messages were
// written, so all of them count.
func (f *finder) findByEvents(ctx context.Context, e errand, found map[int64]ledger.Talk) error {
	var messages map[int64]string // a message of each talk
	err := f.read(ctx, func(ctx context.Context) error {
		messages = map[int64]string{}
		for event, err := range f.CRM.MessageEvents(ctx, e.contact) {
			if err != nil {
				return err
			}
			if event.TalkID > 0 {
				messages[event.TalkID] = event.MessageID
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(messages)) {
		if chat, read := f.strangers.Load(id); read && e.chats[chat.(string)] == "" {
			continue
		}
		if err := f.readTalk(ctx, e, id, e.open[id], found); err != nil {
			return err
		}
		if t, refused := found[id]; refused && t.Conversation == "" {
			// Whose talk it is it does not say; the message does.
			delete(found, id)
			owners, err := f.Ledger.MessageOwners(ctx, e.conversations(), []string{messages[id]})
			if err != nil {
				return err
			}
			if owner, ours := owners[messages[id]]; ours {
				t.Conversation = owner
				found[id] = t
			}
		}
	}
	return nil
}

// readTalk reads a talk and takes it, if it is of one of our chats. conversation is
// the one that it was known to belong to.
func (f *finder) readTalk(ctx context.Context, e errand, id int64, conversation source.ConversationID, found map[int64]ledger.Talk) error {
	var t amocrm.Talk
	err := f.read(ctx, func(ctx context.Context) (err error) {
		t, err = f.CRM.Talk(ctx, id)
		return err
	})
	if err != nil {
		reason := reasonOf(err)
		if reason == "" || ctx.Err() != nil {
			return err
		}
		found[id] = ledger.Talk{ID: id, Conversation: conversation, State: ledger.TalkRefused, Reason: reason}
		return nil
	}
	if !e.take(found, t) {
		f.strangers.Store(id, strings.ToLower(t.ChatID))
	}
	return nil
}
