package tidy

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/pace"
)

// TalkOptions say which talks are closed.
type TalkOptions struct {
	Options
	// All closes the talks of all chats, not only of those whose conversations were
	// closed in the legacy database.
	All bool
}

// Closed says how the closing of talks went.
type Closed struct {
	Talks      ledger.TalkCounts `json:"talks"`      // all that the ledger knows of
	Now        int64             `json:"now"`        // that this command asked to close, and saw closed
	Waiting    int64             `json:"waiting"`    // conversations left as they are: something of them is still to be sent
	Unanswered int64             `json:"unanswered"` // contacts whose talks could not be looked for
}

// learnedList is the name under which the ledger keeps whether the account has a
// list of talks: for whoever reads the report. Every command finds it out anew.
const learnedList = "talks_list"

// confirmPage is how many talks are confirmed between two records.
const confirmPage = 200

// talker closes talks.
type talker struct {
	finder

	unanswered atomic.Int64
	asked      sync.Map     // the ids of talks whose close was accepted
	closed     atomic.Int64 // of them, or after a lost answer: seen closed
}

// CloseTalks closes the talks of imported chats, without the NPS bot: it would write to clients. Conversations in which
// something is still to be sent are left alone, since a later message would open a new talk. What was closed before is
// not asked about again, unless messages were sent since.
//
// That a close was accepted says little: the talk is read until it is closed, for the settle time at most. One that
// is not by then stays as asked, for the next command.
func CloseTalks(ctx context.Context, o TalkOptions) (Closed, error) {
	tidy, end := o.begin(ctx)
	defer end()
	t := &talker{finder: finder{tidier: tidy}}
	err := t.closeAll(ctx, o.All)
	var result Closed
	if err != nil {
		return result, err
	}
	result.Unanswered, result.Now = t.unanswered.Load(), t.closed.Load()
	if result.Talks, err = o.Ledger.Talks(ctx); err != nil {
		return result, err
	}
	result.Waiting, err = o.Ledger.Unclosable(ctx, o.All)
	return result, err
}

func (t *talker) closeAll(ctx context.Context, all bool) error {
	conversations, err := t.Ledger.Closables(ctx, all)
	if err != nil {
		return err
	}
	todo := errands(conversations)
	var done atomic.Int64
	t.Progress("closing talks", 0, int64(len(todo)))
	err = each(ctx, todo, func(ctx context.Context, e errand) error {
		if err := t.closeOf(ctx, e); err != nil {
			return err
		}
		t.Progress("closing talks", done.Add(1), int64(len(todo)))
		return nil
	})
	if err != nil {
		return err
	}
	if len(todo) > 0 {
		if err := t.Ledger.Learn(t.durable, learnedList, map[bool]string{true: "no", false: "yes"}[t.unlisted.Load()]); err != nil {
			return err
		}
	}
	return t.confirm(ctx)
}

// closeOf looks for the talks of a contact and closes them. What is known at the end, or when it breaks off, is
// recorded; closing is idempotent, so nothing needs to be recorded before.
func (t *talker) closeOf(ctx context.Context, e errand) error {
	found, err := t.find(ctx, e)
	if err != nil {
		if ctx.Err() != nil || !unsure(err) || t.failed() {
			return err
		}
		t.unanswered.Add(1)
		return nil
	}
	tried := false
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if talk := found[id]; talk.State == ledger.TalkFound {
			tried = true
			if talk.State, talk.Reason, err = t.close(ctx, id); err != nil {
				break
			}
			found[id] = talk
		}
	}
	if !tried { // else how closing went tells more
		t.worked()
	}
	return cmp.Or(t.Ledger.NoteTalks(t.durable, e.conversations(), slices.Collect(maps.Values(found))...), err)
}

// close asks for a talk to be closed. When the answer is lost, the talk itself tells; if it is still in work, it is
// asked again.
func (t *talker) close(ctx context.Context, id int64) (ledger.TalkState, string, error) {
	for try := 1; ; try++ {
		err := t.Lease.Do(ctx, func(ctx context.Context) error { return t.CRM.CloseTalk(ctx, id, true) })
		switch {
		case err == nil:
			t.worked()
			t.asked.Store(id, true)
			return ledger.TalkAsked, "", nil
		case !unsure(err):
			if reason := reasonOf(err); reason != "" {
				return ledger.TalkRefused, reason, nil
			}
			return ledger.TalkFound, "", err
		}
		if talk, lost := t.talk(ctx, id); lost == nil && !talk.InWork {
			t.worked()
			t.closed.Add(1)
			return ledger.TalkClosed, "", nil
		}
		if try == maxTries {
			if t.failed() {
				return ledger.TalkFound, "", err
			}
			return ledger.TalkRefused, ServerError, nil
		}
		if pace.Sleep(ctx, pauseAfter(try)) != nil {
			return ledger.TalkFound, "", err
		}
	}
}

func (t *talker) talk(ctx context.Context, id int64) (talk amocrm.Talk, err error) {
	err = t.read(ctx, func(ctx context.Context) (err error) {
		talk, err = t.CRM.Talk(ctx, id)
		return err
	})
	return talk, err
}

// confirm reads the talks whose close was accepted until they are closed, or the settle time has passed.
func (t *talker) confirm(ctx context.Context) error {
	since := time.Now()
	pause := 200 * time.Millisecond
	for {
		begun := time.Now()
		left, err := t.confirmOnce(ctx)
		if err != nil {
			return err
		}
		more := t.SettleTime - begun.Sub(since)
		if left == 0 || more <= 0 {
			return nil
		}
		if err := pace.Sleep(ctx, min(pause, max(more, time.Millisecond))); err != nil {
			return context.Cause(ctx)
		}
		pause = min(2*pause, 10*time.Second)
	}
}

// confirmOnce reads each of them once, and counts those that are still in work.
func (t *talker) confirmOnce(ctx context.Context) (left int64, err error) {
	var after, read int64
	for {
		page, err := t.Ledger.AskedTalks(ctx, after, confirmPage)
		if err != nil || len(page) == 0 {
			return left, err
		}
		after = page[len(page)-1].ID
		failed := eachPlace(ctx, len(page), func(ctx context.Context, i int) error {
			talk, err := t.talk(ctx, page[i].ID)
			switch reason := reasonOf(err); {
			case err == nil:
				if !talk.InWork {
					page[i].State = ledger.TalkClosed
					if _, ours := t.asked.Load(talk.ID); ours {
						t.closed.Add(1)
					}
				}
			case reason == "" || ctx.Err() != nil:
				return err
			case reason != ServerError: // which is no news of the talk
				page[i].State, page[i].Reason = ledger.TalkRefused, reason
			}
			return nil
		})
		read += int64(len(page))
		t.Progress("confirming", read, read)
		var news []ledger.Talk
		for _, talk := range page {
			if talk.State == ledger.TalkAsked {
				left++
			} else {
				news = append(news, talk)
			}
		}
		if len(news) > 0 {
			if err := t.Ledger.NoteTalks(t.durable, nil, news...); err != nil {
				return left, err
			}
		}
		if failed != nil {
			return left, failed
		}
	}
}
