package source

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The canonical queries fit a database that was laid out for amoimport: tables
// conversations, messages and managers with the contract's own column names.
var (
	//go:embed canonical/conversations.sql
	canonicalConversations string
	//go:embed canonical/messages.sql
	canonicalMessages string
	//go:embed canonical/managers.sql
	canonicalManagers string
)

// DefaultPageBytes bounds a page of message bodies unless Options say otherwise.
const DefaultPageBytes = 4 << 20

// connectTimeout bounds one attempt to connect when the DSN sets no
// connect_timeout, so that a silent firewall is noticed.
const connectTimeout = 10 * time.Second

// Options say where the legacy database is and how to ask it.
type Options struct {
	// DSN is a Postgres URL or key=value string. Its pool_max_conns bounds the
	// connections, to two at least: a stream keeps one of them until it ends.
	DSN string

	// The texts of the three queries. Each is one select without parameters; an
	// empty one is the canonical query. A query is used as a subquery with a
	// condition on the ids around it, so that the indexes of its tables serve as
	// long as its id columns are plain columns.
	ConversationsSQL, MessagesSQL, ManagersSQL string

	// The files the texts come from, for error messages.
	ConversationsFile, MessagesFile, ManagersFile string

	// Timezone is where a sent_at without zone was written. Nil: such a column
	// is refused.
	Timezone *time.Location

	// PageBytes bounds the bodies that one call of Messages returns; 0 means
	// DefaultPageBytes.
	PageBytes int
}

// DB is the legacy database, seen through the engineer's queries. It is safe for
// concurrent use.
//
// Nothing is ever written: every statement runs in a read-only transaction of
// its own, with TimeZone UTC and DateStyle ISO, MDY, whatever the server's settings
// are. No snapshot is held between calls, and no session state is used, so a
// transaction pooler in front of the server is fine.
type DB struct {
	pool      *pgxpool.Pool
	timezone  *time.Location
	pageBytes int

	conversations, messages, managers query

	begin string        // opens every transaction; set by the first connection
	probe chan struct{} // held by the one reader that asks again during an outage

	mu     sync.Mutex
	shapes map[string]shape // what Postgres says each query returns, by table name
}

// Open connects to the legacy database. It fails at once when the server cannot
// be reached or refuses us; the queries are looked at by Check.
func Open(ctx context.Context, opts Options) (*DB, error) {
	db := &DB{
		timezone:      opts.Timezone,
		pageBytes:     opts.PageBytes,
		conversations: newQuery(conversationsTable, opts.ConversationsFile, opts.ConversationsSQL, canonicalConversations),
		messages:      newQuery(messagesTable, opts.MessagesFile, opts.MessagesSQL, canonicalMessages),
		managers:      newQuery(managersTable, opts.ManagersFile, opts.ManagersSQL, canonicalManagers),
		probe:         make(chan struct{}, 1),
		shapes:        make(map[string]shape),
	}
	if db.pageBytes <= 0 {
		db.pageBytes = DefaultPageBytes
	}
	cfg, err := pgxpool.ParseConfig(opts.DSN)
	if err != nil {
		return nil, dsnError(err)
	}
	conn := cfg.ConnConfig
	conn.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn.StatementCacheCapacity, conn.DescriptionCacheCapacity = 0, 0
	cfg.MaxConns = max(cfg.MaxConns, 2)
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTimeout
	}
	// Only parameters that poolers know: default_transaction_read_only would be
	// refused by pgbouncer, so each transaction says "read only" itself.
	conn.RuntimeParams["client_encoding"] = "UTF8"
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = "amoimport"
	}
	if db.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return nil, &Error{Op: "connect to the legacy database", Err: cleanCause(err)}
	}
	if err := db.connect(ctx); err != nil {
		db.pool.Close()
		return nil, err
	}
	return db, nil
}

// connect makes the first connection and learns the server's encoding.
func (db *DB) connect(ctx context.Context) error {
	const op = "connect to the legacy database"
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return db.failed(ctx, op, query{}, "", err)
	}
	db.begin = beginReadOnly
	// Such a server checks, rather than converts, what it sends to a UTF8
	// client, and one bad byte would fail the whole query. Take the bytes as they
	// are; decoding makes them valid.
	if conn.Conn().PgConn().ParameterStatus("server_encoding") == "SQL_ASCII" {
		db.begin += "; set local client_encoding = 'SQL_ASCII'"
	}
	conn.Release()
	if err := db.read(ctx, func(context.Context, tx) error { return nil }); err != nil {
		return db.failed(ctx, op, query{}, "", err)
	}
	return nil
}

// Close ends all connections. Reads that still run are waited for.
func (db *DB) Close() { db.pool.Close() }

// contractVersion changes when the hash of a row is computed differently.
const contractVersion = 1

// SQLDigest is a digest of the texts of the three queries, in hex. A changed
// digest means that hashes of rows may differ although the rows did not change.
func (db *DB) SQLDigest() string {
	h := sha256.New()
	fmt.Fprintf(h, "amoimport legacy contract %d\n", contractVersion)
	for _, q := range []query{db.conversations, db.messages, db.managers} {
		binary.Write(h, binary.BigEndian, int64(len(q.sql))) // a hash never fails
		h.Write([]byte(q.sql))
	}
	return hex.EncodeToString(h.Sum(nil))
}
