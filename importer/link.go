package importer

import (
	"context"
	"errors"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/pace"
)

// lookAtLink takes over the link that a chat has. A chat linked to another
// contact is never moved: somebody linked it. So one whose link cannot be seen is
// not linked at all.
func (r *run) lookAtLink(ctx context.Context, p *prepared) error {
	link, err := r.Target.Linked(ctx, amojo.ChatID(p.kept.ChatID))
	var refused *RefusedError
	if errors.As(err, &refused) {
		return r.parkPrepared(p, outcome.LinkRejected, refused.Detail)
	}
	var unanswered *UnansweredError
	if errors.As(err, &unanswered) {
		return r.parkPrepared(p, outcome.ServerError, "the link of the chat cannot be seen")
	}
	if err != nil {
		return err
	}
	switch link.ContactID {
	case 0:
		return nil
	case p.kept.ContactID:
		p.kept.LinkID = link.ID
		return r.Ledger.SetLink(r.durable, p.work.ID, link.ID, link.ContactID)
	}
	return r.parkPrepared(p, outcome.LinkedElsewhere, "")
}

// link links the chats of a batch that have no link. When the answer is lost, the
// links are looked at before anything is repeated. A batch that is refused, or
// never answered, is made smaller until the guilty one is alone.
func (r *run) link(ctx context.Context, batch []*prepared) error {
	tries := patience{others: &r.links}
	for {
		var missing []*prepared
		for _, p := range batch {
			if p.parked == "" && p.kept.LinkID == 0 {
				missing = append(missing, p)
			}
		}
		if len(missing) == 0 {
			return nil
		}
		links := make([]Link, len(missing))
		for i, p := range missing {
			links[i] = Link{ChatID: amojo.ChatID(p.kept.ChatID), ContactID: p.kept.ContactID}
		}
		tries.begin()
		made, err := r.Target.LinkChats(ctx, links)
		var refused *RefusedError
		switch {
		case err == nil:
			r.links.Add(int64(len(made)))
			for i, p := range missing {
				p.kept.LinkID = made[i].ID
				if err := r.Ledger.SetLink(r.durable, p.work.ID, made[i].ID, made[i].ContactID); err != nil {
					return err
				}
			}
			return nil
		case errors.As(err, &refused):
			if len(missing) > 1 {
				return r.linkHalves(ctx, missing)
			}
			return r.parkPrepared(missing[0], outcome.LinkRejected, refused.Detail)
		case !errors.Is(err, ErrInDoubt):
			return err
		}
		if err := pace.Sleep(ctx, tries.pause()); err != nil {
			return err
		}
		for _, p := range missing {
			if err := r.lookAtLink(ctx, p); err != nil {
				return err
			}
		}
		switch {
		case tries.failures >= maxRounds && len(missing) > 1:
			return r.linkHalves(ctx, missing)
		case tries.spent():
			return r.parkPrepared(missing[0], outcome.ServerError, "the chat cannot be linked")
		}
	}
}

func (r *run) linkHalves(ctx context.Context, batch []*prepared) error {
	half := len(batch) / 2
	if err := r.link(ctx, batch[:half]); err != nil {
		return err
	}
	return r.link(ctx, batch[half:])
}
