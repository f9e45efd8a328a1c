package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/source"
)

func TestExplain(t *testing.T) {
	hinted := &fault{problem: "it broke", hint: "mend it"}
	two := &config.Error{Path: "a.yaml", Faults: []config.Fault{
		{Line: 3, Key: "channel.id", Problem: "it is required", Hint: "ask support"}, {Problem: "it is odd"},
	}}
	for name, c := range map[string]struct {
		err  error
		want string
		code int
	}{
		"nothing": {nil, "", exitDone},
		"plain":   {errors.New("it\n\tbroke"), "amoimport: it broke\n", exitFailed},
		"hint":    {hinted, "amoimport: it broke\n  mend it\n", exitFailed},
		"wrapped": {fmt.Errorf("here: %w", hinted), "amoimport: here: it broke\n  mend it\n", exitFailed},
		"joined":  {errors.Join(errors.New("one"), hinted), "amoimport: one it broke\n  mend it\n", exitFailed},
		"usage":   {&usageError{problem: "odd", command: "amoimport run"}, "amoimport: odd\n  `amoimport run --help` says what it takes.\n", exitUsage},
		"config":  {two, "amoimport: the configuration a.yaml has 2 faults:\n  a.yaml:3: channel.id: it is required\n    ask support\n  a.yaml: it is odd\n", exitUsage},
		"contract": {&source.ContractError{Differences: []source.Difference{{Query: "m.sql", Column: "id", Problem: "is missing", Hint: "return it"}, {Query: "c.sql", Problem: "is empty"}}},
			"amoimport: the legacy queries do not fit in 2 places:\n  m.sql: column id: is missing\n    return it\n  c.sql: is empty\n", exitFailed},
		"held": {fmt.Errorf("x: %w", &ledger.HeldError{}), "", exitHeld},
		"held back": {&parkedError{messages: 2, held: ledger.Held{Conversations: 2, Messages: 5}},
			"amoimport: done, but 2 messages are parked, and 2 conversations wait at one, with 5 messages held\n  The table above says why and what to do; `amoimport parked list` shows each of them.\n", exitParked},
		"parked": {&parkedError{messages: 2}, "amoimport: done, but 2 messages are parked\n  The table above says why and what to do; `amoimport parked list` shows each of them.\n", exitParked},
	} {
		t.Run(name, func(t *testing.T) {
			var said strings.Builder
			explain(&said, c.err)
			if c.want != "" && said.String() != c.want {
				t.Errorf("says\n%swant\n%s", said.String(), c.want)
			}
			if code := exitCode(c.err); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	stopped, stop := context.WithCancelCause(context.Background())
	stop(errInterrupted)
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		want string
		code int
	}{
		"done all the same":   {stopped, nil, "", exitDone},
		"stopped":             {stopped, context.Canceled, "amoimport: interrupted; run the same command again to go on\n", exitInterrupted},
		"stopped by its name": {stopped, errInterrupted, "amoimport: interrupted; run the same command again to go on\n", exitInterrupted},
		"and something else":  {stopped, errors.New("disk full"), "amoimport: interrupted; run the same command again to go on; while ending: disk full\n", exitInterrupted},
		"not by a signal":     {context.Background(), context.Canceled, "amoimport: context canceled\n", exitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			err := interrupted(c.ctx, c.err)
			var said strings.Builder
			explain(&said, err)
			if said.String() != c.want || exitCode(err) != c.code {
				t.Errorf("says %q and exits with %d", said.String(), exitCode(err))
			}
		})
	}
}
