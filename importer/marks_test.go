package importer_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/sandbox"
)

// toMark is the call that marks a message as read.
const toMark = "POST /v2/origin/custom/{scope}/{msgid}/delivery_status"

func isMark(req *http.Request) bool { return strings.HasSuffix(req.URL.Path, "/delivery_status") }

// marks counts the messages that are marked as read; those of clients must not be.
func (r *rig) marks() (read, unread int) {
	r.t.Helper()
	for _, chat := range r.world.Snapshot().Chats {
		for _, m := range chat.Messages {
			switch {
			case m.Receiver != sandbox.Party{} && m.Status == 2:
				read++
			case m.Receiver != sandbox.Party{}:
				unread++
			case m.Status != 0:
				r.t.Errorf("%s, which a client wrote, has status %d", m.MsgID, m.Status)
			}
		}
	}
	return read, unread
}

func (r *rig) marked(read, unread int, unmarkable int64) {
	r.t.Helper()
	if a, b := r.marks(); a != read || b != unread {
		r.t.Errorf("%d marked, %d not, want %d, %d", a, b, read, unread)
	}
	if s := r.snapshot(); s.Marked != int64(read) || s.Unmarkable != unmarkable {
		r.t.Errorf("the ledger says %d marked, %d not markable, want %d, %d", s.Marked, s.Unmarkable, read, unmarkable)
	}
}

// TestMarks: nothing is marked unless it is asked for; then all parts of what managers
// and the bot wrote are, also those that were sent before, and each once.
func TestMarks(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 250, 6), sandbox.Options{})
	r.legacyExec(`update messages set manager_id = 'nobody' where id = 'm4'`, `update messages set text = repeat('long ', 2000) where conversation_id = 'c2' and id in ('m1', 'm2')`)
	r.mustRun()
	r.marked(0, 130, 0)
	if n := r.world.Counters().Requests[toMark]; n != 0 {
		t.Errorf("%d requests to mark", n)
	}
	r.options.MarkRead = true
	r.legacyExec(`insert into messages (conversation_id, id, sent_at, direction, manager_id, text) values ('c1', 'n1', now(), 'out', 'm1', 'x'), ('c1', 'n2', now(), 'in', null, 'x')`)
	if n := r.dryRun().Price.Marks; n != 131 {
		t.Errorf("the dry run foretells %d marks", n)
	}
	r.mustRun()
	r.marked(131, 0, 0)
	r.mustRun()
	if n := r.world.Counters().Requests[toMark]; n != 131 {
		t.Errorf("%d requests for 131 marks", n)
	}
	if f := r.progress.Figures(); f.ToMark != 0 {
		t.Errorf("%d to mark", f.ToMark)
	}
}

// TestMarksLost: answers and requests that are lost are repeated; a message that amojo
// does not know is told, and not asked for again.
func TestMarksLost(t *testing.T) {
	t.Parallel()
	var faults []sandbox.Fault
	for i, kind := range []sandbox.EffectKind{sandbox.CutAfterApply, sandbox.DropBeforeApply, sandbox.StatusAfterApply, sandbox.Status} {
		faults = append(faults, sandbox.Fault{Name: string(kind), API: sandbox.Amojo, Path: regexp.MustCompile("delivery_status"), Every: 7 + 2*i, Effect: sandbox.Effect{Kind: kind, Code: 502}})
	}
	bubble(t, legacy(t, 120), sandbox.Options{Faults: faults}, func(t *testing.T, r *rig) {
		r.mustRun()
		for _, id := range []string{"imp1-c1-m20", "imp1-c1-m60"} {
			if !r.world.LoseMessage(id) {
				t.Fatal("it is not there")
			}
		}
		r.exec(`update amoimport.message set amojo_ids = null where id = 'm80'`)
		r.options.MarkRead = true
		run := func() {
			if err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.marked(57, 1, 3)
		}
		run()
		before := r.world.Counters()
		for name, hits := range before.Faults {
			if hits == 0 {
				t.Errorf("fault %s never hit", name)
			}
		}
		run()
		if n := r.world.Counters().Requests[toMark] - before.Requests[toMark]; n != 0 {
			t.Errorf("%d requests for nothing", n)
		}
	})
}

// TestMarksMayBeLate: amojo does not know a message for a while after it took it. It is
// asked again until the settle time is over, and marked.
func TestMarksMayBeLate(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 10), sandbox.Options{}, func(t *testing.T, r *rig) {
		r.options.MarkRead = true
		r.world.AddFault(sandbox.Fault{API: sandbox.Amojo, Path: regexp.MustCompile("delivery_status"), To: 30 * time.Second,
			Effect: sandbox.Effect{Kind: sandbox.Status, Code: 404}})
		r.ends()
		r.marked(5, 0, 0)
	})
}

