package importer

import (
	"context"
	"encoding/hex"
	"errors"
	"iter"
	"time"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/identity"
	"github.com/amoimport/amoimport/importer/ledger"
)

// temporary is an error of the source after which the pass may be begun anew.
type temporary interface{ Temporary() bool }

// enrol takes the keys of all legacy rows into the ledger. A pass that the legacy
// database breaks off is begun anew; it has changed nothing.
func (r *run) enrol(ctx context.Context) error {
	pause := time.Second
	for {
		merged, err := r.Ledger.Enrol(ctx, ledger.Pass{
			Conversations: r.enrolledConversations(ctx),
			Keys:          r.enrolledKeys(ctx),
			SQLDigest:     r.Source.SQLDigest(),
			SharedMax:     r.SharedMax,
			MaxChanged:    r.MaxChanged,
			Progress: func(phase string, n int64) {
				r.Progress.count(func(f *Figures) { f.Enrolled = n })
			},
		})
		var t temporary
		if err == nil {
			r.Progress.count(func(f *Figures) { f.Enrolled = merged.Messages })
			r.Log.Info().Int64("conversations", merged.Conversations).Int64("messages", merged.Messages).
				Int64("new", merged.New).Int64("edited", merged.Edited).Int64("rebased", merged.Rebased).
				Int64("vanished", merged.Vanished).Msg("enrolled")
			if merged.Rebased > 0 {
				r.Log.Warn().Int64("messages", merged.Rebased).
					Msg("the queries changed since the last run, and so did what they return for messages that were sent; those are left as they were sent")
			}
			return r.Ledger.Note(ctx, "enrolled", merged)
		}
		if !errors.As(err, &t) || !t.Temporary() || ctx.Err() != nil {
			return err
		}
		r.Log.Warn().Err(err).Msg("the legacy database broke off; reading its keys again")
		r.Progress.SetWaiting("waiting for the legacy database")
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		r.Progress.SetWaiting("")
		pause = min(2*pause, 30*time.Second)
	}
}

func (r *run) enrolledConversations(ctx context.Context) iter.Seq2[ledger.EnrolledConversation, error] {
	return func(yield func(ledger.EnrolledConversation, error) bool) {
		for c, err := range r.Source.Conversations(ctx) {
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

func (r *run) enrolledKeys(ctx context.Context) iter.Seq2[ledger.EnrolledKey, error] {
	return func(yield func(ledger.EnrolledKey, error) bool) {
		for k, err := range r.Source.Keys(ctx, time.Time{}) {
			if err != nil {
				yield(ledger.EnrolledKey{}, err)
				return
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

// sleep waits, unless the context ends first.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
