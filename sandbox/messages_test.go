package sandbox_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/sandbox"
)

func TestResponseShapes(t *testing.T) {
	for _, tt := range []struct {
		shape sandbox.ResponseShape
		want  []string
	}{
		{sandbox.Shape2020, []string{"msgid"}},
		{sandbox.Shape2021, []string{"msgid", "ref_id"}},
		{sandbox.ShapeCurrent, []string{"conversation_id", "msgid", "receiver_id", "ref_id", "sender_id"}},
	} {
		c := newClient(t, sandbox.Options{ResponseShape: tt.shape})
		a := c.want(c.amojo("POST", "", incoming("c", "m", msec, "x")), 200)
		var keys []string
		for k := range a.get(t, "new_message").(object) {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		diff(t, string(tt.shape), tt.want, keys)
	}
}

func TestProfileShapes(t *testing.T) {
	const body = `{"conversation_id":"c","user":{"id":"u","name":"U","profile":{"phone":"+1","email":"u@example.com"}}}`
	c := newClient(t, sandbox.Options{})
	if a := c.want(c.amojo("POST", "/chats", body), 200); a.get(t, "user.phone") != "+1" {
		t.Errorf("flat: %s", a.body)
	}
	c = newClient(t, sandbox.Options{ProfileShape: sandbox.ProfileNested})
	if a := c.want(c.amojo("POST", "/chats", body), 200); a.get(t, "user.profile.email") != "u@example.com" || a.get(t, "user.email") != nil {
		t.Errorf("nested: %s", a.body)
	}
}

func TestCreateChatFindsTheSameChat(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	if a, b := c.chat("c"), c.chat("c"); a != b {
		t.Errorf("the second call made another chat: %s, %s", a, b)
	}
	a := c.want(c.amojo("POST", "/chats", `{"conversation_id":"c2","user":{"id":"client-c","name":"Renamed"}}`), 200)
	if got := a.get(t, "user.name"); got != "Client c" {
		t.Errorf("a known user's name became %v", got)
	}
	if got := c.w.Counters().ChatsCreated; got != 2 {
		t.Errorf("%d chats made, want 2", got)
	}
}

func TestRepeatedMsgID(t *testing.T) {
	for _, tt := range []struct {
		how            sandbox.RepeatedMsgID
		status, stored int
		sameID         bool
	}{
		{sandbox.SameID, 200, 1, true},
		{sandbox.NewID, 200, 1, false},
		{sandbox.StoredTwice, 200, 2, false},
		{sandbox.BadRequest, 400, 1, false},
	} {
		t.Run(string(tt.how), func(t *testing.T) {
			c := newClient(t, sandbox.Options{RepeatedMsgID: tt.how})
			chat := c.chat("c")
			first := c.want(c.amojo("POST", "", incoming("c", "m", msec, "x")), 200).get(t, "new_message.msgid")
			a := c.want(c.amojo("POST", "", incoming("c", "m", msec, "x")), tt.status)
			if tt.status == 200 && (a.get(t, "new_message.msgid") == first) != tt.sameID {
				t.Errorf("ids %v and %v", first, a.get(t, "new_message.msgid"))
			}
			if got := len(c.history(chat)); got != tt.stored {
				t.Errorf("history holds %d, want %d", got, tt.stored)
			}
			got, _ := c.w.Chat("c")
			if m := got.Messages[0]; m.Copies != tt.stored || m.Repeats != 1 || c.w.Counters().Repeats != 1 {
				t.Errorf("%d copies, %d repeats", m.Copies, m.Repeats)
			}
		})
	}
}

func TestHistoryOrder(t *testing.T) {
	for order, want := range map[sandbox.HistoryOrder][]string{
		sandbox.NewestFirst:        {"late", "middle", "early"},
		sandbox.OldestFirst:        {"early", "middle", "late"},
		sandbox.NewestArrivalFirst: {"early", "late", "middle"},
		sandbox.OldestArrivalFirst: {"middle", "late", "early"},
	} {
		c := newClient(t, sandbox.Options{HistoryOrder: order})
		chat := c.chat("c")
		c.want(c.amojo("POST", "", incoming("c", "middle", msec, "x")), 200)
		c.want(c.amojo("POST", "", incoming("c", "late", msec+1, "x")), 200)
		c.want(c.amojo("POST", "", incoming("c", "early", msec-1, "x")), 200)
		diff(t, string(order), want, c.history(chat))
		var inTime []string
		got, _ := c.w.Chat("c")
		for _, m := range got.Messages {
			inTime = append(inTime, m.MsgID)
		}
		diff(t, "a chat's messages are in order of time", []string{"early", "middle", "late"}, inTime)
	}
}

func TestHistoryPages(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	chat := c.chat("c")
	want := make([]string, 0, 120)
	for i := range 120 {
		id := fmt.Sprintf("m%03d", i)
		want = append(want, id)
		c.want(c.amojo("POST", "", incoming("c", id, msec+int64(i), "x")), 200)
	}
	slices.Reverse(want)
	diff(t, "all pages", want, c.history(chat))
	a := c.want(c.amojo("GET", "/chats/"+chat+"/history?offset=115&limit=10", ""), 200)
	if got := len(a.get(t, "messages").([]any)); got != 5 {
		t.Errorf("last page holds %d, want 5", got)
	}
	c.want(c.amojo("GET", "/chats/"+chat+"/history?offset=120", ""), 204)
}

func TestVisibilityLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, sandbox.Options{VisibilityLag: sandbox.Lag{Min: 10 * time.Second}})
		chat := c.chat("c")
		c.want(c.amojo("POST", "", incoming("c", "m1", msec, "x")), 200)
		c.want(c.amojo("GET", "/chats/"+chat+"/history", ""), 204)
		<-time.After(9 * time.Second)
		c.want(c.amojo("GET", "/chats/"+chat+"/history", ""), 204)
		<-time.After(time.Second)
		diff(t, "after the lag", []string{"m1"}, c.history(chat))
	})
}

