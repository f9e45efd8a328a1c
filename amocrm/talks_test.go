package amocrm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amocrm"
)

// TestTalkExample reads the answer that the documents give as the example of this call.
//
// https://www.amocrm.ru/developers/content/crm_platform/talks-api
func TestTalkExample(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "talk_example.json"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := answering(200, nil, bytes.NewReader(text)).Talk(t.Context(), 117)
	if err != nil {
		t.Fatal(err)
	}
	want := amocrm.Talk{
		ID: 117, CreatedAt: 1631018291, UpdatedAt: 1631035929, ContactID: 3372695, ChatID: "88278e98-2b8d-4ae2-a5f0-bfab511cd621",
		EntityID: 667999637, EntityType: "lead", InWork: true, Read: true, Origin: "telegram", AccountID: 17029541,
		Contacts: []int64{3372695}, Leads: []int64{667999637},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("talk (-want +got):\n%s", diff)
	}
}

// TestTalk reads testdata/talk_full.json, which has every field that the documents know, older and newer ones.
func TestTalk(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "talk_full.json"))
	if err != nil {
		t.Fatal(err)
	}
	s, client := serve(t, reply(string(text)))
	got, err := client.Talk(t.Context(), 1093)
	if err != nil {
		t.Fatal(err)
	}
	want := amocrm.Talk{
		ID: 1093, CreatedAt: 1639126339, UpdatedAt: 1639132800, Rate: 4, ContactID: 10943865, ChatID: "9e4a9d2f-3c19-4b12-a0f7-5a6f0d7f3c11",
		EntityID: 2080857, EntityType: "lead", InWork: true, Read: false, Origin: "telegram", MissedAt: 1639127000, AccountID: 31337001,
		Status: "in_work", SourceID: 8001, Contacts: []int64{10943865}, Leads: []int64{2080857}, Customers: []int64{5},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("talk (-want +got):\n%s", diff)
	}
	s.wantRequests(t, recorded{"GET /prefix/api/v4/talks/1093", ""})

	// No field of the page is left unread: each of them, changed, changes the talk.
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for name := range fields {
		if name == "talk_id" || name == "_links" {
			continue
		}
		changed := map[string]json.RawMessage{}
		for k, v := range fields {
			changed[k] = v
		}
		delete(changed, name)
		if name == "is_in_work" {
			changed[name] = json.RawMessage("false")
		}
		if name == "is_read" {
			changed[name] = json.RawMessage("true")
		}
		body, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		other, err := answering(200, nil, bytes.NewReader(body)).Talk(t.Context(), 1093)
		if err != nil {
			t.Errorf("without %s: %v", name, err)
		}
		if cmp.Equal(want, other) {
			t.Errorf("%s is not read", name)
		}
	}
}

func TestTalkForms(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		want   amocrm.Talk
	}{
		"nulls": {`{"talk_id":7,"chat_id":null,"entity_id":null,"entity_type":null,"is_in_work":false,"is_read":null,"missed_at":null,"source_id":null,"_embedded":null}`,
			amocrm.Talk{ID: 7}},
		"PHP's empty objects": {`{"talk_id":"7","is_in_work":"1","_embedded":{"contacts":[],"leads":{},"customers":null}}`, amocrm.Talk{ID: 7, InWork: true}},
		"status alone":        {`{"talk_id":7,"is_in_work":null,"status":"nps_scheduled"}`, amocrm.Talk{ID: 7, InWork: true, Status: "nps_scheduled"}},
		"closed status alone": {`{"talk_id":7,"status":"closed"}`, amocrm.Talk{ID: 7, Status: "closed"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := answering(200, nil, strings.NewReader(c.answer)).Talk(t.Context(), 7)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("talk (-want +got):\n%s", diff)
			}
		})
	}
	for name, answer := range map[string]string{
		"another talk": `{"talk_id":8,"is_in_work":true}`, "silent about being closed": `{"talk_id":7,"is_in_work":null}`, "a page": "<html>", "nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := answering(200, nil, strings.NewReader(answer)).Talk(t.Context(), 7)
			wantUnreadable(t, err)
		})
	}
}

// talks makes a list of talks of a contact.
func talks(first, last, contact int) string {
	var out []string
	for id := first; id <= last; id++ {
		out = append(out, fmt.Sprintf(`{"talk_id":%d,"contact_id":%d,"chat_id":"c","is_in_work":true}`, id, contact))
	}
	return `{"_embedded":{"talks":[` + strings.Join(out, ",") + `]}}`
}

