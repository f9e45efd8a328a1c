//go:build unix

package embedpg_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/internal/embedpg"
)

// stub puts stand-ins for the binaries into a folder: an initdb that says who it is and fails.
func stub(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"initdb", "postgres"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho stand-in $0\nexit 7\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestNoBinaries(t *testing.T) {
	half := filepath.Join(openDir(t), "bin")
	stub(t, half)
	if err := os.Remove(filepath.Join(half, "initdb")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", half, "."} {
		t.Setenv("PATH", path)
		_, err := embedpg.Start(t.Context(), embedpg.Options{Places: []string{"/nowhere/postgresql/*/bin", half}})
		var missing *embedpg.NotFoundError
		if !errors.As(err, &missing) {
			t.Fatalf("PATH %q: %v", path, err)
		}
		want := "private Postgres: no server binaries (initdb and postgres) on PATH nor in /nowhere/postgresql/*/bin, " + half
		if err.Error() != want {
			t.Errorf("PATH %q:\n got %s\nwant %s", path, err, want)
		}
		for _, way := range []string{
			"apt-get install postgresql", "docker compose up -d", "postgres://postgres:amoimport@127.0.0.1:54329/postgres",
			"AMOIMPORT_TEST_DATABASE_URL", "--dsn",
		} {
			if !strings.Contains(missing.Hint(), way) {
				t.Errorf("the hint does not name %q: %s", way, missing.Hint())
			}
		}
	}
}

// TestSearch starts stand-ins that fail, so that the error tells which one was taken.
func TestSearch(t *testing.T) {
	dir := openDir(t)
	onPath := stub(t, filepath.Join(dir, "path"))
	stub(t, filepath.Join(dir, "postgresql/9.6/bin"))
	newest := stub(t, filepath.Join(dir, "postgresql/17/bin"))
	stub(t, filepath.Join(dir, "postgresql/16/bin"))
	other := stub(t, filepath.Join(dir, "other"))
	pattern := filepath.Join(dir, "postgresql/*/bin")

	for _, c := range []struct {
		name, path string
		places     []string
		want       string
	}{
		{"PATH first", onPath, []string{pattern}, onPath},
		{"newest version", "", []string{pattern}, newest},
		{"places in order", "", []string{other, pattern}, other},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PATH", c.path)
			_, err := embedpg.Start(t.Context(), embedpg.Options{Places: c.places})
			var failed *embedpg.Error
			if !errors.As(err, &failed) {
				t.Fatal(err)
			}
			for _, want := range []string{"initdb ended with status 7", "stand-in " + c.want + "/initdb"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %s", want, err)
				}
			}
		})
	}
}

// TestUnreachable is about root alone: what root has for itself is no use to the account that runs the server.
func TestUnreachable(t *testing.T) {
	dir := openDir(t)
	bin := stub(t, filepath.Join(dir, "closed/bin"))
	if err := os.Chmod(filepath.Join(dir, "closed"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "")
	_, err := embedpg.Start(t.Context(), embedpg.Options{Places: []string{bin}})
	want := "initdb ended with status 7"
	if os.Geteuid() == 0 {
		want = "private Postgres: the server binaries in " + bin + " cannot be reached by the account that has to run them for root"
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestForeignFolder(t *testing.T) {
	dir := openDir(t)
	file := filepath.Join(dir, "precious")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := embedpg.Start(t.Context(), embedpg.Options{Dir: dir})
	var refused *embedpg.Error
	if !errors.As(err, &refused) {
		t.Fatalf("started in a folder with other files: %v", err)
	}
	if want := "private Postgres: use data folder " + dir + ": it holds files and was not made by an earlier start"; err.Error() != want {
		t.Errorf("got %s, want %s", err, want)
	}
	if refused.Hint() != "Name a folder that is new, empty, or was kept earlier." {
		t.Error(refused.Hint())
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

// TestScriptLooksInTheSamePlaces holds the search of the installing script and ours together: else it would install
// what we find, or leave out what we do not.
func TestScriptLooksInTheSamePlaces(t *testing.T) {
	script, err := os.ReadFile("../../scripts/postgres.sh")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(script), "\there \\\n")
	list, _, _ = strings.Cut(list, "\n}")
	got := strings.Fields(strings.ReplaceAll(list, "\\\n", " "))
	if diff := cmp.Diff(embedpg.UsualPlaces(), got); diff != "" {
		t.Errorf("places (-ours +the script's):\n%s", diff)
	}
}
