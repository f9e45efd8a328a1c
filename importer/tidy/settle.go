package tidy

import (
	"context"
	"slices"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/pace"
)

// inDoubt marks a lead of which nobody can tell yet. It stays so in the ledger.
const inDoubt = "in_doubt"

// settle finds out which leads were made, and records it. since is when the attempt to make them ended, or when this
// command began.
//
// A lead is ours if its contact has it and its created_at is, to the second, the one that we gave: a second before
// the first message of years ago. That is enough. Nobody else makes leads dated so; and were there one, it would show
// the same history, so that ours is not needed. Its name is not compared: amoCRM may have trimmed it, and a lead that is
// not recognised would be made twice. So no list of the leads there were before is needed either.
//
// That a contact has no such lead counts only after the settle time.
func (l *leader) settle(ctx context.Context, leads []ledger.Lead, since time.Time) ([]ledger.Lead, error) {
	settled := slices.Clone(leads)
	for pause := 500 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		begun := time.Now()
		err := eachPlace(ctx, len(settled), func(ctx context.Context, i int) error {
			if settled[i].ID > 0 {
				return nil
			}
			id, err := l.leadOf(ctx, settled[i])
			settled[i].ID, settled[i].Reason = id, ""
			if err == nil {
				return nil
			}
			if ctx.Err() != nil || reasonOf(err) == "" {
				return err
			}
			settled[i].Reason = inDoubt
			return nil
		})
		if err != nil {
			return nil, err // they stay in doubt; the next command settles them
		}
		made := !slices.ContainsFunc(settled, func(d ledger.Lead) bool { return d.ID == 0 })
		left := l.SettleTime - begun.Sub(since)
		if made || left <= 0 {
			break
		}
		if pace.Sleep(ctx, min(pause, max(left, time.Millisecond))) != nil {
			return nil, context.Cause(ctx)
		}
	}
	sure := slices.DeleteFunc(slices.Clone(settled), func(d ledger.Lead) bool { return d.Reason == inDoubt })
	return settled, l.Ledger.EndLeads(l.durable, sure)
}

// leadOf is the lead of a contact that was made as this one; 0: there is none.
func (l *leader) leadOf(ctx context.Context, d ledger.Lead) (int64, error) {
	var found int64
	err := l.read(ctx, func(ctx context.Context) error {
		found = 0
		ids, err := l.CRM.LeadsOf(ctx, d.ContactID)
		if err != nil {
			return err
		}
		// The newest first: it is the one more often.
		slices.Sort(ids)
		slices.Reverse(ids)
		for _, id := range ids {
			at, err := l.CRM.LeadCreatedAt(ctx, id)
			if err != nil {
				return err
			}
			if at == d.CreatedSec {
				found = id
				return nil
			}
		}
		return nil
	})
	return found, err
}
