package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/pace"
	"github.com/amoimport/amoimport/source"
)

const (
	// maxSkew is how far this machine's clock may be off. A signature is good for
	// 15 minutes; a clock that is off by some has no business signing.
	maxSkew = 5 * time.Minute
	// patience is how long an API may take to answer all that is asked before a
	// run. A run itself waits out any outage; before it, silence is more likely a
	// wrong address.
	patience = 30 * time.Second
	// unease is how long it may take until a person is told.
	unease = 5 * time.Second
)

// target is what a look at the account found.
type target struct {
	account  amocrm.Account
	scope    amojo.Scope
	managers []importer.PairedManager

	roundTrip time.Duration // of one request to amojo
}

// silent are the legacy ids of managers for whom the channel's bot speaks.
func (t target) silent() []string {
	var ids []string
	for _, m := range t.managers {
		if !m.Speaks() {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// look checks everything about the account that a run relies on, and reads only:
// token, account, clock, users, custom field, and the channel with its secret.
func look(ctx context.Context, cfg *config.Config, a *apis, managers []source.Manager) (target, error) {
	crm, err := a.crmClient(nil)
	if err != nil {
		return target{}, err
	}
	var t target
	err = a.askCRM(ctx, func(ctx context.Context) error {
		if t.account, err = identify(ctx, cfg, crm); err != nil {
			return err
		}
		if err := checkClock(t.account.ServerTime, time.Now()); err != nil {
			return err
		}
		users, err := crm.Users(ctx)
		if err != nil {
			return err
		}
		if t.managers, err = pairManagers(managers, users, cfg.Managers.ByID); err != nil {
			return err
		}
		return checkField(ctx, crm, cfg.Contacts.LegacyIDField)
	})
	if err != nil {
		return target{}, err
	}
	t.scope = amojo.Scope{ChannelID: cfg.Channel.ID, AccountID: t.account.AmojoID}
	chats, err := a.chatsClient(t.scope, nil)
	if err != nil {
		return target{}, err
	}
	err = a.askChats(ctx, func(ctx context.Context) error {
		asked := time.Now()
		clock, err := chats.Ping(ctx)
		if err != nil {
			return err
		}
		t.roundTrip = time.Since(asked)
		return checkClock(clock, time.Now())
	})
	return t, err
}

// identify reads the account and compares it with the configuration. The account's
// server time is there even where it does not fit.
func identify(ctx context.Context, cfg *config.Config, crm *amocrm.Client) (amocrm.Account, error) {
	a, err := crm.Account(ctx)
	if err != nil {
		return a, err
	}
	want, have := cfg.Account, a.AmojoID
	switch {
	case want.ID != 0 && want.ID != a.ID:
		return a, &fault{problem: fmt.Sprintf("the token is for account %d, and account.id is %d", a.ID, want.ID),
			hint: "Use a token of the account to import into, or correct account.id."}
	case want.Subdomain != "" && !strings.EqualFold(want.Subdomain, a.Subdomain):
		return a, &fault{problem: fmt.Sprintf("the account answers as %q, and account.subdomain is %q", a.Subdomain, want.Subdomain),
			hint: "Correct account.subdomain, or account.base_url if that is set."}
	case want.AmojoID != "" && have != "" && want.AmojoID != have:
		return a, &fault{problem: fmt.Sprintf("the account's amojo_id is %s, and account.amojo_id is %s", have, want.AmojoID),
			hint: "Correct account.amojo_id, or leave it empty: it is asked of the account."}
	case want.AmojoID == "" && have == "":
		return a, &fault{problem: "the account does not tell its amojo_id, the id it has in the chats API",
			hint: "Set account.amojo_id; amoCRM's support names it when it registers a channel."}
	case have == "":
		a.AmojoID = want.AmojoID
	}
	return a, nil
}

// checkClock compares a server's clock with ours. The zero time is no clock.
func checkClock(server, here time.Time) error {
	if server.IsZero() {
		return nil
	}
	off, word := here.Sub(server), "ahead of"
	if off < 0 {
		off, word = -off, "behind"
	}
	if off <= maxSkew {
		return nil
	}
	return &fault{problem: fmt.Sprintf("this machine's clock is %s %s the server's; %s is the most", off.Round(time.Second), word, maxSkew),
		hint: "Set the clock, best by NTP, and start again: signatures with a wrong time are refused."}
}

// checkField sees that a custom field of contacts exists and takes text.
func checkField(ctx context.Context, crm *amocrm.Client, id int64) error {
	if id == 0 {
		return nil
	}
	f, ok, err := crm.ContactField(ctx, id)
	switch {
	case err != nil:
		return err
	case !ok:
		return &fault{problem: fmt.Sprintf("contacts.legacy_id_field: contacts have no custom field with the id %d", id),
			hint: "Take the id of a text field of contacts in this account, or leave the key empty."}
	case !f.IsText():
		return &fault{problem: fmt.Sprintf("contacts.legacy_id_field: the field %d has the type %s, not text", id, f.Type),
			hint: "Take the id of a text field of contacts in this account, or leave the key empty."}
	}
	return nil
}

// pairManagers finds each legacy manager's user.
func pairManagers(managers []source.Manager, users []amocrm.User, byID map[string]config.User) ([]importer.PairedManager, error) {
	known := make(map[string]bool, len(managers))
	for _, m := range managers {
		if known[m.ID] {
			return nil, &fault{problem: "the managers query returns the id " + strconv.Quote(m.ID) + " more than once", hint: "Each row needs an id of its own: look for a join that repeats rows."}
		}
		known[m.ID] = true
	}
	mails := make(map[string]amocrm.User, len(users))
	ids := make(map[int64]amocrm.User, len(users))
	for _, u := range users {
		ids[u.ID] = u
		if u.Email != "" {
			mails[strings.ToLower(u.Email)] = u
		}
	}
	var missing []string
	for _, legacy := range slices.Sorted(maps.Keys(byID)) {
		want := byID[legacy]
		if _, ok := ids[want.ID]; want.Email == "" && !ok {
			missing = append(missing, fmt.Sprintf("%s (user %d)", legacy, want.ID))
		}
		if _, ok := mails[strings.ToLower(want.Email)]; want.Email != "" && !ok {
			missing = append(missing, legacy+" (by e-mail)")
		}
	}
	if missing != nil {
		return nil, &fault{problem: "managers.by_id or managers.map names users that the account does not have: " + strings.Join(missing, ", "),
			hint: "Take the ids or e-mails of users of this account, or leave these managers out: then the channel's bot speaks for them."}
	}
	chosen := make(map[string]amocrm.User, len(byID))
	for legacy, want := range byID {
		chosen[legacy] = ids[want.ID]
		if want.Email != "" {
			chosen[legacy] = mails[strings.ToLower(want.Email)]
		}
	}
	return importer.PairManagers(managers, users, chosen), nil
}

// askCRM asks something of API v4, patiently.
func (a *apis) askCRM(ctx context.Context, ask func(context.Context) error) error {
	return a.patiently(ctx, "API v4", a.cfg.Account.BaseURL, "account.base_url", ask)
}

// askChats asks something of amojo, patiently.
func (a *apis) askChats(ctx context.Context, ask func(context.Context) error) error {
	return a.patiently(ctx, "amojo", a.cfg.Channel.BaseURL, "channel.base_url", ask)
}

// patiently bounds what is asked of an API before a run, and says which API keeps
// silent, and where.
func (a *apis) patiently(ctx context.Context, api, url, key string, ask func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if a.say != nil {
		telling := time.AfterFunc(unease, func() { a.say(fmt.Sprintf("waiting for %s at %s", api, url)) })
		defer telling.Stop()
	}
	err := ask(limited)
	if err == nil || limited.Err() == nil || ctx.Err() != nil {
		return err
	}
	why := "none came"
	var notSent *pace.NotSentError
	if errors.As(err, &notSent) && notSent.Last != nil {
		why = notSent.Last.Error()
	}
	return &fault{problem: fmt.Sprintf("%s at %s gave no answer in %s: %s", api, url, patience, why),
		hint: fmt.Sprintf("Check the network and %s.", key), err: err}
}
