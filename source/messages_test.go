package source_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/source"
)

func itoa(n int) string { return strconv.Itoa(n) }

// bodies reads all messages of the ids, page by page, and says how many pages
// it took.
func bodies(t testing.TB, db *source.DB, c source.ConversationID, ids ...string) (all []source.Message, pages int) {
	t.Helper()
	for len(ids) > 0 {
		msgs, looked, err := db.Messages(t.Context(), c, ids)
		if err != nil {
			t.Fatal(err)
		}
		if looked < 1 || looked > len(ids) {
			t.Fatalf("looked at %d of %d ids", looked, len(ids))
		}
		all = append(all, msgs...)
		ids = ids[looked:]
		pages++
	}
	return all, pages
}

// keys reads all keys by conversation and id.
func keys(t testing.TB, db *source.DB, since time.Time) map[string]source.Key {
	t.Helper()
	all := make(map[string]source.Key)
	for _, k := range collect(t, db.Keys(t.Context(), since)) {
		all[string(k.Conversation)+"/"+k.ID] = k
	}
	return all
}

func TestMessagesHoldEveryColumn(t *testing.T) {
	dsn := database(t, canonical,
		`insert into messages values ('c', 'full', 7, '2021-05-17 08:30:00.123456+03', 'in', 'm1', 'a1', 'Ася', 'video', E'два\nслова', 'https://x',
			'f.mp4', 1234567890123, 61, 55.75, 37.62, 'Пётр', '+7', 'st', 'other', 'spam')`,
		`insert into messages (conversation_id, id) values ('c', 'empty')`)
	db := open(t, source.Options{DSN: dsn})
	got, _ := bodies(t, db, "c", "empty", "gone", "full")
	all := keys(t, db, time.Time{})
	want := []source.Message{
		{Conversation: "c", ID: "empty", Hash: all["c/empty"].Hash},
		{Conversation: "c", ID: "full", Seq: 7, SentAt: time.Date(2021, 5, 17, 5, 30, 0, 123456000, time.UTC), Direction: source.In,
			ManagerID: "m1", AuthorID: "a1", AuthorName: "Ася", Kind: source.KindVideo, Text: "два\nслова", MediaURL: "https://x",
			FileName: "f.mp4", FileSize: new(int64(1234567890123)), MediaDuration: new(61 * time.Second),
			Latitude: new(55.75), Longitude: new(37.62), ContactName: "Пётр", ContactPhone: "+7", StickerID: "st",
			ReplyToID: "other", SkipReason: "spam", Hash: all["c/full"].Hash},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	full := source.Key{Conversation: "c", ID: "full", SentAt: want[1].SentAt, Seq: 7, SkipReason: "spam", Hash: want[1].Hash}
	if diff := cmp.Diff(full, all["c/full"]); diff != "" {
		t.Errorf("key (-want +got):\n%s", diff)
	}
	if msgs, looked, err := db.Messages(t.Context(), "c", nil); len(msgs) != 0 || looked != 0 || err != nil {
		t.Errorf("no ids: %v, %d, %v", msgs, looked, err)
	}
	if msgs, looked, err := db.Messages(t.Context(), "elsewhere", []string{"full"}); len(msgs) != 0 || looked != 1 || err != nil {
		t.Errorf("another conversation: %v, %d, %v", msgs, looked, err)
	}
}

// TestIDsAndColumnsOfAllTypes reads the same two rows through columns of every
// accepted type.
func TestIDsAndColumnsOfAllTypes(t *testing.T) {
	const one, two = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
	dsn := database(t, `create type side as enum ('in', 'out')`)
	for _, test := range []struct{ name, id, first, second string }{
		{"text", "text", `a"b\c{},'`, "два слова"},
		{"varchar", "varchar(20)", "x", "y"},
		{"char", "char(6)", "x", "y"},
		{"name", "name", "x", "y"},
		{"uuid", "uuid", one, two},
		{"smallint", "smallint", "1", "-2"},
		{"integer", "integer", "1", "2"},
		{"bigint", "bigint", "9007199254740993", "9007199254740992"},
		{"numeric", "numeric", "123456789012345678901234567890", "2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'::" + test.id }
			rows := "select * from (values (" + quote(test.first) + ", " + quote(test.second) + "), (" + quote(test.first) + ", " + quote(test.first) + ")) v (c, m)"
			db := open(t, source.Options{DSN: dsn,
				ConversationsSQL: "select distinct c as id, c as client_id, c as source_external_id from (" + rows + ") v",
				ManagersSQL:      "select distinct c as id from (" + rows + ") v",
				MessagesSQL: "select c as conversation_id, m as id, timestamptz '2020-01-01 00:00+00' as sent_at, 'out'::side as direction, m as reply_to_id, c as manager_id," +
					" 7::smallint as seq, 9::smallint as file_size, 1.5::numeric as media_duration, 2::integer as latitude, 0.5::real as longitude, 79001112233 as contact_phone from (" + rows + ") v",
			})
			if err := db.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, _ := bodies(t, db, source.ConversationID(test.first), test.second, test.first)
			all := keys(t, db, time.Time{})
			if len(got) != 2 || len(all) != 2 {
				t.Fatalf("%d bodies, %d keys", len(got), len(all))
			}
			want := source.Message{Conversation: source.ConversationID(test.first), ID: test.second, Seq: 7,
				SentAt: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Direction: source.Out, ManagerID: test.first, FileSize: new(int64(9)),
				MediaDuration: new(2 * time.Second), Latitude: new(2.0), Longitude: new(0.5), ContactPhone: "79001112233",
				ReplyToID: test.second, Hash: all[test.first+"/"+test.second].Hash}
			if diff := cmp.Diff(want, got[0]); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if got[0].Hash == got[1].Hash || got[1].Hash != all[test.first+"/"+test.first].Hash {
				t.Error("hashes of keys and bodies do not agree")
			}
			if c := collect(t, db.Conversations(t.Context(), source.ConversationID(test.first))); len(c) != 1 || string(c[0].ID) != test.first || c[0].SourceExternalID != test.first {
				t.Errorf("conversation by id: %v", c)
			}
		})
	}
}

