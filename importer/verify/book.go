package verify

import (
	"context"
	"sync"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
)

const (
	// bookPage is how many verdicts are written at a time.
	bookPage = 250
	// bookTime is how long a verdict waits to be written.
	bookTime = 5 * time.Second
)

// book writes verdicts into the ledger, many at a time.
type book struct {
	ledger *ledger.Ledger
	pass   int64
	repair bool

	mu       sync.Mutex
	verdicts []ledger.ChatVerdict
	since    time.Time // when the first of them came
	seen     bool      // a chat of this run showed something of ours
	repaired Repair
}

// add takes a verdict in and tells, and writes what is due.
func (b *book) add(ctx context.Context, v ledger.ChatVerdict, tell func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.verdicts) == 0 {
		b.since = time.Now()
	}
	b.verdicts = append(b.verdicts, v)
	b.seen = b.seen || v.Present > 0
	tell()
	if len(b.verdicts) < bookPage && time.Since(b.since) < bookTime {
		return nil
	}
	return b.write(ctx)
}

// save writes what is left.
func (b *book) save(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.write(ctx)
}

func (b *book) write(ctx context.Context) error {
	if len(b.verdicts) == 0 {
		return nil
	}
	for i := range b.verdicts {
		v := &b.verdicts[i]
		switch {
		case !b.repair:
			v.Lost = nil
		case v.Present == 0 && !b.seen:
			// Nothing was seen anywhere: it may be the reading that shows nothing.
			b.repaired.Left += int64(len(v.Lost))
			v.Lost = nil
		default:
			b.repaired.Planned += int64(len(v.Lost))
		}
	}
	if err := b.ledger.SaveVerdicts(ctx, b.pass, b.verdicts); err != nil {
		return err
	}
	b.verdicts = nil
	return nil
}
