package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// learnedPurged is the name under which a purge is remembered.
const learnedPurged = "purged"

// PurgedError refuses to import with a ledger whose people were removed: it cannot
// tell any more who has a contact already.
type PurgedError struct{ At time.Time }

func (e *PurgedError) Error() string {
	return "what refers to people was purged from this ledger at " + e.At.UTC().Format(time.RFC3339) + ", so nothing more can be imported with it"
}

// Hint says what to do.
func (e *PurgedError) Hint() string {
	return "import new conversations with a ledger of their own, and with queries that leave out what was imported: a new ledger does not know of it"
}

// Purge removes what refers to people: clients and their persons, contacts, hashes
// of rows and texts, and the words of servers and queries. What it keeps is ids,
// times, outcomes and counts, which Snapshot and a reading back of the chats need.
// Settle refuses a purged ledger for ever with a *PurgedError.
func (l *Ledger) Purge(ctx context.Context) error {
	return l.write(ctx, "remove what refers to people", func(tx pgx.Tx) error {
		// As the foreign keys want it: conversations let go of clients first.
		for _, name := range []string{"end_stagers", "clear_staging", "purge_verdicts", "purge_conversations", "purge_clients", "forget_shared",
			"purge_people", "purge_leads", "purge_batches", "purge_messages"} {
			if _, err := tx.Exec(ctx, l.statement(name)); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, l.statement("learn"), learnedPurged, "people")
		return err
	})
}

// Erase removes the whole ledger. The lease goes with it and is not to be released.
func (l *Ledger) Erase(ctx context.Context) error {
	l.lease.cancel()
	<-l.lease.done
	dropped := false // by an earlier try, perhaps
	err := l.write(ctx, "remove the ledger", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, l.statement("end_stagers")); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "drop schema "+pgx.Identifier{l.schema}.Sanitize()+" cascade")
		dropped = dropped || err == nil
		return err
	})
	var absent *absentError
	if dropped && errors.As(err, &absent) {
		return nil
	}
	return err
}

// purgedAt is when the ledger was purged; nil: never.
func (l *Ledger) purgedAt(ctx context.Context, tx pgx.Tx) (*time.Time, error) {
	var at time.Time
	err := tx.QueryRow(ctx, l.statement("read_purged")).Scan(&at)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &at, err
}
