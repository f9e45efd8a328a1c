// Package tidy does what is left to do in amoCRM once the messages are in their
// chats: it closes talks, and gives contacts the leads that show their history. Both
// start from the ledger, may be stopped at any moment, and go on where they were.
package tidy

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/pace"
	"github.com/sourcegraph/conc/pool"
)

// Options say with what to work.
type Options struct {
	Ledger *ledger.Ledger // its lease is held, where anything is to be changed
	CRM    *amocrm.Client
	// Lease is what the client's requests are held back by; nil: by none.
	Lease *ledger.Lease
	// SettleTime is how long after an answer, or after the end of an attempt without
	// one, something may take to show.
	SettleTime time.Duration
	// Grace is how long the ledger may take to record what was done, after the
	// context ended.
	Grace time.Duration
	// Progress, if not nil, is told how much of what is being done is done. Several
	// goroutines call it.
	Progress func(what string, done, total int64)
}

const (
	// workers is how many requests are under way at most: enough to use up any pace
	// that a server allows.
	workers = 8
	// maxTries is how often a question is asked, or a request made, that gets nothing
	// but server errors: with the pauses between them for about a minute.
	maxTries = 8
	// maxStreak is how many things in a row may fail like that until it is the API
	// that fails, and not they.
	maxStreak = 5
)

// Reasons for which a talk is not closed, or a contact gets no lead. They are
// written to ledgers, so they never change their meaning.
const (
	Forbidden   = "forbidden"
	NotFound    = "not_found"
	Rejected    = "rejected"
	ServerError = "server_error"
)

// Explain says what a reason means and what to do about it.
func Explain(reason string) (short, advice string) {
	switch reason {
	case Forbidden:
		return "the token's user has no right to it", "give that user the right to the contact, or use an administrator's token; the same command tries again"
	case NotFound:
		return "it is not there, or not any more", "nothing, if somebody deleted or merged it"
	case Rejected:
		return "amoCRM does not take it as it is", "look at the contact in amoCRM; the same command tries again"
	case ServerError:
		return "the server answered with errors each time, while it answered others", "try again later with the same command; if it stays so, ask the vendor's support"
	}
	return "unknown to this version", "use the version of amoimport that wrote it"
}

// tidier is what both programs do alike.
type tidier struct {
	Options

	durable context.Context // for records of what was done
	streak  atomic.Int64    // things in a row that got nothing but server errors
}

// begin makes ready; end gives all back.
func (o Options) begin(ctx context.Context) (t *tidier, end func()) {
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	durable, undurable := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(o.Grace, undurable) })
	return &tidier{Options: o, durable: durable}, func() { stop(); undurable() }
}

// read asks a question, again while the fault is the server's.
func (t *tidier) read(ctx context.Context, ask func(context.Context) error) error {
	control := func(ctx context.Context) error {
		_, err := t.CRM.NewestContactID(ctx)
		return err
	}
	for try := 1; ; try++ {
		err := pace.Beside(ctx, pace.Priority{ReadBack: true}, control, func(ctx context.Context) error { return t.Lease.Do(ctx, ask) })
		if err == nil || ctx.Err() != nil || !unsure(err) || try == maxTries {
			return err
		}
		if pace.Sleep(ctx, pauseAfter(try)) != nil {
			return err
		}
	}
}

// pauseAfter is how long to wait after so many failures.
func pauseAfter(try int) time.Duration { return min(500*time.Millisecond<<(try-1), 30*time.Second) }

// unsure says whether an error leaves open what became of the request: there was no
// answer, one without sense, or a server's error.
func unsure(err error) bool {
	var answer *amocrm.Error
	var lost *amocrm.CallError
	switch {
	case pace.NotSent(err):
		return false
	case errors.As(err, &answer):
		return answer.Server()
	}
	return errors.As(err, &lost)
}

// reasonOf is the reason that an error is, if it is about one talk or contact alone.
// That the token is refused, the account not paid, or the caller blocked is none.
func reasonOf(err error) string {
	var answer *amocrm.Error
	switch {
	case unsure(err):
		return ServerError
	case !errors.As(err, &answer):
		return ""
	case answer.Forbidden():
		return Forbidden
	case answer.NotFound():
		return NotFound
	case answer.Rejected():
		return Rejected
	}
	return ""
}

// failed counts a thing that got nothing but server errors, and says whether there
// are too many in a row.
func (t *tidier) failed() bool { return t.streak.Add(1) >= maxStreak }

func (t *tidier) worked() { t.streak.Store(0) }

// eachPlace does something for the places of a list of n, as each.
func eachPlace(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	places := make([]int, n)
	for i := range places {
		places[i] = i
	}
	return each(ctx, places, do)
}

// each does something for all, some at a time, until the first error.
func each[T any](ctx context.Context, all []T, do func(context.Context, T) error) error {
	p := pool.New().WithMaxGoroutines(workers).WithContext(ctx).WithCancelOnError().WithFirstError()
	var stopped atomic.Bool
	for _, one := range all {
		if stopped.Load() || ctx.Err() != nil {
			break
		}
		p.Go(func(ctx context.Context) error {
			err := do(ctx, one)
			if err != nil {
				stopped.Store(true)
			}
			return err
		})
	}
	if err := p.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}
