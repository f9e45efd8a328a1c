package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"

	"github.com/amoimport/amoimport/amojo"
)

// Stamp gives a part its time, in Unix milliseconds: the message's for its
// first part, one more for each part after it.
func Stamp(m *amojo.Message, msec int64) {
	m.Timestamp = msec / 1000
	m.MsecTimestamp = msec
}

// TextHash is a digest of the texts of a message's parts: equal hashes mean the
// same words, split at the same places. A run that goes on in the middle of a
// message compares it with the one of the run that began it.
func TextHash(parts []amojo.Message) string {
	h := sha256.New()
	for _, p := range parts {
		// Cleaned texts hold no NUL, so it tells where one ends.
		h.Write([]byte(p.Content.Text))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// TextEnd is where the last of these parts ends in the whole text, in runes.
func TextEnd(parts []amojo.Message) int {
	n := 0
	for _, p := range parts {
		n += utf8.RuneCountInString(p.Content.Text)
	}
	return n
}
