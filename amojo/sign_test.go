package amojo_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/amojo"
)

// The secrets, requests and signatures that the vendor publishes.
const (
	secretA = "5a44c5dff55f3c15a4cce8d7c4cc27e207c7e189"
	secretB = "fb50586ff7b68cd831fe0ef356345903f644c0d2"
	secretC = "f2d7f8704eff95087ed45b23ba99c0b5aac8278e"

	channelA = "f90ba33d-c9d9-44da-b76c-c349b0ecbe41"
	scopeA   = "/v2/origin/custom/" + channelA + "_af9945ff-1490-4cad-807d-945c15d88bec"
	connectA = `{"account_id":"af9945ff-1490-4cad-807d-945c15d88bec","title":"ScopeTitle","hook_api_version":"v2"}`
	emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"
)

type vector struct {
	name, secret, method, path, date string
	md5, signature                   string
	body                             string
}

// complete are the vectors whose body is known to the byte, or that have none. The page of the import
// example (https://www.amocrm.ru/developers/content/chats/chat-import-message-example) prints "Oct" in
// its dates; its signatures belong to August, when the 3rd was a Monday. A6 is its connect request with the date
// of another page (https://www.kommo.com/developers/content/chats/chats-api-methods/).
var complete = []vector{
	{"A1", secretA, "POST", "/v2/origin/custom/" + channelA + "/connect", "Mon, 03 Aug 2020 15:11:21 +0000",
		"a5e8ae04332a6d0aac15f01ad05d40e3", "85d94e7f21bdd3971c2721ca22793e45a96d0c75", connectA},
	{"A5", secretA, "GET", scopeA + "/chats/6cbab3d5-c4c1-46ff-b710-ad59ad10805f/history", "Mon, 03 Aug 2020 16:23:14 +0000",
		emptyMD5, "5693447e362dcb3bc77abeb27888ff4a0ca53a1c", ""},
	{"A6", secretA, "POST", "/v2/origin/custom/" + channelA + "/connect", "Thu, 29 Oct 2020 11:59:55 +0000",
		"a5e8ae04332a6d0aac15f01ad05d40e3", "e0dcc1936d766a7d5f53fe19887fafa50bef92e0", connectA},
	{"B1", secretB, "GET", "/v2/origin/custom/f62a0162-46a7-430e-b06c-0ef798d76a21_52fd2a28-d2eb-4bd8-b862-a67934927b38/chats/30477717-9f3c-4d3f-8101-60327e14dc48/history", "Tue, 13 Dec 2022 11:00:00 +0000",
		emptyMD5, "2a2593df86235c44943a40ce35409d18bda5778c", ""},
	{"C1", secretC, "POST", "/v2/origin/custom/344a5002-f8ca-454d-af3d-396180102ac7/connect", "Wed, 15 Dec 2021 23:12:55 +0000",
		"2fbcb3c652b61e24e004daddfc73d0ce", "81211856ce0c5095f3e1a90c0a38dc9d736cfd55",
		`{"account_id":"52e591f7-c98f-4255-8495-827210138c81","title":"ChatsIntegration","hook_api_version":"v2"}`},
	{"C2", secretC, "POST", "/v2/origin/custom/344a5002-f8ca-454d-af3d-396180102ac7_52e591f7-c98f-4255-8495-827210138c81", "Thu, 16 Dec 2021 13:15:29 +0000",
		"223ef85def871bc7cb58aa6f02f0a26e", "29b49e9eaf03f13a66ecaff315f2855b31b25eee",
		`{"event_type":"new_message","payload":{"timestamp":1639660529,"msec_timestamp":1639660529379,"msgid":"my_int-5f2836a8ca481","conversation_id":"my_int-d5a421f7f218","sender":{"id":"my_int-1376265f-86df-4c49-a0c3-a4816df41af8","avatar":"https:\/\/images.pexels.com\/photos\/10050979\/pexels-photo-10050979.jpeg?auto=compress&cs=tinysrgb&dpr=2&w=500","profile":{"phone":"+79151112233","email":"example.client@example.com"},"profile_link":"https:\/\/example.com\/profile\/example.client","name":"\u0412\u0430\u0441\u044f \u043a\u043b\u0438\u0435\u043d\u0442"},"message":{"type":"text","text":"\u0421\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435 \u043e\u0442 \u043a\u043b\u0438\u0435\u043d\u0442\u0430"},"silent":false}}`},
	{"C3", secretC, "POST", "/v2/origin/custom/344a5002-f8ca-454d-af3d-396180102ac7_52e591f7-c98f-4255-8495-827210138c81/079e44fb-fc22-476b-9e8a-421b688ec53b/delivery_status", "Thu, 16 Dec 2021 12:58:40 +0000",
		"a0bbbac729c6341f0a521e2db7a8a236", "ca51f810785031385a801f41103244713c1a2352",
		`{"msgid":"079e44fb-fc22-476b-9e8a-421b688ec53b","delivery_status":2,"error_code":905,"error":"Error text"}`},
	{"C4", secretC, "DELETE", "/v2/origin/custom/344a5002-f8ca-454d-af3d-396180102ac7/disconnect", "Wed, 15 Dec 2021 23:59:28 +0000",
		"271fa2e4fb0ff84a3ef9689027bd1f38", "e1678e3b6aa674b5127f4feb448e6200ce0bfc72",
		`{"account_id":"52e591f7-c98f-4255-8495-827210138c81"}`},
	{"C5", secretC, "POST", "/v2/origin/custom/344a5002-f8ca-454d-af3d-396180102ac7_52e591f7-c98f-4255-8495-827210138c81", "Fri, 17 Dec 2021 10:59:28 +0000",
		"353178c993f09a8ec5f3eab4093b753e", "e895539b52051e1a8d3f89d454c7ad7406705234",
		`{"event_type":"new_message","payload":{"timestamp":1639738768,"msec_timestamp":1639738768457,"msgid":"my_int-5f2836a8ca481","conversation_id":"my_int-d5a421f7f218","sender":{"id":"my_int-1376265f-86df-4c49-a0c3-a4816df41af8","avatar":"https:\/\/images.pexels.com\/photos\/10050979\/pexels-photo-10050979.jpeg?auto=compress&cs=tinysrgb&dpr=2&w=500","profile":{"phone":"+79151112233","email":"example.client@example.com"},"profile_link":"https:\/\/example.com\/profile\/example.client","name":"\u0412\u0430\u0441\u044f \u043a\u043b\u0438\u0435\u043d\u0442"},"message":{"type":"text","text":"\u0421\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435 \u043e\u0442 \u043a\u043b\u0438\u0435\u043d\u0442\u0430"},"source":{"external_id":"79039876543"},"silent":false}}`},
	{"C6", secretC, "POST", "/v2/origin/custom/344a5002-f8ca-454d-af3d-396180102ac7_52e591f7-c98f-4255-8495-827210138c81/chats", "Thu, 16 Dec 2021 23:22:49 +0000",
		"5139e573382c0eae38f476822abb2014", "a601e486d694c8e7e8a5b637660f949f8bb7efaf",
		`{"conversation_id":"my_int-8e3e7640-49af-4448-a2c6-d5a421f7f217","source":{"external_id":"78001234567"},"user":{"id":"my_int-1376265f-86df-4c49-a0c3-a4816df41af9","avatar":"https:\/\/example.com\/users\/avatar.png","name":"\u0418\u043c\u044f \u043a\u043b\u0438\u0435\u043d\u0442\u0430","profile":{"phone":"+79151112233","email":"example.client@example.com"},"profile_link":"https:\/\/example.com\/profile\/example.client"}}`},
	{"C7", secretC, "POST", "/v2/origin/custom/344a5002-f8ca-454d-af3d-396180102ac7_52e591f7-c98f-4255-8495-827210138c81/typing", "Thu, 16 Dec 2021 16:01:21 +0000",
		"255a22566d68be207fa36804e78a523a", "e8263b1daf2b20396c02db6c8c846f95cc0f9540",
		`{"conversation_id":"my_int-d5a421f7f218","sender":{"id":"my_int-1376265f-86df-4c49-a0c3-a4816df41af8"}}`},
}

