package verify_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/amoimport/amoimport/pace"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// five are letters a second apart.
func five() []letter {
	return []letter{{id: "1"}, {id: "2", msec: 1000}, {id: "3", msec: 2000}, {id: "4", msec: 3000}, {id: "5", msec: 4000}}
}

// TestRun changes chats of five messages, sent as they should be, and says what
// must be found.
func TestRun(t *testing.T) {
	type faults = map[verify.Fault][]verify.Example
	for name, c := range map[string]struct {
		world  sandbox.Options
		send   []letter
		spoil  func(*bench)
		chats  func(*bench) verify.Chats
		want   verify.Result
		unfair bool // the chat is not as it was sent
	}{
		"as sent": {want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5}}},

		"lost": {
			spoil:  func(b *bench) { b.world.LoseMessage(msgid("7", "3")) },
			want:   verify.Result{Counts: ledger.Counts{Messages: 5, Present: 4, Missing: 1}, Examples: faults{verify.Missing: examples("7", "3")}},
			unfair: true,
		},
		"lost part": {
			send:   []letter{{id: "1", parts: 3}, {id: "2", msec: 5}},
			spoil:  func(b *bench) { b.world.LoseMessage(msgid("7", "1") + "_p2") },
			want:   verify.Result{Counts: ledger.Counts{Messages: 4, Present: 3, Missing: 1}, Examples: faults{verify.Missing: {example("7", "1", 2)}}},
			unfair: true,
		},
		"nothing visible": {
			world:  sandbox.Options{VisibilityLag: sandbox.Lag{Min: time.Hour}},
			send:   five()[:2],
			want:   verify.Result{Counts: ledger.Counts{Messages: 2, Missing: 2}, Examples: faults{verify.Missing: examples("7", "1", "2")}},
			unfair: true,
		},
		"sent twice to a server that stores both": {
			world: sandbox.Options{RepeatedMsgID: sandbox.StoredTwice},
			spoil: func(b *bench) { b.repeat("7", "2", 0); b.repeat("7", "2", time.Hour); b.repeat("7", "5", 0) },
			want:  verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5, Doubled: 2}, Examples: faults{verify.Doubled: examples("7", "2", "5")}},

			unfair: true,
		},
		"sent twice to a server that drops the second": {
			world: sandbox.Options{RepeatedMsgID: sandbox.NewID},
			spoil: func(b *bench) { b.repeat("7", "2", 0) },
			want:  verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5}},
		},
		"moved by 2 s": {
			spoil: func(b *bench) { b.world.AlterMessage(msgid("7", "5"), "words", 2*time.Second) },
			want:  verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5}},
		},
		"moved by more": {
			spoil:  func(b *bench) { b.world.AlterMessage(msgid("7", "5"), "words", 2001*time.Millisecond) },
			want:   verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5, TimeOff: 1, Altered: 1}, Examples: faults{verify.TimeOff: examples("7", "5")}},
			unfair: true,
		},
		"moved back": {
			spoil:  func(b *bench) { b.world.AlterMessage(msgid("7", "1"), "words", -2001*time.Millisecond) },
			want:   verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5, TimeOff: 1, Altered: 1}, Examples: faults{verify.TimeOff: examples("7", "1")}},
			unfair: true,
		},
		"moved behind the next": {
			spoil:  func(b *bench) { b.world.AlterMessage(msgid("7", "2"), "words", 1900*time.Millisecond) },
			want:   verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5, OutOfOrder: 1}, Examples: faults{verify.OutOfOrder: examples("7", "2")}},
			unfair: true,
		},
		"moved to the end": {
			spoil:  func(b *bench) { b.world.AlterMessage(msgid("7", "1"), "words", time.Hour) },
			want:   verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5, OutOfOrder: 1, TimeOff: 1, Altered: 1}, Examples: faults{verify.OutOfOrder: examples("7", "1"), verify.TimeOff: examples("7", "1")}},
			unfair: true,
		},
		"parts changed places": {
			send: []letter{{id: "1", parts: 3}},
			spoil: func(b *bench) {
				b.world.AlterMessage(msgid("7", "1")+"_p2", "words", 10*time.Millisecond)
			},
			want:   verify.Result{Counts: ledger.Counts{Messages: 3, Present: 3, OutOfOrder: 1}, Examples: faults{verify.OutOfOrder: {example("7", "1", 2)}}},
			unfair: true,
		},
		"sent in the wrong order": { // the times sent do not follow the conversation's order
			send:   []letter{{id: "2"}, {id: "1", msec: 1}},
			spoil:  func(b *bench) { b.swapTimes("7", "1", "2") },
			want:   verify.Result{Counts: ledger.Counts{Messages: 2, Present: 2, OutOfOrder: 1}, Examples: faults{verify.OutOfOrder: examples("7", "1")}},
			unfair: true,
		},
		"another text": {
			spoil: func(b *bench) { b.world.AlterMessage(msgid("7", "5"), "worse", 0) },
			want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5, AlteredText: 1, Altered: 1},
				Examples: faults{verify.AlteredText: examples("7", "5")}},
			unfair: true,
		},
		"another text in the second part": {
			send:  []letter{{id: "1", parts: 3}, {id: "2", msec: 5}},
			spoil: func(b *bench) { b.world.AlterMessage(msgid("7", "1")+"_p2", "worse", 0) },
			want: verify.Result{Counts: ledger.Counts{Messages: 4, Present: 4, AlteredText: 1, Altered: 1},
				Examples: faults{verify.AlteredText: examples("7", "1")}},
			unfair: true,
		},
		"text and time": { // one message, altered in two ways
			spoil: func(b *bench) { b.world.AlterMessage(msgid("7", "5"), "worse", time.Minute) },
			want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5, AlteredText: 1, TimeOff: 1, Altered: 1},
				Examples: faults{verify.AlteredText: examples("7", "5"), verify.TimeOff: examples("7", "5")}},
			unfair: true,
		},
		"another kind": {
			chats: func(b *bench) verify.Chats {
				return b.changed(one(msgid("7", "2"), func(m *amojo.HistoryMessage) { m.Type = amojo.TypeFile }))
			},
			want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5, AlteredKind: 1, Altered: 1},
				Examples: faults{verify.AlteredKind: examples("7", "2")}},
			unfair: true,
		},
		"a second part that is no text": {
			send: []letter{{id: "1", parts: 2}},
			chats: func(b *bench) verify.Chats {
				return b.changed(one(msgid("7", "1")+"_p2", func(m *amojo.HistoryMessage) { m.Type = amojo.TypeFile }))
			},
			want: verify.Result{Counts: ledger.Counts{Messages: 2, Present: 2, AlteredKind: 1, Altered: 1},
				Examples: faults{verify.AlteredKind: {example("7", "1", 2)}}},
			unfair: true,
		},
		"another author": {
			chats: func(b *bench) verify.Chats {
				return b.changed(one(msgid("7", "2"), func(m *amojo.HistoryMessage) { m.Sender.ClientID = "client-8" }))
			},
			want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5, AlteredAuthor: 1, Altered: 1},
				Examples: faults{verify.AlteredAuthor: examples("7", "2")}},
			unfair: true,
		},
		"another manager": {
			spoil: func(b *bench) { b.spokenBy("7", "2", "m1", "ref-1") },
			chats: func(b *bench) verify.Chats {
				return b.changed(one(msgid("7", "2"), func(m *amojo.HistoryMessage) { m.Sender = amojo.Participant{AmojoID: "ref-2"} }))
			},
			want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5, AlteredAuthor: 1, Altered: 1},
				Examples: faults{verify.AlteredAuthor: examples("7", "2")}},
			unfair: true,
		},
		"a manager, known by amojo's id alone": {
			spoil: func(b *bench) { b.spokenBy("7", "2", "m1", "ref-1") },
			chats: func(b *bench) verify.Chats {
				return b.changed(one(msgid("7", "2"), func(m *amojo.HistoryMessage) { m.Sender = amojo.Participant{AmojoID: "ref-1"} }))
			},
			want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5}},
		},
		"kind and author left out": {
			chats: func(b *bench) verify.Chats {
				return b.changed(one(msgid("7", "2"), func(m *amojo.HistoryMessage) { m.Type, m.Sender = "", amojo.Participant{} }))
			},
			want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5}},
		},
		"purged": { // nobody knows any more what was said, and by whom
			spoil: func(b *bench) {
				if err := b.ledger.Purge(b.t.Context()); err != nil {
					b.t.Fatal(err)
				}
				b.world.AlterMessage(msgid("7", "5"), "worse", 0)
			},
			want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5, Unchecked: 5}},
		},
		"text of a manager": {
			spoil: func(b *bench) {
				b.world.WriteByHand(b.chat("7").ID, b.world.Options().Users[0].ID, "hello", time.UnixMilli(monday+1500))
			},
			want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5, Foreign: 1}},
		},
		"one planned still": {
			spoil: func(b *bench) { b.enrol("7", letter{id: "6", msec: 9000}); b.enrol("8", letter{id: "1"}) },
			want:  verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5}},
		},
		"row that came late": {
			send:  []letter{{id: "1"}, {id: "2", msec: 1000}, {id: "3", msec: 1001}},
			spoil: func(b *bench) { b.send("7", letter{id: "2b", msec: 1000, parts: 3}) },
			want:  verify.Result{Counts: ledger.Counts{Messages: 6, Present: 6}},
		},
		"row that came late and is lost": {
			spoil: func(b *bench) {
				b.send("7", letter{id: "2b", msec: 1500})
				b.world.LoseMessage(msgid("7", "2b"))
			},
			want:   verify.Result{Counts: ledger.Counts{Messages: 6, Present: 5, Missing: 1}, Examples: faults{verify.Missing: examples("7", "2b")}},
			unfair: true,
		},
		"history a second later":      {world: sandbox.Options{DriftSecond: true}, want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5}}},
		"history with oldest first":   {world: sandbox.Options{HistoryOrder: sandbox.OldestFirst}, want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5}}},
		"history in order of arrival": {world: sandbox.Options{HistoryOrder: sandbox.NewestArrivalFirst}, want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5}}},
		"history in any order": {
			chats: func(b *bench) verify.Chats { return b.changed(shuffle) },
			want:  verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5}},
		},
		"history in short pages": {
			chats: func(b *bench) verify.Chats {
				return chatsFunc(func(ctx context.Context, chat amojo.ChatID, offset, _ int) ([]amojo.HistoryMessage, error) {
					return b.chats.History(ctx, chat, offset, 2)
				})
			},
			want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5}},
		},
		"history in whole seconds": {
			send:  []letter{{id: "1"}, {id: "2", msec: 1}, {id: "3", msec: 2, parts: 3}, {id: "4", msec: 1999}},
			chats: func(b *bench) verify.Chats { return b.changed(shuffle, wholeSeconds) },
			want:  verify.Result{Counts: ledger.Counts{Messages: 6, Present: 6}},
		},
		"history in whole seconds, a second later": {
			world: sandbox.Options{DriftSecond: true},
			send:  []letter{{id: "1", msec: 999}, {id: "2", msec: 1999}},
			chats: func(b *bench) verify.Chats { return b.changed(wholeSeconds) },
			want:  verify.Result{Counts: ledger.Counts{Messages: 2, Present: 2}},
		},
		"history in milliseconds for some": {
			send:  []letter{{id: "1", msec: 500}, {id: "2", msec: 600}, {id: "3", msec: 700}},
			chats: func(b *bench) verify.Chats { return b.changed(wholeSecondsFor(msgid("7", "2"))) },
			want:  verify.Result{Counts: ledger.Counts{Messages: 3, Present: 3}},
		},
		"history in whole seconds, moved by 3 s": {
			chats: func(b *bench) verify.Chats { return b.changed(wholeSeconds) },
			spoil: func(b *bench) { b.world.AlterMessage(msgid("7", "5"), "words", 3*time.Second) },
			want:  verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5, TimeOff: 1, Altered: 1}, Examples: faults{verify.TimeOff: examples("7", "5")}},

			unfair: true,
		},
		"history without amojo's ids": {
			chats: func(b *bench) verify.Chats {
				return b.changed(func(page []amojo.HistoryMessage) {
					for i := range page {
						page[i].AmojoID = ""
					}
				})
			},
			want: verify.Result{Counts: ledger.Counts{Messages: 5, Present: 5}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, c.world)
			if c.send == nil {
				c.send = five()
			}
			b.send("7", c.send...)
			o := verify.Options{}
			if c.chats != nil {
				o.Chats = c.chats(b)
			}
			if c.spoil != nil {
				c.spoil(b)
			}
			got := b.verify(o)
			c.want.Chats = 1
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got.Clean() == c.unfair {
				t.Errorf("clean: %v", got.Clean())
			}
			if d := b.read(o).Digests; (d.Legacy == d.ReadBack) == c.unfair {
				t.Errorf("the digests are the same: %v", d.Legacy == d.ReadBack)
			}
		})
	}
}

