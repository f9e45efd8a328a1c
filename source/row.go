package source

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// sqlType is the type a class of values has on the wire.
func (c class) sqlType() string {
	switch c {
	case classBool:
		return "bool"
	case classInt:
		return "int8"
	case classNumber:
		return "float8"
	case classTime:
		return "timestamptz" // a timestamp without zone looks the same
	default:
		return "text"
	}
}

// expr is a contract column in a select list over q; an absent one is null.
func (s shape) expr(c column) string {
	switch {
	case !s.has(c.name):
		return "null::" + c.class.sqlType()
	case c.class == classTime:
		return "q." + c.name
	case c.class == classBool && s.columns[c.name].isInt():
		return "(q." + c.name + " <> 0)"
	default:
		return "q." + c.name + "::" + c.class.sqlType()
	}
}

// hash is the expression of a message row's digest. Every column is turned into
// text in a way that no server or session setting changes.
func (s shape) hash() string {
	parts := make([]string, 0, len(messagesTable.columns))
	for _, c := range messagesTable.columns {
		switch {
		case c.unhashed:
		case !s.has(c.name):
			parts = append(parts, "null")
		case c.class == classTime && s.columns[c.name].base == "timestamp":
			parts = append(parts, "encode(timestamp_send(q."+c.name+"), 'hex')")
		case c.class == classTime:
			parts = append(parts, "encode(timestamptz_send(q."+c.name+"), 'hex')")
		case c.class == classNumber:
			parts = append(parts, "encode(float8send(q."+c.name+"::float8), 'hex')")
		default:
			parts = append(parts, "q."+c.name+"::text")
		}
	}
	return "md5(row(" + strings.Join(parts, ", ") + ")::text)::uuid"
}

// size is the expression of roughly how many bytes a message row takes.
func (s shape) size() string {
	parts := []string{"200"}
	for _, c := range messagesTable.columns {
		if s.has(c.name) && c.class == classText {
			parts = append(parts, "coalesce(octet_length(q."+c.name+"::text), 0)")
		}
	}
	return "(" + strings.Join(parts, " + ") + ")::int8"
}

// arrayLiteral is a list of values in Postgres's text form of an array.
func arrayLiteral(values []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		for j := range len(v) {
			if v[j] == '"' || v[j] == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(v[j])
		}
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

// text is a text value; a null is "". A server with encoding SQL_ASCII may hold
// bytes that are no UTF-8: they become U+FFFD.
func text(v []byte) string {
	if utf8.Valid(v) {
		return string(v)
	}
	return strings.ToValidUTF8(string(v), "\uFFFD")
}

// id is a value that must be there and must come back the same when asked for.
// An empty one is as useless as none.
func id(v []byte, column string) (string, error) {
	switch {
	case len(v) == 0:
		return "", &rowError{column, "a row has none (null or empty)",
			"Every row needs one: leave such rows out of the query with a where, or give them one."}
	case !utf8.Valid(v):
		return "", &rowError{column, "a row's value is not valid UTF-8",
			"Return something else that names the row, such as encode(convert_to(…), 'hex')."}
	}
	return string(v), nil
}

func boolean(v []byte) bool { return len(v) == 1 && v[0] != 0 }

// integer is an int8; a null is 0.
func integer(v []byte) int64 {
	if len(v) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(v))
}

func integerPtr(v []byte) *int64 {
	if v == nil {
		return nil
	}
	n := integer(v)
	return &n
}

// number is a float8, nil for null and for what is no finite number.
func number(v []byte) *float64 {
	if len(v) != 8 {
		return nil
	}
	f := math.Float64frombits(binary.BigEndian.Uint64(v))
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}

// longest is more than any recording lasts.
const longest = 10 * 365 * 24 * time.Hour

// seconds is a duration in whole seconds; nil for null and for nonsense.
func seconds(v []byte) *time.Duration {
	f := number(v)
	if f == nil || *f < 0 || *f > longest.Seconds() {
		return nil
	}
	d := time.Duration(math.Round(*f)) * time.Second
	return &d
}

// moment turns Postgres's count of microseconds since 2000 into a time. Null,
// infinity and years that no calendar of ours holds (before 1, after 9999) are
// the zero time. Without a zone the count is a wall clock's in loc; of an hour
// that the clock shows twice the first is meant, and one that it skips is moved on
// by the jump.
func moment(v []byte, loc *time.Location) time.Time {
	const (
		epoch = 946684800   // 2000-01-01, in Unix seconds
		first = -719162     // 0001-01-01 in days from 1970
		end   = 2932896 + 1 // 10000-01-01
		day   = 24 * 60 * 60
	)
	if len(v) != 8 {
		return time.Time{}
	}
	micros := int64(binary.BigEndian.Uint64(v))
	sec := floorDiv(micros, 1e6) + epoch
	if sec < first*day || sec >= end*day {
		return time.Time{}
	}
	t := time.Unix(sec, (micros-floorDiv(micros, 1e6)*1e6)*1000).UTC()
	if loc == nil {
		return t
	}
	return fromWall(t, loc)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// fromWall is the moment at which a clock in loc shows what wall shows in UTC.
func fromWall(wall time.Time, loc *time.Location) time.Time {
	// The two offsets in force around the time decide; they differ only near a
	// change of the clock.
	_, before := wall.Add(-24 * time.Hour).In(loc).Zone()
	_, after := wall.Add(24 * time.Hour).In(loc).Zone()
	early := wall.Add(-time.Duration(before) * time.Second)
	if _, offset := early.In(loc).Zone(); offset == before {
		return early.UTC()
	}
	late := wall.Add(-time.Duration(after) * time.Second)
	if _, offset := late.In(loc).Zone(); offset == after {
		return late.UTC()
	}
	return early.UTC() // skipped by the clock: as if it had not been moved yet
}
