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

// book writes verdicts into the ledger, many at a time, while others come in.
type book struct {
	ledger *ledger.Ledger
	pass   int64
	repair bool

	mu       sync.Mutex
	verdicts []ledger.ChatVerdict
	since    time.Time // when the first of them came
	seen     bool      // a chat of this run showed something of ours

	writing  sync.Mutex
	repaired Repair // guarded by writing
}

// add takes a verdict in and tells, and writes what is due.
func (b *book) add(ctx context.Context, v ledger.ChatVerdict, tell func()) error {
	b.mu.Lock()
	if len(b.verdicts) == 0 {
		b.since = time.Now()
	}
	b.verdicts = append(b.verdicts, v)
	b.seen = b.seen || v.Present > 0
	tell()
	due := len(b.verdicts) >= bookPage || time.Since(b.since) >= bookTime
	b.mu.Unlock()
	if !due {
		return nil
	}
	return b.save(ctx)
}

// save writes what there is. What cannot be written stays.
func (b *book) save(ctx context.Context) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.Lock()
	verdicts, seen := b.verdicts, b.seen
	b.verdicts = nil
	b.mu.Unlock()
	if len(verdicts) == 0 {
		return nil
	}
	did := b.repaired
	for i := range verdicts {
		v := &verdicts[i]
		switch {
		case !b.repair:
			v.Lost = nil
		case v.Present == 0 && !seen:
			// Nothing was seen anywhere: it may be the reading that shows nothing.
			did.Left += int64(len(v.Lost))
			v.Lost = nil
		default:
			for _, lost := range v.Lost {
				if !lost.Decided {
					did.Planned++
				}
			}
		}
	}
	if err := b.ledger.SaveVerdicts(ctx, b.pass, verdicts); err != nil {
		b.mu.Lock()
		b.verdicts = append(verdicts, b.verdicts...)
		b.mu.Unlock()
		return err
	}
	b.repaired = did
	return nil
}
