package main

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// check compares what arrived with the legacy database.
func (c *crashing) check(t *testing.T) {
	rows, _ := c.legacy.Query(t.Context(), `select conversation_id, id, text, (extract(epoch from sent_at) * 1000)::bigint from messages
		order by conversation_id, sent_at`)
	type row struct {
		text string
		msec int64
	}
	want := map[string][]row{}
	var conversation, id string
	var r row
	if _, err := pgx.ForEachRow(rows, []any{&conversation, &id, &r.text, &r.msec}, func() error {
		want["imp1-"+conversation] = append(want["imp1-"+conversation], r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	all := c.world.Snapshot()
	for _, chat := range all.Chats {
		rows := want[chat.ConversationID]
		delete(want, chat.ConversationID)
		if len(chat.Messages) != len(rows) {
			t.Errorf("chat %s holds %d messages of %d", chat.ConversationID, len(chat.Messages), len(rows))
			continue
		}
		for i, m := range chat.Messages {
			if m.Copies != 1 || m.Text != rows[i].text || m.TimeMsec != rows[i].msec {
				t.Errorf("message %s is there %d times, at %d, want %d, and says %q, want %q",
					m.MsgID, m.Copies, m.TimeMsec, rows[i].msec, m.Text, rows[i].text)
			}
		}
		if chat.ContactID == 0 {
			t.Errorf("chat %s has no contact", chat.ConversationID)
		}
	}
	if len(want) > 0 {
		t.Errorf("%d conversations have no chat", len(want))
	}
	if len(all.Contacts) != c.conversations-1 { // one has no messages
		t.Errorf("%d contacts for %d people", len(all.Contacts), c.conversations-1)
	}
	if n := c.count(t, "select count(*) from amoimport.message where outcome = 'sent'"); n != int64(c.messages) {
		t.Errorf("the ledger accounts for %d messages of %d", n, c.messages)
	}
}
