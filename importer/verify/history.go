package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
)

const (
	// maxUnreadable is how often in a row an answer without sense is asked for again.
	maxUnreadable = 5
	// slack is how many messages beyond those seen a walk may ask for: a history
	// that still has no end then does not heed its offset.
	slack = 20 * amojo.MaxHistoryPage
)

// copyOf is one message of ours in a chat.
type copyOf struct {
	amojoID string
	sec     int64
	msec    int64 // 0: only seconds are known
}

// history is what a chat's history shows, gathered over one walk or several.
type history struct {
	seen    map[string]bool     // by amojo id
	copies  map[string][]copyOf // by msgid of the parts sent; none yet: an empty slice
	foreign int64
	found   int // parts with a copy
}

// newHistory is an empty history in which these messages are looked for.
func newHistory(sent []ledger.SentMessage) *history {
	h := &history{seen: map[string]bool{}, copies: map[string][]copyOf{}}
	for _, m := range sent {
		for k := 1; k <= m.Parts; k++ {
			h.copies[compose.PartID(m.MsgID, k)] = nil
		}
	}
	return h
}

// missing counts the parts that were not seen.
func (h *history) missing() int { return len(h.copies) - h.found }

// walk reads the whole history once more. It relies on no order; messages that
// arrive meanwhile shift others to a later page, where they are known already.
func (h *history) walk(ctx context.Context, chats Chats, chat amojo.ChatID) error {
	for offset := 0; ; {
		page, err := readPage(ctx, chats, chat, offset)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		for _, m := range page {
			h.take(m)
		}
		offset += len(page)
		if offset > len(h.seen)+slack {
			return fmt.Errorf("the history of chat %s does not end: %d messages were read, %d of them different", chat, offset, len(h.seen))
		}
	}
}

// take takes a message in, unless it is known.
func (h *history) take(m amojo.HistoryMessage) {
	key := m.AmojoID
	if key == "" {
		key = fmt.Sprintf("%s at %d", m.MsgID, m.Time().UnixMilli())
	}
	if h.seen[key] {
		return
	}
	h.seen[key] = true
	have, ours := h.copies[m.MsgID]
	if !ours {
		h.foreign++
		return
	}
	if len(have) == 0 {
		h.found++
	}
	h.copies[m.MsgID] = append(have, copyOf{amojoID: m.AmojoID, sec: m.Time().Unix(), msec: m.MsecTimestamp})
}

// readPage reads a page, again when its answer made no sense.
func readPage(ctx context.Context, chats Chats, chat amojo.ChatID, offset int) ([]amojo.HistoryMessage, error) {
	pause := 200 * time.Millisecond
	for try := 1; ; try++ {
		page, err := chats.History(ctx, chat, offset, amojo.MaxHistoryPage)
		var call *amojo.CallError
		if err == nil || try == maxUnreadable || !errors.As(err, &call) || !call.Unreadable() {
			return page, err
		}
		if stopped := sleep(ctx, pause); stopped != nil {
			return nil, stopped
		}
		pause *= 2
	}
}
