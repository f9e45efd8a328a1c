package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amoimport/amoimport/internal/config"
)

// known are values for all that the template marks as required.
func known() map[string]string {
	return map[string]string{
		"account.subdomain":     "example",
		"channel.id":            "344a5002-f8ca-454d-af3d-396180102ac7",
		"channel.bot.id":        "bot-1",
		"channel.bot.client_id": "bot",
		"channel.bot.name":      "Robot",
		"source.name":           "helpdesk",
	}
}

// write writes a draft into an empty folder and returns the configuration's path.
func write(t *testing.T, d config.Draft) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "amoimport.yaml")
	if err := d.Write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func fetch(t *testing.T, path string) *config.Config {
	t.Helper()
	c, err := config.Load(path, func(k string) string { return allSecrets()[k] })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDraftIsWhatItSays(t *testing.T) {
	path := write(t, config.Draft{Values: known()})
	got, want := fetch(t, path), mustLoad(t, minimal, allSecrets(), nil)
	got.Contacts.Tags, got.Leads.Tags, got.Managers.ByID = nil, nil, nil // written out, but empty
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	// Only the lines with values differ from the template, and keep their comments.
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines, template := strings.Split(string(text), "\n"), strings.Split(string(config.Template()), "\n")
	if len(lines) != len(template) {
		t.Fatalf("%d lines, the template has %d", len(lines), len(template))
	}
	changed := 0
	for i, line := range lines {
		_, comment, _ := strings.Cut(line, "#")
		_, before, _ := strings.Cut(template[i], "#")
		if comment != before {
			t.Errorf("%q was %q", line, template[i])
		}
		if line != template[i] {
			changed++
		}
	}
	if changed != len(known()) {
		t.Errorf("%d lines differ from the template", changed)
	}
}

func TestDraftWithNothingKnownIsTheTemplate(t *testing.T) {
	text, err := os.ReadFile(write(t, config.Draft{Values: map[string]string{"account.domain": "amocrm.ru", "channel.id": ""}}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(config.Template()), string(text)); diff != "" {
		t.Error(diff)
	}
}

// Whatever somebody calls a bot, the file gives it back as it is.
func TestDraftQuotes(t *testing.T) {
	for _, name := range []string{
		`Робот "Ася"`, `it's`, `C:\new`, `# no comment`, `yes`, `null`, `007`, `1e3`, `{a: b}`, `[x]`, `key: value`, `- item`,
		`&anchor`, `*alias`, `!tag`, `%`, `@`, "`", `"`, `\`, `\"`, "a\tb", "a\nb", "a\u00a0\u2028b", "\u200b.", "\x7f.", "👋🏽",
		strings.Repeat("long ", 30) + ".", `${HOME} $1`, `{name}`,
	} {
		d := config.Draft{Values: known()}
		d.Values["channel.bot.name"] = name
		if got := fetch(t, write(t, d)).Channel.Bot.Name; got != name {
			t.Errorf("%q became %q", name, got)
		}
	}
	d := config.Draft{Values: known()}
	d.Values["channel.bot.name"] = "bad \xff byte"
	if got := fetch(t, write(t, d)).Channel.Bot.Name; got != "bad \uFFFD byte" {
		t.Errorf("it became %q", got)
	}
}

func TestDraftCheck(t *testing.T) {
	for _, c := range []struct {
		values map[string]string
		want   []string
	}{
		{nil, nil},
		{known(), nil},
		{map[string]string{"account.domain": "kommo.com", "source.timezone": "Europe/Moscow"}, nil},
		{map[string]string{"account.subdomain": "https://example.amocrm.ru", "account.domain": "amo.ru", "channel.id": "a b", "source.timezone": "Mars", "source.name": ""},
			[]string{
				`source.timezone: "Mars" is wrong: write a zone's name, like Europe/Moscow or UTC`,
				`account.domain: "amo.ru" is none of amocrm.ru, amocrm.com, kommo.com`,
				`account.subdomain: "https://example.amocrm.ru" is no subdomain`,
				`channel.id: "a b" is no id`,
			}},
	} {
		var got []string
		for _, f := range (config.Draft{Values: c.values}).Check() {
			got = append(got, f.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.values, diff)
		}
	}
}

func TestWriteNeverOverwrites(t *testing.T) {
	for _, taken := range [][]string{{"amoimport.yaml"}, {"b.sql"}, {"a.sql", "amoimport.yaml"}} {
		dir := t.TempDir()
		var paths []string
		for _, name := range taken {
			paths = append(paths, filepath.Join(dir, name))
			if err := os.WriteFile(paths[len(paths)-1], []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, "amoimport.yaml")
		d := config.Draft{Beside: map[string]string{"a.sql": "select 1", "b.sql": "select 2"}}
		for name, err := range map[string]error{"Vacant": d.Vacant(path), "Write": d.Write(path)} {
			var e *config.Error
			if !errors.As(err, &e) || e.Hint() == "" {
				t.Fatalf("%s: %s: %v", taken, name, err)
			}
			if e.Path != strings.Join(paths, ", ") || !strings.Contains(err.Error(), "already") {
				t.Errorf("%s: %s: %v", taken, name, err)
			}
		}
		there, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(there) != len(taken) {
			t.Errorf("%s: there are %d files now", taken, len(there))
		}
		for _, path := range paths {
			if got, _ := os.ReadFile(path); string(got) != "mine" {
				t.Errorf("%s was overwritten", path)
			}
		}
	}
}

func TestWriteLeavesNoHalf(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "amoimport.yaml")
	d := config.Draft{Beside: map[string]string{"a.sql": "select 1", "missing/b.sql": "select 2"}}
	if err := d.Write(path); err == nil {
		t.Fatal("writing into a missing folder succeeded")
	}
	if there, err := os.ReadDir(dir); err != nil || len(there) > 0 {
		t.Errorf("%v is there; %v", there, err)
	}
	d = config.Draft{Beside: map[string]string{"a.sql": "select 1"}}
	if err := d.Write(path); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.sql": "select 1", "amoimport.yaml": string(config.Template())} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
