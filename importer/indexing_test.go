package importer_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/sandbox"
)

// listing does something before each page of the list of contacts, given how many
// of them came before; it may answer in the world's place.
func listing(w *sandbox.World, do func(n int, req *http.Request) *http.Response) http.RoundTripper {
	var mu sync.Mutex
	n := 0
	way := w.Transport()
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.URL.Query().Get("order[id]") == "asc" {
			mu.Lock()
			now := n
			n++
			mu.Unlock()
			if resp := do(now, req); resp != nil {
				return resp, nil
			}
		}
		return way.RoundTrip(req)
	})
}

// TestContactsChangeWhileRead: contacts are deleted and added while all of them are
// read, which moves the others from page to page. All that are there are found.
func TestContactsChangeWhileRead(t *testing.T) {
	t.Parallel()
	const there, probes = 1500, 4 // pages 1, 2, 4, 8: at most seven pages
	for name, c := range map[string]struct {
		gone     func(page int) (from, n int) // contacts deleted before that page is read
		added    int                          // before each of the first three pages
		requests int                          // at most
	}{
		"one is deleted on the first page":     {func(p int) (int, int) { return 0, at(p, 2, 1) }, 0, 9},
		"one is deleted on the page read last": {func(p int) (int, int) { return 240, at(p, 1, 1) }, 0, 9},
		"one before each page":                 {func(p int) (int, int) { return p, 1 }, 0, 20},
		"twenty before each page":              {func(p int) (int, int) { return 20 * p, 20 }, 0, 20},
		"many are merged":                      {func(p int) (int, int) { return 0, at(p, 4, 600) }, 0, 14},
		"almost all":                           {func(p int) (int, int) { return 0, at(p, 5, 1490) }, 0, 16},
		"the end of the list":                  {func(p int) (int, int) { return 700, at(p, 3, 800) }, 0, 12},
		"some are added":                       {func(int) (int, int) { return 0, 0 }, 7, 9},
		"added and deleted":                    {func(p int) (int, int) { return 100 * p, at(p%2, 1, 40) }, 100, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sandbox.New(sandbox.Options{Record: true})
			ids := put(t, w, numbered(1, there)...)
			cards := numbered(1, there)
			alive := map[string]int{}
			for i, id := range ids {
				alive[cards[i].phones[0]] = id
			}
			v := finder(t, listing(w, func(n int, _ *http.Request) *http.Response {
				page := n - probes // that is read, from 0
				if page < 0 {
					return nil
				}
				for from, n := c.gone(page); n > 0 && from < there; from++ {
					if w.DeleteContact(ids[from]) {
						delete(alive, cards[from].phones[0])
						n--
					}
				}
				if page < 3 && c.added > 0 {
					more := numbered(len(cards)+1, c.added)
					for i, id := range put(t, w, more...) {
						alive[more[i].phones[0]] = id
					}
					cards = append(cards, more...)
				}
				return nil
			}), 2000)
			if err := v.Expect(t.Context(), 20); err != nil {
				t.Fatal(err)
			}
			asked := lists(w)
			if asked > c.requests+probes {
				t.Errorf("%d requests to read", asked-probes)
			}
			missing := 0
			for phone, id := range alive {
				m, err := v.FindContact(t.Context(), byPhone(phone))
				if err != nil {
					t.Fatal(err)
				}
				if m.ContactID != int64(id) {
					missing++
				}
			}
			if missing > 0 {
				t.Errorf("%d of %d contacts are not found", missing, len(alive))
			}
			if n := lists(w) - asked; n != 0 {
				t.Errorf("%d requests beside the index", n)
			}
		})
	}
}

// at is n for that page, else 0.
func at(page, this, n int) int {
	if page == this {
		return n
	}
	return 0
}

// TestHalfTheRate: the pages of all contacts go out at half the set rate.
func TestHalfTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := sandbox.New(sandbox.Options{Latency: sandbox.Lag{Min: 50 * time.Millisecond, Max: 300 * time.Millisecond}})
		put(t, w, numbered(1, 3000)...)
		var times []time.Time
		v := finder(t, listing(w, func(int, *http.Request) *http.Response {
			times = append(times, time.Now())
			return nil
		}), 5)
		if err := v.Expect(t.Context(), 1000); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(times); i++ {
			if gap := times[i].Sub(times[i-1]); gap < 400*time.Millisecond || gap > 500*time.Millisecond {
				t.Errorf("page %d was asked for %s after the one before it", i+1, gap)
			}
		}
		if len(times) < 13 {
			t.Errorf("only %d pages", len(times))
		}
	})
}

