package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/internal/demodata"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"amoimport": main})
}

// TestScripts plays the stories of testdata/script. Each has an empty legacy
// database and an empty one for the ledger; their commands are those of stage.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   filepath.Join("testdata", "script"),
		Setup: setStage,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"legacy":    onStage((*stage).loadLegacy),
			"sandbox":   onStage((*stage).startSandbox),
			"sql":       onStage((*stage).sql),
			"says":      onStage((*stage).says),
			"exits":     onStage((*stage).exits),
			"start":     onStage((*stage).start),
			"signal":    onStage((*stage).signal),
			"insist":    onStage((*stage).insist),
			"ends":      onStage((*stage).ends),
			"arrive":    onStage((*stage).arrive),
			"edited":    onStage((*stage).edited),
			"hears":     onStage((*stage).hears),
			"asked":     onStage((*stage).asked),
			"lose":      onStage((*stage).lose),
			"alter":     onStage((*stage).alter),
			"untouched": onStage((*stage).untouched),
			"counts":    onStage((*stage).counts),
			"texts":     onStage((*stage).texts),
			"faults":    onStage((*stage).faults),
			"heal":      onStage((*stage).heal),
			"configure": onStage((*stage).configure),
			"talk":      onStage((*stage).talk),
			"files":     onStage((*stage).serveFiles),
			"file":      onStage((*stage).file),
		},
	})
}

// stage is what one script plays on.
type stage struct {
	ts       *testscript.TestScript
	schema   string // the script's tiny.sql
	world    *sandbox.World
	scripted []*sandbox.Scripted // what faults added
	children map[string]*background
}

// background is a program that runs beside a script.
type background struct {
	cmd      *exec.Cmd
	out, err heard
	ended    chan struct{}
}

// heard is what a program said so far.
type heard struct {
	mu   sync.Mutex
	text strings.Builder
}

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(b)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// onStage makes a script's command of a method.
func onStage(do func(*stage, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		s := ts.Value("stage").(*stage)
		s.ts = ts
		err := do(s, args)
		switch {
		case err != nil && !neg:
			ts.Fatalf("%v", err)
		case err == nil && neg:
			ts.Fatalf("unexpected success")
		}
	}
}

func setStage(e *testscript.Env) error {
	schema, err := os.ReadFile(filepath.Join("testdata", "tiny.sql"))
	if err != nil {
		return err
	}
	e.Values["stage"] = &stage{schema: string(schema), children: map[string]*background{}}
	tb := cleanup{e}
	e.Setenv("LEGACY", pgtest.Database(tb))
	e.Setenv("LEDGER", pgtest.Database(tb))
	e.Setenv(config.EnvSourceDSN, e.Getenv("LEGACY"))
	e.Setenv(config.EnvLedgerDSN, e.Getenv("LEDGER"))
	return nil
}

// cleanup lets pgtest clean up after a script.
type cleanup struct{ *testscript.Env }

func (c cleanup) Helper()                   {}
func (c cleanup) Cleanup(f func())          { c.Defer(f) }
func (c cleanup) Fatalf(s string, a ...any) { c.T().Fatal(fmt.Sprintf(s, a...)) }

// loadLegacy fills the legacy database: "tiny", "sized CONVERSATIONS MESSAGES", or
// the one of a worked mapping, by its name.
func (s *stage) loadLegacy(args []string) error {
	dsn := s.ts.Getenv("LEGACY")
	if len(args) == 1 && args[0] == "tiny" {
		return s.sql([]string{dsn, s.schema})
	}
	if len(args) == 1 {
		text, err := os.ReadFile(filepath.Join("..", "..", "internal", "mapping", "testdata", args[0]+".sql"))
		if err != nil {
			return err
		}
		return s.sql([]string{dsn, string(text)})
	}
	conversations, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	messages, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	return demodata.LoadSized(context.Background(), dsn, conversations, messages)
}

