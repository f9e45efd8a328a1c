package media

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Probed is what is found of one URL. It holds nothing of the URL but its host: a
// path or a query may be a key to the file.
type Probed struct {
	Host     string
	State    State
	Why      string    // it is not reachable; "" if it is
	Size     int64     // bytes; -1: not told
	Expiring bool      // the URL says that it ends
	Expires  time.Time // when; zero: not told
}

// probesAtOnce bounds how many URLs are asked for at a time.
const probesAtOnce = 8

// Probe looks at each URL of a sample, within the bounds of Ask, and returns what it
// found in the same order. The error is that of a ctx that ended.
func (a *Asker) Probe(ctx context.Context, urls []string) ([]Probed, error) {
	found := make([]Probed, len(urls))
	next := make(chan int)
	var all sync.WaitGroup
	for range min(probesAtOnce, len(urls)) {
		all.Go(func() {
			for i := range next {
				found[i] = a.probe(ctx, urls[i])
			}
		})
	}
	for i := range urls {
		next <- i
	}
	close(next)
	all.Wait()
	return found, ctx.Err()
}

func (a *Asker) probe(ctx context.Context, raw string) Probed {
	p := Probed{State: Reachable, Size: -1}
	if u, err := url.Parse(raw); err == nil {
		p.Host = strings.ToLower(u.Hostname())
	}
	p.Expires, p.Expiring = Expiry(raw)
	file, err := a.Ask(ctx, raw, nil)
	var failed *UnreachableError
	switch {
	case err == nil:
		p.Size = file.Size
	case errors.As(err, &failed):
		p.State, p.Why = failed.State, failed.Why
	default:
		p.State, p.Why = Silent, "it was not asked"
	}
	return p
}
