// Package embedpg runs a private Postgres for the demo, the rehearsal and the tests: the binaries of the machine, a
// fresh folder, a Unix socket that nobody else can reach, no durability. The server is gone when its owner is,
// however the owner ends.
package embedpg

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

//go:embed guardian.sh
var guardian string

const (
	startTimeout = time.Minute           // initdb takes a second; a loaded machine many more
	stopTimeout  = 15 * time.Second      // the guardian itself kills after some 8 s
	pollEvery    = 10 * time.Millisecond // between two looks at postmaster.pid
	maxSocketDir = 80                    // sun_path holds 104 bytes on macOS; the socket's name needs 20 of them
	marker       = "amoimport.embedpg"   // tells our data folders from other people's
)

// Options says what kind of server is wanted. The zero value is a server that leaves nothing behind.
type Options struct {
	// Dir is a data folder that is kept when the server stops, and used again by the next Start. It must be new,
	// empty, or made by an earlier Start. Empty: a temporary folder that is removed when the server stops.
	Dir string

	// Port also lets the server listen on 127.0.0.1 at this port, with a password that DSN holds. DSN then names
	// the port and not the socket, so that it stays the same when a kept folder is started again. 0: socket only.
	Port int

	// Places are folders to look for the binaries in, after PATH, as glob patterns; of several matches of a pattern
	// the newest version is taken. Nil: where packages usually put them.
	Places []string
}

// Error tells what could not be done with the private Postgres.
type Error struct {
	Op   string // what was being done, and to what
	Err  error
	hint string
}

func (e *Error) Error() string { return "private Postgres: " + e.Op + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *Error) Hint() string {
	if e.hint != "" {
		return e.hint
	}
	return "See the cause; any other Postgres will do as well: AMOIMPORT_TEST_DATABASE_URL for the tests, --dsn for the demo."
}

// Server is a running private Postgres. Keep it as long as the server is needed: one that becomes garbage ends, as if
// its owner had died.
type Server struct {
	Cluster

	guardian *exec.Cmd
	hold     io.Closer // closing it, or dying with it, ends the server
	status   *os.File  // what the guardian says
	run      string    // folder of socket, log and, if it is not kept, data
	data     string
}

// Start starts a server and waits until it takes connections. The context bounds the start only: the server runs
// until Stop, or until this process ends in whatever way.
//
// As root it runs under the account postgres, else nobody, since Postgres refuses to run as root. Without binaries
// the error is a *NotFoundError.
func Start(ctx context.Context, o Options) (*Server, error) {
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	bin, err := find(os.Getenv("PATH"), o.Places, as)
	if err != nil {
		return nil, err
	}
	s := &Server{run: filepath.Join(tempDir(as), "amoimport-pg-"+strings.ToLower(rand.Text()[:10]))}
	s.data = filepath.Join(s.run, "data")
	if o.Dir != "" {
		if s.data, err = keptDir(o.Dir, as); err != nil {
			return nil, err
		}
	}
	listen, port := "127.0.0.1", strconv.Itoa(o.Port)
	if o.Port == 0 {
		listen, port = "", "5432" // the port is part of the socket's name
	}
	s.dsn = (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres",
		RawQuery: url.Values{"host": {s.run}, "port": {port}, "sslmode": {"disable"}}.Encode()}).String()

	if err := s.spawn(bin, as, "listen_addresses="+listen, "port="+port); err != nil {
		return nil, &Error{Op: "start its guardian", Err: err}
	}
	err = s.ready(ctx)
	if err == nil && o.Port != 0 {
		err = s.listen(ctx, port)
	}
	if err != nil {
		return nil, errors.Join(&Error{Op: "start " + filepath.Join(bin, "postgres"), Err: err}, s.Stop())
	}
	return s, nil
}

// spawn starts the guardian, which makes the folder and starts the rest. The write end of its standard input is
// held here and nowhere else.
func (s *Server) spawn(bin string, as *account, settings ...string) error {
	args := []string{"-c", guardian, "guardian", s.run, s.data, bin}
	for _, set := range append(settings,
		"fsync=off", "synchronous_commit=off", "full_page_writes=off",
		"wal_level=minimal", "max_wal_senders=0", "checkpoint_timeout=1h",
		"max_connections=200", "timezone=UTC", "log_timezone=UTC",
	) {
		args = append(args, "-c", set)
	}
	s.guardian = exec.Command("/bin/sh", args...)
	s.guardian.Dir = "/"
	s.guardian.Env = environment()
	detach(s.guardian, as)

	hold, err := s.guardian.StdinPipe()
	if err != nil {
		return err
	}
	status, say, err := os.Pipe()
	if err != nil {
		return errors.Join(err, hold.Close())
	}
	s.hold, s.status, s.guardian.Stdout = hold, status, say
	err = s.guardian.Start()
	say.Close()
	if err != nil {
		return errors.Join(err, hold.Close(), status.Close())
	}
	return nil
}

