package tidy

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/pace"
)

// LeadOptions say what leads are made.
type LeadOptions struct {
	Options
	PipelineID int64  // 0: the account's main one
	StatusID   int64  // of their stage
	Name       string // {client_id} is the client's legacy id
	Tags       []string
	Limit      int // at most so many now; 0: all
}

// Led says how the making of leads went.
type Led struct {
	Leads   ledger.LeadCounts `json:"leads"`   // all that the ledger knows of
	Made    int64             `json:"made"`    // by this command
	Example *ledger.Lead      `json:"-"`       // the first of them; nil: there is none
	Waiting int64             `json:"waiting"` // contacts without one yet: something of them is still to be sent
}

// maxAlone is how often a lead that is tried alone may get server errors, until it is refused.
const maxAlone = 3

// leader makes leads.
type leader struct {
	*tidier
	o LeadOptions

	made    int64
	example *ledger.Lead  // the first made
	strikes map[int64]int // by contact
}

// CreateLeads gives each contact with imported messages one lead, created a second before the first of them: a lead's
// card shows what was written from a day before its creation on. What leads a contact has besides does not matter. A
// contact of which something is still to be sent waits.
//
// Making a lead is not idempotent. The ledger knows of each before it is asked for; after a lost answer the contact's
// leads tell whether it was made, see settle. A *StageError refuses a pipeline or a stage before anything is made.
func CreateLeads(ctx context.Context, o LeadOptions) (Led, error) {
	tidy, end := o.begin(ctx)
	defer end()
	l := &leader{tidier: tidy, o: o, strikes: map[int64]int{}}
	var result Led
	err := l.createAll(ctx)
	if err != nil {
		return result, err
	}
	result.Made, result.Example = l.made, l.example
	if result.Leads, err = o.Ledger.Leads(ctx); err != nil {
		return result, err
	}
	result.Waiting, err = o.Ledger.Unleadable(ctx)
	return result, err
}

// ForetellLeads says how many contacts would get a lead, and checks the stage. It changes nothing.
func ForetellLeads(ctx context.Context, o LeadOptions) (contacts, waiting int64, err error) {
	tidy, end := o.begin(ctx)
	defer end()
	l := &leader{tidier: tidy, o: o}
	if err := l.checkStage(ctx); err != nil {
		return 0, 0, err
	}
	todo, err := o.Ledger.Leadless(ctx, o.Limit)
	if err != nil {
		return 0, 0, err
	}
	waiting, err = o.Ledger.Unleadable(ctx)
	return int64(len(todo)), waiting, err
}

func (l *leader) createAll(ctx context.Context) error {
	begun := time.Now()
	if err := l.checkStage(ctx); err != nil {
		return err
	}
	doubts, err := l.Ledger.LeadsInDoubt(ctx)
	if err != nil {
		return err
	}
	for group := range slices.Chunk(doubts, amocrm.GoodBatch) {
		if _, err := l.settle(ctx, group, begun); err != nil {
			return err
		}
	}
	todo, err := l.Ledger.Leadless(ctx, l.o.Limit)
	if err != nil {
		return err
	}
	groups := slices.Collect(slices.Chunk(todo, amocrm.GoodBatch))
	for unseen := len(groups); len(groups) > 0; unseen-- {
		group := groups[0]
		groups = groups[1:]
		if unseen > 0 {
			if group, err = l.alive(ctx, group); err != nil {
				return err
			}
		}
		l.Progress("making leads", l.made, int64(len(todo)))
		if len(group) == 0 {
			continue
		}
		rest, err := l.create(ctx, group)
		if err != nil {
			return err
		}
		// What was not made is tried again in smaller batches, after all others.
		if half := len(rest) / 2; half > 0 {
			groups = append(groups, rest[:half])
			rest = rest[half:]
		}
		if len(rest) > 0 {
			groups = append(groups, rest)
		}
	}
	return nil
}

