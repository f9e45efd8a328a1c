package main

import (
	"context"
	"fmt"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/spf13/cobra"
)

func newConnect(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "connect",
		Short: "Connect the chat channel to the account, once and on purpose",
		Long: `connect connects the channel to the account, as a channel that was registered a
moment ago needs it once. For a channel that is connected already it may change
its title and the version of its webhooks, so no other command ever does it.`,
		Args: noWords,
	}
	path := configFlag(c)
	live := c.Flags().Bool("live-channel", false, "connect although channel.live says that a messenger is behind the channel")
	c.RunE = func(c *cobra.Command, _ []string) error { return e.connect(c.Context(), *path, *live) }
	return c
}

func (e env) connect(ctx context.Context, path string, live bool) error {
	cfg, err := config.Load(path, e.getenv, config.NeedToken, config.NeedChannel)
	if err != nil {
		return err
	}
	if cfg.Channel.Live && !live {
		return &fault{problem: "channel.live says that a messenger is behind this channel: connecting it anew may change its title and its webhooks",
			hint: "If that is meant, run with --live-channel."}
	}
	if cfg.Account.Domain == "kommo.com" {
		switch {
		case cfg.Channel.HookAPIVersion != "v2":
			return &fault{problem: "channel.hook_api_version: Kommo takes only v2", hint: "Set it to v2."}
		case cfg.Channel.Title == "":
			return &fault{problem: "channel.title: Kommo wants a title", hint: "Set the name that the channel is to have in the account."}
		}
	}
	a, err := newAPIs(cfg, e.say)
	if err != nil {
		return err
	}
	ctx, release := e.untilSignal(ctx, e.say)
	defer release()
	return interrupted(ctx, e.connectChannel(ctx, cfg, a))
}

func (e env) connectChannel(ctx context.Context, cfg *config.Config, a *apis) error {
	crm, err := a.crmClient(nil)
	if err != nil {
		return err
	}
	var scope amojo.Scope
	err = a.askCRM(ctx, func(ctx context.Context) error {
		account, err := identify(ctx, cfg, crm)
		if err != nil {
			return err
		}
		if err := checkClock(account.ServerTime, time.Now()); err != nil {
			return err
		}
		scope = amojo.Scope{ChannelID: cfg.Channel.ID, AccountID: account.AmojoID}
		fmt.Fprintf(e.out, "Connecting channel %s to account %d (%s)", scope.ChannelID, account.ID, account.Subdomain)
		if cfg.Channel.Title != "" {
			fmt.Fprintf(e.out, " with the title %q", cfg.Channel.Title)
		}
		fmt.Fprintf(e.out, ", webhooks %s.\n", cfg.Channel.HookAPIVersion)
		return nil
	})
	if err != nil {
		return err
	}
	chats, err := a.chatsClient(scope, nil)
	if err != nil {
		return err
	}
	return a.askChats(ctx, func(ctx context.Context) error {
		done, err := chats.Connect(ctx, cfg.Channel.Title, cfg.Channel.HookAPIVersion)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.out, "Connected: scope_id %s\n", done.ScopeID)
		if done.Title != "" {
			fmt.Fprintf(e.out, "  title %q\n", done.Title)
		}
		if done.HookAPIVersion != "" {
			fmt.Fprintf(e.out, "  webhooks %s\n", done.HookAPIVersion)
		}
		if done.ScopeID != scope.String() {
			return &fault{problem: fmt.Sprintf("amojo calls the scope %s, and a run would use %s", done.ScopeID, scope),
				hint: "Check channel.id and account.amojo_id."}
		}
		return nil
	})
}
