package outcome_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/importer/outcome"
)

func TestEveryReasonIsWellFormed(t *testing.T) {
	snake := regexp.MustCompile(`^[a-z]+(_[a-z0-9]+)*$`)
	for _, r := range outcome.All() {
		if !snake.MatchString(string(r.Code)) {
			t.Errorf("code %q is not snake_case", r.Code)
		}
		if !slices.Contains([]outcome.Outcome{outcome.Sent, outcome.Skipped, outcome.Parked}, r.Outcome) {
			t.Errorf("%s leads to %q", r.Code, r.Outcome)
		}
		for _, s := range []string{r.Short, r.Advice} {
			if s == "" || strings.ContainsAny(s, "\r\n") || strings.HasSuffix(s, ".") {
				t.Errorf("%s: %q should be one line without a full stop", r.Code, s)
			}
		}
	}
}

func TestAllIsSortedAndWithoutDoubles(t *testing.T) {
	var codes []outcome.Code
	for _, r := range outcome.All() {
		codes = append(codes, r.Code)
	}
	want := slices.Compact(slices.Sorted(slices.Values(codes)))
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Error(diff)
	}
}

func TestLookup(t *testing.T) {
	for _, want := range outcome.All() {
		if got, ok := outcome.Lookup(want.Code); !ok || got != want {
			t.Errorf("Lookup(%q) = %v, %v", want.Code, got, ok)
		}
	}
	if r, ok := outcome.Lookup("no_such_code"); ok {
		t.Errorf("Lookup found %v", r)
	}
}

// The names of codes that Go code uses and the registry are one list.
func TestEveryCodeIsRegistered(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []outcome.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Code" {
			t.Errorf("constant %s should say its type, Code", spec.Names[0])
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		declared = append(declared, outcome.Code(code))
		return true
	})
	slices.Sort(declared)
	var registered []outcome.Code
	for _, r := range outcome.All() {
		registered = append(registered, r.Code)
	}
	if diff := cmp.Diff(declared, registered); diff != "" {
		t.Errorf("declared (-) and registered (+) codes differ:\n%s", diff)
	}
}

func TestAllCannotBeChangedByCallers(t *testing.T) {
	outcome.All()[0].Short = "changed"
	if outcome.All()[0].Short == "changed" {
		t.Error("the registry can be changed from outside")
	}
}
