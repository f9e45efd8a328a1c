package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/source"
	"github.com/spf13/cobra"
)

func newParked(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "parked",
		Short: "Look at the messages that need a person, and decide about them",
		Long: `What cannot be sent is parked with a reason, and needs a person. Mend the cause and
plan the messages again with retry, or leave them out with skip. A row that changes
in the legacy database is planned again by the next run without being told.`,
		Args: knownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newParkedList(e), newParkedShow(e), newParkedRetry(e), newParkedSkip(e))
	return c
}

func newParkedRetry(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "retry (--reason CODE | --conversation ID | CONVERSATION MESSAGE | --all)",
		Short: "Plan parked messages again",
		Long: `retry plans parked messages again. The next run sends them, with their original
time, and so does one that is under way. What was tried before is looked for in its
chat first, so nothing arrives twice.`,
	}
	path, s := configFlag(c), selectionFlags(c)
	c.RunE = func(c *cobra.Command, words []string) error {
		chosen, err := s.decided(c, words)
		if err != nil {
			return err
		}
		return e.onLedger(c.Context(), *path, func(ctx context.Context, l *ledger.Ledger, _ *config.Config) error {
			return e.retryParked(ctx, l, chosen)
		})
	}
	return c
}

func newParkedSkip(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "skip (--reason CODE | --conversation ID | CONVERSATION MESSAGE | --all)",
		Short: "Leave parked messages out of the import",
		Long: `skip leaves parked messages out of the import, also when their rows change later.
parked retry --reason skipped_by_hand takes that back.`,
	}
	path, s := configFlag(c), selectionFlags(c)
	c.RunE = func(c *cobra.Command, words []string) error {
		chosen, err := s.decided(c, words)
		if err != nil {
			return err
		}
		if chosen.Reason == outcome.SkippedByHand {
			return &usageError{problem: "what is skipped by hand is skipped already", command: c.CommandPath()}
		}
		return e.onLedger(c.Context(), *path, func(ctx context.Context, l *ledger.Ledger, _ *config.Config) error {
			return e.skipParked(ctx, l, chosen)
		})
	}
	return c
}

// retryParked plans messages again and says what comes next.
func (e env) retryParked(ctx context.Context, l *ledger.Ledger, s ledger.Selection) error {
	did, err := l.Retry(ctx, s)
	if err != nil {
		return err
	}
	if did.Planned+did.Stay == 0 {
		return e.nothingParked(ctx, l, s)
	}
	fmt.Fprintf(e.out, "%s planned again.\n", plural(did.Planned, "message is", "messages are"))
	if did.Stay > 0 {
		fmt.Fprintf(e.out, "%s parked: without a time, or without its conversation, a row cannot be planned. Every run looks at it again; mend it.\n",
			plural(did.Stay, "message stays", "messages stay"))
	}
	if did.Planned > 0 {
		fmt.Fprintln(e.out, "Run `amoimport run` to send them. A run that is under way takes them along, unless it is about to end.")
	}
	return nil
}

// skipParked skips messages and says what is in the chats all the same.
func (e env) skipParked(ctx context.Context, l *ledger.Ledger, s ledger.Selection) error {
	did, err := l.SkipParked(ctx, s)
	if err != nil {
		return err
	}
	if did.Messages == 0 {
		return e.nothingParked(ctx, l, s)
	}
	fmt.Fprintf(e.out, "%s skipped by hand.\n", plural(did.Messages, "message is", "messages are"))
	const most = 20
	for i, h := range did.Half {
		if i == most {
			fmt.Fprintf(e.out, "  and so it is with %d more\n", len(did.Half)-most)
			break
		}
		fmt.Fprintf(e.out, "  %s/%s: %d of its %d parts are in the chat, and stay there\n", h.Conversation, h.ID, h.PartsSent, h.Parts)
	}
	if did.Unsure > 0 {
		fmt.Fprintf(e.out, "  %s be in the chat: whether it arrived could not be settled\n", plural(did.Unsure, "of them may", "of them may"))
	}
	fmt.Fprintln(e.out, "Nothing more of them is sent. `amoimport parked retry --reason skipped_by_hand` takes it back; `amoimport run` goes on with the rest.")
	return nil
}

