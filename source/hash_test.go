package source_test

import (
	"testing"
	"time"

	"github.com/amoimport/amoimport/source"
)

const oneRow = `insert into messages values ('c', 'm', 7, '2021-05-17 08:30:00.123456+03', 'in', 'm1', 'a1', 'Ася', 'video', 'два, "слова"', 'https://x',
	'f.mp4', 12345, 61, 55.750000000000007, 0.1, 'Пётр', '+7', 'st', 'other', null)`

func hashOf(t *testing.T, opts source.Options) source.Hash {
	t.Helper()
	return hashIn(t, open(t, opts))
}

// hashIn is the hash of the only row.
func hashIn(t *testing.T, db *source.DB) source.Hash {
	t.Helper()
	got, _ := bodies(t, db, "c", "m")
	if len(got) != 1 {
		t.Fatalf("%d rows", len(got))
	}
	if key := keys(t, db, time.Time{})["c/m"]; key.Hash != got[0].Hash {
		t.Errorf("the key's hash is %x, the body's %x", key.Hash, got[0].Hash)
	}
	return got[0].Hash
}

func TestHashDoesNotDependOnSettings(t *testing.T) {
	dsn := database(t, canonical, oneRow)
	conn := connect(t, dsn)
	// The query's own text must not depend on settings either.
	queries := map[string]string{
		"canonical": "",
		"with casts": `select conversation_id, id, sent_at, direction, sent_at::text || latitude::text || (sent_at - timestamptz 'epoch')::text
			|| '\x01'::bytea::text || ('02/03/2020'::date)::text as text from messages`,
	}
	before := make(map[string]source.Hash)
	for name, sql := range queries {
		before[name] = hashOf(t, source.Options{DSN: dsn, MessagesSQL: sql})
	}
	db := conn.Config().Database
	for _, setting := range []string{"timezone = 'Asia/Vladivostok'", "datestyle = 'German, DMY'", "extra_float_digits = -5",
		"intervalstyle = 'iso_8601'", "bytea_output = 'escape'", "client_encoding = 'WIN1251'", "lc_numeric = 'C'"} {
		exec(t, dsn, "alter database "+db+" set "+setting)
		for name, sql := range queries {
			if got := hashOf(t, source.Options{DSN: dsn, MessagesSQL: sql}); got != before[name] {
				t.Errorf("%s: %s changes the hash", name, setting)
			}
		}
		exec(t, dsn, "alter database "+db+" reset all")
	}
}

func TestHashSeesEveryColumnButTheURL(t *testing.T) {
	dsn := database(t, canonical, oneRow)
	db := open(t, source.Options{DSN: dsn})
	seen := map[source.Hash]string{hashIn(t, db): "the row itself"}
	for column, value := range map[string]string{
		"seq": "8", "sent_at": "'2021-05-17 08:30:00.123457+03'", "direction": "'out'", "manager_id": "null", "author_id": "''",
		"author_name": "'a1'", "kind": "'file'", "text": "'два, слова'", "file_name": "'g'", "file_size": "null", "media_duration": "62",
		"latitude": "55.75", "longitude": "0.10000000000000002", "contact_name": "null", "contact_phone": "'+8'", "sticker_id": "null",
		"reply_to_id": "null", "skip_reason": "'x'",
	} {
		exec(t, dsn, "update messages set "+column+" = "+value)
		h := hashIn(t, db)
		if other, ok := seen[h]; ok {
			t.Errorf("a change of %s gives the hash of %s", column, other)
		}
		seen[h] = column
		exec(t, dsn, "delete from messages", oneRow)
	}
	exec(t, dsn, "update messages set media_url = 'https://signed.anew'")
	if _, ok := seen[hashIn(t, db)]; !ok {
		t.Error("a newly signed URL changes the hash")
	}
}

func TestHashTakesAnAbsentColumnForNull(t *testing.T) {
	dsn := database(t, canonical, `insert into messages (conversation_id, id, sent_at, direction) values ('c', 'm', '2020-01-01', 'in')`)
	all := hashOf(t, source.Options{DSN: dsn})
	few := hashOf(t, source.Options{DSN: dsn, MessagesSQL: "select direction, sent_at, id, conversation_id, 1 as extra from messages"})
	wider := hashOf(t, source.Options{DSN: dsn, MessagesSQL: "select conversation_id::varchar, id, sent_at, direction, null::smallint as seq from messages"})
	if few != all || wider != all {
		t.Error("the hash depends on how the query writes the same row")
	}
}
