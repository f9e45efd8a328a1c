package ledger_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/source"
	"github.com/google/go-cmp/cmp"
)

// news is a partial pass of some keys; it notes which conversations are asked for.
func (b *bench) news(asked *[]string, keys ...ledger.EnrolledKey) (ledger.Merged, error) {
	p := b.pass()
	p.Conversations, p.Keys = nil, all(keys)
	p.Lookup = func(ids ...source.ConversationID) iter.Seq2[ledger.EnrolledConversation, error] {
		var found []ledger.EnrolledConversation
		for _, id := range ids {
			*asked = append(*asked, string(id))
			for _, c := range b.convs {
				if c.ID == id {
					found = append(found, c)
				}
			}
		}
		return all(found)
	}
	return b.Enrol(b.t.Context(), p)
}

// TestNews reads some of the rows: what does not come is no deletion, known
// conversations are not asked for, and the pass does not count as a complete one.
func TestNews(t *testing.T) {
	b := rows(t)
	b.keys = append(b.keys, key("8", "1", 5))
	b.enrol() // 8 is a stray
	before := b.texts(`select enrolled_at::text || enrolled_sql from amoimport.setup`)
	b.convs = append(b.convs, conv("8"), conv("9"))
	edited := key("1", "3", 2)
	edited.Hash[5]++
	var asked []string
	m, err := b.news(&asked, edited, key("1", "4", 6), key("8", "1", 5), key("9", "1", 7), key("x", "1", 8))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ledger.Merged{Conversations: 2, Messages: 5, New: 3, Edited: 1}, m); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"8", "9", "x"}, asked); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	want := map[string]string{"1/1": "sent", "1/2": "sent", "1/3": "sent edited", "1/4": "planned", "2/1": "planned", "2/2": "planned", "2/3": "planned",
		"8/1": "planned", "9/1": "planned", "x/1": "parked no_conversation"}
	if diff := cmp.Diff(want, b.states()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(before, b.texts(`select enrolled_at::text || enrolled_sql from amoimport.setup`)); diff != "" {
		t.Errorf("the last complete pass (-before +after):\n%s", diff)
	}
	versions := b.versions()
	if m, err := b.news(&asked, edited, key("1", "4", 6)); err != nil || m.New != 0 {
		t.Errorf("again: %+v, %v", m, err)
	}
	if diff := cmp.Diff(versions, b.versions()); diff != "" {
		t.Errorf("the same again writes (-before +after):\n%s", diff)
	}
	if m, err := b.news(&asked); err != nil || m != (ledger.Merged{}) {
		t.Errorf("of nothing: %+v, %v", m, err)
	}
}

// TestNewsOfMany looks up more conversations than it asks for at a time.
func TestNewsOfMany(t *testing.T) {
	b := rows(t)
	var keys []ledger.EnrolledKey
	for i := range 1201 {
		id := fmt.Sprint("n", i)
		b.convs = append(b.convs, conv(id))
		keys = append(keys, key(id, "1", i))
	}
	var asked []string
	m, err := b.news(&asked, keys...)
	if err != nil || m.New != 1201 || m.Conversations != 1201 || len(asked) != 1201 {
		t.Errorf("%+v, %d asked for, %v", m, len(asked), err)
	}
}

// TestNewsShared: whether too many share a phone is counted over all clients that are
// known, and a phone that was nobody's stays so.
func TestNewsShared(t *testing.T) {
	b := newBench(t)
	client := func(id, phone string) {
		c := conv(id)
		c.Phone = phone
		b.convs = append(b.convs, c)
		b.keys = append(b.keys, key(id, "1", 0))
	}
	persons := func() map[string]string {
		got := map[string]string{}
		for _, line := range b.texts(`select c.id || ' ' || p.key from amoimport.client c join amoimport.person p on p.id = c.person_id`) {
			id, key, _ := strings.Cut(line, " ")
			got[id] = key
		}
		return got
	}
	for i := range 6 {
		client(fmt.Sprint("many", i), "M")
	}
	for i := range 5 {
		client(fmt.Sprint("five", i), "F")
	}
	client("one", "O")
	b.enrol()
	want := persons()
	for _, id := range []string{"many6", "five5", "five6"} {
		client(id, strings.ToUpper(id[:1]))
		want["client-"+id] = "client:client-" + id
	}
	client("one2", "O")
	want["client-one2"] = "phone:O"
	for _, k := range b.keys[12:] { // each comes with a look of its own
		var asked []string
		if _, err := b.news(&asked, k); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, persons()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if want["client-one"] != "phone:O" || want["client-five0"] != "phone:F" || want["client-many0"] != "client:client-many0" {
		t.Errorf("the full pass made %v", want)
	}

	// What does not share it any more does not count in the next whole pass.
	b.convs, b.keys = b.convs[4:], b.keys[4:]
	client("many7", "M")
	b.enrol()
	if got := persons()["client-many7"]; got != "phone:M" {
		t.Errorf("a fourth client with the phone is %s", got)
	}
}

// TestNewsRefuses stops for ids that clash with what the ledger holds, and for more
// changes than people make; a few of few do not.
func TestNewsRefuses(t *testing.T) {
	t.Run("clashes", func(t *testing.T) {
		b := rows(t)
		before := b.states()
		twin := key("2", "7", 9)
		twin.MsgID = "1-1"
		var asked []string
		var clash *ledger.ClashError
		if _, err := b.news(&asked, twin); !errors.As(err, &clash) || clash.What != "message ids at amojo (msgid)" {
			t.Errorf("a msgid that is taken: %v", err)
		}
		other := conv("5")
		other.ConversationID = "c-1"
		b.convs = append(b.convs, other)
		if _, err := b.news(&asked, key("5", "1", 9)); !errors.As(err, &clash) || clash.What != "conversation ids" {
			t.Errorf("a conversation id that is taken: %v", err)
		}
		if diff := cmp.Diff(before, b.states()); diff != "" {
			t.Errorf("-before +after:\n%s", diff)
		}
	})
	t.Run("changes", func(t *testing.T) {
		b := newBench(t)
		b.convs = []ledger.EnrolledConversation{conv("1")}
		var ids []string
		for i := range 300 {
			ids = append(ids, fmt.Sprint(i))
			b.keys = append(b.keys, key("1", fmt.Sprint(i), i))
		}
		b.enrol()
		b.sent("1", ids...)
		for i := range b.keys {
			b.keys[i].Hash[5]++
		}
		var asked []string
		for n, refused := range map[int]bool{1: false, 99: false, 120: false, 160: true} {
			m, err := b.news(&asked, b.keys[:n]...)
			var changed *ledger.ChangedError
			if errors.As(err, &changed) != refused || !refused && (err != nil || m.Edited != int64(n)) {
				t.Errorf("%d of 300 changed: %+v, %v", n, m, err)
			}
		}
	})
}
