package source

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"
)

// errEnded ends a stream whose reader wants no more.
var errEnded = errors.New("the reader wants no more")

// slack widens Keys' since for times without zone: a wall clock that was set
// back or forward orders them differently from the moments they stand for.
const slack = 3 * time.Hour

// Keys streams the key of every message, in no certain order, from one query on
// one connection; its memory does not grow with the number of messages.
//
// With a since other than zero only messages at or after it come (and, for a
// sent_at without zone, some from shortly before); rows without sent_at do not.
//
// A failure ends the stream with an *Error: then nothing may be concluded from
// the keys that did not come. Temporary says whether to start it again.
func (db *DB) Keys(ctx context.Context, since time.Time) iter.Seq2[Key, error] {
	q := db.messages
	return func(yield func(Key, error) bool) {
		s, err := db.shape(ctx, q)
		if err != nil {
			yield(Key{}, err)
			return
		}
		statement, params := db.keysStatement(s, since)
		loc := db.zoneOf(s)
		var (
			last  ConversationID // rows of a conversation often come together
			ended bool
		)
		err = db.read(ctx, func(ctx context.Context, t tx) error {
			return t.rows(ctx, statement, params, func(v [][]byte) error {
				if string(v[0]) != string(last) || last == "" {
					c, err := id(v[0], "conversation_id")
					if err != nil {
						return err
					}
					last = ConversationID(c)
				}
				key, err := key(v, last, loc)
				if err == nil && !yield(key, nil) {
					ended, err = true, errEnded
				}
				return err
			})
		})
		if err != nil && !ended {
			yield(Key{}, db.failed(ctx, "read the keys of the messages", q, "", err))
		}
	}
}

// keysStatement is the query of Keys.
func (db *DB) keysStatement(s shape, since time.Time) (statement string, params []string) {
	var list []string
	for _, name := range []string{"conversation_id", "id", "sent_at", "seq", "skip_reason"} {
		c, _ := messagesTable.column(name)
		list = append(list, s.expr(c))
	}
	statement = "select " + strings.Join(list, ", ") + ", " + s.hash() + " " + db.messages.from()
	if since.IsZero() {
		return statement, nil
	}
	typ := s.columns["sent_at"].base
	at := since.UTC()
	if loc := db.zoneOf(s); loc != nil {
		at = since.Add(-slack).In(loc)
	}
	// A literal without zone is UTC to the session, or a wall clock's time.
	return statement + " where q.sent_at >= $1::" + typ, []string{at.Format("2006-01-02 15:04:05.999999")}
}

// zoneOf is the zone that sent_at is to be read in, nil when it says it itself.
func (db *DB) zoneOf(s shape) *time.Location {
	if s.columns["sent_at"].base == "timestamp" {
		return db.timezone
	}
	return nil
}

// key decodes a row of keysStatement.
func key(v [][]byte, c ConversationID, loc *time.Location) (Key, error) {
	id, err := id(v[1], "id")
	k := Key{
		Conversation: c,
		ID:           id,
		SentAt:       moment(v[2], loc),
		Seq:          integer(v[3]),
	}
	if len(v[4]) > 0 {
		k.SkipReason = text(v[4])
	}
	copy(k.Hash[:], v[5])
	return k, err
}
