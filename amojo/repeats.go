package amojo

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// repeats says whether a server's words hold a text of the request that they are
// about: then they are not fit for an error's text. Of a long text its beginning
// counts, since the server's words are cut.
func repeats(said string, sent ...any) bool {
	for _, part := range sent {
		var value any
		encoded, err := json.Marshal(part)
		if err == nil && json.Unmarshal(encoded, &value) == nil && holdsAny(said, value) {
			return true
		}
	}
	return false
}

func holdsAny(said string, value any) bool {
	const least, most = 3, 12 // runes: less is no text, more need not be compared
	switch v := value.(type) {
	case string:
		r := []rune(clean(v, 2*most))
		return len(r) >= least && strings.Contains(said, string(r[:min(len(r), most)]))
	case []any:
		return slices.ContainsFunc(v, func(one any) bool { return holdsAny(said, one) })
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), func(one any) bool { return holdsAny(said, one) })
	}
	return false
}
