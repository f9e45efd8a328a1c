package compose_test

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"
	"pgregory.net/rapid"

	"github.com/amoimport/amoimport/importer/compose"
)

func TestSplitText(t *testing.T) {
	const family = "👨‍👩‍👧" // five runes, one character
	tests := []struct {
		name string
		text string
		over int
		want []string
	}{
		{"empty", "", 9, []string{""}},
		{"fits", "одиннадцать", 11, []string{"одиннадцать"}},
		{"after white space", "один два три", 9, []string{"один два ", "три"}},
		{"the last white space", "a b c d e f", 9, []string{"a b c d ", "e f"}},
		{"after a line", "abcdef\nghijkl", 9, []string{"abcdef\n", "ghijkl"}},
		{"white space too early", "a bcdefghijkl", 9, []string{"a bcdefgh", "ijkl"}},
		{"between words", "abc,defgh,ijkl", 9, []string{"abc,defgh", ",ijkl"}},
		{"before a mark and word", "abcdef(ghijkl)", 9, []string{"abcdef(", "ghijkl)"}},
		{"blank that holds together", "abcdef 10\u00a0000 km", 10, []string{"abcdef ", "10\u00a0000 km"}},
		{"inside a long word", "abcdefghijkl", 9, []string{"abcdefghi", "jkl"}},
		{"not inside a character", "abcdef" + family + family, 9, []string{"abcdef", family, family}},
		{"not inside an accent", strings.Repeat("e\u0301", 5), 3, []string{"e\u0301", "e\u0301", "e\u0301", "e\u0301", "e\u0301"}},
		{"character longer than a part", "Z" + strings.Repeat("\u0301", 6), 3,
			[]string{"Z\u0301\u0301", "\u0301\u0301\u0301", "\u0301"}},
		{"blanks stay with the part before", "abc" + strings.Repeat(" ", 20) + "def", 9,
			[]string{"abc" + strings.Repeat(" ", 15), strings.Repeat(" ", 5) + "def"}},
		{"blanks at the start", strings.Repeat(" ", 20) + "abc", 9, []string{strings.Repeat(" ", 20) + "abc"}},
		{"blanks at the end", "abcdefgh " + strings.Repeat("\n", 20), 9, []string{"abcdefgh " + strings.Repeat("\n", 20)}},
		{"nothing but blanks", strings.Repeat(" ", 20), 9, []string{strings.Repeat(" ", 20)}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, compose.SplitText(tt.text, tt.over)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// texts draws what people and machines write, and what neither should.
func texts() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.StringMatching(`[а-яё]{1,12}`),
		rapid.StringMatching(`[a-zA-Z0-9]{1,40}`),
		rapid.SampledFrom([]string{
			" ", " ", " ", "\n", "\t", "\r\n", ". ", ", ", "—", "'", "\u00a0", "\u200b", "\ufeff", "\u2800",
			"👍", "👨‍👩‍👧", "🇷🇺", "🇷🇺🇷🇺🇷", "👍🏽", "❤️", "e\u0301", "한국", "ᄒ", "ᅡ", "क्षि", "שלום", "العربية", "\u202e", "ไทย", "日本語",
			strings.Repeat("\u0301", 7), strings.Repeat(" ", 50), strings.Repeat("ab", 60), "\xff", "\x00",
		}),
		rapid.String(),
	)
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 0, 60).Draw(t, "pieces"), "")
	})
}

func checkSplit(t fataler, text string, over int) {
	parts := compose.SplitText(text, over)
	if got := strings.Join(parts, ""); got != text {
		t.Fatalf("parts make %q, not the text %q", got, text)
	}
	ends := map[int]bool{}
	longest := 0
	for g, end := uniseg.NewGraphemes(text), 0; g.Next(); {
		end += len(g.Str())
		ends[end] = true
		longest = max(longest, utf8.RuneCountInString(g.Str()))
	}
	end := 0
	for i, part := range parts {
		end += len(part)
		if longest <= over && end > 0 && !ends[end] {
			t.Fatalf("part %d ends inside a character: %q of %q", i, part, text)
		}
		if len(parts) > 1 && compose.Blank(part) {
			t.Fatalf("part %d is blank: %q of %q", i, part, text)
		}
		if n := utf8.RuneCountInString(part); n > over && utf8.RuneCountInString(trimBlank(part)) > over {
			t.Fatalf("part %d has %d characters, over %d: %q", i, n, over, part)
		}
	}
}

// trimBlank takes invisible characters off both ends.
func trimBlank(s string) string {
	r := []rune(s)
	for len(r) > 0 && compose.Blank(string(r[0])) {
		r = r[1:]
	}
	for len(r) > 0 && compose.Blank(string(r[len(r)-1])) {
		r = r[:len(r)-1]
	}
	return string(r)
}

func TestSplitKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkSplit(t, texts().Draw(t, "text"), rapid.IntRange(1, 60).Draw(t, "over"))
	})
}

func FuzzSplitText(f *testing.F) {
	f.Add("один два три", 5)
	f.Add("👨‍👩‍👧👨‍👩‍👧"+strings.Repeat("\u0301", 20), 3)
	f.Add("a"+strings.Repeat(" ", 30)+"b", 4)
	f.Fuzz(func(t *testing.T, text string, over int) {
		if over > 0 {
			checkSplit(t, text, over)
		}
	})
}

// hardTexts are texts of n runes, each hard in its own way.
func hardTexts(n int) map[string]string {
	fill := func(s string) string {
		r := []rune(strings.Repeat(s, n/utf8.RuneCountInString(s)+1))
		return string(r[:n])
	}
	return map[string]string{
		"words":         fill("Добрый день, когда будет готов мой заказ? "),
		"one word":      fill("я"),
		"emoji":         fill("👨‍👩‍👧"),
		"one character": "Z" + fill("\u0301"),
		"blanks":        "a" + fill(" ") + "b",
		"flags":         fill("🇷"),
	}
}

func TestSplitIsLinear(t *testing.T) {
	const over, n, times = 400, 5_000, 16
	took := func(text string) float64 {
		start := time.Now()
		compose.SplitText(text, over)
		return float64(time.Since(start))
	}
	short, long := hardTexts(n), hardTexts(n*times)
	for name := range short {
		checkSplit(t, long[name], over)
		// Looking at the rest of the text for each part would make it some 150. Others use
		// the machine too, so the best of many tries counts.
		most, least, ratio := math.Inf(1), math.Inf(1), math.Inf(1)
		for try := 0; try < 5 || try < 100 && ratio > 4*times; try++ {
			most, least = min(most, took(long[name])), min(least, took(short[name]))
			ratio = most / least
		}
		if ratio > 4*times {
			t.Errorf("%s: a text %d times as long takes %.0f times as long", name, times, ratio)
		}
	}
}

func BenchmarkSplitText(b *testing.B) {
	for name, text := range hardTexts(100_000) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				compose.SplitText(text, 4000)
			}
		})
	}
}