func TestVisibilityIsDrawnAndOutOfOrder(t *testing.T) {
	run := func(seed uint64) (seen []string) {
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, sandbox.Options{Seed: seed, VisibilityLag: sandbox.Lag{Min: time.Second, Max: time.Minute}})
			chat := c.chat("c")
			for i := range 10 {
				c.want(c.amojo("POST", "", incoming("c", fmt.Sprintf("m%d", i), msec+int64(i), "x")), 200)
			}
			for range 60 {
				<-time.After(time.Second)
				for _, id := range c.history(chat) {
					if !slices.Contains(seen, id) {
						seen = append(seen, id)
					}
				}
			}
		})
		return seen
	}
	seen := run(1)
	if len(seen) != 10 || slices.IsSorted(seen) {
		t.Errorf("appeared as %v, want all ten, out of order", seen)
	}
	diff(t, "the same seed", seen, run(1))
	if slices.Equal(seen, run(2)) {
		t.Error("another seed drew the same order")
	}
}

func TestNonSilentMessageMakesNoise(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	m := message("c", "m1", msec, "hello")
	edit{"payload.silent", false}.do(m)
	edit{"payload.sender.profile", object{"phone": "+7 915 111-22-33", "email": "c@example.com"}}.do(m)
	c.want(c.amojo("POST", "", encode(m)), 200)
	s := c.w.Snapshot()
	if s.Counters.Notifications != 1 || s.Counters.Unsorted != 1 || s.Counters.ChatsByMessage != 1 || len(s.Leads) != 1 || !s.Leads[0].Unsorted {
		t.Errorf("counters %+v, leads %+v", s.Counters, s.Leads)
	}
	diff(t, "contact's values", map[string][]string{"PHONE": {"+7 915 111-22-33"}, "EMAIL": {"c@example.com"}}, s.Contacts[0].Values)
	a := c.want(c.v4("GET", "/api/v4/leads/unsorted?filter[category][]=chats", ""), 200)
	if got := a.get(t, "_embedded.unsorted.0.metadata.origin.chat_id"); got != s.Chats[0].ID {
		t.Errorf("unsorted is about chat %v, want %s", got, s.Chats[0].ID)
	}
	a = c.want(c.v4("GET", "/api/v4/contacts/chats?chat_id="+s.Chats[0].ID, ""), 200)
	if got := int(a.get(t, "_embedded.chats.0.contact_id").(float64)); got != s.Contacts[0].ID {
		t.Errorf("chat is linked to %d, want the unsorted lead's contact %d", got, s.Contacts[0].ID)
	}

	edit{"payload.msgid", "m2"}.do(m)
	c.want(c.amojo("POST", "", encode(m)), 200)
	if got := c.w.Counters(); got.Notifications != 2 || got.Unsorted != 1 {
		t.Errorf("in a linked chat: %d notifications, %d unsorted; want 2, 1", got.Notifications, got.Unsorted)
	}
}

