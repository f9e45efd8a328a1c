package tidy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/tidy"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/google/go-cmp/cmp"
)

// closeTalks closes what was closed in the legacy database.
func (b *bench) closeTalks() tidy.Closed {
	b.t.Helper()
	did, err := tidy.CloseTalks(b.t.Context(), tidy.TalkOptions{Options: b.options()})
	b.must(err)
	return did
}

// inBothWays runs a test in an account with a list of talks, and in one where only events tell.
func inBothWays(t *testing.T, o sandbox.Options, test func(t *testing.T, b *bench)) {
	for name, unlisted := range map[string]bool{"list": false, "events": true} {
		t.Run(name, func(t *testing.T) {
			o.NoTalksList = unlisted
			bubble(t, o, test)
		})
	}
}

// Only the talks of our chats whose conversations were closed are closed, all of them, by force, and once.
func TestCloseTalks(t *testing.T) {
	inBothWays(t, sandbox.Options{TalkCloseLag: 5 * time.Second}, func(t *testing.T, b *bench) {
		anna, ivan := b.contact("Anna"), b.contact("Ivan")
		b.imported("1", "anna", anna, true, 0, "a", "b")
		b.imported("2", "anna", anna, true, 0, "a")
		b.imported("3", "anna", anna, false, 0, "a") // goes on
		b.imported("4", "ivan", ivan, true, 0, "a")
		b.plan("4", "ivan", true, 60, "b") // still to be sent
		b.foreign("stranger", anna)        // a chat that we do not know
		b.write("stranger", "s1", monday*1000)
		// A talk that somebody closed already, and the next one of the same chat.
		first := b.talkOf("2")
		b.must(b.crm.CloseTalk(t.Context(), int64(first), true))
		<-time.After(time.Minute)
		b.imported("2", "anna", anna, true, 100, "c")
		left := []int{b.talkOf("3"), b.talkOf("4")}
		stranger, _ := b.world.Chat("stranger")
		left = append(left, stranger.TalkIDs[0])

		got := b.closeTalks()
		want := tidy.Closed{Talks: ledger.TalkCounts{Total: 3, Conversations: 2, Closed: 3}, Now: 2, Waiting: 1} // one was closed before
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("closed (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(left, b.openTalks()); diff != "" {
			t.Errorf("open (-want +got):\n%s", diff)
		}
		for _, talk := range b.world.Snapshot().Talks {
			if !talk.Open && !talk.Forced {
				t.Errorf("talk %d was closed with the survey", talk.ID)
			}
		}
		if n := b.world.Counters().Requests["POST /api/v4/talks/{id}/close"]; n != 3 {
			t.Errorf("%d times a close was asked, want once for the test and once for each open talk", n)
		}
		lists := b.world.Counters().Requests["GET /api/v4/talks"]
		if lists != 1 {
			t.Errorf("the list was asked %d times for one contact", lists)
		}

		// Again: nothing is left to ask about, until something is sent.
		b.again()
		before := len(b.world.Requests())
		if did := b.closeTalks(); did.Now != 0 || did.Talks.Closed != 3 {
			t.Errorf("a second command closed %d, of %d in all", did.Now, did.Talks.Closed)
		}
		if more := b.since(before); len(more) != 0 {
			t.Errorf("a second command asked %v", more)
		}
		b.imported("1", "anna", anna, true, 200, "z")
		b.closeTalks()
		if open := b.openTalks(); slices.Contains(open, b.talkOf("1")) {
			t.Errorf("what was sent since stays open: %v", open)
		}
		if learned := b.value("select value from amoimport.learned where name = 'talks_list'"); learned != map[bool]string{true: "no", false: "yes"}[b.world.Options().NoTalksList] {
			t.Errorf("learned %q of the list", learned)
		}
	})
}

func TestCloseAllTalks(t *testing.T) {
	inBothWays(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		anna := b.contact("Anna")
		b.imported("1", "anna", anna, true, 0, "a")
		b.imported("2", "anna", anna, false, 0, "a")
		did, err := tidy.CloseTalks(t.Context(), tidy.TalkOptions{Options: b.options(), All: true})
		b.must(err)
		if did.Talks.Closed != 2 || len(b.openTalks()) != 0 {
			t.Errorf("%+v, open %v", did, b.openTalks())
		}
	})
}

