package source_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/amoimport/amoimport/source"
)

func TestTimes(t *testing.T) {
	dsn := database(t)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	moscow, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, value string
		zone        *time.Location
		want        string // "" for none
	}{
		{"with zone", "timestamptz '2024-02-29 12:00:00.5+03'", nil, "2024-02-29T09:00:00.5Z"},
		{"with zone, whatever is configured", "timestamptz '2024-02-29 12:00:00+03'", berlin, "2024-02-29T09:00:00Z"},
		{"before 2000", "timestamptz '1999-12-31 23:59:59.999999+00'", nil, "1999-12-31T23:59:59.999999Z"},
		{"null", "null::timestamptz", nil, ""},
		{"infinity", "timestamptz 'infinity'", nil, ""},
		{"minus infinity", "timestamptz '-infinity'", nil, ""},
		{"before Christ", "timestamptz '0044-03-15 00:00:00+00 BC'", nil, ""},
		{"year 1", "timestamptz '0001-01-02 00:00:00+00'", nil, "0001-01-02T00:00:00Z"},
		{"end of 9999", "timestamptz '9999-12-31 23:59:59+00'", nil, "9999-12-31T23:59:59Z"},
		{"after 9999", "timestamptz '10000-01-01 00:00:00+00'", nil, ""},
		{"winter", "timestamp '2024-01-15 12:00:00'", berlin, "2024-01-15T11:00:00Z"},
		{"summer", "timestamp '2024-07-15 12:00:00.000001'", berlin, "2024-07-15T10:00:00.000001Z"},
		{"the hour that comes twice", "timestamp '2024-10-27 02:30:00'", berlin, "2024-10-27T00:30:00Z"},
		{"just after it", "timestamp '2024-10-27 03:00:00'", berlin, "2024-10-27T02:00:00Z"},
		{"the hour that never was", "timestamp '2024-03-31 02:30:00'", berlin, "2024-03-31T01:30:00Z"},
		{"just before it", "timestamp '2024-03-31 01:59:59'", berlin, "2024-03-31T00:59:59Z"},
		{"Moscow before it gave up summer time", "timestamp '2010-07-01 12:00:00'", moscow, "2010-07-01T08:00:00Z"},
		{"Moscow after", "timestamp '2015-07-01 12:00:00'", moscow, "2015-07-01T09:00:00Z"},
		{"infinity without zone", "timestamp 'infinity'", berlin, ""},
	}
	// One query per zone and type: its rows are the tests of that kind.
	type kind struct {
		zone *time.Location
		typ  string
	}
	rows := make(map[kind][]string)
	for i, test := range tests {
		k := kind{test.zone, "timestamp"}
		if strings.Contains(test.value, "timestamptz") {
			k.typ = "timestamptz"
		}
		rows[k] = append(rows[k], fmt.Sprintf("select 'c' as conversation_id, %d as id, %s as sent_at, 'in' as direction", i, test.value))
	}
	for k, selects := range rows {
		db := open(t, source.Options{DSN: dsn, Timezone: k.zone, MessagesSQL: strings.Join(selects, "\nunion all ")})
		for id, key := range keys(t, db, time.Time{}) {
			i, err := strconv.Atoi(key.ID)
			if err != nil {
				t.Fatal(id, err)
			}
			t.Run(tests[i].name, func(t *testing.T) {
				var want time.Time
				if tests[i].want != "" {
					if want, err = time.Parse(time.RFC3339Nano, tests[i].want); err != nil {
						t.Fatal(err)
					}
				}
				if !key.SentAt.Equal(want) || key.SentAt.IsZero() != (tests[i].want == "") {
					t.Errorf("key's time is %v, want %v", key.SentAt, want)
				}
				if got, _ := bodies(t, db, "c", key.ID); !got[0].SentAt.Equal(want) {
					t.Errorf("body's time is %v, want %v", got[0].SentAt, want)
				}
			})
		}
	}
}

func TestKeysSinceATime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	dsn := database(t, canonical,
		`insert into messages (conversation_id, id, sent_at) values ('c', 'old', '2024-06-01 09:59:59.999999+00'), ('c', 'same', '2024-06-01 10:00+00'),
			('c', 'new', '2024-06-02 10:00+00'), ('c', 'never', null), ('c', 'always', 'infinity')`)
	since := time.Date(2024, 6, 1, 12, 0, 0, 0, berlin)
	ids := func(opts source.Options) []string {
		opts.DSN = dsn
		var ids []string
		for _, k := range keys(t, open(t, opts), since) {
			ids = append(ids, k.ID)
		}
		slices.Sort(ids)
		return ids
	}
	if got := ids(source.Options{}); !slices.Equal(got, []string{"always", "new", "same"}) {
		t.Errorf("since %v: %v", since, got)
	}
	// Without zone a little more comes, never less; half a day before is not "a little".
	west, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	got := ids(source.Options{Timezone: west, MessagesSQL: `select conversation_id, id, direction, sent_at at time zone 'America/Los_Angeles' as sent_at from messages
		union all select 'c', 'ancient', 'in', timestamp '2024-05-31 15:00'`})
	if !slices.Equal(got, []string{"always", "new", "old", "same"}) {
		t.Errorf("since %v without zone: %v", since, got)
	}
}
