package verify_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
	"github.com/sourcegraph/conc/pool"
)

// perChat is how many messages a chat of the benchmarks has.
const perChat = 10

// chatsOf is how many chats a benchmark has: 100,000, or AMOIMPORT_BENCH_CHATS.
func chatsOf() int {
	if n, err := strconv.Atoi(os.Getenv("AMOIMPORT_BENCH_CHATS")); err == nil {
		return n
	}
	return 100_000
}

// BenchmarkVerify reads many chats back over loopback, from a sandbox without limits, and
// compares that with a plain loop of as many requests: x/plain is how much of its
// speed verify has.
func BenchmarkVerify(b *testing.B) {
	w := newBench(b, sandbox.Options{})
	n := chatsOf()
	chats := make([]string, n)
	ids := make([][perChat]string, n)
	workers := pool.New().WithMaxGoroutines(4).WithErrors()
	for i := range chats {
		workers.Go(func() (err error) {
			chats[i], ids[i], err = w.fill(b.Context(), source.ConversationID(fmt.Sprint(i)))
			return err
		})
	}
	if err := workers.Wait(); err != nil {
		b.Fatal(err)
	}
	w.record(n, func(i int) string { return chats[i] }, func(i, k int) string { return ids[i][k] })
	ids = nil
	served, err := w.world.Start()
	if err != nil {
		b.Fatal(err)
	}
	defer served.Close()
	wo := w.world.Options()
	client, err := amojo.New(&http.Client{Transport: amojo.SigningTransport{Secret: wo.Channel.Secret, Base: &http.Transport{MaxIdleConnsPerHost: 64}}},
		served.URL, amojo.Scope{ChannelID: wo.Channel.ID, AccountID: wo.Account.AmojoID})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		counting := w.counted(client)
		begun := time.Now()
		got := w.read(verify.Options{Chats: counting, Ping: pings(client), Anew: true})
		took := time.Since(begun)
		if got.Chats != int64(n) || got.Present != int64(n*perChat) || !got.Clean() {
			b.Fatalf("got %+v", got)
		}
		plain := plainly(b, client, chats, counting.requests.Load())
		b.ReportMetric(plain.Seconds()/took.Seconds(), "x/plain")
		b.ReportMetric(float64(n*perChat)/took.Seconds(), "messages/s")
		b.ReportMetric(took.Seconds(), "s")
	}
}

// pings asks what verify asks besides.
func pings(chats *amojo.Client) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := chats.Ping(ctx)
		return err
	}
}

// plainly makes that many of the same requests and looks at nothing.
func plainly(b *testing.B, chats verify.Chats, ids []string, requests int64) time.Duration {
	begun := time.Now()
	workers := pool.New().WithMaxGoroutines(16).WithErrors()
	for i := range requests {
		workers.Go(func() error {
			n := int64(len(ids))
			_, err := chats.History(b.Context(), amojo.ChatID(ids[i%n]), int(i/n)*perChat, amojo.MaxHistoryPage)
			return err
		})
	}
	if err := workers.Wait(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begun)
}

// BenchmarkVerifyMemory reads a tenth of the chats, and all, from a server that makes
// them up, and compares how large the heap became.
func BenchmarkVerifyMemory(b *testing.B) {
	for b.Loop() {
		few := memory(b, chatsOf()/10)
		many := memory(b, chatsOf())
		b.ReportMetric(float64(many)/float64(few), "x/tenth")
		b.ReportMetric(float64(many>>20), "MiB")
		if float64(many) > 1.3*float64(few) {
			b.Errorf("%d MiB for a tenth of the chats, %d MiB for all", few>>20, many>>20)
		}
	}
}

