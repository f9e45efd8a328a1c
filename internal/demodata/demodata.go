// Package demodata is the built-in legacy database of the demo: a shop's
// helpdesk of some years, with every odd case that a real one has, and what an
// import should make of each. It is the same at every load.
package demodata

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"
)

//go:embed schema.sql
var schema string

// Options adapt the data to the account it will be imported into.
type Options struct {
	// ManagerEmails are the addresses of the first managers, in place of the
	// demo account's users: anna, boris, vera and gleb at example.com.
	ManagerEmails []string
}

// Summary counts what was loaded.
type Summary struct {
	Conversations int
	Messages      int
	Managers      int
	Longest       int // messages of the longest conversation
}

// Load creates the legacy schema in an empty database and fills it.
func Load(ctx context.Context, dsn string, opts Options) (Summary, error) {
	w := build(opts)
	s := Summary{
		Conversations: len(w.conversations),
		Messages:      len(w.messages),
		Managers:      len(w.managers),
		Longest:       longestMessages,
	}
	err := inTransaction(ctx, dsn, func(tx pgx.Tx) error {
		if err := copyRows(ctx, tx, "managers", managerColumns, len(w.managers), func(i int) []any {
			return w.managers[i].row()
		}); err != nil {
			return err
		}
		if err := copyRows(ctx, tx, "conversations", conversationColumns, len(w.conversations), func(i int) []any {
			return w.conversations[i].row()
		}); err != nil {
			return err
		}
		return copyRows(ctx, tx, "messages", messageColumns, len(w.messages), func(i int) []any {
			return w.messages[i].row()
		})
	})
	if err != nil {
		return Summary{}, fmt.Errorf("load the demo's legacy database: %w", err)
	}
	return s, nil
}

// inTransaction creates the schema, lets fill fill it, and commits.
func inTransaction(ctx context.Context, dsn string, fill func(pgx.Tx) error) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, schema); err != nil {
			return fmt.Errorf("create the tables: %w", err)
		}
		return fill(tx)
	})
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "analyze conversations, messages, managers")
	return err
}

func copyRows(ctx context.Context, tx pgx.Tx, table string, columns []string, n int, row func(int) []any) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(n, func(i int) ([]any, error) {
		return row(i), nil
	}))
	if err != nil {
		return fmt.Errorf("fill %s: %w", table, err)
	}
	return nil
}
