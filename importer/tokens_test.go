package importer_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/pace"
	"github.com/amoimport/amoimport/sandbox"
)

// tokenPath is where tokens are asked for.
const tokenPath = "/oauth2/access_token"

// useTokens makes the runs use tokens of a source instead of the sandbox's
// long-lived one. watch, if not nil, is told of each request that is about to go to
// API v4, which one it is.
func (r *rig) useTokens(source amocrm.TokenSource, watch func(nth int64)) {
	var n atomic.Int64
	base := roundTrip(func(req *http.Request) (*http.Response, error) {
		if nth := n.Add(1); watch != nil {
			watch(nth)
		}
		return r.world.Transport().RoundTrip(req)
	})
	r.wrap = func(t importer.Target) importer.Target {
		crm, err := amocrm.New(&http.Client{Transport: amocrm.Authorizer{Source: source, Base: &pace.Transport{
			Pacer: pace.New(pace.Config{Name: "API v4", Rate: r.rate}), AttemptTimeout: r.timeout, Base: base,
		}}}, "https://example.amocrm.test")
		if err != nil {
			r.t.Fatal(err)
		}
		live := t.(*importer.Live)
		live.CRM = crm
		return live
	}
}

// useOAuth makes the runs use a token file, as a new process would.
func (r *rig) useOAuth(file amocrm.TokenFile, watch func(nth int64)) *amocrm.OAuth {
	r.t.Helper()
	c := r.world.Options().OAuth
	source, err := amocrm.NewOAuth(&http.Client{Transport: r.world.Transport()}, "https://example.amocrm.test",
		amocrm.Integration{ClientID: c.ClientID, ClientSecret: c.ClientSecret, RedirectURI: c.RedirectURI}, file)
	if err != nil {
		r.t.Fatal(err)
	}
	r.useTokens(source, watch)
	return source
}

// authorise makes the runs use a token file with a first pair, got for a code.
func (r *rig) authorise(watch func(nth int64)) amocrm.TokenFile {
	r.t.Helper()
	file := amocrm.TokenFile(filepath.Join(r.t.TempDir(), "token.json"))
	if err := r.useOAuth(file, watch).Exchange(r.t.Context(), r.world.Options().OAuth.Code); err != nil {
		r.t.Fatal(err)
	}
	return file
}

func small(n int) []int {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = 2
	}
	return sizes
}

// TestTokenExpires: the access token expires under many calls at once, on a server
// whose refresh tokens work once. It is renewed once for all of them, and nobody
// notices.
func TestTokenExpires(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, small(60)...), sandbox.Options{Latency: sandbox.Lag{Min: time.Second, Max: 3 * time.Second}}, func(t *testing.T, r *rig) {
		r.rate = 20
		file := r.authorise(func(nth int64) {
			if nth == 40 {
				r.world.ExpireTokens()
			}
		})
		asked := r.world.Counters().Requests["POST "+tokenPath]
		refused := r.world.Counters().Answers[http.StatusUnauthorized]
		r.mustRun()
		c := r.world.Counters()
		if n := c.Requests["POST "+tokenPath] - asked; n != 1 {
			t.Errorf("tokens were asked for %d times, want once", n)
		}
		if n := c.Answers[http.StatusUnauthorized] - refused; n < 2 {
			t.Errorf("%d calls were refused: the test does not test", n)
		}
		if s := r.snapshot().Messages; s.Sent != 120 {
			t.Errorf("%+v", s)
		}
		info, err := os.Stat(string(file))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the token file: %v %v", info.Mode(), err)
		}
	})
}

