package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/internal/demodata"
	"github.com/amoimport/amoimport/internal/embedpg/pgtest"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/jackc/pgx/v5"
)

// crashes is how often the crash test kills the importer; AMOIMPORT_CRASHES says
// otherwise.
const crashes = 10

// TestKilled kills the real binary with SIGKILL again and again, at random moments
// of a run against a sandbox that answers slowly, loses answers and shows messages
// late. In the end every message is there once, in order.
func TestKilled(t *testing.T) {
	t.Parallel()
	times := crashes
	if s := os.Getenv("AMOIMPORT_CRASHES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("AMOIMPORT_CRASHES is %q", s)
		}
		times = n
	}
	const conversations, perCrash = 40, 250
	messages := max(2000, perCrash*times)
	legacy, ledger := pgtest.Database(t), pgtest.Database(t)
	if err := demodata.LoadSized(t.Context(), legacy, conversations, messages); err != nil {
		t.Fatal(err)
	}
	world := sandbox.New(sandbox.Options{
		RepeatedMsgID: sandbox.StoredTwice, // the harshest: a repeat is a double
		VisibilityLag: sandbox.Lag{Min: 0, Max: 300 * time.Millisecond},
		Latency:       sandbox.Lag{Min: 20 * time.Millisecond, Max: 50 * time.Millisecond},
		Faults: []sandbox.Fault{
			{Name: "answer lost", API: sandbox.Amojo, Method: "POST", Probability: 0.01, Effect: sandbox.Effect{Kind: sandbox.CutAfterApply}},
			{Name: "request lost", API: sandbox.Amojo, Method: "POST", Probability: 0.01, Effect: sandbox.Effect{Kind: sandbox.DropBeforeApply}},
		},
	})
	served, err := world.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	var text bytes.Buffer
	accountConfig(&text, world.Options(), served.URL)
	text.WriteString("limits: {amojo: 2000, api_v4: 2000}\nsource: {name: crash}\nrun: {settle_time: 1s, lease_time: 20s}\n")
	file := filepath.Join(t.TempDir(), defaultConfig)
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func() (*exec.Cmd, *heard) {
		var said heard
		cmd := exec.Command("amoimport", "run", "-c", file)
		cmd.Env = append(append(os.Environ(), secrets(world.Options())...), config.EnvSourceDSN+"="+legacy, config.EnvLedgerDSN+"="+ledger)
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &said
	}
	conn, err := pgx.Connect(t.Context(), ledger)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())

	killed, inDoubt, resumedInDoubt := 0, 0, 0
	for killed < times {
		before := world.Counters().Messages
		cmd, said := run()
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		// Let it send something, then a little more.
		for deadline := time.Now().Add(30 * time.Second); world.Counters().Messages == before && time.Now().Before(deadline); {
			pause(10 * time.Millisecond)
		}
		pause(rand.N(400 * time.Millisecond))
		_ = cmd.Process.Kill()
		if err := <-ended; err == nil {
			break // it was done before
		} else if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.Exited() && exit.ExitCode() != 0 {
			t.Fatalf("the run ended by itself: %v\n%s", err, said)
		}
		killed++
		var left int
		if err := conn.QueryRow(t.Context(), "select count(*) from amoimport.conversation where intent_msgid is not null").Scan(&left); err != nil {
			t.Fatal(err)
		}
		inDoubt += left
		if left > 0 {
			resumedInDoubt++
		}
	}
	cmd, said := run()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the last run: %v\n%s", err, said)
	}
	if killed < times {
		t.Errorf("only %d of %d kills hit a run; give it more messages", killed, times)
	}
	if resumedInDoubt == 0 {
		t.Error("no resume had a message in doubt: the test does not test")
	}
	t.Logf("%d kills, %d resumes with a doubt, %d messages in doubt in all", killed, resumedInDoubt, inDoubt)

	held := 0
	for _, chat := range world.Snapshot().Chats {
		held += len(chat.Messages)
		last := ""
		var at int64
		for _, m := range chat.Messages {
			if m.Copies != 1 {
				t.Errorf("message %s is there %d times", m.MsgID, m.Copies)
			}
			if m.TimeMsec <= at {
				t.Errorf("message %s is not after %s", m.MsgID, last)
			}
			last, at = m.MsgID, m.TimeMsec
		}
	}
	if held != messages {
		t.Errorf("the chats hold %d messages of %d", held, messages)
	}
	if contacts := len(world.Snapshot().Contacts); contacts > conversations {
		t.Errorf("%d contacts for %d people", contacts, conversations)
	}
}

// pause waits for another process, which tells nothing.
func pause(d time.Duration) { <-time.After(d) }
