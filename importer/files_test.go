package importer_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/media"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/sandbox"
	gocmp "github.com/google/go-cmp/cmp"
)

// shelf is a server of files: each has 1234 bytes, and is there as long as it is to be.
type shelf struct {
	*httptest.Server
	there    atomic.Bool
	sizeless atomic.Bool // it does not tell how long they are
	asked    atomic.Int64
}

func newShelf(t *testing.T) *shelf {
	s := &shelf{}
	s.there.Store(true)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if !s.there.Load() {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if !s.sizeless.Load() {
			w.Header().Set("Content-Length", "1234")
		}
		w.Header().Set("Content-Disposition", `attachment; filename="by server.pdf"`)
	}))
	t.Cleanup(s.Close)
	return s
}

// fileRig is a rig whose message m2 is a file that the row tells too little of: a
// caption, and a URL on the shelf.
func fileRig(t *testing.T, s *shelf, asText bool, caption string, o sandbox.Options) *rig {
	t.Helper()
	r := newRig(t, legacy(t, 5), o)
	r.legacyExec(fmt.Sprintf(`update messages set kind = 'file', media_url = '%s/x/contract.pdf?sig=s3cret', text = '%s' where id = 'm2'`, s.URL, caption))
	r.options.Compose.AllowLoopback = true
	r.options.Files.AsText = asText
	r.freshAsker()
	return r
}

// freshAsker forgets what servers said, as a new process does.
func (r *rig) freshAsker() {
	a := media.New(media.Options{Rate: 10_000, Pause: time.Millisecond, AllowLoopback: true})
	r.t.Cleanup(a.Close)
	r.options.Files.Asker = a
}

// crashLosing kills a run when the request with that text ends, which it does without
// an answer, also when it is made again.
func (r *rig) crashLosing(body string, effect sandbox.EffectKind) {
	r.t.Helper()
	f := lose(body, effect)
	f.Times = 0
	fault := r.world.AddFault(f)
	r.crashAt(body)
	r.crash()
	fault.Remove()
}

// partsOf are the messages of a row in its chat: type, name, size and text.
func (r *rig) partsOf(msgid string) []string {
	chat, _ := r.world.Chat("imp1-c1")
	var all []string
	for _, m := range chat.Messages {
		if m.MsgID == msgid || strings.HasPrefix(m.MsgID, msgid+"_p") {
			all = append(all, fmt.Sprintf("%s %s %d %d %.20s", m.Type, m.FileName, m.FileSize, len(m.Text), m.Text))
		}
	}
	return all
}

// TestFileIsAskedFor: what a row lacks is asked of its file's server, once, and what it
// has is not.
func TestFileIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		sql   string
		files importer.Files
		want  string
		asked int64
	}{
		{"size and name", ``, importer.Files{}, "file by server.pdf 1234 2 hi", 1},
		{"name in the row", `update messages set file_name = 'own.pdf' where id = 'm2'`, importer.Files{}, "file own.pdf 1234 2 hi", 1},
		{"all in the row", `update messages set file_name = 'own.pdf', file_size = 7 where id = 'm2'`, importer.Files{}, "file own.pdf 7 2 hi", 0},
		{"all in the row, all asked", `update messages set file_name = 'own.pdf', file_size = 7 where id = 'm2'`, importer.Files{All: true}, "file own.pdf 7 2 hi", 1},
		{"the same file twice", `update messages m set kind = o.kind, media_url = o.media_url from messages o where o.id = 'm2' and m.id = 'm4'`,
			importer.Files{}, "file by server.pdf 1234 2 hi", 1},
		{"the row is refused anyway", `update messages set direction = 'sideways' where id = 'm2'`, importer.Files{}, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			r := fileRig(t, s, false, "hi", sandbox.Options{})
			r.options.Files.All = c.files.All
			if c.sql != "" {
				r.legacyExec(c.sql)
			}
			if err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.complete()
			if got := strings.Join(r.partsOf("imp1-c1-m2"), "; "); got != c.want {
				t.Errorf("m2 is %q, want %q", got, c.want)
			}
			if n := s.asked.Load(); n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
		})
	}
}

