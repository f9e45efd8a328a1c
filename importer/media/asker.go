// Package media asks the servers of files what the legacy database does not tell:
// the size of a file, its name, and whether it is to be had at all. It reads no file,
// sends no cookie, password or referrer, and asks nobody in a private network: where
// it goes is written in rows that strangers may have filled.
package media

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/amoimport/amoimport/pace"
	"golang.org/x/time/rate"
)

// File is what a server tells of a file.
type File struct {
	Size int64  // bytes; -1: it does not say
	Name string // "": it does not say
}

// State is how far a file is from being had.
type State string

// The states.
const (
	Reachable State = "reachable"
	Private   State = "private" // nobody outside can use its URL: it leads into a private network, or is none of the web
	Denied    State = "denied"  // its server wants to know who asks, or refuses
	Missing   State = "missing" // its server has no such file
	Silent    State = "silent"  // its server did not answer, or only with a fault of its own
)

// UnreachableError says why a file is not to be had.
type UnreachableError struct {
	State State // not Reachable
	Why   string
	// Guessed says that nobody asked for this file: its server was silent for others
	// just now.
	Guessed bool

	status int // of the answer; 0: there was none
}

func (e *UnreachableError) Error() string { return "the file is not to be had: " + e.Why }

// Hint says what to do.
func (e *UnreachableError) Hint() string {
	switch e.State {
	case Private:
		return "amoCRM fetches files from outside: serve this one at a public address, and let media_url or media.url_template say so"
	case Denied:
		return "amoCRM fetches files without a password: serve this one to whoever knows its URL, or sign the URL for longer than the import takes"
	case Missing:
		return "look whether media_url or media.url_template names the right place"
	}
	return "look whether the file's server is up, and run again"
}

// Options are the bounds of asking. Zero values stand for the defaults.
type Options struct {
	Timeout       time.Duration // of one request; 10 s
	Rate          float64       // requests a second to one host; 5
	Pause         time.Duration // before a silent server is asked again, four times as long after that; 1 s
	AllowLoopback bool          // files may be on this machine: those of a rehearsal
	Resolver      *net.Resolver // nil: the system's
}

const (
	maxTries     = 4 // of a server that is silent
	maxSilent    = 3 // files in a row whose server was silent to every try: then it counts as down
	downFor      = time.Minute
	failuresHold = 5 * time.Minute // a file that could not be had is asked for again after this long
	maxKnown     = 4096            // answers kept
	maxHosts     = 1024            // hosts whose pace is kept
)

// Asker asks about files. It may be used by several goroutines at a time.
type Asker struct {
	options Options
	net     *http.Transport

	mu    sync.Mutex
	known *recent[[sha256.Size]byte, answer]
	hosts *recent[string, *host]
}

// answer is what became of a question.
type answer struct {
	file  File
	err   *UnreachableError
	until time.Time // of a failure
}

// host is a server of files.
type host struct {
	pace      *rate.Limiter
	silent    int       // files in a row
	downUntil time.Time // nobody asks it before
}

// New makes an Asker.
func New(o Options) *Asker {
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.Rate = cmp.Or(o.Rate, 5)
	o.Pause = cmp.Or(o.Pause, time.Second)
	return &Asker{
		options: o,
		net:     network(o),
		known:   newRecent[[sha256.Size]byte, answer](maxKnown),
		hosts:   newRecent[string, *host](maxHosts),
	}
}

// Close lets go of idle connections.
func (a *Asker) Close() { a.net.CloseIdleConnections() }

// Ask tells what the server of a URL says of the file there. Where the file is not to
// be had the error is an *UnreachableError; any other says that ctx ended, or is the
// control's. A server that is silent is asked again, after the control: that is a
// question to somebody else, which returns when it is answered, so that a fault of our
// own network is not taken for the file's. It may be nil. What was answered is kept.
func (a *Asker) Ask(ctx context.Context, raw string, control func(context.Context) error) (File, error) {
	key := sha256.Sum256([]byte(raw))
	if kept, ok := a.recall(key); ok {
		return kept.result()
	}
	h := a.host(raw)
	if a.down(h) {
		return File{}, &UnreachableError{State: Silent, Why: "its server did not answer for other files", Guessed: true}
	}
	pause := a.options.Pause
	for try := 1; ; try++ {
		file, err := a.once(ctx, raw)
		var failed *UnreachableError
		if err != nil && !errors.As(err, &failed) {
			return File{}, err
		}
		silent := failed != nil && failed.State == Silent
		if !silent || try == maxTries {
			a.keep(key, h, answer{file: file, err: failed})
			return answer{file: file, err: failed}.result()
		}
		if control != nil {
			if err := control(ctx); err != nil {
				return File{}, err
			}
		}
		if err := pace.Sleep(ctx, pause); err != nil {
			return File{}, err
		}
		pause *= 4
	}
}

func (k answer) result() (File, error) {
	if k.err != nil {
		return File{}, k.err
	}
	return k.file, nil
}

func (a *Asker) recall(key [sha256.Size]byte) (answer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept, ok := a.known.get(key)
	return kept, ok && (kept.err == nil || time.Now().Before(kept.until))
}

func (a *Asker) keep(key [sha256.Size]byte, h *host, k answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	k.until = now.Add(failuresHold)
	a.known.put(key, k)
	if k.err == nil || k.err.State != Silent {
		h.silent = 0
		return
	}
	if h.silent++; h.silent >= maxSilent {
		h.downUntil = now.Add(downFor)
	}
}

func (a *Asker) down(h *host) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Before(h.downUntil)
}

// host is the server of a URL.
func (a *Asker) host(raw string) *host {
	name := ""
	if u, err := url.Parse(raw); err == nil {
		name = strings.ToLower(u.Host)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	h, ok := a.hosts.get(name)
	if !ok {
		h = &host{pace: rate.NewLimiter(rate.Limit(a.options.Rate), 1)}
		a.hosts.put(name, h)
	}
	return h
}
