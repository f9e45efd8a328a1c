package source

import "context"

// Server is what the legacy database says of itself and of us.
type Server struct {
	Version  string // such as 15.4
	Database string
	Role     string
	Replica  bool
	// Writable is how many tables the role could write to. Nothing is ever
	// written; a role that cannot is safer still.
	Writable int64
}

// Server asks the server who it is.
func (db *DB) Server(ctx context.Context) (Server, error) {
	const sql = `select current_setting('server_version'), current_database()::text, current_user::text, pg_catalog.pg_is_in_recovery()::text,
		(select count(*) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\_%'
		and pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_table_privilege(c.oid, 'insert, update, delete, truncate'))`
	var s Server
	err := db.read(ctx, func(ctx context.Context, t tx) error {
		return t.rows(ctx, sql, nil, func(v [][]byte) error {
			s = Server{Version: string(v[0]), Database: string(v[1]), Role: string(v[2]), Replica: string(v[3]) == "true", Writable: integer(v[4])}
			return nil
		})
	})
	if err != nil {
		return s, db.failed(ctx, "ask the legacy database who it is", query{}, "", err)
	}
	return s, nil
}