// TestFileIsLost: a file that is not to be had parks its message, or is named in a text.
func TestFileIsLost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, sql, reason string
		asText            bool
		want              []string
	}{
		{name: "park", reason: string(outcome.MediaUnreachable)},
		{name: "text", asText: true, want: []string{"text  0 24 [file: contract.pdf]"}},
		{name: "private address, park", sql: `update messages set media_url = 'http://10.0.0.1/x/contract.pdf' where id = 'm2'`, reason: string(outcome.BadMediaURL)},
		{name: "private address, text", sql: `update messages set media_url = 'http://10.0.0.1/x/contract.pdf', file_size = 5 where id = 'm2'`, asText: true,
			want: []string{"text  0 24 [file: contract.pdf]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			s.there.Store(false)
			r := fileRig(t, s, c.asText, "see", sandbox.Options{})
			if c.sql != "" {
				r.legacyExec(c.sql)
			}
			if err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.complete()
			got, parts := r.messages("c1")["m2"], r.partsOf("imp1-c1-m2")
			for i := range parts { // the caption is on its own line
				parts[i] = strings.TrimSpace(strings.Split(parts[i], "\n")[0])
			}
			if got.reason != c.reason || gocmp.Diff(c.want, parts) != "" {
				t.Errorf("m2 is %+v, %q; want %q, %q", got, parts, c.reason, c.want)
			}
			if c.asText != slices.Contains(got.notes, string(outcome.MediaAsText)) {
				t.Errorf("the notes are %q", got.notes)
			}
			r.query(`select coalesce(string_agg(detail, ''), '') from amoimport.message`, nil, func(scan func(...any) error) error {
				var detail string
				err := scan(&detail)
				if strings.Contains(detail, "s3cret") || strings.Contains(detail, "contract") {
					t.Errorf("the ledger tells %q", detail)
				}
				return err
			})
		})
	}
}

// TestFileComesBack: a message parked for its file is sent when a person says so and
// the file is there again, also by a run that knows that it was not.
func TestFileComesBack(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.there.Store(false)
	r := fileRig(t, s, false, "hi", sandbox.Options{})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.there.Store(true)
	if n := r.retry(ledger.Selection{Reason: outcome.MediaUnreachable}); n != 1 {
		t.Fatalf("%d planned again", n)
	}
	r.freshAsker()
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.complete()
	if got := r.partsOf("imp1-c1-m2"); !slices.Equal(got, []string{"file by server.pdf 1234 2 hi"}) {
		t.Errorf("m2 is %q", got)
	}
}

// TestFileFlapsInSplit kills a run in the middle of a long caption, while the file
// comes or goes: what began as a file, or as a text, ends as it began.
func TestFileFlapsInSplit(t *testing.T) {
	t.Parallel()
	caption := strings.Repeat("word ", 2000)
	asFile := []string{"file by server.pdf 1234 4000 word word word word ", "text  0 4000 word word word word ", "text  0 2000 word word word word "}
	asText := []string{"text  0 3996 [file: contract.pdf]", "text  0 4000 ", "text  0 2025 "}
	for _, c := range []struct {
		name          string
		before, after bool // the file is there
		asText        bool
		effect        sandbox.EffectKind
		want          []string
	}{
		{"a file goes, part arrived", true, false, true, sandbox.CutAfterApply, asFile},
		{"a file goes, part lost", true, false, true, sandbox.DropBeforeApply, asFile},
		{"a file goes, else it would be parked", true, false, false, sandbox.CutAfterApply, asFile},
		{"a file comes, part arrived", false, true, true, sandbox.CutAfterApply, asText},
		{"a file comes, part lost", false, true, true, sandbox.DropBeforeApply, asText},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			r := fileRig(t, s, c.asText, caption, sandbox.Options{RepeatedMsgID: sandbox.StoredTwice})
			s.there.Store(c.before)
			r.crashLosing(`"imp1-c1-m2_p2"`, c.effect)
			s.there.Store(c.after)
			r.freshAsker()
			r.resume(1)
			got := r.partsOf("imp1-c1-m2")
			if m := r.messages("c1")["m2"]; m.outcome != "sent" || m.parts != 3 || len(got) != 3 {
				t.Fatalf("m2 is %+v, %q", m, got)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) {
					t.Errorf("part %d is %q, want %q", i+1, got[i], c.want[i])
				}
			}
		})
	}
}

