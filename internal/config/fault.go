package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong with a configuration.
type Fault struct {
	Line    int    // in the file, from 1; 0 when it is about no line
	Key     string // like channel.id; "" when it is about the whole file
	Problem string
	Hint    string // what to do
}

// String is one line that says what is wrong and where.
func (f Fault) String() string {
	var b strings.Builder
	if f.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", f.Line)
	}
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Problem)
	return b.String()
}

// Error is a configuration that cannot be used, with all that is wrong with it,
// in the order of the file.
type Error struct {
	Path   string
	Faults []Fault
}

// Error names the file and all faults in one line.
func (e *Error) Error() string {
	all := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		all[i] = f.String()
	}
	return fmt.Sprintf("config %s: %s", e.Path, strings.Join(all, "; "))
}

// Hint says what to do.
func (e *Error) Hint() string {
	if len(e.Faults) == 1 && e.Faults[0].Hint != "" {
		return e.Faults[0].Hint
	}
	return "Mend the keys named; `amoimport init` writes a file that explains them all."
}

// faults gathers what is wrong, and knows on which line each key stands.
type faults struct {
	list  []Fault
	lines map[string]int
}

// add reports a fault of a key, on its line, or else on its section's.
func (f *faults) add(key, hint, problem string, args ...any) {
	f.list = append(f.list, Fault{Line: f.line(key), Key: key, Problem: fmt.Sprintf(problem, args...), Hint: hint})
}

func (f *faults) line(key string) int {
	for key != "" {
		if n := f.lines[key]; n > 0 {
			return n
		}
		key = key[:max(0, strings.LastIndexByte(key, '.'))]
	}
	return 0
}

// faulty reports whether a key has a fault already.
func (f *faults) faulty(key string) bool {
	return slices.ContainsFunc(f.list, func(one Fault) bool { return one.Key == key })
}

func (f *faults) err(path string) error {
	if len(f.list) == 0 {
		return nil
	}
	slices.SortStableFunc(f.list, func(a, b Fault) int {
		if (a.Line == 0) != (b.Line == 0) { // those of no line come last
			return cmp.Compare(b.Line, a.Line)
		}
		return cmp.Compare(a.Line, b.Line)
	})
	return &Error{Path: path, Faults: f.list}
}

// quote shows a value of the file, cut short.
func quote(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
