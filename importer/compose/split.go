package compose

import (
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// SplitText cuts a text into parts of at most over runes; concatenated they are
// the text. A part ends after white space where there is some in its last third,
// else between two words, else between two characters as people see them
// (grapheme clusters). Only a single such character that is itself longer than
// over is cut inside, at a rune.
//
// No part is blank unless the whole text is: amojo refuses blank texts. Blanks
// that would be a part of their own stay with the part before them (at the start
// of the text: after them), which then may be longer than over.
func SplitText(text string, over int) []string {
	over = max(over, 1)
	if len(text) <= over || utf8.RuneCountInString(text) <= over {
		return []string{text}
	}
	var parts []string
	start, from := 0, 0 // where the part begins; where the piece looked at begins
	w := window{text: text, over: over, rest: text, state: -1}
	for from < len(text) {
		end := w.next()
		switch blank := Blank(text[from:end]); {
		case blank && len(parts) > 0:
			parts[len(parts)-1] = text[start-len(parts[len(parts)-1]) : end]
			start = end
		case blank && end < len(text):
			// The first visible piece takes these along.
		default:
			parts = append(parts, text[start:end])
			start = end
		}
		from = end
	}
	return parts
}

// window holds the ends of the characters that fit into the piece being cut. A
// character is looked at once; those behind a cut are kept for the next piece.
type window struct {
	text  string
	over  int
	from  int // offset of the piece
	marks []mark

	rest  string // not looked at yet
	state int    // uniseg's, at rest
	torn  string // what is left of a character longer than a piece
}

// mark is the end of a character.
type mark struct {
	end   int // offset in the text
	runes int // in the piece up to here
	space bool
}

// next cuts off a piece and returns its end.
func (w *window) next() int {
	full := w.fill()
	last := len(w.marks) - 1
	if !full {
		return w.marks[last].end // all that is left fits
	}
	// The last mark is the one that no longer fits.
	k := w.cut(w.marks[:last])
	end, runes := w.marks[k].end, w.marks[k].runes
	w.marks = append(w.marks[:0], w.marks[k+1:]...)
	for i := range w.marks {
		w.marks[i].runes -= runes
	}
	w.from = end
	return end
}

// fill adds marks until one no longer fits, and reports whether it came to that.
func (w *window) fill() bool {
	end, runes := w.from, 0
	if n := len(w.marks); n > 0 {
		end, runes = w.marks[n-1].end, w.marks[n-1].runes
	}
	for runes <= w.over {
		char := w.char()
		if char == "" {
			return false
		}
		end += len(char)
		runes += utf8.RuneCountInString(char)
		w.marks = append(w.marks, mark{end, runes, breakable(char)})
	}
	return true
}

// char is the next character, "" at the end. One with more runes than a piece
// may have comes in several.
func (w *window) char() string {
	if w.torn == "" {
		w.torn, w.rest, _, w.state = uniseg.FirstGraphemeClusterInString(w.rest, w.state)
	}
	char := w.torn
	if len(char) > w.over {
		n := 0
		for i := range char {
			if n == w.over {
				char = char[:i]
				break
			}
			n++
		}
	}
	w.torn = w.torn[len(char):]
	return char
}

// cut chooses the mark to cut at.
func (w *window) cut(marks []mark) int {
	least := w.over - w.over/3
	last := len(marks) - 1
	for k := last; k >= 0 && marks[k].runes >= least; k-- {
		if marks[k].space {
			return k
		}
	}
	best := last
	// A word is looked for up to a little behind the piece, not to its end: a
	// word can be as long as the text.
	ahead := w.text[w.from:min(marks[last].end+64, len(w.text))]
	for end, k, state := w.from, 0, -1; ahead != "" && k <= last; {
		var word string
		word, ahead, state = uniseg.FirstWordInString(ahead, state)
		end += len(word)
		for k <= last && marks[k].end < end {
			k++
		}
		if k <= last && marks[k].end == end && marks[k].runes >= least {
			best = k
		}
	}
	return best
}

// breakable reports whether a line may end after the character: white space that
// does not hold two words together.
func breakable(char string) bool {
	for _, r := range char {
		if !unicode.IsSpace(r) || r == '\u00a0' || r == '\u2007' || r == '\u202f' {
			return false
		}
	}
	return true
}
