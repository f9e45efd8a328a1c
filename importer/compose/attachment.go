package compose

import (
	"net/url"
	"strings"

	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

// Attachment is what a row tells of its file.
type Attachment struct {
	URL     string   // where amojo is to fetch it; "": the row has no file, or it is refused
	Refused *Refusal // why nobody outside can fetch it
	// What amojo requires and neither the row nor the URL tells.
	LacksName, LacksSize bool
}

// Attachment looks at the file of message m of conversation c. It is zero for a row
// that has none, or that lacks its URL.
func (s Settings) Attachment(c source.Conversation, m source.Message) Attachment {
	kind := kindOf(m)
	if m.SkipReason != "" || !carries(kind) {
		return Attachment{}
	}
	raw, r := s.mediaURL(c, m)
	if r != nil {
		return Attachment{Refused: r}
	}
	if strings.TrimSpace(raw) == "" {
		return Attachment{}
	}
	u, problem := PublicURL(raw, s.AllowLoopback)
	if problem != "" {
		return Attachment{Refused: &Refusal{outcome.BadMediaURL, problem}}
	}
	a := Attachment{URL: u.String()}
	switch kind {
	case source.KindPicture, source.KindFile, source.KindVideo:
		a.LacksName = oneLine(m.FileName) == "" && nameInURL(u) == ""
		a.LacksSize = m.FileSize == nil || *m.FileSize <= 0
	}
	return a
}

// Assume is the message with something for what it lacks: enough to compose its texts by.
func (a Attachment) Assume(m source.Message) source.Message {
	if a.LacksSize {
		m.FileSize = new(int64)
		*m.FileSize = 1
	}
	if a.LacksName {
		m.FileName = "file"
	}
	return m
}

// maxFileName bounds the name of a file in a text, in runes.
const maxFileName = 200

// AsText is a message whose file cannot be fetched as a text that names the file,
// with its caption below. It looks at the row and the settings alone, so it says
// the same in every run.
func (s Settings) AsText(c source.Conversation, m source.Message) source.Message {
	name := oneLine(m.FileName)
	if raw, r := s.mediaURL(c, m); name == "" && r == nil {
		if u, err := url.Parse(escape(strings.TrimSpace(raw))); err == nil {
			name = nameInURL(u)
		}
	}
	text := "[" + string(kindOf(m))
	if name != "" {
		text += ": " + cut(name, maxFileName)
	}
	text += "]"
	if !Blank(m.Text) {
		text += "\n" + m.Text
	}
	m.Kind, m.Text, m.MediaURL, m.FileName, m.FileSize, m.MediaDuration = source.KindText, text, "", "", nil, nil
	return m
}

// carries says whether messages of this kind have a file.
func carries(kind source.Kind) bool {
	switch kind {
	case source.KindPicture, source.KindFile, source.KindVideo, source.KindVoice, source.KindAudio, source.KindSticker:
		return true
	}
	return false
}

// mediaURL is the URL of the row's file: as the row has it, or made by the
// template. A column that holds a URL, of whatever scheme, is left alone.
func (s Settings) mediaURL(c source.Conversation, m source.Message) (string, *Refusal) {
	held := strings.TrimSpace(m.MediaURL)
	kind := kindOf(m)
	if s.MediaURL == "" || !carries(kind) || strings.Contains(held, "://") {
		return m.MediaURL, nil
	}
	if kind == source.KindSticker && held == "" { // it needs none
		return "", nil
	}
	made, ok := s.MediaURL.fill(c, m)
	if !ok {
		return "", &Refusal{outcome.BadMediaURL, "what goes into media.url_template holds . or .. as a step of its path"}
	}
	return made, nil
}
