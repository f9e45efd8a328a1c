package importer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
)

// answer is an answer made up on the way.
func answer(req *http.Request, code int, body string) *http.Response {
	return &http.Response{StatusCode: code, Status: fmt.Sprint(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader([]byte(body))), Request: req}
}

// on puts a hook on every request: nil goes on to the sandbox.
func (r *rig) on(hook func(*http.Request) *http.Response) {
	r.base = func(base http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			if resp := hook(req); resp != nil {
				return resp, nil
			}
			return base.RoundTrip(req)
		})
	}
}

func isMessage(req *http.Request) bool {
	return req.Method == http.MethodPost && strings.Contains(bodyOf(req), `"new_message"`)
}

func (r *rig) runFor(d time.Duration) (error, bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), d)
	defer cancel()
	err := r.run(ctx)
	return err, ctx.Err() != nil
}

// TestPostsOut: POSTs answer 503 for two seconds while reading works. That
// is an outage: nothing may be parked.
func TestPostsOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 60, 60, 60, 60, 60, 60, 60, 60), sandbox.Options{})
	r.options.SettleTime = 50 * time.Millisecond
	var n atomic.Int64
	var from atomic.Pointer[time.Time]
	r.on(func(req *http.Request) *http.Response {
		if !isMessage(req) || n.Add(1) < 100 {
			return nil
		}
		now := time.Now()
		from.CompareAndSwap(nil, &now)
		if time.Since(*from.Load()) < 2*time.Second {
			return answer(req, 503, "")
		}
		return nil
	})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := r.snapshot(); s.Messages.Parked != 0 {
		t.Errorf("an outage of 2 s parked %+v", s.Reasons)
	}
}

// TestPoisonContact: creating one person's contact always gets a 500.
func TestPoisonContact(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3, 3, 3), sandbox.Options{Faults: []sandbox.Fault{
		{API: sandbox.APIv4, Method: "POST", Path: contactsPath, Contains: "Client of c2", Effect: sandbox.Effect{Kind: sandbox.Status, Code: 500}}}})
	r.options.SettleTime = 50 * time.Millisecond
	err, hung := r.runFor(15 * time.Second)
	if hung {
		t.Errorf("after 15 s and hundreds of settle times it still runs (%v); sent %d of 9", err, r.snapshot().Messages.Sent)
	}
}

// TestListingNotNewestFirst: the account does not list the newest contact
// first. The run must say so, not read again for ever.
func TestListingNotNewestFirst(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 1, 1), sandbox.Options{}, func(t *testing.T, r *rig) {
		r.mustRun()
		r.legacyExec(`insert into conversations (id, client_id, client_name) values ('c9', 'p9', 'Nine')`,
			`insert into messages (conversation_id, id, sent_at, direction, text) values ('c9', 'first', '2022-01-01+00', 'in', 'new')`)
		r.on(func(req *http.Request) *http.Response {
			if req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/contacts") {
				q := req.URL.Query()
				q.Del("order[id]")
				req.URL.RawQuery = q.Encode()
			}
			return nil
		})
		if err, hung := r.runFor(time.Hour); hung || err == nil {
			t.Errorf("it reads again for ever, without a word: %v", err)
		}
	})
}

// TestStagingLost: Postgres crashed after the keys were staged; unlogged
// tables are empty afterwards. No row may count as deleted.
func TestStagingLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 5, 5), sandbox.Options{})
	r.exec(`create sequence amoimport.once`,
		`create function amoimport.crash() returns trigger language plpgsql as $$ begin
			if nextval('amoimport.once') = 1 then delete from amoimport.enrol_key; end if; return null; end $$`,
		`create trigger crash after insert on amoimport.conversation for each statement execute function amoimport.crash()`)
	if err := r.run(t.Context()); err != nil {
		t.Logf("the run ended with %v", err)
		return
	}
	if s := r.snapshot().Messages; s.Total != 10 {
		t.Errorf("the run says done, and the ledger holds %+v of 10 rows", s)
	}
}

