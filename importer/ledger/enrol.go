package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// EnrolledConversation is what the ledger keeps of a legacy conversation.
type EnrolledConversation struct {
	ID             source.ConversationID
	ConversationID string // ours, at amojo
	ClientID       string
	Phone, Email   string // keyed hashes, "" for none; never the values
	SourceExternal string
	Closed         bool
}

// EnrolledKey is what the ledger keeps of a legacy message.
type EnrolledKey struct {
	source.Key
	MsgID string
}

// Pass is one reading of the legacy keys.
type Pass struct {
	Conversations iter.Seq2[EnrolledConversation, error] // all; not read in a partial pass
	Keys          iter.Seq2[EnrolledKey, error]
	// Lookup, if not nil, makes the pass a partial one: Keys are some of the keys, and
	// nothing follows from one that does not come. It gives those of these conversations
	// that exist, and is asked for those whose client the ledger does not know.
	Lookup func(ids ...source.ConversationID) iter.Seq2[EnrolledConversation, error]

	SQLDigest  string // of the queries; when it changed, new hashes of sent rows are no edits
	SharedMax  int    // a phone or e-mail of more clients than this is nobody's key
	MaxChanged float64
	// Progress, if not nil, is told how many keys were read or merged.
	Progress func(phase string, n int64)
}

// Merged counts what a pass found.
type Merged struct {
	Conversations, Messages int64 // rows read
	New                     int64 // messages not seen before
	Edited                  int64 // sent rows that changed since
	Rebased                 int64 // sent rows whose hash changed with the query text
	Moved                   int64 // sent rows that are the same, and are read in another time zone
	Vanished                int64 // rows that are gone
}

// ClashError refuses legacy rows whose ids are not unique.
type ClashError struct {
	What     string // e.g. "message ids"
	Examples []string
	Advice   string
}

func (e *ClashError) Error() string {
	return fmt.Sprintf("%s are not unique in the legacy data: %s", e.What, strings.Join(e.Examples, ", "))
}

// Hint says what to do.
func (e *ClashError) Hint() string { return e.Advice }

// ChangedError stops a run that finds more rows changed after they were sent, or
// more rows gone, than a living history explains.
type ChangedError struct {
	Changed, Sent int64 // of the rows that were sent
	Gone, Known   int64 // of the rows that were sent or planned
}

func (e *ChangedError) Error() string {
	if e.Gone > 0 {
		return fmt.Sprintf("%d of %d messages known so far are gone from the legacy database", e.Gone, e.Known)
	}
	return fmt.Sprintf("%d of %d messages already sent have changed in the legacy database", e.Changed, e.Sent)
}

// Hint says what to do.
func (e *ChangedError) Hint() string {
	switch {
	case e.Gone > 0 && e.Gone == e.Known:
		return "see that the DSN of the legacy database and the queries are those of before, with the same ids; other data needs a ledger of its own"
	case e.Gone > 0:
		return "see that the DSN of the legacy database and the queries are those of before: a row whose id changed would be sent again, and nothing can be taken back; if the rows were really deleted, raise run.max_changed"
	}
	return "see that the DSN of the legacy database points at the same data as before; if the change is wanted, raise run.max_changed"
}

// errUnstaged says that what was staged is not there any more.
var errUnstaged = errors.New("the staged rows are gone; the pass has to be read anew")

// What people do all the time stops no run, however few messages there are.
const (
	fewRows  = 100 // fewer may always be gone
	fewEdits = 10  // so many may always have changed, unless that is all that was sent
)

// batchRows is how many rows one merging transaction takes.
const batchRows = 5000

// partial says that only some of the keys are read.
func (p Pass) partial() bool { return p.Lookup != nil }

// Enrol reads a whole pass into staging, proves the ids unique, and merges. A
// pass that breaks off changes nothing.
func (l *Ledger) Enrol(ctx context.Context, p Pass) (Merged, error) {
	if p.Progress == nil {
		p.Progress = func(string, int64) {}
	}
	for {
		m, err := l.enrolOnce(ctx, p)
		if !errors.Is(err, errUnstaged) {
			return m, err
		}
	}
}

func (l *Ledger) enrolOnce(ctx context.Context, p Pass) (Merged, error) {
	var m Merged
	if err := l.stage(ctx, p, &m); err != nil {
		return m, err
	}
	if p.partial() && m.Messages == 0 {
		return m, nil
	}
	if err := l.proveUnique(ctx, m); err != nil {
		// What is refused leaves nothing behind, not even here.
		clean := l.write(ctx, "clear the staging tables", func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, l.statement("clear_staging"))
			return err
		})
		return m, cmp.Or(err, clean)
	}
	same, err := l.sameQueries(ctx, p.SQLDigest)
	if err != nil {
		return m, err
	}
	if err := l.countChanges(ctx, p, same, &m); err != nil {
		return m, err
	}
	if err := l.countShared(ctx, p); err != nil {
		return m, err
	}
	epoch := l.lease.epoch
	for _, step := range []string{"merge_clients", "merge_conversations", "merge_strays"} {
		err := l.write(ctx, "merge conversations", func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, l.statement(step), epoch)
			return err
		})
		if err != nil {
			return m, err
		}
	}
	if err := l.mergeMessages(ctx, p, same, &m); err != nil {
		return m, err
	}
	err = l.write(ctx, "finish enrolling", func(tx pgx.Tx) error {
		// A crash of Postgres empties the staging tables, and so does this transaction,
		// whose commit can be in doubt. From then on every row would look deleted.
		var conversations, messages int64
		if err := tx.QueryRow(ctx, l.statement("count_staged"), epoch).Scan(&conversations, &messages); err != nil {
			return err
		}
		if conversations != m.Conversations || messages != m.Messages {
			return errUnstaged
		}
		if p.partial() {
			_, err := tx.Exec(ctx, l.statement("clear_staging"))
			return err
		}
		tag, err := tx.Exec(ctx, l.statement("mark_vanished"), epoch)
		if err != nil {
			return err
		}
		m.Vanished = tag.RowsAffected()
		if _, err := tx.Exec(ctx, l.statement("finish_enrol"), p.SQLDigest); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, l.statement("clear_staging"))
		return err
	})
	return m, err
}