// environment is what Postgres needs of ours. The rest stays here: PG* variables would bend the server, and secrets
// have no business in its environment.
func environment() []string {
	env := []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH") + ":/usr/bin:/bin"}
	for _, name := range []string{"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// ready waits until postmaster.pid says that connections are taken, or the guardian says that there is no server.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not ready after %s", startTimeout))
	defer cancel()
	said := make([]byte, 200)
	for {
		if err := ctx.Err(); err != nil {
			return s.lastWords(context.Cause(ctx))
		}
		if postmasterReady(filepath.Join(s.data, "postmaster.pid"), s.run) {
			return nil
		}
		if err := s.status.SetReadDeadline(time.Now().Add(pollEvery)); err != nil {
			return err
		}
		n, err := s.status.Read(said)
		switch {
		case n > 0:
			return s.lastWords(errors.New(strings.TrimSpace(string(said[:n]))))
		case errors.Is(err, os.ErrDeadlineExceeded):
		default:
			return s.lastWords(fmt.Errorf("its guardian ended: %w", err))
		}
	}
}

// postmasterReady reads the lock file of a data folder: line 5 is the socket's folder, which tells our postmaster
// from one that died here before, and line 8 the state.
// https://github.com/postgres/postgres/blob/master/src/include/utils/pidfile.h
func postmasterReady(file, socketDir string) bool {
	b, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	lines := strings.Split(string(b), "\n")
	return len(lines) >= 8 && lines[4] == socketDir && strings.TrimSpace(lines[7]) == "ready"
}

// lastWords adds the end of the server's log to an error.
func (s *Server) lastWords(err error) error {
	b, readErr := os.ReadFile(filepath.Join(s.run, "log"))
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if readErr != nil || lines[0] == "" {
		return err
	}
	return fmt.Errorf("%w; its log ends with: %s", err, strings.Join(lines[max(0, len(lines)-3):], " | "))
}

// listen gives the superuser the password that is asked for on the port, and points the DSN at the port.
func (s *Server) listen(ctx context.Context, port string) error {
	password, err := s.password()
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	quoted := "'" + strings.ReplaceAll(password, "'", "''") + "'"
	if _, err := conn.Exec(ctx, "alter role postgres password "+quoted); err != nil {
		return err
	}
	s.dsn = (&url.URL{Scheme: "postgres", User: url.UserPassword("postgres", password), Path: "/postgres",
		Host: "127.0.0.1:" + port, RawQuery: "sslmode=disable"}).String()
	return nil
}

// password is made once for a data folder and lies in it, readable by us alone.
func (s *Server) password() (string, error) {
	file := filepath.Join(s.data, "amoimport.password")
	b, err := os.ReadFile(file)
	if err == nil {
		return string(b), nil
	}
	// Exclusively, since the folder may belong to another account, which could have put a link there.
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	password := rand.Text()
	_, err = f.WriteString(password)
	return password, errors.Join(err, f.Close())
}

// Stop ends the server, open connections included, and removes what is not to be kept. It may be called again.
func (s *Server) Stop() error {
	if s.hold == nil {
		return nil
	}
	s.hold.Close()
	s.hold = nil
	defer s.status.Close()

	ended := make(chan error, 1)
	go func() { ended <- s.guardian.Wait() }()
	var err error
	select {
	case err = <-ended:
	case <-time.After(stopTimeout):
		err = errors.Join(fmt.Errorf("not ended after %s", stopTimeout), s.guardian.Process.Kill(), <-ended)
	}
	if _, gone := os.Stat(s.run); errors.Is(gone, os.ErrNotExist) {
		return nil
	}
	// The guardian did not come to its end: somebody killed it, or it hung.
	s.orphan()
	return &Error{Op: "stop in " + s.run, Err: errors.Join(fmt.Errorf("its guardian ended early: %w", err), os.RemoveAll(s.run))}
}

// orphan ends a postmaster that has lost its guardian: as politely as it allows, since only then it gives its shared
// memory back.
func (s *Server) orphan() {
	b, err := os.ReadFile(filepath.Join(s.run, "pid"))
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return
	}
	quit(pid)
	for range stopTimeout / 3 / pollEvery {
		// Its last act. The process itself may stay as a zombie where nobody collects orphans.
		if _, err := os.Stat(filepath.Join(s.data, "postmaster.pid")); err != nil {
			return
		}
		time.Sleep(pollEvery)
	}
	kill(pid)
}
