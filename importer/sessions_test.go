package importer_test

import (
	"context"
	"sync"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/jackc/pgx/v5"
)

// sessions are a rig's own connections to its databases, beside those of the
// importer. They are kept, since each costs Postgres a process.
type sessions struct {
	mu     sync.Mutex
	idle   map[string][]*pgx.Conn // by DSN
	ledger *ledger.Ledger
}

// take finds a kept connection that still answers, or makes one.
func (s *sessions) take(ctx context.Context, dsn string) (*pgx.Conn, error) {
	for {
		conn := s.pop(dsn)
		if conn == nil {
			break
		}
		if conn.Ping(ctx) == nil {
			return conn, nil
		}
		conn.Close(ctx)
	}
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec // tables change between two queries
	return pgx.ConnectConfig(ctx, cfg)
}

func (s *sessions) pop(dsn string) *pgx.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.idle[dsn]
	if len(all) == 0 {
		return nil
	}
	s.idle[dsn] = all[:len(all)-1]
	return all[len(all)-1]
}

func (s *sessions) give(dsn string, conn *pgx.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle == nil {
		s.idle = map[string][]*pgx.Conn{}
	}
	s.idle[dsn] = append(s.idle[dsn], conn)
}

func (s *sessions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, all := range s.idle {
		for _, conn := range all {
			conn.Close(context.Background())
		}
	}
	if s.ledger != nil {
		s.ledger.Close()
	}
}

// reader opens the ledger for reading, once.
func (s *sessions) reader(ctx context.Context, dsn string) (*ledger.Ledger, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.ledger == nil {
		s.ledger, err = ledger.Connect(ctx, ledger.Options{DSN: dsn})
	}
	return s.ledger, err
}

// snapshot reads the ledger.
func (r *rig) snapshot() ledger.Snapshot {
	r.t.Helper()
	ctx := context.Background()
	l, err := r.sessions.reader(ctx, r.ledger)
	if err != nil {
		r.t.Fatal(err)
	}
	s, err := l.Snapshot(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// query reads rows of the ledger's database.
func (r *rig) query(sql string, args []any, row func(scan func(...any) error) error) {
	r.t.Helper()
	r.queryAt(r.ledger, sql, args, row)
}

func (r *rig) queryAt(dsn, sql string, args []any, row func(scan func(...any) error) error) {
	r.t.Helper()
	ctx := context.Background()
	conn, err := r.sessions.take(ctx, dsn)
	if err != nil {
		r.t.Fatal(err)
	}
	defer r.sessions.give(dsn, conn)
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			r.t.Fatal(err)
		}
	}
	if rows.Close(); rows.Err() != nil {
		r.t.Fatal(rows.Err())
	}
}

// exec changes the ledger's database.
func (r *rig) exec(statements ...string) {
	r.t.Helper()
	r.execAt(r.ledger, statements)
}

// legacyExec changes the legacy database.
func (r *rig) legacyExec(statements ...string) {
	r.t.Helper()
	r.execAt(r.legacy, statements)
}

func (r *rig) execAt(dsn string, statements []string) {
	r.t.Helper()
	for _, s := range statements {
		r.queryAt(dsn, s, nil, func(func(...any) error) error { return nil })
	}
}
