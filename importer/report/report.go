// Package report tells what an import moved, when, and what the chats showed when
// they were read back: from the ledger alone, and years later.
package report

import (
	"cmp"
	"context"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/amoimport/amoimport/source"
)

const (
	// Format is how a report's JSON begins.
	Format = "amoimport report"
	// Version is of the JSON. A report of another version is not read.
	Version = 1
)

// Report is what is told of an import. Its keys stay. The JSON has two more:
// "chats", a list of Chat, and "digests", of all chats, after it.
type Report struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	MadeAt  time.Time `json:"made_at"`

	Program string `json:"amoimport"`     // its version
	Schema  int64  `json:"ledger_schema"` // the ledger's newest migration

	Source  string `json:"source"`       // its name
	Account string `json:"account"`      // subdomain.domain
	ScopeID string `json:"scope_id"`     // channel and account in amojo
	Prefix  string `json:"msgid_prefix"` // of the ids of all messages of this import

	Undried    bool       `json:"without_dry_run"` // a run went on without a dry run of its settings
	EnrolledAt *time.Time `json:"enrolled_at"`
	PurgedAt   *time.Time `json:"purged_at"` // null: what refers to people is there

	FirstSentAt  *time.Time `json:"first_sent_at"` // null: nothing was sent
	LastSentAt   *time.Time `json:"last_sent_at"`
	FirstMessage *time.Time `json:"first_message_at"` // times of the messages themselves
	LastMessage  *time.Time `json:"last_message_at"`

	Conversations ledger.Conversational  `json:"conversations"`
	Messages      ledger.Counted         `json:"messages"`
	Contacts      map[ledger.Found]int64 `json:"contacts"`
	Kinds         []ledger.Tally         `json:"kinds"`    // of sent messages
	Managers      []ledger.Tally         `json:"managers"` // sent messages by amojo's id of who spoke
	Reasons       []Reason               `json:"reasons"`
	Notes         []Reason               `json:"notes"`
	SkippedByHand int64                  `json:"skipped_by_hand"`
	Retried       int64                  `json:"retried"` // sent after a person had planned them again
	InDoubt       int64                  `json:"in_doubt"`
	Edited        int64                  `json:"edited_after_sending"`
	Deleted       int64                  `json:"deleted_after_sending"`
	Differences   []ledger.Difference    `json:"differences"` // those edited and deleted, by name
	Events        []ledger.Tally         `json:"events"`

	Talks ledger.TalkCounts `json:"talks"`
	Leads ledger.LeadCounts `json:"leads"` // made by us

	Verification Verification `json:"verification"`
}

// Reason is how many messages have a reason or a note.
type Reason struct {
	Outcome outcome.Outcome `json:"outcome"`
	Code    outcome.Code    `json:"code"`
	Count   int64           `json:"count"`
	Short   string          `json:"short"`
}

// Verification is what the chats showed when they were read back last, each at its
// time.
type Verification struct {
	Last   *Pass      `json:"last_pass"` // null: nothing was read back yet
	Chats  int64      `json:"chats"`
	Unread int64      `json:"unread"` // chats never read back, or not since something more was sent
	From   *time.Time `json:"read_from"`
	To     *time.Time `json:"read_to"`
	ledger.Counts
	Clean bool `json:"clean"` // no fault, and nothing unread
}

// Pass is the pass that began last, and what it found.
type Pass struct {
	verify.Pass
	Chats int64 `json:"chats"`
	ledger.Counts
}

// Chat is one chat.
type Chat struct {
	Conversation source.ConversationID `json:"conversation"` // legacy id
	ChatID       string                `json:"chat_id"`      // amojo's; "": it has none
	ReadAt       *time.Time            `json:"read_at"`      // null: never, and the rest is empty
	ledger.Counts
	ledger.Digests
}

// learnedUndried is the name under which the ledger knows of runs without a dry run.
const learnedUndried = "without_dry_run"

// Collect makes a report of a ledger. program is this program's version.
func Collect(ctx context.Context, l *ledger.Ledger, program string, now time.Time) (*Report, error) {
	s, err := l.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	t, err := l.Tallies(ctx)
	if err != nil {
		return nil, err
	}
	undried, err := l.Learned(ctx, learnedUndried)
	if err != nil {
		return nil, err
	}
	r := &Report{
		Format: Format, Version: Version, MadeAt: now.UTC().Truncate(time.Second),
		Program: program, Schema: t.Schema,
		Source: s.Setup.SourceName, Account: s.Setup.Account, ScopeID: s.Setup.ScopeID, Prefix: verify.Prefix(s.Setup.Message),
		Undried: undried != "", EnrolledAt: utc(s.EnrolledAt), PurgedAt: utc(s.PurgedAt),
		FirstSentAt: utc(t.FirstSentAt), LastSentAt: utc(t.LastSentAt), FirstMessage: utc(t.FirstMessage), LastMessage: utc(t.LastMessage),
		Conversations: s.Conversations, Messages: s.Messages, Contacts: s.Contacts,
		Kinds: t.Kinds, Managers: t.Managers, Events: t.Events, Reasons: reasons(s.Reasons), Notes: reasons(s.Notes),
		SkippedByHand: t.SkippedHand, Retried: t.Retried, InDoubt: s.InDoubt, Edited: s.Edited, Deleted: s.Vanished,
	}
	if r.Differences, err = l.Differences(ctx); err != nil {
		return nil, err
	}
	if r.Talks, err = l.Talks(ctx); err != nil {
		return nil, err
	}
	if r.Leads, err = l.Leads(ctx); err != nil {
		return nil, err
	}
	v := &r.Verification
	v.Unread, v.From, v.To = t.Unread, utc(t.ReadFrom), utc(t.ReadTo)
	if v.Chats, v.Counts, err = l.SumVerdicts(ctx, 0); err != nil {
		return nil, err
	}
	v.Clean = verify.Clean(v.Counts) && v.Unread == 0
	if last := t.LastPass; last != nil {
		v.Last = &Pass{Pass: verify.Pass{Scope: last.Scope, BegunAt: last.BegunAt.UTC(), EndedAt: utc(last.EndedAt)}}
		if v.Last.Chats, v.Last.Counts, err = l.SumVerdicts(ctx, last.ID); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func reasons(all []ledger.ReasonCount) []Reason {
	list := make([]Reason, len(all))
	for i, c := range all {
		known, _ := outcome.Lookup(c.Code)
		list[i] = Reason{Outcome: c.Outcome, Code: c.Code, Count: c.Count, Short: cmp.Or(known.Short, string(c.Code))}
	}
	return list
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.UTC()
	return &at
}
