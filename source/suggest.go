package source

import (
	"fmt"
	"slices"
	"strings"
)

// usualNames are names under which other systems keep a column.
var usualNames = map[string][]string{
	"id":              {"uuid", "guid", "pk", "key", "number"},
	"conversation_id": {"chat_id", "dialog_id", "thread_id", "ticket_id", "room_id", "channel_id", "session_id"},
	"sent_at":         {"created_at", "created", "date", "datetime", "time", "timestamp", "ts", "sent", "sent_on", "posted_at", "message_date"},
	"direction":       {"dir", "type", "message_type", "kind", "side", "incoming", "is_incoming", "outgoing", "from_client"},
	"text":            {"body", "content", "message", "msg", "txt"},
	"media_url":       {"url", "file_url", "attachment_url", "attachment", "media"},
	"file_name":       {"filename", "attachment_name"},
	"manager_id":      {"operator_id", "agent_id", "user_id", "employee_id"},
	"reply_to_id":     {"reply_to", "parent_id", "quoted_id", "in_reply_to"},
	"client_name":     {"name", "customer_name", "full_name"},
	"client_phone":    {"phone", "customer_phone"},
	"client_email":    {"email", "customer_email"},
}

// misnamed finds a column that the contract does not know and that seems to be one
// of its optional columns, which the query does not return. Taken as it is, what
// it holds would silently not be moved.
func misnamed(name string, t table, s shape) (column, bool) {
	var best column
	var bestScore float64
	for _, c := range t.columns {
		if s.has(c.name) || c.required || !c.class.accepts(s.columns[name]) {
			continue
		}
		score := likeness(name, c.name)
		if slices.Contains(usualNames[c.name], strings.ToLower(name)) {
			score = 1
		}
		if score > bestScore {
			best, bestScore = c, score
		}
	}
	return best, bestScore >= 0.7
}

// missing says that a required column is not there, and which other column may
// be the one that is meant.
func missing(c column, t table, s shape) (problem, hint string) {
	best, bestScore := "", 0.0
	for _, name := range s.names {
		if _, taken := t.column(name); taken {
			continue
		}
		score := likeness(name, c.name)
		if usual := slices.Index(usualNames[c.name], strings.ToLower(name)); usual >= 0 {
			score = max(score, 0.95-0.01*float64(usual))
		}
		if strings.Contains(strings.ToLower(name), c.name) {
			score = max(score, 0.8)
		}
		if !c.class.accepts(s.columns[name]) {
			// The right name with the wrong type is still worth a word, but a column
			// that fits as it is comes first.
			score -= 0.3
		} else if c.class == classTime {
			score += 0.3 // few columns are times, so that says a lot
		}
		if score > bestScore {
			best, bestScore = name, score
		}
	}
	if bestScore < 0.45 {
		return "is missing", fmt.Sprintf("Return %s under the name %s.", c.class.wants(), c.name)
	}
	typ := s.columns[best]
	expr := quoteName(best)
	if sql := c.advice(expr, typ); sql != "" && !c.class.accepts(typ) {
		expr = sql
	}
	return fmt.Sprintf("is missing; %s is %s", best, article(typ.name)),
		fmt.Sprintf("Did you mean `%s as %s`?", expr, c.name)
}

// likeness of two names, from 0 to 1: the share of letters that need no edit.
func likeness(a, b string) float64 {
	a, b = strings.ToLower(a), strings.ToLower(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	longer := max(len(a), len(b))
	if longer == 0 {
		return 0
	}
	return 1 - float64(row[len(b)])/float64(longer)
}

// article puts the right article before the name of a type.
func article(typ string) string {
	if typ != "" && strings.ContainsRune("aeiou", rune(typ[0])) && typ != "uuid" {
		return "an " + typ
	}
	return "a " + typ
}

// quoteName writes a column name as SQL wants it.
func quoteName(name string) string {
	plain := name != ""
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c == '_' || c >= '0' && c <= '9' && i > 0) {
			plain = false
		}
	}
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