// TestMarksWrongChannel: where amojo knows nothing at all, that is not the messages' fault.
func TestMarksWrongChannel(t *testing.T) {
	t.Parallel()
	r := newRig(t, legacy(t, 10), sandbox.Options{})
	r.mustRun()
	r.options.MarkRead = true
	r.on(func(req *http.Request) *http.Response {
		if strings.Contains(req.URL.Path, "/origin/") {
			return answer(req, 404, `{"error_type":"ORIGIN_NOT_FOUND"}`)
		}
		return nil
	})
	if err := r.run(t.Context()); err == nil {
		t.Error("it ended well")
	}
	r.base = nil
	r.marked(0, 5, 0)
	r.mustRun()
	r.marked(5, 0, 0)
}

// TestMarksResume: a run that dies or is stopped while it marks goes on where it was,
// but for what was not recorded.
func TestMarksResume(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(r *rig, stop context.CancelFunc){
		"killed": func(r *rig, _ context.CancelFunc) {
			r.query(`update amoimport.lease set epoch = epoch + 1, held = false`, nil, nil)
		},
		"stopped": func(_ *rig, stop context.CancelFunc) { stop() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, legacy(t, 600), sandbox.Options{})
			r.options.MarkRead = true
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var once sync.Once
			var n atomic.Int64
			r.on(func(req *http.Request) *http.Response {
				if isMark(req) && n.Add(1) > 150 {
					once.Do(func() { end(r, stop) })
				}
				return nil
			})
			want := ledger.ErrLeaseLost
			if name == "stopped" {
				want = context.Canceled
			}
			if err := r.run(ctx); !errors.Is(err, want) {
				t.Fatalf("the run ended with %v", err)
			}
			r.base = nil
			if read, unread := r.marks(); read < 140 || unread == 0 {
				t.Errorf("%d marked, %d not", read, unread)
			}
			recorded := r.snapshot().Marked
			if recorded < 100 || name == "stopped" && recorded < 140 {
				t.Errorf("only %d are recorded", recorded)
			}
			before := r.world.Counters().Requests[toMark]
			r.mustRun()
			r.marked(300, 0, 0)
			if again := r.world.Counters().Requests[toMark] - before; again != 300-int(recorded) {
				t.Errorf("%d requests for the rest of %d", again, recorded)
			}
		})
	}
}

// TestMarksOutage: an hour without the chats API is waited for, and no message blamed.
func TestMarksOutage(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 60), sandbox.Options{}, func(t *testing.T, r *rig) {
		r.options.MarkRead = true
		var from atomic.Pointer[time.Time]
		r.on(func(req *http.Request) *http.Response {
			if now := time.Now(); isMark(req) {
				from.CompareAndSwap(nil, &now)
			}
			if strings.Contains(req.URL.Path, "/origin/") && from.Load() != nil && time.Since(*from.Load()) < time.Hour {
				return answer(req, 503, "")
			}
			return nil
		})
		r.mustRun()
		r.marked(30, 0, 0)
	})
}

// TestFollowMarks: news does not wait for the marks of what was sent before, and they
// do not keep the run from being ready.
func TestFollowMarks(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 1200), sandbox.Options{}, func(t *testing.T, r *rig) {
		r.mustRun()
		r.options.MarkRead = true // 600 marks, 5 a second
		f := r.follow()
		f.until("it is ready", 40*time.Second, f.ready)
		r.comes("c1", "new", time.Now())
		if took := f.until("the row is there", 2*time.Minute, func() bool { return r.world.Counters().Messages == 1201 }); took > 45*time.Second {
			t.Errorf("it took %s", took)
		}
		if _, unread := r.marks(); unread < 100 {
			t.Errorf("only %d are left to mark: the test does not test", unread)
		}
		f.until("all is marked", 10*time.Minute, func() bool { _, unread := r.marks(); return unread == 0 })
		f.until("it is ready", 2*time.Minute, f.ready)
		before := r.requests()
		time.Sleep(10 * time.Minute)
		if more := r.requests() - before; more != 0 {
			t.Errorf("%d requests though nothing is new", more)
		}
		if err := f.stop(); err != nil {
			t.Error(err)
		}
		r.marked(600, 0, 0)
	})
}

// TestFollowMarksRefused: marks that get nothing but server errors do not keep news
// waiting, and are made when that is over.
func TestFollowMarksRefused(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, 40), sandbox.Options{}, func(t *testing.T, r *rig) {
		r.options.MarkRead = true
		begun := time.Now()
		r.on(func(req *http.Request) *http.Response {
			if isMark(req) && time.Since(begun) < 30*time.Minute {
				return answer(req, 503, "")
			}
			return nil
		})
		f := r.follow()
		f.until("it is ready", 5*time.Minute, f.ready)
		time.Sleep(time.Minute)
		r.comes("c1", "new", time.Now())
		if took := f.until("the row is there", 10*time.Minute, func() bool { return r.world.Counters().Messages == 41 }); took > 3*time.Minute {
			t.Errorf("it took %s", took)
		}
		f.until("all is marked", time.Hour, func() bool { _, unread := r.marks(); return unread == 0 })
		if err := f.stop(); err != nil {
			t.Error(err)
		}
		r.marked(20, 0, 0)
	})
}
