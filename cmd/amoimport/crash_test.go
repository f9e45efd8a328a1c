package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/internal/demodata"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/jackc/pgx/v5"
)

// crashes is how often the crash test kills the importer. AMOIMPORT_CRASHES says
// otherwise, and AMOIMPORT_CRASH_SEED repeats the moments that were drawn.
const crashes = 30

// TestKilled kills the real binary with SIGKILL again and again: while it enrols,
// creates contacts, opens chats, links them and sends, against a sandbox that
// answers slowly, loses requests and answers and shows messages late. New legacy
// rows come between the kills. In the end every message is there once, in order,
// as it was written, and nobody has two contacts.
func TestKilled(t *testing.T) {
	t.Parallel()
	times := int(number(t, "AMOIMPORT_CRASHES", crashes))
	seed := number(t, "AMOIMPORT_CRASH_SEED", rand.Uint64())
	t.Logf("AMOIMPORT_CRASH_SEED=%d", seed)
	c := newCrashing(t, seed)
	for n := range times {
		c.grow(t)
		c.kill(t, crashMoments[n%len(crashMoments)])
	}
	p := c.start(t)
	if err := p.wait(); err != nil {
		t.Fatalf("the last run: %v\n%s", err, &p.said)
	}

	t.Logf("%d kills; %d resumes had a doubt, %d of them one about a message that had arrived; %d messages in doubt in all",
		times, c.doubtful, c.arrived, c.doubts)
	t.Logf("killed while enrolling: %d, creating contacts: %d, with chats unopened: %d, with chats unlinked: %d",
		c.enrolling, c.creating, c.opening, c.linking)
	for what, n := range map[string]int{"resumes with a doubt about a message that had arrived": 3 * c.arrived,
		"kills while enrolling": c.enrolling, "kills while creating contacts": c.creating,
		"kills with chats unopened": c.opening, "kills with chats unlinked": c.linking} {
		if n*30 < times {
			t.Errorf("too few %s: the test does not test", what)
		}
	}
	c.check(t)
}

// number is a whole number from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s is %q", name, s)
	}
	return n
}

// crashMoment is when a run is killed: up to within after something happened.
type crashMoment struct {
	call   string // counted by the sandbox; "": the run took the ledger
	within time.Duration
}

const postMessage = "POST /v2/origin/custom/{scope}"

// crashMoments come one after the other, again and again.
var crashMoments = []crashMoment{
	{postMessage, 400 * time.Millisecond},
	{"POST /api/v4/contacts", 150 * time.Millisecond},
	{postMessage, 150 * time.Millisecond},
	{postMessage + "/chats", 150 * time.Millisecond},
	{"", 60 * time.Millisecond},
	{"POST /api/v4/contacts/chats", 150 * time.Millisecond},
}

// crashing is an import that is killed again and again.
type crashing struct {
	seed             uint64
	draw             *rand.Rand
	world            *sandbox.World
	environ          []string
	config           string
	legacy, ledger   *pgx.Conn
	conversations    int
	messages         int
	doubtful, doubts int // resumes with a doubt, and doubts in all
	arrived          int // resumes with a doubt about a message that had arrived

	enrolling, creating, opening, linking int // kills meanwhile
}

func newCrashing(t *testing.T, seed uint64) *crashing {
	legacy, ledger := pgtest.Database(t), pgtest.Database(t)
	if err := demodata.LoadSized(t.Context(), legacy, 1, 0); err != nil {
		t.Fatal(err)
	}
	slow := func(path string) sandbox.Fault {
		return sandbox.Fault{Method: http.MethodPost, Path: regexp.MustCompile(path),
			Effect: sandbox.Effect{Kind: sandbox.Slow, Delay: 150 * time.Millisecond}}
	}
	c := &crashing{seed: seed, draw: rand.New(rand.NewPCG(seed, 0)), conversations: 1}
	c.world = sandbox.New(sandbox.Options{
		Seed:             seed,
		RepeatedMsgID:    sandbox.StoredTwice, // the harshest: a repeat is a double
		VisibilityLag:    sandbox.Lag{Max: 300 * time.Millisecond},
		ContactSearchLag: time.Hour, // who was created is in the ledger, or found by listing
		Latency:          sandbox.Lag{Min: 50 * time.Millisecond},
		Faults: []sandbox.Fault{
			{Name: "answer lost", Method: http.MethodPost, Probability: 0.02, Effect: sandbox.Effect{Kind: sandbox.CutAfterApply}},
			{Name: "request lost", Method: http.MethodPost, Probability: 0.01, Effect: sandbox.Effect{Kind: sandbox.DropBeforeApply}},
			slow("/contacts$"), slow("/chats$"),
		},
	})
	served, err := c.world.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = served.Close() })
	var text bytes.Buffer
	accountConfig(&text, c.world.Options(), served.URL)
	text.WriteString("limits: {amojo: 2000, api_v4: 2000}\nsource: {name: crash}\nrun: {lanes: 16, settle_time: 1s, lease_time: 20s}\n")
	c.config = filepath.Join(t.TempDir(), defaultConfig)
	if err := os.WriteFile(c.config, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	c.environ = append(append(os.Environ(), secrets(c.world.Options())...), config.EnvSourceDSN+"="+legacy, config.EnvLedgerDSN+"="+ledger)
	c.legacy, c.ledger = connected(t, legacy), connected(t, ledger)
	return c
}

