package embedpg

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// usualPlaces are where packages put the server's binaries without putting them on PATH.
func usualPlaces() []string {
	return []string{
		"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
		"/usr/pgsql-*/bin",                                   // PGDG packages for RHEL, Fedora
		"/usr/libexec/postgresql*",                           // Alpine
		"/opt/homebrew/opt/postgresql@*/bin",                 // Homebrew, Apple silicon
		"/usr/local/opt/postgresql@*/bin",                    // Homebrew, Intel
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",    // Homebrew, Linux
		"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
		"/usr/local/pgsql/bin",                               // built from source
	}
}

// NotFoundError says that this machine has no Postgres server binaries.
type NotFoundError struct {
	Places []string // the patterns that were searched after PATH
	Closed []string // folders with binaries that the account which has to run them cannot reach
}

func (e *NotFoundError) Error() string {
	if len(e.Closed) > 0 {
		return "private Postgres: the server binaries in " + strings.Join(e.Closed, ", ") +
			" cannot be reached by the account that has to run them for root"
	}
	return "private Postgres: no server binaries (initdb and postgres) on PATH nor in " + strings.Join(e.Places, ", ")
}

// Hint names the ways out.
func (e *NotFoundError) Hint() string {
	return "Install the server's package (apt-get install postgresql, dnf install postgresql-server, apk add postgresql, " +
		"or brew install postgresql@17; make demo and make test do it for you), or run docker compose up -d and point at it with " +
		"postgres://postgres:amoimport@127.0.0.1:54329/postgres, or take the DSN of any Postgres: " +
		"AMOIMPORT_TEST_DATABASE_URL for the tests, --dsn for the demo."
}

// find returns the folder that holds both initdb and postgres and that the account can reach: the first one on PATH,
// else the newest one of the first place that has any.
func find(path string, places []string, as *account) (string, error) {
	if places == nil {
		places = usualPlaces()
	}
	missing := &NotFoundError{Places: places}
	var dirs []string
	for _, dir := range filepath.SplitList(path) {
		if filepath.IsAbs(dir) { // a relative entry means the working folder, where foreign programs may lie
			dirs = append(dirs, dir)
		}
	}
	for _, pattern := range places {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", &Error{Op: "look in " + pattern, Err: err}
		}
		slices.SortFunc(found, func(a, b string) int { return slices.Compare(numbers(b), numbers(a)) })
		dirs = append(dirs, found...)
	}
	for _, dir := range dirs {
		initdb, postgres := filepath.Join(dir, "initdb"), filepath.Join(dir, "postgres")
		if !executable(initdb) || !executable(postgres) {
			continue
		}
		if as != nil && (!as.reaches(initdb) || !as.reaches(postgres)) {
			missing.Closed = append(missing.Closed, dir)
			continue
		}
		return dir, nil
	}
	return "", missing
}

func executable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// numbers are the numbers in a path or a version, in order: enough to put 17 before 9.6.
func numbers(s string) []int {
	var v []int
	for _, digits := range strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(digits); err == nil {
			v = append(v, n)
		}
	}
	return v
}
