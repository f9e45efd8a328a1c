package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Setup is what may never change for a ledger: with other values the same legacy
// rows would get other ids, or go to another account.
type Setup struct {
	SourceName string
	Account    string // subdomain.domain
	ScopeID    string
	Message    string // the id templates
	Chat       string
	Client     string
	Author     string
	Manager    string
	SplitOver  int
}

// MixError refuses a run whose settings do not belong to this ledger.
type MixError struct{ Differences []string }

func (e *MixError) Error() string {
	return "this ledger belongs to another migration: " + strings.Join(e.Differences, "; ")
}

// Hint says what to do.
func (e *MixError) Hint() string {
	return "put the settings back, or use a ledger of its own (another ledger.schema or database) for the other migration"
}

// Settle records the setup of a new ledger, or compares: a difference is a
// *MixError. A ledger that was purged is refused with a *PurgedError.
func (l *Ledger) Settle(ctx context.Context, want Setup) error {
	var have Setup
	var purged *time.Time
	err := l.write(ctx, "compare the setup", func(tx pgx.Tx) (err error) {
		if purged, err = l.purgedAt(ctx, tx); err != nil || purged != nil {
			return err
		}
		_, err = tx.Exec(ctx, l.statement("insert_setup"), want.SourceName, want.Account, want.ScopeID,
			want.Message, want.Chat, want.Client, want.Author, want.Manager, want.SplitOver)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, l.statement("read_setup")).Scan(&have.SourceName, &have.Account, &have.ScopeID,
			&have.Message, &have.Chat, &have.Client, &have.Author, &have.Manager, &have.SplitOver)
	})
	if err != nil {
		return err
	}
	if purged != nil {
		return &PurgedError{At: *purged}
	}
	return have.differ(want)
}

// differ is a *MixError when the settings are not the same.
func (have Setup) differ(want Setup) error {
	var mix MixError
	differ := func(name string, have, want any) {
		if have != want {
			mix.Differences = append(mix.Differences, fmt.Sprintf("%s was %v, is %v", name, have, want))
		}
	}
	differ("source.name", have.SourceName, want.SourceName)
	differ("the account", have.Account, want.Account)
	differ("the scope (channel and account)", have.ScopeID, want.ScopeID)
	differ("ids.message", have.Message, want.Message)
	differ("ids.conversation", have.Chat, want.Chat)
	differ("ids.client", have.Client, want.Client)
	differ("ids.author", have.Author, want.Author)
	differ("ids.manager", have.Manager, want.Manager)
	differ("replay.split_over", have.SplitOver, want.SplitOver)
	if mix.Differences != nil {
		return &mix
	}
	return nil
}

// Learned returns what was learned under a name, or "".
func (l *Ledger) Learned(ctx context.Context, name string) (string, error) {
	var value string
	err := l.read(ctx, "read what was learned", func() error {
		err := l.pool.QueryRow(ctx, l.statement("read_learned"), name).Scan(&value)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return value, err
}

// Learn records what was learned.
func (l *Ledger) Learn(ctx context.Context, name, value string) error {
	return l.write(ctx, "record what was learned", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, l.statement("learn"), name, value)
		return err
	})
}

// Note records an event for the report. detail becomes JSON and holds nothing
// personal.
func (l *Ledger) Note(ctx context.Context, kind string, detail any) error {
	text, err := json.Marshal(detail)
	if err != nil {
		return l.fail("write down an event", err)
	}
	return l.write(ctx, "record an event", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, l.statement("note_event"), l.lease.epoch, kind, string(text))
		return err
	})
}
