package compose_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

func TestKinds(t *testing.T) {
	const url = "https://files.example.com/2021/photo.jpg?sig=a%2Fb"
	media := func(kind source.Kind) func(*source.Message) {
		return func(m *source.Message) {
			m.Kind, m.Text, m.MediaURL, m.FileName, m.FileSize = kind, "", url, "photo.jpg", ptr(int64(1024))
			m.MediaDuration = ptr(61 * time.Second)
		}
	}
	tests := []struct {
		name  string
		row   []func(*source.Message)
		want  amojo.Content
		notes []outcome.Code
	}{
		{"text", nil, amojo.Content{Type: "text", Text: "Можно ли оплатить заказ при получении ?"}, nil},
		{"no kind, no media", []func(*source.Message){func(m *source.Message) { m.Kind = "" }},
			amojo.Content{Type: "text", Text: "Можно ли оплатить заказ при получении ?"}, nil},
		{"no kind, media", []func(*source.Message){media("")},
			amojo.Content{Type: "file", Media: url, FileName: "photo.jpg", FileSize: 1024}, nil},
		{"picture", []func(*source.Message){media(source.KindPicture)},
			amojo.Content{Type: "picture", Media: url, FileName: "photo.jpg", FileSize: 1024}, nil},
		{"picture with caption", []func(*source.Message){media(source.KindPicture), func(m *source.Message) { m.Text = " такой? " }},
			amojo.Content{Type: "picture", Text: " такой? ", Media: url, FileName: "photo.jpg", FileSize: 1024}, nil},
		{"picture with a caption nobody sees", []func(*source.Message){media(source.KindPicture), func(m *source.Message) { m.Text = " \n\u200b" }},
			amojo.Content{Type: "picture", Media: url, FileName: "photo.jpg", FileSize: 1024}, nil},
		{"file", []func(*source.Message){media(source.KindFile)},
			amojo.Content{Type: "file", Media: url, FileName: "photo.jpg", FileSize: 1024}, nil},
		{"file named by its URL", []func(*source.Message){media(source.KindFile), func(m *source.Message) {
			m.FileName, m.MediaURL = " ", " https://files.example.com/x/%D0%B0%20b.pdf\n"
		}}, amojo.Content{Type: "file", Media: "https://files.example.com/x/%D0%B0%20b.pdf", FileName: "а b.pdf", FileSize: 1024},
			[]outcome.Code{outcome.FileNameFromURL}},
		{"URL with bare blanks and letters", []func(*source.Message){media(source.KindFile), func(m *source.Message) {
			m.MediaURL = "HTTPS://files.example.com/мой файл.pdf?n=мой файл"
		}}, amojo.Content{Type: "file", FileName: "photo.jpg", FileSize: 1024,
			Media: "https://files.example.com/%D0%BC%D0%BE%D0%B9%20%D1%84%D0%B0%D0%B9%D0%BB.pdf?n=%D0%BC%D0%BE%D0%B9%20%D1%84%D0%B0%D0%B9%D0%BB"}, nil},
		{"video", []func(*source.Message){media(source.KindVideo)},
			amojo.Content{Type: "video", Media: url, FileName: "photo.jpg", FileSize: 1024, MediaDuration: 61}, nil},
		{"voice", []func(*source.Message){media(source.KindVoice), func(m *source.Message) { m.FileName, m.FileSize = "", nil }},
			amojo.Content{Type: "voice", Media: url, MediaDuration: 61}, nil},
		{"audio without duration", []func(*source.Message){media(source.KindAudio), func(m *source.Message) { m.MediaDuration = nil }},
			amojo.Content{Type: "audio", Media: url}, nil},
		{"audio with a wrong duration", []func(*source.Message){media(source.KindAudio), func(m *source.Message) { m.MediaDuration = ptr(-time.Second) }},
			amojo.Content{Type: "audio", Media: url}, nil},
		{"sticker", []func(*source.Message){func(m *source.Message) { m.Kind, m.Text, m.StickerID = source.KindSticker, "", "st1" }},
			amojo.Content{Type: "sticker", StickerID: "st1"}, nil},
		{"sticker with its picture", []func(*source.Message){media(source.KindSticker), func(m *source.Message) { m.StickerID = "st1" }},
			amojo.Content{Type: "sticker", StickerID: "st1", Media: url}, nil},
		{"location", []func(*source.Message){func(m *source.Message) {
			m.Kind, m.Text, m.Latitude, m.Longitude = source.KindLocation, "", ptr(55.75), ptr(37.62)
		}}, amojo.Content{Type: "location", Location: &amojo.Location{Lat: 55.75, Lon: 37.62}}, nil},
		{"location 0, 0", []func(*source.Message){func(m *source.Message) {
			m.Kind, m.Text, m.Latitude, m.Longitude = source.KindLocation, "here", ptr(0.0), ptr(0.0)
		}}, amojo.Content{Type: "location", Text: "here", Location: &amojo.Location{}}, nil},
		{"contact", []func(*source.Message){func(m *source.Message) {
			m.Kind, m.Text, m.ContactName, m.ContactPhone = source.KindContact, "", "Olga", "+7 912 0001122"
		}}, amojo.Content{Type: "contact", Contact: &amojo.Contact{Name: "Olga", Phone: "+7 912 0001122"}}, nil},
		{"contact without a name", []func(*source.Message){func(m *source.Message) {
			m.Kind, m.Text, m.ContactPhone = source.KindContact, "", "+7 912 0001122"
		}}, amojo.Content{Type: "contact", Contact: &amojo.Contact{Name: "+7 912 0001122", Phone: "+7 912 0001122"}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, refusal := settings().Compose(conversation(), message(tt.row...), compose.Reply{})
			if refusal != nil {
				t.Fatalf("refused: %+v", *refusal)
			}
			want := compose.Composed{Parts: []amojo.Message{part(func(m *amojo.Message) { m.Content = tt.want })}, Notes: tt.notes}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestBotSpeaksInTheCaption(t *testing.T) {
	for caption, want := range map[string]string{"": "Boris:", " ": "Boris:", "look": "Boris: look"} {
		got, refusal := settings().Compose(conversation(), message(func(m *source.Message) {
			m.Direction, m.ManagerID, m.Text = source.Out, "m2", caption
			m.Kind, m.MediaURL = source.KindVoice, "https://files.example.com/v.ogg"
		}), compose.Reply{})
		if refusal != nil {
			t.Fatal(*refusal)
		}
		if text := got.Parts[0].Content.Text; text != want {
			t.Errorf("caption %q became %q, want %q", caption, text, want)
		}
	}
}

func TestMediaURLs(t *testing.T) {
	good := []string{
		"https://files.example.com/a", "http://files.example.com:8080/a", "https://8.8.8.8/a", "https://[2a00:1450::1]/a",
		"https://s3.example-cdn.ru/b/a%20b?X-Amz-Signature=1&x=%7E", "https://my_store.example.com/a", "https://files.example.com./a",
		"https://files.example.com/" + strings.Repeat("a", 2048-26),
	}
	bad := []string{
		"a.pdf", "/a.pdf", "//files.example.com/a", "files.example.com/a", "https:", "https:///a", "https://?a", "https:a.pdf",
		"ftp://files.example.com/a", "file:///etc/passwd", `C:\docs\a.pdf`, "data:text/plain,hello", "javascript:alert(1)",
		"https://user@files.example.com/a", "https://user:secret@files.example.com/a",
		"https://localhost/a", "http://app.localhost/a", "http://127.0.0.1/a", "http://127.8.8.8:9000/a", "http://[::1]/a", "http://0.0.0.0/a",
		"http://10.1.2.3/a", "http://172.16.0.1/a", "http://192.168.1.1/a", "http://169.254.169.254/latest", "http://100.64.0.1/a",
		"http://[fe80::1]/a", "http://[fe80::1%25eth0]/a", "http://[fd00::1]/a", "http://[::ffff:10.0.0.1]/a", "http://[::ffff:100.64.0.1]/a", "http://224.0.0.1/a", "http://[::]/a",
		"http://127.1/a", "http://2130706433/a", "http://0x7f.1/a", "http://10.0.0.01/a",
		"https://fileserver/a", "http://nas.local/a", "http://files.corp.internal./a", "https://пример.рф/a", "https://files example.com/a", "https://files..com/a", "https://.com/a",
		"https://files.example.com/a%zz", "https://files.example.com/a\x00b", "https://files.example.com/a\nb", "\xff\xfe",
		"https://files.example.com/" + strings.Repeat("a", 2048-25),
		"https://files.example.com/" + strings.Repeat("я", 500), // too long with escapes
	}
	compose1 := func(url string) *compose.Refusal {
		_, refusal := settings().Compose(conversation(), message(func(m *source.Message) {
			m.Kind, m.MediaURL = source.KindAudio, url
		}), compose.Reply{})
		return refusal
	}
	for _, url := range good {
		if r := compose1(url); r != nil {
			t.Errorf("%.80q is refused: %+v", url, *r)
		}
	}
	for _, url := range bad {
		switch r := compose1(url); {
		case r == nil:
			t.Errorf("%.80q is taken", url)
		case r.Code != outcome.BadMediaURL || r.Detail == "" || strings.Contains(r.Detail, "secret"):
			t.Errorf("%.80q is refused with %+v", url, *r)
		}
	}
}
