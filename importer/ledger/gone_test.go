package ledger_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/google/go-cmp/cmp"
)

// TestTooManyGone: a complete pass in which rows are missing. All of them, or many of
// many, are no deletions: somebody looks at another database.
func TestTooManyGone(t *testing.T) {
	for name, c := range map[string]struct {
		known, gone int
		refused     bool
	}{
		"all of few":    {known: 6, gone: 6, refused: true},
		"most of few":   {known: 6, gone: 5},
		"many of many":  {known: 400, gone: 300, refused: true},
		"a few of many": {known: 400, gone: 99},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.convs = []ledger.EnrolledConversation{conv("1")}
			for i := range c.known {
				b.keys = append(b.keys, key("1", fmt.Sprint(i), i))
			}
			b.enrol()
			b.keys = b.keys[c.gone:]
			before := b.versions()
			m, err := b.Enrol(t.Context(), b.pass())
			var changed *ledger.ChangedError
			switch {
			case !c.refused && (err != nil || m.Vanished != int64(c.gone)):
				t.Errorf("%+v, %v", m, err)
			case c.refused && (!errors.As(err, &changed) || changed.Gone != int64(c.gone) || changed.Known != int64(c.known) || changed.Hint() == ""):
				t.Errorf("error %v", err)
			case c.refused:
				if diff := cmp.Diff(before, b.versions()); diff != "" {
					t.Errorf("something is merged (-before +after):\n%s", diff)
				}
			}
		})
	}
}
