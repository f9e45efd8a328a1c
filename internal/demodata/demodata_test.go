package demodata_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/identity"
	"github.com/amoimport/amoimport/internal/demodata"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/source"
)

// legacy is the loaded database, as an import reads it.
type legacy struct {
	summary       demodata.Summary
	conversations map[source.ConversationID]source.Conversation
	keys          map[source.ConversationID][]source.Key // in order
	messages      map[source.ConversationID]map[string]source.Message
	managers      []source.Manager
}

func load(t *testing.T, opts demodata.Options) legacy {
	t.Helper()
	ctx := t.Context()
	dsn := pgtest.Database(t)
	summary, err := demodata.Load(ctx, dsn, opts)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, dsn)
	l := legacy{
		summary:       summary,
		conversations: make(map[source.ConversationID]source.Conversation),
		keys:          make(map[source.ConversationID][]source.Key),
		messages:      make(map[source.ConversationID]map[string]source.Message),
	}
	for c, err := range db.Conversations(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		l.conversations[c.ID] = c
	}
	for k, err := range db.Keys(ctx, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		l.keys[k.Conversation] = append(l.keys[k.Conversation], k)
	}
	for c, keys := range l.keys {
		slices.SortFunc(keys, func(a, b source.Key) int {
			return cmp.Or(a.SentAt.Compare(b.SentAt), cmp.Compare(a.Seq, b.Seq), strings.Compare(a.ID, b.ID))
		})
		l.messages[c] = make(map[string]source.Message)
		for len(keys) > 0 {
			ids := make([]string, len(keys))
			for i, k := range keys {
				ids[i] = k.ID
			}
			msgs, looked, err := db.Messages(ctx, c, ids)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range msgs {
				l.messages[c][m.ID] = m
			}
			keys = keys[looked:]
		}
	}
	if l.managers, err = db.Managers(ctx); err != nil {
		t.Fatal(err)
	}
	return l
}

