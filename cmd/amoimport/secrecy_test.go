package main

import (
	"strconv"
	"testing"
	"time"

	"github.com/amoimport/amoimport/internal/config"
)

// private is what the legacy rows of TestSecrecy hold, and pieces of it in other
// spellings.
var private = []string{
	"Zinaida", "Confidentova", "Зинаида", "Тайнова", "zina", "mail.example", "zina.conf@mail.example",
	"79123456789", "9123456789", "912 345", "345-67-89", "(912)",
	"74951234567", "495 123", "123-45-67",
	"elephant", "lavender", "слон", "passport-scan", "Grandmother", "avatars.example", "profiles.example", "files.example/", // a dry run tells hosts, and no more of a URL
	"Managerova", "boss.m@corp.example", "corp.example", "Authorson", "whispered", "75.7558", "137.6173",
}

// privateRows adds a conversation, of a client of its own, with a message of each kind.
const privateRows = `
	with given as (select count(*) as n from conversations), made as (
		insert into conversations (id, client_id, client_name, client_phone, client_email, client_avatar_url, client_profile_url)
		select 'c' || n, 'u' || n,
			case n % 2 when 0 then 'Zinaida Confidentova' else 'Зинаида Тайнова' end,
			case n when 0 then '+7 (912) 345-67-89' when 1 then '8 495 123-45-67' end,
			case n % 2 when 0 then 'zina.conf+' || n || '@mail.example' end,
			'https://avatars.example/zina.png', 'https://profiles.example/zina'
		from given returning id)
	insert into messages (conversation_id, id, sent_at, direction, manager_id, author_id, author_name, kind, text, media_url, file_name, file_size,
			latitude, longitude, contact_name, contact_phone)
	select made.id, i, timestamptz '2021-02-03 10:00:00+00' + i * interval '1 minute', m.direction, m.manager, m.author, m.author_name, m.kind, m.text,
		m.media, m.file, m.size, m.lat, m.lon, m.card, m.card_phone
	from made, (values
		(1, 'in', null, null, null, 'text', 'a purple elephant, call +7 912 345 67 89', null, null, null::bigint, null::float8, null::float8, null, null),
		(2, 'out', 'm1', null, null, 'text', 'lavender, zina.conf@mail.example?', null, null, null, null, null, null, null),
		(3, 'in', null, 'x', 'Petr Authorson', 'text', 'слон whispered', null, null, null, null, null, null, null),
		(4, 'in', null, null, null, 'file', 'passport-scan of Zinaida', 'https://files.example/passport-scan.pdf', 'passport-scan.pdf', 12, null, null, null, null),
		(5, 'in', null, null, null, 'location', null, null, null, null, 75.7558, 137.6173, null, null),
		(6, 'in', null, null, null, 'contact', null, null, null, null, null, null, 'Grandmother Confidentova', '+7 495 123-45-67'),
		(7, 'out', 'gone', null, null, 'text', 'elephant', 'ftp://files.example/zina', null, null, null, null, null, null),
		(8, 'in', null, null, null, 'picture', null, 'no url of passport-scan', null, null, null, null, null, null),
		(9, 'in', null, null, null, 'picture', null, 'http://10.0.0.7/files.example/zina.png', null, null, null, null, null, null)
	) as m (i, direction, manager, author, author_name, kind, text, media, file, size, lat, lon, card, card_phone)`

