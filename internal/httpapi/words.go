package httpapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
)

const (
	// MaxWords is how many runes of a server's words an error keeps.
	MaxWords = 200
	maxPlain = 1024 // bytes of a plain body that are looked at
)

// Clean makes foreign text fit for an error: valid UTF-8, one line, nothing that steers a terminal, at most
// limit runes.
func Clean(s string, limit int) string {
	words := strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) })
	runes := []rune(strings.Join(words, " "))
	if len(runes) > limit {
		runes = append(runes[:limit-1], '…')
	}
	return string(runes)
}

// PlainText gives the gist of a body that is no JSON: the title of a gateway's HTML page, else its beginning.
func PlainText(body []byte) string {
	s := string(body[:min(len(body), maxPlain)])
	if _, rest, ok := strings.Cut(s, "<title>"); ok {
		s, _, _ = strings.Cut(rest, "</title>")
	}
	return Clean(s, MaxWords)
}

// Repeats says whether a server's words hold a text of the request that they are about: then they are not
// fit for an error's text. Of a long text its beginning counts, since the server's words are cut.
func Repeats(said string, sent ...any) bool {
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
		r := []rune(Clean(v, 2*most))
		return len(r) >= least && strings.Contains(said, string(r[:min(len(r), most)]))
	case []any:
		return slices.ContainsFunc(v, func(one any) bool { return holdsAny(said, one) })
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), func(one any) bool { return holdsAny(said, one) })
	}
	return false
}
