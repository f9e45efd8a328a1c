package amoimport_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// The pages may name tests and files, and link to other pages; what they name must exist.
var (
	namedTest = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)(?:/[^`]*)?`")
	linked    = regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`)
	defined   = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z]\w*)\(`)
)

func TestDocsNameWhatExists(t *testing.T) {
	var tests []string
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if d != nil && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range defined.FindAllSubmatch(text, -1) {
			tests = append(tests, string(m[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range namedTest.FindAllSubmatch(text, -1) {
			if !slices.Contains(tests, string(m[1])) {
				t.Errorf("%s names %s, which there is not", page, m[1])
			}
		}
		for _, m := range linked.FindAllSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), string(m[1]))); err != nil {
				t.Errorf("%s links to %s, which there is not", page, m[1])
			}
		}
	}
}

func pages(t *testing.T) []string {
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) < 4 {
		t.Errorf("only %d pages: %v", len(all), all)
	}
	return all
}