// TestSecrecy imports with secrets and people's data that are known here, from
// servers that repeat in their errors all that they were sent, and looks for any of
// it in all that is printed and all that the ledger holds.
func TestSecrecy(t *testing.T) {
	t.Parallel()
	s := newSecrecy(t)
	s.sql(s.legacy, "insert into managers values ('m1', 'Olga Managerova', 'boss.m@corp.example')")
	for range 2 {
		s.sql(s.legacy, privateRows)
	}

	s.run(exitDone, "connect")
	s.run(-1, "check")
	s.run(-1, "check", "--json")
	s.run(-1, "dry-run")
	s.run(-1, "dry-run", "--json")
	// An answer of each kind, to each kind of request, and what it makes of a run.
	for _, c := range []struct {
		path   string // end of it; "": of new_message; with a ?: of a search or of a list
		status int
		plain  bool
		code   int
	}{
		{"/contacts?", 403, false, exitFailed},
		{"/contacts?", 404, true, exitParked},
		{"/contacts", 402, false, exitFailed},
		{"/contacts", 403, false, exitFailed},
		{"/contacts", 404, true, exitFailed},
		{"/contacts", 400, false, exitParked},
		{"/chats", 404, false, exitFailed},
		{"/chats", 402, true, exitFailed},
		{"/chats", 400, false, exitParked},
		{"", 402, false, exitFailed},
		{"", 403, false, exitFailed},
		{"", 403, true, exitFailed},
		{"", 404, false, exitFailed},
		{"", 404, true, exitFailed},
		{"", 400, false, exitParked},
		{"", 413, true, exitParked},
	} {
		s.repeat(c.path, c.status, c.plain, -1)
		s.run(c.code, "run", "--without-dry-run")
		s.sql(s.legacy, privateRows)
	}
	for i, status := range []int{200, 200, 302, 401, 418, 429, 429, 500, 502} {
		s.repeat("", status, i%2 == 0, 2)
		s.run(-1, "run", "--without-dry-run")
		s.sql(s.legacy, privateRows)
	}
	s.run(-1, "run", "--without-dry-run")
	for _, m := range s.world.Snapshot().Chats[0].Messages {
		if m.MsgID != "" {
			s.world.AlterMessage(m.MsgID, "Zinaida whispered", time.Hour)
			break
		}
	}
	s.run(exitDone, "status")
	s.run(exitDone, "status", "--json")
	s.run(exitDone, "parked", "list")
	s.run(exitDone, "parked", "show", "c0", "8")
	s.run(-1, "verify")
	s.run(exitDone, "talks", "close", "--dry-run")
	s.run(exitDone, "leads", "create", "--dry-run")
	for _, c := range []struct {
		path   string
		status int
		plain  bool
		code   int
		words  []string
	}{
		{"/close", 402, false, exitFailed, []string{"talks", "close"}},
		{"/close", 403, true, exitFailed, []string{"talks", "close"}},
		{"/close", 403, false, exitParked, []string{"talks", "close"}},
		{"/close", 400, false, exitParked, []string{"talks", "close"}},
		{"/close", 404, true, exitParked, []string{"talks", "close"}},
		{"/leads", 401, false, exitFailed, []string{"leads", "create"}},
		{"/leads", 403, true, exitFailed, []string{"leads", "create"}},
		{"/leads", 400, false, -1, []string{"leads", "create"}},
		{"/leads", 422, true, -1, []string{"leads", "create"}},
	} {
		s.repeat(c.path, c.status, c.plain, -1)
		s.run(c.code, c.words...)
	}
	s.repeat("/close", 500, true, 1)
	s.run(exitDone, "talks", "close")
	s.repeat("/leads", 500, true, 1)
	s.run(exitDone, "leads", "create")
	s.run(exitDone, "talks", "show", strconv.Itoa(s.world.Snapshot().Talks[0].ID))
	s.run(-1, "verify", "--json", "--sample", "50%")
	s.run(exitDone, "report")
	s.run(exitDone, "report", "--json")
	if n := s.world.Counters().Messages; n < 40 {
		t.Errorf("only %d messages arrived: the test does not test", n)
	}

	// What is wrong with the access says so without saying what it is.
	for name, wrong := range map[string]string{
		config.EnvToken:         "wrong-" + s.token,
		config.EnvChannelSecret: "wrong" + s.secret,
		config.EnvSourceDSN:     "postgres://u:legacy-pass-4711@/x?host=%2Fnowhere",
		config.EnvLedgerDSN:     "postgres://u:ledger-pass-4712@/x?host=%2Fnowhere",
	} {
		s.run(exitFailed, "run", "--without-dry-run", name+"="+wrong)
		s.run(exitFailed, "check", name+"="+wrong)
		s.run(exitFailed, "dry-run", name+"="+wrong)
	}
	for _, name := range []string{config.EnvSourceDSN, config.EnvLedgerDSN} {
		s.run(-1, "run", "--without-dry-run", name+"=postgres://elephant:lavender-password@[::1")
	}

	// The legacy database fails over a row.
	s.sql(s.legacy, "alter table messages alter column direction type text using case when id = '1' then 'Zinaida' else direction end")
	s.run(-1, "run", "--without-dry-run")
	s.run(-1, "dry-run")
	s.sql(s.legacy, "alter table messages rename to old; create view messages as select *, (text || ' elephant')::int as seq2 from old")
	s.run(-1, "run", "--without-dry-run")
	s.sql(s.legacy, "drop view messages; create view messages as select conversation_id, id, sent_at, direction, (text || ' elephant')::int::text as text from old")
	s.run(-1, "run", "--without-dry-run")
	s.run(-1, "check")
	s.run(-1, "dry-run")

	// A process that is told to show all its goroutines shows no texts.
	s.sql(s.legacy, "drop view messages; alter table old rename to messages; update messages set direction = 'in', text = text || ' elephant', kind = 'text'")
	s.repeat("", 500, true, -1)
	s.abort("goroutine ")

	people := s.texts(`select phone from amoimport.client where phone is not null union all select email from amoimport.client where email is not null
		union all select key from amoimport.person union all select name_key from amoimport.person where name_key is not null
		union all select '"' || id || '"' from amoimport.client union all select contact_id::text from amoimport.person where contact_id is not null
		union all select distinct row_hash::text from amoimport.message union all select body_hash from amoimport.message where body_hash is not null`)
	s.run(exitDone, "ledger", "purge", "--force", "--yes")
	s.search("the purged ledger", s.dump(), people...)
}
