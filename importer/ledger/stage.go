package ledger

import (
	"context"
	"iter"
	"time"

	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// stage copies the pass into the staging tables, again from its beginning when
// Postgres was away meanwhile. Rows carry our epoch, so that a run that lost its
// lease in the middle cannot mix its rows with ours.
func (l *Ledger) stage(ctx context.Context, p Pass, m *Merged) error {
	var legacy error // of the stream; it is not ours to repeat
	err := l.again(ctx, "take the keys of the legacy rows", func() (err error) {
		*m = Merged{}
		legacy, err = l.stageOnce(ctx, p, m)
		return err
	})
	if legacy != nil {
		return legacy
	}
	return err
}

func (l *Ledger) stageOnce(ctx context.Context, p Pass, m *Merged) (legacy, err error) {
	err = l.write(ctx, "clear the staging tables", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, l.statement("end_stagers")); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, l.statement("clear_staging")); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, l.statement("drop_staging_order"))
		return err
	})
	if err != nil {
		return nil, err
	}
	if p.partial() {
		if legacy, err = l.stageKeys(ctx, p, m); legacy == nil && err == nil {
			legacy, err = l.stageUnknown(ctx, p, m)
		}
		return legacy, err
	}
	m.Conversations, legacy, err = l.copyConversations(ctx, p.Conversations)
	if legacy != nil || err != nil {
		return legacy, err
	}
	return l.stageKeys(ctx, p, m)
}

// lookupBatch is how many conversations a partial pass asks for at a time.
const lookupBatch = 500

// stageUnknown stages the conversations of staged keys that are not known yet.
func (l *Ledger) stageUnknown(ctx context.Context, p Pass, m *Merged) (legacy, err error) {
	for after := ""; ; {
		rows, err := l.pool.Query(ctx, l.statement("list_unknown"), l.lease.epoch, after, lookupBatch)
		if err != nil {
			return nil, err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[source.ConversationID])
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		// Before it is copied: whoever is asked may be away for long.
		var found []EnrolledConversation
		for c, err := range p.Lookup(ids...) {
			if err != nil {
				return err, nil
			}
			found = append(found, c)
		}
		n, _, err := l.copyConversations(ctx, func(yield func(EnrolledConversation, error) bool) {
			for _, c := range found {
				if !yield(c, nil) {
					return
				}
			}
		})
		if err != nil {
			return nil, err
		}
		m.Conversations += n
		after = string(ids[len(ids)-1])
	}
}

func (l *Ledger) copyConversations(ctx context.Context, rows iter.Seq2[EnrolledConversation, error]) (n int64, legacy, err error) {
	return copyIn(ctx, l, "enrol_conversation",
		[]string{"epoch", "id", "conversation_id", "client_id", "phone", "email", "source_external_id", "closed"},
		rows, func(c EnrolledConversation) []any {
			return []any{l.lease.epoch, string(c.ID), c.ConversationID, c.ClientID, null(c.Phone), null(c.Email), null(c.SourceExternal), c.Closed}
		}, nil)
}

func (l *Ledger) stageKeys(ctx context.Context, p Pass, m *Merged) (legacy, err error) {
	m.Messages, legacy, err = copyIn(ctx, l, "enrol_key",
		[]string{"epoch", "conversation", "id", "msgid", "sent_at", "seq", "skip_reason", "hash"},
		p.Keys, func(k EnrolledKey) []any {
			var sent *time.Time
			if !k.SentAt.IsZero() {
				sent = &k.SentAt
			}
			return []any{l.lease.epoch, string(k.Conversation), k.ID, k.MsgID, sent, k.Seq, null(storableText(k.SkipReason)), [16]byte(k.Hash)}
		}, func(n int64) { p.Progress("reading", n) })
	return legacy, err
}

// copyIn streams rows into a table. legacy is the stream's own error, err the
// ledger's.
func copyIn[T any](ctx context.Context, l *Ledger, table string, columns []string, rows iter.Seq2[T, error], values func(T) []any, progress func(int64)) (n int64, legacy, err error) {
	next, stop := iter.Pull2(rows)
	defer stop()
	_, err = l.pool.CopyFrom(ctx, pgx.Identifier{l.schema, table}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		row, err, more := next()
		if !more {
			return nil, nil
		}
		if err != nil {
			legacy = err
			return nil, err
		}
		n++
		if progress != nil && n%10_000 == 0 {
			progress(n)
		}
		return values(row), nil
	}))
	if legacy != nil {
		err = nil
	}
	return n, legacy, err
}

func null(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