// memory is the largest heap while n chats are read.
func memory(b *testing.B, n int) uint64 {
	w := newBench(b, sandbox.Options{})
	w.record(n, func(i int) string { return fmt.Sprintf("chat-%d", i) }, func(i, k int) string { return fmt.Sprintf("amojo-%d-%d", i, k) })
	madeUp := chatsFunc(func(_ context.Context, chat amojo.ChatID, offset, _ int) ([]amojo.HistoryMessage, error) {
		if offset > 0 {
			return nil, nil
		}
		id := strings.TrimPrefix(string(chat), "chat-")
		page := make([]amojo.HistoryMessage, perChat)
		for k := range page {
			msec := monday + int64(k)*1000
			page[k] = amojo.HistoryMessage{AmojoID: fmt.Sprintf("amojo-%s-%d", id, k), MsgID: msgid(source.ConversationID(id), fmt.Sprint(k)),
				Timestamp: msec / 1000, MsecTimestamp: msec, Type: amojo.TypeText, Text: "words", Sender: amojo.Participant{ClientID: "client-" + id}}
		}
		return page, nil
	})
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // what counts is what is held, not what was
	debug.FreeOSMemory()
	var most atomic.Uint64
	ctx, stop := context.WithCancel(b.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for tick := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapAlloc))
		}
	}()
	got := w.read(verify.Options{Chats: madeUp, Ping: func(context.Context) error { return nil }})
	stop()
	<-watched
	if got.Present != int64(n*perChat) || !got.Clean() {
		b.Fatalf("got %+v", got)
	}
	return most.Load()
}

// fill makes a chat with its messages, past all that a ledger would record.
func (b *bench) fill(ctx context.Context, conv source.ConversationID) (chat string, ids [perChat]string, err error) {
	created, err := b.chats.CreateChat(ctx, amojo.Chat{ConversationID: "c-" + string(conv), User: client(conv)})
	for k := range ids {
		if err != nil {
			return "", ids, err
		}
		part := amojo.Message{MsgID: msgid(conv, fmt.Sprint(k)), ConversationID: "c-" + string(conv), Silent: true,
			Sender: client(conv), Content: amojo.Content{Type: amojo.TypeText, Text: "words"}}
		compose.Stamp(&part, monday+int64(k)*1000)
		var receipt amojo.Receipt
		receipt, err = b.chats.SendMessage(ctx, part)
		ids[k] = receipt.AmojoID
	}
	return string(created.ID), ids, err
}

// record writes n chats into the ledger as sent.
func (b *bench) record(n int, chat func(i int) string, amojoID func(i, k int) string) {
	b.t.Helper()
	ctx, conn := b.t.Context(), b.sql()
	_, err := conn.CopyFrom(ctx, pgx.Identifier{"amoimport", "conversation"}, []string{"id", "conversation_id", "chat_id", "last_msgid"},
		pgx.CopyFromSlice(n, func(i int) ([]any, error) {
			id := source.ConversationID(fmt.Sprint(i))
			return []any{string(id), "c-" + string(id), chat(i), msgid(id, fmt.Sprint(perChat-1))}, nil
		}))
	if err != nil {
		b.t.Fatal(err)
	}
	_, err = conn.CopyFrom(ctx, pgx.Identifier{"amoimport", "message"},
		[]string{"conversation", "id", "msgid", "sent_at", "seq", "row_hash", "outcome", "attempts", "parts", "parts_sent", "part_ends", "amojo_ids",
			"sent_msec", "body_hash", "kind", "author", "settled_at"},
		pgx.CopyFromSlice(n*perChat, func(i int) ([]any, error) {
			id, k := source.ConversationID(fmt.Sprint(i/perChat)), i%perChat
			msec := monday + int64(k)*1000
			return []any{string(id), fmt.Sprint(k), msgid(id, fmt.Sprint(k)), time.UnixMilli(msec), 0, [16]byte{}, "sent", 1, 1, 1, []int{5},
				[]string{amojoID(i/perChat, k)}, msec, wordsHash(), "text", "client-" + string(id), time.UnixMilli(monday)}, nil
		}))
	if err == nil {
		_, err = conn.Exec(ctx, "vacuum analyze amoimport.message, amoimport.conversation")
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