// TestStagingLostLate: the same in a second run: what waits is skipped as
// deleted and what was sent counts as deleted.
func TestStagingLostLate(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 5, 5), sandbox.Options{})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.exec(`update amoimport.message set outcome = 'planned', sent_hash = null, parts_sent = 0, msgid = msgid || 'x' where id = 'm5'`, // as if never sent
		`create sequence amoimport.once`,
		`create function amoimport.crash() returns trigger language plpgsql as $$ begin
			if nextval('amoimport.once') = 1 then delete from amoimport.enrol_key; end if; return null; end $$`,
		`create trigger crash after insert on amoimport.conversation for each statement execute function amoimport.crash()`)
	r.legacyExec(`insert into conversations (id, client_id, client_name) values ('c9', 'p9', 'Nine')`)
	if err := r.run(t.Context()); err != nil {
		t.Logf("the run ended with %v", err)
		return
	}
	s := r.snapshot()
	if s.Vanished != 0 || s.Messages.Skipped != 0 {
		t.Errorf("vanished %d, %+v %+v", s.Vanished, s.Messages, s.Reasons)
	}
}

// TestRetrySplices: m3 arrived, but could not be proved and was parked. It
// is reworded and retried: its old text must not be followed by parts of the new.
func TestRetrySplices(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 6), sandbox.Options{Faults: []sandbox.Fault{lose(`"imp1-c1-m3"`, sandbox.CutAfterApply)}})
	r.options.SettleTime = 50 * time.Millisecond
	var blind atomic.Bool
	blind.Store(true)
	r.on(func(req *http.Request) *http.Response {
		if blind.Load() && strings.HasSuffix(req.URL.Path, "/history") {
			return answer(req, 204, "")
		}
		return nil
	})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.messages("c1")["m3"]; got.reason != string(outcome.InDoubt) {
		t.Fatalf("m3 is %+v: the test does not test", got)
	}
	blind.Store(false)
	r.exec(`update amoimport.message set outcome = 'planned' where id = 'm3'`) // parked retry
	r.legacyExec(`update messages set text = repeat('word ', 2000) where id = 'm3'`)
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	chat, _ := r.world.Chat("imp1-c1")
	var got []string
	for _, m := range chat.Messages {
		if strings.HasPrefix(m.MsgID, "imp1-c1-m3") {
			got = append(got, fmt.Sprintf("%s: %.10q", m.MsgID, m.Text))
		}
	}
	if len(got) != 1 {
		t.Errorf("the chat holds %q", got)
	}
	r.options.MaxChanged = 1
	r.resume(0)
	if s := r.snapshot(); s.Edited != 1 {
		t.Errorf("%d edits are told", s.Edited)
	}
}

// TestOutageIsNoDelay: a message that was there at once, but could not be
// looked for during an outage, is not one that took that long to show.
func TestOutageIsNoDelay(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 6), sandbox.Options{Faults: []sandbox.Fault{lose(`"imp1-c1-m3"`, sandbox.CutAfterApply)}})
	var from atomic.Pointer[time.Time]
	var empty atomic.Bool
	r.on(func(req *http.Request) *http.Response {
		switch {
		case isMessage(req) && strings.Contains(bodyOf(req), `"imp1-c1-m3"`):
			now := time.Now()
			from.Store(&now)
		case from.Load() != nil && strings.HasSuffix(req.URL.Path, "/history"):
			if time.Since(*from.Load()) < 3*time.Second {
				return answer(req, 503, "")
			}
			if empty.CompareAndSwap(false, true) { // it comes back a little behind
				return answer(req, 204, "")
			}
		}
		return nil
	})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.query(`select value::bigint from amoimport.learned where name = 'visibility_delay'`, nil, func(scan func(...any) error) error {
		var ns int64
		err := scan(&ns)
		if d := time.Duration(ns); d > time.Second {
			t.Errorf("learned for ever that messages take %v to show: every settle time is now %v (10 h after an outage of 5 h)", d, 2*d)
		}
		return err
	})
}

