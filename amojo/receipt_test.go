package amojo_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amojo"
)

func TestSendMessageRequests(t *testing.T) {
	client := amojo.Party{ID: "sk-1376265f", Name: "Вася"}
	manager := amojo.Party{ID: "skm-1", RefID: "76fc2bea-902f-425c-9a3d-dcdac4766090", Name: "Менеджер"}
	for name, test := range map[string]struct {
		message amojo.Message
		body    string
	}{
		"from the client": {
			amojo.Message{
				Timestamp: 1596470952, MsecTimestamp: 1596470952001, MsgID: "my_int-5f2836a8ca475", ConversationID: "my_int-d5a421f7f218", Silent: true,
				Sender:  client,
				Content: amojo.Content{Type: amojo.TypeText, Text: "Можно ли <оплатить> & \"забрать\" \u2028 😀\n?"},
			},
			`{"event_type":"new_message","payload":{"timestamp":1596470952,"msec_timestamp":1596470952001,"msgid":"my_int-5f2836a8ca475","conversation_id":"my_int-d5a421f7f218","silent":true,` +
				`"sender":{"id":"sk-1376265f","name":"Вася"},"message":{"type":"text","text":"Можно ли <оплатить> & \"забрать\" \u2028 😀\n?"}}}`,
		},
		"from a manager, with a picture and a reply": {
			amojo.Message{
				Timestamp: 1, MsecTimestamp: 1000, MsgID: "m2", ConversationID: "c1", Source: &amojo.Source{ExternalID: "s"},
				Sender: manager, Receiver: &client,
				Content: amojo.Content{Type: amojo.TypePicture, Media: "https://example.com/a.png?x=1&y=2", FileName: "a.png", FileSize: 512},
				ReplyTo: &amojo.ReplyTo{Message: amojo.QuotedMessage{MsgID: "m1"}},
			},
			`{"event_type":"new_message","payload":{"timestamp":1,"msec_timestamp":1000,"msgid":"m2","conversation_id":"c1","silent":false,"source":{"external_id":"s"},` +
				`"sender":{"id":"skm-1","ref_id":"76fc2bea-902f-425c-9a3d-dcdac4766090","name":"Менеджер"},"receiver":{"id":"sk-1376265f","name":"Вася"},` +
				`"message":{"type":"picture","text":"","media":"https://example.com/a.png?x=1&y=2","file_name":"a.png","file_size":512},"reply_to":{"message":{"msgid":"m1"}}}}`,
		},
		"a place on the equator": {
			amojo.Message{MsgID: "m3", Sender: client, Content: amojo.Content{Type: amojo.TypeLocation, Location: &amojo.Location{Lon: 37.5}}},
			`{"event_type":"new_message","payload":{"timestamp":0,"msec_timestamp":0,"msgid":"m3","conversation_id":"","silent":false,` +
				`"sender":{"id":"sk-1376265f","name":"Вася"},"message":{"type":"location","text":"","location":{"lon":37.5,"lat":0}}}}`,
		},
		"a visiting card": {
			amojo.Message{MsgID: "m4", Sender: client, Content: amojo.Content{Type: amojo.TypeContact, Contact: &amojo.Contact{Name: "Пётр", Phone: "+7"}}},
			`{"event_type":"new_message","payload":{"timestamp":0,"msec_timestamp":0,"msgid":"m4","conversation_id":"","silent":false,` +
				`"sender":{"id":"sk-1376265f","name":"Вася"},"message":{"type":"contact","text":"","contact":{"name":"Пётр","phone":"+7"}}}}`,
		},
		"a voice and a sticker's id": {
			amojo.Message{MsgID: "m5", Sender: client, Content: amojo.Content{Type: amojo.TypeVoice, Media: "https://e/v.ogg", MediaDuration: 7, StickerID: "st"}},
			`{"event_type":"new_message","payload":{"timestamp":0,"msec_timestamp":0,"msgid":"m5","conversation_id":"","silent":false,` +
				`"sender":{"id":"sk-1376265f","name":"Вася"},"message":{"type":"voice","text":"","media":"https://e/v.ogg","media_duration":7,"sticker_id":"st"}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := serve(t, reply(200, `{"new_message":{"msgid":"x"}}`))
			if _, err := c.SendMessage(t.Context(), test.message); err != nil {
				t.Fatal(err)
			}
			s.wantRequest(t, "POST "+scopePath, test.body)
		})
	}
}

func TestSendMessageReceipts(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		want   amojo.Receipt
	}{
		"current": {
			`{"new_message":{"conversation_id":"my_int-d5a421f7f218","sender_id":"my_int-1376265f","receiver_id":null,"msgid":"8e6afe4e-2011-44a2-b7a0-45fbd20bc4cb","ref_id":"m1"}}`,
			amojo.Receipt{AmojoID: "8e6afe4e-2011-44a2-b7a0-45fbd20bc4cb", MsgID: "m1", ConversationID: "my_int-d5a421f7f218", SenderID: "my_int-1376265f"},
		},
		"2021":             {`{"new_message":{"msgid":"8e6afe4e","ref_id":"m1"}}`, amojo.Receipt{AmojoID: "8e6afe4e", MsgID: "m1"}},
		"2020":             {`{"new_message":{"msgid":"8e6afe4e"}}`, amojo.Receipt{AmojoID: "8e6afe4e"}},
		"odd other fields": {` {"new_message":{"msgid":"8e6afe4e","ref_id":null,"sender_id":{"a":1},"receiver_id":[],"conversation_id":5}} `, amojo.Receipt{AmojoID: "8e6afe4e", ConversationID: "5"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := answering(200, nil, strings.NewReader(test.answer)).SendMessage(t.Context(), amojo.Message{MsgID: "m1"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("receipt (-want +got):\n%s", diff)
			}
		})
	}
}

// A success whose body makes no sense is not a rejection: the message may have arrived.
func TestSendMessageUnreadableReceipts(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		answer io.Reader
		why    string
	}{
		"empty":                {200, strings.NewReader(""), "it is no JSON of the expected shape"},
		"204":                  {204, strings.NewReader(""), "it is no JSON of the expected shape"},
		"a page":               {200, strings.NewReader("<html><title>Welcome</title>"), "it is no JSON of the expected shape"},
		"cut JSON":             {200, strings.NewReader(`{"new_message":{"msgid":"8e6a`), "it is no JSON of the expected shape"},
		"cut connection":       {200, io.MultiReader(strings.NewReader(`{"new`), iotest.ErrReader(io.ErrUnexpectedEOF)), "unexpected EOF"},
		"no new_message":       {200, strings.NewReader(`{}`), "it has no new_message.msgid"},
		"no msgid":             {200, strings.NewReader(`{"new_message":{"ref_id":"m1"}}`), "it has no new_message.msgid"},
		"an array":             {200, strings.NewReader(`[]`), "it is no JSON of the expected shape"},
		"of another message":   {200, strings.NewReader(`{"new_message":{"msgid":"x","ref_id":"m2"}}`), "its ref_id is not that of the message sent"},
		"more than a megabyte": {200, strings.NewReader(`{"new_message":{"msgid":"x"},"a":"` + strings.Repeat("a", 1<<20) + `"}`), "longer than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			client := answering(test.status, http.Header{"X-Request-Id": {"r-1"}}, test.answer)
			r, err := client.SendMessage(t.Context(), amojo.Message{MsgID: "m1"})
			var failed *amojo.CallError
			var refused *amojo.Error
			if !errors.As(err, &failed) || errors.As(err, &refused) || !failed.Unreadable() || failed.RequestID != "r-1" {
				t.Fatalf("error %#v, want an unreadable CallError", err)
			}
			if failed.Err.Error() != test.why {
				t.Errorf("cause %q, want %q", failed.Err, test.why)
			}
			if r != (amojo.Receipt{}) || failed.Hint() == "" {
				t.Errorf("receipt %+v, hint %q", r, failed.Hint())
			}
		})
	}
}

func FuzzReceipt(f *testing.F) {
	for _, s := range []string{`{"new_message":{"msgid":"a","ref_id":"m1","receiver_id":null}}`, `{"new_message":[]}`, `{"new_message":{"msgid":1e3}}`, ``, `<html>`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := answering(200, nil, strings.NewReader(string(body))).SendMessage(t.Context(), amojo.Message{MsgID: "m1"})
		var failed *amojo.CallError
		switch {
		case err == nil && (r.AmojoID == "" || r.MsgID != "" && r.MsgID != "m1"):
			t.Errorf("receipt %+v taken", r)
		case err != nil && !errors.As(err, &failed):
			t.Errorf("error %#v is no CallError", err)
		case err != nil && !utf8.ValidString(err.Error()):
			t.Errorf("error %q is not UTF-8", err)
		}
	})
}
