package source

import (
	"context"
	"iter"
	"strings"
)

// selectList is the select list of all the contract's columns, in its order.
func (s shape) selectList(t table) string {
	list := make([]string, len(t.columns))
	for i, c := range t.columns {
		list[i] = s.expr(c)
	}
	return strings.Join(list, ", ")
}

// Managers returns all managers. A temporary failure is repeated for as long as
// ctx lives.
func (db *DB) Managers(ctx context.Context) ([]Manager, error) {
	q := db.managers
	const op = "read the managers"
	s, err := db.shape(ctx, q)
	if err != nil {
		return nil, err
	}
	var managers []Manager
	err = db.persist(ctx, func(ctx context.Context, t tx) error {
		managers = nil
		return t.rows(ctx, "select "+s.selectList(q.table)+" "+q.from(), nil, func(v [][]byte) error {
			id, err := id(v[0], "id")
			managers = append(managers, Manager{ID: id, Name: text(v[1]), Email: text(v[2])})
			return err
		})
	})
	return managers, db.failed(ctx, op, q, "", err)
}

// Conversations streams the conversations in no certain order: all of them, or
// those of the given ids that exist. With ids, a temporary failure is repeated
// for as long as ctx lives, before the first one is given. Without, the stream
// ends with an *Error whose Temporary says whether to start it again.
func (db *DB) Conversations(ctx context.Context, ids ...ConversationID) iter.Seq2[Conversation, error] {
	const op = "read the conversations"
	q := db.conversations
	return func(yield func(Conversation, error) bool) {
		s, err := db.shape(ctx, q)
		if err != nil {
			yield(Conversation{}, err)
			return
		}
		statement := "select " + s.selectList(q.table) + " " + q.from()
		if len(ids) == 0 {
			ended := false
			err := db.read(ctx, func(ctx context.Context, t tx) error {
				return t.rows(ctx, statement, nil, func(v [][]byte) error {
					c, err := conversation(v)
					if err == nil && !yield(c, nil) {
						ended, err = true, errEnded
					}
					return err
				})
			})
			if err != nil && !ended {
				yield(Conversation{}, db.failed(ctx, op, q, "", err))
			}
			return
		}
		wanted := make([]string, len(ids))
		for i, id := range ids {
			wanted[i] = string(id)
		}
		statement += " where q.id = any($1::" + s.columns["id"].name + "[])"
		var found []Conversation
		err = db.persist(ctx, func(ctx context.Context, t tx) error {
			found = found[:0]
			return t.rows(ctx, statement, []string{arrayLiteral(wanted)}, func(v [][]byte) error {
				c, err := conversation(v)
				found = append(found, c)
				return err
			})
		})
		if err != nil {
			yield(Conversation{}, db.failed(ctx, op, q, "", err))
			return
		}
		for _, c := range found {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// conversation decodes a row in the contract's order.
func conversation(v [][]byte) (Conversation, error) {
	id, err := id(v[0], "id")
	return Conversation{
		ID:               ConversationID(id),
		ClientID:         text(v[1]),
		ClientName:       text(v[2]),
		ClientPhone:      text(v[3]),
		ClientEmail:      text(v[4]),
		ClientAvatarURL:  text(v[5]),
		ClientProfileURL: text(v[6]),
		Closed:           boolean(v[7]),
		SourceExternalID: text(v[8]),
	}, err
}
