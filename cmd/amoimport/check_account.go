package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/internal/config"
)

const (
	// fineSkew is how far a clock may be off before somebody should look at it.
	fineSkew = 30 * time.Second
	// freshToken is how long a token that cannot be renewed should hold yet: an import
	// can take days.
	freshToken = 14 * 24 * time.Hour
)

// account looks at the token, the account and the channel.
func (l *checklist) account(ctx context.Context, cfg *config.Config, say func(string), legacy legacy, place place) {
	a, err := newAPIs(cfg, say)
	if err != nil {
		l.fail("token", err)
		return
	}
	crm, err := a.crmClient(nil)
	if err != nil {
		l.fail("account", err)
		return
	}
	l.token(ctx, cfg, a.tokens)
	var found amocrm.Account
	err = a.askCRM(ctx, func(ctx context.Context) (err error) {
		found, err = identify(ctx, cfg, crm)
		return err
	})
	l.clock("API v4", found.ServerTime)
	if err != nil {
		l.fail("account", err)
	}
	if found.ID == 0 {
		l.unknown("users, managers and channel", "the account did not answer")
		return
	}
	if err == nil {
		l.ok("account", "%d (%s), amojo_id %s", found.ID, found.Subdomain, found.AmojoID)
	}
	l.users(ctx, a, crm, found, legacy)
	if id := cfg.Contacts.LegacyIDField; id != 0 {
		l.asked(ctx, a, "contacts.legacy_id_field", func(ctx context.Context) (string, error) {
			return fmt.Sprintf("the field %d takes text", id), checkField(ctx, crm, id)
		})
	}
	l.sources(ctx, a, crm, legacy)
	if found.AmojoID == "" {
		l.unknown("channel", "the account's amojo_id is not known")
		return
	}
	scope := amojo.Scope{ChannelID: cfg.Channel.ID, AccountID: found.AmojoID}
	l.channel(ctx, a, scope)
	if place.exists {
		if err := place.db.Compare(ctx, setup(cfg, target{account: found, scope: scope})); err != nil {
			l.fail("ledger", err)
		} else {
			l.ok("ledger", "belongs to this source, account and channel")
		}
	}
}

// unknown says what could not be looked at, which is no fault of its own.
func (l *checklist) unknown(check, why string) {
	l.warn(check, "Mend what failed, and check again.", "not looked at: %s", why)
}

// asked asks API v4 one thing.
func (l *checklist) asked(ctx context.Context, a *apis, check string, ask func(context.Context) (string, error)) bool {
	var found string
	err := a.askCRM(ctx, func(ctx context.Context) (err error) {
		found, err = ask(ctx)
		return err
	})
	if err != nil {
		l.fail(check, err)
		return false
	}
	l.ok(check, "%s", found)
	return true
}

// token tells what the token says of itself.
func (l *checklist) token(ctx context.Context, cfg *config.Config, tokens amocrm.TokenSource) {
	const check = "token"
	token, err := tokens.Token(ctx)
	if err != nil {
		l.fail(check, err)
		return
	}
	kind, final := "renewed by itself, in "+cfg.Account.TokenFile, cfg.Account.Token != ""
	if !final {
		pair, err := amocrm.TokenFile(cfg.Account.TokenFile).Load()
		final = err == nil && pair.RefreshToken == ""
	}
	if final {
		kind = "long-lived, cannot be renewed"
	}
	claims, err := amocrm.ParseClaims(token)
	if err != nil {
		l.ok(check, "%s; it does not tell its expiry", kind)
		return
	}
	if id := cfg.Account.ID; id != 0 && claims.AccountID != 0 && claims.AccountID != id {
		l.fail(check, &fault{problem: fmt.Sprintf("it is for account %d, and account.id is %d", claims.AccountID, id),
			hint: "Use a token of the account to import into, or correct account.id."})
		return
	}
	left := time.Until(claims.ExpiresAt)
	switch {
	case claims.ExpiresAt.IsZero():
		l.ok(check, "%s; it does not tell its expiry", kind)
	case final && left <= 0:
		l.fail(check, &fault{problem: kind + "; it expired at " + claims.ExpiresAt.UTC().Format(time.RFC3339),
			hint: "Make a new token in the integration's settings."})
	case final && left < freshToken:
		l.warn(check, "Make a new token first, if the import may take longer.", "%s; it expires at %s", kind, claims.ExpiresAt.UTC().Format(time.RFC3339))
	default:
		l.ok(check, "%s; it expires at %s", kind, claims.ExpiresAt.UTC().Format(time.RFC3339))
	}
}

// clock compares a server's clock with ours.
func (l *checklist) clock(api string, server time.Time) {
	now := time.Now()
	if server.IsZero() {
		return
	}
	off := now.Sub(server).Abs().Round(time.Second)
	if err := checkClock(server, now); err != nil {
		l.fail("clock", err)
	} else if off > fineSkew {
		l.warn("clock", "Set this machine's clock by NTP: amojo refuses signatures whose time is 15 minutes off.", "it differs from that of %s by %s", api, off)
	} else {
		l.ok("clock", "it differs from that of %s by %s", api, off)
	}
}