// repeat sends a message again, with a later time.
func (b *bench) repeat(conv source.ConversationID, id string, later time.Duration) {
	b.t.Helper()
	for _, m := range b.chat(conv).Messages {
		if m.MsgID == msgid(conv, id) {
			m.TimeMsec += later.Milliseconds()
			_, err := b.chats.SendMessage(b.t.Context(), amojo.Message{MsgID: m.MsgID, ConversationID: "c-" + string(conv), Silent: true,
				Timestamp: m.TimeMsec / 1000, MsecTimestamp: m.TimeMsec, Sender: client(conv), Content: amojo.Content{Type: amojo.TypeText, Text: m.Text}})
			if err != nil {
				b.t.Fatal(err)
			}
			return
		}
	}
	b.t.Fatalf("no message %s", id)
}

// swapTimes makes two messages change places in the legacy order, as if they had
// been sent the wrong way round.
func (b *bench) swapTimes(conv source.ConversationID, one, other string) {
	b.t.Helper()
	_, err := b.sql().Exec(b.t.Context(), `
		update amoimport.message m set sent_at = o.sent_at
		from amoimport.message o
		where m.conversation = $1 and o.conversation = $1 and (m.id, o.id) in (($2, $3), ($3, $2))`, string(conv), one, other)
	if err != nil {
		b.t.Fatal(err)
	}
}