// TestRefusedBatchNamesNobody: one contact is refused, in an answer that
// does not say which of the batch.
func TestRefusedBatchNamesNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3, 3, 3), sandbox.Options{Faults: []sandbox.Fault{
		{API: sandbox.APIv4, Method: "POST", Path: contactsPath, Contains: "Client of c2", Effect: sandbox.Effect{Kind: sandbox.Status, Code: 400, Body: `{"title":"Bad Request","status":400,"detail":"no"}`}}}})
	if err := r.run(t.Context()); err != nil {
		t.Fatalf("one bad contact stops the whole run, every time: %v", err)
	}
	if s := r.snapshot().Messages; s.Sent != 6 {
		t.Errorf("%+v", s)
	}
}

// TestIndexIsNotAPerson: an answer that names the guilty one by its index
// must not park the person whose number in the ledger happens to be that.
func TestIndexIsNotAPerson(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 9, 8, 7, 6), sandbox.Options{})
	r.on(func(req *http.Request) *http.Response {
		body := bodyOf(req)
		if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/contacts") || !strings.Contains(body, "Client of c3") {
			return nil
		}
		index := 0
		for i, one := range regexp.MustCompile(`"Client of c\d"`).FindAllString(body, -1) {
			if one == `"Client of c3"` {
				index = i
			}
		}
		return answer(req, 400, fmt.Sprintf(`{"validation-errors":[{"request_id":"%d","errors":[{"code":"Bad","path":"name","detail":"x"}]}],"title":"Bad Request","status":400}`, index))
	})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for c, want := range map[string]string{"c1": "sent", "c2": "sent", "c3": "parked", "c4": "sent"} {
		for id, m := range r.messages(source.ConversationID(c)) {
			if m.outcome != want {
				t.Errorf("%s/%s is %s (%s), want %s", c, id, m.outcome, m.reason, want)
				break
			}
		}
	}
}

// TestRenamedInDoubt: a crash left the creation of contacts in doubt; the
// legacy names changed before the next run.
func TestRenamedInDoubt(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3, 2, 2), sandbox.Options{ContactSearchLag: time.Hour, Faults: []sandbox.Fault{
		{API: sandbox.APIv4, Method: "POST", Path: contactsPath, Times: 1, Effect: sandbox.Effect{Kind: sandbox.CutAfterApply}}}})
	r.crashAt(`"custom_fields_values"`)
	if err := r.run(t.Context()); !errors.Is(err, ledger.ErrLeaseLost) {
		t.Fatal(err)
	}
	r.base = nil
	r.legacyExec(`update conversations set client_name = client_name || ' (VIP)'`)
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(r.world.Snapshot().Contacts); n != 3 {
		t.Errorf("%d contacts for 3 people", n)
	}
}

// TestOneLane: with one lane, a conversation that settled a doubt goes on
// while another is still being prepared.
func TestOneLane(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 1), sandbox.Options{Faults: []sandbox.Fault{lose(`"imp1-c1-x2"`, sandbox.DropBeforeApply)}})
	r.options.Lanes = 1
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.legacyExec(`insert into messages (conversation_id, id, sent_at, direction, text)
		select 'c1', 'x' || g, timestamptz '2022-01-01+00' + g * interval '1 second', 'in', 'x' from generate_series(1, 5) g`,
		`insert into conversations (id, client_id, client_name) values ('c9', 'p9', 'Nine')`,
		`insert into messages (conversation_id, id, sent_at, direction, text) values ('c9', 'first', '2022-01-01+00', 'in', 'new')`)
	r.on(func(req *http.Request) *http.Response {
		if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/contacts/chats") {
			return answer(req, 503, "")
		}
		return nil
	})
	_, _ = r.runFor(8 * time.Second)
	if m := r.messages("c1"); m["x5"].outcome != "sent" {
		t.Errorf("8 s later x5 is %+v: the lane waits for a slot that nobody uses", m["x5"])
	}
}

// TestLedgerRestartsInEnrol: the ledger's Postgres ends the connection of
// the staging copy once.
func TestLedgerRestartsInEnrol(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 5), sandbox.Options{})
	r.exec(`create sequence amoimport.once`,
		`create function amoimport.cut() returns trigger language plpgsql as $$ begin
			if nextval('amoimport.once') = 1 then perform pg_terminate_backend(pg_backend_pid()); end if; return new; end $$`,
		`create trigger cut before insert on amoimport.enrol_key for each row execute function amoimport.cut()`)
	if err := r.run(t.Context()); err != nil {
		t.Errorf("a restart of the ledger's Postgres ends the run: %v", err)
	}
}

