package source_test

import (
	"testing"
	"time"

	"github.com/amoimport/amoimport/internal/demodata"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/source"
)

func BenchmarkKeys(b *testing.B) {
	const rows = 200_000
	dsn := pgtest.Database(b)
	if err := demodata.LoadSized(b.Context(), dsn, rows/10, rows); err != nil {
		b.Fatal(err)
	}
	db := open(b, source.Options{DSN: dsn})
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range db.Keys(b.Context(), time.Time{}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != rows {
			b.Fatalf("%d keys", n)
		}
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkMessages(b *testing.B) {
	dsn := pgtest.Database(b)
	if err := demodata.LoadSized(b.Context(), dsn, 100, 20_000); err != nil {
		b.Fatal(err)
	}
	db := open(b, source.Options{DSN: dsn})
	var ids []string
	for k, err := range db.Keys(b.Context(), time.Time{}) {
		if err != nil {
			b.Fatal(err)
		}
		if k.Conversation == "c0000042" {
			ids = append(ids, k.ID)
		}
	}
	for b.Loop() {
		if msgs, _, err := db.Messages(b.Context(), "c0000042", ids); err != nil || len(msgs) != 200 {
			b.Fatal(len(msgs), err)
		}
	}
	b.ReportMetric(200*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
