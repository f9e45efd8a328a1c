package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/amoimport/amoimport/importer/report"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/amoimport/amoimport/internal/config"
)

// verifyAgainst compares the chats with a report. It needs the channel's secret, and
// neither a ledger nor the legacy database.
func (e env) verifyAgainst(ctx context.Context, v verifying) error {
	cfg, err := config.Load(v.config, e.getenv, config.NeedChannel)
	if err != nil {
		return err
	}
	file, err := os.Open(v.against)
	if err != nil {
		return &fault{problem: err.Error(), hint: "Name the file that `amoimport report --json` was written to.", err: err}
	}
	defer file.Close()
	r, err := report.Open(file)
	if err != nil {
		return fmt.Errorf("%s: %w", v.against, err)
	}
	scope, err := scopeOf(r.ScopeID, cfg.Channel.ID)
	if err != nil {
		return &fault{problem: fmt.Sprintf("%s: this report is of the scope %q, and channel.id is %s", v.against, r.ScopeID, cfg.Channel.ID),
			hint: "Use the configuration that the import was made with."}
	}
	if r, err = again(file, r); err != nil {
		return fmt.Errorf("%s: %w", v.against, err)
	}
	a, err := newAPIs(cfg, nil)
	if err != nil {
		return err
	}
	chats, err := a.chatsClient(scope, nil)
	if err != nil {
		return err
	}
	watch := newWatching(e)
	ctx, release := e.untilSignal(ctx, watch.say)
	defer release()
	defer watch.troubles(ctx, a)()
	total := r.Verification.Chats + r.Verification.Unread
	expected(watch, verify.Plan{Chats: total, Unread: total, Requests: 2 * total}, cfg.Limits.Amojo)
	result, err := verify.Compare(ctx, verify.CompareOptions{
		Chats: chats, Ping: pingOf(chats), Prefix: r.Prefix, Concurrency: cfg.Run.Lanes, Total: total, Progress: watch.readingBack,
	}, recorded(r))
	if err = interrupted(ctx, err); err != nil {
		return err
	}
	if v.json {
		if err := printJSON(e.out, result); err != nil {
			return err
		}
	} else {
		printComparison(e.out, result)
	}
	switch {
	case result.Same():
		return nil
	case result.Differ == 0:
		return &fault{problem: fmt.Sprintf("the report says nothing of %s", plural(result.Unknown, "chat", "chats")),
			hint: "A report has their digests when it is made after `amoimport verify` and before `amoimport ledger purge`."}
	}
	return &fault{problem: fmt.Sprintf("%s not show what the report says, and of %s it says nothing",
		plural(result.Differ, "chat does", "chats do"), plural(result.Unknown, "chat", "chats")),
		hint: "Look at them in amoCRM; a chat that more was imported into since then differs, too."}
}

// again opens a report anew, after it has looked whether all of it is there and as it
// was written: the chats take long to read.
func again(file *os.File, r *report.File) (*report.File, error) {
	for _, err := range r.Chats() {
		if err != nil {
			return nil, err
		}
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return report.Open(file)
}

// recorded is what a report says of each chat.
func recorded(r *report.File) iter.Seq2[verify.Recorded, error] {
	return func(yield func(verify.Recorded, error) bool) {
		for c, err := range r.Chats() {
			if !yield(verify.Recorded{Conversation: c.Conversation, ChatID: c.ChatID, Read: c.AsShown != "", Shown: c.Shown, AsShown: c.AsShown}, err) {
				return
			}
		}
	}
}

// printComparison prints what was found.
func printComparison(w io.Writer, c verify.Comparison) {
	fmt.Fprintf(w, "%d chats: %d show what they showed, %d do not (%d show less, %d more)\n", c.Chats, c.Equal, c.Differ, c.Fewer, c.More)
	if c.Unknown > 0 {
		fmt.Fprintf(w, "of %d of them the report has no digests\n", c.Unknown)
	}
	for _, d := range c.Differences {
		fmt.Fprintf(w, "conversation %s, chat %s: %d messages, there were %d\n", d.Conversation, d.ChatID, d.Is, d.Was)
	}
}

// printJSON prints a value for machines.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
