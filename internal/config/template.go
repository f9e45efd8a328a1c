package config

import (
	_ "embed"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

//go:embed amoimport.yaml
var template string

// Template is a configuration with every key, its meaning and its default. What
// must be filled in is empty.
func Template() []byte { return []byte(template) }

// templateLine is a line of the template that holds a key: indentation, key, value,
// comment.
var templateLine = regexp.MustCompile(`^( *)([a-z0-9_]+):(?: +("[^"]*"|[^\s#]+))? *(#.*)?$`)

// filled is the template with some values, by key. Comments stay in their column
// where the values leave room.
func filled(values map[string]string) string {
	lines := strings.Split(template, "\n")
	var path []string
	for i, line := range lines {
		m := templateLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		indent, key, comment := m[1], m[2], m[4]
		path = append(path[:len(indent)/2], key)
		value := values[strings.Join(path, ".")]
		if value == "" || value == m[3] {
			continue
		}
		// What Go quotes, YAML reads the same, but for bytes that are no UTF-8.
		line = indent + key + ": " + strconv.Quote(strings.ToValidUTF8(value, "\uFFFD"))
		if comment != "" {
			column := strings.Index(lines[i], "#")
			line += strings.Repeat(" ", max(1, column-utf8.RuneCountInString(line))) + comment
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}