func TestTalksOf(t *testing.T) {
	for name, c := range map[string]struct {
		answers []string
		talks   int
		listed  bool
	}{
		"none":                     {[]string{""}, 0, true},
		"some":                     {[]string{talks(1, 3, 5), ""}, 3, true},
		"pages":                    {[]string{talks(1, 250, 5), talks(251, 300, 5)}, 300, true},
		"full page, then none":     {[]string{talks(1, 250, 5), ""}, 250, true},
		"of a contact merged away": {[]string{talks(1, 3, 6)}, 3, true},
		"the whole account's":      {[]string{talks(1, 250, 6), talks(251, 500, 6)}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := serve(t, reply(c.answers...))
			got, listed, err := client.TalksOf(t.Context(), 5)
			if err != nil || len(got) != c.talks || listed != c.listed {
				t.Errorf("%d talks, listed: %t, %v", len(got), listed, err)
			}
			if line := s.requests[0].Line; line != "GET /prefix/api/v4/talks?filter[contact_id][]=5&limit=250&page=1" {
				t.Error(line)
			}
		})
	}
	for status, c := range map[int]struct {
		body   string
		listed bool // or an error
	}{404: {`{"status":404}`, false}, 405: {"", false}, 403: {`{"status":403}`, false}} {
		if got, listed, err := answering(status, nil, strings.NewReader(c.body)).TalksOf(t.Context(), 5); got != nil || listed || err != nil {
			t.Errorf("%d: %v, listed: %t, %v", status, got, listed, err)
		}
	}
	for status, body := range map[int]string{401: `{}`, 402: `{}`, 403: "403 Forbidden", 500: "", 200: `{"_embedded":{"talks":[{"talk_id":1}]}}`} {
		if _, _, err := answering(status, nil, strings.NewReader(body)).TalksOf(t.Context(), 5); err == nil {
			t.Errorf("%d: no error", status)
		}
	}
}

func TestCloseTalk(t *testing.T) {
	s, client := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	for _, force := range []bool{true, false} {
		if err := client.CloseTalk(t.Context(), 1093, force); err != nil {
			t.Error(err)
		}
	}
	s.wantRequests(t, recorded{"POST /prefix/api/v4/talks/1093/close", `{"force_close":true}`}, recorded{"POST /prefix/api/v4/talks/1093/close", `{"force_close":false}`})
	if err := answering(422, nil, strings.NewReader(`{"detail":"Talk is already closed"}`)).CloseTalk(t.Context(), 1, true); err != nil {
		t.Errorf("closed already: %v", err)
	}
	for _, status := range []int{400, 401, 402, 403, 404, 500} {
		var refused *amocrm.Error
		if err := answering(status, nil, strings.NewReader("{}")).CloseTalk(t.Context(), 1, true); !errors.As(err, &refused) || refused.Status != status {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestMessageEvents(t *testing.T) {
	s, client := serve(t, reply(`{"_embedded":{"events":[
		{"id":"01a","type":"incoming_chat_message","entity_id":9,"entity_type":"lead","value_after":[{"message":{"id":"u1","talk_id":17,"origin":"telegram"}}],
		 "_embedded":{"entity":{"id":9,"linked_talk_contact_id":5}}},
		{"id":"01b","type":"outgoing_chat_message","value_after":[{"message":{"id":"u2"}}]},
		{"id":"01c","type":"outgoing_chat_message","value_after":[{"message":{"id":"u3","talk_id":"18"}},{"note":{"id":4}},[]]},
		{"id":"01d","type":"incoming_chat_message","value_after":null},
		{"id":"01e","type":"talk_created","value_after":[{"message":{"id":"u4","talk_id":19}}]}]}}`))
	var got []amocrm.MessageEvent
	for e, err := range client.MessageEvents(t.Context(), 5) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	want := []amocrm.MessageEvent{{Incoming: true, MessageID: "u1", TalkID: 17}, {MessageID: "u2"}, {MessageID: "u3", TalkID: 18}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	s.wantRequests(t, recorded{"GET /prefix/api/v4/events?filter[entity][]=contact&filter[entity_id][]=5&filter[type][]=incoming_chat_message&filter[type][]=outgoing_chat_message&limit=100&page=1", ""})
	for _, body := range []string{`{"_embedded":{"events":[{"type":"incoming_chat_message"}]}}`, "<html>"} {
		for _, err := range answering(200, nil, strings.NewReader(body)).MessageEvents(t.Context(), 5) {
			wantUnreadable(t, err)
		}
	}
}
