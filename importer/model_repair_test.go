package importer_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/amoimport/amoimport/sandbox"
	"pgregory.net/rapid"
)

// modelRepair is a loss at the server, and what is done about it.
type modelRepair struct {
	Losses []modelLoss
	Change modelChange // of the row that lost a part first; Do is "" for none
	Hits   []modelHit  // of the run that sends what was planned again
}

// modelLoss is a part that the server loses.
type modelLoss struct {
	Where string // first, middle, last: of a chat; part: of a message in several
	Chat  int
	Pick  int // which part
}

// modelLost is what the server lost of a message.
type modelLost struct {
	parts   map[int]bool // from 1
	keep    int          // parts before the first of them
	behind  map[int]bool // parts that are there, behind it
	crowded bool         // its place in its moment was not promised before it was lost
	planned bool         // again
}

func drawRepair(t *rapid.T) *modelRepair {
	if rapid.IntRange(0, 2).Draw(t, "repair") < 2 {
		return nil
	}
	r := &modelRepair{}
	for range rapid.IntRange(1, 4).Draw(t, "losses") {
		r.Losses = append(r.Losses, modelLoss{
			Where: rapid.SampledFrom([]string{"part", "last", "first", "middle", "part"}).Draw(t, "lost"),
			Chat:  rapid.IntRange(0, 9).Draw(t, "of chat"), Pick: rapid.IntRange(0, 30).Draw(t, "which"),
		})
	}
	if rapid.IntRange(0, 2).Draw(t, "changes too") == 2 {
		r.Change = modelChange{Do: rapid.SampledFrom([]string{"edit", "edit", "delete", "skip"}).Draw(t, "change"),
			Words: rapid.SampledFrom([]int{3, 260}).Draw(t, "words")}
	}
	if rapid.IntRange(0, 3).Draw(t, "struck") > 0 {
		h := modelHit{Do: rapid.SampledFrom([]modelDeed{doKill, doKill, doUsurp, doStop}).Draw(t, "by"),
			At: rapid.SampledFrom([]modelEvent{atPosted, atSend, atRead, atCommitted, atPosted}).Draw(t, "at")}
		last := 3 // not much is sent
		if h.At == atCommitted {
			last = 15
		}
		h.Nth = rapid.IntRange(1, last).Draw(t, "nth")
		r.Hits = append(r.Hits, h)
	}
	return r
}

// repair has the server lose messages, sees that a reading of the chats finds just
// those and plans them again, and has runs send them.
func (c *modelCase) repair(r *modelRepair) {
	lost := c.lose(r.Losses)
	if len(lost) == 0 {
		return
	}
	want, planned := c.want, int64(0)
	for _, m := range lost {
		want.Shown -= int64(len(m.lost.parts))
		want.Present -= int64(len(m.lost.parts))
		want.Missing += int64(len(m.lost.parts))
		switch {
		case m.fate.partsSent < m.fate.parts:
			want.Unchecked -= int64(len(m.lost.parts))
		case m.altered:
			want.Altered--
			want.AlteredText--
		}
		if m.lost.planned {
			planned++
		}
	}
	got, err := c.readBack(verify.Options{Repair: true})
	if err != nil {
		c.fail("repair: %v", err)
		return
	}
	if got.Counts != want || *got.Repair != (verify.Repair{Planned: planned}) {
		c.fail("the repair finds %+v and does %+v, want %+v and %d planned", got.Counts, *got.Repair, want, planned)
		return
	}
	c.hits("planned again by a repair", int(planned))
	if r.Change.Do != "" {
		c.changeLost(r.Change, lost[0])
	}
	p := c.start("a run after a repair", r.Hits)
	c.follow(p)
	c.pool.settle()
	if p.befell[doKill] || p.befell[doUsurp] || p.befell[doStop] {
		c.hit("struck after a repair")
		c.follow(c.start("another run after a repair", nil))
	}
	c.all.Wait()
	c.check()
	for _, m := range lost {
		if m.fate.reason == outcome.ChangedMidway {
			c.hit("changed midway where it was lost")
		}
	}
}

