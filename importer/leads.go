package importer

import (
	"context"
	"time"
)

// OldestLead tells when the oldest lead of a contact was created; the zero time: it has
// none.
func (v *Live) OldestLead(ctx context.Context, contact int64) (time.Time, error) {
	var leads []int64
	err := v.read(ctx, v.contactsAnswer(), func(ctx context.Context) (err error) {
		leads, err = v.CRM.LeadsOf(ctx, contact)
		return err
	})
	if err != nil {
		return time.Time{}, crmVerdict(err)
	}
	var oldest int64
	for _, lead := range leads {
		var at int64
		err := v.read(ctx, v.contactsAnswer(), func(ctx context.Context) (err error) {
			at, err = v.CRM.LeadCreatedAt(ctx, lead)
			return err
		})
		if err != nil {
			return time.Time{}, crmVerdict(err)
		}
		if at > 0 && (oldest == 0 || at < oldest) {
			oldest = at
		}
	}
	if oldest == 0 {
		return time.Time{}, nil
	}
	return time.Unix(oldest, 0), nil
}