// TestIndexIsKeptUp: contacts that others make after the index was read are found a
// minute later, for one request a minute at most; those that are deleted are not
// found any more once that is known.
func TestIndexIsKeptUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := sandbox.New(sandbox.Options{ContactSearchLag: time.Hour}) // the list has none
		ids := put(t, w, numbered(1, 300)...)
		v := finder(t, w.Transport(), 5)
		if err := v.Expect(t.Context(), 1000); err != nil {
			t.Fatal(err)
		}
		asked := lists(w)
		found := func(p importer.Person) int64 {
			t.Helper()
			m, err := v.FindContact(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			return m.ContactID
		}
		later := put(t, w, card{name: "new", phones: []string{"8 912 000 05 00"}}, card{name: "a second", phones: []string{phone(7)}})
		var wait sync.WaitGroup
		for n := 1; n < 50; n++ {
			wait.Go(func() { found(byPhone(phone(n))) })
		}
		wait.Wait()
		if n := lists(w) - asked; n != 0 {
			t.Errorf("%d requests within a minute", n)
		}
		time.Sleep(time.Minute)
		for n := 1; n < 50; n++ {
			wait.Go(func() { found(byPhone(phone(n))) })
		}
		wait.Wait()
		if id := found(byPhone(phone(500))); id != int64(later[0]) {
			t.Errorf("found %d, the new one is %d", id, later[0])
		}
		v.OnAmbiguous = importer.Newest
		if id := found(byPhone(phone(7))); id != int64(later[1]) {
			t.Errorf("found %d, the newest is %d", id, later[1])
		}
		if n := lists(w) - asked; n != 1 {
			t.Errorf("%d requests after a minute", n)
		}
		for _, gone := range []int{later[1], ids[6]} {
			w.DeleteContact(gone)
			if there, err := v.HasContact(t.Context(), int64(gone)); there || err != nil {
				t.Fatal(there, err)
			}
			want := int64(0)
			if gone == later[1] {
				want = int64(ids[6])
			}
			if id := found(byPhone(phone(7))); id != want {
				t.Errorf("found %d, want %d", id, want)
			}
		}
	})
}

// TestListFails: one page that fails is asked for again; a list that cannot be read
// at all is no reason to stop, for contacts can be searched for.
func TestListFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fail   func(w *sandbox.World, n int, req *http.Request) *http.Response
		search bool
	}{
		"one answer is lost": {func(_ *sandbox.World, n int, req *http.Request) *http.Response {
			if n == 5 {
				return answer(req, http.StatusInternalServerError, `{}`)
			}
			return nil
		}, false},
		"one answer is cut off": {func(_ *sandbox.World, n int, req *http.Request) *http.Response {
			if n == 5 {
				return answer(req, http.StatusOK, `{"_embedded":{"contacts":[{"id":1`)
			}
			return nil
		}, false},
		"one page never comes": {func(_ *sandbox.World, _ int, req *http.Request) *http.Response {
			if req.URL.Query().Get("page") == "3" {
				return answer(req, http.StatusInternalServerError, `{}`)
			}
			return nil
		}, true},
		"in no order": {func(_ *sandbox.World, _ int, req *http.Request) *http.Response {
			return answer(req, http.StatusOK, `{"_embedded":{"contacts":[{"id":7},{"id":4}]}}`)
		}, true},
		"it may not be ordered": {func(_ *sandbox.World, _ int, req *http.Request) *http.Response {
			return answer(req, http.StatusBadRequest, `{"status":400}`)
		}, true},
		"all pages are the first": {func(w *sandbox.World, n int, req *http.Request) *http.Response {
			if n > 3 {
				query := req.URL.Query()
				query.Set("page", "1")
				req.URL.RawQuery = query.Encode()
			}
			return nil
		}, true},
		"all pages have one size": {func(w *sandbox.World, n int, req *http.Request) *http.Response {
			query := req.URL.Query()
			query.Set("limit", "50")
			req.URL.RawQuery = query.Encode()
			return nil
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := sandbox.New(sandbox.Options{})
				ids := put(t, w, numbered(1, 1000)...)
				v := finder(t, listing(w, func(n int, req *http.Request) *http.Response { return c.fail(w, n, req) }), 5)
				if err := v.Expect(t.Context(), 5000); err != nil {
					t.Fatal(err)
				}
				asked := lists(w)
				for _, n := range []int{1, 500, 1000} {
					if m, err := v.FindContact(t.Context(), byPhone(phone(n))); err != nil || m.ContactID != int64(ids[n-1]) {
						t.Errorf("%s: found %+v %v, want %d", phone(n), m, err, ids[n-1])
					}
				}
				if n := lists(w) - asked; (n > 0) != c.search {
					t.Errorf("%d searches", n)
				}
			})
		})
	}
}

// TestListStops: what concerns the account or the token stops the run, with what to
// do; so does the end of the run itself.
func TestListStops(t *testing.T) {
	t.Parallel()
	w := sandbox.New(sandbox.Options{})
	put(t, w, numbered(1, 1000)...)
	v := finder(t, listing(w, func(n int, req *http.Request) *http.Response {
		if n == 5 {
			return answer(req, http.StatusPaymentRequired, `{"status":402}`)
		}
		return nil
	}), 2000)
	if err := v.Expect(t.Context(), 5000); err == nil {
		t.Error("an account that is not paid did not stop it")
	}
	ctx, cancel := context.WithCancel(t.Context())
	v = finder(t, listing(w, func(n int, _ *http.Request) *http.Response {
		if n == 4 {
			cancel()
		}
		return nil
	}), 2000)
	if err := v.Expect(ctx, 5000); err == nil {
		t.Error("it went on when the run was to end")
	}
}
