package compose

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

// content is what the row carries, without its text. The second result says
// that the file's name was taken from its URL.
func (s Settings) content(m source.Message, text string) (amojo.Content, bool, *Refusal) {
	kind := kindOf(m)
	c := amojo.Content{Type: amojo.MessageType(kind)}
	var fromURL bool
	var r *Refusal
	switch kind {
	case source.KindText:
		if r = noMedia(m); r == nil && Blank(text) {
			r = &Refusal{Code: outcome.BlankText}
		}
	case source.KindPicture, source.KindFile, source.KindVideo:
		fromURL, r = s.fillFile(&c, m)
	case source.KindVoice, source.KindAudio:
		_, r = s.fillMedia(&c, m)
	case source.KindSticker:
		r = s.fillSticker(&c, m)
	case source.KindLocation:
		r = fillLocation(&c, m)
	case source.KindContact:
		r = fillContact(&c, m)
	default:
		r = &Refusal{Code: outcome.UnknownKind}
	}
	if r != nil {
		return amojo.Content{}, false, r
	}
	return c, fromURL, nil
}

// kindOf is the row's kind, or what a row without one can only be.
func kindOf(m source.Message) source.Kind {
	switch {
	case m.Kind != "":
		return m.Kind
	case strings.TrimSpace(m.MediaURL) != "":
		return source.KindFile
	}
	return source.KindText
}

// noMedia refuses to lose an attachment that the kind cannot carry.
func noMedia(m source.Message) *Refusal {
	if strings.TrimSpace(m.MediaURL) == "" {
		return nil
	}
	return &Refusal{Code: outcome.UnexpectedMedia}
}

func (s Settings) fillMedia(c *amojo.Content, m source.Message) (*url.URL, *Refusal) {
	if strings.TrimSpace(m.MediaURL) == "" {
		return nil, &Refusal{Code: outcome.NoMediaURL}
	}
	u, problem := PublicURL(m.MediaURL, s.AllowLoopback)
	if problem != "" {
		return nil, &Refusal{outcome.BadMediaURL, problem}
	}
	c.Media = u.String()
	switch c.Type {
	case amojo.TypeVideo, amojo.TypeVoice, amojo.TypeAudio:
		if d := m.MediaDuration; d != nil && *d > 0 {
			c.MediaDuration = int64(d.Round(time.Second) / time.Second)
		}
	}
	return u, nil
}

func (s Settings) fillFile(c *amojo.Content, m source.Message) (fromURL bool, _ *Refusal) {
	u, r := s.fillMedia(c, m)
	if r != nil {
		return false, r
	}
	if c.FileName = oneLine(m.FileName); c.FileName == "" {
		c.FileName, fromURL = nameInURL(u), true
	}
	switch {
	case c.FileName == "":
		return false, &Refusal{Code: outcome.NoFileName}
	case m.FileSize == nil:
		return false, &Refusal{Code: outcome.NoFileSize}
	case *m.FileSize <= 0: // amojo would take a zero for an absent size
		return false, &Refusal{outcome.NoFileSize, fmt.Sprintf("file_size is %d", *m.FileSize)}
	}
	c.FileSize = *m.FileSize
	return fromURL, nil
}

func (s Settings) fillSticker(c *amojo.Content, m source.Message) *Refusal {
	if c.StickerID = oneLine(m.StickerID); c.StickerID == "" {
		return &Refusal{Code: outcome.NoStickerID}
	}
	if strings.TrimSpace(m.MediaURL) == "" {
		return nil
	}
	_, r := s.fillMedia(c, m)
	return r
}

func fillLocation(c *amojo.Content, m source.Message) *Refusal {
	if r := noMedia(m); r != nil {
		return r
	}
	if m.Latitude == nil || m.Longitude == nil {
		return &Refusal{Code: outcome.BadLocation}
	}
	lat, lon := *m.Latitude, *m.Longitude
	if !(math.Abs(lat) <= 90 && math.Abs(lon) <= 180) { // also refuses NaN
		return &Refusal{outcome.BadLocation, "latitude or longitude is out of range"}
	}
	c.Location = &amojo.Location{Lat: lat, Lon: lon}
	return nil
}

func fillContact(c *amojo.Content, m source.Message) *Refusal {
	if r := noMedia(m); r != nil {
		return r
	}
	phone := oneLine(m.ContactPhone)
	if phone == "" {
		return &Refusal{Code: outcome.NoContactCard}
	}
	name := oneLine(m.ContactName)
	if name == "" {
		name = phone
	}
	c.Contact = &amojo.Contact{Name: name, Phone: phone}
	return nil
}
