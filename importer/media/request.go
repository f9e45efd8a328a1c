package media

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/amoimport/amoimport/importer/compose"
)

const (
	maxRedirects = 5
	maxName      = 255 // bytes
)

// once asks one time, with HEAD. A server that does not know that, or whose URL is
// signed for GET alone, or that keeps the length to itself, is asked for the first
// byte of the file.
func (a *Asker) once(ctx context.Context, raw string) (File, error) {
	file, err := a.follow(ctx, http.MethodHead, raw)
	var failed *UnreachableError
	switch {
	case err == nil && file.Size > 0:
		return file, nil
	case err == nil:
	case !errors.As(err, &failed):
		return File{}, err
	case failed.status != http.StatusForbidden && failed.status != http.StatusMethodNotAllowed && failed.status != http.StatusNotImplemented:
		return File{}, err
	}
	byGet, getErr := a.follow(ctx, http.MethodGet, raw)
	if getErr == nil {
		if byGet.Name == "" {
			byGet.Name = file.Name
		}
		return byGet, nil
	}
	if err == nil && errors.As(getErr, &failed) {
		file.Size = -1
		return file, nil // it is there
	}
	return File{}, getErr
}

// follow asks, and asks where it is sent on to. Each place is held to the rule for
// URLs of files, and to the pace of its own host.
func (a *Asker) follow(ctx context.Context, method, raw string) (File, error) {
	at := raw
	for hop := range maxRedirects + 1 {
		u, problem := compose.PublicURL(at, a.options.AllowLoopback)
		if problem != "" {
			if hop > 0 {
				problem = "it is sent on to a URL that nobody outside can use: " + problem
			}
			return File{}, &UnreachableError{State: Private, Why: problem}
		}
		if err := a.host(at).pace.Wait(ctx); err != nil {
			return File{}, cancelled(ctx, err)
		}
		resp, err := a.send(ctx, method, u)
		if ctx.Err() != nil {
			return File{}, ctx.Err()
		}
		if err != nil {
			return File{}, unanswered(err)
		}
		to := resp.Header.Get("Location")
		switch resp.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
			next, err := u.Parse(to)
			if to == "" || err != nil {
				return File{}, &UnreachableError{State: Denied, Why: "its server sends on to nowhere"}
			}
			at = next.String()
			continue
		}
		if hop > 0 && isPage(resp, raw) {
			return File{}, &UnreachableError{State: Denied, Why: "its server sends on to a web page: it may want a login"}
		}
		return read(resp)
	}
	return File{}, &UnreachableError{State: Denied, Why: fmt.Sprintf("its server sends on more than %d times", maxRedirects)}
}

// cancelled is the error of a wait that ended before its time.
func cancelled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// send makes one request and leaves its answer's body unread. No client stands
// around it that would add cookies, a referrer, or what redirects carry along.
func (a *Asker) send(ctx context.Context, method string, u *url.URL) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, a.options.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "amoimport")
	req.Header.Set("Accept-Encoding", "identity")
	if method == http.MethodGet {
		req.Header.Set("Range", "bytes=0-0")
	}
	resp, err := a.net.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	return resp, nil
}

// read tells a file by an answer.
func read(resp *http.Response) (File, error) {
	fault := func(state State) (File, error) {
		return File{}, &UnreachableError{State: state, Why: fmt.Sprintf("its server answers %d", resp.StatusCode), status: resp.StatusCode}
	}
	file := File{Size: -1, Name: nameOf(resp.Header.Get("Content-Disposition"))}
	switch code := resp.StatusCode; {
	case code == http.StatusPartialContent, code == http.StatusRequestedRangeNotSatisfiable:
		file.Size = total(resp.Header.Get("Content-Range"))
	case 200 <= code && code < 300:
		if resp.Header.Get("Content-Encoding") == "" {
			file.Size = resp.ContentLength
		}
	case code == http.StatusNotFound, code == http.StatusGone:
		return fault(Missing)
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code == http.StatusTooEarly:
		return fault(Silent)
	default:
		return fault(Denied)
	}
	return file, nil
}

// total is the last number of "bytes 0-0/1234"; -1 if there is none.
func total(contentRange string) int64 {
	_, after, _ := strings.Cut(contentRange, "/")
	n, err := strconv.ParseInt(strings.TrimSpace(after), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// nameOf is the file's name in a Content-Disposition, "" if there is none.
func nameOf(disposition string) string {
	_, params, err := mime.ParseMediaType(disposition)
	if err != nil {
		return ""
	}
	name := params["filename"]
	if decoded, err := new(mime.WordDecoder).DecodeHeader(name); err == nil {
		name = decoded
	}
	name = path.Base(strings.ReplaceAll(name, `\`, "/")) // some name a whole path
	if name == "." || name == ".." || name == "/" {
		return ""
	}
	for len(name) > maxName {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	return name
}

// isPage says that an answer is a web page though a file was asked for.
func isPage(resp *http.Response, raw string) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	u, err := url.Parse(raw)
	if kind != "text/html" || err != nil {
		return false
	}
	ext := strings.ToLower(path.Ext(u.Path))
	return ext != ".html" && ext != ".htm"
}
