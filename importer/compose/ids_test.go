package compose_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/amoimport/amoimport/importer/compose"
)

var idShape = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// These values must NEVER change. An import that is resumed by a newer version
// finds its messages by them; another value would send everything twice.
func TestGoldenIDs(t *testing.T) {
	d := compose.DefaultTemplates()
	bare := compose.Templates{Message: "{id}", Conversation: "{id}", Client: "{id}", Author: "{id}", Manager: "{id}"}
	const uuid = "0b0e2c4a-9d1f-4c57-8a35-6f2d1c0b9a87"
	for name, tt := range map[string]struct{ got, want string }{
		"message":              {d.MessageID("17", "42"), "imp1-17-42"},
		"conversation":         {d.ConversationID("17"), "imp1-17"},
		"client":               {d.ClientID("17"), "imp1-c17"},
		"author":               {d.AuthorID("17"), "imp1-a17"},
		"manager":              {d.ManagerID("17"), "imp1-m17"},
		"bare":                 {bare.MessageID("17", "my_int-5f2836a8ca481"), "my_int-5f2836a8ca481"},
		"uuid":                 {d.ConversationID(uuid), "imp1-" + uuid},
		"two uuids":            {d.MessageID(uuid, uuid), "imp1-h2613460d4c5eccd2ce7b1b9560272d24"},
		"too long by one":      {d.MessageID("1", strings.Repeat("x", 52)), "imp1-hc81fd4464cebdcbe7b504734429a0d2e"},
		"just short enough":    {d.MessageID("1", strings.Repeat("x", 51)), "imp1-1-" + strings.Repeat("x", 51)},
		"64 for the others":    {d.ConversationID(strings.Repeat("x", 59)), "imp1-" + strings.Repeat("x", 59)},
		"65 for the others":    {d.ConversationID(strings.Repeat("x", 60)), "imp1-hc0ba8a62994fdde957684bd58689500a"},
		"odd":                  {d.MessageID("чат", "1"), "imp1-hde73a13e25ae86e534bcb5c9fa97ef32"},
		"odd client":           {d.ClientID("+79123456789"), "imp1-ch6583201be47f2d2ab0c8332feaa221e1"},
		"empty":                {d.ConversationID(""), "imp1-h476063360d1e1bbfff5159bcac569908"},
		"ends like a part":     {d.MessageID("1", "a_p2"), "imp1-h969760565d8e38402cfe85d7db2ca8f0"},
		"ends like part 10":    {d.MessageID("1", "a_p10"), "imp1-h40bf619f18da5b8cd50f13de68ddbdb5"},
		"conversation like it": {d.ConversationID("a_p2"), "imp1-h302518da5b07295a123791898db54eb8"},
		"not like a part":      {d.MessageID("1", "a_px"), "imp1-1-a_px"},
		"odd, bare":            {bare.MessageID("1", "a b"), "hb590b9edb4d46f6a1e3844960acc16af"},
		"a placeholder in it":  {d.MessageID("{id}", "7"), "imp1-h46e6e0530c9790915a6876d04cd6319c"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", name, tt.got, tt.want)
		}
	}
}

func TestPartID(t *testing.T) {
	for k, want := range map[int]string{1: "imp1-1-2", 2: "imp1-1-2_p2", 10: "imp1-1-2_p10"} {
		if got := compose.PartID("imp1-1-2", k); got != want {
			t.Errorf("part %d is %q, want %q", k, got, want)
		}
	}
}

func TestHashedIDsTellApart(t *testing.T) {
	d := compose.DefaultTemplates()
	other := d
	other.Message = "imp1-{conversation_id}-{id}x"
	long := strings.Repeat("b", 60)
	ids := map[string]string{}
	for name, id := range map[string]string{
		"a-b, c":         d.MessageID("a-"+long, "c"),
		"a, b-c":         d.MessageID("a", long+"-c"),
		"other template": other.MessageID("a", long+"-c"),
		"conversation":   d.ConversationID("imp1" + long),
		"client":         d.ClientID("imp1" + long),
		"author":         d.AuthorID("imp1" + long),
		"manager":        d.ManagerID("imp1" + long),
		"odd":            d.MessageID("a b", "c"),
		"odd otherwise":  d.MessageID("a", " bc"),
	} {
		if twin, ok := ids[id]; ok {
			t.Errorf("%s and %s have the id %s", name, twin, id)
		}
		ids[id] = name
	}
}

func TestTemplatesValidate(t *testing.T) {
	good := compose.DefaultTemplates()
	if err := good.Validate(); err != nil {
		t.Errorf("the default templates: %v", err)
	}
	tests := []struct {
		name string
		bad  func(*compose.Templates)
		want string
	}{
		{"empty", func(t *compose.Templates) { t.Client = "" }, "client"},
		{"no id", func(t *compose.Templates) { t.Message = "imp1-{conversation_id}" }, "message"},
		{"foreign placeholder", func(t *compose.Templates) { t.Author = "{id}-{conversation_id}" }, "author"},
		{"unknown placeholder", func(t *compose.Templates) { t.Message = "{id}-{seq}" }, "message"},
		{"blank", func(t *compose.Templates) { t.Manager = "m {id}" }, "manager"},
		{"odd letters", func(t *compose.Templates) { t.Conversation = "чат{id}" }, "conversation"},
		{"placeholder inside out", func(t *compose.Templates) { t.Conversation = "{i{id}d}" }, "conversation"},
	}
	for _, tt := range tests {
		templates := good
		tt.bad(&templates)
		err := templates.Validate()
		if err == nil || !strings.Contains(err.Error(), "id template "+tt.want) {
			t.Errorf("%s: error %v should name the template %s", tt.name, err, tt.want)
		}
	}
	all := compose.Templates{}.Validate()
	if all == nil || strings.Count(all.Error(), "\n") != 4 {
		t.Errorf("the zero Templates have five faults, got: %v", all)
	}
}

func TestIDsAreAlwaysPlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		literal := rapid.StringMatching(`[A-Za-z0-9_-]{0,80}`)
		templates := compose.Templates{
			Message:      literal.Draw(t, "before") + "{conversation_id}" + literal.Draw(t, "between") + "{id}",
			Conversation: literal.Draw(t, "conversation") + "{id}" + literal.Draw(t, "after"),
		}
		id := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9_-]{1,70}(_p[0-9]{1,3})?`)).Draw(t, "id")
		conversation := rapid.String().Draw(t, "conversation id")
		checkMessageID(t, templates, conversation, id)
		if got := templates.ConversationID(id); !idShape.MatchString(got) {
			t.Fatalf("conversation id %q", got)
		}
	})
}

type fataler interface{ Fatalf(string, ...any) }

var partSuffix = regexp.MustCompile(`_p[0-9]+$`)

func checkMessageID(t fataler, templates compose.Templates, conversation, id string) {
	got := templates.MessageID(conversation, id)
	if !idShape.MatchString(got) || partSuffix.MatchString(got) {
		t.Fatalf("message id %q", got)
	}
	if part := compose.PartID(got, 9999); !idShape.MatchString(part) {
		t.Fatalf("part id %q", part)
	}
	if again := templates.MessageID(conversation, id); again != got {
		t.Fatalf("%q, then %q", got, again)
	}
}

func FuzzMessageID(f *testing.F) {
	f.Add("17", "42")
	f.Add("a-b", "c_p2")
	f.Add("{id}", "{conversation_id}")
	f.Fuzz(func(t *testing.T, conversation, id string) {
		checkMessageID(t, compose.DefaultTemplates(), conversation, id)
	})
}
