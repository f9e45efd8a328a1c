package verify_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
	"github.com/google/go-cmp/cmp"
)

// counted counts the requests and the chats they read.
type counted struct {
	verify.Chats
	requests atomic.Int64
	mu       sync.Mutex
	chats    map[amojo.ChatID]int
}

func (b *bench) counted(inner verify.Chats) *counted {
	return &counted{Chats: inner, chats: map[amojo.ChatID]int{}}
}

func (c *counted) History(ctx context.Context, chat amojo.ChatID, offset, limit int) ([]amojo.HistoryMessage, error) {
	c.requests.Add(1)
	c.mu.Lock()
	c.chats[chat]++
	c.mu.Unlock()
	return c.Chats.History(ctx, chat, offset, limit)
}

// TestResume stops a pass in the middle; the next one reads what is left, and what got
// a message meanwhile, and tells of all.
func TestResume(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.many(120)
	for _, conv := range []source.ConversationID{"0", "119"} {
		b.world.LoseMessage(msgid(conv, "1"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	first, err := verify.Run(ctx, b.options(verify.Options{Concurrency: 1, Progress: func(done, _ int64) {
		if done == 40 {
			cancel()
		}
	}}))
	if !errors.Is(err, context.Canceled) || first.Chats < 40 || first.Chats == 120 || first.Pass.EndedAt != nil {
		t.Fatalf("%d chats, ended %v: %v", first.Chats, first.Pass.EndedAt, err)
	}
	// The first in order was read; something more is sent into it.
	b.send("0", letter{id: "3", msec: 9})

	chats := b.counted(b.chats)
	var plan verify.Plan
	second := b.read(verify.Options{Chats: chats, Expect: func(p verify.Plan) { plan = p }})
	if want := int(120 - first.Chats + 1); len(chats.chats) != want || plan.Unread != int64(want) || !plan.Resumed || plan.Chats != 120 {
		t.Errorf("%d chats were read, %d are left; the plan is %+v", len(chats.chats), want, plan)
	}
	if second.Chats != 120 || second.Messages != 241 || second.Missing != 2 || second.Pass.EndedAt == nil || !second.Pass.BegunAt.Equal(first.Pass.BegunAt) {
		t.Errorf("got %+v", second)
	}
	if diff := cmp.Diff([]verify.Example{example("0", "1", 1), example("119", "1", 1)}, second.Examples[verify.Missing]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	// A pass that ended is not gone on with; neither is one that is begun anew.
	chats = b.counted(b.chats)
	third := b.read(verify.Options{Chats: chats})
	if len(chats.chats) != 120 || third.Digests != second.Digests {
		t.Errorf("%d chats were read; %+v and %+v", len(chats.chats), third.Digests, second.Digests)
	}
	ctx, cancel = context.WithCancel(t.Context())
	if _, err = verify.Run(ctx, b.options(verify.Options{Progress: func(done, _ int64) {
		if done == 100 {
			cancel()
		}
	}})); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	chats = b.counted(b.chats)
	if b.read(verify.Options{Chats: chats, Anew: true}); len(chats.chats) != 120 {
		t.Errorf("anew, %d chats were read", len(chats.chats))
	}
}

// TestScope reads some chats only, always the same, and finds what is wrong in them.
func TestScope(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.many(60)
	b.world.LoseMessage(msgid("7", "1"))
	read := func(s verify.Scope) []amojo.ChatID {
		chats := b.counted(b.chats)
		got := b.read(verify.Options{Chats: chats, Scope: s})
		if got.Chats != int64(len(chats.chats)) || got.Pass.Scope != s.String() {
			t.Errorf("%s: %d chats were read, and %+v", s, len(chats.chats), got)
		}
		var ids []amojo.ChatID
		for id := range chats.chats {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		return ids
	}
	share, err := verify.ParseSample("5%")
	if err != nil {
		t.Fatal(err)
	}
	some := read(share)
	count, err := verify.ParseSample("20")
	if err != nil {
		t.Fatal(err)
	}
	more := read(count)
	if len(some) != 3 || len(more) != 20 || !slices.Equal(more, read(count)) {
		t.Errorf("samples of %d and %d chats", len(some), len(more))
	}
	for _, id := range some {
		if !slices.Contains(more, id) {
			t.Errorf("the larger sample does not hold %s", id)
		}
	}
	if n := len(read(verify.Scope{Count: 1000})); n != 60 {
		t.Errorf("a sample of more than all has %d", n)
	}
	only := verify.Scope{Only: []source.ConversationID{"8", "7", "8"}}
	if n := len(read(only)); n != 2 {
		t.Errorf("%d chats for two names", n)
	}
	if got := b.read(verify.Options{Scope: only}); got.Missing != 1 || got.Chats != 2 {
		t.Errorf("got %+v", got)
	}
	var unknown *verify.UnknownError
	if _, err := verify.Run(t.Context(), b.options(verify.Options{Scope: verify.Scope{Only: []source.ConversationID{"7", "x", "y", "7"}}})); !errors.As(err, &unknown) ||
		unknown.Error() != `of 3 conversations that were named, 2 have no chat: "x", "y"` {
		t.Errorf("unknown conversations: %v", err)
	}
	only = verify.Scope{}
	for i := range 12 {
		only.Only = append(only.Only, source.ConversationID(fmt.Sprintf("x%02d", i)))
	}
	if _, err := verify.Run(t.Context(), b.options(verify.Options{Scope: only})); err == nil || !strings.HasSuffix(err.Error(), `"x08", "x09" and 2 more`) {
		t.Errorf("many unknown conversations: %v", err)
	}
	if tallies, err := b.ledger.Tallies(t.Context()); err != nil || tallies.LastPass.Scope != "only 7,8" || tallies.LastPass.EndedAt == nil {
		t.Errorf("%+v, %v", tallies.LastPass, err)
	}
	for _, bad := range []string{"", "0", "-1", "x", "0%", "101%", "NaN%", "%"} {
		if s, err := verify.ParseSample(bad); err == nil {
			t.Errorf("%q is %s", bad, s)
		}
	}
}

// TestShortPages reads many short chats. A short page is their end, which saves a
// request for most of them, until a server shows that it is none.
func TestShortPages(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.many(300)
	chats := b.counted(b.chats)
	var plan verify.Plan
	if got := b.read(verify.Options{Chats: chats, Expect: func(p verify.Plan) { plan = p }}); !got.Clean() || got.Chats != 300 {
		t.Errorf("got %+v", got)
	}
	if n := chats.requests.Load(); n < 300+50+5 || n > 300+50+6 || plan.Requests != n {
		t.Errorf("%d requests, and %d were planned", n, plan.Requests)
	}

	// One chat holds others' messages too.
	filtering := b.filtering("222")
	chats = b.counted(filtering)
	got := b.read(verify.Options{Chats: chats, Concurrency: 4})
	if !got.Clean() || got.Chats != 300 {
		t.Errorf("got %+v", got)
	}
	for id, n := range chats.chats {
		if n < 2 {
			t.Fatalf("chat %s was read in %d requests: a short page was trusted", id, n)
		}
	}
	// It is not forgotten.
	chats = b.counted(b.chats)
	b.read(verify.Options{Chats: chats, Expect: func(p verify.Plan) { plan = p }})
	if n := chats.requests.Load(); n < 600 || plan.Requests != 600 {
		t.Errorf("later, %d requests, and %d were planned", n, plan.Requests)
	}
}

// filtering is a server that leaves out, after cutting its pages, the messages of
// others, who write into one chat a lot.
func (b *bench) filtering(behind source.ConversationID) verify.Chats {
	b.t.Helper()
	chat := b.chat(behind).ID
	for i := range 70 {
		b.world.WriteByHand(chat, b.world.Options().Users[0].ID, "live", time.UnixMilli(monday+1000+int64(i)))
	}
	return chatsFunc(func(ctx context.Context, id amojo.ChatID, offset, limit int) ([]amojo.HistoryMessage, error) {
		if string(id) != chat { // as any chat in which nobody else wrote
			return b.chats.History(ctx, id, offset, limit)
		}
		page, err := b.chats.History(ctx, id, 0, limit) // newest first: those of others
		switch {
		case offset == 0:
			page = page[:20]
		case offset == 20:
			page, err = b.chats.History(ctx, id, 50, limit)
		default:
			page = nil
		}
		return page, err
	})
}

// TestShortPagesResumed: a pass that is stopped after a short page proved to be no end
// is gone on with in that knowledge.
func TestShortPagesResumed(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.many(120)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	first, err := verify.Run(ctx, b.options(verify.Options{Concurrency: 1, Chats: b.filtering("60"), Progress: func(done, _ int64) {
		if done == 90 { // more than are tried first; the 78th shows it
			stop()
		}
	}}))
	if !errors.Is(err, context.Canceled) || first.Chats < 90 || first.Chats == 120 {
		t.Fatalf("%d chats: %v", first.Chats, err)
	}
	chats := b.counted(b.chats)
	if got := b.read(verify.Options{Chats: chats}); !got.Clean() || got.Chats != 120 {
		t.Errorf("got %+v", got)
	}
	if left := 120 - int(first.Chats); len(chats.chats) < left+20 {
		t.Errorf("%d chats were read: the %d that were left, and not those with short pages", len(chats.chats), left)
	}
	for id, n := range chats.chats {
		if n < 2 {
			t.Errorf("chat %s was read in %d requests: a short page was trusted", id, n)
		}
	}
}

// TestTrueIDs: where the ledger has another id of a message than its chat, it learns.
func TestTrueIDs(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.send("7", letter{id: "1", parts: 2}, letter{id: "2", msec: 5})
	b.exec(`update amoimport.message set amojo_ids[2] = 'wrong' where id = '1'`)
	b.exec(`update amoimport.message set amojo_ids = null where id = '2'`)
	if got := b.verify(verify.Options{}); !got.Clean() {
		t.Errorf("got %+v", got)
	}
	var want []string
	for _, m := range b.chat("7").Messages {
		want = append(want, m.ID)
	}
	var have []string
	for _, id := range []string{"1", "2"} {
		m, err := b.ledger.Messages(t.Context(), "7", id)
		if err != nil {
			t.Fatal(err)
		}
		have = append(have, m[id].AmojoIDs...)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func (b *bench) exec(sql string) {
	b.t.Helper()
	if _, err := b.sql().Exec(b.t.Context(), sql); err != nil {
		b.t.Fatal(err)
	}
}

// TestRepair plans again what is missing, and no more: the parts before the first that
// is missing stay sent.
func TestRepair(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.send("7", letter{id: "1"}, letter{id: "2", msec: 10, parts: 3}, letter{id: "3", msec: 20, parts: 3}, letter{id: "4", msec: 30})
	b.send("8", letter{id: "1"})
	for _, lost := range []string{msgid("7", "2"), msgid("7", "3") + "_p2", msgid("7", "4")} {
		b.world.LoseMessage(lost)
	}
	if got := b.verify(verify.Options{}); got.Missing != 3 || got.Repair != nil {
		t.Errorf("got %+v", got)
	}
	if n := b.planned(); len(n) != 0 {
		t.Fatalf("without being told to, %v were planned", n)
	}
	got := b.verify(verify.Options{Repair: true})
	if diff := cmp.Diff(&verify.Repair{Planned: 3}, got.Repair); diff != "" || got.Missing != 3 {
		t.Errorf("%+v (-want +got):\n%s", got, diff)
	}
	if tallies, err := b.ledger.Tallies(t.Context()); err != nil || !cmp.Equal(tallies.Events[len(tallies.Events)-1], ledger.Tally{Name: "repaired", Count: 1}) {
		t.Errorf("events %v: %v", tallies.Events, err)
	}
	want := map[string]int{"2": 0, "3": 1, "4": 0}
	if diff := cmp.Diff(want, b.planned()); diff != "" {
		t.Errorf("parts kept (-want +got):\n%s", diff)
	}
	// What was sent last, for the ledger, is something that is there.
	c, err := b.ledger.Conversation(t.Context(), "7")
	if err != nil || c.LastMsgID != msgid("7", "3") {
		t.Errorf("%s was sent last: %v", c.LastMsgID, err)
	}
	page, err := b.ledger.Page(t.Context(), "7", ledger.After{}, 10, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range page {
		if m.Attempts < 1 || len(m.AmojoIDs) != m.PartsSent || m.SentMsec == 0 || m.Parts == 0 {
			t.Errorf("%+v", m)
		}
	}
}

// TestRepairDecided: what is parked or left out is not planned again, and not counted so, though it is missing.
func TestRepairDecided(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.send("7", five()...)
	for id, outcome := range map[string]string{"2": "parked", "3": "skipped", "4": "sent"} {
		b.world.LoseMessage(msgid("7", id))
		b.exec(`update amoimport.message set outcome = '` + outcome + `' where id = '` + id + `'`)
	}
	got := b.verify(verify.Options{Repair: true})
	if got.Missing != 3 || got.Repair.Planned != 1 || got.Repair.Left != 0 || len(b.planned()) != 1 {
		t.Errorf("%d missing, %+v; %v are planned", got.Missing, got.Repair, b.planned())
	}
}

// planned are the planned messages of conversation 7, with how many parts are sent.
func (b *bench) planned() map[string]int {
	b.t.Helper()
	page, err := b.ledger.Page(b.t.Context(), "7", ledger.After{}, 10, false)
	if err != nil {
		b.t.Fatal(err)
	}
	parts := map[string]int{}
	for _, m := range page {
		parts[m.ID] = m.PartsSent
	}
	return parts
}

// TestRepairWhenNothingIsSeen: where no chat shows anything, it may be the reading that
// fails, and what is there must not be sent a second time.
func TestRepairWhenNothingIsSeen(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.send("7", five()...)
	b.send("8", letter{id: "1"})
	blind := chatsFunc(func(context.Context, amojo.ChatID, int, int) ([]amojo.HistoryMessage, error) { return nil, nil })
	got := b.verify(verify.Options{Repair: true, Chats: blind})
	if diff := cmp.Diff(&verify.Repair{Left: 6}, got.Repair); diff != "" || len(b.planned()) != 0 {
		t.Errorf("%v planned (-want +got):\n%s", b.planned(), diff)
	}
	// A chat that lost everything, beside one that shows something.
	for _, m := range five() {
		b.world.LoseMessage(msgid("7", m.id))
	}
	got = b.verify(verify.Options{Repair: true})
	c, err := b.ledger.Conversation(t.Context(), "7")
	if got.Repair.Planned != 5 || len(b.planned()) != 5 || c.LastMsgID != "" || err != nil {
		t.Errorf("%+v; %v planned, %q was sent last: %v", got.Repair, b.planned(), c.LastMsgID, err)
	}
}

// TestRepairResumed: what an earlier part of a pass found missing is looked for anew.
func TestRepairResumed(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.send("7", five()...)
	b.send("8", letter{id: "1"})
	b.send("9", letter{id: "1"})
	b.world.LoseMessage(msgid("7", "3"))
	broken := errors.New("broken")
	_, err := verify.Run(t.Context(), b.options(verify.Options{Concurrency: 1, Chats: chatsFunc(func(ctx context.Context, id amojo.ChatID, offset, limit int) ([]amojo.HistoryMessage, error) {
		if string(id) == b.chat("9").ID {
			return nil, broken
		}
		return b.chats.History(ctx, id, offset, limit)
	})}))
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	chats := b.counted(b.chats)
	got := b.verify(verify.Options{Repair: true, Chats: chats})
	if got.Repair.Planned != 1 || got.Chats != 3 || len(chats.chats) != 2 {
		t.Errorf("%+v, %d chats were read", got.Repair, len(chats.chats))
	}
}

// TestAsShown: what the chats show is told without the ledger's help, and changes when
// they do.
func TestAsShown(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.send("7", five()...)
	first := b.read(verify.Options{})
	// Made by hand, as the README says.
	var lines strings.Builder
	for k := range 5 {
		fmt.Fprintf(&lines, "%020d\t%s\t%s\t%x\n", monday/1000+int64(k), msgid("7", fmt.Sprint(k+1)), client("7").ID, sha256.Sum256([]byte("words")))
	}
	read, err := b.ledger.ReadChats(t.Context(), "", 10)
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte(lines.String()))); err != nil || len(read) != 1 || read[0].AsShown != want {
		t.Errorf("%+v, %v; want %s", read, err, want)
	}
	if again := b.read(verify.Options{Chats: b.changed(shuffle)}); again.Digests != first.Digests {
		t.Errorf("%+v, then %+v", first.Digests, again.Digests)
	}
	b.world.WriteByHand(b.chat("7").ID, b.world.Options().Users[0].ID, "live", time.UnixMilli(monday))
	if again := b.read(verify.Options{}); again.Digests != first.Digests || again.Shown != 5 {
		t.Errorf("somebody wrote: %+v, then %+v", first.Digests, again.Digests)
	}
	// What the ledger knows nothing of may be from an earlier import: it is shown too.
	_, err = b.chats.SendMessage(t.Context(), amojo.Message{MsgID: msgid("7", "old"), ConversationID: "c-7", Silent: true,
		Timestamp: monday / 1000, MsecTimestamp: monday, Sender: client("7"), Content: amojo.Content{Type: amojo.TypeText, Text: "old"}})
	if err != nil {
		t.Fatal(err)
	}
	if again := b.read(verify.Options{}); again.Digests.AsShown == first.Digests.AsShown || again.Shown != 6 || again.Foreign != 2 {
		t.Errorf("one of an earlier import: %+v, then %+v", first, again)
	}
	b.world.LoseMessage(msgid("7", "old"))
	b.world.AlterMessage(msgid("7", "1"), "words", 999*time.Millisecond)
	if again := b.read(verify.Options{}); again.Digests != first.Digests {
		t.Errorf("milliseconds count: %+v, then %+v", first.Digests, again.Digests)
	}
	b.world.AlterMessage(msgid("7", "5"), "words", time.Second)
	switch again := b.read(verify.Options{}); {
	case again.Digests.AsShown == first.Digests.AsShown:
		t.Error("a second more is not seen")
	case again.Digests.ReadBack != first.Digests.ReadBack || !again.Clean():
		t.Errorf("a second more is no fault: %+v", again)
	}
}

// TestCompare compares chats with what they showed.
func TestCompare(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	b.many(20)
	b.read(verify.Options{})
	compare := func() verify.Comparison {
		t.Helper()
		page, err := b.ledger.ReadChats(t.Context(), "", 100)
		if err != nil {
			t.Fatal(err)
		}
		var recorded []verify.Recorded
		for _, c := range page {
			recorded = append(recorded, verify.Recorded{Conversation: c.Conversation, ChatID: c.ChatID, Read: c.ReadAt != nil, Shown: c.Shown, AsShown: c.AsShown})
		}
		got, err := verify.Compare(t.Context(), verify.CompareOptions{Chats: b.chats, Prefix: "m-"}, all(recorded))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := compare(); !got.Same() || got.Equal != 20 {
		t.Errorf("%+v", got)
	}
	b.world.LoseMessage(msgid("3", "1"))
	b.world.AlterMessage(msgid("4", "1"), "worse", 0)
	b.send("5", letter{id: "9", msec: 4})
	b.exec(`delete from amoimport.chat_verdict where conversation = '6'`)
	chat := func(conv source.ConversationID) string { return b.chat(conv).ID }
	want := verify.Comparison{Chats: 20, Equal: 16, Differ: 3, Fewer: 1, More: 1, Unknown: 1, Differences: []verify.Difference{
		{Conversation: "3", ChatID: chat("3"), Was: 2, Is: 1}, {Conversation: "4", ChatID: chat("4"), Was: 2, Is: 2}, {Conversation: "5", ChatID: chat("5"), Was: 2, Is: 3}}}
	if diff := cmp.Diff(want, compare()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	broken := errors.New("broken")
	_, err := verify.Compare(t.Context(), verify.CompareOptions{Chats: b.chats}, func(yield func(verify.Recorded, error) bool) {
		yield(verify.Recorded{}, fmt.Errorf("reading: %w", broken))
	})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}
