package compose_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

func TestRefusals(t *testing.T) {
	file := func(m *source.Message) {
		m.Kind, m.MediaURL, m.FileName, m.FileSize = source.KindFile, "https://files.example.com/a.pdf", "a.pdf", ptr(int64(1))
	}
	url := func(u string) func(*source.Message) {
		return func(m *source.Message) { file(m); m.MediaURL = u }
	}
	location := func(lat, lon *float64) func(*source.Message) {
		return func(m *source.Message) { m.Kind, m.Latitude, m.Longitude = source.KindLocation, lat, lon }
	}
	tests := []struct {
		name string
		row  func(*source.Message)
		want outcome.Code
	}{
		{"skip reason", func(m *source.Message) { m.SkipReason = "deleted" }, outcome.SkippedByQuery},
		{"skip reason of a broken row", func(m *source.Message) { *m = source.Message{SkipReason: "deleted"} }, outcome.SkippedByQuery},

		{"no time", func(m *source.Message) { m.SentAt = time.Time{} }, outcome.NoSentAt},
		{"1970", func(m *source.Message) { m.SentAt = time.Unix(0, 0) }, outcome.BadTime},
		{"before 1970", func(m *source.Message) { m.SentAt = time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC) }, outcome.BadTime},
		{"milliseconds as seconds", func(m *source.Message) { m.SentAt = time.Unix(1639660529379, 0) }, outcome.BadTime},
		{"no direction", func(m *source.Message) { m.Direction = "" }, outcome.BadDirection},
		{"direction of its own", func(m *source.Message) { m.Direction = "incoming" }, outcome.BadDirection},
		{"unknown kind", func(m *source.Message) { m.Kind = "gif" }, outcome.UnknownKind},
		{"kind in capitals", func(m *source.Message) { m.Kind = "TEXT" }, outcome.UnknownKind},

		{"no text", func(m *source.Message) { m.Text = "" }, outcome.BlankText},
		{"white space", func(m *source.Message) { m.Text = " \r\n\t\u00a0\u3000" }, outcome.BlankText},
		{"invisible", func(m *source.Message) { m.Text = "\u200b\u200d\ufeff\u2060\u00ad\u202e\u3164\u2800\ufe0f" }, outcome.BlankText},
		{"control characters", func(m *source.Message) { m.Text = "\x00\x07\x7f\u0085" }, outcome.BlankText},
		{"blank text of the bot", func(m *source.Message) { m.Direction, m.ManagerID, m.Text = source.Out, "m2", " " }, outcome.BlankText},

		{"text with media", func(m *source.Message) { m.MediaURL = "https://files.example.com/a.pdf" }, outcome.UnexpectedMedia},
		{"location with media", func(m *source.Message) { file(m); m.Kind = source.KindLocation }, outcome.UnexpectedMedia},
		{"contact with media", func(m *source.Message) { file(m); m.Kind = source.KindContact }, outcome.UnexpectedMedia},
		{"file without URL", url(""), outcome.NoMediaURL},
		{"blank URL", url(" \n"), outcome.NoMediaURL},
		{"voice without URL", func(m *source.Message) { m.Kind = source.KindVoice }, outcome.NoMediaURL},
		{"sticker with a bad URL", func(m *source.Message) { m.Kind, m.StickerID, m.MediaURL = source.KindSticker, "s", "/s.webp" }, outcome.BadMediaURL},
		{"name only in a URL without one", func(m *source.Message) { url("https://files.example.com/")(m); m.FileName = "" }, outcome.NoFileName},
		{"name only in a host", func(m *source.Message) { url("https://files.example.com")(m); m.FileName = "" }, outcome.NoFileName},
		{"name only in a URL of a folder", func(m *source.Message) { url("https://files.example.com/a/")(m); m.FileName = "" }, outcome.NoFileName},
		{"name of a folder", func(m *source.Message) { url("https://files.example.com/..")(m); m.FileName = "" }, outcome.NoFileName},
		{"no size", func(m *source.Message) { file(m); m.FileSize = nil }, outcome.NoFileSize},
		{"size 0", func(m *source.Message) { file(m); m.FileSize = ptr(int64(0)) }, outcome.NoFileSize},
		{"size below 0", func(m *source.Message) { file(m); m.FileSize = ptr(int64(-1)) }, outcome.NoFileSize},
		{"picture without size", func(m *source.Message) { file(m); m.Kind, m.FileSize = source.KindPicture, nil }, outcome.NoFileSize},

		{"no latitude", location(nil, ptr(1.0)), outcome.BadLocation},
		{"no longitude", location(ptr(1.0), nil), outcome.BadLocation},
		{"latitude 91", location(ptr(91.0), ptr(1.0)), outcome.BadLocation},
		{"longitude -181", location(ptr(1.0), ptr(-181.0)), outcome.BadLocation},
		{"latitude NaN", location(ptr(math.NaN()), ptr(1.0)), outcome.BadLocation},
		{"longitude infinite", location(ptr(1.0), ptr(math.Inf(1))), outcome.BadLocation},
		{"contact without phone", func(m *source.Message) { m.Kind, m.ContactName = source.KindContact, "Olga" }, outcome.NoContactCard},
		{"sticker without id", func(m *source.Message) { m.Kind, m.StickerID = source.KindSticker, " " }, outcome.NoStickerID},
	}
	produced := map[outcome.Code]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, refusal := settings().Compose(conversation(), message(tt.row), compose.Reply{})
			if refusal == nil {
				t.Fatalf("composed %+v, want %s", got, tt.want)
			}
			produced[refusal.Code] = true
			if refusal.Code != tt.want {
				t.Errorf("refused with %s, want %s", refusal.Code, tt.want)
			}
			if diff := cmp.Diff(compose.Composed{}, got); diff != "" {
				t.Errorf("a refused message has parts:\n%s", diff)
			}
			if strings.Contains(refusal.Detail, "example.com") || strings.Contains(refusal.Detail, "оплатить") {
				t.Errorf("the detail tells what the row holds: %s", refusal.Detail)
			}
		})
	}
	// The registry promises no reason that nothing produces.
	for _, code := range []outcome.Code{
		outcome.SkippedByQuery, outcome.BlankText, outcome.NoSentAt, outcome.BadTime, outcome.BadDirection, outcome.UnknownKind,
		outcome.NoMediaURL, outcome.BadMediaURL, outcome.UnexpectedMedia, outcome.NoFileName, outcome.NoFileSize,
		outcome.BadLocation, outcome.NoContactCard, outcome.NoStickerID, // TooLong and BadSourceID have tests of their own
	} {
		if !produced[code] {
			t.Errorf("no row here is refused with %s", code)
		}
	}
}
