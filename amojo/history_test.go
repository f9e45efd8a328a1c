package amojo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amojo"
)

// The answer of the vendor's import example, its missing commas put in
// (https://www.amocrm.ru/developers/content/chats/chat-import-message-example).
const exampleHistory = `{"messages":[
 {"timestamp":1596470953,"sender":{"id":"76fc2bea-902f-425c-9a3d-dcdac4766090","name":"Менеджер","avatar":"https://images.amocrm.ru/m.png"},
  "receiver":{"id":"86a0caef-41ec-49ac-814a-b27da2cea267","client_id":"sk-1376265f-86df-4c49-a0c3-a4816df41af9","name":"Вася","phone":"+79151112233","email":"example.client@example.com"},
  "message":{"id":"0371a0ff-b78a-4c7b-8538-a7d547e10692","client_id":"skm-2","type":"text","text":"Да","media":"","thumbnail":"","file_name":"","file_size":0}},
 {"timestamp":1596470809,"sender":{"id":"86a0caef-41ec-49ac-814a-b27da2cea267","client_id":"sk-1376265f-86df-4c49-a0c3-a4816df41af9","name":"Вася"},
  "message":{"id":"2c8b4a1f-9d35-4a9b-b54c-9f8f4c0f8b1e","client_id":"skm-1","type":"text","text":"Можно ли оплатить заказ при получении ?"}}
]}`