func connected(t *testing.T, dsn string) *pgx.Conn {
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// grow adds new conversations, and so many of them that the next run has something
// to do for some seconds.
func (c *crashing) grow(t *testing.T) {
	const each = 40
	more := 4
	for c.messages+more*each-c.world.Counters().Messages < 600 {
		more++
	}
	for range more {
		c.conversations++
		id := fmt.Sprintf("k%d", c.conversations)
		_, err := c.legacy.Exec(t.Context(), `insert into conversations (id, client_id, client_name, client_phone)
			values ($1, 'u' || $1, 'Client ' || $1, '+79' || lpad($2::int::text, 9, '0'))`, id, c.conversations)
		if err == nil {
			_, err = c.legacy.Exec(t.Context(), `insert into messages (conversation_id, id, sent_at, direction, text)
				select $1, n, timestamptz '2020-01-01 00:00:00+00' + n * interval '7 minutes', 'in', 'What ' || $1 || ' said at ' || n
				from generate_series(1, $2::int) n`, id, each)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.messages += each
	}
}

// process is a run of the real binary.
type process struct {
	cmd   *exec.Cmd
	said  heard
	ended chan error
}

func (c *crashing) start(t *testing.T) *process {
	p := &process{cmd: exec.Command("amoimport", "run", "--without-dry-run", "-c", c.config), ended: make(chan error, 1)}
	p.cmd.Env = c.environ
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	go func() { p.ended <- p.cmd.Wait() }()
	return p
}

func (p *process) wait() error { return <-p.ended }

// kill runs the importer until a moment has come and a little longer, kills it,
// and notes what was under way.
func (c *crashing) kill(t *testing.T, m crashMoment) {
	mark := func() (n int64) {
		if m.call != "" {
			return int64(c.world.Counters().Requests[m.call])
		}
		// There is no lease before the first run.
		_ = c.ledger.QueryRow(t.Context(), "select epoch from amoimport.lease").Scan(&n)
		return n
	}
	before, enrolled, since := mark(), c.count(t, "select count(*) from amoimport.event where kind = 'enrolled'"), time.Now()
	p := c.start(t)
	for mark() == before {
		select {
		case err := <-p.ended:
			t.Fatalf("the run ended before %q: %v\n%s", m.call, err, &p.said)
		case <-time.After(2 * time.Millisecond):
		}
		if time.Since(since) > 5*time.Minute {
			_ = p.cmd.Process.Kill()
			t.Fatalf("no %q in five minutes\n%s", m.call, &p.said)
		}
	}
	<-time.After(time.Duration(c.draw.Int64N(int64(m.within))))
	_ = p.cmd.Process.Kill()
	var exit *exec.ExitError
	if err := p.wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("the run ended by itself: %v\n%s", err, &p.said)
	}

	if c.count(t, "select count(*) from amoimport.event where kind = 'enrolled'") == enrolled {
		c.enrolling++
	}
	if c.count(t, "select count(*) from amoimport.contact_batch where not settled") > 0 {
		c.creating++
	}
	if c.count(t, `select count(*) from amoimport.conversation c join amoimport.client k on k.id = c.client_id
		join amoimport.person p on p.id = k.person_id where p.contact_id is not null and c.chat_id is null`) > 0 {
		c.opening++
	}
	if c.count(t, "select count(*) from amoimport.conversation where chat_id is not null and link_id is null") > 0 {
		c.linking++
	}
	c.noteDoubts(t)
}

func (c *crashing) count(t *testing.T, sql string) (n int64) {
	if err := c.ledger.QueryRow(t.Context(), sql).Scan(&n); err != nil && c.world.Counters().Messages > 0 {
		t.Fatal(err)
	}
	return n
}

// noteDoubts counts the requests whose end the killed run did not learn.
func (c *crashing) noteDoubts(t *testing.T) {
	rows, _ := c.ledger.Query(t.Context(), "select conversation_id, intent_msgid from amoimport.conversation where intent_msgid is not null")
	var conversation, msgid string
	arrived := false
	n := c.doubts
	_, err := pgx.ForEachRow(rows, []any{&conversation, &msgid}, func() error {
		c.doubts++
		chat, _ := c.world.Chat(conversation)
		for _, m := range chat.Messages {
			arrived = arrived || m.MsgID == msgid
		}
		return nil
	})
	if err != nil && c.world.Counters().Messages > 0 {
		t.Fatal(err)
	}
	if c.doubts > n {
		c.doubtful++
	}
	if arrived {
		c.arrived++
	}
}