// spokenBy changes who spoke, by the ledger.
func (b *bench) spokenBy(conv source.ConversationID, id, author, ref string) {
	b.t.Helper()
	if _, err := b.sql().Exec(b.t.Context(), `update amoimport.message set author = $3, author_ref = $4 where conversation = $1 and id = $2`,
		string(conv), id, author, ref); err != nil {
		b.t.Fatal(err)
	}
}

// one changes a single message of a page.
func one(msgid string, change func(*amojo.HistoryMessage)) func([]amojo.HistoryMessage) {
	return func(page []amojo.HistoryMessage) {
		for i := range page {
			if page[i].MsgID == msgid {
				change(&page[i])
			}
		}
	}
}

// changed is the way to the history with each page changed.
func (b *bench) changed(changes ...func([]amojo.HistoryMessage)) verify.Chats {
	return chatsFunc(func(ctx context.Context, chat amojo.ChatID, offset, limit int) ([]amojo.HistoryMessage, error) {
		page, err := b.chats.History(ctx, chat, offset, limit)
		for _, change := range changes {
			change(page)
		}
		return page, err
	})
}

func shuffle(page []amojo.HistoryMessage) {
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(page), func(i, j int) { page[i], page[j] = page[j], page[i] })
}

func wholeSeconds(page []amojo.HistoryMessage) {
	for i := range page {
		page[i].MsecTimestamp = 0
	}
}