// A close that takes longer than the settle time stays asked; the next command sees it.
func TestCloseTakesLong(t *testing.T) {
	inBothWays(t, sandbox.Options{TalkCloseLag: time.Hour}, func(t *testing.T, b *bench) {
		b.imported("1", "anna", b.contact("Anna"), true, 0, "a")
		begun := time.Now()
		got := b.closeTalks()
		if got.Talks.Asked != 1 || got.Talks.Closed != 0 {
			t.Errorf("%+v", got)
		}
		if took := time.Since(begun); took < settleTime || took > settleTime+time.Minute {
			t.Errorf("it waited %s", took)
		}
		<-time.After(time.Hour)
		b.again()
		if got := b.closeTalks(); got.Talks.Closed != 1 || got.Talks.Asked != 0 {
			t.Errorf("later %+v", got)
		}
		if n := b.world.Counters().Requests["POST /api/v4/talks/{id}/close"]; n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// One talk that is refused is told with its reason, and the others go on; it is tried again.
func TestTalkRefused(t *testing.T) {
	for reason, status := range map[string]int{tidy.Forbidden: 403, tidy.NotFound: 404, tidy.Rejected: 400} {
		for path, body := range map[string]string{"close": "/close$", "all": "(/close)?$"} {
			t.Run(reason+" "+path, func(t *testing.T) {
				inBothWays(t, sandbox.Options{}, func(t *testing.T, b *bench) {
					b.imported("1", "anna", b.contact("Anna"), true, 0, "a")
					b.imported("2", "ivan", b.contact("Ivan"), true, 0, "a")
					bad := b.talkOf("1")
					fault := b.world.AddFault(about("", fmt.Sprintf("/talks/%d%s", bad, body), sandbox.Effect{Kind: sandbox.Status, Code: status}))
					want := ledger.TalkCounts{Total: 2, Conversations: 2, Closed: 1, Refused: 1,
						Reasons: []ledger.Refusals{{Reason: reason, Count: 1, Example: int64(bad)}}}
					if diff := cmp.Diff(want, b.closeTalks().Talks); diff != "" {
						t.Errorf("talks (-want +got):\n%s", diff)
					}
					fault.Remove()
					b.again()
					if got := b.closeTalks().Talks; got.Closed != 2 {
						t.Errorf("with the rights %+v", got)
					}
				})
			})
		}
	}
}

// An answer about the whole account stops, and what was done before is known.
func TestTalksStop(t *testing.T) {
	for name, e := range map[string]sandbox.Effect{
		"401":   {Kind: sandbox.Status, Code: 401},
		"402":   {Kind: sandbox.Status, Code: 402},
		"block": {Kind: sandbox.Status, Code: 403, Body: "403 Forbidden"},
	} {
		for _, path := range []string{"/talks$", `/talks/\d+/close$`, `/talks/\d+$`, "/events$"} {
			t.Run(name+" "+path, func(t *testing.T) {
				bubble(t, sandbox.Options{NoTalksList: path == "/events$"}, func(t *testing.T, b *bench) {
					b.imported("1", "anna", b.contact("Anna"), true, 0, "a")
					fault := b.world.AddFault(about("", path, e))
					_, err := tidy.CloseTalks(t.Context(), tidy.TalkOptions{Options: b.options()})
					var refused *amocrm.Error
					if !errors.As(err, &refused) || refused.Status != e.Code {
						t.Errorf("error %v", err)
					}
					if n := b.value("select count(*) from amoimport.talk where state = 'refused'"); n != "0" {
						t.Errorf("%s talks refused", n)
					}
					fault.Remove()
					b.again()
					if got := b.closeTalks().Talks; got.Closed != 1 {
						t.Errorf("afterwards %+v", got)
					}
				})
			})
		}
	}
}

// Answers get lost, before and after the close was done: it ends well, and never with a survey.
func TestCloseInDoubt(t *testing.T) {
	for _, kind := range []sandbox.EffectKind{sandbox.CutAfterApply, sandbox.DropBeforeApply, sandbox.StatusAfterApply, sandbox.Status, sandbox.Garbage, sandbox.Truncated} {
		for _, lag := range []time.Duration{0, 3 * time.Second} {
			t.Run(fmt.Sprint(kind, lag), func(t *testing.T) {
				bubble(t, sandbox.Options{TalkCloseLag: lag}, func(t *testing.T, b *bench) {
					b.imported("1", "anna", b.contact("Anna"), true, 0, "a")
					b.imported("2", "ivan", b.contact("Ivan"), true, 0, "a")
					b.world.AddFault(sandbox.Fault{API: sandbox.APIv4, Method: "POST", Times: 2, Effect: sandbox.Effect{Kind: kind}})
					if got := b.closeTalks().Talks; got.Closed != 2 || len(b.openTalks()) != 0 || b.world.Counters().Surveys != 0 {
						t.Errorf("%+v, open %v", got, b.openTalks())
					}
				})
			})
		}
	}
}

// One talk gets errors for ever: it is refused. All of them do: that is the API.
func TestCloseAlwaysFails(t *testing.T) {
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		for i := range 10 {
			b.imported(ledgerID(i), fmt.Sprint("client", i), b.contact("Anna"), true, 0, "a")
		}
		b.world.AddFault(about("POST", fmt.Sprintf("/talks/%d/close$", b.talkOf("5")), sandbox.Effect{Kind: sandbox.Status, Code: 500}))
		if got := b.closeTalks().Talks; got.Closed != 9 || got.Refused != 1 || got.Reasons[0].Reason != tidy.ServerError {
			t.Errorf("one fails: %+v", got)
		}
	})
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		for i := range 10 {
			b.imported(ledgerID(i), fmt.Sprint("client", i), b.contact("Anna"), true, 0, "a")
		}
		b.world.AddFault(about("POST", "/close$", sandbox.Effect{Kind: sandbox.Status, Code: 500}))
		_, err := tidy.CloseTalks(t.Context(), tidy.TalkOptions{Options: b.options()})
		var refused *amocrm.Error
		if !errors.As(err, &refused) || !refused.Server() {
			t.Errorf("all fail: %v", err)
		}
	})
}

