package importer_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
)

// fullDisk lets every change of some of the ledger's tables fail, as Postgres does
// when its disk is full, while the table full_disk says so.
func (r *rig) fullDisk(tables string) {
	r.t.Helper()
	r.exec(`create table full_disk (yes boolean)`, `insert into full_disk values (false)`,
		`create function extend() returns trigger language plpgsql as $$ begin
			if (select yes from full_disk) then
				raise exception 'could not extend file: No space left on device' using errcode = '53100';
			end if;
			return null; end $$`,
		`do $$ declare name text; begin
			for name in select table_name from information_schema.tables where table_schema = 'amoimport' and table_name `+tables+` loop
				execute format('create trigger extend before insert or update or delete or truncate on amoimport.%I execute function extend()', name);
			end loop; end $$`)
}

// TestNoSpace: while there is no space for the ledger, nothing is sent whose outcome
// could not be recorded; when there is, the run goes on by itself.
func TestNoSpace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at     string // in a request; "": from the beginning
		tables string
	}{
		"enrolling":              {"", "<> 'lease'"},
		"preparing":              {`"custom_fields_values"`, "<> 'lease'"},
		"sending":                {`"imp1-c1-m4"`, "<> 'lease'"},
		"sending, not even beat": {`"imp1-c1-m4"`, "<> ''"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, legacy(t, 12, 9, 9, 6, 6, 6, 6, 6), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice}, func(t *testing.T, r *rig) {
				r.fullDisk(c.tables)
				var once sync.Once
				var began time.Time
				begin := func() {
					began = time.Now()
					r.query(`update full_disk set yes = true`, nil, nil)
					time.AfterFunc(time.Hour, func() { r.query(`update full_disk set yes = false`, nil, nil) })
				}
				if c.at == "" {
					begin()
				}
				messages := 0
				r.on(func(req *http.Request) *http.Response {
					if c.at != "" && strings.Contains(bodyOf(req), c.at) {
						once.Do(begin)
					}
					if passed := time.Since(began); isMessage(req) && !began.IsZero() && passed > 6*time.Second && passed < time.Hour {
						messages++
					}
					return nil
				})
				r.mustRun()
				if s := r.snapshot().Messages; s.Sent != 60 {
					t.Errorf("%+v", s)
				}
				if took := time.Since(began); took < time.Hour || took > time.Hour+5*time.Minute {
					t.Errorf("it went on %s after an hour without space began", took)
				}
				if messages > 0 {
					t.Errorf("%d messages were sent of which nothing could be recorded", messages)
				}
			})
		})
	}
}

// TestReasonPostgresRefuses: a server refuses a message with words that Postgres
// cannot store, or does not want to. The message is parked, all others go on.
func TestReasonPostgresRefuses(t *testing.T) {
	t.Parallel()
	const words = `{"error_code":400,"error_type":"bad\u0000type","error_description":"no \ud800 \u0000 ` + "\xff\xfe" + `"}`
	for name, c := range map[string]struct {
		refuse string // what Postgres refuses besides
		reason outcome.Code
	}{
		"odd bytes":  {"", outcome.Rejected},
		"class 22":   {"22021", outcome.LedgerRefused},
		"constraint": {"23514", outcome.LedgerRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 8, 40, 40), sandbox.Options{Faults: []sandbox.Fault{{API: sandbox.Amojo, Method: "POST", Contains: `"imp1-c1-m3"`,
				Effect: sandbox.Effect{Kind: sandbox.Status, Code: 400, Body: words + strings.Repeat(" ", 1000)}}}})
			if c.refuse != "" {
				r.exec(`create function picky() returns trigger language plpgsql as $$ begin
						if new.detail is not null then raise exception 'not this' using errcode = '`+c.refuse+`'; end if;
						return new; end $$`,
					`create trigger picky before update on amoimport.message for each row execute function picky()`)
			}
			r.mustRun()
			if got := r.messages("c1")["m3"]; got.outcome != "parked" || got.reason != string(c.reason) {
				t.Errorf("m3 is %+v", got)
			}
			if s := r.snapshot().Messages; s.Sent != 87 || s.Parked != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}
