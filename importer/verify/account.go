package verify

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
)

// tolerance is how far the time of a message may be off, in seconds. History may
// answer a second more than was sent, and whole seconds only.
// https://www.amocrm.ru/developers/content/chats/chat-import-message-example
const tolerance = 2

// part is a part that was sent, and the copy of it that the chat shows.
type part struct {
	k        int // from 1
	msgid    string
	sentMsec int64
	copies   int
	amojo.HistoryMessage
	faults []Fault
}

// spoken is a message that was sent, with all its parts.
type spoken struct {
	ledger.SentMessage
	parts []part
}

// account compares what was sent of a conversation, in its order, with what its
// chat shows.
func account(c ledger.SentChat, sent []ledger.SentMessage, h *history) ledger.ChatVerdict {
	all := make([]spoken, len(sent))
	var inOrder []*part
	for i, m := range sent {
		all[i] = match(m, h)
		for k := range all[i].parts {
			if p := &all[i].parts[k]; p.copies > 0 && !m.Late {
				inOrder = append(inOrder, p)
			}
		}
	}
	for _, p := range misplaced(inOrder) {
		p.faults = append(p.faults, OutOfOrder)
	}
	v := ledger.ChatVerdict{Conversation: c.Conversation}
	v.Foreign, v.Shown = h.foreign, int64(len(h.shown))
	legacy, back := newDigest(), newDigest()
	for _, m := range all {
		m.count(&v)
		line := m.asSent()
		legacy.line(line...)
		if m.fair() {
			back.line(line...)
			continue
		}
		for _, p := range m.parts {
			back.line(p.asFound()...)
		}
	}
	v.Digests = ledger.Digests{Legacy: legacy.String(), ReadBack: back.String(), AsShown: h.asShown()}
	return v
}

// match finds the parts of a message in a history and compares them with it.
func match(m ledger.SentMessage, h *history) spoken {
	s := spoken{SentMessage: m}
	var texts []amojo.Message
	for k := 1; k <= m.Parts; k++ {
		p := part{k: k, msgid: compose.PartID(m.MsgID, k), sentMsec: m.SentMsec + int64(k) - 1}
		copies := h.copies[p.msgid]
		p.copies = len(copies)
		if p.copies == 0 {
			p.faults = append(p.faults, Missing)
			s.parts = append(s.parts, p)
			continue
		}
		if p.copies > 1 {
			p.faults = append(p.faults, Doubled)
		}
		p.HistoryMessage = nearest(copies, p.sentMsec)
		if p.timeOff() {
			p.faults = append(p.faults, TimeOff)
		}
		kind := m.Kind
		if k > 1 {
			kind = string(amojo.TypeText)
		}
		if kind != "" && p.Type != "" && kind != string(p.Type) {
			p.faults = append(p.faults, AlteredKind)
		}
		if !spokeAs(p.Sender, m.Author) {
			p.faults = append(p.faults, AlteredAuthor)
		}
		texts = append(texts, amojo.Message{Content: amojo.Content{Text: p.Text}})
		s.parts = append(s.parts, p)
	}
	if s.textKnown() && len(texts) == m.Parts && compose.TextHash(texts) != m.BodyHash {
		s.parts[0].faults = append(s.parts[0].faults, AlteredText)
	}
	return s
}

// spokeAs says whether the sender that history shows can be the author. What it
// leaves out is not held against it: people inside have only amojo's id there.
func spokeAs(shown amojo.Participant, author ledger.Author) bool {
	switch {
	case author.ID == "",
		shown.ClientID == author.ID,
		author.RefID != "" && shown.AmojoID == author.RefID:
		return true
	case shown.ClientID == "":
		return shown.AmojoID == "" || author.RefID == ""
	}
	return false
}

// textKnown says whether the text can be checked: its hash is of all parts.
func (s spoken) textKnown() bool { return s.BodyHash != "" && s.Whole }

func (s spoken) fair() bool {
	return !slices.ContainsFunc(s.parts, func(p part) bool { return len(p.faults) > 0 })
}

// count adds the message to a chat's verdict.
func (s spoken) count(v *ledger.ChatVerdict) {
	lost, differs := -1, false
	ids := make([]string, s.Parts)
	copy(ids, s.AmojoIDs)
	for i, p := range s.parts {
		v.Messages++
		if p.copies > 0 {
			v.Present++
			if !s.textKnown() || s.Author.ID == "" {
				v.Unchecked++
			}
		} else if lost < 0 {
			lost = i
		}
		if p.copies == 1 && p.AmojoID != "" && ids[i] != p.AmojoID {
			ids[i], differs = p.AmojoID, true
		}
		altered := false
		for _, f := range p.faults {
			*f.in(&v.Counts)++
			altered = altered || f.alters()
			v.Faults = append(v.Faults, ledger.PartFault{Conversation: v.Conversation, Message: s.ID, Part: p.k, Fault: string(f)})
		}
		if altered {
			v.Altered++
		}
	}
	switch {
	case lost >= 0:
		v.Lost = append(v.Lost, ledger.LostParts{Conversation: v.Conversation, Message: s.ID, Keep: lost, Decided: s.Decided})
	case differs:
		v.True = append(v.True, ledger.TrueIDs{Conversation: v.Conversation, Message: s.ID, IDs: ids})
	}
	for _, p := range s.parts {
		if p.copies > 0 && (lost < 0 || p.k <= lost) { // a part behind a gap is sent no more, or later
			v.LastMsgID = p.msgid
		}
	}
}

// asSent is the message's line in the digest of what was sent.
func (s spoken) asSent() []string {
	return []string{s.MsgID, strconv.Itoa(s.Parts), strconv.FormatInt(s.SentMsec, 10), s.Kind, s.Author.ID, s.Author.RefID, s.BodyHash}
}

// asFound is the line of a part of a message that is not as it was sent.
func (p part) asFound() []string {
	line := []string{p.msgid, strconv.FormatInt(p.Time().UnixMilli(), 10), string(p.Type), p.Sender.ClientID, p.Sender.AmojoID, textHash(p.Text)}
	for _, f := range p.faults {
		line = append(line, string(f))
	}
	return line
}

// nearest is the copy whose time is nearest to the time sent.
func nearest(copies []amojo.HistoryMessage, msec int64) amojo.HistoryMessage {
	off := func(c amojo.HistoryMessage) int64 {
		if c.MsecTimestamp == 0 {
			return abs(c.Timestamp*1000 - msec/1000*1000)
		}
		return abs(c.MsecTimestamp - msec)
	}
	return slices.MinFunc(copies, func(a, b amojo.HistoryMessage) int { return cmp.Compare(off(a), off(b)) })
}

// timeOff says whether the part's time is not the one that was sent.
func (p part) timeOff() bool {
	if p.MsecTimestamp == 0 {
		return abs(p.Timestamp-p.sentMsec/1000) > tolerance
	}
	return abs(p.MsecTimestamp-p.sentMsec) > tolerance*1000
}

func abs(n int64) int64 { return max(n, -n) }
