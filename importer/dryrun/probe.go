package dryrun

import (
	"cmp"
	"context"
	"slices"

	"github.com/amoimport/amoimport/importer/media"
)

// probe looks at the sample of files.
func (d *survey) probe(ctx context.Context) error {
	if d.Files.Probe == nil || len(d.total.sample) == 0 {
		return nil
	}
	d.Progress("sampled files", int64(len(d.total.sample)))
	all, err := d.Files.Probe(ctx, d.total.sample)
	if err != nil {
		return err
	}
	type kind struct {
		host, why string
		state     media.State
	}
	found := make(map[kind]*Probed)
	for _, one := range all {
		k := kind{one.Host, one.Why, one.State}
		p := found[k]
		if p == nil {
			p = &Probed{Host: one.Host, State: one.State, Why: one.Why}
			found[k] = p
		}
		p.Files++
		if one.Expiring {
			p.Ending++
		}
		if !one.Expires.IsZero() && (p.Ends == nil || one.Expires.Before(*p.Ends)) {
			p.Ends = &one.Expires
		}
	}
	for _, p := range found {
		d.probed = append(d.probed, *p)
	}
	slices.SortFunc(d.probed, func(a, b Probed) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.State, b.State), cmp.Compare(a.Why, b.Why))
	})
	return nil
}
