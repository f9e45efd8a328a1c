package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// mutant is a patch that takes one defence out, and the test that must miss it.
type mutant struct {
	name  string // of the patch, without .patch
	patch string // its path
	pkg   string
	run   string   // pattern for go test -run
	files []string // that the patch changes
}

// parse reads a patch. Before its first file stand sentences that say what it takes
// out, and the line
//
//	Test: ./importer -run ^TestCrashInDoubt$
func parse(path string) (mutant, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return mutant{}, err
	}
	m := mutant{name: strings.TrimSuffix(filepath.Base(path), ".patch"), patch: path}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if test, ok := strings.CutPrefix(line, "Test: "); ok {
			m.pkg, m.run, _ = strings.Cut(test, " -run ")
		}
		if file, ok := strings.CutPrefix(line, "+++ b/"); ok {
			m.files = append(m.files, file)
		}
	}
	if m.pkg == "" || m.run == "" || len(m.files) == 0 {
		return mutant{}, fmt.Errorf("%s: want a line such as “Test: ./pace -run ^TestGateIsAskedLast$”, and a patch", path)
	}
	return m, nil
}

// fate is what became of a mutant.
type fate string

const (
	killed    fate = "killed"
	hung      fate = "killed (hung)" // the test's time was up
	survived  fate = "SURVIVED"
	untested  fate = "NO SUCH TEST"
	unbuilt   fate = "DOES NOT BUILD"
	unapplied fate = "DOES NOT APPLY"
)

// result is a mutant's fate and what was printed on the way.
type result struct {
	mutant
	fate  fate
	took  time.Duration
	words string
}

// try builds the test with the patched files in place of the real ones, and runs
// it. The tree stays as it is. A test that hangs until its time is up has failed.
func (m mutant) try(ctx context.Context, dir string, timeout time.Duration) (r result) {
	r.mutant = m
	defer func(begun time.Time) { r.took = time.Since(begun) }(time.Now())
	overlay, err := m.apply(ctx, dir)
	if err != nil {
		r.fate, r.words = unapplied, err.Error()
		return r
	}
	binary := filepath.Join(dir, "test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags", "-s -w", "-overlay", overlay, "-o", binary, m.pkg).CombinedOutput(); err != nil {
		r.fate, r.words = unbuilt, string(out)
		return r
	}
	cmd := exec.CommandContext(ctx, binary, "-test.run", m.run, "-test.timeout", timeout.String(), "-test.failfast")
	cmd.Dir = m.pkg
	out, err := cmd.CombinedOutput()
	r.words = string(out)
	switch {
	case strings.Contains(r.words, "panic: test timed out"):
		r.fate = hung
	case err != nil:
		r.fate = killed
	case strings.Contains(r.words, "no tests to run"):
		r.fate = untested
	default:
		r.fate = survived
	}
	return r
}

// apply copies the files of the patch to dir, changes them there, and tells the
// compiler about it in an overlay.
func (m mutant) apply(ctx context.Context, dir string) (overlay string, err error) {
	root, err := os.Getwd()
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for _, file := range m.files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		copied := filepath.Join(dir, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(copied), 0o755), os.WriteFile(copied, text, 0o644)); err != nil {
			return "", err
		}
		replace[filepath.Join(root, file)] = copied
	}
	patch, err := filepath.Abs(m.patch)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "git", "apply", patch)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir)) // no repository around it matters
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %s", err, bytes.TrimSpace(out))
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o644)
}
