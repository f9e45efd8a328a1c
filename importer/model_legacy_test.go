package importer_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// modelLegacy is the legacy database of a case, and what it held at any time.
type modelLegacy struct {
	conn    *pgx.Conn
	clients []modelClient
	chats   []*modelThread
	next    int // number of the next row
}

// modelThread is a conversation with all rows it ever had, in its order.
type modelThread struct {
	id     string
	client int
	rows   []*modelMessage
}

type modelMessage struct {
	thread   *modelThread
	id       string
	sentAt   time.Time
	wrote    time.Time // into the legacy database
	out      bool
	flaw     string
	versions []string // its texts
	deleted  bool
	skipped  bool // after it was written
	fate     modelFate
	altered  bool       // its chat says something else than the ledger, for a good reason
	unseen   bool       // its last edit, by the run before the last check
	lost     *modelLost // nil: nothing of it
}

// touched says whether its fate depends on when that happened.
func (m *modelMessage) touched() bool { return m.deleted || m.skipped || len(m.versions) > 1 }

func (l *modelLegacy) exec(sql string, args ...any) error {
	_, err := l.conn.Exec(context.Background(), sql, args...)
	return err
}

// clear empties what the life before left behind.
func (l *modelLegacy) clear() error {
	return l.exec(`do $$
		declare name text;
		begin
			set local session_replication_role = replica; -- in any order
			for name in select format('%I.%I', schemaname, tablename) from pg_tables
				where schemaname = 'public' or schemaname = 'amoimport' and tablename not in ('lease', 'migration', 'migration_lock')
			loop
				execute 'delete from ' || name;
			end loop;
			update amoimport.lease set held = false;
		end $$`)
}

func modelText(id string, version, words int) string {
	return fmt.Sprintf("%s.%d", id, version) + strings.Repeat(" word", words)
}

func (c modelClient) phone() string {
	if c.Phone == 0 {
		return ""
	}
	return fmt.Sprintf("+7912000%04d", c.Phone)
}

// addChat writes a conversation.
func (l *modelLegacy) addChat(p modelChat) error {
	t := &modelThread{id: fmt.Sprintf("c%d", len(l.chats)+1), client: p.Client % len(l.clients)}
	l.chats = append(l.chats, t)
	phone := l.clients[t.client].phone()
	if err := l.exec(`insert into conversations (id, client_id, client_name, client_phone) values ($1, $2, $3, nullif($4, ''))`,
		t.id, fmt.Sprintf("p%d", t.client), fmt.Sprintf("Client %d", t.client), phone); err != nil {
		return err
	}
	for _, r := range p.Rows {
		if err := l.add(t, r, l.end(t).Add(r.Gap)); err != nil {
			return err
		}
	}
	return nil
}

// end is when a conversation's newest row was written.
func (l *modelLegacy) end(t *modelThread) time.Time {
	end := time.Date(2021, 3, 1, 10, 0, 0, 0, time.UTC)
	for _, m := range t.rows {
		if m.sentAt.After(end) {
			end = m.sentAt
		}
	}
	return end
}

// add writes a message.
func (l *modelLegacy) add(t *modelThread, r modelRow, at time.Time) error {
	l.next++
	m := &modelMessage{thread: t, id: fmt.Sprintf("m%d", l.next), sentAt: at.Truncate(time.Microsecond), out: r.Out, flaw: r.Flaw}
	m.wrote = time.Now()
	m.versions = []string{modelText(m.id, 1, r.Words)}
	text, kind, direction, manager := m.versions[0], "text", "in", ""
	var skip, reply *string
	sent := &m.sentAt
	switch r.Flaw {
	case "blank":
		text = " "
	case "no time":
		sent = nil
	case "skip":
		skip = &text
	case "kind":
		kind = "smell"
	}
	if r.Out {
		direction, manager = "out", "m1"
	}
	if r.Reply > 0 && len(t.rows) >= r.Reply {
		reply = &t.rows[len(t.rows)-r.Reply].id
	}
	t.rows = append(t.rows, m)
	slices.SortStableFunc(t.rows, func(a, b *modelMessage) int {
		return cmp.Or(a.sentAt.Compare(b.sentAt), cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id))
	})
	return l.exec(`insert into messages (conversation_id, id, sent_at, direction, manager_id, kind, text, skip_reason, reply_to_id)
		values ($1, $2, $3, $4, nullif($5, ''), $6, $7, $8, $9)`, t.id, m.id, sent, direction, manager, kind, text, skip, reply)
}

// inDoubt finds the message that the ledger has a doubt about.
func (l *modelLegacy) inDoubt() (*modelMessage, error) {
	var chat, id string
	err := l.conn.QueryRow(context.Background(),
		`select id, intent_message from amoimport.conversation where intent_msgid is not null order by id limit 1`).Scan(&chat, &id)
	if err != nil {
		if err == pgx.ErrNoRows {
			err = nil
		}
		return nil, err
	}
	return l.find(chat, id), nil
}

func (l *modelLegacy) find(chat, id string) *modelMessage {
	for _, t := range l.chats {
		for _, m := range t.rows {
			if t.id == chat && m.id == id {
				return m
			}
		}
	}
	return nil
}

// change applies a change and tells whether a message in doubt was its target.
func (l *modelLegacy) change(c modelChange) (doubt bool, err error) {
	if c.Do == "chat" {
		return false, l.addChat(c.Chat)
	}
	var m *modelMessage
	if c.Doubt {
		if m, err = l.inDoubt(); err != nil {
			return false, err
		}
	}
	if doubt = m != nil; !doubt {
		var all []*modelMessage
		for _, t := range l.chats {
			all = append(all, t.rows...)
		}
		if len(all) == 0 {
			return false, nil
		}
		m = all[c.Pick%len(all)]
	}
	t := m.thread
	switch c.Do {
	case "append":
		return false, l.add(t, modelRow{Words: c.Words}, l.end(t).Add(3*time.Second))
	case "late": // just before it, where there is room for its parts
		before := m.sentAt.Add(-time.Hour)
		for _, other := range t.rows {
			if other.sentAt.Before(m.sentAt) {
				before = other.sentAt
			}
		}
		at := before.Add(m.sentAt.Sub(before) / 2)
		if m.sentAt.Sub(before) < time.Second {
			return false, nil
		}
		return doubt, l.add(t, modelRow{Words: c.Words}, at)
	}
	if m.deleted || m.flaw != "" || m.id == "m1" {
		return false, nil
	}
	switch c.Do {
	case "edit":
		text := modelText(m.id, len(m.versions)+1, c.Words)
		m.versions = append(m.versions, text)
		err = l.exec(`update messages set text = $3 where conversation_id = $1 and id = $2`, t.id, m.id, text)
	case "delete":
		m.deleted = true
		err = l.exec(`delete from messages where conversation_id = $1 and id = $2`, t.id, m.id)
	case "skip":
		m.skipped = true
		err = l.exec(`update messages set skip_reason = 'private' where conversation_id = $1 and id = $2`, t.id, m.id)
	}
	return doubt, err
}