func TestHistoryExample(t *testing.T) {
	s, client := serve(t, reply(200, exampleHistory))
	got, err := client.History(t.Context(), testChat, 50, 25)
	if err != nil {
		t.Fatal(err)
	}
	vasya := amojo.Participant{AmojoID: "86a0caef-41ec-49ac-814a-b27da2cea267", ClientID: "sk-1376265f-86df-4c49-a0c3-a4816df41af9", Name: "Вася"}
	withPhone := vasya
	withPhone.Phone, withPhone.Email = "+79151112233", "example.client@example.com"
	want := []amojo.HistoryMessage{
		{
			AmojoID: "0371a0ff-b78a-4c7b-8538-a7d547e10692", MsgID: "skm-2", Timestamp: 1596470953,
			Sender:   amojo.Participant{AmojoID: "76fc2bea-902f-425c-9a3d-dcdac4766090", Name: "Менеджер", Avatar: "https://images.amocrm.ru/m.png"},
			Receiver: &withPhone, Type: amojo.TypeText, Text: "Да",
		},
		{
			AmojoID: "2c8b4a1f-9d35-4a9b-b54c-9f8f4c0f8b1e", MsgID: "skm-1", Timestamp: 1596470809,
			Sender: vasya, Type: amojo.TypeText, Text: "Можно ли оплатить заказ при получении ?",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	s.wantRequest(t, "GET "+scopePath+"/chats/6cbab3d5-c4c1-46ff-b710-ad59ad10805f/history?limit=25&offset=50", "")
}

func TestHistoryMessages(t *testing.T) {
	for name, test := range map[string]struct {
		json string
		want amojo.HistoryMessage
	}{
		"milliseconds":               {`{"timestamp":1596470953,"msec_timestamp":1596470953120}`, amojo.HistoryMessage{Timestamp: 1596470953, MsecTimestamp: 1596470953120}},
		"only milliseconds":          {`{"msec_timestamp":1596470953120}`, amojo.HistoryMessage{Timestamp: 1596470953, MsecTimestamp: 1596470953120}},
		"timestamp in milliseconds":  {`{"timestamp":1596470953120}`, amojo.HistoryMessage{Timestamp: 1596470953, MsecTimestamp: 1596470953120}},
		"times as strings":           {`{"timestamp":"1596470953","msec_timestamp":"1596470953120"}`, amojo.HistoryMessage{Timestamp: 1596470953, MsecTimestamp: 1596470953120}},
		"nothing known":              {`{}`, amojo.HistoryMessage{}},
		"PHP's empty objects":        {`{"sender":[],"receiver":[],"message":{"location":[],"contact":[]}}`, amojo.HistoryMessage{}},
		"nulls":                      {`{"timestamp":null,"sender":null,"receiver":null,"message":{"id":null,"file_size":null,"location":null}}`, amojo.HistoryMessage{}},
		"numbers and strings mixed":  {`{"message":{"id":7,"file_size":"512","location":{"lon":"37.5","lat":55.25}}}`, amojo.HistoryMessage{AmojoID: "7", FileSize: 512, Location: &amojo.Location{Lon: 37.5, Lat: 55.25}}},
		"values of impossible kinds": {`{"timestamp":{},"message":{"text":["a"],"file_size":true,"location":{"lon":"x"}}}`, amojo.HistoryMessage{Location: &amojo.Location{}}},
		"everything": {
			`{"message":{"id":"a","client_id":"m","type":"picture","text":"t","media":"https://e/m","thumbnail":"https://e/t","file_name":"f","file_size":3,"media_group_id":"g","contact":{"name":"n","phone":"p"}}}`,
			amojo.HistoryMessage{
				AmojoID: "a", MsgID: "m", Type: amojo.TypePicture, Text: "t", Media: "https://e/m", Thumbnail: "https://e/t",
				FileName: "f", FileSize: 3, MediaGroupID: "g", Contact: &amojo.Contact{Name: "n", Phone: "p"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := answering(200, nil, strings.NewReader(`{"messages":[`+test.json+`]}`))
			got, err := client.History(t.Context(), testChat, 0, 50)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]amojo.HistoryMessage{test.want}, got); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHistoryMessageTime(t *testing.T) {
	for want, m := range map[time.Time]amojo.HistoryMessage{
		time.Unix(7, 0):           {Timestamp: 7},
		time.UnixMilli(1_234_567): {Timestamp: 1234, MsecTimestamp: 1_234_567},
	} {
		if !m.Time().Equal(want) {
			t.Errorf("%+v: time %v, want %v", m, m.Time(), want)
		}
	}
}

// A page that cannot be read must not look like an end: absence is concluded from it.
func TestHistoryUnreadable(t *testing.T) {
	for name, body := range map[string]string{
		"empty": "", "a page": "<html>", "no list": "{}", "list of another kind": `{"messages":{}}`,
		"a message is null": `{"messages":[{},null]}`, "a message is a list": `{"messages":[[]]}`, "cut": exampleHistory[:300],
		"too long": `{"messages":[],"a":"` + strings.Repeat("a", 16<<20) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			page, err := answering(200, nil, strings.NewReader(body)).History(t.Context(), testChat, 0, 50)
			var failed *amojo.CallError
			if !errors.As(err, &failed) || !failed.Unreadable() || page != nil {
				t.Errorf("page %v, error %v: want an unreadable CallError", page, err)
			}
		})
	}
	page, err := answering(200, nil, strings.NewReader(`{"messages":[]}`)).History(t.Context(), testChat, 0, 50)
	if err != nil || len(page) != 0 {
		t.Errorf("empty list: page %v, error %v: want the end", page, err)
	}
}

// Fifty long texts with every character escaped are more than other answers may be.
func TestHistoryTakesLongPages(t *testing.T) {
	long := strings.Repeat(`\u0416`, 10_000)
	page := `{"messages":[` + strings.Repeat(`{"message":{"text":"`+long+`"}},`, 49) + `{"message":{"text":"` + long + `"}}]}`
	got, err := answering(200, nil, strings.NewReader(page)).History(t.Context(), testChat, 0, 50)
	if err != nil || len(got) != 50 || got[49].Text != strings.Repeat("Ж", 10_000) {
		t.Errorf("%d messages, error %v", len(got), err)
	}
}

func TestHistoryRefusesWhatIsNoChatID(t *testing.T) {
	s, client := serve(t, reply(204, ""))
	for _, id := range []amojo.ChatID{"", "..", "a/b", "a?b", amojo.ChatID(strings.Repeat("a", 65))} {
		if _, err := client.History(t.Context(), id, 0, 50); err == nil {
			t.Errorf("%q: no error", id)
		}
	}
	if len(s.requests) != 0 {
		t.Errorf("requests %q, want none", s.requests)
	}
}

// chatServer plays a chat of n messages, newest first; before each page, more arrive.
func chatServer(n, arriving int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		type message struct {
			Message map[string]string `json:"message"`
		}
		page := struct {
			Messages []message `json:"messages"`
		}{}
		for i := n - offset; i > max(0, n-offset-limit); i-- {
			page.Messages = append(page.Messages, message{map[string]string{"id": fmt.Sprint("a", i), "client_id": fmt.Sprint("m", i)}})
		}
		n += arriving
		if len(page.Messages) == 0 {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_ = json.NewEncoder(w).Encode(page)
	}
}

func TestAllHistory(t *testing.T) {
	for name, test := range map[string]struct {
		handle   http.HandlerFunc
		end      amojo.End
		messages int
		requests int
	}{
		"nothing":                        {reply(204, ""), amojo.AtShortPage, 0, 1},
		"one page":                       {chatServer(49, 0), amojo.AtShortPage, 49, 1},
		"one page, to the empty one":     {chatServer(49, 0), amojo.AtEmptyPage, 49, 2},
		"full pages":                     {chatServer(100, 0), amojo.AtShortPage, 100, 3},
		"three pages":                    {chatServer(120, 0), amojo.AtShortPage, 120, 3},
		"three pages, to the empty one":  {chatServer(120, 0), amojo.AtEmptyPage, 120, 4},
		"live messages shift the window": {chatServer(120, 7), amojo.AtShortPage, 120, 3},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := serve(t, test.handle)
			seen := make(map[string]int)
			for m, err := range client.AllHistory(t.Context(), testChat, test.end) {
				if err != nil {
					t.Fatal(err)
				}
				seen[m.MsgID]++
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("%s comes %d times", id, n)
				}
			}
			if len(seen) != test.messages || len(s.requests) != test.requests {
				t.Errorf("%d messages in %d requests, want %d in %d", len(seen), len(s.requests), test.messages, test.requests)
			}
		})
	}
}

