package source_test

import (
	"testing"

	"github.com/amoimport/amoimport/source"
)

// TestClosedAsNumber: a flag that is kept as a number is taken, and null is open.
func TestClosedAsNumber(t *testing.T) {
	dsn := database(t, "create table talk (id bigint, state smallint, shut bigint, done boolean)",
		"insert into talk values (1, 0, 0, false), (2, 1, -5, true), (3, null, null, null)")
	for _, column := range []string{"state", "shut", "done"} {
		db := open(t, source.Options{DSN: dsn, ConversationsSQL: "select id, " + column + " as closed from talk order by id"})
		var got []bool
		for _, c := range collect(t, db.Conversations(t.Context())) {
			got = append(got, c.Closed)
		}
		if len(got) != 3 || got[0] || !got[1] || got[2] {
			t.Errorf("%s: %v", column, got)
		}
	}
}