// hashed are the vectors of which only the body's hash is known.
var hashed = []vector{
	{name: "A2", method: "POST", path: scopeA + "/chats", date: "Mon, 03 Aug 2020 15:17:55 +0000",
		md5: "28623103cc158fde408e6ecd1965d437", signature: "7cc462e28eadbb842a2a49edb469f15f24c56676"},
	{name: "A3", method: "POST", path: scopeA, date: "Mon, 03 Aug 2020 16:06:48 +0000",
		md5: "204dc99bcaa899db72954f16de987022", signature: "6201ab8b5154bfa2af847920f1dfeab74b125489"},
	{name: "A4", method: "POST", path: scopeA, date: "Mon, 03 Aug 2020 16:09:12 +0000",
		md5: "671efccd7cedf63b72823faf9a8037ff", signature: "61a129968e586e8a021c2dfcc6be08e896a4fd77"},
}

// capture is a network that keeps the last request and answers 204.
type capture struct {
	req  *http.Request
	body []byte
}

func (c *capture) RoundTrip(req *http.Request) (*http.Response, error) {
	c.req, c.body = req, nil
	if req.Body != nil {
		c.body, _ = io.ReadAll(req.Body)
	}
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

func at(t *testing.T, date string) func() time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC1123Z, date)
	if err != nil {
		t.Fatal(err)
	}
	// Another zone, so that the signer has to convert.
	return func() time.Time { return when.In(time.FixedZone("MSK", 3*3600)) }
}