// TestVanishedKeepsItsTime: a row deleted after it was sent keeps the time
// at which it was sent.
func TestVanishedKeepsItsTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3), sandbox.Options{})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := func() (at time.Time) {
		r.query(`select settled_at from amoimport.message where id = 'm1'`, nil, func(scan func(...any) error) error { return scan(&at) })
		return at
	}
	before := at()
	r.legacyExec(`delete from messages where id = 'm1'`)
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !at().Equal(before) {
		t.Errorf("m1, sent at %v, is now settled at %v, and so counts as sent late", before, at())
	}
}

// TestOneLookStopsEarly: m51 was refused and yet applied. It is retried;
// the history lists the oldest first, so it is on the second page.
func TestOneLookStopsEarly(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 51), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, HistoryOrder: sandbox.OldestFirst, Faults: []sandbox.Fault{
		{API: sandbox.Amojo, Method: "POST", Contains: `"imp1-c1-m51"`, Times: 1, Effect: sandbox.Effect{Kind: sandbox.StatusAfterApply, Code: 400}}}})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.exec(`update amoimport.message set outcome = 'planned' where id = 'm51'`) // parked retry
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.complete()
}

// TestUnknownAnswer: an answer that says neither yes nor no stops the run;
// the request may have been applied all the same, so the next run must look.
func TestUnknownAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 5), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, Faults: []sandbox.Fault{
		{API: sandbox.Amojo, Method: "POST", Contains: `"imp1-c1-m3"`, Times: 1, Effect: sandbox.Effect{Kind: sandbox.StatusAfterApply, Code: 408}}}})
	for range 3 {
		err := r.run(t.Context())
		if err == nil {
			break
		}
		t.Logf("the run ended with %v", err)
	}
	r.complete()
}

// TestReadOfOneChat: one chat's link cannot be read (404): that is the
// conversation's reason, not the end of the run.
func TestReadOfOneChat(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3, 3), sandbox.Options{})
	var bad atomic.Pointer[string]
	r.on(func(req *http.Request) *http.Response {
		if req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/contacts/chats") {
			chat := req.URL.Query().Get("chat_id")
			bad.CompareAndSwap(nil, &chat)
			if chat == *bad.Load() {
				return answer(req, 404, `{"title":"Not Found","status":404,"detail":"no"}`)
			}
		}
		return nil
	})
	if err := r.run(t.Context()); err != nil {
		t.Errorf("one chat stops the whole run, every time: %v", err)
	}
}

// TestSharedPhone: a phone that many clients share finds nobody's contact,
// also when a client has it in one conversation only.
func TestSharedPhone(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 1), sandbox.Options{})
	r.legacyExec(
		`insert into conversations (id, client_id, client_name, client_phone) select 's' || g, 's' || g, 'Sharer ' || g, '+79990000003' from generate_series(1, 8) g`,
		`insert into messages (conversation_id, id, sent_at, direction, text) select 's' || g, 'first', '2022-01-01+00', 'in', 'new' from generate_series(1, 8) g`)
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.legacyExec(
		`insert into conversations (id, client_id, client_name, client_phone) select 'own' || g, 'x' || g, 'X ' || g, '+7988000000' || g from generate_series(1, 6) g`,
		`insert into conversations (id, client_id, client_name, client_phone) select 'office' || g, 'x' || g, 'X ' || g, '+79990000003' from generate_series(1, 6) g`,
		`insert into messages (conversation_id, id, sent_at, direction, text) select c.id, g::text, '2022-01-01+00', 'in', 'new' from conversations c, generate_series(1, 4) g where id like 'office%'`,
		`insert into messages (conversation_id, id, sent_at, direction, text) select c.id, '1', '2022-01-01+00', 'in', 'new' from conversations c where id like 'own%'`)
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.query(`select count(*), count(distinct contact_id) from amoimport.person where contact_id is not null`, nil, func(scan func(...any) error) error {
		var people, contacts int
		err := scan(&people, &contacts)
		if people != contacts {
			t.Errorf("%d people, none of whom shares a phone that may be used, got %d contacts", people, contacts)
		}
		return err
	})
}

