package importer

import (
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
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/pace"
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
		if err := pace.Sleep(ctx, r.settleTime()); err != nil {
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
