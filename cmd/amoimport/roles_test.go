package main

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/internal/demodata"
	"github.com/jackc/pgx/v5"
)

// TestRoles imports with the rights that docs/privacy.md says are enough, given by
// the very statements that it shows.
func TestRoles(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "privacy.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(shown) != 3 {
		t.Fatalf("the page shows %d pieces of SQL, not those for the reader, the ledger and the watcher", len(shown))
	}
	s := newSecrecy(t)
	s.sql(s.legacy, "drop table conversations, messages, managers")
	if err := demodata.LoadSized(t.Context(), s.legacy, 3, 20); err != nil {
		t.Fatal(err)
	}
	// Roles belong to the whole server, which others may use as well.
	suffix := "_" + strings.ToLower(rand.Text()[:8])
	roles := []string{"amoimport_reader", "amoimport_ledger", "amoimport_watcher"}
	own := func(sql string) string {
		for _, role := range roles {
			sql = strings.ReplaceAll(sql, role, role+suffix)
		}
		return sql
	}
	t.Cleanup(func() {
		for _, dsn := range []string{s.legacy, s.ledger} {
			conn, err := pgx.Connect(context.Background(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			for _, role := range roles {
				if _, err := conn.Exec(context.Background(), own("drop owned by "+role+" cascade")); err != nil {
					t.Error(err)
				}
				if dsn == s.ledger {
					if _, err := conn.Exec(context.Background(), own("drop role "+role)); err != nil {
						t.Error(err)
					}
				}
			}
			_ = conn.Close(context.Background())
		}
	})
	s.sql(s.legacy, own(shown[0][1]))
	s.sql(s.ledger, own(shown[1][1]+shown[2][1]))

	as := func(dsn, role, password string) string {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(own(role), password)
		return u.String()
	}
	reader := config.EnvSourceDSN + "=" + as(s.legacy, "amoimport_reader", "choose one")
	owner := config.EnvLedgerDSN + "=" + as(s.ledger, "amoimport_ledger", "choose another")
	s.run(exitDone, "run", "--without-dry-run", reader, owner)
	s.run(exitDone, "run", "--without-dry-run", reader, owner)
	s.run(exitDone, "status", config.EnvLedgerDSN+"="+as(s.ledger, "amoimport_watcher", "choose a third"))
	s.run(exitDone, "verify", owner)
	if n := s.world.Counters().Messages; n != 20 {
		t.Errorf("%d messages arrived of 20", n)
	}
	s.run(exitFailed, "ledger", "purge", "--yes", config.EnvLedgerDSN+"="+as(s.ledger, "amoimport_watcher", "choose a third"))
	s.run(exitDone, "ledger", "purge", "--yes", owner)
	s.run(exitDone, "ledger", "purge", "--all", "--yes", owner)
}

// TestPrivacyNamesEveryTable keeps the page about the ledger's contents complete.
func TestPrivacyNamesEveryTable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "privacy.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "migrations", "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	made := regexp.MustCompile(`create (?:unlogged )?table amoimport\.(\w+)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range made.FindAllSubmatch(text, -1) {
			if !strings.Contains(string(page), "`"+string(m[1])+"`") {
				t.Errorf("docs/privacy.md does not say what the table %s of %s holds", m[1], filepath.Base(file))
			}
		}
	}
}
