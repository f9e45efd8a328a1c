package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMediaFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"template without a host", `{url_template: "{media_url}"}`, "media.url_template: "},
		{"placeholder in the host", `{url_template: "https://{id}.example.com/"}`, "media.url_template: "},
		{"unknown placeholder", `{url_template: "https://files.example.com/{key}"}`, "media.url_template: {key} is none of"},
		{"the same URL for all", `{url_template: "https://files.example.com/{conversation_id}"}`, "media.url_template: without {id}"},
		{"private host", `{url_template: "https://10.0.0.1/{id}"}`, "media.url_template: the address is a private one"},
		{"unreachable", `{unreachable: drop}`, `media.unreachable: `},
		{"ask", `{ask: sometimes}`, `media.ask: `},
		{"timeout", `{timeout: 1ms}`, "media.timeout: "},
		{"rate", `{per_host: 0}`, "media.per_host: "},
		{"files on this machine for a real account", `{allow_loopback: yes}`, "media.allow_loopback: amoCRM cannot fetch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, minimal+"media: "+c.text+"\n", allSecrets(), nil)
			got := faultsOf(t, err)
			if len(got) != 1 || !strings.Contains(got[0], c.want) {
				t.Errorf("faults are %q, want one with %q", got, c.want)
			}
		})
	}
}

// What stands in a template may be a key to the store.
func TestMediaFaultsHideTheTemplate(t *testing.T) {
	t.Parallel()
	_, err := load(t, minimal+`media: {url_template: "https://files.example.com/{key}?sig=s3cret"}`, allSecrets(), nil)
	for _, f := range faultsOf(t, err) {
		if strings.Contains(f, "s3cret") {
			t.Errorf("a fault shows the template: %s", f)
		}
	}
	if diff := cmp.Diff(1, len(faultsOf(t, err))); diff != "" {
		t.Error(diff)
	}
}
