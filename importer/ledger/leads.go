package ledger

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Leadless is a contact that got no lead from us.
type Leadless struct {
	ContactID int64
	ClientID  string // legacy id of the client who wrote the first message
	FirstSec  int64  // time of the first message in its chats, Unix seconds
	LastSec   int64  // of the last one
	Refused   bool   // a lead was refused before
}

// Leadless lists contacts with messages of ours and without a lead of ours, by id, at most limit; 0: all. One of which
// something is still to be sent is not among them; see Unleadable.
func (l *Ledger) Leadless(ctx context.Context, limit int) ([]Leadless, error) {
	var found []Leadless
	err := l.read(ctx, "list the contacts without a lead", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_leadless"), limit)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (c Leadless, err error) {
			return c, r.Scan(&c.ContactID, &c.ClientID, &c.FirstSec, &c.LastSec, &c.Refused)
		})
		return err
	})
	return found, err
}

// Unleadable counts the contacts that get no lead yet, since something is still to be sent into their chats.
func (l *Ledger) Unleadable(ctx context.Context) (int64, error) {
	var n int64
	err := l.read(ctx, "count the contacts that are not over", func() error {
		return l.pool.QueryRow(ctx, l.statement("count_unleadable")).Scan(&n)
	})
	return n, err
}

// Lead is the lead of a contact: about to be made, or what became of it.
type Lead struct {
	ContactID  int64
	CreatedSec int64  // the created_at it is given
	ID         int64  // amoCRM's; 0: it was not made
	Reason     string // why it was refused; "": it was not
	Detail     string // the codes and paths that the server named
}

// BeginLeads records that the leads of these contacts are about to be made.
func (l *Ledger) BeginLeads(ctx context.Context, leads []Lead) error {
	return l.write(ctx, "record leads to make", func(tx pgx.Tx) error {
		var rows pgx.Batch
		for _, d := range leads {
			rows.Queue(l.statement("begin_lead"), d.ContactID, d.CreatedSec)
		}
		return tx.SendBatch(ctx, &rows).Close()
	})
}

// EndLeads records what became of leads. One that was neither made nor refused was never asked for, as far as anybody
// can tell, and may be made again.
func (l *Ledger) EndLeads(ctx context.Context, leads []Lead) error {
	return l.write(ctx, "record leads", func(tx pgx.Tx) error {
		var rows pgx.Batch
		for _, d := range leads {
			switch {
			case d.ID != 0:
				rows.Queue(l.statement("end_lead"), d.ContactID, "created", d.ID, nil, nil)
			case d.Reason != "":
				rows.Queue(l.statement("end_lead"), d.ContactID, "refused", nil, d.Reason, null(storableText(d.Detail)))
			default:
				rows.Queue(l.statement("forget_lead"), d.ContactID)
			}
		}
		return tx.SendBatch(ctx, &rows).Close()
	})
}

// LeadsInDoubt are the leads that may or may not have been made.
func (l *Ledger) LeadsInDoubt(ctx context.Context) ([]Lead, error) {
	var leads []Lead
	err := l.read(ctx, "list the leads in doubt", func() error {
		rows, err := l.pool.Query(ctx, l.statement("list_creating_leads"))
		if err != nil {
			return err
		}
		leads, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (d Lead, err error) {
			return d, r.Scan(&d.ContactID, &d.CreatedSec)
		})
		return err
	})
	return leads, err
}

// LeadCounts counts leads by what became of them.
type LeadCounts struct {
	Created int64      `json:"created"`
	Refused int64      `json:"refused"`
	InDoubt int64      `json:"in_doubt"`
	Reasons []Refusals `json:"reasons,omitempty"` // of the refused ones, each with a contact as its example
}

// Leads counts the leads that were made for contacts.
func (l *Ledger) Leads(ctx context.Context) (LeadCounts, error) {
	var c LeadCounts
	err := l.read(ctx, "count leads", func() (err error) {
		if err := l.pool.QueryRow(ctx, l.statement("count_leads")).Scan(&c.Created, &c.Refused, &c.InDoubt); err != nil {
			return err
		}
		c.Reasons, err = l.refusals(ctx, "count_lead_reasons")
		return err
	})
	return c, err
}
