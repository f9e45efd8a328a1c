package compose_test

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

// Different originals never share an id, nor has one the id of another's part.
func FuzzIDsTellApart(f *testing.F) {
	f.Add("17", "42", "42_p2", uint16(2))
	f.Add("{id}", "a", "a ", uint16(9))
	f.Add("c", strings.Repeat("x", 70), strings.Repeat("x", 71), uint16(3))
	f.Fuzz(func(t *testing.T, conversation, a, b string, part uint16) {
		if a == b {
			return
		}
		d := compose.DefaultTemplates()
		for kind, id := range map[string]func(string) string{
			"message":      func(id string) string { return d.MessageID(conversation, id) },
			"conversation": d.ConversationID, "client": d.ClientID, "author": d.AuthorID, "manager": d.ManagerID,
		} {
			if id(a) == id(b) {
				t.Errorf("%s: %q and %q are both %s", kind, a, b, id(a))
			}
			if !idShape.MatchString(id(a)) {
				t.Errorf("%s: %q is %q", kind, a, id(a))
			}
			if first, again := id(a), id(a); first != again {
				t.Errorf("%s: %q is %s, then %s", kind, a, first, again)
			}
		}
		if k := int(part)%9998 + 2; compose.PartID(d.MessageID(conversation, a), k) == d.MessageID(conversation, b) {
			t.Errorf("part %d of %q has the id of %q", k, a, b)
		}
	})
}

// A URL that is taken is one that somebody outside may fetch.
func FuzzMediaURL(f *testing.F) {
	for _, s := range []string{
		"https://files.example.com/a b.jpg", "http://10.0.0.1/", "http://[::ffff:192.168.1.1]/x", "https://u:p@example.com/",
		"http://0x7f.1/", "http://127.1/", "http://2130706433/", "https://example.com.:80/", "//example.com/x", "HTTP://EXAMPLE.COM/x",
		"http://100.64.0.1/", "http://[fe80::1%25eth0]/", "https://example.com/\u0444.png", "https://exa mple.com/",
	} {
		f.Add(s)
	}
	s := settings()
	size := int64(7)
	f.Fuzz(func(t *testing.T, raw string) {
		m := source.Message{ID: "42", SentAt: time.Unix(1e9, 0), Direction: source.In, Kind: source.KindFile, MediaURL: raw, FileName: "f", FileSize: &size}
		got, refusal := s.Compose(conversation(), m, compose.Reply{})
		if refusal != nil {
			for _, word := range strings.Fields(raw) {
				if len(word) > 8 && strings.Contains(refusal.Detail, word) {
					t.Errorf("the reason %q repeats the URL %q", refusal.Detail, raw)
				}
			}
			if refusal.Code != outcome.BadMediaURL && refusal.Code != outcome.NoMediaURL {
				t.Errorf("refused with %s", refusal.Code)
			}
			return
		}
		media := got.Parts[0].Content.Media
		u, err := url.Parse(media)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Hostname() == "" || len(media) > 2048 {
			t.Fatalf("%q became %q: %v", raw, media, err)
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && (ip.Unmap().IsPrivate() || ip.Unmap().IsLoopback() || ip.Unmap().IsLinkLocalUnicast() || ip.IsUnspecified()) {
			t.Errorf("%q is at the private address %s", raw, ip)
		}
		if strings.ContainsFunc(media, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Errorf("%q became %q, which holds bare characters", raw, media)
		}
		if host := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")); host == "localhost" || strings.HasSuffix(host, ".localhost") || !strings.ContainsAny(host, ".:") {
			t.Errorf("%q is at %s, which is nowhere outside", raw, host)
		}
	})
}

// Whatever is in the texts of a row, there are parts that amojo's rules allow, or a
// registered reason that repeats none of it.
func FuzzRow(f *testing.F) {
	f.Add("text", "Anna", "f.jpg", "text", "in")
	f.Add("\x00\u202e\r", "\u200b", "..", "picture", "out")
	f.Add(strings.Repeat("слово ", 500), "{name}", "", "", "out")
	s := settings()
	s.SplitOver = 500
	f.Fuzz(func(t *testing.T, text, name, file, kind, direction string) {
		size := int64(1)
		c := source.Conversation{ID: "17", ClientID: "c", ClientName: name, ClientPhone: text, SourceExternalID: file}
		m := source.Message{ID: "42", SentAt: time.Unix(1e9, 0), Direction: source.Direction(direction), Kind: source.Kind(kind),
			ManagerID: name, AuthorID: name, AuthorName: text, Text: text, MediaURL: "https://example.com/" + file, FileName: file, FileSize: &size,
			ContactName: name, ContactPhone: text, StickerID: file}
		if kind == "text" || kind == "contact" {
			m.MediaURL = ""
		}
		got, refusal := s.Compose(c, m, compose.Reply{})
		if refusal != nil {
			if r, ok := outcome.Lookup(refusal.Code); !ok || r.Outcome == outcome.Sent || len(got.Parts) > 0 {
				t.Fatalf("refused with %+v and %d parts", *refusal, len(got.Parts))
			}
			return
		}
		for i, p := range got.Parts {
			if problem := unsendable(p); problem != "" {
				t.Fatalf("part %d: %s: %+v", i+1, problem, p)
			}
		}
	})
}
