package ledger_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Names of statements, wherever they stand: in a call, in a list of steps, or handed on.
var named = regexp.MustCompile(`"([a-z]+(?:_[a-z]+)+)"`)

// TestStatements: each file of SQL is named in the code, and each statement that is
// asked for has its file; otherwise the first who needs it would find out.
func TestStatements(t *testing.T) {
	var files, names, asked []string
	all, err := filepath.Glob("sql/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		files = append(files, strings.TrimSuffix(filepath.Base(f), ".sql"))
	}
	code, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	calls := regexp.MustCompile(`(?:statement|refusals)\((?:ctx, )?"([a-z_]+)"`)
	for _, f := range code {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
		for _, m := range calls.FindAllSubmatch(text, -1) {
			asked = append(asked, string(m[1]))
		}
	}
	for _, f := range files {
		if !slices.Contains(names, f) && f != "beat" && f != "learn" {
			t.Errorf("nobody asks for sql/%s.sql", f)
		}
	}
	for _, name := range asked {
		if !slices.Contains(files, name) {
			t.Errorf("there is no sql/%s.sql", name)
		}
	}
	if len(asked) < 50 {
		t.Errorf("only %d statements are asked for: the test does not test", len(asked))
	}
}