func TestSigningTransportSignsPublishedRequests(t *testing.T) {
	for _, v := range complete {
		t.Run(v.name, func(t *testing.T) {
			var network capture
			hc := http.Client{Transport: amojo.SigningTransport{Secret: v.secret, Base: &network, Now: at(t, v.date)}}
			req, err := http.NewRequest(v.method, "https://amojo.amocrm.ru"+v.path+"?limit=50&offset=0", strings.NewReader(v.body))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := hc.Do(req); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{"body": string(network.body)}
			for _, name := range []string{"Date", "Content-Type", "Content-MD5", "X-Signature"} {
				got[name] = strings.Join(network.req.Header.Values(name), "|")
			}
			want := map[string]string{
				"Date": v.date, "Content-Type": "application/json", "Content-MD5": v.md5, "X-Signature": v.signature, "body": v.body,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if n := network.req.ContentLength; n != int64(len(v.body)) {
				t.Errorf("Content-Length %d, want %d", n, len(v.body))
			}
		})
	}
}

func TestSignatureOfPublishedHashes(t *testing.T) {
	for _, v := range hashed {
		if got := amojo.Signature(secretA, v.method, v.md5, v.date, v.path); got != v.signature {
			t.Errorf("%s: signature %s, want %s", v.name, got, v.signature)
		}
	}
}

func TestPublishedSignaturesAreOfAugust(t *testing.T) {
	for _, v := range append(hashed, complete[0], complete[1]) {
		october := strings.Replace(v.date, "Aug", "Oct", 1)
		if amojo.Signature(secretA, v.method, v.md5, october, v.path) == v.signature {
			t.Errorf("%s: the signature also fits %s", v.name, october)
		}
	}
}

func TestSigningTransportSignsTheEscapedPath(t *testing.T) {
	var network capture
	now := at(t, "Mon, 03 Aug 2020 15:11:21 +0000")
	signer := amojo.SigningTransport{Secret: secretA, Base: &network, Now: now}
	for target, path := range map[string]string{
		"http://localhost/a%2Fb/%D1%8F?x=1": "/a%2Fb/%D1%8F",
		"http://localhost":                  "/",
	} {
		req, _ := http.NewRequest(http.MethodGet, target, nil)
		if _, err := signer.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		want := amojo.Signature(secretA, "GET", emptyMD5, "Mon, 03 Aug 2020 15:11:21 +0000", path)
		if got := network.req.Header.Get("X-Signature"); got != want {
			t.Errorf("%s: signature %s, want that of %s", target, got, path)
		}
	}
}

func TestSigningTransportSignsEachAttemptAnew(t *testing.T) {
	var network capture
	now := time.Unix(1_600_000_000, 0)
	signer := amojo.SigningTransport{Secret: secretA, Base: &network, Now: func() time.Time { return now }}
	req, _ := http.NewRequest(http.MethodPost, "http://localhost/", strings.NewReader("{}"))
	req.Header.Set("Date", "Mon, 03 Aug 2020 15:11:21 +0000")
	before := req.Header.Clone()
	var seen []string
	for range 2 {
		req.Body, _ = req.GetBody()
		if _, err := signer.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, network.req.Header.Get("Date"), network.req.Header.Get("X-Signature"))
		now = now.Add(20 * time.Minute)
	}
	if seen[0] == seen[2] || seen[1] == seen[3] {
		t.Errorf("the second attempt repeats date or signature: %q", seen)
	}
	if diff := cmp.Diff(before, req.Header); diff != "" {
		t.Errorf("the caller's request was changed:\n%s", diff)
	}
}

