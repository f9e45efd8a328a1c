package importer_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// modelPooler lends sessions of a database to the lives. Opening one costs
// Postgres more than all that is done in it: so those that were left in order are
// made as new and lent again. It stands outside of the bubbles.
type modelPooler struct {
	url      string // under which it lends
	dsn      string // of the database
	listener net.Listener
	all      sync.WaitGroup
	runs     sync.RWMutex // read-locked while an importer has a session

	mu     sync.Mutex
	closed bool
	idle   map[string][]*modelSession // by their settings
	lent   map[uint32]*modelSession   // by the number that the borrower knows
	loans  uint32
	open   map[net.Conn]bool
}

// newModelPooler lends the sessions of a database.
func newModelPooler(t *testing.T, dsn string) *modelPooler {
	dir, err := os.MkdirTemp("", "model") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	p := &modelPooler{dsn: dsn, listener: listener, idle: map[string][]*modelSession{},
		lent: map[uint32]*modelSession{}, open: map[net.Conn]bool{}}
	p.url = (&url.URL{Scheme: "postgres", User: url.User("model"), Path: "/model",
		RawQuery: url.Values{"host": {dir}, "port": {"5432"}, "sslmode": {"disable"}}.Encode()}).String()
	p.all.Go(p.serve)
	t.Cleanup(p.close)
	return p
}

// settle waits until Postgres has done all that processes which ended had asked
// for. Virtual time stands still meanwhile.
func (p *modelPooler) settle() {
	p.runs.Lock()
	defer p.runs.Unlock()
}

func (p *modelPooler) close() {
	p.mu.Lock()
	p.closed = true
	p.listener.Close()
	for conn := range p.open {
		conn.Close()
	}
	p.mu.Unlock()
	p.all.Wait()
}

func (p *modelPooler) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.keep(client) {
			p.all.Go(func() {
				defer p.drop(client)
				p.lend(client)
			})
		}
	}
}

// keep remembers a connection, to close it at the end.
func (p *modelPooler) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		conn.Close()
		return false
	}
	p.open[conn] = true
	return true
}

func (p *modelPooler) drop(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
	conn.Close()
}

// lend serves a client.
func (p *modelPooler) lend(client net.Conn) {
	front := pgproto3.NewBackend(client, client)
	first, err := front.ReceiveStartupMessage()
	if err != nil {
		return
	}
	if request, ok := first.(*pgproto3.CancelRequest); ok {
		p.cancel(request.ProcessID)
		return
	}
	start, ok := first.(*pgproto3.StartupMessage)
	if !ok {
		return
	}
	if start.Parameters["application_name"] == "amoimport" {
		p.runs.RLock()
		defer p.runs.RUnlock()
	}
	s, err := p.session(start.Parameters)
	if err != nil {
		return
	}
	front.Send(&pgproto3.AuthenticationOk{})
	for name, value := range s.ParameterStatuses {
		front.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
	}
	p.mu.Lock()
	p.loans++
	loan := p.loans
	p.lent[loan] = s
	p.mu.Unlock()
	front.Send(&pgproto3.BackendKeyData{ProcessID: loan, SecretKey: make([]byte, 4)})
	front.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	good := front.Flush() == nil && s.between(client)
	p.mu.Lock()
	delete(p.lent, loan)
	if good = good && !s.cancelled; good {
		p.idle[s.settings] = append(p.idle[s.settings], s)
	}
	p.mu.Unlock()
	if !good {
		s.leave()
		p.drop(s.Conn)
	}
}

// session returns a session that is as new.
func (p *modelPooler) session(settings map[string]string) (*modelSession, error) {
	key := fmt.Sprint(settings)
	for {
		p.mu.Lock()
		var s *modelSession
		if n := len(p.idle[key]); n > 0 {
			s, p.idle[key] = p.idle[key][n-1], p.idle[key][:n-1]
		}
		p.mu.Unlock()
		if s == nil {
			return p.connect(key, settings)
		}
		if s.reset() == nil {
			return s, nil
		}
		p.drop(s.Conn)
	}
}

func (p *modelPooler) connect(key string, settings map[string]string) (*modelSession, error) {
	config, err := pgconn.ParseConfig(p.dsn)
	if err != nil {
		return nil, err
	}
	for name, value := range settings {
		if name != "user" && name != "database" {
			config.RuntimeParams[name] = value
		}
	}
	var from io.Reader
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		from = r
		return pgproto3.NewFrontend(r, w)
	}
	conn, err := pgconn.ConnectConfig(context.Background(), config)
	if err != nil {
		return nil, err
	}
	raw, err := conn.Hijack()
	if err != nil {
		return nil, err
	}
	if !p.keep(raw.Conn) {
		return nil, net.ErrClosed
	}
	return &modelSession{HijackedConn: raw, from: from, settings: key}, nil
}

// cancel passes on a borrower's request to cancel what its session does.
func (p *modelPooler) cancel(loan uint32) {
	p.mu.Lock()
	s := p.lent[loan]
	if s == nil {
		p.mu.Unlock()
		return
	}
	s.cancelled = true
	p.mu.Unlock()
	network, address := pgconn.NetworkAddress(s.Config.Host, s.Config.Port)
	conn, err := s.Config.DialFunc(context.Background(), network, address)
	if err != nil {
		return
	}
	defer conn.Close()
	message, err := (&pgproto3.CancelRequest{ProcessID: s.PID, SecretKey: s.SecretKey}).Encode(nil)
	if err != nil {
		return
	}
	if _, err := conn.Write(message); err == nil {
		io.Copy(io.Discard, conn) // until it is done
	}
}
