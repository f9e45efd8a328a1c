package ledger

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Place is the database that a ledger is in, or is to be in.
type Place struct {
	Version       string // such as 15.4
	VersionNumber int    // such as 150004
	Database      string
	Role          string
	ReadOnly      bool // a replica, or set so
	Exists        bool // there is a ledger
	MayCreate     bool // the schema, or what belongs into it
	Size          int64
	Folder        string // of the server's data; "" when it does not tell
	Local         bool   // the server says that it is on this machine
}

// Place asks the server about itself. It changes nothing.
func (l *Ledger) Place(ctx context.Context) (Place, error) {
	var p Place
	err := l.read(ctx, "look at the ledger's database", func() error {
		return l.pool.QueryRow(ctx, l.statement("look_place"), pgx.Identifier{l.schema}.Sanitize()).
			Scan(&p.Version, &p.VersionNumber, &p.Database, &p.Role, &p.ReadOnly, &p.Exists, &p.MayCreate, &p.Size, &p.Folder, &p.Local)
	})
	return p, err
}

// Compare sees whether settings belong to a ledger that there is: it fails as Settle
// would, and records nothing.
func (l *Ledger) Compare(ctx context.Context, want Setup) error {
	var have Setup
	var purged *time.Time
	found := false
	err := l.read(ctx, "compare the setup", func() error {
		return pgx.BeginTxFunc(ctx, l.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
			if purged, err = l.purgedAt(ctx, tx); err != nil || purged != nil {
				return err
			}
			rows, err := tx.Query(ctx, l.statement("read_fixed_setup"))
			if err != nil {
				return err
			}
			setups, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Setup])
			if found = len(setups) == 1; found {
				have = setups[0]
			}
			return err
		})
	})
	switch {
	case err != nil:
		return err
	case purged != nil:
		return &PurgedError{At: *purged}
	case !found:
		return nil
	}
	return have.differ(want)
}