func TestOddNumbersAreNoNumbers(t *testing.T) {
	db := open(t, source.Options{DSN: database(t),
		MessagesSQL: `select 'c' as conversation_id, n::text as id, now() as sent_at, 'in' as direction, f as media_duration, f as latitude, f::numeric as longitude
			from (values (1, 'NaN'::float8), (2, 'Infinity'), (3, -1), (4, 1e18), (5, 0.4)) v (n, f)`})
	got, _ := bodies(t, db, "c", "1", "2", "3", "4", "5")
	wantDuration := []*time.Duration{nil, nil, nil, nil, new(time.Duration(0))}
	wantLatitude := []*float64{nil, nil, new(-1.0), new(1e18), new(0.4)}
	for i, m := range got {
		if !cmp.Equal(m.MediaDuration, wantDuration[i]) || !cmp.Equal(m.Latitude, wantLatitude[i]) || !cmp.Equal(m.Longitude, wantLatitude[i]) {
			t.Errorf("row %s: duration %v, latitude %v, longitude %v", m.ID, m.MediaDuration, m.Latitude, m.Longitude)
		}
		if m.Latitude != nil && math.IsNaN(*m.Latitude) {
			t.Error("NaN came through")
		}
	}
	if len(got) != 5 {
		t.Errorf("%d rows", len(got))
	}
}

func TestMessagesComeInPagesOfBytes(t *testing.T) {
	dsn := database(t, canonical,
		`insert into messages (conversation_id, id, text) select 'c', n::text, repeat(chr(1040 + n), case when n % 3 = 0 then 60000 else 5 end) from generate_series(1, 30) n`)
	const page = 250_000 // two of the big rows, 120 kB each
	db := open(t, source.Options{DSN: dsn, PageBytes: page})
	var ids []string
	for n := 30; n > 0; n-- {
		ids = append(ids, itoa(n), "gone-"+itoa(n))
	}
	var order []string
	for rest, calls := ids, 0; len(rest) > 0; calls++ {
		msgs, looked, err := db.Messages(t.Context(), "c", rest)
		if err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, m := range msgs {
			total += len(m.Text)
			order = append(order, m.ID)
		}
		if total > page {
			t.Errorf("a page holds %d bytes", total)
		}
		if looked < len(rest) && total < page/2 {
			t.Errorf("a page of %d bytes was cut", total)
		}
		rest = rest[looked:]
		if calls > 10 {
			t.Fatal("it takes too many pages")
		}
	}
	if len(order) != 30 || order[0] != "30" || order[29] != "1" {
		t.Errorf("messages came as %v", order)
	}

	// An id asked for twice does not hide what stands between.
	got, looked, err := db.Messages(t.Context(), "c", []string{"3", "6", "9", "3"})
	if err != nil || len(got) != 2 || looked != 2 {
		t.Errorf("looked at %d ids and found %d messages (%v), want 2 and 2", looked, len(got), err)
	}

	// A row larger than a page comes alone.
	small := open(t, source.Options{DSN: dsn, PageBytes: 1000})
	all, pages := bodies(t, small, "c", "3", "6", "1", "2", "4", "9")
	if len(all) != 6 || pages != 4 {
		t.Errorf("%d messages in %d pages, want 6 in 4", len(all), pages)
	}
}

