package dryrun_test

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/dryrun"
	"github.com/amoimport/amoimport/internal/demodata"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/source"
)

// strangers are people none of whom has a contact; nobody has to be waited for.
type strangers struct{}

func (strangers) Expect(context.Context, int64) error { return nil }
func (strangers) Lookups(people int64) int64          { return people }
func (strangers) FindContact(context.Context, importer.Person) (importer.Match, error) {
	return importer.Match{}, nil
}
func (strangers) OldestLead(context.Context, int64) (time.Time, error) { return time.Time{}, nil }

// BenchmarkDryRun goes through a million messages in a hundred thousand conversations,
// and through a tenth of the messages in as many conversations; AMOIMPORT_BENCH_MESSAGES
// sets another number.
func BenchmarkDryRun(b *testing.B) {
	most := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("AMOIMPORT_BENCH_MESSAGES")); err == nil {
		most = n
	}
	for _, messages := range []int{most / 10, most} {
		b.Run(strconv.Itoa(messages), func(b *testing.B) {
			dsn := pgtest.Database(b)
			if err := demodata.LoadSized(b.Context(), dsn, most/10, messages); err != nil {
				b.Fatal(err)
			}
			db, err := source.Open(b.Context(), source.Options{DSN: dsn})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			var peak uint64
			ctx, done := context.WithCancel(b.Context())
			watched := make(chan struct{})
			go func() {
				defer close(watched)
				for tick := time.NewTicker(50 * time.Millisecond); ; {
					select {
					case <-tick.C:
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						peak = max(peak, m.Sys-m.HeapReleased)
					case <-ctx.Done():
						return
					}
				}
			}()
			b.ResetTimer()
			for range b.N {
				r, err := dryrun.Run(ctx, dryrun.Options{Source: db, People: strangers{}, SharedMax: 5, PersonKey: []byte("k"), Region: "RU",
					Compose: compose.Settings{IDs: compose.DefaultTemplates(), Bot: amojo.Party{ID: "b", RefID: "b", Name: "b"}}})
				if err != nil {
					b.Fatal(err)
				}
				if r.Messages.Total != int64(messages) {
					b.Fatalf("%+v", r.Messages)
				}
			}
			b.StopTimer()
			done()
			<-watched
			b.ReportMetric(float64(messages)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			b.ReportMetric(float64(peak)/(1<<20), "MiB")
		})
	}
}
