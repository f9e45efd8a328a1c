package report_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/report"
	"github.com/amoimport/amoimport/source"
	"github.com/google/go-cmp/cmp"
)

// chats are n made-up chats.
func chats(n int) iter.Seq2[report.Chat, error] {
	return func(yield func(report.Chat, error) bool) {
		for i := range n {
			c := report.Chat{Conversation: source.ConversationID(fmt.Sprint(i)), ChatID: "chat", Counts: ledger.Counts{Messages: 2, Shown: 2},
				Digests: ledger.Digests{Legacy: fmt.Sprint("l", i), ReadBack: fmt.Sprint("r", i), AsShown: fmt.Sprint("s", i)}}
			if !yield(c, nil) {
				return
			}
		}
	}
}

func written(t *testing.T, n int) string {
	t.Helper()
	var text strings.Builder
	r := report.Report{Format: report.Format, Version: report.Version, ScopeID: "channel_account", Prefix: "imp1-"}
	if err := r.WriteJSON(&text, chats(n)); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// read reads a report to its end.
func read(text string) (scope string, all []report.Chat, err error) {
	f, err := report.Open(strings.NewReader(text))
	if err != nil {
		return "", nil, err
	}
	for c, err := range f.Chats() {
		if err != nil {
			return f.ScopeID, all, err
		}
		all = append(all, c)
	}
	return f.ScopeID, all, nil
}

func TestFileIsReadAsItWasWritten(t *testing.T) {
	for _, n := range []int{0, 1, 100} {
		var want []report.Chat
		for c := range chats(n) {
			want = append(want, c)
		}
		scope, got, err := read(written(t, n))
		if diff := cmp.Diff(want, got); err != nil || diff != "" || scope != "channel_account" {
			t.Errorf("%d chats, scope %s: %v (-want +got):\n%s", n, scope, err, diff)
		}
	}
}

// TestFileIsNoReport: what is no report, or no whole one, or not as it was written, is
// said in a sentence.
func TestFileIsNoReport(t *testing.T) {
	good := written(t, 3)
	for name, c := range map[string]struct{ text, want string }{
		"nothing":         {"", "this is no report: it is not the JSON of one"},
		"a text":          {"source: {}", "this is no report: it is not the JSON of one"},
		"a list":          {"[]", "this is no report: it is not the JSON of one"},
		"another object":  {`{"a": 1}`, "this is no report: it does not say so at its beginning"},
		"empty":           {`{}`, "this is no report: it has no chats"},
		"another format":  {`{"format": "verdict", "version": 1, "chats": []}`, "this is no report: it does not say so at its beginning"},
		"another version": {strings.Replace(good, `"version": 1`, `"version": 2`, 1), "the report's version is 2, and this program reads 1"},
		"no version":      {`{"format": "amoimport report", "chats": []}`, "the report's version is , and this program reads 1"},
		"odd":             {strings.Replace(good, `"scope_id": "channel_account"`, `"scope_id": 5`, 1), "the report cannot be understood: "},
		"chats no list":   {strings.Replace(good, `"chats": [`, `"chats": 5, "x": [`, 1), "the report is cut off, or was changed"},
		"cut in its head": {good[:40], "the report is cut off, or was changed"},
		"cut in a chat":   {good[:strings.Index(good, `"l1"`)], "the report is cut off, or was changed"},
		"cut after chats": {good[:strings.Index(good, `"digests"`)-4], "the report is cut off, or was changed"},
		"cut at its end":  {good[:strings.Index(good, `"digests"`)+12], "the report is cut off, or was changed"},
		"a chat less":     {strings.Replace(good, good[strings.Index(good, `    {"conversation":"1"`):strings.Index(good, `    {"conversation":"2"`)], "", 1), "the report was changed: the digest over all chats is not that of its chats"},
		"a chat changed":  {strings.Replace(good, `"s1"`, `"s7"`, 1), "the report was changed: the digest over all chats is not that of its chats"},
		"a chat's kind":   {strings.Replace(good, `"s1"`, `7`, 1), "the report was changed: "},
	} {
		_, _, err := read(c.text)
		var file *report.FileError
		if !errors.As(err, &file) || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || file.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChatsThatCannotBeRead(t *testing.T) {
	broken := errors.New("broken")
	var text strings.Builder
	err := (&report.Report{}).WriteJSON(&text, func(yield func(report.Chat, error) bool) { yield(report.Chat{}, broken) })
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}