func TestMessagesTakeAnyNumberOfIDs(t *testing.T) {
	dsn := database(t, canonical, `insert into messages (conversation_id, id) select 'c', n::text from generate_series(1, 2500) n`)
	var ids []string
	for n := range 2500 {
		ids = append(ids, itoa(n+1))
	}
	got, _ := bodies(t, open(t, source.Options{DSN: dsn}), "c", ids...)
	if len(got) != 2500 || got[2499].ID != "2500" {
		t.Errorf("%d messages", len(got))
	}
}

func TestConditionsReachBelowTheQuery(t *testing.T) {
	// A function that fails on rows of other conversations shows that the
	// condition is applied below the engineer's query, where indexes are.
	dsn := database(t, canonical,
		`create function looked(c text) returns text immutable language plpgsql as $$ begin
			if c <> 'c1' then raise exception 'looked at %', c; end if; return 'in'; end $$`,
		`insert into messages (conversation_id, id) select 'c' || n % 500, n::text from generate_series(1, 20000) n`, `analyze messages`)
	db := open(t, source.Options{DSN: dsn,
		MessagesSQL: `select conversation_id, id, sent_at, looked(conversation_id) as direction from messages order by sent_at;`})
	if got, _ := bodies(t, db, "c1", "1", "501", "2"); len(got) != 2 {
		t.Errorf("%d messages", len(got))
	}
}

func TestRowsThatBreakTheContract(t *testing.T) {
	dsn := database(t)
	for _, test := range []struct{ name, row, want string }{
		{"no id", "'c', null::text", "column id: a row has none"},
		{"empty id", "'c', ''", "column id: a row has none"},
		{"no conversation", "null::text, 'm'", "column conversation_id: a row has none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := open(t, source.Options{DSN: dsn, MessagesFile: "my.sql",
				MessagesSQL: "select c as conversation_id, m as id, now() as sent_at, 'in' as direction from (values (" + test.row + ")) v (c, m)"})
			var got error
			for _, err := range db.Keys(t.Context(), time.Time{}) {
				got = err
			}
			if got == nil || !strings.Contains(got.Error(), "my.sql") || !strings.Contains(got.Error(), test.want) {
				t.Errorf("Keys: %v", got)
			}
		})
	}
	db := open(t, source.Options{DSN: dsn, ConversationsFile: "chats.sql", ConversationsSQL: "select null::text as id",
		MessagesSQL: "select 'c' as conversation_id, 'm' as id, now() as sent_at, 'in' as direction, n as seq from generate_series(1, 2) n"})
	for _, err := range db.Conversations(t.Context()) {
		if err == nil || !strings.Contains(err.Error(), "chats.sql: column id: a row has none") {
			t.Errorf("a conversation without id: %v", err)
		}
	}
	if _, _, err := db.Messages(t.Context(), "c", []string{"m"}); err == nil || !strings.Contains(err.Error(), `conversation "c"`) || !strings.Contains(err.Error(), "two rows") {
		t.Errorf("two rows with one id: %v", err)
	}
}

func TestBytesOfADatabaseWithoutEncoding(t *testing.T) {
	dsn := database(t)
	conn := connect(t, dsn)
	name := fmt.Sprintf("%s_ascii", conn.Config().Database)
	exec(t, dsn, "create database "+name+" encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0")
	t.Cleanup(func() { exec(t, dsn, "drop database "+name+" with (force)") })
	ascii := dsnOf(conn.Config(), name)
	exec(t, ascii, "set client_encoding = 'SQL_ASCII'", canonical)
	other := connect(t, ascii)
	for _, s := range []string{"set client_encoding = 'SQL_ASCII'", `insert into messages (conversation_id, id, text) values ('c', 'm', E'ok \xcf\xf0 \xd0\x94\xd0\xb0')`} {
		if _, err := other.PgConn().Exec(t.Context(), s).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := bodies(t, open(t, source.Options{DSN: ascii}), "c", "m")
	if len(got) != 1 || got[0].Text != "ok \ufffd Да" {
		t.Errorf("read %+v", got)
	}
}