// startSandbox serves a world with some options, writes amoimport.yaml for it and
// sets the secrets. A file more.yaml is added to the configuration.
func (s *stage) startSandbox(args []string) error {
	o := sandbox.Options{}
	perSecond := 0
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		var err error
		switch key {
		case "limit":
			perSecond, err = strconv.Atoi(value)
			o.AmojoLimit.PerSecond, o.APIv4Limit.PerSecond = perSecond, perSecond
		case "skew":
			o.ClockOffset, err = time.ParseDuration(value)
		case "slow": // one message is answered after minutes
			o.Faults = []sandbox.Fault{{API: sandbox.Amojo, Contains: "new_message", Times: 1,
				Effect: sandbox.Effect{Kind: sandbox.Slow, Delay: 2 * time.Minute}}}
		case "disconnected":
			o.Disconnected = true
		case "kommo":
			o.Flavour = sandbox.Kommo
		case "nolist":
			o.NoTalksList = true
		default:
			err = fmt.Errorf("no option %s", key)
		}
		if err != nil {
			return err
		}
	}
	s.world = sandbox.New(o)
	served, err := s.world.Start()
	if err != nil {
		return err
	}
	s.ts.Defer(func() { _ = served.Close() })
	o = s.world.Options()
	var text bytes.Buffer
	accountConfig(&text, o, served.URL)
	if perSecond == 0 {
		text.WriteString("limits: {amojo: 2000, api_v4: 2000, attempt_timeout: 2m}\n")
	}
	text.WriteString("source: {name: test}\nrun: {settle_time: 200ms, lease_time: 20s}\n")
	more, err := os.ReadFile(s.ts.MkAbs("more.yaml"))
	if err == nil {
		text.Write(more)
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, v := range secrets(o) {
		name, value, _ := strings.Cut(v, "=")
		s.ts.Setenv(name, value)
	}
	s.ts.Setenv("URL", served.URL)
	return os.WriteFile(s.ts.MkAbs(defaultConfig), text.Bytes(), 0o644)
}

// configure replaces a text in amoimport.yaml.
func (s *stage) configure(args []string) error {
	path := s.ts.MkAbs(defaultConfig)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte(args[0])) {
		return fmt.Errorf("the configuration does not hold %q", args[0])
	}
	return os.WriteFile(path, bytes.ReplaceAll(text, []byte(args[0]), []byte(args[1])), 0o644)
}

// sql runs statements on a database.
func (s *stage) sql(args []string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, args[0])
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.PgConn().Exec(ctx, args[1]).ReadAll()
	return err
}

// says compares the one value that a query on a database gives.
func (s *stage) says(args []string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, args[0])
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var got string
	if err := conn.QueryRow(ctx, "select ("+args[1]+")::text").Scan(&got); err != nil {
		return err
	}
	if got != args[2] {
		return fmt.Errorf("%s is %s, not %s", args[1], got, args[2])
	}
	return nil
}

// exits runs a program that must end with a certain exit code, and never with a
// stack trace.
func (s *stage) exits(args []string) error {
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	code := 0
	if err := s.ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return err
		}
		code = exit.ExitCode()
	}
	return verdict(want, code, s.ts.ReadFile("stdout")+s.ts.ReadFile("stderr"))
}

func verdict(want, code int, said string) error {
	if strings.Contains(said, "goroutine ") {
		return errors.New("there is a stack trace")
	}
	for _, private := range []string{"Secretname", "915 111", "private word"} {
		if strings.Contains(said, private) {
			return fmt.Errorf("the output holds %q", private)
		}
	}
	if code != want {
		return fmt.Errorf("exit code %d, not %d", code, want)
	}
	return nil
}

// start runs a program in the background under a name.
func (s *stage) start(args []string) error {
	path, err := exec.LookPath(args[1])
	if err != nil {
		return err
	}
	c := &background{cmd: exec.Command(path, args[2:]...), ended: make(chan struct{})}
	c.cmd.Dir = s.ts.MkAbs(".")
	for _, name := range []string{config.EnvSourceDSN, config.EnvLedgerDSN, config.EnvToken, config.EnvChannelSecret, "PATH", "HOME", "TMPDIR"} {
		c.cmd.Env = append(c.cmd.Env, name+"="+s.ts.Getenv(name))
	}
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.err
	if err := c.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = c.cmd.Wait() // ends reads the exit code
		close(c.ended)
	}()
	s.children[args[0]] = c
	s.ts.Defer(func() {
		_ = c.cmd.Process.Kill()
		<-c.ended
	})
	return nil
}

func (s *stage) signal(args []string) error {
	signals := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "KILL": os.Kill}
	return s.children[args[0]].cmd.Process.Signal(signals[args[1]])
}

// insist sends a signal again and again until the program ends, as an impatient person does.
func (s *stage) insist(args []string) error {
	c := s.children[args[0]]
	tick, limit := time.NewTicker(100*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := s.signal(args); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return err
			}
		case <-c.ended:
			return nil
		case <-limit:
			return fmt.Errorf("%s does not end: %s", args[0], c.err.String())
		}
	}
}

// ends waits for a program to end with an exit code, and puts what it said into
// NAME.out and NAME.err.
func (s *stage) ends(args []string) error {
	c := s.children[args[0]]
	want, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	select {
	case <-c.ended:
	case <-time.After(2 * time.Minute):
		return fmt.Errorf("%s goes on and on: %s", args[0], c.err.String())
	}
	if err := s.keep(args[0]); err != nil {
		return err
	}
	if err := verdict(want, c.cmd.ProcessState.ExitCode(), c.out.String()+c.err.String()); err != nil {
		return fmt.Errorf("%w\n%s%s", err, c.out.String(), c.err.String())
	}
	return nil
}

