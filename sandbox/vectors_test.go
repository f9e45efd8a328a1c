package sandbox_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/sandbox"
)

// vector is a request as the vendor's pages print it, signature and all. The months of the first five are the
// signed ones: that page prints Oct, where its own signatures only match Aug.
//
// https://www.amocrm.ru/developers/content/chats/chat-import-message-example
// https://www.amocrm.ru/developers/content/chats/chat-step-by-step
// https://kommo.com/developers/content/chats/getting-chat-history
type vector struct {
	name, secret, account, channel string
	method, path, query            string
	md5, date, signature           string
	body                           string
	status                         int
}

const (
	secretA  = "5a44c5dff55f3c15a4cce8d7c4cc27e207c7e189"
	channelA = "f90ba33d-c9d9-44da-b76c-c349b0ecbe41"
	accountA = "af9945ff-1490-4cad-807d-945c15d88bec"
	secretC  = "f2d7f8704eff95087ed45b23ba99c0b5aac8278e"
	channelC = "344a5002-f8ca-454d-af3d-396180102ac7"
	accountC = "52e591f7-c98f-4255-8495-827210138c81"
	emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"
	root     = "/v2/origin/custom/"
)

const connectA = `{"account_id":"af9945ff-1490-4cad-807d-945c15d88bec","title":"ScopeTitle","hook_api_version":"v2"}`

// vectors are those whose body is known to the byte.
func vectors() []vector {
	a := vector{secret: secretA, account: accountA, channel: channelA}
	c := vector{secret: secretC, account: accountC, channel: channelC}
	scopeC := root + channelC + "_" + accountC
	with := func(v vector, name, method, path, query, md5, date, signature, body string, status int) vector {
		v.name, v.method, v.path, v.query, v.md5, v.date, v.signature, v.body, v.status = name, method, path, query, md5, date, signature, body, status
		return v
	}
	return []vector{
		with(a, "A1 connect", "POST", root+channelA+"/connect", "", "a5e8ae04332a6d0aac15f01ad05d40e3",
			"Mon, 03 Aug 2020 15:11:21 +0000", "85d94e7f21bdd3971c2721ca22793e45a96d0c75", connectA, 200),
		with(a, "A5 history", "GET", root+channelA+"_"+accountA+"/chats/6cbab3d5-c4c1-46ff-b710-ad59ad10805f/history", "limit=50&offset=0", emptyMD5,
			"Mon, 03 Aug 2020 16:23:14 +0000", "5693447e362dcb3bc77abeb27888ff4a0ca53a1c", "", 204),
		with(a, "A6 connect", "POST", root+channelA+"/connect", "", "a5e8ae04332a6d0aac15f01ad05d40e3",
			"Thu, 29 Oct 2020 11:59:55 +0000", "e0dcc1936d766a7d5f53fe19887fafa50bef92e0", connectA, 200),
		{
			name: "B1 history", secret: "fb50586ff7b68cd831fe0ef356345903f644c0d2",
			channel: "f62a0162-46a7-430e-b06c-0ef798d76a21", account: "52fd2a28-d2eb-4bd8-b862-a67934927b38",
			method: "GET", path: root + "f62a0162-46a7-430e-b06c-0ef798d76a21_52fd2a28-d2eb-4bd8-b862-a67934927b38/chats/30477717-9f3c-4d3f-8101-60327e14dc48/history",
			query: "limit=50&offset=0", md5: emptyMD5, date: "Tue, 13 Dec 2022 11:00:00 +0000",
			signature: "2a2593df86235c44943a40ce35409d18bda5778c", status: 204,
		},
		with(c, "C1 connect", "POST", root+channelC+"/connect", "", "2fbcb3c652b61e24e004daddfc73d0ce",
			"Wed, 15 Dec 2021 23:12:55 +0000", "81211856ce0c5095f3e1a90c0a38dc9d736cfd55",
			`{"account_id":"52e591f7-c98f-4255-8495-827210138c81","title":"ChatsIntegration","hook_api_version":"v2"}`, 200),
		with(c, "C2 message", "POST", scopeC, "", "223ef85def871bc7cb58aa6f02f0a26e",
			"Thu, 16 Dec 2021 13:15:29 +0000", "29b49e9eaf03f13a66ecaff315f2855b31b25eee",
			`{"event_type":"new_message","payload":{"timestamp":1639660529,"msec_timestamp":1639660529379,"msgid":"my_int-5f2836a8ca481","conversation_id":"my_int-d5a421f7f218","sender":{"id":"my_int-1376265f-86df-4c49-a0c3-a4816df41af8","avatar":"https:\/\/images.pexels.com\/photos\/10050979\/pexels-photo-10050979.jpeg?auto=compress&cs=tinysrgb&dpr=2&w=500","profile":{"phone":"+79151112233","email":"example.client@example.com"},"profile_link":"https:\/\/example.com\/profile\/example.client","name":"\u0412\u0430\u0441\u044f \u043a\u043b\u0438\u0435\u043d\u0442"},"message":{"type":"text","text":"\u0421\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435 \u043e\u0442 \u043a\u043b\u0438\u0435\u043d\u0442\u0430"},"silent":false}}`, 200),
		with(c, "C3 delivery status", "POST", scopeC+"/079e44fb-fc22-476b-9e8a-421b688ec53b/delivery_status", "", "a0bbbac729c6341f0a521e2db7a8a236",
			"Thu, 16 Dec 2021 12:58:40 +0000", "ca51f810785031385a801f41103244713c1a2352",
			`{"msgid":"079e44fb-fc22-476b-9e8a-421b688ec53b","delivery_status":2,"error_code":905,"error":"Error text"}`, 404), // nobody sent that message
		with(c, "C4 disconnect", "DELETE", root+channelC+"/disconnect", "", "271fa2e4fb0ff84a3ef9689027bd1f38",
			"Wed, 15 Dec 2021 23:59:28 +0000", "e1678e3b6aa674b5127f4feb448e6200ce0bfc72",
			`{"account_id":"52e591f7-c98f-4255-8495-827210138c81"}`, 200),
		with(c, "C5 message with a source", "POST", scopeC, "", "353178c993f09a8ec5f3eab4093b753e",
			"Fri, 17 Dec 2021 10:59:28 +0000", "e895539b52051e1a8d3f89d454c7ad7406705234",
			`{"event_type":"new_message","payload":{"timestamp":1639738768,"msec_timestamp":1639738768457,"msgid":"my_int-5f2836a8ca481","conversation_id":"my_int-d5a421f7f218","sender":{"id":"my_int-1376265f-86df-4c49-a0c3-a4816df41af8","avatar":"https:\/\/images.pexels.com\/photos\/10050979\/pexels-photo-10050979.jpeg?auto=compress&cs=tinysrgb&dpr=2&w=500","profile":{"phone":"+79151112233","email":"example.client@example.com"},"profile_link":"https:\/\/example.com\/profile\/example.client","name":"\u0412\u0430\u0441\u044f \u043a\u043b\u0438\u0435\u043d\u0442"},"message":{"type":"text","text":"\u0421\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435 \u043e\u0442 \u043a\u043b\u0438\u0435\u043d\u0442\u0430"},"source":{"external_id":"79039876543"},"silent":false}}`, 200),
		with(c, "C6 chat", "POST", scopeC+"/chats", "", "5139e573382c0eae38f476822abb2014",
			"Thu, 16 Dec 2021 23:22:49 +0000", "a601e486d694c8e7e8a5b637660f949f8bb7efaf",
			`{"conversation_id":"my_int-8e3e7640-49af-4448-a2c6-d5a421f7f217","source":{"external_id":"78001234567"},"user":{"id":"my_int-1376265f-86df-4c49-a0c3-a4816df41af9","avatar":"https:\/\/example.com\/users\/avatar.png","name":"\u0418\u043c\u044f \u043a\u043b\u0438\u0435\u043d\u0442\u0430","profile":{"phone":"+79151112233","email":"example.client@example.com"},"profile_link":"https:\/\/example.com\/profile\/example.client"}}`, 200),
		with(c, "C7 typing", "POST", scopeC+"/typing", "", "255a22566d68be207fa36804e78a523a",
			"Thu, 16 Dec 2021 16:01:21 +0000", "e8263b1daf2b20396c02db6c8c846f95cc0f9540",
			`{"conversation_id":"my_int-d5a421f7f218","sender":{"id":"my_int-1376265f-86df-4c49-a0c3-a4816df41af8"}}`, 204),
	}
}

