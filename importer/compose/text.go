package compose

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// cleanText makes a text that any reader of JSON and any database takes: valid
// UTF-8 (broken bytes become U+FFFD), lines that end in \n, and of the control
// characters only \n and \t. Marks of writing direction stay: right-to-left
// text needs them. The second result says whether anything but line ends had to
// be changed.
func cleanText(s string) (string, bool) {
	if strings.Contains(s, "\r") {
		s = strings.ReplaceAll(s, "\r\n", "\n")
		s = strings.ReplaceAll(s, "\r", "\n")
	}
	if utf8.ValidString(s) && strings.IndexFunc(s, banned) < 0 {
		return s, false
	}
	return strings.Map(func(r rune) rune {
		if banned(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")), true
}

func banned(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// oneLine makes a name or label: cleaned, each run of white space one blank,
// none at the ends; "" when nothing of it can be seen.
func oneLine(s string) string {
	s, _ = cleanText(s)
	if Blank(s) {
		return ""
	}
	return strings.Join(strings.Fields(s), " ")
}

// cut is the start of s that has at most limit runes, between two characters as
// people see them.
func cut(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	end, count := 0, 0
	for rest, state := s, -1; ; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if count += utf8.RuneCountInString(cluster); count > limit {
			break
		}
		end += len(cluster)
	}
	return strings.TrimRight(s[:end], " ")
}

// Blank reports whether nothing of s can be seen: it is empty or holds only
// white space, control characters and invisible characters.
func Blank(s string) bool {
	for _, r := range s {
		if !invisible(r) {
			return false
		}
	}
	return true
}

func invisible(r rune) bool {
	switch {
	case 0x20 < r && r < 0x7f:
		return false
	case unicode.IsSpace(r), unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r):
		return true
	}
	switch r {
	case 0x034f, // combining grapheme joiner
		0x115f, 0x1160, 0x3164, 0xffa0, // Hangul fillers
		0x2800: // blank of Braille
		return true
	}
	return false
}

func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
