package importer

import (
	"context"
	"errors"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/pace"
	"github.com/amoimport/amoimport/source"
	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/pool"
)

const (
	// prepareBatch is how many conversations are prepared together: the batch
	// size that the API recommends for writes.
	prepareBatch = 50
	// prepareCalls is how many calls of a batch may wait at a pacer at a time.
	prepareCalls = 8
)

// prepared is a conversation on its way to being ready.
type prepared struct {
	work   ledger.Work
	kept   ledger.Conversation // as the ledger has it
	row    source.Conversation
	chat   amojo.Chat
	parked outcome.Code // why its messages are parked; "": they are not
}

// prepare makes conversations ready: a contact, a chat, a link. While one batch
// opens and links its chats, the next is matched; matching itself is one batch
// after the other, so that two conversations of a person cannot both create it.
func (r *run) prepare(ctx context.Context, q *queue) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	matched := make(chan []*prepared, 1)
	var linking conc.WaitGroup
	linking.Go(func() {
		for batch := range matched {
			if ctx.Err() != nil {
				continue // only drains
			}
			if err := r.openAndLink(ctx, batch, q); err != nil {
				cancel(err)
			}
		}
	})
	alive := map[int64]bool{} // contacts that this run has seen
	err := r.settleBatches(ctx)
	if err == nil {
		err = r.expect(ctx)
	}
	for err == nil {
		works := q.toPrepare(ctx, prepareBatch)
		if len(works) == 0 {
			break
		}
		var batch []*prepared
		if batch, err = r.load(ctx, works); err != nil {
			break
		}
		if err = r.match(ctx, batch, alive); err != nil {
			break
		}
		select {
		case matched <- batch:
		case <-ctx.Done():
		}
	}
	close(matched)
	if err == nil {
		err = r.Target.Expect(ctx, 0) // replaying may take days more
	}
	if err != nil {
		cancel(err)
	}
	linking.Wait()
	return context.Cause(ctx)
}

// load reads what is known of the conversations, here and in the legacy database.
// Those it cannot use are parked.
func (r *run) load(ctx context.Context, works []ledger.Work) ([]*prepared, error) {
	ids := make([]source.ConversationID, len(works))
	for i, w := range works {
		ids[i] = w.ID
	}
	kept, err := r.Ledger.Conversations(ctx, ids...)
	if err != nil {
		return nil, err
	}
	known := make(map[source.ConversationID]ledger.Conversation, len(kept))
	for _, c := range kept {
		known[c.ID] = c
	}
	rows, err := r.conversationRows(ctx, ids)
	if err != nil {
		return nil, err
	}
	batch := make([]*prepared, 0, len(works))
	for _, w := range works {
		row, there := rows[w.ID]
		if !there {
			if err := r.park(w, outcome.NoConversation, "it is gone from the conversations query"); err != nil {
				return nil, err
			}
			continue
		}
		chat, refusal := r.Compose.Chat(row)
		if refusal != nil {
			if err := r.park(w, refusal.Code, refusal.Detail); err != nil {
				return nil, err
			}
			continue
		}
		batch = append(batch, &prepared{work: w, kept: known[w.ID], row: row,
			chat: amojo.Chat{ConversationID: chat.ConversationID, Source: chat.Source, User: chat.Client}})
	}
	return batch, nil
}

// conversationRows reads legacy conversations by id.
func (r *run) conversationRows(ctx context.Context, ids []source.ConversationID) (map[source.ConversationID]source.Conversation, error) {
	rows := make(map[source.ConversationID]source.Conversation, len(ids))
	for c, err := range r.Source.Conversations(ctx, ids...) {
		if err != nil {
			return nil, err
		}
		rows[c.ID] = c
	}
	return rows, nil
}

// openAndLink opens the chats of a batch, links them, and hands them to the lanes.
func (r *run) openAndLink(ctx context.Context, batch []*prepared, q *queue) error {
	open := pool.New().WithMaxGoroutines(prepareCalls).WithContext(ctx).WithCancelOnError().WithFirstError()
	for _, p := range batch {
		if p.parked != "" {
			continue
		}
		open.Go(func(ctx context.Context) error {
			if p.kept.ChatID == "" {
				if err := r.open(ctx, p); err != nil || p.parked != "" {
					return err
				}
			}
			if p.kept.LinkID == 0 {
				return r.lookAtLink(ctx, p)
			}
			return nil
		})
	}
	if err := open.Wait(); err != nil {
		return err
	}
	if err := r.link(ctx, batch); err != nil {
		return err
	}
	for _, p := range batch {
		if p.parked == "" {
			q.add(p.work)
		}
	}
	return nil
}

// parkPrepared parks a conversation on its way.
func (r *run) parkPrepared(p *prepared, code outcome.Code, detail string) error {
	p.parked = code
	return r.park(p.work, code, detail)
}

// open opens a chat. The call gives the existing chat of a conversation, so it is
// free to be repeated.
func (r *run) open(ctx context.Context, p *prepared) error {
	tries := patience{others: &r.opens}
	for {
		tries.begin()
		id, err := r.Target.OpenChat(ctx, p.chat, int(p.work.Planned))
		var refused *RefusedError
		switch {
		case err == nil:
			r.opens.Add(1)
			p.kept.ChatID = string(id)
			return r.Ledger.SetChat(r.durable, p.work.ID, string(id))
		case errors.As(err, &refused):
			return r.parkPrepared(p, outcome.ChatRejected, refused.Detail)
		case !errors.Is(err, ErrInDoubt):
			return err
		}
		if err := pace.Sleep(ctx, tries.pause()); err != nil {
			return err
		}
		if err := r.Target.ChatsAnswer(ctx); err != nil {
			return err
		}
		if tries.spent() {
			return r.parkPrepared(p, outcome.ServerError, "the chat cannot be opened")
		}
	}
}

// withdrawn says that a call was not made because the run ends.
func withdrawn(ctx context.Context, err error) bool { return ctx.Err() != nil && pace.NotSent(err) }
