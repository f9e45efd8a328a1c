// Package amoimport_test holds what is true of the repository as a whole.
package amoimport_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/amoimport/amoimport"

// knows lists what a package may import of ours. A trailing /... stands for the package and all below it. A package
// without a row fails the test: where it stands among the others is to be decided, not to happen.
var knows = map[string][]string{
	// The leaves know nothing of each other; the two clients share how they speak HTTP.
	"source":           nil,
	"pace":             nil,
	"amojo":            {"internal/httpapi"},
	"amocrm":           {"internal/httpapi"},
	"sandbox":          nil,
	"importer/outcome": nil,
	"migrations":       nil,

	// The importer knows the leaves; what is below it does not know it.
	"importer/identity": {"source", "importer/outcome"},
	"importer/compose":  {"source", "amojo", "importer/identity", "importer/outcome"},
	"importer/media":    {"importer/compose", "pace"},
	"importer/ledger":   {"source", "importer/outcome", "migrations"},
	"importer/dryrun":   {"source", "importer", "importer/compose", "importer/identity", "importer/ledger", "importer/media", "importer/outcome"},
	"importer/verify":   {"source", "amojo", "importer/compose", "importer/ledger", "importer/outcome", "pace"},
	"importer/tidy":     {"source", "amocrm", "pace", "importer/ledger"},
	"importer/report":   {"source", "importer/ledger", "importer/outcome", "importer/verify"},
	"importer": {"source", "amojo", "amocrm", "pace",
		"importer/compose", "importer/identity", "importer/ledger", "importer/media", "importer/outcome"},

	"internal/page":           {"importer/ledger", "importer/outcome"},
	"internal/config":         {"importer/compose", "importer/identity", "importer/outcome"},
	"internal/demodata":       {"source", "importer/outcome"},
	"internal/httpapi":        nil,
	"internal/mapping":        nil,
	"internal/embedpg":        nil,
	"internal/embedpg/pgtest": {"internal/embedpg"},

	// main knows everybody.
	"cmd/...": {"..."},

	// Tests only.
	".":               nil,
	"scripts":         nil,
	"internal/mutate": nil,
}

// reserved lists who may import a module of others. Modules without a row are free, but not for the standalone.
var reserved = map[string][]string{
	"github.com/jackc/pgx":        {"source", "importer/ledger", "internal/embedpg/...", "internal/demodata", "cmd/..."},
	"github.com/sourcegraph/conc": {"importer", "importer/dryrun", "importer/tidy", "importer/verify"},
	"github.com/rs/zerolog":       {"importer", "cmd/..."},
	"github.com/spf13/cobra":      {"cmd/..."},
	"github.com/vbauerster/mpb":   {"cmd/..."},
}

// standalone packages import no module of others.
var standalone = []string{"amojo", "amocrm", "internal/httpapi", "sandbox", "importer/outcome"}

// nameless are names that say nothing about what is inside.
var nameless = []string{"util", "utils", "helper", "helpers", "common", "types", "manager"}

// listed is what go list tells of a package. Imports are those of its non-test files.
type listed struct {
	ImportPath, Name, Dir string

	Imports, GoFiles, TestGoFiles, XTestGoFiles []string
}

// matches tells whether one of the patterns covers a package.
func matches(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		prefix, below := strings.CutSuffix(p, "...")
		return p == pkg || below && strings.HasPrefix(pkg+"/", prefix)
	})
}