// TestRefreshAnswerLost: the answer with the new pair is lost. Where the old refresh
// token still works, it is asked again; where it does not, the run ends and says that
// the integration must be authorised again. Then it goes on.
func TestRefreshAnswerLost(t *testing.T) {
	t.Parallel()
	lost := func(kind sandbox.EffectKind) []sandbox.Fault {
		return []sandbox.Fault{{Name: "refresh", API: sandbox.APIv4, Method: "POST", Path: regexp.MustCompile(tokenPath), Nth: 2, Effect: sandbox.Effect{Kind: kind, Code: 502}}}
	}
	t.Run("kommo", func(t *testing.T) {
		t.Parallel()
		bubble(t, legacy(t, small(10)...), sandbox.Options{Flavour: sandbox.Kommo, Faults: lost(sandbox.StatusAfterApply)}, func(t *testing.T, r *rig) {
			r.authorise(nil)
			r.world.ExpireTokens()
			r.mustRun()
			if c := r.world.Counters(); c.Faults["refresh"] != 1 || c.Requests["POST "+tokenPath] != 3 {
				t.Errorf("%v, asked %d times", c.Faults, c.Requests["POST "+tokenPath])
			}
		})
	})
	t.Run("amocrm", func(t *testing.T) {
		t.Parallel()
		bubble(t, legacy(t, small(10)...), sandbox.Options{Faults: lost(sandbox.CutAfterApply)}, func(t *testing.T, r *rig) {
			file := r.authorise(nil)
			before, err := os.ReadFile(string(file))
			if err != nil {
				t.Fatal(err)
			}
			r.world.ExpireTokens()
			var token *amocrm.TokenError
			if err := r.run(t.Context()); !errors.As(err, &token) || !token.Refused || !strings.Contains(token.Hint(), "Authorise the integration again") {
				t.Fatalf("the run ended with %v", err)
			}
			if after, err := os.ReadFile(string(file)); err != nil || string(after) != string(before) {
				t.Errorf("the old pair is gone: %v", err)
			}
			// A new process is told the same; a person authorises again.
			r.useOAuth(file, nil)
			if err := r.run(t.Context()); !errors.As(err, &token) || !token.Refused {
				t.Fatalf("the next run ended with %v", err)
			}
			r.useTokens(amocrm.LongLivedToken(r.world.Options().Token), nil)
			r.mustRun()
			if s := r.snapshot().Messages; s.Sent != 20 {
				t.Errorf("%+v", s)
			}
		})
	})
}

// TestTokenRevoked: a long-lived token is revoked while the run goes on. It stops at
// once and says what to do; with another token it goes on.
func TestTokenRevoked(t *testing.T) {
	t.Parallel()
	bubble(t, legacy(t, small(60)...), sandbox.Options{RepeatedMsgID: sandbox.StoredTwice, Latency: sandbox.Lag{Min: 100 * time.Millisecond, Max: 300 * time.Millisecond}}, func(t *testing.T, r *rig) {
		var after atomic.Int64
		r.useTokens(amocrm.LongLivedToken(r.world.Options().Token), func(int64) {
			if r.world.Counters().Messages >= 5 { // some are done, some are not linked yet
				r.world.RevokeTokens()
				after.Add(1)
			}
		})
		err := r.run(t.Context())
		var answer *amocrm.Error
		if !errors.As(err, &answer) || !answer.Unauthorized() || !strings.Contains(answer.Hint(), "make a new one") {
			t.Fatalf("the run ended with %v", err)
		}
		if n := after.Load(); n > 3 {
			t.Errorf("%d requests were made with a revoked token", n)
		}
		s := r.snapshot()
		if s.InDoubt != 0 || s.Messages.Parked != 0 || s.Messages.Sent == 0 || s.Messages.Planned == 0 {
			t.Errorf("%d in doubt, %+v", s.InDoubt, s.Messages)
		}
		r.world.Change(func(o *sandbox.Options) { o.Token = "another token" })
		r.useTokens(amocrm.LongLivedToken("another token"), nil)
		r.mustRun()
		if c := r.world.Counters(); c.Messages != 120 || c.Repeats != 0 {
			t.Errorf("%d messages arrived, %d of them again", c.Messages, c.Repeats)
		}
		if n := len(r.living()); n != 60 {
			t.Errorf("%d contacts for 60 people", n)
		}
	})
}
