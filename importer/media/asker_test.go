package media_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/amoimport/amoimport/importer/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store is a server of files that remembers what it was asked.
type store struct {
	*httptest.Server
	mu    sync.Mutex
	asked []*http.Request
}

func newStore(t *testing.T, serve http.HandlerFunc) *store {
	t.Helper()
	s := &store{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r)
		s.mu.Unlock()
		serve(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// lines are the requests so far: method, path and range.
func (s *store) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, r := range s.asked {
		all = append(all, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
	}
	return all
}

// named is the store's address under a name that a public URL can have.
func (s *store) named(host string) string {
	u, _ := url.Parse(s.URL)
	return "http://" + host + ":" + u.Port()
}

// newAsker makes an asker that may ask this machine, under any name, without delay.
func newAsker(t *testing.T, change ...func(*media.Options)) *media.Asker {
	t.Helper()
	o := media.Options{Timeout: 10 * time.Second, Rate: 10_000, Pause: time.Millisecond, AllowLoopback: true, Resolver: names(t, "127.0.0.1")}
	for _, c := range change {
		c(&o)
	}
	a := media.New(o)
	t.Cleanup(a.Close)
	return a
}

func answer(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

// TestAsk holds what is made of a server's answers, and how often it is asked.
func TestAsk(t *testing.T) {
	t.Parallel()
	byMethod := func(head, get http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				head(w, r)
			} else {
				get(w, r)
			}
		}
	}
	part := answer(206, "Content-Range", "bytes 0-0/777", "Content-Length", "1")
	const head, get = "HEAD /a", "GET /a bytes=0-0"
	for _, tt := range []struct {
		name  string
		serve http.HandlerFunc
		want  media.File
		state media.State
		asked []string
	}{
		{"size", answer(200, "Content-Length", "1234"), media.File{Size: 1234}, "", []string{head}},
		{"name", answer(200, "Content-Length", "9", "Content-Disposition", `attachment; filename="contract 7.pdf"`),
			media.File{Size: 9, Name: "contract 7.pdf"}, "", []string{head}},
		{"name beyond ASCII", answer(200, "Content-Length", "9", "Content-Disposition", `attachment; filename*=UTF-8''%D1%81%D1%87%D1%91%D1%82.pdf`),
			media.File{Size: 9, Name: "счёт.pdf"}, "", []string{head}},
		{"name as mail has it", answer(200, "Content-Length", "9", "Content-Disposition", `attachment; filename="=?UTF-8?B?0LAucGRm?="`),
			media.File{Size: 9, Name: "а.pdf"}, "", []string{head}},
		{"name with a path", answer(200, "Content-Length", "9", "Content-Disposition", `attachment; filename="C:\\x\\..\\a.pdf"`),
			media.File{Size: 9, Name: "a.pdf"}, "", []string{head}},
		{"no name in it", answer(200, "Content-Length", "9", "Content-Disposition", `attachment; filename="../"`), media.File{Size: 9}, "", []string{head}},
		{"HEAD refused", byMethod(answer(403), part), media.File{Size: 777}, "", []string{head, get}},
		{"HEAD not known", byMethod(answer(405), part), media.File{Size: 777}, "", []string{head, get}},
		{"HEAD not made", byMethod(answer(501), answer(200, "Content-Length", "0")), media.File{Size: 0}, "", []string{head, get}},
		{"HEAD without length", byMethod(answer(200, "Content-Disposition", "attachment; filename=a.pdf"), part),
			media.File{Size: 777, Name: "a.pdf"}, "", []string{head, get}},
		{"length in neither", byMethod(answer(200), answer(206, "Content-Range", "bytes 0-0/*")), media.File{Size: -1}, "", []string{head, get}},
		{"HEAD without length, GET fails", byMethod(answer(200), answer(404)), media.File{Size: -1}, "", []string{head, get}},
		{"length of something packed", byMethod(answer(200, "Content-Length", "5", "Content-Encoding", "br"), part), media.File{Size: 777}, "", []string{head, get}},
		{"empty file", byMethod(answer(405), answer(416, "Content-Range", "bytes */0")), media.File{Size: 0}, "", []string{head, get}},
		{"not there", answer(404), media.File{}, media.Missing, []string{head}},
		{"gone", answer(410), media.File{}, media.Missing, []string{head}},
		{"wants a password", answer(401), media.File{}, media.Denied, []string{head}},
		{"refused both ways", answer(403), media.File{}, media.Denied, []string{head, get}},
		{"server error, each time", answer(503), media.File{}, media.Silent, []string{head, head, head, head}},
		{"too many, each time", answer(429), media.File{}, media.Silent, []string{head, head, head, head}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, tt.serve)
			a := newAsker(t)
			got, err := a.Ask(t.Context(), s.URL+"/a?sig=s3cret", nil)
			var failed *media.UnreachableError
			var state media.State
			if errors.As(err, &failed) {
				state = failed.State
				if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "127.0.0.1") || failed.Hint() == "" {
					t.Errorf("%q shows the URL, or has no hint", err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if state != tt.state || got != tt.want {
				t.Errorf("%+v, %q; want %+v, %q", got, state, tt.want, tt.state)
			}
			if diff := cmp.Diff(tt.asked, s.lines()); diff != "" {
				t.Errorf("asked (-want +got)\n%s", diff)
			}
			// It is kept: the same question is not asked twice.
			again, err2 := a.Ask(t.Context(), s.URL+"/a?sig=s3cret", nil)
			if again != got || (err2 == nil) != (err == nil) || len(s.lines()) != len(tt.asked) {
				t.Errorf("again: %+v, %v, asked %q", again, err2, s.lines())
			}
		})
	}
}

// The answer's body is not read, however long it is.
func TestBodyIsNotRead(t *testing.T) {
	t.Parallel()
	const most = 128 << 20 // far more than a connection holds by itself
	read := make(chan bool, 1)
	s := newStore(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(405)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(int64(1)<<40))
		piece := make([]byte, 1<<20)
		for range most / len(piece) {
			if _, err := w.Write(piece); err != nil {
				read <- false
				return
			}
		}
		read <- true
	})
	got, err := newAsker(t, func(o *media.Options) { o.Timeout = time.Minute }).Ask(t.Context(), s.URL+"/a", nil)
	if err != nil || got.Size != 1<<40 {
		t.Errorf("%+v, %v", got, err)
	}
	if <-read {
		t.Errorf("%d bytes were read", most)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	s := newStore(t, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "who", Value: "us"})
		switch r.URL.Path {
		case "/once":
			http.Redirect(w, r, "/file", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusMovedPermanently)
		case "/inside":
			http.Redirect(w, r, "http://10.0.0.1/meta", http.StatusFound)
		case "/metadata":
			http.Redirect(w, r, "http://169.254.169.254/latest", http.StatusFound)
		case "/file-scheme":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(302)
		case "/password":
			w.Header().Set("Location", "http://user:pw@"+r.Host+"/file")
			w.WriteHeader(302)
		case "/login":
			http.Redirect(w, r, "/sign-in", http.StatusFound)
		case "/sign-in":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Length", "99")
		default:
			w.Header().Set("Content-Length", "5")
		}
	})
	for path, want := range map[string]media.State{
		"/once": "", "/round": media.Denied, "/inside": media.Private, "/metadata": media.Private, "/file-scheme": media.Private,
		"/password": media.Private, "/login": media.Denied,
	} {
		_, err := newAsker(t).Ask(t.Context(), s.URL+path+"?sig=s3cret", nil)
		var failed *media.UnreachableError
		var state media.State
		if errors.As(err, &failed) {
			state = failed.State
		} else if err != nil {
			t.Fatal(err)
		}
		if state != want {
			t.Errorf("%s is %q (%v), want %q", path, state, err, want)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	round := 0
	for _, r := range s.asked {
		if r.URL.Path == "/round" {
			round++
		}
		for _, name := range []string{"Cookie", "Referer", "Authorization"} {
			if r.Header.Get(name) != "" {
				t.Errorf("%s was asked with %s %q", r.URL.Path, name, r.Header.Get(name))
			}
		}
	}
	if round > 6 {
		t.Errorf("%d redirects were followed", round)
	}
}

// A name that leads into a private network, or to this machine, is not asked, whatever
// it looks like.
func TestNamesOfPrivateAddresses(t *testing.T) {
	t.Parallel()
	s := newStore(t, answer(200, "Content-Length", "5"))
	for _, to := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0"} {
		a := newAsker(t, func(o *media.Options) { o.AllowLoopback, o.Resolver = false, names(t, to) })
		_, err := a.Ask(t.Context(), s.named("files.example.com")+"/a", nil)
		var failed *media.UnreachableError
		if !errors.As(err, &failed) || failed.State != media.Private {
			t.Errorf("%s: %v", to, err)
		}
	}
	if len(s.lines()) != 0 {
		t.Errorf("asked %q", s.lines())
	}
	if got, err := newAsker(t).Ask(t.Context(), s.named("files.example.com")+"/a", nil); err != nil || got.Size != 5 {
		t.Errorf("where this machine is allowed: %+v, %v", got, err)
	}
}

