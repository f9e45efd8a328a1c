package importer

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/amoimport/amoimport/importer/identity"
)

// contactIndex finds contacts by hashes of what they are recognised by. The key of
// the hashes is drawn for each index and never leaves it, so what it holds tells
// nothing to anybody else: no names, phones, e-mails or texts.
type contactIndex struct {
	secret []byte

	// updating is held while the API is asked for what is new.
	updating sync.Mutex
	asked    time.Time // when that was last begun
	newest   int64     // highest contact id seen
	broken   bool      // it cannot be kept up to date any more
	requests int64     // that it took to read the list

	mu       sync.Mutex
	contacts []candidate
	first    map[digest]uint32   // place in contacts of the first one with a key
	others   map[digest][]uint32 // and of the others
	gone     map[int64]bool      // ids of contacts that are known to be deleted
}

// digest is the beginning of a keyed hash: with 96 bits a hundred million keys have
// no two alike.
type digest [12]byte

func newContactIndex() *contactIndex {
	x := &contactIndex{secret: make([]byte, 32), first: map[digest]uint32{}, others: map[digest][]uint32{}, gone: map[int64]bool{}}
	_, _ = rand.Read(x.secret) // it never fails
	return x
}

func (x *contactIndex) digest(k contactKey) digest {
	h := identity.Hash(x.secret, string(k.how), k.value)
	return digest(h[:])
}

// add takes in a contact. It comes once.
func (x *contactIndex) add(c candidate, keys []contactKey) {
	x.newest = max(x.newest, c.id)
	if len(keys) == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	place := uint32(len(x.contacts))
	x.contacts = append(x.contacts, c)
	for _, k := range keys {
		d := x.digest(k)
		first, known := x.first[d]
		switch others := x.others[d]; {
		case !known:
			x.first[d] = place
		case first != place && !slices.Contains(others, place): // it may have a phone in two ways
			x.others[d] = append(others, place)
		}
	}
}

// find gives the contacts with a key.
func (x *contactIndex) find(_ context.Context, k contactKey) ([]candidate, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	d := x.digest(k)
	first, known := x.first[d]
	if !known {
		return nil, nil
	}
	var found []candidate
	for _, place := range append([]uint32{first}, x.others[d]...) {
		if c := x.contacts[place]; !x.gone[c.id] {
			found = append(found, c)
		}
	}
	return found, nil
}

// setGone records whether a contact is known to be deleted.
func (x *contactIndex) setGone(id int64, gone bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if gone {
		x.gone[id] = true
	} else {
		delete(x.gone, id)
	}
}
