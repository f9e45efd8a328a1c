package importer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/jackc/pgx/v5"
)

// legacySchema is the canonical schema.
const legacySchema = `
	create table managers (id text primary key, name text, email text);
	create table conversations (id text primary key, client_id text, client_name text, client_phone text, client_email text,
		client_avatar_url text, client_profile_url text, closed boolean, source_external_id text);
	create table messages (conversation_id text, id text, seq bigint, sent_at timestamptz, direction text, manager_id text,
		author_id text, author_name text, kind text, text text, media_url text, file_name text, file_size bigint, media_duration integer,
		latitude double precision, longitude double precision, contact_name text, contact_phone text, sticker_id text, reply_to_id text,
		skip_reason text, primary key (conversation_id, id))`

// legacy makes a small legacy database with a canonical schema: conversations c1,
// c2, … of a client each, with that many messages, a second apart.
func legacy(t testing.TB, sizes ...int) string {
	t.Helper()
	dsn := pgtest.Template(t, "legacy", legacyTemplate)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	exec := func(sql string, args ...any) {
		if _, err := conn.Exec(ctx, sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range sizes {
		c := fmt.Sprintf("c%d", i+1)
		exec(`insert into conversations (id, client_id, client_name, client_phone) values ($1, $2, $3, $4)`,
			c, "p"+c, "Client of "+c, fmt.Sprintf("+7912000%04d", i+1))
		exec(`insert into messages (conversation_id, id, sent_at, direction, manager_id, kind, text)
			select $1, 'm' || g, timestamptz '2021-03-01 10:00+00' + g * interval '1 second',
				case when g % 2 = 0 then 'out' else 'in' end, case when g % 2 = 0 then 'm1' end, 'text', 'text ' || g
			from generate_series(1, $2::int) g`, c, n)
	}
	return dsn
}

// legacyTemplate makes a legacy database with a manager and no conversations.
func legacyTemplate(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, legacySchema+`; insert into managers values ('m1', 'Anna', 'anna@example.com')`)
	return err
}

// TestAnswersLost loses requests and answers in every way there is, over and over.
func TestAnswersLost(t *testing.T) {
	t.Parallel()
	for _, repeated := range []sandbox.RepeatedMsgID{sandbox.SameID, sandbox.NewID, sandbox.StoredTwice, sandbox.BadRequest} {
		t.Run(string(repeated), func(t *testing.T) {
			t.Parallel()
			faults := []sandbox.Fault{}
			for i, kind := range []sandbox.EffectKind{sandbox.CutAfterApply, sandbox.DropBeforeApply, sandbox.StatusAfterApply, sandbox.Status, sandbox.Garbage, sandbox.Truncated} {
				faults = append(faults, sandbox.Fault{Name: string(kind), API: sandbox.Amojo, Method: "POST", Every: 13 + 2*i, Effect: sandbox.Effect{Kind: kind, Code: 502}})
			}
			r := newRig(t, legacy(t, 40, 30, 20, 10, 5, 5), sandbox.Options{RepeatedMsgID: repeated,
				VisibilityLag: sandbox.Lag{Min: 0, Max: 100 * time.Millisecond}, Faults: faults})
			if err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.complete()
			if s := r.snapshot().Messages; s.Sent != 110 {
				t.Errorf("%+v", s)
			}
			if f := r.progress.Figures(); f.Doubts < 15 {
				t.Errorf("only %d doubts: the test does not test", f.Doubts)
			}
			for name, hits := range r.world.Counters().Faults {
				if hits == 0 {
					t.Errorf("fault %s never hit", name)
				}
			}
		})
	}
}

// TestPoison: a message that always gets a 500 is parked when others get through,
// and its conversation goes on.
func TestPoison(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 10, 400), sandbox.Options{Faults: []sandbox.Fault{
		{Name: "poison", API: sandbox.Amojo, Method: "POST", Contains: `"imp1-c1-m4"`, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 500}}}})
	r.options.SettleTime = 50 * time.Millisecond
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.complete()
	if got := r.messages("c1")["m4"]; got.outcome != "parked" || got.reason != string(outcome.ServerError) {
		t.Errorf("m4 is %+v", got)
	}
	if s := r.snapshot().Messages; s.Sent != 409 || s.Parked != 1 {
		t.Errorf("%+v", s)
	}
	// Only rounds in which others got through count.
	if hits := r.world.Counters().Faults["poison"]; hits < 5 || hits > 10 {
		t.Errorf("the message was tried %d times, want 5 or few more", hits)
	}
}

// TestRejected: a refused message is parked with the server's code, the rest goes on.
func TestRejected(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 5), sandbox.Options{Faults: []sandbox.Fault{
		{Name: "no", API: sandbox.Amojo, Method: "POST", Contains: `"imp1-c1-m3"`, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 400}}}})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.complete()
	if got := r.messages("c1")["m3"]; got.outcome != "parked" || got.reason != string(outcome.Rejected) {
		t.Errorf("m3 is %+v", got)
	}
}

// TestMappingIsWrong: when much is refused, the run stops and says what to look at.
func TestMappingIsWrong(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 1000), sandbox.Options{Faults: []sandbox.Fault{
		{Name: "no", API: sandbox.Amojo, Method: "POST", Contains: `"ref_id"`, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 400}}}})
	err := r.run(t.Context())
	var mapping *importer.MappingError
	if !errors.As(err, &mapping) {
		t.Fatalf("the run ended with %v", err)
	}
	if tried := mapping.Tried; tried < 200 || tried > 210 {
		t.Errorf("it stopped after %d messages", tried)
	}
}

// TestStopAndResume stops a run again and again; a clean stop leaves no doubt.
func TestStopAndResume(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 60, 50, 40, 30), sandbox.Options{Latency: sandbox.Lag{Min: 2 * time.Millisecond, Max: 5 * time.Millisecond}})
	stops := 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		stopAt := r.world.Counters().Messages + 30
		r.base = stopWhen(func() bool { return r.world.Counters().Messages >= stopAt }, cancel)
		err := r.run(ctx)
		cancel()
		if f := r.progress.Figures(); f.Resumed != 0 {
			t.Errorf("run %d resumed with %d doubts", stops, f.Resumed)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if s := r.snapshot(); s.InDoubt != 0 {
			t.Errorf("a clean stop left %d doubts", s.InDoubt)
		}
		stops++
	}
	if stops < 4 {
		t.Errorf("only %d stops", stops)
	}
	r.complete()
	if s := r.snapshot().Messages; s.Sent != 180 {
		t.Errorf("%+v", s)
	}
}