// hears waits until a program in the background has said something, and puts all
// that it said so far into NAME.out and NAME.err.
func (s *stage) hears(args []string) error {
	c := s.children[args[0]]
	tick, limit := time.NewTicker(5*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !strings.Contains(c.out.String()+c.err.String(), args[1]) {
		select {
		case <-tick.C:
		case <-c.ended:
			return errors.New("it ended: " + c.err.String())
		case <-limit:
			return errors.New("it only says: " + c.out.String() + c.err.String())
		}
	}
	return s.keep(args[0])
}

// keep writes what a program said into files.
func (s *stage) keep(name string) error {
	c := s.children[name]
	return errors.Join(
		os.WriteFile(s.ts.MkAbs(name+".out"), []byte(c.out.String()), 0o644),
		os.WriteFile(s.ts.MkAbs(name+".err"), []byte(c.err.String()), 0o644))
}

// asked waits until a call reached the sandbox so often, such as
// "POST /api/v4/contacts".
func (s *stage) asked(args []string) error {
	want, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	tick, limit := time.NewTicker(5*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for s.world.Counters().Requests[args[0]] < want {
		select {
		case <-tick.C:
		case <-limit:
			return fmt.Errorf("%s came %d times", args[0], s.world.Counters().Requests[args[0]])
		}
	}
	return nil
}

// lose removes a message from the sandbox, as a server that loses data would.
func (s *stage) lose(args []string) error {
	if !s.world.LoseMessage(args[0]) {
		return fmt.Errorf("there is no message %s", args[0])
	}
	return nil
}

// alter changes the text of a message in the sandbox.
func (s *stage) alter(args []string) error {
	if !s.world.AlterMessage(args[0], args[1], 0) {
		return fmt.Errorf("there is no message %s", args[0])
	}
	return nil
}

// arrive waits until so many more messages arrive at the sandbox.
func (s *stage) arrive(args []string) error {
	more, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	tick, limit := time.NewTicker(5*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for want := s.world.Counters().Messages + more; s.world.Counters().Messages < want; {
		select {
		case <-tick.C:
		case <-limit:
			return fmt.Errorf("only %d messages are there", s.world.Counters().Messages)
		}
	}
	return nil
}

// edited waits until the message with an id of ours says something else.
func (s *stage) edited(args []string) error {
	tick, limit := time.NewTicker(5*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for {
		for _, chat := range s.world.Snapshot().Chats {
			for _, m := range chat.Messages {
				if m.MsgID == args[0] && m.Text == args[1] {
					return nil
				}
			}
		}
		select {
		case <-tick.C:
		case <-limit:
			return fmt.Errorf("%s does not say so", args[0])
		}
	}
}

// untouched proves that nothing was written to the account, and that there is no
// ledger.
func (s *stage) untouched([]string) error {
	if s.world != nil {
		for name, n := range s.world.Counters().Requests {
			if !strings.HasPrefix(name, "GET ") {
				return fmt.Errorf("%d times %s", n, name)
			}
		}
	}
	return s.says([]string{s.ts.Getenv("LEDGER"), "select to_regnamespace('amoimport') is null", "true"})
}

// counts compares the numbers of the sandbox: messages=5 repeats=0 …
func (s *stage) counts(args []string) error {
	c, all := s.world.Counters(), s.world.Snapshot()
	open := 0
	for _, t := range all.Talks {
		if t.Open {
			open++
		}
	}
	have := map[string]int{"messages": c.Messages, "repeats": c.Repeats, "notifications": c.Notifications,
		"chats": c.ChatsCreated, "connects": c.Connects, "contacts": len(all.Contacts),
		"talks": len(all.Talks), "open": open, "surveys": c.Surveys, "leads": len(all.Leads)}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		if got := strconv.Itoa(have[name]); got != value {
			return fmt.Errorf("%s is %s, not %s", name, got, value)
		}
	}
	return nil
}

// talk puts the id of a chat's newest talk into $TALK.
func (s *stage) talk(args []string) error {
	chat, ok := s.world.Chat(args[0])
	if !ok || len(chat.TalkIDs) == 0 {
		return fmt.Errorf("the chat %s has no talk", args[0])
	}
	s.ts.Setenv("TALK", strconv.Itoa(chat.TalkIDs[len(chat.TalkIDs)-1]))
	return nil
}

// texts compares a chat's messages, in their order, with a file's lines: who
// speaks, and what.
func (s *stage) texts(args []string) error {
	chat, ok := s.world.Chat(args[0])
	if !ok {
		return fmt.Errorf("there is no chat %s", args[0])
	}
	var got strings.Builder
	for _, m := range chat.Messages {
		fmt.Fprintf(&got, "%s: %s\n", cmp.Or(m.Sender.ID, m.Sender.RefID), m.Text)
	}
	if want := s.ts.ReadFile(args[1]); got.String() != want {
		return fmt.Errorf("the chat holds\n%snot\n%s", got.String(), want)
	}
	return nil
}
