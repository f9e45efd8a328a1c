package ledger

import (
	"context"
	"net"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// wires are the open connections to Postgres, so that all can be cut at once: one
// that died without being closed would hold up its user for many minutes.
type wires struct {
	mu   sync.Mutex
	open map[*wire]struct{}
}

// dial opens connections by way of base and keeps them in mind.
func (w *wires) dial(base pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := base(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		one := &wire{Conn: conn, among: w}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.open[one] = struct{}{}
		return one, nil
	}
}

// cut closes all connections. Who uses one gets an error.
func (w *wires) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.open {
		one.Conn.Close()
	}
	clear(w.open)
}

// wire is one of them.
type wire struct {
	net.Conn
	among *wires
}

func (w *wire) Close() error {
	w.among.mu.Lock()
	delete(w.among.open, w)
	w.among.mu.Unlock()
	return w.Conn.Close()
}
