package demodata

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// LoadSized creates the legacy schema in an empty database and fills it with
// plain conversations, all of nearly the same length, for measuring. The same
// numbers give the same rows.
func LoadSized(ctx context.Context, dsn string, conversations, messages int) error {
	if conversations < 1 || messages < 0 {
		return errors.New("load a legacy database: at least one conversation is needed")
	}
	err := inTransaction(ctx, dsn, func(tx pgx.Tx) error {
		for _, fill := range []struct {
			sql  string
			args []any
		}{
			{sizedManagers, nil},
			{sizedConversations, []any{conversations}},
			{sizedMessages, []any{conversations, messages}},
		} {
			if _, err := tx.Exec(ctx, fill.sql, fill.args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("load a legacy database of %d messages: %w", messages, err)
	}
	return nil
}

const (
	sizedManagers = `
		insert into managers (id, name, email)
		select 'mgr-' || n, 'Manager ' || n, 'manager' || n || '@example.com'
		from generate_series(1, 10) n`

	sizedConversations = `
		insert into conversations (id, client_id, client_name, client_phone, closed)
		select 'c' || lpad(n::text, 7, '0'), 'u' || n, 'Client ' || n, '+79' || lpad(n::text, 9, '0'), n % 2 = 0
		from generate_series(1, $1::int) n`

	// In key order, so that the index is filled from left to right.
	sizedMessages = `
		insert into messages (conversation_id, id, seq, sent_at, direction, manager_id, kind, text)
		select 'c' || lpad(c::text, 7, '0'), 'm' || lpad(n::text, 9, '0'), n,
			timestamptz '2019-01-01 00:00:00+00' + c * interval '1 minute' + i * interval '7 minutes',
			case when i % 2 = 0 then 'in' else 'out' end,
			case when i % 2 = 1 then 'mgr-' || 1 + n % 10 end,
			'text',
			'Message ' || n || ': ' || repeat('what people say in a chat, line after line; ', (1 + n % 3)::int)
		from generate_series(1, $1::int) c,
			lateral (select $2::bigint / $1 + case when c <= $2 % $1 then 1 else 0 end as size) s,
			lateral generate_series(0, s.size - 1) i,
			lateral (select ((i * $1::bigint) + c)::bigint as n) k`
)
