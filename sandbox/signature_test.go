package sandbox

import (
	"strings"
	"testing"
)

// Three published requests whose bodies are not known to the byte: only their MD5 is, so only the last step is
// checked, and that the printed month does not match.
// https://www.amocrm.ru/developers/content/chats/chat-import-message-example
func TestSignOfVectorsWithoutBody(t *testing.T) {
	const (
		secret = "5a44c5dff55f3c15a4cce8d7c4cc27e207c7e189"
		scope  = "/v2/origin/custom/f90ba33d-c9d9-44da-b76c-c349b0ecbe41_af9945ff-1490-4cad-807d-945c15d88bec"
	)
	for _, v := range []struct{ name, path, md5, date, want string }{
		{"A2 chat", scope + "/chats", "28623103cc158fde408e6ecd1965d437", "Mon, 03 Aug 2020 15:17:55 +0000", "7cc462e28eadbb842a2a49edb469f15f24c56676"},
		{"A3 message", scope, "204dc99bcaa899db72954f16de987022", "Mon, 03 Aug 2020 16:06:48 +0000", "6201ab8b5154bfa2af847920f1dfeab74b125489"},
		{"A4 message", scope, "671efccd7cedf63b72823faf9a8037ff", "Mon, 03 Aug 2020 16:09:12 +0000", "61a129968e586e8a021c2dfcc6be08e896a4fd77"},
	} {
		if got := sign(secret, "post", v.md5, "application/json", v.date, v.path); got != v.want {
			t.Errorf("%s: signed %s, want %s", v.name, got, v.want)
		}
		october := strings.Replace(v.date, "Aug", "Oct", 1)
		if sign(secret, "POST", v.md5, "application/json", october, v.path) == v.want {
			t.Errorf("%s: the signature matches the misprinted date too", v.name)
		}
	}
}
