package verify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/ledger"
)

// digest is the SHA-256 of lines of text. The fields of a line are parted by tabs.
type digest struct{ h hash.Hash }

func newDigest() digest { return digest{sha256.New()} }

func (d digest) line(fields ...string) {
	for i, f := range fields {
		if i > 0 {
			d.h.Write([]byte{'\t'})
		}
		d.h.Write([]byte(f))
	}
	d.h.Write([]byte{'\n'})
}

func (d digest) String() string { return hex.EncodeToString(d.h.Sum(nil)) }

// asShown is the line of a message in as_shown: time in whole seconds, so that lines
// sort by it, msgid, sender and the hash of the text.
func asShown(m amojo.HistoryMessage) string {
	return strings.Join([]string{fmt.Sprintf("%020d", m.Time().Unix()), m.MsgID,
		cmp.Or(m.Sender.ClientID, m.Sender.AmojoID), textHash(m.Text)}, "\t")
}

func textHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// asShown is the digest of all that the history shows of ours: by time, then by msgid.
func (h *history) asShown() string {
	slices.Sort(h.shown)
	d := newDigest()
	for _, line := range h.shown {
		d.line(line)
	}
	return d.String()
}

// Sum is the digest of many chats' digests, added in order of their conversations'
// ids.
type Sum struct{ legacy, readBack, asShown digest }

// NewSum is a Sum of no chats.
func NewSum() *Sum { return &Sum{newDigest(), newDigest(), newDigest()} }

// Add adds a chat.
func (s *Sum) Add(d ledger.Digests) {
	s.legacy.line(d.Legacy)
	s.readBack.line(d.ReadBack)
	s.asShown.line(d.AsShown)
}

// Digests are the digests of all that was added.
func (s *Sum) Digests() ledger.Digests {
	return ledger.Digests{Legacy: s.legacy.String(), ReadBack: s.readBack.String(), AsShown: s.asShown.String()}
}