func wholeSecondsFor(msgid string) func([]amojo.HistoryMessage) {
	return func(page []amojo.HistoryMessage) {
		for i := range page {
			if page[i].MsgID == msgid {
				page[i].MsecTimestamp = 0
			}
		}
	}
}

// TestLongChat reads a chat of 2,500 messages, into which others write meanwhile.
func TestLongChat(t *testing.T) {
	for _, order := range []sandbox.HistoryOrder{sandbox.NewestFirst, sandbox.OldestFirst, sandbox.NewestArrivalFirst, sandbox.OldestArrivalFirst} {
		t.Run(string(order), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, sandbox.Options{HistoryOrder: order, DriftSecond: true})
			var letters []letter
			for i := range 2500 {
				letters = append(letters, letter{id: fmt.Sprint(i + 1), msec: int64(i / 7 * 100)})
				letters[i].msec += int64(i % 7)
			}
			b.send("7", letters...)
			chat := b.chat("7").ID
			var pages atomic.Int64
			arriving := chatsFunc(func(ctx context.Context, id amojo.ChatID, offset, limit int) ([]amojo.HistoryMessage, error) {
				page, err := b.chats.History(ctx, id, offset, limit)
				if n := pages.Add(1); n <= 30 {
					for i := range 3 {
						b.world.WriteByHand(chat, b.world.Options().Users[0].ID, "news", time.UnixMilli(monday+n*1000+int64(i)))
					}
				}
				return page, err
			})
			b.world.LoseMessage(msgid("7", "1234"))
			got := b.verify(verify.Options{Chats: arriving})
			if got.Foreign == 0 || got.Foreign > 90 {
				t.Errorf("%d foreign messages of 90", got.Foreign)
			}
			got.Foreign = 0
			want := verify.Result{Chats: 1, Counts: ledger.Counts{Messages: 2500, Present: 2499, Missing: 1}, Examples: map[verify.Fault][]verify.Example{verify.Missing: examples("7", "1234")}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestShiftedPage takes a message away between two pages, so that the one after
// the first page moves onto it: the second reading finds it.
func TestShiftedPage(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	var letters []letter
	for i := range 60 {
		letters = append(letters, letter{id: fmt.Sprint(i + 1), msec: int64(i)})
	}
	b.send("7", letters...)
	gone := msgid("7", "60") // the newest, which comes first
	first := true
	got := b.verify(verify.Options{Chats: chatsFunc(func(ctx context.Context, id amojo.ChatID, offset, limit int) ([]amojo.HistoryMessage, error) {
		page, err := b.chats.History(ctx, id, offset, limit)
		if first {
			first = false
			b.world.LoseMessage(gone)
		}
		return page, err
	})})
	if diff := cmp.Diff(verify.Result{Chats: 1, Counts: ledger.Counts{Messages: 60, Present: 60}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestManyChats spoils one message in some of 700 chats; the result does not
// depend on who was read first.
func TestManyChats(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.many(700)
	var want []verify.Example
	for i := 0; i < 700; i += 25 {
		conv := source.ConversationID(fmt.Sprint(i))
		b.world.LoseMessage(msgid(conv, "1"))
		want = append(want, example(conv, "1", 1))
	}
	slices.SortFunc(want, func(a, b verify.Example) int {
		if a.Conversation < b.Conversation {
			return -1
		}
		return 1
	})
	var told []int64
	var reading, most atomic.Int64
	got := b.verify(verify.Options{
		Concurrency: 5,
		Chats: chatsFunc(func(ctx context.Context, id amojo.ChatID, offset, limit int) ([]amojo.HistoryMessage, error) {
			now := reading.Add(1)
			defer reading.Add(-1)
			for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
			}
			<-time.After(time.Millisecond)
			return b.chats.History(ctx, id, offset, limit)
		}),
		Progress: func(done, total int64) {
			told = append(told, done)
			if total != 700 {
				t.Errorf("%d chats in all", total)
			}
		},
	})
	if got.Chats != 700 || got.Messages != 1400 || got.Missing != 28 || got.Present != 1372 || got.Clean() {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff(want[:verify.MaxExamples], got.Examples[verify.Missing]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(told) != 701 || !slices.IsSorted(told) || told[700] != 700 {
		t.Errorf("progress %v", told)
	}
	if most.Load() > 5 {
		t.Errorf("%d chats were read at a time", most.Load())
	}
}

// many sends two messages into each of n conversations.
func (b *bench) many(n int) {
	b.t.Helper()
	for i := range n {
		conv := source.ConversationID(fmt.Sprint(i))
		b.convs = append(b.convs, conv)
		for k, id := range []string{"1", "2"} {
			b.keys = append(b.keys, ledger.EnrolledKey{MsgID: msgid(conv, id),
				Key: source.Key{Conversation: conv, ID: id, SentAt: time.UnixMilli(monday + int64(k)).UTC()}})
		}
	}
	b.enrol("0")
	for _, conv := range b.convs {
		change := ledger.Change{Conversation: conv, LastMsgID: msgid(conv, "2")}
		chat, err := b.chats.CreateChat(b.t.Context(), amojo.Chat{ConversationID: "c-" + string(conv), User: client(conv)})
		if err == nil {
			err = b.ledger.SetChat(b.t.Context(), conv, string(chat.ID))
		}
		if err != nil {
			b.t.Fatal(err)
		}
		for k, id := range []string{"1", "2"} {
			msec := monday + int64(k)
			_, err := b.chats.SendMessage(b.t.Context(), amojo.Message{MsgID: msgid(conv, id), ConversationID: "c-" + string(conv), Silent: true,
				Timestamp: msec / 1000, MsecTimestamp: msec, Sender: client(conv), Content: amojo.Content{Type: amojo.TypeText, Text: "words"}})
			if err != nil {
				b.t.Fatal(err)
			}
			change.Settled = append(change.Settled, ledger.Settled{ID: id, Outcome: outcome.Sent, Parts: 1, PartsSent: 1, SentMsec: msec,
				Kind: source.KindText, Author: ledger.Author{ID: client(conv).ID}, BodyHash: wordsHash()})
		}
		if err := b.ledger.Commit(b.t.Context(), change); err != nil {
			b.t.Fatal(err)
		}
	}
}

// wordsHash is what the ledger knows of the text of one part.
func wordsHash() string {
	return compose.TextHash([]amojo.Message{{Content: amojo.Content{Text: "words"}}})
}

// TestSentWithoutChat has a ledger whose conversation lost its chat: what was sent
// into it is not forgotten.
func TestSentWithoutChat(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.send("7", five()...)
	if _, err := b.sql().Exec(t.Context(), `update amoimport.conversation set chat_id = null`); err != nil {
		t.Fatal(err)
	}
	got := b.verify(verify.Options{})
	if got.Chats != 1 || got.Missing != 5 || got.Clean() {
		t.Errorf("got %+v", got)
	}
}

func TestNothingSent(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.enrol("7", five()...)
	if got := b.verify(verify.Options{}); !cmp.Equal(got, verify.Result{}) || !got.Clean() {
		t.Errorf("got %+v", got)
	}
}

// TestPatience waits for messages that are not visible yet, but not for ever.
func TestPatience(t *testing.T) {
	for _, c := range []struct {
		patience  time.Duration
		present   int64
		min, most time.Duration
	}{
		{patience: 0, present: 0, most: time.Second},
		{patience: time.Minute, present: 5, min: 19 * time.Second, most: 31 * time.Second},
		{patience: 10 * time.Second, present: 0, min: 10 * time.Second, most: 11 * time.Second},
	} {
		dsn := emptyLedger(t)
		synctest.Test(t, func(t *testing.T) {
			b := benchOn(t, dsn, sandbox.Options{VisibilityLag: sandbox.Lag{Min: 20 * time.Second}})
			b.send("7", five()...)
			begun := time.Now()
			got := b.verify(verify.Options{Patience: c.patience})
			if took := time.Since(begun); got.Present != c.present || took < c.min || took > c.most {
				t.Errorf("patience %s: %d present after %s", c.patience, got.Present, took)
			}
		})
	}
}

// TestUnreadable gives answers that make no sense: some are asked for again.
func TestUnreadable(t *testing.T) {
	garbled := &amojo.CallError{Op: "read history", Subject: "chat", Status: 200, Err: io.ErrUnexpectedEOF}
	refused := &amojo.Error{Op: "read history", Subject: "chat", Status: 403, Type: "ORIGIN_INVALID_SIGNATURE"}
	cut := &amojo.CallError{Op: "read history", Subject: "chat", Err: io.ErrUnexpectedEOF}
	for name, c := range map[string]struct {
		err   error
		times int
		want  int // calls that failed
		fails bool
	}{
		"garbled for a while": {garbled, 4, 4, false},
		"garbled for good":    {garbled, 100, 5, true},
		"refused":             {refused, 1, 1, true},
		"cut":                 {cut, 1, 1, true},
	} {
		dsn := emptyLedger(t)
		synctest.Test(t, func(t *testing.T) {
			b := benchOn(t, dsn, sandbox.Options{})
			b.send("7", five()...)
			failed := 0
			got, err := verify.Run(t.Context(), verify.Options{Ledger: b.ledger, Template: "m-{id}",
				Chats: chatsFunc(func(ctx context.Context, id amojo.ChatID, offset, limit int) ([]amojo.HistoryMessage, error) {
					if failed < c.times {
						failed++
						return nil, c.err
					}
					return b.chats.History(ctx, id, offset, limit)
				})})
			if failed != c.want || (err != nil) != c.fails {
				t.Errorf("%s: %d failed calls, %v", name, failed, err)
			}
			if !c.fails && got.Present != 5 {
				t.Errorf("%s: got %+v", name, got)
			}
			var where *verify.Error
			if c.fails && (!errors.As(err, &where) || where.Conversation != "7" || !errors.Is(err, c.err)) {
				t.Errorf("%s: error %v does not say where or why", name, err)
			}
		})
	}
}

// TestNeverAnswered: a chat that alone gets errors for ever is named, and not taken for
// an outage, which would have no end.
func TestNeverAnswered(t *testing.T) {
	dsn := emptyLedger(t)
	synctest.Test(t, func(t *testing.T) {
		b := benchOn(t, dsn, sandbox.Options{})
		b.send("7", five()...)
		b.send("8", five()...)
		b.world.AddFault(sandbox.Fault{API: sandbox.Amojo, Path: regexp.MustCompile(b.chat("8").ID), Effect: sandbox.Effect{Kind: sandbox.Status, Code: 500}})
		o := b.world.Options()
		paced := &pace.Transport{Pacer: pace.New(pace.Config{Name: "amojo", Rate: 50}), AttemptTimeout: 10 * time.Second,
			Base: amojo.SigningTransport{Secret: o.Channel.Secret, Base: b.world.Transport()}}
		chats, err := amojo.New(&http.Client{Transport: paced}, "https://amojo.example.test", amojo.Scope{ChannelID: o.Channel.ID, AccountID: o.Account.AmojoID})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		got, err := verify.Run(ctx, b.options(verify.Options{Chats: chats, Concurrency: 1, Ping: pings(chats)}))
		var where *verify.Error
		var refused *amojo.Error
		if !errors.As(err, &where) || where.Conversation != "8" || !errors.As(err, &refused) || refused.Status != 500 || got.Chats != 1 {
			t.Errorf("%d chats; %v", got.Chats, err)
		}
	})
}

// TestEndlessHistory has a server that does not heed the offset.
func TestEndlessHistory(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.send("7", five()...)
	calls := 0
	_, err := verify.Run(t.Context(), verify.Options{Ledger: b.ledger, Template: "m-{id}",
		Chats: chatsFunc(func(ctx context.Context, id amojo.ChatID, _, limit int) ([]amojo.HistoryMessage, error) {
			calls++
			if calls > 10_000 {
				t.Fatal("it reads for ever")
			}
			return b.chats.History(ctx, id, 0, limit)
		})})
	if err == nil {
		t.Error("no error")
	}
}

// TestStop stops a run in the middle: the first failure ends the others, and so
// does the caller.
func TestStop(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.many(100)
	broken := errors.New("broken")
	// A goroutine in goexit1 has ended; a busy machine has not swept it away yet.
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(), goleak.IgnoreTopFunction("runtime.goexit1"))

	got, err := verify.Run(t.Context(), verify.Options{Ledger: b.ledger, Template: "m-{id}", Concurrency: 4,
		Chats: chatsFunc(func(ctx context.Context, id amojo.ChatID, offset, limit int) ([]amojo.HistoryMessage, error) {
			if string(id) == b.chat("42").ID {
				return nil, broken
			}
			return b.chats.History(ctx, id, offset, limit)
		})})
	var where *verify.Error
	if !errors.Is(err, broken) || !errors.As(err, &where) || where.Conversation != "42" || got.Chats >= 100 {
		t.Errorf("%d chats, %v", got.Chats, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	got, err = verify.Run(ctx, verify.Options{Ledger: b.ledger, Chats: b.chats, Anew: true, Concurrency: 4, Progress: func(done, _ int64) {
		if done == 10 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || got.Chats < 10 || got.Chats >= 100 {
		t.Errorf("%d chats, %v", got.Chats, err)
	}
}
