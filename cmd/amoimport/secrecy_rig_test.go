package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/jackc/pgx/v5"
)

// secrecy is an import that must not tell anything.
type secrecy struct {
	t              *testing.T
	world          *sandbox.World
	dir            string
	legacy, ledger string
	held           *pgx.Conn // to the ledger, for a look at what it holds
	token, secret  string
	secrets        []string

	mu     sync.Mutex
	path   string // end of the paths, as in TestSecrecy, whose requests are repeated in an error
	status int
	plain  bool
	left   int // requests; -1: all
}

func newSecrecy(t *testing.T) *secrecy {
	s := &secrecy{t: t, dir: t.TempDir(), token: "token-that-nobody-may-see", secret: "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2"}
	s.legacy, s.ledger = s.password(pgtest.Database(t), "legacy-pass-4711"), s.password(pgtest.Database(t), "ledger-pass-4712")
	s.secrets = []string{s.token, s.secret, "legacy-pass-4711", "ledger-pass-4712", "lavender-password"}
	s.held = connected(t, s.ledger)
	schema, err := os.ReadFile(filepath.Join("testdata", "tiny.sql"))
	if err != nil {
		t.Fatal(err)
	}
	tables, _, _ := strings.Cut(string(schema), "insert into")
	s.sql(s.legacy, tables)
	s.world = sandbox.New(sandbox.Options{Token: s.token, Channel: sandbox.Channel{Secret: s.secret}})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	var text bytes.Buffer
	accountConfig(&text, s.world.Options(), server.URL)
	text.WriteString("limits: {amojo: 2000, api_v4: 2000}\nsource: {name: secrecy}\nrun: {settle_time: 200ms, lease_time: 20s, max_rejected: 100%, max_changed: 100%}\n" +
		"talks: {close: all}\nleads: {create: backdated, name: 'History of {client_id}'}\n")
	if err := os.WriteFile(filepath.Join(s.dir, defaultConfig), text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// password puts one into a DSN. A private server does not ask for it.
func (s *secrecy) password(dsn, password string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, has := u.User.Password(); !has {
		u.User = url.UserPassword(u.User.Username(), password)
	}
	return u.String()
}

// repeat lets the next left requests whose path ends so be answered with an error
// that repeats them; -1: all.
func (s *secrecy) repeat(path string, status int, plain bool, left int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.path, s.status, s.plain, s.left = path, status, plain, left
}

func (s *secrecy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	status, plain := s.status, s.plain
	end, search := strings.CutSuffix(s.path, "?")
	query := r.URL.Query()
	asked := s.left != 0 && search == (query.Has("query") || query.Has("page")) && (search || r.Method == http.MethodPost)
	if end != "" {
		asked = asked && strings.HasSuffix(r.URL.Path, end)
	} else {
		asked = asked && strings.HasPrefix(r.URL.Path, "/v2/") && strings.Count(r.URL.Path, "/") == 4
	}
	if asked && s.left > 0 {
		s.left--
	}
	s.mu.Unlock()
	if !asked {
		s.world.ServeHTTP(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	said := fmt.Sprintf("%s wants %s with %v", r.URL, body, r.Header)
	if status == http.StatusFound {
		w.Header().Set("Location", "/?q="+url.QueryEscape(said))
	}
	if plain {
		w.WriteHeader(status)
		fmt.Fprint(w, said)
		return
	}
	answer := map[string]any{"error_code": 905, "error_type": "BAD_THING", "error_description": said, "title": said, "detail": said, "hint": said,
		"validation-errors": []any{map[string]any{"request_id": "0", "errors": []any{map[string]any{"code": "Odd", "path": "name", "detail": said}}}}}
	text, err := json.Marshal(answer)
	if err != nil {
		s.t.Error(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// command is the binary with words; those with a = belong into its environment.
func (s *secrecy) command(words ...string) *exec.Cmd {
	cmd := exec.Command("amoimport")
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), config.EnvToken+"="+s.token, config.EnvChannelSecret+"="+s.secret,
		config.EnvSourceDSN+"="+s.legacy, config.EnvLedgerDSN+"="+s.ledger)
	for _, w := range words {
		if strings.Contains(w, "=") {
			cmd.Env = append(cmd.Env, w)
		} else {
			cmd.Args = append(cmd.Args, w)
		}
	}
	return cmd
}

// run runs the binary to its end and looks at all that it left. code is its exit
// code, -1 for any.
func (s *secrecy) run(code int, words ...string) {
	s.t.Helper()
	cmd := s.command(words...)
	said, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); code >= 0 && got != code {
		s.t.Errorf("%v after a %d: exit code %d, not %d\n%s", words, s.status, got, code, said)
	}
	s.look(fmt.Sprintf("%v after a %d", words, s.status), string(said))
}

// abort lets a run work for a moment and has it show its goroutines.
func (s *secrecy) abort(want string) {
	cmd := s.command("run", "--without-dry-run")
	var said heard
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(2 * time.Minute); !strings.Contains(said.String(), "replaying") && time.Now().Before(deadline); {
		<-time.After(5 * time.Millisecond)
	}
	_ = cmd.Process.Signal(syscall.SIGQUIT)
	_ = cmd.Wait() // it ends by the signal
	if !strings.Contains(said.String(), want) {
		s.t.Errorf("no %q in %s", want, said.String())
	}
	s.look("the goroutines", said.String())
}

// look searches what was said, the files beside the configuration, and the ledger.
func (s *secrecy) look(when, said string) {
	s.t.Helper()
	secret := append(s.secrets, private...)
	s.search(when+": the output", said, secret...)
	held := s.dump()
	s.search(when+": the ledger", held, secret...)
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		s.search(when+": "+path, string(text), secret...)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *secrecy) search(where, text string, words ...string) {
	s.t.Helper()
	for _, w := range words {
		if i := strings.Index(strings.ToLower(text), strings.ToLower(w)); i >= 0 {
			s.t.Errorf("%s holds %q: …%s…", where, w, text[max(0, i-200):min(len(text), i+100)])
			return
		}
	}
}

// dump is all that the ledger holds, a row a line.
func (s *secrecy) dump() string {
	var all []string
	for _, table := range s.texts("select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')") {
		all = append(all, s.texts("select x::text from "+table+" x")...)
	}
	return strings.Join(all, "\n")
}

// texts is what a query on the ledger gives.
func (s *secrecy) texts(sql string) []string {
	s.t.Helper()
	rows, _ := s.held.Query(s.t.Context(), sql, pgx.QueryExecModeExec) // tables come and go
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

func (s *secrecy) sql(dsn, text string) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(s.t.Context())
	if _, err := conn.PgConn().Exec(s.t.Context(), text).ReadAll(); err != nil {
		s.t.Fatal(err)
	}
}
