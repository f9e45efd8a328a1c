package importer_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer"
)

// However a refusal quotes what was sent, what is kept of it holds no word of a
// name or a text, and no phone.
func FuzzRefusal(f *testing.F) {
	f.Add("payload.sender.name: ", "Anna Ivanova", "text of +7 912 345-67-89")
	f.Add(strings.Repeat("x", 185)+" ", "Konstantinopolskaya", "")
	f.Add("bad: ", "علی\u200cرضا", "a@example.com")
	f.Add("", "\x00", "(400)")
	const phone = "+79123456789"
	f.Fuzz(func(t *testing.T, said, name, text string) {
		// Texts are cleaned before they are sent, and … stands for what is taken out.
		if !utf8.ValidString(strings.Join([]string{said, name, text}, " ")) || strings.Contains(name+text, "…") {
			return
		}
		words := func(s string) []string {
			return strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) })
		}
		sent := said + name + " " + text + " " + phone
		body, err := json.Marshal(map[string]any{"error_type": "BAD_REQUEST", "error_description": sent})
		if err != nil {
			t.Fatal(err)
		}
		detail := refusal(t, string(body), name, text)
		if strings.Contains(detail, phone[2:]) {
			t.Errorf("%q holds a phone", detail)
		}
		if whole := strings.Join(words(sent), " "); utf8.RuneCountInString(whole) > 200 && !strings.HasSuffix(detail, " …") {
			t.Errorf("%q ends in half a word", detail) // which could be half a name
		}
		for _, word := range words(name + " " + text) {
			if utf8.RuneCountInString(word) > 2 && strings.Contains(detail, word) {
				t.Errorf("%q holds %q", detail, word)
			}
		}
	})
}

// refusal is what is kept of a 400 with that body about a message.
func refusal(t *testing.T, body, name, text string) string {
	t.Helper()
	chats, err := amojo.New(&http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
		return answer(req, http.StatusBadRequest, body), nil
	})}, "https://amojo.example.test", amojo.Scope{ChannelID: "c", AccountID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	live := &importer.Live{Chats: chats}
	_, err = live.Send(t.Context(), amojo.Message{MsgID: "m", Sender: amojo.Party{Name: name}, Content: amojo.Content{Text: text}}, 1)
	var refused *importer.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("a 400 is %v", err)
	}
	return refused.Detail
}

// TestRefusalOfANameWithANumber: the number in a name is taken out with the name, not
// from it.
func TestRefusalOfANameWithANumber(t *testing.T) {
	t.Parallel()
	const name = "Anna+79123456789"
	got := refusal(t, `{"error_type":"BAD_REQUEST","error_description":"sender.name: `+name+` is bad"}`, name, "")
	if want := "400 BAD_REQUEST sender.name: … is bad"; got != want {
		t.Errorf("%q is kept, want %q", got, want)
	}
}