// oneByte gives its text a byte at a time, without telling its length before.
type oneByte struct {
	io.Reader
	closed bool
}

func (b *oneByte) Close() error { b.closed = true; return nil }

func TestSigningTransportHashesWhatItSends(t *testing.T) {
	var network capture
	signer := amojo.SigningTransport{Secret: secretA, Base: &network}
	body := &oneByte{Reader: iotest.OneByteReader(strings.NewReader(connectA))}
	req, _ := http.NewRequest(http.MethodPost, "http://localhost/", body)
	if _, err := signer.RoundTrip(req); err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum(network.body)
	if got := network.req.Header.Get("Content-MD5"); got != hex.EncodeToString(sum[:]) || string(network.body) != connectA {
		t.Errorf("sent %q with MD5 %s", network.body, got)
	}
	if !body.closed {
		t.Error("the caller's body was left open")
	}
	again, err := network.req.GetBody() // net/http takes it when an idle connection was closed meanwhile
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(again); !bytes.Equal(b, network.body) {
		t.Errorf("GetBody gives %q", b)
	}
}

func TestSigningTransportFailures(t *testing.T) {
	cause := errors.New("disk gone")
	for name, test := range map[string]struct {
		secret string
		body   io.Reader
		want   string
	}{
		"no secret":       {"", strings.NewReader("{}"), "amojo: no channel secret to sign with"},
		"unreadable body": {secretA, iotest.ErrReader(cause), "amojo: read the body to sign: disk gone"},
	} {
		t.Run(name, func(t *testing.T) {
			var network capture
			body := &oneByte{Reader: test.body}
			req, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://localhost/", body)
			_, err := amojo.SigningTransport{Secret: test.secret, Base: &network}.RoundTrip(req)
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if network.req != nil {
				t.Error("something was sent")
			}
			if !body.closed {
				t.Error("the body was left open")
			}
		})
	}
}

func TestSigningTransportDoesNotPrintItsSecret(t *testing.T) {
	signer := amojo.SigningTransport{Secret: secretA}
	for _, s := range []string{fmt.Sprintf("%v %+v %#v %s %q", signer, signer, signer, signer, signer), fmt.Sprintf("%+v", &signer)} {
		if strings.Contains(s, secretA) {
			t.Errorf("secret in %q", s)
		}
	}
}
