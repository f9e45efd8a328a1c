package importer

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
	"github.com/sourcegraph/conc/pool"
)

// OnEdit says what becomes of a row that changes after it was sent.
type OnEdit string

// The settings of replay.on_edit. The zero value only tells of it.
const (
	ReportEdits OnEdit = "report"
	SendEdits   OnEdit = "edit_message"
)

// edit brings the changes of rows that were sent into their chats, as far as that
// can be done. The conversations have no lanes now.
func (r *run) edit(ctx context.Context) error {
	if r.OnEdit != SendEdits {
		return nil
	}
	ids, err := r.Ledger.EditedConversations(ctx)
	if err != nil || len(ids) == 0 {
		return err
	}
	before := r.Progress.Figures().Edited
	lanes := pool.New().WithMaxGoroutines(r.Lanes).WithContext(ctx).WithCancelOnError().WithFirstError()
	for _, id := range ids {
		lanes.Go(func(ctx context.Context) error { return stoppedOr(ctx, r.editConversation(ctx, id)) })
	}
	err = lanes.Wait()
	if n := r.Progress.Figures().Edited - before; n > 0 {
		r.Log.Info().Int64("messages", n).Msg("changed in amoCRM as their rows were")
	}
	return cmp.Or(err, ctx.Err())
}

func (r *run) editConversation(ctx context.Context, id source.ConversationID) error {
	slot := &slot{slots: r.slots}
	if !slot.take(ctx) {
		return nil
	}
	defer slot.give()
	conv, err := r.Ledger.Conversation(ctx, id)
	if err != nil {
		return err
	}
	rows, err := r.conversationRows(ctx, []source.ConversationID{id})
	if err != nil {
		return err
	}
	row, there := rows[id]
	if !there || conv.Doubt != nil { // a doubt is left where a run was stopped
		return nil
	}
	l := &lane{run: r, slot: slot, conv: conv, row: row}
	return l.close(l.edits(ctx))
}

// edits goes through the changes of the lane's conversation.
func (l *lane) edits(ctx context.Context) error {
	changes, err := l.Ledger.EditedMessages(ctx, l.conv.ID)
	if err != nil {
		return err
	}
	for len(changes) > 0 {
		ids := make([]string, len(changes))
		for i, m := range changes {
			ids[i] = m.ID
		}
		found, looked, err := l.Source.Messages(ctx, l.conv.ID, ids)
		if err != nil {
			return err
		}
		bodies := make(map[string]source.Message, len(found))
		for _, m := range found {
			bodies[m.ID] = m
		}
		for _, m := range changes[:looked] {
			body, there := bodies[m.ID]
			if _, tried := l.undecided.Load(m.MsgID); !there || tried {
				continue // a row that is gone is told by the next pass
			}
			if m.SentHash != nil && *m.SentHash == ledger.Hash(body.Hash) {
				continue // it went out as it is now, changed since its key was read; the next pass sees that
			}
			if err := l.editMessage(ctx, m, body); err != nil {
				return err
			}
		}
		changes = changes[looked:]
	}
	return nil
}

// editMessage changes one message. Only a text that was sent as one message, and
// that the chat shows as it was sent, is changed: anything else is a person's.
func (l *lane) editMessage(ctx context.Context, m ledger.Edited, body source.Message) error {
	composed, refusal := l.Compose.Compose(l.row, body, compose.Reply{})
	s := ledger.SettledEdit{ID: m.ID, RowHash: ledger.Hash(body.Hash), Decided: true}
	if refusal == nil {
		s.BodyHash = compose.TextHash(composed.Parts)
	}
	if s.Note = unfit(m, composed, refusal, s.BodyHash); s.Note != "" {
		return l.settleEdit(s)
	}
	q := Doubt{ChatID: amojo.ChatID(l.conv.ChatID), MsgID: m.MsgID}
	seen, err := l.Target.Delivered(ctx, q)
	switch {
	case err != nil:
		return stopOr(ctx, err)
	case !seen.Present && m.Age < l.settleTime(): // it may only be late: the next pass looks again
		return nil
	case !seen.Present:
		s.Note = outcome.EditUnseen
		return l.settleEdit(s)
	case wordsHash(seen.Text) == s.BodyHash:
		s.Note, s.Done = outcome.EditSent, true
		return l.settleEdit(s)
	case wordsHash(seen.Text) != m.BodyHash:
		s.Note = outcome.EditConflict
		return l.settleEdit(s)
	case !strings.HasPrefix(seen.Text, composed.Speaker): // the bot spoke for somebody else, or of another name
		s.Note = outcome.EditAuthor
		return l.settleEdit(s)
	}
	q.BodyHash = s.BodyHash
	err = l.commit(&ledger.Intent{Edit: true, Message: m.ID, MsgID: m.MsgID, Part: 1, Parts: 1, SentMsec: m.SentMsec,
		RowHash: s.RowHash, BodyHash: s.BodyHash, Kind: m.Kind})
	if err != nil {
		return err
	}
	content := amojo.Content{Type: amojo.TypeText, Text: composed.Parts[0].Content.Text}
	s.Note, err = l.sendEdit(ctx, q, amojo.Edit{Timestamp: m.SentMsec / 1000, MsecTimestamp: m.SentMsec, ID: seen.AmojoID, MsgID: m.MsgID,
		ConversationID: l.conv.ConversationID, Silent: true, Content: content})
	if err != nil {
		return err
	}
	s.Done, s.Decided = s.Note == outcome.EditSent, s.Note != outcome.EditInDoubt
	return l.settleEdit(s)
}

