// Package dryrun goes through everything that a run would do, by the same code that
// makes messages, and writes nothing anywhere: it tells what would be made, what would
// not be moved and why, what it would take, and what of it nobody would see.
package dryrun

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/media"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
	"github.com/sourcegraph/conc/pool"
)

// Source is what is read.
type Source interface {
	Conversations(ctx context.Context, ids ...source.ConversationID) iter.Seq2[source.Conversation, error]
	Bodies(ctx context.Context, conversations ...source.ConversationID) iter.Seq2[source.Message, error]
	Strays(ctx context.Context) (n int64, example source.Stray, err error)
	SharedIDs(ctx context.Context) ([]string, error)
}

// Options are what a dry run is made of.
type Options struct {
	Source  Source
	Compose compose.Settings
	// People finds contacts and what hides chats in their cards; nil: nobody is
	// looked for.
	People People

	Region    string // of phones without a country code
	PersonKey []byte
	SharedMax int
	Announce  bool // the newest message of each chat is not silent
	MarkRead  bool // what managers and the bot wrote is marked as read
	Hold      bool // a conversation waits at its first parked message
	Files     Files
	Rates     Rates
	// Progress, if not nil, is told what is being read and how much of it was.
	Progress func(phase string, n int64)
}

// Files says what a run would do about files.
type Files struct {
	Asked  bool // servers are asked for names and sizes that rows lack
	AsText bool // a file that nobody outside can fetch is named in a text
	// Probe looks at a sample of the files' URLs; nil: nobody looks.
	Probe func(ctx context.Context, urls []string) ([]media.Probed, error)
}

const (
	// batchConversations is how many conversations are read with one statement.
	batchConversations = 500
	// batchReaders is how many such statements run side by side.
	batchReaders = 2
)

// Run reads everything and reports. A row that cannot be moved is part of the
// report; an error is something that would stop a run, too.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Progress == nil {
		o.Progress = func(string, int64) {}
	}
	d := &survey{Options: o, begun: time.Now()}
	if err := source.Again(ctx, func() error { return d.census(ctx) }, func(error) {}); err != nil {
		return nil, err
	}
	if err := d.proveUnique(ctx); err != nil {
		return nil, err
	}
	if err := d.read(ctx, d.chats, &d.total); err != nil {
		return nil, err
	}
	if err := d.lookUp(ctx); err != nil {
		return nil, err
	}
	if err := d.readAgain(ctx); err != nil {
		return nil, err
	}
	if err := d.probe(ctx); err != nil {
		return nil, err
	}
	strays, example, err := o.Source.Strays(ctx)
	if err != nil {
		return nil, err
	}
	if strays > 0 {
		d.total.messages += strays
		d.total.count(outcome.NoConversation, string(example.Conversation), example.ID, "", strays)
	}
	return d.report(), nil
}

// survey is a dry run at work.
type survey struct {
	Options
	begun  time.Time
	chats  []chat
	people []person
	total  tally
	probed []Probed

	ambiguous []Ambiguous
	// contactsKnown says that what is known of people's contacts counts.
	contactsKnown bool
}

// chat is what is remembered of a conversation.
type chat struct {
	id     source.ConversationID
	person int32
	parts  int32 // that would be sent
}

// proveUnique refuses ids that a run would refuse.
func (d *survey) proveUnique(ctx context.Context) error {
	slices.SortFunc(d.chats, func(a, b chat) int { return cmp.Compare(a.id, b.id) })
	for i := range d.chats[min(1, len(d.chats)):] {
		if d.chats[i].id == d.chats[i+1].id {
			return &ledger.ClashError{What: "conversation ids", Examples: []string{"conversation " + string(d.chats[i].id) + " comes more than once"},
				Advice: "each row of the conversations query needs an id of its own: look for a join that repeats rows, and use ids.conversation with {id}"}
		}
	}
	ids := d.Compose.IDs
	if ids.MessageID("a", "1") != ids.MessageID("b", "1") {
		return nil // clashes within a conversation show when it is read
	}
	shared, err := d.Source.SharedIDs(ctx)
	if err != nil || len(shared) == 0 {
		return err
	}
	return &ledger.ClashError{What: "message ids at amojo (msgid)", Examples: shared,
		Advice: "with ids that repeat between conversations, ids.message needs both {conversation_id} and {id}"}
}

// readAgain goes once more through what the contacts decide about: messages of clients
// who would have none, and those that no card would show. Contacts are looked for after
// the reading, since only then it is known for whom one is needed.
func (d *survey) readAgain(ctx context.Context) error {
	var affected []int
	var before, after []chat
	for i, c := range d.chats {
		if p := &d.people[c.person]; c.parts > 0 && (!p.horizon.IsZero() || p.parked != nil) {
			affected = append(affected, i)
			before = append(before, c)
		}
	}
	after = slices.Clone(before)
	var was, is tally
	d.contactsKnown = false
	if err := d.read(ctx, before, &was); err != nil {
		return err
	}
	d.contactsKnown = true
	if err := d.read(ctx, after, &is); err != nil {
		return err
	}
	d.total.subtract(&was)
	d.total.add(&is)
	for i, at := range affected {
		d.chats[at].parts = after[i].parts
	}
	return nil
}

// read goes through the messages of chats, some conversations at a time.
func (d *survey) read(ctx context.Context, chats []chat, into *tally) error {
	var mu sync.Mutex
	readers := pool.New().WithContext(ctx).WithMaxGoroutines(batchReaders).WithCancelOnError().WithFirstError()
	for first := 0; first < len(chats); first += batchConversations {
		batch := chats[first:min(first+batchConversations, len(chats))]
		readers.Go(func(ctx context.Context) error {
			var counted tally
			err := source.Again(ctx, func() error {
				counted = tally{}
				return d.readBatch(ctx, batch, &counted)
			}, func(error) {})
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			into.add(&counted)
			d.Progress("messages", into.messages)
			return nil
		})
	}
	return readers.Wait()
}

// readBatch reads conversations and composes their messages.
func (d *survey) readBatch(ctx context.Context, batch []chat, t *tally) error {
	place := make(map[source.ConversationID]int, len(batch))
	ids := make([]source.ConversationID, len(batch))
	for i, c := range batch {
		place[c.id], ids[i] = i, c.id
		batch[i].parts = 0
	}
	rows := make(map[source.ConversationID]source.Conversation, len(batch))
	for c, err := range d.Source.Conversations(ctx, ids...) {
		if err != nil {
			return err
		}
		rows[c.ID] = c
	}
	var open *reading
	for m, err := range d.Source.Bodies(ctx, ids...) {
		if err != nil {
			return err
		}
		i, asked := place[m.Conversation]
		if !asked {
			return fmt.Errorf("a message of conversation %q came unasked", string(m.Conversation))
		}
		if open == nil || open.conversation.ID != m.Conversation {
			open.end(t)
			open = d.open(rows[m.Conversation], batch[i])
		}
		n, err := open.message(m, t)
		if err != nil {
			return err
		}
		batch[i].parts += n
	}
	open.end(t)
	return nil
}

// word is what a kind may look like to be shown: a column mapped by mistake could
// hold anything.
var word = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,32}$`)