func TestAllHistoryKeepsTwoCopiesOfOneMessage(t *testing.T) {
	_, client := serve(t, reply(200, `{"messages":[{"message":{"id":"a1","client_id":"m"}},{"message":{"id":"a2","client_id":"m"}},{"message":{"id":"a1","client_id":"m"}},{"message":{"client_id":"m"}}]}`))
	var ids []string
	for m, err := range client.AllHistory(t.Context(), testChat, amojo.AtShortPage) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.AmojoID)
	}
	if want := []string{"a1", "a2", ""}; !slices.Equal(ids, want) {
		t.Errorf("ids %q, want %q", ids, want)
	}
}

func TestAllHistoryStops(t *testing.T) {
	t.Run("when its caller does", func(t *testing.T) {
		s, client := serve(t, chatServer(120, 0))
		for range client.AllHistory(t.Context(), testChat, amojo.AtEmptyPage) {
			break
		}
		if len(s.requests) != 1 {
			t.Errorf("%d requests, want 1", len(s.requests))
		}
	})
	t.Run("at an error", func(t *testing.T) {
		page := 0
		_, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if page++; page == 2 {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			chatServer(120, 0)(w, r)
		})
		var errs []error
		for _, err := range client.AllHistory(t.Context(), testChat, amojo.AtShortPage) {
			if err != nil {
				errs = append(errs, err)
			}
		}
		var refused *amojo.Error
		if len(errs) != 1 || !errors.As(errs[0], &refused) || !refused.Blocked() || page != 2 {
			t.Errorf("errors %v after %d pages", errs, page)
		}
	})
	t.Run("when the server ignores the offset", func(t *testing.T) {
		var full bytes.Buffer
		_ = json.NewEncoder(&full).Encode(map[string]any{"messages": slices.Repeat([]any{map[string]any{"message": map[string]any{"id": "a"}}}, 50)})
		s, client := serve(t, reply(200, full.String()))
		var last error
		n := 0
		for _, err := range client.AllHistory(t.Context(), testChat, amojo.AtShortPage) {
			n, last = n+1, err
		}
		if last == nil || n != 2 || len(s.requests) != 11 {
			t.Errorf("%d steps, %d requests, error %v: want 1 message and an error after 11 pages", n, len(s.requests), last)
		}
	})
}

func FuzzHistory(f *testing.F) {
	f.Add([]byte(exampleHistory))
	f.Add([]byte(`{"messages":[{"message":{"location":{"lon":1e999,"lat":"NaN"},"file_size":1e30}}]}`))
	f.Add([]byte(`{"messages":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := answering(200, nil, bytes.NewReader(body)).History(t.Context(), testChat, 0, 50)
		var failed *amojo.CallError
		if err != nil && (page != nil || !errors.As(err, &failed)) {
			t.Errorf("page %v, error %#v", page, err)
		}
		var rows struct {
			Messages []json.RawMessage `json:"messages"`
		}
		if err == nil && (json.Unmarshal(body, &rows) != nil || len(rows.Messages) != len(page)) {
			t.Errorf("%d messages of %d", len(page), len(rows.Messages))
		}
		if _, err := json.Marshal(page); err != nil { // no NaN, no infinity
			t.Errorf("page cannot be written: %v", err)
		}
	})
}