// Whatever is asked about one talk gets errors for ever: that is no outage, and the others are closed.
func TestTalkNeverAnswered(t *testing.T) {
	inBothWays(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		for i := range 3 {
			b.imported(ledgerID(i), fmt.Sprint("client", i), b.contact("Anna"), true, 0, "a")
		}
		b.world.AddFault(about("", fmt.Sprintf("/talks/%d(/close)?$", b.talkOf("2")), sandbox.Effect{Kind: sandbox.Status, Code: 500}))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		done, err := tidy.CloseTalks(ctx, tidy.TalkOptions{Options: b.options()})
		b.must(err)
		if got := done.Talks; got.Closed != 2 || got.Refused != 1 || got.Reasons[0].Reason != tidy.ServerError {
			t.Errorf("%+v", got)
		}
	})
}

// A command that is stopped at any request goes on with the next one, until all are closed.
func TestTalksResume(t *testing.T) {
	inBothWays(t, sandbox.Options{TalkCloseLag: time.Second}, func(t *testing.T, b *bench) {
		for i := range 6 {
			b.imported(ledgerID(i), fmt.Sprint("client", i), b.contact("Anna"), true, 0, "a")
		}
		for n := 1; n <= 12 && len(b.openTalks()) > 0; n++ {
			ctx, stop := context.WithCancelCause(t.Context())
			o := b.options()
			enough := len(b.world.Requests()) + n
			o.Progress = func(string, int64, int64) {
				if len(b.world.Requests()) >= enough {
					stop(errors.New("stopped"))
				}
			}
			_, _ = tidy.CloseTalks(ctx, tidy.TalkOptions{Options: o})
			stop(nil)
			b.again()
		}
		if got := b.closeTalks().Talks; got.Closed != 6 || len(b.openTalks()) != 0 {
			t.Errorf("%+v, open %v", got, b.openTalks())
		}
		asked := map[string]int{}
		for _, r := range b.world.Requests() {
			if strings.HasSuffix(r.Path, "/close") {
				asked[r.Path]++
			}
		}
		if len(asked) != 6 {
			t.Errorf("asked %v", asked)
		}
	})
}

