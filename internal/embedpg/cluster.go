package embedpg

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cluster is a Postgres that takes connections: a private one, or one that somebody else runs.
type Cluster struct {
	dsn  string
	idle chan *pgx.Conn // connections kept for the next call; nil: none are
}

// At is the cluster that a DSN points at, as a URL or as keywords and values. Its account must be allowed to create
// databases.
func At(dsn string) Cluster { return Cluster{dsn: dsn} }

// Keeping is the same cluster, but a connection serves one call after the other. It is for those who make many
// databases and never end the use of the cluster: nothing closes what is kept.
func (c Cluster) Keeping() Cluster {
	c.idle = make(chan *pgx.Conn, 4)
	return c
}

// DSN is how to connect to a database of this cluster.
func (c Cluster) DSN(database string) string {
	if !strings.HasPrefix(c.dsn, "postgres://") && !strings.HasPrefix(c.dsn, "postgresql://") {
		return c.dsn + " dbname='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(database) + "'"
	}
	u, err := url.Parse(c.dsn)
	if err != nil {
		return c.dsn // pgx says what is wrong with it, without the password
	}
	q := u.Query()
	q.Del("dbname")
	u.Path, u.RawPath, u.RawQuery = "/"+database, "", q.Encode()
	return u.String()
}

// CreateDatabase makes an empty database and returns its DSN.
func (c Cluster) CreateDatabase(ctx context.Context, name string) (dsn string, err error) {
	return c.Clone(ctx, "template1", name)
}

// Clone makes a copy of a database and returns the copy's DSN. Nobody may be connected to the template meanwhile;
// Postgres waits up to 5 s for the last one to leave.
func (c Cluster) Clone(ctx context.Context, template, name string) (dsn string, err error) {
	err = c.do(ctx, func(conn *pgx.Conn) error {
		sql := "create database " + pgx.Identifier{name}.Sanitize() + " template " + pgx.Identifier{template}.Sanitize()
		// Since version 15 there is a choice, and the default is the slower one for small databases.
		if v := numbers(conn.PgConn().ParameterStatus("server_version")); len(v) > 0 && v[0] >= 15 {
			sql += " strategy file_copy"
		}
		_, err := conn.Exec(ctx, sql)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("create database %s from %s: %w", name, template, err)
	}
	return c.DSN(name), nil
}

// DropDatabase removes a database and cuts off who is connected to it. It is no error if there is none.
func (c Cluster) DropDatabase(ctx context.Context, name string) error {
	err := c.do(ctx, func(conn *pgx.Conn) error {
		// A client that has just left is there for some milliseconds more, and meeting it would cost the
		// 100 ms that Postgres waits between two looks.
		for range 20 {
			var there int
			err := conn.QueryRow(ctx, "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = $1", name).Scan(&there)
			if err != nil {
				return err
			}
			if there == 0 {
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
		_, err := conn.Exec(ctx, "drop database if exists "+pgx.Identifier{name}.Sanitize()+" with (force)")
		return err
	})
	if err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

// do works on a connection of its own, or on a kept one.
func (c Cluster) do(ctx context.Context, work func(conn *pgx.Conn) error) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	err = work(conn)
	select {
	case c.idle <- conn:
	default:
		conn.Close(context.WithoutCancel(ctx))
	}
	return err
}

// connect takes a kept connection that still answers, or makes one.
func (c Cluster) connect(ctx context.Context) (*pgx.Conn, error) {
	for {
		select {
		case conn := <-c.idle:
			if conn.Ping(ctx) == nil {
				return conn, nil
			}
			conn.Close(context.WithoutCancel(ctx))
		default:
			return pgx.Connect(ctx, c.dsn)
		}
	}
}
