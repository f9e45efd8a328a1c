package config_test

import (
	"strings"
	"testing"
)

// TestHosts: the account's domain decides both hosts, unless they are set.
func TestHosts(t *testing.T) {
	for _, c := range []struct{ domain, account, chats string }{
		{"amocrm.ru", "https://example.amocrm.ru", "https://amojo.amocrm.ru"},
		{"amocrm.com", "https://example.amocrm.com", "https://amojo.amocrm.com"},
		{"kommo.com", "https://example.kommo.com", "https://amojo.kommo.com"},
	} {
		text := strings.Replace(minimal, "subdomain: example", "subdomain: example, domain: "+c.domain, 1)
		got := mustLoad(t, text, allSecrets(), nil)
		if got.Account.BaseURL != c.account || got.Channel.BaseURL != c.chats {
			t.Errorf("%s: %s and %s", c.domain, got.Account.BaseURL, got.Channel.BaseURL)
		}
	}
}