// A look changes nothing: neither there nor here.
func TestForetellTalks(t *testing.T) {
	inBothWays(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		anna := b.contact("Anna")
		b.imported("1", "anna", anna, true, 0, "a")
		b.imported("2", "anna", anna, true, 0, "a")
		b.imported("3", "ivan", b.contact("Ivan"), true, 0, "a")
		b.plan("3", "ivan", true, 60, "b")
		b.world.Change(func(o *sandbox.Options) { o.FailOnWrite = true })
		was := b.value("select jsonb_agg(c.talks_looked_at) from amoimport.conversation c")
		got, err := tidy.ForetellTalks(t.Context(), tidy.TalkOptions{Options: b.options()})
		b.must(err)
		if diff := cmp.Diff(tidy.Foretold{Contacts: 1, Talks: 2, Some: []int64{int64(b.talkOf("1")), int64(b.talkOf("2"))}, Conversations: 2, Waiting: 1}, got); diff != "" {
			t.Errorf("foretold (-want +got):\n%s", diff)
		}
		if v := b.world.Counters().Violations; len(v) != 0 {
			t.Errorf("it wrote: %v", v)
		}
		if n := b.value("select count(*) from amoimport.talk"); n != "0" || b.value("select jsonb_agg(c.talks_looked_at) from amoimport.conversation c") != was {
			t.Errorf("%s talks in the ledger", n)
		}
	})
}

// roundTrip is a way to the servers.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// Some contacts that get nothing but errors, between others that are answered, are not the API's fault.
func TestTalksSomeUnanswered(t *testing.T) {
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		unlucky := map[string]bool{}
		for i := range 48 {
			contact := b.contact("Anna")
			b.imported(ledgerID(i), fmt.Sprint("client", i), contact, true, 0, "a")
			b.must(b.crm.CloseTalk(t.Context(), int64(b.talkOf(ledgerID(i))), true)) // by hand, before
			unlucky[fmt.Sprint(contact)] = i%8 == 0
		}
		way := b.world.Transport()
		b.through(roundTrip(func(req *http.Request) (*http.Response, error) {
			for _, values := range req.URL.Query() {
				if unlucky[values[0]] {
					return &http.Response{StatusCode: 500, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
				}
			}
			<-time.After(20 * time.Second) // so that answers come between errors
			return way.RoundTrip(req)
		}))
		if got := b.closeTalks(); got.Unanswered != 6 || got.Talks.Closed != 42 {
			t.Errorf("%+v", got)
		}
	})
}

// through makes API v4 be reached in another way.
func (b *bench) through(way http.RoundTripper) {
	b.t.Helper()
	var err error
	b.crm, err = amocrm.New(&http.Client{Transport: amocrm.Authorizer{Source: amocrm.LongLivedToken(b.world.Options().Token), Base: way}}, "https://crm.example.test")
	b.must(err)
}

// Some talks are named, always the same.
func TestForetellTalksNames(t *testing.T) {
	bubble(t, sandbox.Options{}, func(t *testing.T, b *bench) {
		var want []int64
		for i := range 3 {
			contact := b.contact("Anna")
			for j := range 8 {
				conv := ledgerID(10*i + j)
				b.imported(conv, fmt.Sprint("client", i), contact, true, 0, "a")
				want = append(want, int64(b.talkOf(conv)))
			}
		}
		slices.Sort(want)
		got, err := tidy.ForetellTalks(t.Context(), tidy.TalkOptions{Options: b.options()})
		b.must(err)
		if diff := cmp.Diff(want[:tidy.MostNamed], got.Some); got.Talks != 24 || diff != "" {
			t.Errorf("%d talks, named (-want +got):\n%s", got.Talks, diff)
		}
	})
}
