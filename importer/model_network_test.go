package importer_test

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// transport is the process's way to both APIs.
func (p *modelProcess) transport(base http.RoundTripper) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		post := req.Method == http.MethodPost
		p.mu.Lock()
		dead, first := p.dead, !p.begun
		p.begun = true
		p.mu.Unlock()
		if dead {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		}
		if first {
			p.c.takenBy(p)
		}
		if post {
			p.event(atPost, bodyOf(req))
			message := modelMessages.MatchString(req.URL.Path)
			if message {
				p.event(atSend, bodyOf(req))
			}
			if p.isDead() {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
			}
			if by := p.c.taker(); by != p {
				p.c.fail("%s sends after %s took the ledger over", p.name, by.name)
			}
			if message {
				p.c.mayBeSent(p.name, bodyOf(req))
			}
		}
		resp, err := p.c.history(req)
		if resp == nil && err == nil {
			resp, err = base.RoundTrip(req)
		}
		if post {
			body := bodyOf(req)
			p.event(atPosted, body)
			switch {
			case split(body):
				p.event(atPart, body)
			case isMark(req):
				p.event(atMark, body)
			case contactsPath.MatchString(req.URL.Path):
				p.event(atContacts, body)
			}
		} else {
			p.event(atRead, "")
		}
		if p.isDead() {
			if resp != nil {
				resp.Body.Close()
			}
			return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
		}
		return resp, err
	})
}

// history bends a question for a chat's history to the plan. It answers it, or
// leaves that to the server.
func (c *modelCase) history(req *http.Request) (*http.Response, error) {
	where := c.bend(req)
	if where == nil {
		return nil, nil
	}
	if !c.plan.stalled(time.Since(c.begun)) {
		return nil, nil
	}
	for _, chat := range c.rig.world.Snapshot().Chats {
		if chat.ID == where[1] && len(chat.Messages) > 1 {
			c.tally.add("history stalled", 1)
			return &http.Response{Status: "204 No Content", StatusCode: http.StatusNoContent, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
				Header: http.Header{}, Body: http.NoBody, Request: req}, nil
		}
	}
	return nil, nil
}

// bend bounds the page of a history that is asked for, and says of which chat it is.
func (c *modelCase) bend(req *http.Request) (where []string) {
	if where = modelHistory.FindStringSubmatch(req.URL.Path); where != nil && c.plan.Page > 0 {
		q := req.URL.Query()
		q.Set("limit", strconv.Itoa(c.plan.Page))
		req.URL.RawQuery = q.Encode()
	}
	return where
}

// tallyCrash counts what kind of crash it was.
func (c *modelCase) tallyCrash(at modelEvent, body string) {
	switch message := strings.Contains(body, `"new_message"`); {
	case at == atCommit:
		c.hit("crash before a commit")
	case at == atCommitted:
		c.hit("crash after a commit")
	case at == atMark:
		c.hit("crash while marking")
	case at == atRead:
		c.hit("crash while reading")
	case at == atSend:
		c.hit("crash before apply")
	case message:
		c.hit("crash after apply")
		if split(body) {
			c.hit("crash in a split message")
		}
	case at == atContacts:
		c.hit("crash at a batch of contacts")
	}
}

// split reports whether a request sends a part after the first.
func split(body string) bool { return strings.Contains(body, `_p2"`) || strings.Contains(body, `_p3"`) }
