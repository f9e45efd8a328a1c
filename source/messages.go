package source

import (
	"context"
	"strconv"
	"time"
)

// idsPerPage bounds what one statement is asked for.
const idsPerPage = 1000

// Messages reads the bodies of a conversation's messages, in the order of ids.
//
// It looks at as many of the ids as fit into a page of Options.PageBytes, at
// least one: ids[:looked] were looked at, and those of them without a message in
// msgs do not exist in the legacy database any more. The caller asks again with
// ids[looked:]. A temporary failure is repeated for as long as ctx lives.
func (db *DB) Messages(ctx context.Context, c ConversationID, ids []string) (msgs []Message, looked int, err error) {
	if len(ids) == 0 {
		return nil, 0, nil
	}
	const op = "read messages"
	q := db.messages
	s, err := db.shape(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	ids = ids[:min(len(ids), idsPerPage)]
	place := make(map[string]int, len(ids))
	for i, id := range ids {
		if _, again := place[id]; !again {
			place[id] = i
		}
	}
	statement := messagesStatement(s, q)
	params := []string{string(c), arrayLiteral(ids), strconv.Itoa(db.pageBytes)}
	loc := db.zoneOf(s)
	var found int64
	err = db.persist(ctx, func(ctx context.Context, t tx) error {
		msgs, found = nil, 0
		return t.rows(ctx, statement, params, func(v [][]byte) error {
			n := len(q.table.columns)
			m, err := message(v, loc)
			if err != nil {
				return err
			}
			if _, asked := place[m.ID]; !asked {
				return &rowError{"id", "a row is found under an id that it does not show",
					"Return the id as text that is equal only to itself, for example id::text."}
			}
			if len(msgs) > 0 && msgs[len(msgs)-1].ID == m.ID {
				return &rowError{"id", "two rows have the id " + strconv.Quote(m.ID),
					"(conversation_id, id) must be unique: leave one of the rows out, or make their ids differ."}
			}
			copy(m.Hash[:], v[n])
			found = integer(v[n+1])
			msgs = append(msgs, m)
			return nil
		})
	})
	if err != nil {
		return nil, 0, db.failed(ctx, op, q, c, err)
	}
	if int64(len(msgs)) < found {
		return msgs, place[msgs[len(msgs)-1].ID] + 1, nil
	}
	return msgs, len(ids), nil
}

// messagesStatement selects the contract's columns, the hash and how many of
// the asked rows exist, for the leading rows whose sizes add up to no more than
// a page. Rows are cut here, before they are sent: the sizes are known without
// unpacking the texts.
func messagesStatement(s shape, q query) string {
	conversation, id := s.columns["conversation_id"].name, s.columns["id"].name
	return "select " + s.selectList(q.table) + ", " + s.hash() + ", q.amoimport_found" +
		" from (select p.*, sum(p.amoimport_size) over (order by p.amoimport_place rows unbounded preceding) as amoimport_total" +
		" from (select q.*, " + s.size() + " as amoimport_size, count(*) over () as amoimport_found," +
		" array_position($2::" + id + "[], q.id) as amoimport_place " + q.from() +
		" where q.conversation_id = $1::" + conversation + " and q.id = any($2::" + id + "[])) p) q" +
		" where q.amoimport_total <= $3::int8 or q.amoimport_total = q.amoimport_size" +
		" order by q.amoimport_place"
}

// message decodes a row in the contract's order.
func message(v [][]byte, loc *time.Location) (Message, error) {
	conversationID, err := id(v[0], "conversation_id")
	if err != nil {
		return Message{}, err
	}
	messageID, err := id(v[1], "id")
	return Message{
		Conversation:  ConversationID(conversationID),
		ID:            messageID,
		Seq:           integer(v[2]),
		SentAt:        moment(v[3], loc),
		Direction:     Direction(text(v[4])),
		ManagerID:     text(v[5]),
		AuthorID:      text(v[6]),
		AuthorName:    text(v[7]),
		Kind:          Kind(text(v[8])),
		Text:          text(v[9]),
		MediaURL:      text(v[10]),
		FileName:      text(v[11]),
		FileSize:      integerPtr(v[12]),
		MediaDuration: seconds(v[13]),
		Latitude:      number(v[14]),
		Longitude:     number(v[15]),
		ContactName:   text(v[16]),
		ContactPhone:  text(v[17]),
		StickerID:     text(v[18]),
		ReplyToID:     text(v[19]),
		SkipReason:    text(v[20]),
	}, err
}
