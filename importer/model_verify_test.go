package importer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/importer/verify"
)

// shows takes down what a reading of the chats is to say of a message that was sent,
// given the texts of the parts that its chat holds.
func (c *modelCase) shows(m *modelMessage, parts []amojo.Message) {
	n := int64(len(parts))
	m.altered = false
	c.want.Messages += n
	c.want.Present += n
	switch {
	case m.fate.partsSent < m.fate.parts: // the ledger's hash is of all parts
		c.want.Unchecked += n
	case n > 0 && compose.TextHash(parts) != m.fate.words:
		// An edit that was given up may have come about later.
		if m.fate.edit != outcome.EditInDoubt {
			c.fail("%s/%s does not say what the ledger says was sent: %+v", m.thread.id, m.id, m.fate)
		}
		m.altered = true
		c.want.Altered++
		c.want.AlteredText++
	}
}

// verify holds that a reading of all chats finds what the check before it found.
func (c *modelCase) verify() {
	got, err := c.readBack(verify.Options{})
	if err != nil {
		c.fail("read back: %v", err)
		return
	}
	if got.Pass.EndedAt == nil || got.Counts != c.want {
		c.fail("reading back finds %+v %v, want %+v", got.Counts, got.Examples, c.want)
	}
	if same := got.Digests.Legacy == got.Digests.ReadBack; same != (c.want.Altered == 0) {
		c.fail("the digests are the same: %v; %+v", same, got.Counts)
	}
	c.hits("read back", int(got.Present))
	c.hits("read back, of others", int(got.Foreign))
	c.hits("read back, not whole", int(got.Unchecked))
}

// readBack reads all chats back, as a process of its own would. Where an answer makes
// no sense again and again, the next process goes on.
func (c *modelCase) readBack(o verify.Options) (result verify.Result, err error) {
	// Who reads chats back does so when they show what they have.
	if end := c.plan.Stall.From + time.Duration(c.plan.Stall.Settles)*c.plan.settleTime(); c.plan.Stall.Settles > 0 {
		time.Sleep(end - time.Since(c.begun))
	}
	for range 20 {
		result, err = c.readOn(o)
		var call *amojo.CallError
		if !errors.As(err, &call) || !call.Unreadable() {
			return result, err
		}
		c.hit("reading back broke off")
	}
	return result, err
}

func (c *modelCase) readOn(o verify.Options) (result verify.Result, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Hour)
	defer cancel()
	l, err := ledger.Connect(ctx, ledger.Options{DSN: c.dsn})
	if err != nil {
		return result, err
	}
	defer l.Close()
	self := ledger.Self("verify")
	c.pids++
	self.Started = fmt.Sprint("start ", c.pids)
	lease, err := l.Acquire(ctx, self, ledger.MinLeaseTime, nil)
	if err != nil {
		return result, err
	}
	defer lease.Release(context.WithoutCancel(ctx))
	r := *c.rig
	r.base = func(way http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			c.bend(req)
			return way.RoundTrip(req)
		})
	}
	o.Ledger, o.Chats, o.Template = l, r.gated(nil).Chats, r.options.Compose.IDs.Message
	o.Patience = r.options.SettleTime
	return verify.Run(ctx, o)
}