// ours returns the path of a package inside the module.
func ours(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

// faults checks packages against the tables above.
func faults(packages []listed) []string {
	var faults []string
	for _, p := range packages {
		pkg, _ := ours(p.ImportPath)
		row := ""
		for pattern := range knows {
			if matches([]string{pattern}, pkg) {
				row = pattern
			}
		}
		if row == "" {
			faults = append(faults, pkg+" has no row in the table of who knows whom")
		}
		if slices.Contains(nameless, p.Name) || slices.Contains(nameless, path.Base(pkg)) {
			faults = append(faults, pkg+" has a name that says nothing")
		}
		for _, file := range p.GoFiles {
			if slices.Contains(nameless, strings.TrimSuffix(file, ".go")) {
				faults = append(faults, pkg+"/"+file+" has a name that says nothing")
			}
		}
		for _, imported := range p.Imports {
			if standard(imported) {
				continue
			}
			if other, ok := ours(imported); ok {
				if row != "" && !matches(knows[row], other) {
					faults = append(faults, pkg+" imports "+other)
				}
				continue
			}
			if slices.Contains(standalone, pkg) {
				faults = append(faults, pkg+" imports "+imported+", a module of others")
			}
			for mod, users := range reserved {
				if strings.HasPrefix(imported+"/", mod+"/") && !matches(users, pkg) {
					faults = append(faults, pkg+" imports "+imported)
				}
			}
		}
	}
	return faults
}

func list(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Dir,Imports,GoFiles,TestGoFiles,XTestGoFiles", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestWhoKnowsWhom(t *testing.T) {
	packages := list(t)
	if len(packages) < 5 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	for _, fault := range faults(packages) {
		t.Error(fault)
	}
}

func TestNoInit(t *testing.T) {
	for _, p := range list(t) {
		for _, file := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			inits, err := countInits(filepath.Join(p.Dir, file), nil)
			if err != nil {
				t.Error(err)
			}
			if inits > 0 {
				t.Errorf("%s/%s has a func init: what a program does begins in main", p.ImportPath, file)
			}
		}
	}
}

// countInits counts the init functions of a file, or of the text src if there is one.
func countInits(file string, src any) (n int, err error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.SkipObjectResolution)
	if err != nil {
		return 0, err
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			n++
		}
	}
	return n, nil
}

// TestFaultsAreFound shows made-up packages to the checks.
func TestFaultsAreFound(t *testing.T) {
	for _, c := range []struct {
		pkg, imports string
		want         []string
	}{
		{"importer", module + "/amojo", nil},
		{"importer/compose", module + "/amojo", nil},
		{"cmd/amoimport", module + "/importer", nil},
		{"internal/embedpg/pgtest", "github.com/jackc/pgx/v5/pgxpool", nil},
		{"amojo", "net/http", nil},

		{"amojo", module + "/amocrm", []string{"amojo imports amocrm"}},
		{"sandbox", module + "/amojo", []string{"sandbox imports amojo"}},
		{"importer/ledger", module + "/importer", []string{"importer/ledger imports importer"}},
		{"importer/ledger", module + "/amojo", []string{"importer/ledger imports amojo"}},
		{"internal/page", module + "/importer", []string{"internal/page imports importer"}},
		{"internal/page", module + "/source", []string{"internal/page imports source"}},
		{"pace", module + "/internal/embedpg", []string{"pace imports internal/embedpg"}},
		{"importer", module + "/cmd/amoimport", []string{"importer imports cmd/amoimport"}},

		{"pace", "github.com/jackc/pgx/v5", []string{"pace imports github.com/jackc/pgx/v5"}},
		{"importer/ledger", "github.com/sourcegraph/conc/pool", []string{"importer/ledger imports github.com/sourcegraph/conc/pool"}},
		{"importer/ledger", "github.com/rs/zerolog", []string{"importer/ledger imports github.com/rs/zerolog"}},
		{"importer", "github.com/spf13/cobra", []string{"importer imports github.com/spf13/cobra"}},
		{"importer", "github.com/vbauerster/mpb/v8", []string{"importer imports github.com/vbauerster/mpb/v8"}},
		{"amocrm", "golang.org/x/time/rate", []string{"amocrm imports golang.org/x/time/rate, a module of others"}},

		{"extra", "fmt", []string{"extra has no row in the table of who knows whom"}},
		{"cmd/amoimport/utils", "fmt", []string{"cmd/amoimport/utils has a name that says nothing"}},
	} {
		p := listed{ImportPath: module + "/" + c.pkg, Name: path.Base(c.pkg), Imports: []string{c.imports}}
		if diff := cmp.Diff(c.want, faults([]listed{p})); diff != "" {
			t.Errorf("%s importing %s (-want +got):\n%s", c.pkg, c.imports, diff)
		}
	}

	p := listed{ImportPath: module + "/pace", Name: "pace", GoFiles: []string{"types.go"}}
	if diff := cmp.Diff([]string{"pace/types.go has a name that says nothing"}, faults([]listed{p})); diff != "" {
		t.Error(diff)
	}

	for src, want := range map[string]int{
		"package p\nfunc init() {}":             1,
		"package p\nfunc (t T) init() {}":       0,
		"package p\nvar init2 = 1\nfunc f() {}": 0,
	} {
		if got, err := countInits("p.go", src); err != nil || got != want {
			t.Errorf("%q: %d inits, want %d; %v", src, got, want, err)
		}
	}
}
