package amocrm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// Integration is what the token endpoint must be told of an OAuth integration.
type Integration struct {
	ClientID     string
	ClientSecret string
	RedirectURI  string // exactly as registered
}

// Format prints the type's name only, so that no verb shows the secret.
func (Integration) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "amocrm.Integration") }

// OAuth is a [TokenSource] over a token file. A refresh token works once, so a new pair is on disk before it is used,
// and however many callers find the access token refused, it is refreshed once. When the answer to a refresh is
// lost, it is asked for again with the old refresh token, which stays on disk until the new pair was read.
//
// https://www.amocrm.ru/developers/content/oauth/step-by-step
type OAuth struct {
	hc          http.Client
	endpoint    string
	integration Integration
	file        TokenFile

	mu      sync.Mutex
	pair    TokenPair  // as on disk; zero: not read yet
	unsaved *TokenPair // a new pair that could not be written; its predecessor is spent
	flight  *refresh   // the refresh that is under way
}

// refresh is one refresh and those who wait for it.
type refresh struct {
	done  chan struct{}
	token string
	err   error
}

const (
	opRefresh       = "refresh token"
	opExchange      = "exchange code"
	refreshTries    = 3
	refreshTimeout  = 20 * time.Second // of one try
	refreshFirstGap = time.Second      // doubles
)

// NewOAuth makes a source for the account at baseURL; hc must not go through the [Authorizer] that uses it.
func NewOAuth(hc *http.Client, baseURL string, integration Integration, file TokenFile) (*OAuth, error) {
	if hc == nil {
		return nil, errors.New("amocrm: an http client is required")
	}
	base, err := httpapi.BaseURL(baseURL)
	if err != nil {
		return nil, fmt.Errorf("amocrm: base URL: %w", err)
	}
	return &OAuth{
		hc: httpapi.Plain(hc), endpoint: base.JoinPath("oauth2", "access_token").String(),
		integration: integration, file: file,
	}, nil
}

// Exchange gets the first pair for an authorization code, which works once and for 20 minutes, and writes
// it to the token file.
func (o *OAuth) Exchange(ctx context.Context, code string) error {
	pair, err := o.ask(ctx, opExchange, tokenRequest{GrantType: "authorization_code", Code: code})
	if err != nil {
		return err
	}
	if err := o.file.Store(pair); err != nil {
		return err
	}
	o.use(pair)
	return nil
}

// Token implements [TokenSource].
func (o *OAuth) Token(context.Context) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pair.AccessToken == "" {
		pair, err := o.file.Load()
		if err != nil {
			return "", err
		}
		o.pair = pair
	}
	return o.pair.AccessToken, nil
}

// Renew implements [TokenSource].
func (o *OAuth) Renew(ctx context.Context, refused string) (string, error) {
	for {
		o.mu.Lock()
		f := o.flight
		if f == nil {
			f = &refresh{done: make(chan struct{})}
			o.flight = f
			o.mu.Unlock()
			f.token, f.err = o.renew(ctx, refused)
			o.mu.Lock()
			o.flight = nil
			o.mu.Unlock()
			close(f.done)
			return f.token, f.err
		}
		o.mu.Unlock()
		select {
		case <-ctx.Done():
			return "", &TokenError{Op: opRefresh, Err: ctx.Err()}
		case <-f.done:
		}
		// The one who asked may have given up; those who waited for him have not.
		if f.err == nil || !errors.Is(f.err, errGaveUp) {
			return f.token, f.err
		}
	}
}

// renew runs in one goroutine at a time.
func (o *OAuth) renew(ctx context.Context, refused string) (string, error) {
	if o.unsaved != nil {
		return o.keep(*o.unsaved)
	}
	// Another process, or a person, may have renewed the file meanwhile.
	pair, err := o.file.Load()
	if err != nil {
		return "", err
	}
	if pair.AccessToken != refused {
		return o.use(pair), nil
	}
	if pair.RefreshToken == "" {
		return "", ErrFinalToken
	}
	// The old refresh token is spent by asking: prove first that the answer can be written down.
	if err := o.file.Store(pair); err != nil {
		return "", err
	}
	next, err := o.refresh(ctx, pair.RefreshToken)
	if err == nil {
		return o.keep(next)
	}
	if now, loadErr := o.file.Load(); loadErr == nil && now.AccessToken != refused {
		return o.use(now), nil // another process was faster
	}
	return "", err
}

