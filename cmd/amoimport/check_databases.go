package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/source"
	"github.com/jackc/pgx/v5"
)

// legacy is what check learned of the legacy database.
type legacy struct {
	fits         bool // the queries can be used
	cost         source.Cost
	managers     []source.Manager
	managersRead bool
	sources      []string // source_external_id of conversations
}

// source looks at the legacy database and the three queries.
func (l *checklist) source(ctx context.Context, cfg *config.Config) (found legacy) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	const check, queries = "legacy database", "legacy queries"
	db, err := openSource(ctx, cfg)
	if err != nil {
		l.fail(check, err)
		return found
	}
	defer db.Close()
	server, err := db.Server(ctx)
	if err != nil {
		l.fail(check, err)
		return found
	}
	l.ok(check, "Postgres %s, database %s, role %s; it is only read", server.Version, server.Database, server.Role)
	if server.Writable > 0 {
		l.warn(check, "A role that can only select is safer; docs/privacy.md has the statements.",
			"the role could write to %s; amoimport never does", plural(server.Writable, "table", "tables"))
	}
	if server.Replica {
		l.warn(check, "Nothing is to be done; with hot_standby_feedback on, or a longer max_standby_streaming_delay, it goes faster.",
			"it is a replica: long queries may be cancelled by replication, and are repeated")
	}
	var unfit *source.ContractError
	err = db.Check(ctx)
	if errors.As(err, &unfit) {
		for _, d := range unfit.Differences {
			l.lines = append(l.lines, checked{queries, failed, oneLine(d.String()), oneLine(d.Hint)})
		}
		return found
	}
	if err != nil {
		l.fail(queries, err)
		return found
	}
	if found.cost, err = db.Cost(ctx); err != nil {
		l.fail(queries, err)
		return found
	}
	said := fmt.Sprintf("they fit the contract: some %s in %s as the planner guesses", plural(found.cost.Messages, "message", "messages"),
		plural(found.cost.Conversations, "conversation", "conversations"))
	if p := found.cost.Page; p > 0 {
		said += fmt.Sprintf("; reading one message took %s", p.Round(100*time.Microsecond))
	}
	l.ok(queries, "%s", said)
	for _, w := range found.cost.Warnings {
		l.warn(queries, w.Hint, "%s", w.String())
	}
	found.fits = true
	if found.managers, err = db.Managers(ctx); err != nil {
		l.fail("managers", err)
	}
	found.managersRead = err == nil
	if found.sources, err = db.ExternalSources(ctx); err != nil {
		l.warn("sources", "Look whether the account has all sources that the conversations name.", "not looked at: %s", oneLine(err.Error()))
	}
	return found
}

// place is what check learned of the ledger. db is nil where there is none to ask.
type place struct {
	db     *ledger.Ledger
	exists bool
}

const (
	// oldestPostgres is the oldest version that is maintained by its makers.
	oldestPostgres = 130000
	// ledgerRow is about what a message takes in the ledger, with its indexes, in bytes: as
	// measured once 20,000 of 2,000 conversations were sent.
	ledgerRow = 700
)

// ledger looks at the database of the ledger.
func (l *checklist) ledger(ctx context.Context, cfg *config.Config, legacy legacy) (found place) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	const check = "ledger"
	db, err := ledger.Connect(ctx, ledgerAt(cfg, nil))
	if err != nil {
		l.fail(check, err)
		return found
	}
	p, err := db.Place(ctx)
	if err != nil {
		db.Close()
		l.fail(check, err)
		return found
	}
	found = place{db: db, exists: p.Exists}
	if err := unfit(cfg, p); err != nil {
		l.fail(check, err)
	} else {
		l.ok(check, "Postgres %s, database %s, role %s", p.Version, p.Database, p.Role)
	}
	if p.VersionNumber < oldestPostgres {
		l.warn(check, "Use Postgres 13 or newer for the ledger.", "Postgres %s is not tried", p.Version)
	}
	if !p.Exists || l.state(ctx, cfg, db) == 0 {
		l.room(cfg, p, legacy)
	}
	return found
}

// unfit says why a ledger cannot be in a place, if it cannot.
func unfit(cfg *config.Config, p ledger.Place) error {
	schema := pgx.Identifier{cfg.Ledger.Schema}.Sanitize()
	said := fmt.Sprintf("the ledger's database: Postgres %s, database %s, role %s", p.Version, p.Database, p.Role)
	switch {
	case p.ReadOnly:
		return &fault{problem: said + ": the server is a replica, or set to be read only", hint: "Use a database that can be written to."}
	case p.MayCreate:
		return nil
	}
	hint := fmt.Sprintf("grant create on database %s to %s;", pgx.Identifier{p.Database}.Sanitize(), pgx.Identifier{p.Role}.Sanitize())
	if p.Exists {
		hint = fmt.Sprintf("grant usage, create on schema %s to %s; and make it the owner of what is in it.", schema, pgx.Identifier{p.Role}.Sanitize())
	}
	return &fault{problem: fmt.Sprintf("%s: the role may not create what belongs into the schema %s", said, schema), hint: hint}
}

// state tells of the ledger that there is, and how many messages it knows.
func (l *checklist) state(ctx context.Context, cfg *config.Config, db *ledger.Ledger) (known int64) {
	const check = "ledger"
	s, err := readState(ctx, db, cfg)
	if err != nil {
		l.fail(check, err)
		return 0
	}
	r, err := newStatusReport(s, cfg.Run.LeaseTime, time.Now())
	if err != nil {
		l.fail(check, err)
		return 0
	}
	known = s.Messages.Total
	if known == 0 {
		l.ok(check, "knows no message yet")
	} else {
		l.ok(check, "knows %s of %s, %d of them sent", plural(known, "message", "messages"), s.Setup.SourceName, s.Messages.Sent)
	}
	if r.Running {
		l.warn(check, "Nothing is to be done; a second run would end with exit code 4.", "a run is going on: process %d on %s", r.Holder.PID, r.Holder.Host)
	}
	return known
}

// room compares what the ledger will take with what its disk has, where that can be
// seen.
func (l *checklist) room(cfg *config.Config, p ledger.Place, legacy legacy) {
	const check = "ledger's disk"
	need := legacy.cost.Messages * ledgerRow
	if !legacy.fits {
		return
	}
	free, seen := int64(0), false
	if p.Folder != "" && p.Local && onThisMachine(string(cfg.Ledger.DSN)) {
		free, seen = freeSpace(p.Folder)
	}
	const mega = 1 << 20
	switch {
	case !seen:
		l.ok(check, "the ledger will take some %d MB; how much its server has cannot be seen from here", need/mega+1)
	case free < 2*need:
		l.warn(check, "Make room, or put the ledger elsewhere; a run whose ledger is full waits, and nothing is lost.",
			"the ledger will take some %d MB, and its disk has %d MB free", need/mega+1, free/mega)
	default:
		l.ok(check, "the ledger will take some %d MB, and its disk has %d MB free", need/mega+1, free/mega)
	}
}

// onThisMachine says whether a DSN leads to a socket or to the loopback address.
func onThisMachine(dsn string) bool {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return false
	}
	return strings.HasPrefix(cfg.Host, "/") || cfg.Host == "localhost" || net.ParseIP(cfg.Host).IsLoopback()
}