// users looks at the rights of the token's user, and finds the managers.
func (l *checklist) users(ctx context.Context, a *apis, crm *amocrm.Client, account amocrm.Account, legacy legacy) {
	var users []amocrm.User
	all := l.asked(ctx, a, "users", func(ctx context.Context) (found string, err error) {
		users, err = crm.Users(ctx)
		able := 0
		for _, u := range users {
			if u.IsActive && u.AmojoID != "" {
				able++
			}
		}
		return fmt.Sprintf("%s, %d of them active and known to amojo", plural(int64(len(users)), "user", "users"), able), err
	})
	if !all {
		return
	}
	me := slices.IndexFunc(users, func(u amocrm.User) bool { return u.ID == account.CurrentUserID })
	if me >= 0 && !users[me].IsAdmin {
		l.fail("users", &fault{problem: fmt.Sprintf("the token's user %d is no administrator, which linking chats needs", account.CurrentUserID),
			hint: "Use a token of an administrator."})
	}
	if !legacy.fits || !legacy.managersRead {
		return
	}
	var err error
	if l.managers, err = pairManagers(legacy.managers, users, a.cfg.Managers.ByID); err != nil {
		l.fail("managers", err)
		return
	}
	l.paired = true
	var strangers []string
	for legacy := range a.cfg.Managers.ByID {
		if !slices.ContainsFunc(l.managers, func(m importer.PairedManager) bool { return m.ID == legacy }) {
			strangers = append(strangers, strconv.Quote(legacy))
		}
	}
	if slices.Sort(strangers); strangers != nil {
		l.warn("managers", "Compare the ids, spaces too, with those that the managers query returns.",
			"managers.by_id or managers.map names %s that the legacy database does not have: %s",
			plural(int64(len(strangers)), "manager", "managers"), strings.Join(strangers[:min(10, len(strangers))], ", "))
	}
	silent := int64(len(target{managers: l.managers}.silent()))
	switch {
	case silent > 0:
		l.warn("managers", "See the table below; managers.by_id or managers.map can say who they are.",
			"the channel's bot speaks for %d of %s", silent, plural(int64(len(l.managers)), "manager", "managers"))
	case len(l.managers) > 0:
		l.ok("managers", "each of %s has a user who can speak", plural(int64(len(l.managers)), "manager", "managers"))
	default:
		l.ok("managers", "the legacy database has none; the channel's bot speaks for all")
	}
}

// sources looks whether the account has the sources that conversations name.
func (l *checklist) sources(ctx context.Context, a *apis, crm *amocrm.Client, legacy legacy) {
	const check, advice = "sources", "A chat of a source that is not known goes to the default source, for ever: create it, or leave source_external_id out."
	if len(legacy.sources) == 0 {
		return
	}
	known := make(map[string]bool)
	err := a.askCRM(ctx, func(ctx context.Context) error {
		all, err := crm.Sources(ctx)
		for _, s := range all {
			known[s.ExternalID] = true
		}
		return err
	})
	var missing []string
	for _, s := range legacy.sources {
		if !known[s] {
			missing = append(missing, strconv.Quote(s))
		}
	}
	switch {
	case err != nil:
		l.warn(check, advice, "not looked at: %s", oneLine(err.Error()))
	case missing != nil:
		l.warn(check, advice, "source_external_id names %s that the integration does not have: %s",
			plural(int64(len(missing)), "source", "sources"), strings.Join(missing[:min(10, len(missing))], ", "))
	default:
		l.ok(check, "the integration has %s", plural(int64(len(legacy.sources)), "source that conversations name", "sources that conversations name"))
	}
}

// channel asks amojo something harmless, with a signature.
func (l *checklist) channel(ctx context.Context, a *apis, scope amojo.Scope) {
	const check = "channel"
	chats, err := a.chatsClient(scope, nil)
	if err != nil {
		l.fail(check, err)
		return
	}
	var server time.Time
	err = a.askChats(ctx, func(ctx context.Context) (err error) {
		server, err = chats.Ping(ctx)
		return err
	})
	l.clock("amojo", server)
	if err != nil {
		l.fail(check, err)
		return
	}
	l.ok(check, "amojo takes the secret; scope_id %s", scope)
	bot := a.cfg.Channel.Bot.ID
	if !isUUID(bot) {
		l.warn("bot", "Compare channel.bot.id with the letter of amoCRM's support.", "channel.bot.id is no UUID, as the ids of bots are")
		return
	}
	l.ok("bot", "channel.bot.id has the shape of one; only a first message can prove it")
}

// isUUID says whether s is written like 76fc2bea-902f-425c-9a3d-dcdac4766090.
func isUUID(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) != 5 {
		return false
	}
	for i, n := range []int{8, 4, 4, 4, 12} {
		if len(parts[i]) != n || strings.Trim(parts[i], "0123456789abcdefABCDEF") != "" {
			return false
		}
	}
	return true
}

// writeManagers writes the managers and their users for a person to correct.
func (l *checklist) writeManagers(out io.Writer, path string) error {
	if !l.paired {
		return &fault{problem: path + " was not written: the managers or the users are not known", hint: "Mend what failed, and check again."}
	}
	// Names and e-mails are in it.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &fault{problem: path + " is there already", hint: "It is left as it is; name another file, or move it away."}
	}
	if err != nil {
		return &fault{problem: err.Error(), hint: "Name another file, in a folder that you may write to.", err: err}
	}
	w := csv.NewWriter(f)
	_ = w.Write(config.ManagersHeader)
	for _, m := range l.managers {
		user := ""
		if m.Speaks() {
			user = strconv.FormatInt(m.User.ID, 10)
		}
		_ = w.Write([]string{m.ID, m.Name, m.Email, user})
	}
	w.Flush()
	if err := errors.Join(w.Error(), f.Close()); err != nil {
		return &fault{problem: fmt.Sprintf("%s cannot be written: %s", path, err), hint: "Check the space on its disk.", err: errors.Join(err, os.Remove(path))}
	}
	fmt.Fprintf(out, "\nWrote %s: fill in the id or e-mail of a user where it is empty, and name the file as managers.map.\n", path)
	return nil
}