// refresh asks for the next pair, again if no answer can be read.
func (o *OAuth) refresh(ctx context.Context, token string) (TokenPair, error) {
	gap := refreshFirstGap
	for try := 1; ; try++ {
		// A try runs to its end: the caller's end must not lose the answer.
		pair, err := o.ask(context.WithoutCancel(ctx), opRefresh, tokenRequest{GrantType: "refresh_token", RefreshToken: token})
		var failed *TokenError
		if err == nil || try == refreshTries || errors.As(err, &failed) && (failed.Refused || failed.Blocked) {
			return pair, err
		}
		select {
		case <-ctx.Done():
			return TokenPair{}, &TokenError{Op: opRefresh, Err: fmt.Errorf("%w: %w", errGaveUp, ctx.Err())}
		case <-time.After(gap):
			gap *= 2
		}
	}
}

var errGaveUp = errors.New("the caller gave up")

// keep writes a new pair down, then uses it. What cannot be written stays in memory for the next try.
func (o *OAuth) keep(pair TokenPair) (string, error) {
	o.unsaved = &pair
	if err := o.file.Store(pair); err != nil {
		return "", err
	}
	o.unsaved = nil
	return o.use(pair), nil
}

func (o *OAuth) use(pair TokenPair) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pair = pair
	return pair.AccessToken
}

// tokenRequest is the body of a call to the token endpoint.
type tokenRequest struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	GrantType    string `json:"grant_type"`
	Code         string `json:"code,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	RedirectURI  string `json:"redirect_uri"`
}

// ask makes one call to the token endpoint. All its errors are of type [*TokenError].
func (o *OAuth) ask(ctx context.Context, op string, body tokenRequest) (TokenPair, error) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	body.ClientID, body.ClientSecret, body.RedirectURI = o.integration.ClientID, o.integration.ClientSecret, o.integration.RedirectURI
	req, err := httpapi.NewRequest(ctx, http.MethodPost, o.endpoint, body)
	if err != nil {
		return TokenPair{}, &TokenError{Op: op, Err: err}
	}
	resp, err := o.hc.Do(req)
	if err != nil {
		return TokenPair{}, &TokenError{Op: op, Err: httpapi.WithoutURL(err)}
	}
	answer, err := httpapi.Read(resp, maxAnswer)
	if resp.StatusCode != http.StatusOK {
		return TokenPair{}, tokenRefused(op, resp, answer)
	}
	var pair TokenPair
	if err == nil {
		pair, err = decodePair(answer, time.Now())
	}
	if err != nil {
		return TokenPair{}, &TokenError{Op: op, Status: resp.StatusCode, Err: fmt.Errorf("the answer cannot be read: %w", err)}
	}
	return pair, nil
}

func tokenRefused(op string, resp *http.Response, body []byte) *TokenError {
	e := newError(call{op: op}, resp, body)
	refused := e.Rejected() || e.Unauthorized() || e.Forbidden()
	words := e.Detail
	if words == "" {
		words = http.StatusText(e.Status)
	}
	return &TokenError{Op: op, Status: e.Status, Refused: refused, Blocked: e.Blocked(), RetryAfter: e.RetryAfter, Err: errors.New(words)}
}

func decodePair(body []byte, now time.Time) (TokenPair, error) {
	var answer struct {
		AccessToken  httpapi.Text   `json:"access_token"`
		RefreshToken httpapi.Text   `json:"refresh_token"`
		ExpiresIn    httpapi.Number `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return TokenPair{}, errNotJSON
	}
	if answer.AccessToken == "" || answer.RefreshToken == "" {
		return TokenPair{}, errors.New("it has no pair of tokens")
	}
	pair := TokenPair{AccessToken: string(answer.AccessToken), RefreshToken: string(answer.RefreshToken)}
	if answer.ExpiresIn > 0 {
		pair.ExpiresAt = now.Add(httpapi.Seconds(int64(answer.ExpiresIn)))
	}
	return pair, nil
}
