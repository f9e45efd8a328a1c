package mapping_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/internal/mapping"
	"github.com/amoimport/amoimport/source"
)

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "mapping.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// told is a column as the page tells of it.
type told struct {
	types    []string
	required bool
}

// contract is what the page's tables say of the columns of a query.
func contract(t *testing.T, query string) (names []string, columns map[string]told) {
	t.Helper()
	_, text, found := strings.Cut(page(t), "\n**"+query+"**")
	if !found {
		t.Fatalf("the page does not tell of %s", query)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	columns = map[string]told{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "**") || strings.HasPrefix(line, "#") {
			break
		}
		cells := strings.Split(line, "|")
		if name := quoted.FindStringSubmatch(line); len(cells) == 6 && name != nil {
			c := told{required: strings.TrimSpace(cells[3]) == "yes"}
			for _, typ := range quoted.FindAllStringSubmatch(cells[2], -1) {
				c.types = append(c.types, typ[1])
			}
			if strings.Contains(cells[2], "an enum") {
				c.types = append(c.types, "mood")
			}
			names = append(names, name[1])
			columns[name[1]] = c
		}
	}
	return names, columns
}

// TestPageTellsTheContract asks package source about every column, type and
// required column that the page names.
func TestPageTellsTheContract(t *testing.T) {
	dsn := pgtest.Database(t)
	exec(t, dsn, "create type mood as enum ('in', 'out')")
	check := func(t *testing.T, query, sql string) error {
		m := mapping.Mapping{Zone: "UTC",
			Conversations: "select 'c' as id", Managers: "select 'm' as id",
			Messages: "select 'c' as conversation_id, 'm' as id, now() as sent_at, 'in' as direction"}
		*map[string]*string{"conversations": &m.Conversations, "messages": &m.Messages, "managers": &m.Managers}[query] = sql
		return connected(t, dsn, m).Check(t.Context())
	}
	for _, query := range []string{"conversations", "messages", "managers"} {
		t.Run(query, func(t *testing.T) {
			names, columns := contract(t, query)
			canonical, err := os.ReadFile(filepath.Join("..", "..", "source", "canonical", query+".sql"))
			if err != nil {
				t.Fatal(err)
			}
			list, _, _ := strings.Cut(strings.TrimPrefix(string(canonical), "select"), "\nfrom ")
			want := strings.Split(strings.Join(strings.Fields(list), ""), ",")
			if diff := gocmp.Diff(want, names); diff != "" {
				t.Fatalf("columns (-known +told):\n%s", diff)
			}
			for round := 0; ; round++ { // each time another type of every column that has more
				var sql []string
				more := false
				for _, name := range names {
					types := columns[name].types
					if len(types) == 0 {
						t.Fatalf("%s has no types", name)
					}
					more = more || round < len(types)
					sql = append(sql, "null::"+types[min(round, len(types)-1)]+" as "+name)
				}
				if !more {
					break
				}
				if err := check(t, query, "select "+strings.Join(sql, ", ")); err != nil {
					t.Error(err)
				}
			}
			// What is not required may be missing, and all that is required is missed.
			var required, optional, missed []string
			for _, name := range names {
				column := "null::" + columns[name].types[0] + " as " + name
				if columns[name].required {
					required = append(required, column)
				} else {
					optional = append(optional, column)
				}
			}
			if err := check(t, query, "select "+strings.Join(required, ", ")); err != nil {
				t.Error(err)
			}
			var differs *source.ContractError
			if err := check(t, query, "select "+strings.Join(optional, ", ")); !errors.As(err, &differs) {
				t.Fatal(err)
			}
			for _, d := range differs.Differences {
				missed = append(missed, "null::"+columns[d.Column].types[0]+" as "+d.Column)
			}
			if diff := gocmp.Diff(required, missed); diff != "" {
				t.Errorf("required columns (-told +missed):\n%s", diff)
			}
		})
	}
}

// TestPageQuotesTheQueries shows that what the page says about the examples is in
// them.
func TestPageQuotesTheQueries(t *testing.T) {
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	text := page(t)
	for _, m := range mapping.All() {
		for _, query := range []string{"conversations", "messages", "managers"} {
			if link := "(../internal/mapping/" + m.Name + "/" + query + ".sql)"; !strings.Contains(text, link) {
				t.Errorf("the page does not link to %s", link)
			}
		}
	}
	examples := strings.Split(text, "\n## Example: ")
	if len(examples) != 1+len(mapping.All()) {
		t.Fatalf("there are %d examples", len(examples)-1)
	}
	for i, m := range mapping.All() {
		fences := strings.Split(examples[i+1], "```")
		if len(fences) < 5 {
			t.Errorf("%s: there are few quotes", m.Name)
		}
		for j := 1; j < len(fences); j += 2 {
			quote, is := strings.CutPrefix(fences[j], "sql\n")
			if !is || !strings.Contains(words(m.Messages), words(quote)) {
				t.Errorf("%s: it does not hold %s", m.Name, fences[j])
			}
		}
	}
}
