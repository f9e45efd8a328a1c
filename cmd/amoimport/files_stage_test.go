package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
)

// serveFiles serves files of 1234 bytes at $FILES, to whoever has the key; what begins
// with lost is not there.
func (s *stage) serveFiles([]string) error {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("key") != "s3cret":
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasPrefix(r.URL.Path, "/lost"):
			w.WriteHeader(http.StatusNotFound)
		default:
			w.Header().Set("Content-Length", "1234")
		}
	}))
	s.ts.Defer(server.Close)
	s.ts.Setenv("FILES", server.URL)
	return nil
}

// file compares the file of a message in a chat: its type, name, size and URL.
func (s *stage) file(args []string) error {
	chat, ok := s.world.Chat(args[0])
	if !ok {
		return fmt.Errorf("there is no chat %s", args[0])
	}
	for _, m := range chat.Messages {
		if m.MsgID == args[1] {
			if got := fmt.Sprintf("%s %s %d %s", m.Type, m.FileName, m.FileSize, m.Media); got != args[2] {
				return fmt.Errorf("the file is %q, not %q", got, args[2])
			}
			return nil
		}
	}
	return fmt.Errorf("there is no message %s", args[1])
}