// TestAnnouncedIsRefused: the newest message is refused; the chat is
// announced with the next newest that comes.
func TestAnnouncedIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 5), sandbox.Options{Faults: []sandbox.Fault{
		{API: sandbox.Amojo, Method: "POST", Contains: `"imp1-c1-m5"`, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 400}}}})
	r.options.Announce = "last"
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.legacyExec(`insert into messages (conversation_id, id, sent_at, direction, text) values ('c1', 'new', '2022-01-01+00', 'in', 'new')`)
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	loud := 0
	for _, chat := range r.world.Snapshot().Chats {
		for _, m := range chat.Messages {
			if !m.Silent {
				loud++
			}
		}
	}
	if loud != 1 {
		t.Errorf("%d messages of the chat were not silent, want 1", loud)
	}
}

// TestNulInAmojoID: amojo's id of a first part cannot be stored; after a
// crash in the second the message goes on.
func TestNulInAmojoID(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 3), sandbox.Options{Faults: []sandbox.Fault{lose(`"imp1-c1-m2_p2"`, sandbox.CutAfterApply)}})
	r.legacyExec(`update messages set text = repeat('word ', 3000) where id = 'm2'`)
	r.crashAt(`"imp1-c1-m2_p2"`)
	crash := r.base
	r.base = func(base http.RoundTripper) http.RoundTripper {
		next := crash(base)
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err == nil && isMessage(req) && strings.Contains(bodyOf(req), `"imp1-c1-m2"`) {
				return answer(req, 200, `{"new_message":{"msgid":"a\u0000b","ref_id":"imp1-c1-m2"}}`), nil
			}
			return resp, err
		})
	}
	r.crash()
	defer func() {
		if v := recover(); v != nil {
			t.Errorf("the next run, and every one after it, panics: %.100v", v)
		}
	}()
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.complete()
}

// TestRetryWhileRunning: a parked message is set back to planned while the
// run goes on; the run picks it up before it says that it is done.
func TestRetryWhileRunning(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 8), sandbox.Options{Faults: []sandbox.Fault{
		{API: sandbox.Amojo, Method: "POST", Contains: `"imp1-c1-m3"`, Times: 1, Effect: sandbox.Effect{Kind: sandbox.Status, Code: 400}}}})
	r.on(func(req *http.Request) *http.Response {
		if isMessage(req) && strings.Contains(bodyOf(req), `"imp1-c1-m6"`) {
			r.query(`update amoimport.message set outcome = 'planned' where id = 'm3' and outcome = 'parked'`, nil, func(func(...any) error) error { return nil })
		}
		return nil
	})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := r.snapshot().Messages; s.Planned != 0 {
		t.Errorf("the run says done, and %+v", s)
	}
}

// TestAttemptsOfAStoppedRun: a stop between two tries of a message leaves
// word of the first, so that the next run reads back before it sends.
func TestAttemptsOfAStoppedRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 5), sandbox.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var n atomic.Int64
	r.on(func(req *http.Request) *http.Response {
		if isMessage(req) && strings.Contains(bodyOf(req), `"imp1-c1-m3"`) {
			if n.Add(1) == 2 { // settled as absent once, tried again: now unauthorised
				return answer(req, 403, `{"error_type":"ORIGIN_INVALID_SIGNATURE"}`)
			}
			return answer(req, 502, "")
		}
		return nil
	})
	err := r.run(ctx)
	r.query(`select attempts from amoimport.message where id = 'm3'`, nil, func(scan func(...any) error) error {
		var attempts int
		err2 := scan(&attempts)
		if attempts == 0 {
			t.Errorf("m3 was tried %d times before the run ended (%v), and the ledger knows of none", n.Load(), err)
		}
		return err2
	})
}
