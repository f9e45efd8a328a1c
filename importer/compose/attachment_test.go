package compose_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

func TestMediaTemplate(t *testing.T) {
	const byRow, byKey = "https://files.example.com/{conversation_id}/{id}/{file_name}", "https://files.example.com/store/{media_url}"
	for _, tt := range []struct {
		name     string
		template compose.MediaTemplate
		row      source.Message
		want     string
		refused  outcome.Code
	}{
		{"by ids and name", byRow, source.Message{ID: "42", FileName: "a.pdf"}, "https://files.example.com/17/42/a.pdf", ""},
		{"each value is one step", byRow, source.Message{ID: "4/2", FileName: "a b?#%2F.pdf"}, "https://files.example.com/17/4%2F2/a%20b%3F%23%252F.pdf", ""},
		{"letters beyond ASCII", byRow, source.Message{ID: "1", FileName: "счёт.pdf"}, "https://files.example.com/17/1/%D1%81%D1%87%D1%91%D1%82.pdf", ""},
		{"a value is missing", byRow, source.Message{ID: "42"}, "", ""},
		{"a step up", byRow, source.Message{ID: "42", FileName: ".."}, "", outcome.BadMediaURL},
		{"a key", byKey, source.Message{MediaURL: " 2019/05/a b.pdf "}, "https://files.example.com/store/2019/05/a%20b.pdf", ""},
		{"a key with a slash in front", byKey, source.Message{MediaURL: "/2019/a.pdf"}, "https://files.example.com/store/2019/a.pdf", ""},
		{"a key that goes up", byKey, source.Message{MediaURL: "2019/../../etc"}, "", outcome.BadMediaURL},
		{"a key that changes the query", byKey, source.Message{MediaURL: "a?x=1"}, "https://files.example.com/store/a%3Fx=1", ""},
		{"no key", byKey, source.Message{}, "", ""},
		{"behind a question mark", "https://files.example.com/get?key={media_url}&c={conversation_id}", source.Message{MediaURL: "a/b&c=../9"},
			"https://files.example.com/get?key=a%2Fb%26c%3D..%2F9&c=17", ""},
		{"a URL is left alone", byKey, source.Message{MediaURL: "https://cdn.example.com/a.pdf?x=1"}, "https://cdn.example.com/a.pdf?x=1", ""},
		{"another scheme is left alone, and refused", byKey, source.Message{MediaURL: "s3://bucket/a.pdf"}, "", outcome.BadMediaURL},
		{"placeholders in values stay", byRow, source.Message{ID: "{file_name}", FileName: "{id}"}, "https://files.example.com/17/%7Bfile_name%7D/%7Bid%7D", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := settings()
			s.MediaURL = tt.template
			if err := s.Validate(); err != nil {
				t.Fatal(err)
			}
			tt.row.Kind = source.KindFile
			a := s.Attachment(conversation(), tt.row)
			var refused outcome.Code
			if a.Refused != nil {
				refused = a.Refused.Code
			}
			if a.URL != tt.want || refused != tt.refused {
				t.Errorf("%q, refused with %q; want %q, %q", a.URL, refused, tt.want, tt.refused)
			}
			m := message(func(m *source.Message) {
				m.Kind, m.ID, m.MediaURL, m.FileName, m.FileSize = source.KindFile, tt.row.ID, tt.row.MediaURL, "x.pdf", ptr(int64(1))
				if tt.template == byRow {
					m.FileName = tt.row.FileName
				}
			})
			composed, refusal := s.Compose(conversation(), m, compose.Reply{})
			switch {
			case tt.want != "" && (refusal != nil || composed.Parts[0].Content.Media != tt.want):
				t.Errorf("composed %+v, refused %v", composed, refusal)
			case tt.want == "" && refusal == nil:
				t.Errorf("composed %+v", composed)
			}
		})
	}
}

func TestMediaTemplateLeavesTextsAlone(t *testing.T) {
	s := settings()
	s.MediaURL = "https://files.example.com/{id}"
	for _, kind := range []source.Kind{"", source.KindText} {
		got, refusal := s.Compose(conversation(), message(func(m *source.Message) { m.Kind = kind }), compose.Reply{})
		if refusal != nil || got.Parts[0].Content.Media != "" {
			t.Errorf("kind %q: %+v, %v", kind, got, refusal)
		}
	}
}