// unfit says why a change is no edit that can be sent; "": it is one.
func unfit(m ledger.Edited, c compose.Composed, refusal *compose.Refusal, words string) outcome.Code {
	const text = source.Kind(amojo.TypeText)
	switch {
	case refusal != nil && m.Kind == text:
		return outcome.EditUnsendable
	case m.Kind == text && words == m.BodyHash && c.Parts[0].Content.Type == amojo.TypeText:
		return outcome.EditOther
	case refusal != nil, m.Kind != text, c.Parts[0].Content.Type != amojo.TypeText:
		return outcome.EditNotText
	case m.Author.ID != "" && m.Author != authorOf(c):
		return outcome.EditAuthor
	case m.Parts != 1, len(c.Parts) != 1:
		return outcome.EditSplit
	}
	return ""
}

// wordsHash is the digest of a message in one part.
func wordsHash(text string) string {
	return compose.TextHash([]amojo.Message{{Content: amojo.Content{Text: text}}})
}

// sendEdit sends an edit until its end is known. A lost answer is settled by reading
// the text; an edit that did not come about may be repeated, it says the same.
func (l *lane) sendEdit(ctx context.Context, q Doubt, e amojo.Edit) (outcome.Code, error) {
	for round := 1; ; round++ {
		if ctx.Err() != nil {
			return "", errStopped
		}
		err := l.Target.Edit(ctx, e)
		ended := time.Now()
		var refused *RefusedError
		switch {
		case err == nil:
			return outcome.EditSent, nil
		case withdrawn(ctx, err):
			return "", errStopped
		case errors.As(err, &refused):
			return outcome.EditRejected, nil
		case !errors.Is(err, ErrInDoubt):
			return "", err
		}
		l.Progress.count(func(f *Figures) { f.Doubts++ })
		v, err := l.lookForEdit(ctx, q, ended)
		switch {
		case err != nil:
			return "", err
		case v == present:
			return outcome.EditSent, nil
		case v == unprovable, round == maxRounds:
			l.undecided.Store(q.MsgID, true) // the next run tries again
			return outcome.EditInDoubt, nil
		}
	}
}

// lookForEdit reads the chat until it shows whether an edit came about.
func (l *lane) lookForEdit(ctx context.Context, q Doubt, since time.Time) (verdict, error) {
	_, v, err := l.settleDoubt(ctx, q, false, since, false)
	l.absent = "" // the message is there; its new words are not
	return v, err
}

// settleEditIntent settles the edit that an earlier run left in doubt. One that did
// not come about is a change like any other again.
func (l *lane) settleEditIntent(ctx context.Context) error {
	in := l.conv.Doubt
	l.Progress.count(func(f *Figures) { f.Resumed++ })
	v, err := l.lookForEdit(ctx, Doubt{ChatID: amojo.ChatID(l.conv.ChatID), MsgID: in.MsgID, BodyHash: in.BodyHash}, l.begun)
	if err != nil || v != present {
		return err
	}
	return l.settleEdit(ledger.SettledEdit{ID: in.Message, Note: outcome.EditSent, RowHash: in.RowHash, BodyHash: in.BodyHash, Done: true, Decided: true})
}

// settleEdit takes down what became of a change. It is recorded with the next
// intent, or at the end of the lane.
func (l *lane) settleEdit(s ledger.SettledEdit) error {
	l.edited = append(l.edited, s)
	if s.Done {
		l.Progress.count(func(f *Figures) { f.Edited++ })
	}
	if len(l.edited) < maxUnrecorded {
		return nil
	}
	return l.commit(nil)
}