// nothingParked says that a selection holds nothing. A message that was named must
// be there, and parked.
func (e env) nothingParked(ctx context.Context, l *ledger.Ledger, s ledger.Selection) error {
	if s.Message == "" {
		fmt.Fprintln(e.out, "No parked message fits; `amoimport parked list` shows all there are.")
		return nil
	}
	m, err := record(ctx, l, s.Conversation, s.Message)
	if err != nil {
		return err
	}
	return &fault{problem: fmt.Sprintf("message %s/%s is %s, not parked", s.Conversation, s.Message, m.Outcome),
		hint: "`amoimport parked list` shows what is."}
}

// selection is how words and flags say which parked messages are meant.
type selection struct {
	reason, conversation string
	all                  bool
}

// selectionFlags defines the flags that select messages to decide about.
func selectionFlags(c *cobra.Command) *selection {
	s := narrowingFlags(c)
	c.Flags().BoolVar(&s.all, "all", false, "all that is parked")
	return s
}

// narrowingFlags defines the flags that narrow down what is looked at.
func narrowingFlags(c *cobra.Command) *selection {
	s := &selection{}
	c.Flags().StringVar(&s.reason, "reason", "", "only messages with this reason `code`")
	c.Flags().StringVar(&s.conversation, "conversation", "", "only messages of the conversation with this legacy `id`")
	return s
}

// decided is a selection that somebody decides about, and so one that says what it
// means.
func (s *selection) decided(c *cobra.Command, words []string) (ledger.Selection, error) {
	refuse := func(problem string, args ...any) (ledger.Selection, error) {
		return ledger.Selection{}, &usageError{problem: fmt.Sprintf(problem, args...), command: c.CommandPath()}
	}
	narrowed := s.reason != "" || s.conversation != ""
	switch {
	case len(words) == 0 && !narrowed && !s.all:
		return refuse("say which messages: --reason, --conversation, CONVERSATION MESSAGE, or --all")
	case len(words) > 2:
		return refuse("%q is one word too many", words[2])
	case len(words) == 1:
		return refuse("%q is a conversation or a message: name both, or use --conversation", words[0])
	case len(words) == 2 && narrowed, s.all && (narrowed || len(words) > 0):
		return refuse("say it in one way: a message, or --all, or --reason and --conversation")
	case len(words) == 2:
		return ledger.Selection{Conversation: source.ConversationID(words[0]), Message: words[1]}, nil
	}
	return s.checked(c)
}

// checked is the selection of the flags.
func (s *selection) checked(c *cobra.Command) (ledger.Selection, error) {
	chosen := ledger.Selection{Reason: outcome.Code(s.reason), Conversation: source.ConversationID(s.conversation)}
	if s.reason == "" || chosen.Reason == outcome.SkippedByHand {
		return chosen, nil
	}
	if r, ok := outcome.Lookup(chosen.Reason); !ok || r.Outcome != outcome.Parked {
		var codes []string
		for _, r := range outcome.All() {
			if r.Outcome == outcome.Parked {
				codes = append(codes, string(r.Code))
			}
		}
		return ledger.Selection{}, &usageError{problem: fmt.Sprintf("--reason: nothing is parked for %q, but for %s", s.reason, strings.Join(codes, ", ")), command: c.CommandPath()}
	}
	return chosen, nil
}

// record reads what is known of a message that is to be there.
func record(ctx context.Context, l *ledger.Ledger, c source.ConversationID, id string) (ledger.MessageRecord, error) {
	m, known, err := l.Record(ctx, c, id)
	if err == nil && !known {
		err = &fault{problem: fmt.Sprintf("the ledger knows no message %s of conversation %s", id, c),
			hint: "Use the ids of the legacy database, as `amoimport parked list` shows them."}
	}
	return m, err
}