func open(t *testing.T, dsn string) *source.DB {
	t.Helper()
	db, err := source.Open(t.Context(), source.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestLoad(t *testing.T) {
	l := load(t, demodata.Options{})
	t.Run("fills a shop of some years", func(t *testing.T) { fillsAShop(t, l) })
	t.Run("is the same each time", func(t *testing.T) { isTheSame(t, l) })
	t.Run("gives what is expected when composed", func(t *testing.T) { composesAsExpected(t, l) })
	t.Run("groups people as expected", func(t *testing.T) { groupsPeople(t, l) })
}

func fillsAShop(t *testing.T, l legacy) {
	total, longest := 0, source.ConversationID("")
	for c, keys := range l.keys {
		total += len(keys)
		if len(keys) > len(l.keys[longest]) {
			longest = c
		}
		for _, k := range keys {
			if y := k.SentAt.Year(); !k.SentAt.IsZero() && (y < 2019 || y > 2024) && k.Conversation != "odd-rows" {
				t.Errorf("message %s of %s is of the year %d", k.ID, c, y)
			}
		}
	}
	want := demodata.Summary{Conversations: len(l.conversations), Messages: total, Managers: len(l.managers), Longest: 2500}
	if l.summary != want {
		t.Errorf("Load reports %+v, the database holds %+v", l.summary, want)
	}
	if longest != demodata.LongConversation || len(l.keys[longest]) != 2500 {
		t.Errorf("the longest conversation is %s with %d messages", longest, len(l.keys[longest]))
	}
	if c := len(l.conversations); c < 310 || c > 330 {
		t.Errorf("%d conversations, want some 320", c)
	}
	if total < 8500 || total > 9500 {
		t.Errorf("%d messages, want some 9,000", total)
	}
	russian, english := 0, 0
	for _, msgs := range l.messages {
		for _, m := range msgs {
			if strings.ContainsFunc(m.Text, func(r rune) bool { return r >= 'а' && r <= 'я' }) {
				russian++
			} else if strings.ContainsFunc(m.Text, func(r rune) bool { return r >= 'a' && r <= 'z' }) {
				english++
			}
		}
	}
	if russian < 4000 || english < 1000 {
		t.Errorf("%d Russian and %d English messages", russian, english)
	}
	if left := strings.Count(l.messages["c0001"][l.keys["c0001"][0].ID].Text, "{"); left > 0 {
		t.Error("a place in a sentence was not filled")
	}
}

func isTheSame(t *testing.T, a legacy) {
	b := load(t, demodata.Options{ManagerEmails: []string{"first@example.org"}})
	if diff := gocmp.Diff(a.messages, b.messages); diff != "" {
		t.Errorf("two loads differ in messages:\n%.2000s", diff)
	}
	if diff := gocmp.Diff(a.conversations, b.conversations); diff != "" {
		t.Errorf("two loads differ in conversations:\n%.2000s", diff)
	}
	// All but the e-mails that the second was asked for.
	emails := make(map[string]string)
	for _, m := range b.managers {
		emails[m.ID] = m.Email
	}
	if emails["mgr-1"] != "first@example.org" || emails["mgr-2"] != "boris@example.com" || emails["mgr-6"] != "" {
		t.Errorf("managers have the e-mails %v", emails)
	}
}

func TestLoadRefusesAFilledDatabase(t *testing.T) {
	dsn := pgtest.Database(t)
	if err := demodata.LoadSized(t.Context(), dsn, 1, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := demodata.Load(t.Context(), dsn, demodata.Options{}); err == nil {
		t.Error("a second load into the same database succeeded")
	}
}

// composed is what composing alone makes of every message: the reply's fate is
// the importer's to decide, and is decided here in the simplest way.
func composed(l legacy) map[[2]string]demodata.Expectation {
	settings := compose.Settings{IDs: compose.DefaultTemplates(), Managers: make(map[string]compose.Manager)}
	settings.Bot.ID, settings.Bot.RefID, settings.Bot.Name = "bot", "bot-ref", "Shop"
	for _, m := range l.managers {
		manager := compose.Manager{Name: m.Name}
		if m.ID == "mgr-1" || m.ID == "mgr-2" {
			manager.RefID = "ref-" + m.ID
		}
		settings.Managers[m.ID] = manager
	}
	out := make(map[[2]string]demodata.Expectation)
	for id, keys := range l.keys {
		c, known := l.conversations[id]
		msgids := make(map[string]string) // of what was sent so far
		for _, k := range keys {
			m := l.messages[id][k.ID]
			e := demodata.Expectation{Conversation: string(id), Message: k.ID}
			reply := compose.Reply{MsgID: msgids[m.ReplyToID]}
			if target, exists := l.messages[id][m.ReplyToID]; reply.MsgID == "" && exists {
				reply.Note = "reply_dropped_later"
				if before(target, m) {
					reply.Note = "reply_dropped_skipped"
				}
			} else if reply.MsgID == "" {
				reply.Note = "reply_dropped_missing"
			}
			got, refusal := settings.Compose(c, m, reply)
			switch {
			case !known:
				e.Outcome, e.Reason = "parked", "no_conversation"
			case refusal != nil:
				e.Outcome, e.Reason = "parked", string(refusal.Code)
				if refusal.Code == "skipped_by_query" || refusal.Code == "blank_text" {
					e.Outcome = "skipped"
				}
			default:
				e.Outcome, e.Parts = "sent", len(got.Parts)
				for _, n := range got.Notes {
					e.Notes = append(e.Notes, string(n))
				}
				msgids[k.ID] = got.Parts[0].MsgID
			}
			out[[2]string{e.Conversation, e.Message}] = e
		}
	}
	return out
}

func before(a, b source.Message) bool {
	return cmp.Or(a.SentAt.Compare(b.SentAt), cmp.Compare(a.Seq, b.Seq), strings.Compare(a.ID, b.ID)) < 0
}

func composesAsExpected(t *testing.T, l legacy) {
	got := composed(l)
	sent := make(map[string]int)
	for _, e := range got {
		sent[e.Conversation] += e.Parts
	}
	ignore := cmpopts.IgnoreFields(demodata.Expectation{}, "Case")
	named := make(map[[2]string]bool)
	for _, want := range demodata.Expectations() {
		if want.Message == "" {
			if sent[want.Conversation] != want.Messages {
				t.Errorf("%s (%s): %d messages are sent, want %d", want.Conversation, want.Case, sent[want.Conversation], want.Messages)
			}
			continue
		}
		key := [2]string{want.Conversation, want.Message}
		named[key] = true
		if diff := gocmp.Diff(want, got[key], ignore, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Case, diff)
		}
	}
	for key, e := range got {
		if named[key] {
			continue
		}
		plain := demodata.Expectation{Conversation: key[0], Message: key[1], Outcome: "sent", Parts: 1}
		if !slices.Equal(e.Notes, []string{"bot_for_manager"}) {
			plain.Notes = nil
		} else {
			plain.Notes = e.Notes
		}
		if diff := gocmp.Diff(plain, e); diff != "" {
			t.Errorf("a message that no expectation names is odd (-plain +got):\n%s", diff)
		}
	}
}

func groupsPeople(t *testing.T, l legacy) {
	clients := make(map[string]map[string]bool) // phone → client ids
	keyOf := func(c source.Conversation) identity.Keys {
		return identity.Normalize("RU", c.ClientPhone, c.ClientEmail)
	}
	for _, c := range l.conversations {
		phone := keyOf(c).Phone
		if clients[phone] == nil {
			clients[phone] = make(map[string]bool)
		}
		clients[phone][c.ClientID] = true
	}
	person := func(c source.Conversation) string {
		k := keyOf(c)
		switch {
		case k.Phone != "" && len(clients[k.Phone]) <= 5:
			return "phone " + k.Phone
		case k.Email != "":
			return "e-mail " + k.Email
		}
		return "client " + c.ClientID
	}
	want := make(map[string]string) // person → expected person
	seen := make(map[string]string)
	for _, e := range demodata.Expectations() {
		if e.Person == "" {
			continue
		}
		got := person(l.conversations[source.ConversationID(e.Conversation)])
		if was, ok := want[got]; ok && was != e.Person {
			t.Errorf("%s: %s and %s would become one contact", e.Case, was, e.Person)
		}
		if was, ok := seen[e.Person]; ok && was != got {
			t.Errorf("%s: %s would become two contacts", e.Case, e.Person)
		}
		want[got], seen[e.Person] = e.Person, got
	}
	if len(seen) < 10 {
		t.Errorf("only %d people are told apart", len(seen))
	}
	// All others are people of their own.
	owners := make(map[string]string)
	for _, c := range l.conversations {
		p := person(c)
		if other, ok := owners[p]; ok && want[p] == "" {
			t.Errorf("%s and %s share a contact", other, c.ID)
		}
		owners[p] = string(c.ID)
	}
}

func TestLoadSizedGivesWhatIsAskedFor(t *testing.T) {
	dsn := pgtest.Database(t)
	if err := demodata.LoadSized(t.Context(), dsn, 70, 10_003); err != nil {
		t.Fatal(err)
	}
	db := open(t, dsn)
	sizes := make(map[source.ConversationID]int)
	for k, err := range db.Keys(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		sizes[k.Conversation]++
	}
	total := 0
	for c, n := range sizes {
		total += n
		if n != 142 && n != 143 {
			t.Errorf("conversation %s has %d messages", c, n)
		}
	}
	if len(sizes) != 70 || total != 10_003 {
		t.Errorf("%d conversations with %d messages", len(sizes), total)
	}
}
