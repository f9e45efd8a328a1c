//go:build unix

package embedpg_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/amoimport/amoimport/internal/embedpg"
)

// ownerEnv turns this test binary into the owner of a server, for the tests that do something to the owner.
const ownerEnv = "EMBEDPG_TEST_OWNER"

// own starts a server, prints its DSN, and then a line for every SIGINT and what a query says after it.
func own() {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	s, err := embedpg.Start(context.Background(), embedpg.Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.DSN("postgres"))
	for range interrupts {
		fmt.Println("interrupted, query says", try(s.DSN("postgres")))
	}
}

// TestOwnerIsKilled kills an owner with the one signal it cannot catch: during the start, and afterwards with a
// connection open.
func TestOwnerIsKilled(t *testing.T) {
	t.Parallel()
	t.Run("starting", func(t *testing.T) {
		t.Parallel()
		tmp := openDir(t)
		owner, _ := startOwner(t, tmp)
		limit, look := time.After(30*time.Second), time.NewTicker(5*time.Millisecond)
		defer look.Stop()
		for {
			if begun, _ := filepath.Glob(filepath.Join(tmp, "*", "data", "base")); len(begun) > 0 {
				break
			}
			select {
			case <-limit:
				t.Fatal("initdb never began")
			case <-look.C:
			}
		}
		end(t, owner, syscall.SIGKILL)
		gone(t, tmp+"/amoimport-pg")
		empty(t, tmp)
	})
	t.Run("running", func(t *testing.T) {
		t.Parallel()
		tmp := openDir(t)
		owner, out := startOwner(t, tmp)
		dsn := out.next(t)
		connect(t, dsn)
		dir := folder(t, dsn)
		if len(processes(t, dir)) < 2 {
			t.Fatal("no server is running")
		}
		end(t, owner, syscall.SIGKILL)
		gone(t, dir)
		empty(t, tmp)
	})
}

// TestCtrlC sends what a terminal sends on Ctrl-C: SIGINT to the whole process group of the owner.
func TestCtrlC(t *testing.T) {
	t.Parallel()
	owner, out := startOwner(t, openDir(t))
	dsn := out.next(t)
	if err := syscall.Kill(-owner.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := out.next(t); got != "interrupted, query says <nil>" {
		t.Error(got)
	}
	for pid := range processes(t, folder(t, dsn)) {
		// A supervisor may also signal each process: the guardian does not end before its owner.
		if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
			t.Error(err)
		}
	}
	if err := try(dsn); err != nil {
		t.Error(err)
	}
	end(t, owner, syscall.SIGKILL)
	gone(t, folder(t, dsn))
}

func TestGuardianIsKilled(t *testing.T) {
	t.Parallel()
	s, err := embedpg.Start(t.Context(), embedpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, s.DSN("postgres"))
	for pid := range processes(t, " guardian "+dir) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	if err := s.Stop(); err == nil || !strings.Contains(err.Error(), "guardian ended early") {
		t.Errorf("Stop says %v", err)
	}
	gone(t, dir)
}

// startOwner runs this binary as an owner, in a process group of its own.
func startOwner(t *testing.T, tmp string) (*exec.Cmd, *lines) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), ownerEnv+"=1", "TMPDIR="+tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait(); r.Close() })
	return cmd, &lines{from: r}
}

func end(t *testing.T, cmd *exec.Cmd, signal syscall.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
}

// lines reads what an owner prints.
type lines struct {
	from *os.File
	left []byte
}

func (l *lines) next(t *testing.T) string {
	t.Helper()
	if err := l.from.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		if line, rest, ok := bytes.Cut(l.left, []byte("\n")); ok {
			l.left = rest
			return string(line)
		}
		buf := make([]byte, 1000)
		n, err := l.from.Read(buf)
		if err != nil {
			t.Fatalf("the owner said no more: %v", err)
		}
		l.left = append(l.left, buf[:n]...)
	}
}
