package sandbox

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// before orders a chat's history, oldest first.
func (w *World) before(a, b *message) int {
	switch w.o.HistoryOrder {
	case NewestArrivalFirst, OldestArrivalFirst:
		return cmp.Compare(a.arrival, b.arrival)
	}
	return byTime(a, b)
}

// show moves into a chat's history what has become visible. Keeping it sorted makes a page cost the same wherever
// it is.
func (w *World) show(c *chat, now time.Time) {
	nano := now.UnixNano()
	if len(c.hidden) == 0 {
		return
	}
	late := c.hidden[:0]
	var fresh []*message
	for _, m := range c.hidden {
		if m.visible > nano {
			late = append(late, m)
		} else {
			fresh = append(fresh, m)
		}
	}
	clear(c.hidden[len(late):])
	c.hidden = late
	for _, m := range fresh {
		if n := len(c.shown); n == 0 || w.before(c.shown[n-1], m) < 0 {
			c.shown = append(c.shown, m)
			continue
		}
		at, _ := slices.BinarySearchFunc(c.shown, m, w.before)
		c.shown = slices.Insert(c.shown, at, m)
	}
}

// history answers a page of a chat. An unknown chat and the end of paging are both a 204.
// https://developers.kommo.com/reference/chat-history
func (w *World) history(rq *request) *reply {
	const most = 50
	q := rq.url.Query()
	offset, ok1 := count(q, "offset", 0)
	limit, ok2 := count(q, "limit", most)
	if !ok1 || !ok2 || limit < 1 || limit > most {
		return amojoError(http.StatusBadRequest, badData, "offset must not be negative, limit must be from 1 to 50")
	}
	id, _ := parseUUID(rq.vars["chat"])
	c := w.byChat[id]
	if c == nil {
		return noContent()
	}
	w.show(c, rq.acted)
	n := len(c.shown)
	if offset >= n {
		return noContent()
	}
	end := min(offset+limit, n)
	page := make([]historyMessage, 0, end-offset)
	for i := offset; i < end; i++ {
		m := c.shown[i]
		if w.o.HistoryOrder == NewestFirst || w.o.HistoryOrder == NewestArrivalFirst {
			m = c.shown[n-1-i]
		}
		page = append(page, w.historyMessage(m))
	}
	return okJSON(doc{"messages": page})
}

// count reads a query parameter that must be a whole number from zero.
func count(q url.Values, key string, absent int) (int, bool) {
	if !q.Has(key) {
		return absent, true
	}
	n, err := strconv.Atoi(q.Get(key))
	return n, err == nil && n >= 0
}

// historyMessage is a message as history shows it: empty values are left out.
type historyMessage struct {
	Timestamp int64         `json:"timestamp"`
	Msec      int64         `json:"msec_timestamp,omitempty"`
	Sender    historyParty  `json:"sender"`
	Receiver  *historyParty `json:"receiver,omitempty"`
	Message   any           `json:"message"`
}

// historyParty shows our id of clients only; a user or the bot is known by amojo's.
type historyParty struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	ClientID string `json:"client_id,omitempty"`
	Avatar   string `json:"avatar,omitempty"`
	Phone    string `json:"phone,omitempty"`
	Email    string `json:"email,omitempty"`
}

type historyContent struct {
	ID        string           `json:"id"`
	ClientID  string           `json:"client_id,omitempty"`
	Type      string           `json:"type"`
	Text      string           `json:"text,omitempty"`
	Media     string           `json:"media,omitempty"`
	Thumbnail string           `json:"thumbnail,omitempty"`
	FileName  string           `json:"file_name,omitempty"`
	FileSize  int64            `json:"file_size,omitempty"`
	Duration  int64            `json:"media_duration,omitempty"`
	StickerID string           `json:"sticker_id,omitempty"`
	Location  *historyLocation `json:"location,omitempty"`
	Contact   *historyCard     `json:"contact,omitempty"`
}

type historyLocation struct {
	Lon float64 `json:"lon"`
	Lat float64 `json:"lat"`
}

type historyCard struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
}

// content2020 is the shape of the oldest sample, which shows some values empty.
type content2020 struct {
	historyContent
	Media     string `json:"media"`
	Thumbnail string `json:"thumbnail"`
	FileName  string `json:"file_name"`
	FileSize  int64  `json:"file_size"`
}

func (w *World) historyMessage(m *message) historyMessage {
	msec := m.msec
	if w.o.DriftSecond {
		msec += 1000
	}
	content := m.historyContent()
	out := historyMessage{Timestamp: msec / 1000, Msec: msec, Sender: m.from.history(), Message: content}
	if w.o.ResponseShape == Shape2020 {
		out.Msec = 0
		out.Message = content2020{content, content.Media, content.Thumbnail, content.FileName, content.FileSize}
	}
	if m.to != nil {
		to := m.to.history()
		out.Receiver = &to
	}
	return out
}

func (p *party) history() historyParty {
	out := historyParty{ID: p.id.String(), Name: p.name, Avatar: p.avatar}
	if !p.inside {
		out.ClientID, out.Phone, out.Email = p.clientID, p.phone, p.email
	}
	return out
}

func (m *message) historyContent() historyContent {
	out := historyContent{ID: m.id.String(), ClientID: m.msgid, Type: m.kind, Text: m.text}
	x := m.media
	if x == nil {
		return out
	}
	if x.url != "" { // amojo serves its own copy
		out.Media = "https://amojo.example.com/attachments/" + out.ID + "/" + url.PathEscape(x.fileName)
		if m.kind == "picture" || m.kind == "video" {
			out.Thumbnail = "https://amojo.example.com/thumbnails/" + out.ID
		}
	}
	out.FileName, out.FileSize, out.Duration, out.StickerID = x.fileName, x.fileSize, x.duration, x.stickerID
	if x.hasLocation {
		out.Location = &historyLocation{x.lon, x.lat}
	}
	if m.kind == "contact" {
		out.Contact = &historyCard{x.cardName, x.cardPhone}
	}
	return out
}
