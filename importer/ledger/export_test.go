package ledger

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Gathered is how many changes wait for the next group to be committed.
func Gathered(l *Ledger) int {
	l.commits.mu.Lock()
	defer l.commits.mu.Unlock()
	return len(l.commits.waiting)
}

// Idle takes the connections that the ledger has used and does not use now.
func Idle(ctx context.Context, l *Ledger) []*pgxpool.Conn {
	return l.pool.AcquireAllIdle(ctx)
}

// Statement is the text of a statement.
func Statement(l *Ledger, name string) string { return l.statement(name) }
