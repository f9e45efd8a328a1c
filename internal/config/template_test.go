package config_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/internal/config"
)

// filled is the template with what is required filled in.
func filled() string {
	text := string(config.Template())
	for blank, value := range map[string]string{
		`subdomain: ""`:          `subdomain: example`,
		"\nchannel:\n  id: \"\"": "\nchannel:\n  id: 344a5002-f8ca-454d-af3d-396180102ac7",
		"bot:                   # speaks for managers who are no users of the account\n    id: \"\"": "bot:\n    id: bot-1",
		`client_id: ""`:                         `client_id: bot`,
		"    name: \"\"             # required": `    name: Robot`,
		"\nsource:\n  name: \"\"":               "\nsource:\n  name: helpdesk",
	} {
		text = strings.Replace(text, blank, value, 1)
	}
	return text
}

// The template says what the code does: filled in, it is the same as a file that
// says no more than it must.
func TestTemplateHoldsTheDefaults(t *testing.T) {
	got, want := mustLoad(t, filled(), allSecrets(), nil), mustLoad(t, minimal, allSecrets(), nil)
	got.Contacts.Tags, got.Leads.Tags, got.Managers.ByID = nil, nil, nil // written out, but empty
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTemplatePointsAtDockerCompose(t *testing.T) {
	env := allSecrets()
	delete(env, config.EnvLedgerDSN)
	c := mustLoad(t, filled(), env, nil)
	compose, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	if dsn := string(c.Ledger.DSN); !strings.Contains(string(compose), dsn) {
		t.Errorf("docker-compose.yml does not name %s", dsn)
	}
}

func TestTemplateAsItIsTellsWhatToFillIn(t *testing.T) {
	_, err := load(t, string(config.Template()), allSecrets(), nil)
	got := faultsOf(t, err)
	if required := strings.Count(string(config.Template()), "# required"); len(got) != required {
		t.Errorf("%d keys are marked as required, %d faults: %q", required, len(got), got)
	}
}

// Every key of the code is in the template, with some words about it in its
// section.
func TestTemplateHoldsEveryKey(t *testing.T) {
	lines := strings.Split(string(config.Template()), "\n")
	var path []string
	seen := map[string]bool{}
	key := regexp.MustCompile(`^( *)([a-z0-9_]+):`)
	for _, line := range lines {
		if m := key.FindStringSubmatch(line); m != nil {
			path = append(path[:len(m[1])/2], m[2])
			seen[strings.Join(path, ".")] = true
		}
	}
	for _, k := range keysOf("", reflect.TypeFor[config.Config]()) {
		if !seen[k] {
			t.Errorf("%s is not in the template", k)
		}
		delete(seen, k)
	}
	for k := range seen {
		t.Errorf("%s is in the template only", k)
	}
}

func keysOf(path string, typ reflect.Type) (out []string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		tag := f.Tag.Get("yaml")
		if tag == "" || tag == "-" {
			continue
		}
		at := strings.TrimPrefix(path+"."+tag, ".")
		out = append(out, at)
		if f.Type.Kind() == reflect.Struct {
			out = append(out, keysOf(at, f.Type)...)
		}
	}
	return out
}
