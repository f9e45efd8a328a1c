package ledger

import (
	"context"
	"time"
)

// Lag is what is known and not sent.
type Lag struct {
	Planned int64
	Oldest  time.Time // sent_at of the oldest of them; zero: there are none
}

// Lag tells what is known and not sent, held messages among it.
func (l *Ledger) Lag(ctx context.Context) (Lag, error) {
	var lag Lag
	err := l.read(ctx, "count what is not sent", func() error {
		lag = Lag{}
		var oldest *time.Time
		err := l.pool.QueryRow(ctx, l.statement("read_lag")).Scan(&lag.Planned, &oldest)
		if oldest != nil {
			lag.Oldest = *oldest
		}
		return err
	})
	return lag, err
}
