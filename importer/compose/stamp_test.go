package compose_test

import (
	"testing"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
)

func TestStamp(t *testing.T) {
	m := part()
	compose.Stamp(&m, 1639660529379)
	if m.Timestamp != 1639660529 || m.MsecTimestamp != 1639660529379 {
		t.Errorf("stamped %d and %d", m.Timestamp, m.MsecTimestamp)
	}
}

const goldenTextHash = "917fb3977dce7c17ff1a4c1fdbfd95fe"

func TestTextHash(t *testing.T) {
	texts := func(all ...string) []amojo.Message {
		var parts []amojo.Message
		for _, s := range all {
			parts = append(parts, amojo.Message{Content: amojo.Content{Text: s}})
		}
		return parts
	}
	// This value must never change: ledgers of running imports hold it.
	if got, want := compose.TextHash(texts("одно ", "два")), goldenTextHash; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, other := range [][]amojo.Message{texts("одно", " два"), texts("одно два"), texts("одно ", "два", ""), texts()} {
		if compose.TextHash(other) == goldenTextHash {
			t.Errorf("%d parts have the same hash", len(other))
		}
	}
	if end := compose.TextEnd(texts("одно ", "два")); end != 8 {
		t.Errorf("the text ends at %d", end)
	}
}
