package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/pace"
)

const (
	// maxUnreadable is how often in a row an answer without sense is asked for again.
	maxUnreadable = 5
	// slack is how many messages beyond those seen a walk may ask for: a history
	// that still has no end then does not heed its offset.
	slack = 20 * amojo.MaxHistoryPage
)

// history is what a chat's history shows, gathered over one walk or several.
type history struct {
	prefix  string                            // of the ids of our messages
	seen    map[string]bool                   // by amojo id
	copies  map[string][]amojo.HistoryMessage // by msgid of the parts sent; none yet: an empty slice
	shown   []string                          // lines of as_shown, in no order
	foreign int64
	found   int  // parts with a copy
	doubled bool // a part has several
}

// newHistory is an empty history in which these messages are looked for.
func newHistory(prefix string, sent []ledger.SentMessage) *history {
	h := &history{prefix: prefix, seen: map[string]bool{}, copies: map[string][]amojo.HistoryMessage{}}
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
// arrive meanwhile shift others to a later page, where they are known already. It
// reports whether it took a first page that was short, and showed all of ours, as
// the end.
func (h *history) walk(ctx context.Context, chats pinged, chat amojo.ChatID, ends *ends) (short bool, err error) {
	trusted := ends.trusted()
	for offset := 0; ; {
		page, err := readPage(ctx, chats, chat, offset)
		if err != nil {
			return false, err
		}
		if len(page) == 0 {
			return false, nil
		}
		known := len(h.seen)
		for _, m := range page {
			h.take(m)
		}
		if short && len(h.seen) > known {
			ends.distrust()
		}
		short = len(page) < amojo.MaxHistoryPage
		if offset == 0 && short && trusted && h.missing() == 0 && !h.doubled {
			return true, nil
		}
		offset += len(page)
		if offset > len(h.seen)+slack {
			return false, fmt.Errorf("the history of chat %s does not end: %d messages were read, %d of them different", chat, offset, len(h.seen))
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
	if m.MsgID != "" && strings.HasPrefix(m.MsgID, h.prefix) {
		h.shown = append(h.shown, asShown(m))
	}
	have, ours := h.copies[m.MsgID]
	if !ours {
		h.foreign++
		return
	}
	if len(have) == 0 {
		h.found++
	}
	h.doubled = h.doubled || len(have) > 0
	h.copies[m.MsgID] = append(have, m)
}

// pinged are chats whose server may be asked something harmless besides.
type pinged struct {
	Chats
	ping func(context.Context) error // may be nil
}

func (p pinged) History(ctx context.Context, chat amojo.ChatID, offset, limit int) (page []amojo.HistoryMessage, err error) {
	if p.ping == nil {
		return p.Chats.History(ctx, chat, offset, limit)
	}
	err = pace.Beside(ctx, pace.Priority{ReadBack: true}, p.ping, func(ctx context.Context) (err error) {
		page, err = p.Chats.History(ctx, chat, offset, limit)
		return err
	})
	return page, err
}

// readPage reads a page, again when its answer made no sense.
func readPage(ctx context.Context, chats pinged, chat amojo.ChatID, offset int) ([]amojo.HistoryMessage, error) {
	pause := 200 * time.Millisecond
	for try := 1; ; try++ {
		page, err := chats.History(ctx, chat, offset, amojo.MaxHistoryPage)
		var call *amojo.CallError
		if err == nil || try == maxUnreadable || !errors.As(err, &call) || !call.Unreadable() {
			return page, err
		}
		if stopped := pace.Sleep(ctx, pause); stopped != nil {
			return nil, stopped
		}
		pause *= 2
	}
}