func TestSnapshotOfAMessage(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	c.chat("c")
	c.want(c.amojo("POST", "", incoming("c", "m1", msec, "question")), 200)
	m := outgoing("c", "m2", msec+1000, "see there", c.o.Channel.Bot.ID)
	for _, e := range kind("picture", object{"media": "https://example.com/a.png", "file_name": "a.png", "file_size": 12, "text": "see there"}) {
		e.do(m)
	}
	edit{"payload.reply_to", object{"message": object{"msgid": "m1"}}}.do(m)
	edit{"payload.source", object{"external_id": "legacy-import"}}.do(m)
	c.want(c.amojo("POST", "", encode(m)), 200)
	chat, ok := c.w.Chat("c")
	if !ok || len(chat.Messages) != 2 {
		t.Fatalf("chat holds %d messages", len(chat.Messages))
	}
	client := chat.Client
	diff(t, "message", sandbox.Message{
		ID: chat.Messages[1].ID, MsgID: "m2", TimeMsec: msec + 1000, Type: "picture", Text: "see there",
		Media: "https://example.com/a.png", FileName: "a.png", FileSize: 12,
		Sender:   sandbox.Party{ID: "manager-1", RefID: c.o.Channel.Bot.ID, Name: c.o.Channel.Title},
		Receiver: client, ReplyTo: chat.Messages[0].ID, ReplyToMsgID: "m1", Source: "legacy-import", Silent: true, Visible: true,
		Arrival: 2, Copies: 1,
	}, chat.Messages[1])
	a := c.want(c.amojo("GET", "/chats/"+chat.ID+"/history", ""), 200)
	if got := a.get(t, "messages.0.sender.client_id"); got != nil {
		t.Errorf("history shows our id of the bot: %v", got)
	}
	if got := a.get(t, "messages.0.message.media"); got == "https://example.com/a.png" || got == nil {
		t.Errorf("media is %v, want amojo's own copy", got)
	}
	if got := a.get(t, "messages.1.receiver"); got != nil {
		t.Errorf("an incoming message has a receiver: %v", got)
	}
}

func TestEditsByOthers(t *testing.T) {
	c := newClient(t, sandbox.Options{})
	id := c.chat("c")
	for i := range 3 {
		c.want(c.amojo("POST", "", incoming("c", fmt.Sprintf("m%d", i), msec+int64(i), "x")), 200)
	}
	if !c.w.LoseMessage("m1") || !c.w.AlterMessage("m0", "other", time.Hour) || !c.w.WriteByHand(id, 7002, "by hand", time.UnixMilli(msec+2)) {
		t.Fatal("one of the edits found nothing")
	}
	diff(t, "history", []string{"m0", "", "m2"}, c.history(id))
	c.want(c.amojo("POST", "", incoming("c", "m1", msec+1, "x")), 200)
	diff(t, "history after sending the lost one again", []string{"m0", "", "m2", "m1"}, c.history(id))
}
