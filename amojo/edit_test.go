package amojo_test

import (
	"testing"

	"github.com/amoimport/amoimport/amojo"
)

func TestEditMessage(t *testing.T) {
	s, c := serve(t, reply(200, `{"new_message":{"msgid":"8e6afe4e","ref_id":"m1","conversation_id":"c1"}}`))
	r, err := c.EditMessage(t.Context(), amojo.Edit{Timestamp: 1, MsecTimestamp: 1001, ID: "8e6afe4e", MsgID: "m1", ConversationID: "c1", Silent: true,
		Content: amojo.Content{Type: amojo.TypeText, Text: "<б>"}})
	if err != nil || r.AmojoID != "8e6afe4e" {
		t.Fatal(r, err)
	}
	s.wantRequest(t, "POST "+scopePath, `{"event_type":"edit_message","payload":{"timestamp":1,"msec_timestamp":1001,"id":"8e6afe4e","msgid":"m1",`+
		`"conversation_id":"c1","silent":true,"message":{"type":"text","text":"<б>"}}}`)
}
