package source

import (
	"context"
	"iter"
)

// Bodies streams the whole messages of conversations, conversation by conversation,
// each in order of time, seq and id: shorter ids come first, so that 9 comes before
// 10. It is one statement; of a failure's Error, Temporary says whether to ask again.
func (db *DB) Bodies(ctx context.Context, conversations ...ConversationID) iter.Seq2[Message, error] {
	const op = "read messages"
	q := db.messages
	return func(yield func(Message, error) bool) {
		s, err := db.shape(ctx, q)
		if err != nil {
			yield(Message{}, err)
			return
		}
		wanted := make([]string, len(conversations))
		for i, c := range conversations {
			wanted[i] = string(c)
		}
		statement := "select " + s.selectList(q.table) + " " + q.from() +
			" where q.conversation_id = any($1::" + s.columns["conversation_id"].name + "[])" +
			" order by q.conversation_id, q.sent_at" + s.tieBreak() + ", length(q.id::text), q.id::text collate \"C\""
		loc := db.zoneOf(s)
		ended := false
		err = db.read(ctx, func(ctx context.Context, t tx) error {
			return t.rows(ctx, statement, []string{arrayLiteral(wanted)}, func(v [][]byte) error {
				m, err := message(v, loc)
				if err == nil && !yield(m, nil) {
					ended, err = true, errEnded
				}
				return err
			})
		})
		if err != nil && !ended {
			yield(Message{}, db.failed(ctx, op, q, "", err))
		}
	}
}

// tieBreak orders messages of one time.
func (s shape) tieBreak() string {
	if !s.has("seq") {
		return ""
	}
	return ", coalesce(q.seq, 0)"
}

// Stray is a message whose conversation the conversations query does not return.
type Stray struct {
	Conversation ConversationID
	ID           string
}

// Strays counts the messages whose conversation the conversations query does not
// return, and names one of them.
func (db *DB) Strays(ctx context.Context) (n int64, example Stray, err error) {
	q := db.messages
	if _, err := db.shape(ctx, q); err != nil {
		return 0, example, err
	}
	statement := "select count(*), coalesce(min(array[m.conversation_id::text, m.id::text]), array['', '']) as example," +
		" count(*) filter (where m.conversation_id is null or m.conversation_id::text = '') as unplaced, count(*) filter (where m.id is null or m.id::text = '') as nameless from (select q.conversation_id, q.id " + q.from() +
		") m where not exists (select from (select q.id::text as id " + db.conversations.from() + ") c where c.id = m.conversation_id::text)"
	err = db.persist(ctx, func(ctx context.Context, t tx) error {
		return t.rows(ctx, "select s.count, s.example[1], s.example[2], s.unplaced, s.nameless from ("+statement+") s", nil, func(v [][]byte) error {
			n, example = integer(v[0]), Stray{ConversationID(text(v[1])), text(v[2])}
			for i, column := range []string{"conversation_id", "id"} {
				if integer(v[3+i]) > 0 {
					_, err := id(nil, column)
					return err
				}
			}
			return nil
		})
	})
	return n, example, db.failed(ctx, "count messages without a conversation", q, "", err)
}

// SharedIDs names some ids that messages of different conversations share.
func (db *DB) SharedIDs(ctx context.Context) (ids []string, err error) {
	q := db.messages
	if _, err := db.shape(ctx, q); err != nil {
		return nil, err
	}
	err = db.persist(ctx, func(ctx context.Context, t tx) error {
		ids = nil
		return t.rows(ctx, "select q.id::text "+q.from()+" group by q.id having count(*) > 1 limit 3", nil, func(v [][]byte) error {
			ids = append(ids, text(v[0]))
			return nil
		})
	})
	return ids, db.failed(ctx, "look for ids that are not unique", q, "", err)
}