// TestFileFlapsInDoubt kills a run while the only part is in doubt, while the file comes
// or goes. What arrived counts; what did not is decided anew only where nothing can be
// in the chat, and a text stays a text.
func TestFileFlapsInDoubt(t *testing.T) {
	t.Parallel()
	const file, text = "file by server.pdf 1234 2 hi", "text  0 23 [file: contract.pdf]"
	for _, c := range []struct {
		name          string
		before, after bool
		asText        bool
		effect        sandbox.EffectKind
		want          []string
		reason        string
	}{
		{"a file arrived, then went", true, false, true, sandbox.CutAfterApply, []string{file}, ""},
		{"a file arrived, then went, park", true, false, false, sandbox.CutAfterApply, []string{file}, ""},
		{"a file did not arrive and went", true, false, true, sandbox.DropBeforeApply, []string{text}, ""},
		{"a file did not arrive and went, park", true, false, false, sandbox.DropBeforeApply, nil, string(outcome.MediaUnreachable)},
		{"a text arrived, then the file came", false, true, true, sandbox.CutAfterApply, []string{text}, ""},
		{"a text did not arrive, and the file came", false, true, true, sandbox.DropBeforeApply, []string{text}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			r := fileRig(t, s, c.asText, "hi", sandbox.Options{RepeatedMsgID: sandbox.StoredTwice})
			s.there.Store(c.before)
			r.crashLosing(`"imp1-c1-m2"`, c.effect)
			s.there.Store(c.after)
			r.freshAsker()
			r.resume(1)
			got := r.partsOf("imp1-c1-m2")
			if m := r.messages("c1")["m2"]; m.reason != c.reason || len(got) != len(c.want) {
				t.Fatalf("m2 is %+v, %q, want %q", m, got, c.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) {
					t.Errorf("it is %q, want %q", got[i], c.want[i])
				}
			}
		})
	}
}

// TestFileLostWhileParkedInDoubt: a message in doubt is planned again while its file is
// gone, or its server does not tell the size any more. It is looked for before that
// counts: it is in its chat.
func TestFileLostWhileParkedInDoubt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		asText, silent bool
	}{{"park", false, false}, {"text", true, false}, {"no size any more", false, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			r := fileRig(t, s, c.asText, "hi", sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, Faults: []sandbox.Fault{lose(`"imp1-c1-m2"`, sandbox.CutAfterApply)}})
			r.options.SettleTime = 50 * time.Millisecond
			var shown atomic.Bool
			r.wrap = func(inner importer.Target) importer.Target {
				return &hiding{Target: inner, msgid: "imp1-c1-m2", hidden: func() (importer.Sighting, bool) { return importer.Sighting{}, !shown.Load() }}
			}
			if err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := r.messages("c1")["m2"]; got.reason != string(outcome.InDoubt) {
				t.Fatalf("m2 is %+v", got)
			}
			s.there.Store(c.silent)
			s.sizeless.Store(c.silent)
			shown.Store(true)
			r.freshAsker()
			r.retry(ledger.Selection{Reason: outcome.InDoubt})
			if err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.complete()
			if got := r.messages("c1")["m2"]; got.outcome != "sent" || slices.Contains(got.notes, string(outcome.MediaAsText)) || len(r.partsOf("imp1-c1-m2")) != 1 {
				t.Errorf("m2 is %+v, %q in its chat", got, r.partsOf("imp1-c1-m2"))
			}
		})
	}
}

// TestFileServerIsDown: where a server that is silent is not asked any more, what it
// might have is parked: a text could not be taken back.
func TestFileServerIsDown(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(s.Close)
	r := fileRig(t, &shelf{Server: s}, true, "hi", sandbox.Options{})
	r.legacyExec(fmt.Sprintf(`update messages set kind = 'file', media_url = '%s/' || id`, s.URL))
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.complete()
	var got []string
	for _, id := range []string{"m1", "m2", "m3", "m4", "m5"} {
		m := r.messages("c1")[id]
		got = append(got, m.outcome+" "+m.reason)
	}
	want := []string{"sent ", "sent ", "sent ", "parked media_unreachable", "parked media_unreachable"}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// counting counts the questions whether the chats API answers.
type counting struct {
	importer.Target
	asked atomic.Int64
	hear  func()
}

func (c *counting) ChatsAnswer(ctx context.Context) error {
	c.asked.Add(1)
	c.hear()
	return c.Target.ChatsAnswer(ctx)
}

// TestFileServerDownWithOurNetwork: a server of files that is silent while our own
// network is out is asked again once the chats API has answered.
func TestFileServerDownWithOurNetwork(t *testing.T) {
	t.Parallel()
	var out atomic.Bool
	out.Store(true)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if out.Load() {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Length", "1234")
	}))
	t.Cleanup(s.Close)
	r := fileRig(t, &shelf{Server: s}, true, "hi", sandbox.Options{})
	control := &counting{hear: func() { out.Store(false) }}
	r.wrap = func(inner importer.Target) importer.Target {
		control.Target = inner
		return control
	}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.complete()
	if got := r.partsOf("imp1-c1-m2"); !slices.Equal(got, []string{"file contract.pdf 1234 2 hi"}) || control.asked.Load() == 0 {
		t.Errorf("m2 is %q after %d controls", got, control.asked.Load())
	}
}
