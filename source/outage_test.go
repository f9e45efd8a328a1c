package source_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/amoimport/amoimport/source"
)

// door stands between the reader and Postgres and can be shut.
type door struct {
	listener net.Listener
	target   *pgx.ConnConfig

	mu      sync.Mutex
	shut    bool
	refused int
	open    map[net.Conn]bool
}

func newDoor(t *testing.T, dsn string) (d *door, through string) {
	t.Helper()
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d = &door{listener: l, target: cfg, open: make(map[net.Conn]bool)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if d.enter(conn) {
				wg.Go(func() { d.pass(t, conn) })
			}
		}
	})
	t.Cleanup(func() {
		l.Close()
		d.close()
		wg.Wait()
	})
	port := l.Addr().(*net.TCPAddr).Port
	through = "host=127.0.0.1 port=" + itoa(port) + " user=" + cfg.User + " dbname=" + cfg.Database + " sslmode=disable"
	if cfg.Password != "" {
		through += " password=" + cfg.Password
	}
	return d, through
}

func (d *door) enter(conn net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		d.refused++
		conn.Close()
		return false
	}
	d.open[conn] = true
	return true
}

func (d *door) pass(t *testing.T, conn net.Conn) {
	network, address := pgxAddress(d.target)
	server, err := net.Dial(network, address)
	if err != nil {
		t.Error(err)
		conn.Close()
		return
	}
	go func() {
		io.Copy(server, conn)
		server.Close()
	}()
	io.Copy(conn, server)
	conn.Close()
}

func pgxAddress(cfg *pgx.ConnConfig) (network, address string) {
	if strings.HasPrefix(cfg.Host, "/") {
		return "unix", cfg.Host + "/.s.PGSQL." + itoa(int(cfg.Port))
	}
	return "tcp", net.JoinHostPort(cfg.Host, itoa(int(cfg.Port)))
}

// close shuts the door and cuts everybody off.
func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
	for conn := range d.open {
		conn.Close()
	}
	clear(d.open)
}

func (d *door) reopen() (refused int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = false
	return d.refused
}

func TestAnOutageEndsWithOneProbe(t *testing.T) {
	dsn := database(t, canonical, `insert into messages (conversation_id, id) values ('c', 'm')`)
	d, through := newDoor(t, dsn)
	db := open(t, source.Options{DSN: through + " pool_max_conns=20"})
	if err := db.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.close()

	const readers = 20
	var wg sync.WaitGroup
	errs := make(chan error, readers)
	for range readers {
		wg.Go(func() {
			msgs, _, err := db.Messages(t.Context(), "c", []string{"m"})
			if err == nil && len(msgs) != 1 {
				err = errors.New("no message")
			}
			errs <- err
		})
	}
	refusals := make(chan int, 1)
	reopen := time.AfterFunc(400*time.Millisecond, func() { refusals <- d.reopen() })
	wg.Wait()
	if reopen.Stop() {
		t.Fatal("they did not wait for the door")
	}
	refused := <-refusals
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	// Each fails once, then one at a time asks: at once and after 50 to 100 ms,
	// 100 to 200, 200 to 400. The driver knocks twice when it is cut off.
	if most := 2 * (readers + 5); refused > most {
		t.Errorf("the closed door was knocked at %d times, want at most %d", refused, most)
	}
}

func TestAStreamThatIsCutOffSaysSo(t *testing.T) {
	dsn := database(t, canonical, `insert into messages (conversation_id, id, text) select 'c', n::text, 'x' from generate_series(1, 200000) n`)
	d, through := newDoor(t, dsn)
	db := open(t, source.Options{DSN: through})
	count, last := 0, error(nil)
	for _, err := range db.Keys(t.Context(), time.Time{}) {
		if count++; count == 1 {
			d.close()
		}
		last = err
	}
	var own *source.Error
	if !errors.As(last, &own) || !own.Temporary() {
		t.Errorf("after %d keys: %v", count, last)
	}
	if count >= 200000 {
		t.Errorf("all %d keys came", count)
	}
}
