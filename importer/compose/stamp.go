package compose

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"

	"github.com/amoimport/amoimport/amojo"
)

// Stamp gives a part its time, in Unix milliseconds: the message's for its
// first part, one more for each part after it.
func Stamp(m *amojo.Message, msec int64) {
	m.Timestamp = msec / 1000
	m.MsecTimestamp = msec
}

// BodyHash is a digest of all that a stamped part says. A resumed run compares
// it with the hash it wrote down before it sent the part. It does not depend on
// how JSON is written.
func BodyHash(m amojo.Message) [32]byte {
	d := digest{sha256.New()}
	d.str("amoimport part 1")
	d.num(m.Timestamp)
	d.num(m.MsecTimestamp)
	d.str(m.MsgID)
	d.str(m.ConversationID)
	d.flag(m.Silent)
	if d.flag(m.Source != nil) {
		d.str(m.Source.ExternalID)
	}
	d.party(m.Sender)
	if d.flag(m.Receiver != nil) {
		d.party(*m.Receiver)
	}
	d.content(m.Content)
	if d.flag(m.ReplyTo != nil) {
		d.str(m.ReplyTo.Message.MsgID)
		d.str(m.ReplyTo.Message.ID)
	}
	var sum [32]byte
	d.Sum(sum[:0])
	return sum
}

// digest writes values so that no two different lists of them are the same bytes.
type digest struct{ hash.Hash }

func (d digest) str(s string) {
	d.num(int64(len(s)))
	d.Write([]byte(s))
}

func (d digest) num(n int64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	d.Write(b[:])
}

func (d digest) flag(b bool) bool {
	if b {
		d.num(1)
	} else {
		d.num(0)
	}
	return b
}

func (d digest) party(p amojo.Party) {
	d.str(p.ID)
	d.str(p.RefID)
	d.str(p.Name)
	d.str(p.Avatar)
	if d.flag(p.Profile != nil) {
		d.str(p.Profile.Phone)
		d.str(p.Profile.Email)
	}
	d.str(p.ProfileLink)
}

func (d digest) content(c amojo.Content) {
	d.str(string(c.Type))
	d.str(c.Text)
	d.str(c.Media)
	d.str(c.FileName)
	d.num(c.FileSize)
	d.num(c.MediaDuration)
	d.str(c.StickerID)
	if d.flag(c.Location != nil) {
		d.num(int64(math.Float64bits(c.Location.Lon)))
		d.num(int64(math.Float64bits(c.Location.Lat)))
	}
	if d.flag(c.Contact != nil) {
		d.str(c.Contact.Name)
		d.str(c.Contact.Phone)
	}
}
