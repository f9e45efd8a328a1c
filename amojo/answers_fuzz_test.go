package amojo_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/amoimport/amoimport/amojo"
)

// A chat id that is taken out of an answer can be asked for.
func FuzzChat(f *testing.F) {
	f.Add([]byte(`{"id":"6cbab3d5-c4c1-46ff-b710-ad59ad10805f","user":{"id":"1","client_id":"c","profile":{"phone":"+7","email":null}}}`))
	f.Add([]byte(`{"id":12,"user":[]}`))
	f.Add([]byte(`{"id":"../../connect"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		chat, err := answering(200, nil, bytes.NewReader(body)).CreateChat(t.Context(), amojo.Chat{ConversationID: "c1"})
		var failed *amojo.CallError
		if err != nil {
			if chat != (amojo.CreatedChat{}) || !errors.As(err, &failed) {
				t.Errorf("chat %+v, error %#v", chat, err)
			}
			return
		}
		if _, err := answering(204, nil, bytes.NewReader(nil)).History(t.Context(), chat.ID, 0, 1); err != nil {
			t.Errorf("its history cannot be asked for: %v", err)
		}
	})
}

func FuzzConnection(f *testing.F) {
	f.Add([]byte(`{"account_id":"a","scope_id":"c_a","title":"t","hook_api_version":"v2"}`))
	f.Add([]byte(`{"scope_id":["c_a"]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := answering(200, nil, bytes.NewReader(body)).Connect(t.Context(), "t", "v2")
		var failed *amojo.CallError
		switch {
		case err == nil && got.ScopeID == "":
			t.Errorf("connection %+v taken", got)
		case err != nil && (got != amojo.Connection{} || !errors.As(err, &failed)):
			t.Errorf("connection %+v, error %#v", got, err)
		}
	})
}
