package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/identity"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/sourcegraph/conc/pool"
)

// match finds or creates the contacts of a batch of conversations. alive are the
// contacts that this run has seen; it adds to them.
func (r *run) match(ctx context.Context, batch []*prepared, alive map[int64]bool) error {
	if err := r.forgetGone(ctx, batch, alive); err != nil {
		return err
	}
	// The first conversation of a person speaks for it: the batch is longest
	// first, so that is its longest.
	speaker := map[int64]*prepared{}
	var unmatched []*prepared
	for _, p := range batch {
		if p.kept.ContactID == 0 && speaker[p.kept.Person] == nil {
			speaker[p.kept.Person] = p
			unmatched = append(unmatched, p)
		}
	}
	contacts, err := r.find(ctx, unmatched)
	if err != nil {
		return err
	}
	var missing []*prepared
	for _, p := range unmatched {
		if contacts[p.kept.Person] == 0 && p.parked == "" {
			missing = append(missing, p)
		}
	}
	if len(missing) > 0 {
		if err := r.create(ctx, missing, contacts); err != nil {
			return err
		}
	}
	for _, p := range batch {
		if p.kept.ContactID != 0 {
			continue
		}
		p.kept.ContactID = contacts[p.kept.Person]
		alive[p.kept.ContactID] = true
		if s := speaker[p.kept.Person]; s.parked != "" && p.parked == "" {
			if err := r.parkPrepared(p, s.parked, "as another conversation of the same person"); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetGone takes away the contacts that earlier runs knew and that people have
// deleted or merged since: nothing can be linked to those, so they are looked for
// anew. Gone is who is gone a settle time later, too: a server may be behind.
func (r *run) forgetGone(ctx context.Context, batch []*prepared, alive map[int64]bool) error {
	unseen := map[int64]bool{}
	for _, p := range batch {
		if id := p.kept.ContactID; id != 0 && !alive[id] {
			unseen[id] = true
		}
	}
	if err := r.lookAlive(ctx, unseen, alive); err != nil {
		return err
	}
	if len(unseen) > 0 {
		if err := sleep(ctx, r.settleTime()); err != nil {
			return err
		}
		if err := r.lookAlive(ctx, unseen, alive); err != nil {
			return err
		}
	}
	for _, p := range batch {
		if unseen[p.kept.ContactID] {
			p.kept.ContactID = 0
		}
	}
	return nil
}

// lookAlive asks for contacts and moves those that are there from unseen to alive.
func (r *run) lookAlive(ctx context.Context, unseen, alive map[int64]bool) error {
	var mu sync.Mutex
	look := pool.New().WithMaxGoroutines(prepareCalls).WithContext(ctx).WithCancelOnError().WithFirstError()
	for _, id := range slices.Collect(maps.Keys(unseen)) {
		look.Go(func(ctx context.Context) error {
			there, err := r.Target.HasContact(ctx, id)
			var refused *RefusedError
			var unanswered *UnansweredError
			if errors.As(err, &refused) || errors.As(err, &unanswered) {
				// Linking will tell: to a contact that is gone it is refused. Called gone,
				// one that is there could be made a second time.
				there, err = true, nil
			}
			mu.Lock()
			defer mu.Unlock()
			if there {
				alive[id] = true
				delete(unseen, id)
			}
			return err
		})
	}
	return look.Wait()
}

// person is the client of a conversation, as a contact is looked for or made.
func (r *run) person(p *prepared) Person {
	created := p.kept.FirstSent
	if created.IsZero() {
		created = time.Now()
	}
	// The ledger knows which phone and e-mail identify the client. What this row
	// says may be another, which many share.
	keys := identity.Normalize(r.Region, p.row.ClientPhone, p.row.ClientEmail)
	name := p.chat.User.Name
	return Person{ID: p.kept.Person, ClientID: compose.ClientOf(p.row), Name: name,
		Phone: p.row.ClientPhone, Email: p.row.ClientEmail, CreatedSec: max(0, created.Unix()),
		ByPhone: keys.Phone != "" && r.keyed("phone", keys.Phone) == p.kept.Phone,
		ByEmail: keys.Email != "" && r.keyed("email", keys.Email) == p.kept.Email,
		Named:   func(s string) bool { return s == name }}
}

// expect tells the target how many people will be looked for.
func (r *run) expect(ctx context.Context) error {
	people, err := r.Ledger.Unmatched(ctx)
	if err != nil {
		return err
	}
	return r.Target.Expect(ctx, people)
}

// find looks for the contacts of people, some at a time.
func (r *run) find(ctx context.Context, people []*prepared) (map[int64]int64, error) {
	contacts := map[int64]int64{}
	var mu sync.Mutex
	look := pool.New().WithMaxGoroutines(prepareCalls).WithContext(ctx).WithCancelOnError().WithFirstError()
	for _, p := range people {
		look.Go(func(ctx context.Context) error {
			found, err := r.Target.FindContact(ctx, r.person(p))
			var ambiguous *AmbiguousError
			if errors.As(err, &ambiguous) {
				return r.parkPrepared(p, outcome.ContactAmbiguous, ambiguous.list())
			}
			var refused *RefusedError
			if errors.As(err, &refused) {
				return r.parkPrepared(p, outcome.ContactRejected, refused.Detail)
			}
			var unanswered *UnansweredError
			if errors.As(err, &unanswered) {
				// Not found is not what this says: made anew, it could be there twice.
				return r.parkPrepared(p, outcome.ServerError, "the contact cannot be looked for")
			}
			if err != nil || found.ContactID == 0 {
				return err
			}
			if len(found.Fitting) > 1 {
				r.Log.Info().Str("conversation", string(p.work.ID)).Ints64("fitting", found.Fitting).Int64("taken", found.ContactID).
					Msg("several contacts fit one client")
			}
			mu.Lock()
			contacts[p.kept.Person] = found.ContactID
			mu.Unlock()
			return r.Ledger.SetContact(r.durable, p.kept.Person, found.ContactID, found.How)
		})
	}
	return contacts, look.Wait()
}

// AmbiguousError says that several contacts fit a person and the settings want a
// person to choose.
type AmbiguousError struct{ Contacts []int64 } // ids, oldest first

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%d contacts fit one person", len(e.Contacts))
}

// list names the contacts, for whoever is to choose.
func (e *AmbiguousError) list() string {
	const most = 20
	named := e.Contacts[:min(most, len(e.Contacts))]
	said := strings.ReplaceAll(strings.Trim(fmt.Sprint(named), "[]"), " ", ", ")
	if len(named) < len(e.Contacts) {
		said += ", …"
	}
	return fmt.Sprintf("%d contacts fit: %s", len(e.Contacts), said)
}

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
		if err := sleep(ctx, min(pause, max(left, time.Millisecond))); err != nil {
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