func TestAttachmentLacks(t *testing.T) {
	file := func(change func(*source.Message)) source.Message {
		m := source.Message{Kind: source.KindFile, MediaURL: "https://files.example.com/a.pdf", FileName: "a.pdf", FileSize: ptr(int64(1))}
		change(&m)
		return m
	}
	const url = "https://files.example.com/a.pdf"
	for _, tt := range []struct {
		name string
		row  source.Message
		want compose.Attachment
	}{
		{"nothing", file(func(*source.Message) {}), compose.Attachment{URL: url}},
		{"the size", file(func(m *source.Message) { m.FileSize = nil }), compose.Attachment{URL: url, LacksSize: true}},
		{"a size of nothing", file(func(m *source.Message) { m.FileSize = ptr(int64(0)) }), compose.Attachment{URL: url, LacksSize: true}},
		{"the name, but the URL tells", file(func(m *source.Message) { m.FileName = "" }), compose.Attachment{URL: url}},
		{"the name", file(func(m *source.Message) { m.FileName, m.MediaURL = "", "https://files.example.com/" }),
			compose.Attachment{URL: "https://files.example.com/", LacksName: true}},
		{"a voice needs neither", file(func(m *source.Message) { m.Kind, m.FileName, m.FileSize = source.KindVoice, "", nil }), compose.Attachment{URL: url}},
		{"a text has none", file(func(m *source.Message) { m.Kind = source.KindText }), compose.Attachment{}},
		{"a row that is skipped", file(func(m *source.Message) { m.SkipReason = "x" }), compose.Attachment{}},
	} {
		if diff := cmp.Diff(tt.want, settings().Attachment(conversation(), tt.row)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
}

func TestAsText(t *testing.T) {
	for _, tt := range []struct {
		name string
		row  source.Message
		want string
	}{
		{"its name", source.Message{Kind: source.KindFile, FileName: " contract.pdf ", MediaURL: "https://files.example.com/1"}, "[file: contract.pdf]"},
		{"its caption", source.Message{Kind: source.KindPicture, FileName: "a.jpg", MediaURL: "https://files.example.com/1", Text: "this one"}, "[picture: a.jpg]\nthis one"},
		{"the name in its URL", source.Message{MediaURL: "https://10.0.0.1/x/%D0%B0.pdf?sig=s3cret"}, "[file: а.pdf]"},
		{"no name", source.Message{Kind: source.KindVoice, MediaURL: "tg:17"}, "[voice]"},
		{"a name as long as a text", source.Message{Kind: source.KindFile, FileName: strings.Repeat("x", 900), MediaURL: "tg:17"}, "[file: " + strings.Repeat("x", 200) + "]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := message(func(m *source.Message) {
				m.Kind, m.FileName, m.MediaURL, m.Text = tt.row.Kind, tt.row.FileName, tt.row.MediaURL, tt.row.Text
			})
			got, refusal := settings().Compose(conversation(), settings().AsText(conversation(), m), compose.Reply{})
			if refusal != nil {
				t.Fatalf("refused: %+v", refusal)
			}
			if c := got.Parts[0].Content; c.Text != tt.want || c.Type != "text" || c.Media != "" {
				t.Errorf("%+v, want the text %q", c, tt.want)
			}
		})
	}
}

func TestPublicAddress(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "203.0.113.7": true, "2a00:1450:4001::1": true, "64:ff9b::808:808": true, "2002:808:808::1": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.0.1": false, "169.254.169.254": false, "0.0.0.0": false,
		"0.1.2.3": false, "100.64.0.1": false, "192.0.0.8": false, "198.18.0.1": false, "240.0.0.1": false, "255.255.255.255": false, "224.0.0.1": false,
		"::1": false, "::": false, "fe80::1%eth0": false, "fc00::1": false, "fec0::1": false, "ff02::1": false, "::ffff:127.0.0.1": false,
		"64:ff9b::a00:1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::1": false, "2002:7f00:1::1": false,
	} {
		if got := compose.PublicAddress(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func TestLoopbackForRehearsals(t *testing.T) {
	for _, raw := range []string{"http://127.0.0.1:8080/a", "http://localhost:8080/a", "http://[::1]/a"} {
		if _, problem := compose.PublicURL(raw, false); problem == "" {
			t.Errorf("%s is public", raw)
		}
		if _, problem := compose.PublicURL(raw, true); problem != "" {
			t.Errorf("%s: %s", raw, problem)
		}
	}
	if _, problem := compose.PublicURL("http://10.0.0.1/a", true); problem == "" {
		t.Error("a private network counts as this machine")
	}
}
