package source_test

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/amoimport/amoimport/source"
)

// A query that is taken is its text up to a semicolon, and taking it again changes
// nothing.
func FuzzStatement(f *testing.F) {
	for _, s := range []string{"select 1; -- done", "select ';', $a$;$a$, E'\\';' /* ; /* ; */ */ from t;;", "select $1", "\ufeffselect 1;\nselect 2", "--", "select 'a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sql, fault := source.SingleStatement(text)
		if fault != "" {
			return
		}
		if !strings.HasPrefix(strings.TrimPrefix(text, "\ufeff"), sql) {
			t.Errorf("%q is not the beginning of %q", sql, text)
		}
		again, fault := source.SingleStatement(sql)
		if again != sql || fault != "" && !strings.HasPrefix(sql, "\ufeff") {
			t.Errorf("%q becomes %q, %q", sql, again, fault)
		}
	})
}

// Postgres reads an array as the values it was made of.
func FuzzArray(f *testing.F) {
	f.Add("a", `b"\`, "")
	f.Add("NULL", "{}", ",")
	m := pgtype.NewMap()
	f.Fuzz(func(t *testing.T, a, b, c string) {
		want := []string{a, b, c}
		if !utf8.ValidString(strings.Join(want, " ")) { // nor is any id of a row
			return
		}
		var got []string
		if err := m.Scan(pgtype.TextArrayOID, pgtype.TextFormatCode, []byte(source.ArrayLiteral(want)), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// A moment is the one that Postgres counted, or none; without a zone the wall clock
// shows what the row says, but for hours that a clock skips.
func FuzzMoment(f *testing.F) {
	f.Add(int64(0), "UTC")
	f.Add(int64(math.MaxInt64), "") // infinity
	f.Add(int64(math.MinInt64), "") // -infinity
	f.Add(int64(670_000_000_000_001), "Asia/Tehran")
	f.Add(int64(467_353_800_000_000), "Europe/Moscow") // in the hour that a clock showed twice
	const epoch = 946684800
	f.Fuzz(func(t *testing.T, micros int64, zone string) {
		value := binary.BigEndian.AppendUint64(nil, uint64(micros))
		at := source.Moment(value, nil)
		if at.IsZero() {
			if year := time.UnixMicro(micros).AddDate(30, 0, 0).Year(); micros > math.MinInt64/2 && micros < math.MaxInt64/2 && year > 1 && year < 9999 {
				t.Errorf("%d is no moment, though it is in the year %d", micros, year)
			}
			return
		}
		if got := (at.Unix()-epoch)*1e6 + int64(at.Nanosecond()/1000); got != micros || at.Year() < 1 || at.Year() > 9999 {
			t.Errorf("%d became %d, %v", micros, got, at)
		}
		loc, err := time.LoadLocation(zone)
		if err != nil || zone == "" || zone == "Local" {
			return
		}
		there := source.Moment(value, loc).In(loc)
		_, offset := there.Zone()
		if shown := there.Add(time.Duration(offset) * time.Second).UTC(); !shown.Equal(at) && !skipped(at, loc) {
			t.Errorf("in %s the clock shows %v, not %v", zone, shown, at)
		}
	})
}

// skipped says that no clock in loc ever showed the time that wall shows in UTC.
func skipped(wall time.Time, loc *time.Location) bool {
	for _, around := range []time.Duration{-48 * time.Hour, -24 * time.Hour, 0, 24 * time.Hour, 48 * time.Hour} {
		_, offset := wall.Add(around).In(loc).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if _, now := at.In(loc).Zone(); now == offset {
			return false
		}
	}
	return true
}

// Whatever bytes a row holds, it becomes a message of valid texts and finite
// numbers, or it is refused for its ids.
func FuzzMessageRow(f *testing.F) {
	number := binary.BigEndian.AppendUint64(nil, math.Float64bits(math.NaN()))
	f.Add([]byte("c"), []byte("m"), number, []byte("text \xff"))
	f.Add([]byte{}, []byte("\xff"), []byte{1}, []byte(nil))
	f.Fuzz(func(t *testing.T, conversation, id, number, text []byte) {
		values := make([][]byte, source.MessageColumns)
		for i := range values {
			values[i] = text
		}
		values[0], values[1] = conversation, id
		for _, i := range []int{2, 3, 12, 13, 14, 15} { // seq, sent_at, size, duration, latitude, longitude
			values[i] = number
		}
		m, err := source.DecodeMessage(values, nil)
		if wrong := len(conversation) == 0 || len(id) == 0 || !utf8.Valid(conversation) || !utf8.Valid(id); wrong != (err != nil) {
			t.Fatalf("ids %q and %q: %v", conversation, id, err)
		}
		if err != nil {
			return
		}
		if string(m.Conversation) != string(conversation) || m.ID != string(id) {
			t.Errorf("ids %q and %q became %q and %q", conversation, id, m.Conversation, m.ID)
		}
		if slices.ContainsFunc([]string{m.Text, m.MediaURL, m.SkipReason, m.AuthorName, string(m.Kind), string(m.Direction)}, func(s string) bool { return !utf8.ValidString(s) }) {
			t.Errorf("a text is not valid: %+v", m)
		}
		if utf8.Valid(text) && m.Text != string(text) {
			t.Errorf("text %q became %q", text, m.Text)
		}
		if f := m.Latitude; f != nil && (math.IsNaN(*f) || math.IsInf(*f, 0)) || m.MediaDuration != nil && *m.MediaDuration < 0 {
			t.Errorf("numbers %v, %v", f, m.MediaDuration)
		}
	})
}
