package importer

import (
	"context"
	"encoding/hex"
	"iter"
	"time"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/identity"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/source"
)

// seen is what a look at the legacy database found.
type seen struct {
	full   bool // all rows were looked at
	began  time.Time
	ended  time.Time
	newest time.Time // sent_at of the newest row that is not from the future; zero: none
	merged ledger.Merged
}

// enrol takes the keys of all legacy rows into the ledger, or of those since a time.
// A pass that the legacy database breaks off is begun anew; it has changed nothing.
func (r *run) enrol(ctx context.Context, since time.Time) (seen, error) {
	var s seen
	err := source.Again(ctx, func() (err error) {
		s = seen{full: since.IsZero(), began: time.Now()}
		pass := ledger.Pass{
			Keys:       r.enrolledKeys(ctx, since, &s),
			SQLDigest:  r.Source.SQLDigest(),
			SharedMax:  r.SharedMax,
			MaxChanged: r.MaxChanged,
		}
		if s.full {
			pass.Conversations = r.enrolledConversations(ctx)
			pass.Progress = func(phase string, n int64) {
				r.Progress.count(func(f *Figures) { f.Enrolled = n })
			}
		} else {
			pass.Lookup = func(ids ...source.ConversationID) iter.Seq2[ledger.EnrolledConversation, error] {
				return r.enrolledConversations(ctx, ids...)
			}
		}
		s.merged, err = r.Ledger.Enrol(ctx, pass)
		return err
	}, func(err error) {
		r.Log.Warn().Err(err).Msg("the legacy database broke off; reading its keys again")
		r.Progress.SetWaiting("waiting for the legacy database")
	})
	r.Progress.SetWaiting("")
	if err != nil {
		return s, err
	}
	s.ended = time.Now()
	return s, r.enrolled(ctx, s)
}

// enrolled tells what a look found. One for news that found nothing is not worth a line.
func (r *run) enrolled(ctx context.Context, s seen) error {
	m := s.merged
	if s.full {
		r.Progress.count(func(f *Figures) { f.Enrolled = m.Messages })
	} else if m.New == 0 {
		return nil
	}
	r.Log.Info().Int64("conversations", m.Conversations).Int64("messages", m.Messages).
		Int64("new", m.New).Int64("edited", m.Edited).Int64("rebased", m.Rebased).
		Int64("vanished", m.Vanished).Msg("enrolled")
	if m.Rebased > 0 {
		r.Log.Warn().Int64("messages", m.Rebased).
			Msg("the queries changed since the last run, and so did what they return for messages that were sent; those are left as they were sent")
	}
	if m.Moved > 0 {
		r.Log.Warn().Int64("messages", m.Moved).
			Msg("source.timezone is another than when these messages were sent: they keep the times that they were sent with, and new ones get others")
	}
	return r.Ledger.Note(ctx, "enrolled", m)
}

// enrolledConversations are the conversations with these ids, or all.
func (r *run) enrolledConversations(ctx context.Context, ids ...source.ConversationID) iter.Seq2[ledger.EnrolledConversation, error] {
	return func(yield func(ledger.EnrolledConversation, error) bool) {
		for c, err := range r.Source.Conversations(ctx, ids...) {
			if err != nil {
				yield(ledger.EnrolledConversation{}, err)
				return
			}
			keys := identity.Normalize(r.Region, c.ClientPhone, c.ClientEmail)
			ok := yield(ledger.EnrolledConversation{
				ID:             c.ID,
				ConversationID: r.Compose.IDs.ConversationID(string(c.ID)),
				ClientID:       compose.ClientOf(c),
				Phone:          r.keyed("phone", keys.Phone),
				Email:          r.keyed("email", keys.Email),
				SourceExternal: c.SourceExternalID,
				Closed:         c.Closed,
			}, nil)
			if !ok {
				return
			}
		}
	}
}

// enrolledKeys are the keys since a time. It notes the newest of them: a row from the
// future, be it from a wrong clock, must not hide what comes before it.
func (r *run) enrolledKeys(ctx context.Context, since time.Time, s *seen) iter.Seq2[ledger.EnrolledKey, error] {
	return func(yield func(ledger.EnrolledKey, error) bool) {
		for k, err := range r.Source.Keys(ctx, since) {
			if err != nil {
				yield(ledger.EnrolledKey{}, err)
				return
			}
			if k.SentAt.After(s.newest) && !k.SentAt.After(s.began) {
				s.newest = k.SentAt
			}
			if !yield(ledger.EnrolledKey{Key: k, MsgID: r.Compose.IDs.MessageID(string(k.Conversation), k.ID)}, nil) {
				return
			}
		}
	}
}

// keyed is the hash under which the ledger knows a phone or an e-mail.
func (r *run) keyed(kind, value string) string {
	if value == "" {
		return ""
	}
	h := identity.Hash(r.PersonKey, kind, value)
	return hex.EncodeToString(h[:])
}
