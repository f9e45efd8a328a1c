package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/tidy"
	"github.com/amoimport/amoimport/internal/config"
)

// leftError says that a command went to its end and left something to a person.
type leftError struct{ what string }

func (e *leftError) Error() string { return "done, but " + e.what }

// Hint says what to do.
func (e *leftError) Hint() string { return "The table above says why and what to do." }

// tidier does something, and says what it leaves to a person; "": nothing.
type tidier func(context.Context, tidy.Options, *apis) (left string, err error)

// tidying gives what tidies up all that it needs, until a signal. Changing holds the ledger while it works; else
// nothing but GET leaves.
func (e env) tidying(ctx context.Context, cfg *config.Config, command string, changing bool, do tidier) error {
	watch := newWatching(e)
	ctx, release := e.untilSignal(ctx, watch.say)
	defer release()
	left, err := e.tidyUp(ctx, cfg, command, changing, watch, do)
	if err = interrupted(ctx, err); err != nil {
		return err
	}
	if left != "" {
		return &leftError{what: left}
	}
	return nil
}

func (e env) tidyUp(ctx context.Context, cfg *config.Config, command string, changing bool, watch *watching, do tidier) (left string, err error) {
	a, err := newAPIs(cfg, watch.say)
	if err != nil {
		return "", err
	}
	open := ledger.Open // it may be of a version that knew no talks
	if !changing {
		open = ledger.Connect
		a.crmNet = onlyGET{a.crmNet}
	}
	if err := imported(ctx, cfg); err != nil {
		return "", err
	}
	l, err := open(ctx, ledgerAt(cfg, watch.waiting))
	if err != nil {
		return "", err
	}
	defer l.Close()
	o := tidy.Options{Ledger: l, SettleTime: cfg.Run.SettleTime, Grace: cfg.Limits.AttemptTimeout + 10*time.Second, Progress: watch.progress}
	var g gate
	if changing {
		lease, err := l.Acquire(ctx, ledger.Self("amoimport "+command), cfg.Run.LeaseTime, func() any {
			return a.figures(&importer.Progress{})
		})
		if err != nil {
			return "", err
		}
		defer func() { err = errors.Join(err, lease.Release(context.WithoutCancel(ctx))) }()
		g, o.Lease = lease.Confirm, lease
	}
	if o.CRM, err = a.crmClient(g); err != nil {
		return "", err
	}
	if err := e.sameAccount(ctx, cfg, a, l, o.CRM); err != nil {
		return "", err
	}
	defer watch.troubles(ctx, a)()
	return do(ctx, o, a)
}

// imported sees that there is a ledger to start from, before one could be made.
func imported(ctx context.Context, cfg *config.Config) error {
	l, err := ledger.Connect(ctx, ledgerAt(cfg, nil))
	if err != nil {
		return err
	}
	defer l.Close()
	_, err = l.Learned(ctx, "")
	return err
}

// sameAccount sees that the ledger speaks of the channel that is configured and of the account that the token is for,
// and still knows its contacts.
func (e env) sameAccount(ctx context.Context, cfg *config.Config, a *apis, l *ledger.Ledger, crm *amocrm.Client) error {
	s, err := l.Snapshot(ctx)
	if err != nil {
		return err
	}
	if s.PurgedAt != nil {
		return &fault{problem: "what refers to people was purged from this ledger, the ids of their contacts too",
			hint: "Talks and leads come before `amoimport ledger purge`; what is left can only be done by hand in amoCRM."}
	}
	if _, err := scopeOf(s.Setup.ScopeID, cfg.Channel.ID); err != nil {
		return err
	}
	var account amocrm.Account
	err = a.askCRM(ctx, func(ctx context.Context) error {
		account, err = identify(ctx, cfg, crm)
		return err
	})
	if err != nil {
		return err
	}
	if here := account.Subdomain + "." + cfg.Account.Domain; here != s.Setup.Account {
		return &fault{problem: fmt.Sprintf("this ledger is of an import into %s, and the token is for %s", s.Setup.Account, here),
			hint: "Use the configuration that the import was made with."}
	}
	return nil
}

// price is how long so many requests take at the pace that is set.
func price(requests int64, perSecond float64) string {
	return fmt.Sprintf("%s to API v4, some %s at %.3g a second", plural(requests, "request", "requests"),
		(time.Duration(float64(requests)/perSecond*float64(time.Second)) + time.Second).Truncate(time.Second), perSecond)
}
