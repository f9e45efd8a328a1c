package sandbox

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// uuid is kept as bytes: a world may hold a million of them.
type uuid [16]byte

func (u uuid) String() string {
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:36], u[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

func parseUUID(s string) (u uuid, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, false
	}
	_, err := hex.Decode(u[:], []byte(s[0:8]+s[9:13]+s[14:18]+s[19:23]+s[24:36]))
	return u, err == nil
}

// draw makes 16 bytes out of the seed and what they are for. Drawing by name, not from a stream, keeps a run
// repeatable when its requests come in another order.
func (w *World) draw(what string, n int, names ...string) [16]byte {
	h := sha1.New()
	fmt.Fprintf(h, "%d\x00%s\x00%d", w.o.Seed, what, n)
	for _, name := range names {
		fmt.Fprintf(h, "\x00%d\x00%s", len(name), name)
	}
	var sum [sha1.Size]byte
	h.Sum(sum[:0])
	return [16]byte(sum[:16])
}

// newUUID makes a UUID that is the same whenever the same thing is made in a world of the same seed.
func (w *World) newUUID(what string, n int, names ...string) uuid {
	u := uuid(w.draw(what, n, names...))
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return u
}

// chance draws a number in [0, 1).
func (w *World) chance(what string, n int, names ...string) float64 {
	b := w.draw(what, n, names...)
	return float64(binary.BigEndian.Uint64(b[:8])>>11) / (1 << 53)
}

// lag draws a time from a range.
func (w *World) lag(l Lag, what string, n int, names ...string) time.Duration {
	if l.Max <= l.Min {
		return l.Min
	}
	return l.Min + time.Duration(w.chance(what, n, names...)*float64(l.Max-l.Min))
}
