package compose

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/amoimport/amoimport/source"
)

// MediaTemplate makes the URL of a message's file. It may hold {conversation_id},
// {id}, {file_name}, and {media_url} for a column that holds a path or a key instead
// of a URL. What is put in is escaped: in the path as one step of it (the slashes of
// a {media_url} stay), behind a ? as a value. "" is no template.
type MediaTemplate string

const mediaURLPlaceholder = "{media_url}"

var (
	placeholder       = regexp.MustCompile(`\{[^{}]*\}`)
	mediaPlaceholders = []string{conversationPlaceholder, idPlaceholder, "{file_name}", mediaURLPlaceholder}
)

// Validate says what is wrong with the template, without showing it: it may hold a
// key to the store.
func (t MediaTemplate) Validate(loopback bool) error {
	if t == "" {
		return nil
	}
	own := false // something that differs from file to file
	for _, p := range placeholder.FindAllString(string(t), -1) {
		if !slices.Contains(mediaPlaceholders, p) {
			return fmt.Errorf("media URL template: %s is none of %s", p, strings.Join(mediaPlaceholders, " "))
		}
		own = own || p != conversationPlaceholder
	}
	if !own {
		return errors.New("media URL template: without {id}, {file_name} or {media_url} all files would have the same URL")
	}
	literal := placeholder.ReplaceAllString(string(t), "x")
	if strings.ContainsAny(literal, "{}#") {
		return errors.New("media URL template: braces stand around placeholders only, and # ends no URL of a file")
	}
	u, problem := PublicURL(literal, loopback)
	if problem != "" {
		return fmt.Errorf("media URL template: %s", problem)
	}
	before, _, _ := strings.Cut(string(t), "{")
	if scheme, rest, _ := strings.Cut(before, "://"); !strings.EqualFold(scheme, u.Scheme) || !strings.ContainsAny(rest, "/?") {
		return errors.New("media URL template: a placeholder cannot stand in the host")
	}
	return nil
}

// fill puts a row's values in. It is "" when one is missing, and false when one
// would lead to another place of the store.
func (t MediaTemplate) fill(c source.Conversation, m source.Message) (string, bool) {
	var b strings.Builder
	at, inQuery := 0, false
	for _, span := range placeholder.FindAllStringIndex(string(t), -1) {
		literal := string(t[at:span[0]])
		inQuery = inQuery || strings.Contains(literal, "?")
		b.WriteString(literal)
		at = span[1]
		var value string
		steps := false
		switch string(t[span[0]:span[1]]) {
		case conversationPlaceholder:
			value = string(c.ID)
		case idPlaceholder:
			value = m.ID
		case mediaURLPlaceholder:
			value, steps = strings.TrimSpace(m.MediaURL), true
		default:
			value = m.FileName
		}
		if Blank(value) {
			return "", true
		}
		escaped, ok := escapeValue(value, inQuery, steps)
		if !ok {
			return "", false
		}
		b.WriteString(escaped)
	}
	b.WriteString(string(t[at:]))
	return b.String(), true
}

// escapeValue makes a value fit for its place in a URL. In a path it may not be a
// step that leads elsewhere; with steps it may have several.
func escapeValue(value string, inQuery, steps bool) (string, bool) {
	if inQuery {
		return url.QueryEscape(value), true
	}
	pieces := []string{value}
	if steps {
		pieces = strings.Split(strings.TrimLeft(value, "/"), "/")
	}
	for i, p := range pieces {
		if p == "." || p == ".." {
			return "", false
		}
		pieces[i] = url.PathEscape(p)
	}
	return strings.Join(pieces, "/"), true
}
