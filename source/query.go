package source

import (
	"strings"
	"unicode/utf8"
)

// query is one of the engineer's three queries.
type query struct {
	table table  // the contract it must fit
	name  string // of its file, for errors
	sql   string // without a closing semicolon
	fault string // what is wrong with the text itself; "" when it can be tried
}

// newQuery takes the text of a query from its file, or the canonical one.
func newQuery(t table, file, text, canonical string) query {
	q := query{table: t, name: file}
	if strings.TrimSpace(text) == "" {
		text = canonical
		if q.name == "" {
			q.name = "canonical " + t.name + ".sql"
		}
	}
	if q.name == "" {
		q.name = t.name + ".sql"
	}
	q.sql, q.fault = singleStatement(text)
	return q
}

// from is the query as a table expression named q. The line break before the
// bracket closes a comment at the query's end.
func (q query) from() string { return "from (" + "\n" + q.sql + "\n" + ") q" }

// line is the 1-based line of the query's own text that a position in a
// statement falls on (in characters, from 1, as Postgres counts), or 0 when it
// falls outside of it. The statement must hold q.from() once.
func (q query) line(statement string, position int32) int {
	at := strings.Index(statement, q.from())
	if at < 0 || position < 1 {
		return 0
	}
	start := utf8.RuneCountInString(statement[:at+len("from (\n")])
	offset := int(position) - 1 - start
	if offset < 0 || offset > utf8.RuneCountInString(q.sql) {
		return 0
	}
	line := 1
	for i, r := range []rune(q.sql) {
		if i == offset {
			break
		}
		if r == '\n' {
			line++
		}
	}
	return line
}

// singleStatement takes closing semicolons off a statement and says what makes
// the rest unfit to be a subquery: nothing there, a second statement, a
// parameter. Strings, quoted names, dollar quotes and comments are passed over
// as Postgres would.
func singleStatement(text string) (sql, fault string) {
	text = strings.TrimPrefix(text, "\ufeff") // editors on Windows leave one
	end := -1                                 // where the first statement's semicolon stands
	empty := true
	for i := 0; i < len(text); {
		skip, significant := token(text[i:])
		switch {
		case !significant:
		case text[i] == ';':
			if end < 0 && !empty {
				end = i
			}
		case end >= 0:
			return text, "holds more than one statement"
		default:
			empty = false
			if text[i] == '$' && skip > 1 && text[i+1] >= '0' && text[i+1] <= '9' {
				return text, "uses a parameter (" + text[i:i+skip] + ")"
			}
		}
		i += skip
	}
	if empty {
		return text, "is empty"
	}
	if end >= 0 {
		text = text[:end]
	}
	return strings.TrimRight(text, " \t\r\n;"), ""
}

// token is the length of the lexical element that s starts with, and whether it
// is more than white space or a comment.
func token(s string) (length int, significant bool) {
	switch {
	case strings.HasPrefix(s, "--"):
		return until(s, 2, "\n"), false
	case strings.HasPrefix(s, "/*"):
		return comment(s), false
	case s[0] == '\'', s[0] == '"':
		return until(s, 1, s[:1]), true
	case len(s) > 1 && (s[0] == 'e' || s[0] == 'E') && s[1] == '\'':
		return escaped(s), true
	case s[0] == '$':
		return dollar(s), true
	case isWord(s[0]):
		n := 1
		for n < len(s) && (isWord(s[n]) || s[n] == '$') {
			n++
		}
		return n, true
	case strings.IndexByte(" \t\r\n\f\v", s[0]) >= 0:
		return 1, false
	}
	return 1, true
}

// until is the length up to and with the first stop after the given offset, or
// of all of s.
func until(s string, from int, stop string) int {
	if i := strings.Index(s[from:], stop); i >= 0 {
		return from + i + len(stop)
	}
	return len(s)
}

// comment is the length of a block comment; they nest.
func comment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// escaped is the length of an E'…' string, in which a backslash hides a quote.
func escaped(s string) int {
	for i := 2; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '\'':
			return i + 1
		}
	}
	return len(s)
}

// dollar is the length of a dollar-quoted string, a parameter, or a lone $.
func dollar(s string) int {
	n := 1
	for n < len(s) && isWord(s[n]) {
		n++
	}
	numbered := n > 1 && s[1] >= '0' && s[1] <= '9'
	if !numbered && n < len(s) && s[n] == '$' {
		return until(s, n+1, s[:n+1])
	}
	return n
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
