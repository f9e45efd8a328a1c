package amocrm

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/amoimport/amoimport/internal/httpapi"
)

// TokenPair is an access token and the refresh token that gets the next pair, once.
type TokenPair struct {
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token,omitempty"` // empty: a long-lived access token
	ExpiresAt    time.Time `json:"expires_at,omitzero"`     // of the access token, by this machine's clock
}

// Format prints the type's name only, so that no verb shows a token.
func (TokenPair) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "amocrm.TokenPair") }

// TokenFile is the path of a file that holds a TokenPair as JSON, for its owner's eyes only.
type TokenFile string

// Load reads the pair. A file that others may read is refused. Errors are of type [*TokenError].
func (f TokenFile) Load() (TokenPair, error) {
	pair, err := f.load()
	if err != nil {
		return TokenPair{}, &TokenError{Op: "read token file", Err: err}
	}
	return pair, nil
}

func (f TokenFile) load() (TokenPair, error) {
	file, err := os.Open(string(f))
	if err != nil {
		return TokenPair{}, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return TokenPair{}, err
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return TokenPair{}, fmt.Errorf("%s has mode %04o: %w", string(f), perm, errTooOpen)
	}
	var pair TokenPair
	if err := json.NewDecoder(io.LimitReader(file, 1<<20)).Decode(&pair); err != nil || pair.AccessToken == "" {
		return TokenPair{}, fmt.Errorf("%s holds no access token", string(f))
	}
	return pair, nil
}

var errTooOpen = errors.New("others can read it")

// Prove sees whether Store could write the file, and leaves it as it is. Errors are of type [*TokenError].
func (f TokenFile) Prove() error {
	tmp, err := os.CreateTemp(filepath.Dir(string(f)), ".token-*")
	if err == nil {
		err = errors.Join(tmp.Close(), os.Remove(tmp.Name()))
	}
	if err != nil {
		return &TokenError{Op: opWriteFile, Err: err}
	}
	return nil
}

// opWriteFile is what cannot be done where the file cannot be written.
const opWriteFile = "write token file"

// Store replaces the file in one step: whatever happens, the file holds the old pair or the new one, on
// disk, readable only by its owner. Errors are of type [*TokenError].
func (f TokenFile) Store(pair TokenPair) error {
	if err := f.store(pair); err != nil {
		return &TokenError{Op: opWriteFile, Err: err}
	}
	return nil
}

func (f TokenFile) store(pair TokenPair) (err error) {
	dir := filepath.Dir(string(f))
	tmp, err := os.CreateTemp(dir, ".token-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
		}
	}()
	if err := json.NewEncoder(tmp).Encode(pair); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), string(f)); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename in the folder survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}

// TokenError says that there is no token to ask with. The request that needed it was not applied.
type TokenError struct {
	Op         string        // "refresh token", "read token file"
	Status     int           // of the token endpoint's answer; 0: it is not about an answer
	Refused    bool          // the token endpoint refuses the refresh token or the code: only a person can help
	Blocked    bool          // the token endpoint blocks this address
	RetryAfter time.Duration // for how long, from the answer; 0: not said
	Err        error
}

// Error says what failed and why.
func (e *TokenError) Error() string {
	s := "amocrm: " + e.Op
	if e.Status != 0 {
		s += fmt.Sprintf(" (%d)", e.Status)
	}
	return s + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *TokenError) Unwrap() error { return e.Err }

// Hint says in one sentence what to do about it.
func (e *TokenError) Hint() string {
	switch {
	case e.Refused:
		return "Authorise the integration again: its refresh token is used up, expired or revoked, or client id, secret and redirect URI are not exactly as registered."
	case e.Blocked:
		return httpapi.BlockHint(e.RetryAfter)
	case errors.Is(e.Err, errTooOpen):
		return "Make the token file readable by its owner only (chmod 600)."
	case errors.Is(e.Err, fs.ErrNotExist) && e.Op != opWriteFile:
		return "Authorise the integration first, so that there is a token file."
	case e.Status == 0 && strings.HasSuffix(e.Op, "token file"):
		return "Check the token file's path, its rights and the space on its disk."
	default:
		return "Check the network and the account's base URL, then try again."
	}
}

// Claims are what an access token says about itself.
type Claims struct {
	AccountID int64
	APIDomain string
	ExpiresAt time.Time // zero: not said
}

// ParseClaims reads the claims of an access token without verifying them: good for warnings, never for
// decisions about trust. Tokens are JWTs today, which the documentation does not promise.
func ParseClaims(token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Claims{}, errNotJWT
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return Claims{}, errNotJWT
	}
	var c struct {
		AccountID httpapi.Number `json:"account_id"`
		APIDomain httpapi.Text   `json:"api_domain"`
		Exp       httpapi.Number `json:"exp"`
	}
	if !httpapi.IsObject(payload) || json.Unmarshal(payload, &c) != nil {
		return Claims{}, errNotJWT
	}
	claims := Claims{AccountID: int64(c.AccountID), APIDomain: string(c.APIDomain)}
	if c.Exp > 0 {
		claims.ExpiresAt = time.Unix(int64(c.Exp), 0)
	}
	return claims, nil
}

var errNotJWT = errors.New("amocrm: the access token is no JWT")
