package importer

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/pace"
)

// create makes contacts: all at once where that works, else in ever smaller
// batches until the guilty ones are alone. A round in which others got through
// speaks against who fails alone, and so does one when there are no others. A round
// in which nobody got through is an outage: then all are tried again.
func (r *run) create(ctx context.Context, missing []*prepared, contacts map[int64]int64) error {
	groups := [][]*prepared{missing}
	strikes := map[*prepared]int{}
	for round := 1; len(groups) > 0; round++ {
		var failed, next [][]*prepared
		through := false
		for _, group := range groups {
			rest, err := r.createGroup(ctx, group, contacts)
			if err != nil {
				return err
			}
			switch {
			case len(rest) == len(group):
				failed = append(failed, rest)
			case len(rest) > 0:
				next = append(next, rest)
				fallthrough
			default:
				through = true
			}
		}
		alone := len(failed) == 1 && len(next) == 0
		for _, group := range failed {
			if half := len(group) / 2; half > 0 {
				next = append(next, group[:half], group[half:])
				continue
			}
			p := group[0]
			if through || alone {
				strikes[p]++
			}
			if strikes[p] < maxRounds && round < maxRoundsAlone {
				next = append(next, group)
			} else if err := r.parkPrepared(p, outcome.ServerError, "the contact cannot be created"); err != nil {
				return err
			}
		}
		groups = next
	}
	return nil
}

// createGroup makes contacts with one call and returns who has none yet and may be
// tried again.
func (r *run) createGroup(ctx context.Context, group []*prepared, contacts map[int64]int64) ([]*prepared, error) {
	made, refused, err := r.createOnce(ctx, group)
	if err != nil {
		return nil, err
	}
	var rest []*prepared
	for i, p := range group {
		switch {
		case made[i] != 0:
			contacts[p.kept.Person] = made[i]
		case refused != nil && refused.Refused[i] != "":
			if err := r.parkPrepared(p, outcome.ContactRejected, refused.Refused[i]); err != nil {
				return nil, err
			}
		default:
			rest = append(rest, p)
		}
	}
	return rest, nil
}

// createOnce makes one batch of contacts and returns their ids, 0 for those who
// have none. The call is not idempotent, so the ledger knows of it before it is
// made, with the newest contact there was: what came after can be looked for when
// the answer is lost.
func (r *run) createOnce(ctx context.Context, missing []*prepared) ([]int64, *RefusedPeople, error) {
	highest, err := r.Target.NewestContact(ctx)
	if err != nil {
		return nil, nil, err
	}
	members := make([]ledger.Creation, len(missing))
	people := make([]Person, len(missing))
	for i, p := range missing {
		people[i] = r.person(p)
		members[i] = ledger.Creation{Person: people[i].ID, CreatedSec: people[i].CreatedSec,
			ClientID: people[i].ClientID, NameKey: r.keyed("name", people[i].Name)}
	}
	id, err := r.Ledger.OpenBatch(r.durable, highest, members)
	if err != nil {
		return nil, nil, err
	}
	made, err := r.Target.CreateContacts(ctx, people)
	ended := time.Now()
	var refused *RefusedPeople
	switch {
	case err == nil:
	case errors.As(err, &refused):
		made = make([]int64, len(people))
	case errors.Is(err, ErrInDoubt):
		r.Progress.count(func(f *Figures) { f.Doubts++ })
		if made, err = r.settleCreation(ctx, highest, people, ended); err != nil {
			return nil, nil, err // the batch stays open; the next run settles it
		}
	case withdrawn(ctx, err):
		return nil, nil, cmp.Or(r.Ledger.CloseBatch(r.durable, id, nil), err)
	default:
		return nil, nil, err
	}
	for i := range members {
		members[i].ContactID = made[i]
	}
	return made, refused, r.Ledger.CloseBatch(r.durable, id, members)
}

// settleCreation finds out what became of a creation whose answer was lost. That
// somebody has no new contact counts only after the settle time, from since on.
func (r *run) settleCreation(ctx context.Context, highest int64, people []Person, since time.Time) ([]int64, error) {
	pause := 500 * time.Millisecond
	for {
		begun := time.Now()
		made, err := r.Target.CreatedAfter(ctx, highest, people)
		if err != nil {
			return nil, err
		}
		missing := 0
		for _, id := range made {
			if id == 0 {
				missing++
			}
		}
		left := r.settleTime() - begun.Sub(since)
		if missing == 0 || left <= 0 {
			return made, nil
		}
		if err := pace.Sleep(ctx, min(pause, max(left, time.Millisecond))); err != nil {
			return nil, err
		}
		pause = min(2*pause, 10*time.Second)
	}
}

// settleBatches settles the creations that an earlier run left in doubt, before
// anybody is matched.
func (r *run) settleBatches(ctx context.Context) error {
	open, err := r.Ledger.OpenBatches(ctx)
	if err != nil {
		return err
	}
	for _, b := range open {
		people := make([]Person, len(b.Members))
		for i, m := range b.Members {
			people[i] = Person{ID: m.Person, ClientID: m.ClientID, CreatedSec: m.CreatedSec,
				Named: func(s string) bool { return r.keyed("name", s) == m.NameKey }}
		}
		r.Log.Info().Int("people", len(people)).Msg("settling contacts whose creation was interrupted")
		r.Progress.count(func(f *Figures) { f.Resumed++ })
		made, err := r.settleCreation(ctx, b.Highest, people, r.begun)
		if err != nil {
			return err
		}
		for i := range made {
			b.Members[i].ContactID = made[i]
		}
		if err := r.Ledger.CloseBatch(r.durable, b.ID, b.Members); err != nil {
			return err
		}
	}
	return nil
}