// proveUnique refuses rows whose ids would clash, in the legacy data or at amojo.
func (l *Ledger) proveUnique(ctx context.Context, m Merged) error {
	epoch := l.lease.epoch
	err := l.write(ctx, "put the staged keys in order", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, l.statement("drop_staging_order")); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, l.statement("order_staging"))
		return err
	})
	if err != nil {
		return err
	}
	for _, check := range []struct{ statement, what, advice string }{
		{"find_clashing_conversations", "conversation ids", "each row of the conversations query needs an id of its own: look for a join that repeats rows, and use ids.conversation with {id}"},
		{"find_clashing_keys", "message ids", "(conversation_id, id) must name one row of the messages query: look for a join that repeats rows"},
		{"find_clashing_msgids", "message ids at amojo (msgid)", "with ids that repeat between conversations, ids.message needs both {conversation_id} and {id}"},
	} {
		if check.statement == "find_clashing_conversations" && m.Conversations == 0 {
			continue
		}
		var examples []string
		err := l.read(ctx, "look for clashing ids", func() error {
			rows, err := l.pool.Query(ctx, l.statement(check.statement), epoch)
			if err != nil {
				return err
			}
			examples, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
		if err != nil {
			return err
		}
		if len(examples) > 0 {
			return &ClashError{What: check.what, Examples: examples, Advice: check.advice}
		}
	}
	return nil
}

func (l *Ledger) sameQueries(ctx context.Context, digest string) (bool, error) {
	var before *string
	err := l.read(ctx, "read the last enrol", func() error {
		err := l.pool.QueryRow(ctx, l.statement("read_enrolled_sql")).Scan(&before)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("%w: its setup", errGap)
		}
		return err
	})
	return before == nil || *before == digest, err
}

// countChanges counts, before anything is merged, what changed after it was sent.
func (l *Ledger) countChanges(ctx context.Context, p Pass, same bool, m *Merged) error {
	var changed, sent, gone, known int64
	// In a transaction that proves the lease: who takes it over empties the staging
	// tables, and that must not look like an emptied legacy database.
	err := l.write(ctx, "count changed rows", func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, l.statement("count_changes"), l.lease.epoch).Scan(&changed, &m.Moved, &sent); err != nil {
			return err
		}
		if p.partial() { // it shows what is new: few rows, of which many may have changed
			if sent = 0; changed < fewRows {
				return nil
			}
			return tx.QueryRow(ctx, l.statement("count_sent")).Scan(&sent)
		}
		return tx.QueryRow(ctx, l.statement("count_missing"), l.lease.epoch).Scan(&gone, &known)
	})
	if err != nil {
		return err
	}
	if p.MaxChanged > 0 && gone > 0 && (gone == known || gone >= fewRows && float64(gone) > p.MaxChanged*float64(known)) {
		return &ChangedError{Gone: gone, Known: known}
	}
	if !same {
		m.Rebased = changed
		return nil
	}
	m.Edited = changed
	if p.MaxChanged > 0 && sent > 0 && changed > min(fewEdits, sent-1) && float64(changed) > p.MaxChanged*float64(sent) {
		return &ChangedError{Changed: changed, Sent: sent}
	}
	return nil
}

// countShared takes down which phones and e-mails too many share. A whole pass counts anew.
func (l *Ledger) countShared(ctx context.Context, p Pass) error {
	return l.write(ctx, "count who shares a phone", func(tx pgx.Tx) error {
		if !p.partial() {
			if _, err := tx.Exec(ctx, l.statement("forget_shared")); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, l.statement("keep_shared"), l.lease.epoch, p.SharedMax, p.partial())
		return err
	})
}

// mergeMessages merges in key order, a batch a transaction.
func (l *Ledger) mergeMessages(ctx context.Context, p Pass, same bool, m *Merged) error {
	var after struct{ conversation, id string }
	var total int64
	for {
		var read, fresh int64
		var last struct{ conversation, id *string }
		err := l.write(ctx, "merge messages", func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, l.statement("merge_messages"), l.lease.epoch, after.conversation, after.id, batchRows, same).
				Scan(&read, &fresh, &last.conversation, &last.id)
		})
		if err != nil {
			return err
		}
		if read == 0 {
			return nil
		}
		m.New += fresh
		total += read
		p.Progress("merging", total)
		after.conversation, after.id = *last.conversation, *last.id
	}
}
