package scripts_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// machine is a PATH of stand-ins that write down how they were called.
type machine struct {
	path   string
	called string // file with a line a call
	bin    string // where the server's binaries would be
}

func newMachine(t *testing.T, uid int, commands ...string) machine {
	t.Helper()
	dir := t.TempDir()
	m := machine{path: filepath.Join(dir, "path"), called: filepath.Join(dir, "called"), bin: filepath.Join(dir, "bin")}
	for _, d := range []string{m.path, m.bin} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m.write(t, filepath.Join(m.path, "id"), fmt.Sprintf("echo %d", uid))
	for _, tool := range []string{"env", "cat"} {
		real, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		m.write(t, filepath.Join(m.path, tool), "exec "+real+` "$@"`)
	}
	for _, c := range commands {
		does := ""
		switch c {
		case "sudo":
			does = `exec "$@"`
		default: // installing is putting the binaries where they belong
			does = fmt.Sprintf(`case "$*" in *postgresql*) : >%[1]s/initdb; : >%[1]s/postgres; %[2]s 755 %[1]s/*;;
				*pgbouncer*) : >%[1]s/pgbouncer; %[2]s 755 %[1]s/*;; esac`, m.bin, lookup(t, "chmod"))
		}
		m.write(t, filepath.Join(m.path, c), fmt.Sprintf("echo \"%s $*\" >>%s\n%s", c, m.called, does))
	}
	return m
}

func lookup(t *testing.T, tool string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (m machine) write(t *testing.T, file, script string) {
	t.Helper()
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// run runs the script on the machine, with words before the folder, and returns what
// was called and what it said.
func (m machine) run(t *testing.T, words ...string) (calls []string, said string, err error) {
	t.Helper()
	cmd := exec.Command("/bin/sh", append(append([]string{"postgres.sh"}, words...), m.bin)...)
	cmd.Env = []string{"PATH=" + m.path}
	out, err := cmd.CombinedOutput()
	called, readErr := os.ReadFile(m.called)
	if readErr != nil && !os.IsNotExist(readErr) {
		t.Fatal(readErr)
	}
	return strings.Split(strings.TrimSpace(string(called)), "\n"), string(out), err
}

func TestInstall(t *testing.T) {
	const root, user = 0, 1000
	for _, c := range []struct {
		name     string
		uid      int
		commands []string
		want     []string
	}{
		{"apt-get as root", root, []string{"apt-get", "sudo"}, []string{"apt-get update", "apt-get install -y postgresql"}},
		{"apt-get with sudo", user, []string{"apt-get", "sudo"}, []string{
			"sudo apt-get update", "apt-get update",
			"sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y postgresql", "apt-get install -y postgresql",
		}},
		{"dnf", root, []string{"dnf"}, []string{"dnf install -y postgresql-server"}},
		{"dnf with sudo", user, []string{"dnf", "sudo"}, []string{"sudo dnf install -y postgresql-server", "dnf install -y postgresql-server"}},
		{"apk", root, []string{"apk"}, []string{"apk add postgresql"}},
		{"brew without sudo", user, []string{"brew", "sudo"}, []string{"brew install postgresql@17"}},
		{"the system's own before brew", root, []string{"brew", "dnf"}, []string{"dnf install -y postgresql-server"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, c.uid, c.commands...)
			calls, said, err := m.run(t)
			if err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			if diff := cmp.Diff(c.want, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if want := strings.TrimPrefix(c.want[len(c.want)-1], "sudo "); !strings.Contains(said, want+"\n") {
				t.Errorf("it did not say that it runs %q:\n%s", want, said)
			}

			again, said, err := m.run(t)
			if err != nil || len(again) != len(calls) || said != "" {
				t.Errorf("with the binaries there it still does something: %v, %v\n%s", again, err, said)
			}
		})
	}
}

// TestInstallPooler wants another program, whether the server's are there or not.
func TestInstallPooler(t *testing.T) {
	for manager, want := range map[string]string{
		"apt-get": "apt-get install -y pgbouncer", "dnf": "dnf install -y pgbouncer", "apk": "apk add pgbouncer", "brew": "brew install pgbouncer",
	} {
		uid := 0
		if manager == "brew" {
			uid = 1000
		}
		m := newMachine(t, uid, manager)
		if _, said, err := m.run(t); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		calls, said, err := m.run(t, "pgbouncer")
		if err != nil || calls[len(calls)-1] != want || !strings.Contains(said, "No pgbouncer found; running: ") {
			t.Errorf("%v, %v\n%s", calls, err, said)
		}
		if again, said, err := m.run(t, "pgbouncer"); err != nil || len(again) != len(calls) || said != "" {
			t.Errorf("with the program there it still does something: %v, %v\n%s", again, err, said)
		}
	}
	_, said, err := newMachine(t, 0).run(t, "pgbouncer")
	if err == nil || !strings.Contains(said, "No pgbouncer, which the tests put before the ledger: none of apt-get, dnf, apk and brew is here") {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestInstallIsImpossible(t *testing.T) {
	for _, c := range []struct {
		name     string
		uid      int
		commands []string
		want     string
	}{
		{"no package manager", 0, nil, "none of apt-get, dnf, apk and brew is here to install them"},
		{"no rights", 1000, []string{"apt-get"},
			"without sudo only root can install them: env DEBIAN_FRONTEND=noninteractive apt-get install -y postgresql"},
		{"brew as root", 0, []string{"brew"}, "Homebrew installs nothing for root; as another user: brew install postgresql@17"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, c.uid, c.commands...)
			calls, said, err := m.run(t)
			failed(t, said, err, c.want)
			if calls[0] != "" {
				t.Errorf("it called %v", calls)
			}
		})
	}
}

func TestInstallFails(t *testing.T) {
	for _, c := range []struct{ does, want string }{
		{"exit 100", "dnf install -y postgresql-server failed"},
		{"exit 0", "the package was installed, but they are still not on PATH nor in the usual places"},
	} {
		m := newMachine(t, 0)
		m.write(t, filepath.Join(m.path, "dnf"), c.does)
		_, said, err := m.run(t)
		failed(t, said, err, c.want)
	}
}

func failed(t *testing.T, said string, err error, want string) {
	t.Helper()
	if err == nil {
		t.Error("it reports success")
	}
	if want := "No Postgres server binaries (initdb and postgres): " + want + ".\n"; !strings.Contains(said, want) {
		t.Errorf("want %q in:\n%s", want, said)
	}
	for _, way := range []string{"docker compose up -d", "AMOIMPORT_TEST_DATABASE_URL", "--dsn"} {
		if !strings.Contains(said, way) {
			t.Errorf("it does not name %q:\n%s", way, said)
		}
	}
}
