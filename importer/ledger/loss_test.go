package ledger_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
)

// loss is a network that loses the answer to a commit, or the commit itself.
type loss struct {
	armed     atomic.Bool // for the next commit
	commit    bool        // lose the commit, not only its answer
	meanwhile func()      // until the loss is noticed
}

func (l *loss) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	return &losing{conn, l}, err
}

type losing struct {
	net.Conn
	l *loss
}

func (c *losing) Write(b []byte) (int, error) {
	if !bytes.HasSuffix(b, []byte("commit\x00")) || !c.l.armed.CompareAndSwap(true, false) {
		return c.Conn.Write(b)
	}
	if !c.l.commit {
		if _, err := c.Conn.Write(b); err != nil {
			return 0, err
		}
		_, _ = c.Conn.Read(make([]byte, 4096)) // Postgres is done with it
	}
	c.Conn.Close()
	c.l.meanwhile()
	return len(b), nil
}

// losingBench is a bench whose network loses what l says.
func losingBench(t *testing.T, l *loss) *bench {
	t.Helper()
	l.meanwhile = func() {}
	dsn := emptyLedger(t)
	held, err := ledger.Connect(t.Context(), ledger.Options{DSN: dsn, Dial: l.dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(held.Close)
	acquire(t, held, ledger.Self("test"))
	if err := held.Settle(t.Context(), setup()); err != nil {
		t.Fatal(err)
	}
	return &bench{Ledger: held, t: t, conn: around(t, dsn)}
}

// TestEraseTwice: the answer to the commit that removes a ledger is lost. There is
// nothing left to remove then, and that is what was wanted.
func TestEraseTwice(t *testing.T) {
	t.Parallel()
	for name, commit := range map[string]bool{"its answer is lost": false, "the commit is lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &loss{commit: commit}
			b := losingBench(t, l)
			l.armed.Store(true)
			if err := b.Erase(t.Context()); err != nil {
				t.Error(err)
			}
			if l.armed.Load() {
				t.Error("nothing was lost")
			}
			if got := schemas(t, b.conn); len(got) > 0 {
				t.Errorf("there is %v", got)
			}
		})
	}
}

// TestEraseNothing: a ledger that somebody else removed is not said to be removed.
func TestEraseNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	exec(t, b.conn, "drop schema amoimport cascade")
	if err := b.Erase(t.Context()); err == nil || !strings.Contains(err.Error(), "no ledger") {
		t.Errorf("error %v", err)
	}
}