// alive leaves out contacts that were deleted or merged since, and records that: whether a server refuses a lead of
// such a contact is not known, and nothing takes a lead back.
func (l *leader) alive(ctx context.Context, group []ledger.Leadless) ([]ledger.Leadless, error) {
	reasons := make([]string, len(group))
	err := eachPlace(ctx, len(group), func(ctx context.Context, i int) error {
		found := false
		err := l.read(ctx, func(ctx context.Context) (err error) {
			_, found, err = l.CRM.Contact(ctx, group[i].ContactID)
			return err
		})
		reasons[i] = reasonOf(err)
		switch {
		case err == nil && !found:
			reasons[i] = NotFound
			fallthrough
		case err == nil:
			l.worked()
		case reasons[i] == "" || ctx.Err() != nil || reasons[i] == ServerError && l.failed():
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var left []ledger.Leadless
	var gone []ledger.Lead
	for i, c := range group {
		if reasons[i] == "" {
			left = append(left, c)
		} else {
			gone = append(gone, ledger.Lead{ContactID: c.ContactID, CreatedSec: c.FirstSec - 1, Reason: reasons[i]})
		}
	}
	if len(gone) == 0 {
		return left, nil
	}
	return left, cmp.Or(l.Ledger.BeginLeads(l.durable, gone), l.Ledger.EndLeads(l.durable, gone))
}

// create makes leads with one call, and returns the contacts that got none and may be tried again.
func (l *leader) create(ctx context.Context, group []ledger.Leadless) ([]ledger.Leadless, error) {
	leads := make([]ledger.Lead, len(group))
	batch := make([]amocrm.NewLead, len(group))
	for i, c := range group {
		leads[i] = ledger.Lead{ContactID: c.ContactID, CreatedSec: c.FirstSec - 1}
		batch[i] = l.newLead(c)
	}
	if err := l.Ledger.BeginLeads(l.durable, leads); err != nil {
		return nil, err
	}
	var ids []int64
	err := l.Lease.Do(ctx, func(ctx context.Context) (err error) {
		ids, err = l.CRM.AddLeads(ctx, batch)
		return err
	})
	ended := time.Now()
	switch {
	case err == nil:
		for i := range leads {
			leads[i].ID = ids[i]
			l.count(leads[i])
		}
		l.worked()
	case unsure(err):
		return l.createdUnsure(ctx, group, leads, ended, err)
	case pace.NotSent(err):
		return nil, cmp.Or(l.Ledger.EndLeads(l.durable, leads), err)
	default:
		var answer *amocrm.Error
		if !errors.As(err, &answer) || !answer.Rejected() {
			if surely(err) {
				return nil, cmp.Or(l.Ledger.EndLeads(l.durable, leads), err)
			}
			return nil, err // the next command settles them
		}
		if stop := l.refuse(answer, group, leads, batch); stop != nil {
			for i := range leads {
				leads[i].Reason = ""
			}
			return nil, cmp.Or(l.Ledger.EndLeads(l.durable, leads), stop)
		}
	}
	return without(group, leads), l.Ledger.EndLeads(l.durable, leads)
}

// count counts a lead that was made.
func (l *leader) count(d ledger.Lead) {
	l.made++
	if l.example == nil {
		l.example = &d
	}
}

// createdUnsure finds out what became of leads whose answer was lost.
func (l *leader) createdUnsure(ctx context.Context, group []ledger.Leadless, leads []ledger.Lead, ended time.Time, lost error) ([]ledger.Leadless, error) {
	settled, err := l.settle(ctx, leads, ended)
	if err != nil {
		return nil, err
	}
	before := l.made
	var rest []ledger.Leadless
	for i, d := range settled {
		switch {
		case d.ID > 0:
			l.count(d)
		case d.Reason == inDoubt:
		case len(group) == 1 && l.strike(d.ContactID):
			d.Reason = ServerError
			// It is as sure as can be that it was not made: the row said so just now.
			if err := cmp.Or(l.Ledger.BeginLeads(l.durable, []ledger.Lead{d}), l.Ledger.EndLeads(l.durable, []ledger.Lead{d})); err != nil {
				return nil, err
			}
		default:
			rest = append(rest, group[i])
		}
	}
	if l.made > before {
		l.worked()
	} else if l.failed() {
		return nil, lost
	}
	return rest, nil
}

// strike counts a failure of a lead that was tried alone, and says whether it was one too many.
func (l *leader) strike(contact int64) bool {
	l.strikes[contact]++
	return l.strikes[contact] >= maxAlone
}

// newLead is the lead that a contact is to get.
func (l *leader) newLead(c ledger.Leadless) amocrm.NewLead {
	n := amocrm.NewLead{
		RequestID: requestID(c.ContactID), Name: strings.ReplaceAll(l.o.Name, "{client_id}", c.ClientID), ContactID: c.ContactID,
		PipelineID: l.o.PipelineID, StatusID: l.o.StatusID, CreatedAt: c.FirstSec - 1, Tags: l.o.Tags,
	}
	if closedStage(l.o.StatusID) {
		n.ClosedAt = c.LastSec
	}
	return n
}

// requestID is no number, so that it is never taken for an index, which some answers give instead.
func requestID(contact int64) string { return "c" + strconv.FormatInt(contact, 10) }

// surely says whether a status tells that nothing was done, and that nothing will be.
func surely(err error) bool {
	var answer *amocrm.Error
	var token *amocrm.TokenError
	return errors.As(err, &token) || errors.As(err, &answer) && (answer.Unauthorized() || answer.PaymentRequired() || answer.Forbidden() ||
		answer.Blocked() || answer.NotFound() || answer.TooMany())
}

// without are the contacts whose leads were neither made nor refused.
func without(group []ledger.Leadless, leads []ledger.Lead) []ledger.Leadless {
	var rest []ledger.Leadless
	for i, d := range leads {
		if d.ID == 0 && d.Reason == "" {
			rest = append(rest, group[i])
		}
	}
	return rest
}