// send sends a vector as printed, one minute after its date.
func (v vector) send(t *testing.T) answer {
	t.Helper()
	date, err := time.Parse(time.RFC1123Z, v.date)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, sandbox.Options{
		Account: sandbox.Account{AmojoID: v.account},
		Channel: sandbox.Channel{ID: v.channel, Secret: v.secret},
		Now:     func() time.Time { return date.Add(time.Minute) },
	})
	c.edit = func(r *http.Request) {
		r.Header = http.Header{}
		r.Header.Set("Date", v.date)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Content-MD5", v.md5)
		r.Header.Set("X-Signature", v.signature)
	}
	path := v.path
	if v.query != "" {
		path += "?" + v.query
	}
	a, err := c.try(context.Background(), v.method, path, v.body, true)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestPublishedVectors(t *testing.T) {
	for _, v := range vectors() {
		t.Run(v.name, func(t *testing.T) {
			if a := v.send(t); a.status != v.status {
				t.Errorf("answered %d, want %d: %s", a.status, v.status, a.body)
			}
			if v.body != "" {
				v.body += "\n"
				if a := v.send(t); a.status != 403 {
					t.Errorf("one more byte in the body: answered %d, want 403", a.status)
				}
			}
		})
	}
}

// The page on importing prints Oct in the dates of its five requests. No signature there matches such a date.
func TestVectorsAsPrintedWithOctoberFail(t *testing.T) {
	for _, v := range vectors() {
		if !strings.Contains(v.date, "Aug") {
			continue
		}
		v.date = strings.Replace(v.date, "Aug", "Oct", 1)
		if a := v.send(t); a.status != 403 || a.get(t, "error_type") != "ORIGIN_INVALID_SIGNATURE" {
			t.Errorf("%s dated %s: answered %d %s, want 403", v.name, v.date, a.status, a.body)
		}
	}
}
