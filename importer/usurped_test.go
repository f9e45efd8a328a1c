package importer_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/sandbox"
)

// TestUsurpedWhileEnrolling: a run whose ledger was taken over after it had read
// the legacy rows ends by that, and does not take the emptied staging tables for an
// emptied legacy database.
func TestUsurpedWhileEnrolling(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3), sandbox.Options{})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	r.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &watched{conn, func(b []byte) {
			if bytes.Contains(b, []byte("enrolled_sql from")) { // what comes just before rows are counted
				once.Do(func() {
					for _, sql := range []string{`update amoimport.lease set epoch = epoch + 1`, `truncate amoimport.enrol_conversation, amoimport.enrol_key`} {
						r.query(sql, nil, nil)
					}
				})
			}
		}}, err
	}
	if err := r.run(t.Context()); !errors.Is(err, ledger.ErrLeaseLost) {
		t.Errorf("it ended with: %v", err)
	}
}

// watched is a connection that shows what is written to it.
type watched struct {
	net.Conn
	see func([]byte)
}

func (w *watched) Write(b []byte) (int, error) {
	w.see(b)
	return w.Conn.Write(b)
}
