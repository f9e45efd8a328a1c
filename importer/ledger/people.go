package ledger

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Found says how the contact of a person came to be known.
type Found string

// The ways to a contact.
const (
	ByField Found = "by_field" // by the custom field with the legacy id
	ByPhone Found = "by_phone"
	ByEmail Found = "by_email"
	Created Found = "created"
)

// SetContact records the contact of a person.
func (l *Ledger) SetContact(ctx context.Context, person, contact int64, how Found) error {
	return l.write(ctx, "record a contact", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, l.statement("set_contact"), person, contact, how)
		return err
	})
}

// Unmatched counts the people without a contact who have a conversation that is
// to be prepared.
func (l *Ledger) Unmatched(ctx context.Context) (int64, error) {
	var n int64
	err := l.read(ctx, "count the people without a contact", func() error {
		return l.pool.QueryRow(ctx, l.statement("count_unmatched")).Scan(&n)
	})
	return n, err
}

// Creation is one contact in a batch that is being created.
type Creation struct {
	Person     int64
	CreatedSec int64  // the created_at it is given
	ClientID   string // legacy id of the client it is named after
	NameKey    string // keyed hash of its name
	ContactID  int64  // 0: not known (yet)
}

// Batch is a creation of contacts whose end is not known.
type Batch struct {
	ID      int64
	Highest int64 // newest contact id before it
	Members []Creation
}

// OpenBatch records that the contacts of these people are about to be created.
func (l *Ledger) OpenBatch(ctx context.Context, highest int64, members []Creation) (int64, error) {
	var id int64
	err := l.write(ctx, "record a batch of contacts", func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, l.statement("open_batch"), highest).Scan(&id); err != nil {
			return err
		}
		var rows pgx.Batch
		for _, m := range members {
			rows.Queue(l.statement("join_batch"), m.Person, id, m.CreatedSec, m.ClientID, m.NameKey)
		}
		return tx.SendBatch(ctx, &rows).Close()
	})
	return id, err
}

// CloseBatch records the contacts a batch made; members without one were not made.
func (l *Ledger) CloseBatch(ctx context.Context, id int64, members []Creation) error {
	return l.write(ctx, "record created contacts", func(tx pgx.Tx) error {
		var rows pgx.Batch
		for _, m := range members {
			if m.ContactID != 0 {
				rows.Queue(l.statement("set_contact"), m.Person, m.ContactID, Created)
			}
		}
		rows.Queue(l.statement("close_batch"), id)
		return tx.SendBatch(ctx, &rows).Close()
	})
}

// OpenBatches are the batches whose end is not known.
func (l *Ledger) OpenBatches(ctx context.Context) ([]Batch, error) {
	var all []Batch
	err := l.read(ctx, "list open batches of contacts", func() error {
		all = nil
		rows, err := l.pool.Query(ctx, l.statement("list_open_batches"))
		if err != nil {
			return err
		}
		var b Batch
		var person, created *int64
		var named, key *string
		_, err = pgx.ForEachRow(rows, []any{&b.ID, &b.Highest, &person, &created, &named, &key}, func() error {
			if n := len(all); n == 0 || all[n-1].ID != b.ID {
				all = append(all, Batch{ID: b.ID, Highest: b.Highest})
			}
			if person != nil {
				last := &all[len(all)-1]
				last.Members = append(last.Members, Creation{Person: *person, CreatedSec: *created, ClientID: *named, NameKey: *key})
			}
			return nil
		})
		return err
	})
	return all, err
}