// lose has the server lose parts that were sent.
func (c *modelCase) lose(losses []modelLoss) (lost []*modelMessage) {
	byMsgID := map[string]*modelMessage{}
	for _, t := range c.legacy.chats {
		for _, m := range t.rows {
			for k := 1; k <= m.fate.partsSent; k++ {
				byMsgID[compose.PartID(m.fate.msgid, k)] = m
			}
		}
	}
	for _, l := range losses {
		chat, others := c.losing(l.Chat, byMsgID)
		if len(chat.Messages) == 0 {
			continue
		}
		at := l.at(chat)
		id := chat.Messages[at].MsgID
		m := byMsgID[id]
		// Nothing is planned again of a chat that shows nothing while no other showed
		// anything yet: so one is emptied only where all others show something.
		if m == nil || len(chat.Messages) == 1 && !others {
			continue
		}
		if !c.rig.world.LoseMessage(id) {
			c.fail("the server has no %s to lose", id)
			return nil
		}
		if !chat.Messages[at].Silent {
			c.lostLoud++
		}
		k := 1
		for compose.PartID(m.fate.msgid, k) != id {
			k++
		}
		if m.lost == nil {
			m.lost = &modelLost{parts: map[int]bool{}, keep: k - 1, crowded: m.fate.before != ""}
			lost = append(lost, m)
		}
		m.lost.parts[k] = true
		m.lost.keep = min(m.lost.keep, k-1)
		c.hit("lost")
		c.hit("lost: " + l.Where)
		if len(chat.Messages) == 1 {
			c.hit("lost: all of a chat")
		}
	}
	for _, m := range lost {
		c.torn(m)
	}
	return lost
}

// losing picks a chat of which something is to be lost; it has what the ledger knows.
// others says that all others have something of that too.
func (c *modelCase) losing(pick int, known map[string]*modelMessage) (chat sandbox.Chat, others bool) {
	chats := c.rig.world.Snapshot().Chats
	others = len(chats) > 1
	for i := range chats {
		chats[i].Messages = slices.DeleteFunc(chats[i].Messages, func(m sandbox.Message) bool { return known[m.MsgID] == nil })
		if i != pick%len(chats) {
			others = others && len(chats[i].Messages) > 0
		}
	}
	if len(chats) == 0 {
		return chat, false
	}
	return chats[pick%len(chats)], others
}

// at is which message of a chat is lost.
func (l modelLoss) at(chat sandbox.Chat) int {
	n := len(chat.Messages)
	switch l.Where {
	case "first":
		return 0
	case "last":
		return n - 1
	case "middle":
		return n / 2
	}
	var parts []int
	for i, m := range chat.Messages {
		if strings.Contains(m.MsgID, "_p") || i+1 < n && chat.Messages[i+1].MsgID == compose.PartID(m.MsgID, 2) {
			parts = append(parts, i)
		}
	}
	if len(parts) == 0 {
		return l.Pick % n
	}
	return parts[l.Pick%len(parts)]
}

// torn works out what is left of a message, and what becomes of it in the ledger.
func (c *modelCase) torn(m *modelMessage) {
	m.lost.behind = map[int]bool{}
	chat, _ := c.rig.world.Chat("imp1-" + m.thread.id)
	for k := m.lost.keep + 1; k <= m.fate.partsSent+1; k++ { // what may be there for a doubt, too
		there := func(s sandbox.Message) bool { return s.MsgID == compose.PartID(m.fate.msgid, k) }
		if slices.ContainsFunc(chat.Messages, there) {
			m.lost.behind[k] = true
			c.hit("lost: before another part")
		}
	}
	m.lost.planned = m.fate.outcome != outcome.Parked && m.fate.outcome != outcome.Skipped
	c.person.mu.Lock()
	defer c.person.mu.Unlock()
	if _, skipped := c.person.skipped[m.thread.id+"/"+m.id]; skipped {
		c.person.skipped[m.thread.id+"/"+m.id] = m.lost.keep
	}
}

// changeLost changes the row of a message that was lost.
func (c *modelCase) changeLost(change modelChange, lost *modelMessage) {
	for _, t := range c.legacy.chats {
		for _, m := range t.rows {
			if m == lost {
				c.change(change)
				c.hit(fmt.Sprintf("lost, and then: %s", change.Do))
				return
			}
			change.Pick++
		}
	}
}