// A silent server is asked again only after the control was answered, and what it says
// then counts.
func TestSilentServerComesBack(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	s := newStore(t, func(w http.ResponseWriter, r *http.Request) {
		if !up.Load() {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Length", "5")
	})
	controls := 0
	got, err := newAsker(t).Ask(t.Context(), s.URL+"/a", func(context.Context) error {
		controls++
		up.Store(true)
		return nil
	})
	if err != nil || got.Size != 5 || controls != 1 {
		t.Errorf("%+v, %v after %d controls", got, err, controls)
	}
	stop := errors.New("the run ends")
	up.Store(false)
	if _, err := newAsker(t).Ask(t.Context(), s.URL+"/a", func(context.Context) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the control's error is not returned: %v", err)
	}
}

func TestNoAnswerInTime(t *testing.T) {
	t.Parallel()
	s := newStore(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	a := newAsker(t, func(o *media.Options) { o.Timeout = 20 * time.Millisecond })
	_, err := a.Ask(t.Context(), s.URL+"/a", nil)
	var failed *media.UnreachableError
	if !errors.As(err, &failed) || failed.State != media.Silent || !strings.Contains(failed.Why, "in time") {
		t.Errorf("%v", err)
	}
}

// A run that ends is no fault of the file, in the last try as well.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var tries atomic.Int64
	s := newStore(t, func(_ http.ResponseWriter, r *http.Request) {
		if tries.Add(1) == 4 {
			cancel()
			<-r.Context().Done()
		}
		panic(http.ErrAbortHandler)
	})
	if _, err := newAsker(t).Ask(ctx, s.URL+"/a", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// What the network says of a failure names hosts and addresses; what is told does not.
func TestFailuresShowNoURL(t *testing.T) {
	t.Parallel()
	closed := newStore(t, answer(200))
	at := closed.named("files.example.com")
	closed.Close()
	nowhere := func(o *media.Options) {
		o.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("no name server at 127.0.0.9 for files.example.com")
		}}
	}
	for name, a := range map[string]*media.Asker{"closed": newAsker(t), "no name server": newAsker(t, nowhere)} {
		_, err := a.Ask(t.Context(), at+"/a?sig=s3cret", nil)
		var failed *media.UnreachableError
		if !errors.As(err, &failed) || failed.State != media.Silent {
			t.Fatalf("%s: %v", name, err)
		}
		for _, shown := range []string{"s3cret", "files.example.com", "127.0.0"} {
			if strings.Contains(err.Error()+failed.Why, shown) {
				t.Errorf("%s: %q shows %s", name, err, shown)
			}
		}
	}
}

// A server that was silent for several files is not waited for with every other one.
func TestServerThatIsDown(t *testing.T) {
	t.Parallel()
	s := newStore(t, answer(503))
	a := newAsker(t)
	for i := range 6 {
		_, err := a.Ask(t.Context(), fmt.Sprintf("%s/%d", s.URL, i), nil)
		var failed *media.UnreachableError
		if !errors.As(err, &failed) || failed.State != media.Silent || failed.Guessed != (i >= 3) {
			t.Errorf("file %d: %+v", i, err)
		}
	}
	if n := len(s.lines()); n != 12 {
		t.Errorf("asked %d times, want 4 times for each of 3 files", n)
	}
}

// The pace is the host's own.
func TestPacePerHost(t *testing.T) {
	t.Parallel()
	s := newStore(t, answer(200, "Content-Length", "5"))
	a := newAsker(t, func(o *media.Options) { o.Rate = 20 })
	begun := time.Now()
	for i := range 3 {
		for _, host := range []string{"a.example.com", "b.example.com", "A.EXAMPLE.com"} {
			if _, err := a.Ask(t.Context(), fmt.Sprintf("%s/%d%s", s.named(host), i, host), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if took := time.Since(begun); took < 5*50*time.Millisecond-10*time.Millisecond { // six requests to a.example.com
		t.Errorf("6 requests to one host in %s, at 20 a second", took)
	}
}

// What is remembered has a bound.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	s := newStore(t, answer(200, "Content-Length", "5"))
	a := newAsker(t)
	ask := func(i int) {
		if _, err := a.Ask(t.Context(), fmt.Sprintf("%s/%d", s.URL, i), nil); err != nil {
			t.Fatal(err)
		}
	}
	const kept = 4096
	for i := range kept + 1 {
		ask(i)
	}
	before := len(s.lines())
	ask(kept) // kept
	if n := len(s.lines()); n != before {
		t.Error("the newest answer was not kept")
	}
	ask(0) // the oldest was let go
	if n := len(s.lines()); n != before+1 {
		t.Error("the oldest answer was kept beyond the bound")
	}
}
