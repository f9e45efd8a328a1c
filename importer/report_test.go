package importer_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/report"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/google/go-cmp/cmp"
)

// reports holds the report of a demo's import, which was read back, against
// testdata/report.txt and report.json; the latter without most of its chats.
func (r *rig) reports(l *ledger.Ledger) {
	r.t.Helper()
	if got := r.verify(verify.Options{}); !got.Clean() {
		r.t.Fatalf("got %+v", got)
	}
	made, err := report.Collect(r.t.Context(), l, "v1.2.3", time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	var text, file strings.Builder
	made.Print(&text)
	if err := made.WriteJSON(&file, report.Chats(r.t.Context(), l)); err != nil {
		r.t.Fatal(err)
	}
	schema := regexp.MustCompile(`(ledger.schema"?:? )\d+`)
	moment := regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`)
	r.golden("report.txt", schema.ReplaceAllString(moment.ReplaceAllString(text.String(), "TIME"), "${1}0"))

	lines := strings.SplitAfter(file.String(), "\n")
	var short strings.Builder
	chats := 0
	for _, line := range lines {
		if strings.HasPrefix(line, `    {"conversation"`) {
			if chats++; chats > 2 { // the others are alike
				continue
			}
		}
		short.WriteString(line)
	}
	stamp := regexp.MustCompile(`("(?:made|enrolled|first_sent|last_sent|begun|ended|read)_(?:at|from|to)":\s?)"[^"]*"`)
	shown := regexp.MustCompile(`("(?:chat_id|as_shown|scope_id)":\s?)"[^"]*"`) // what the sandbox draws
	r.golden("report.json", schema.ReplaceAllString(shown.ReplaceAllString(stamp.ReplaceAllString(short.String(), `$1"TIME"`), `$1"DRAWN"`), "${1}0"))

	// The file is read back as it was written.
	read, err := report.Open(strings.NewReader(file.String()))
	if err != nil {
		r.t.Fatal(err)
	}
	again := 0
	for c, err := range read.Chats() {
		if err != nil {
			r.t.Fatal(err)
		}
		if again++; c.Legacy != c.ReadBack || len(c.AsShown) != 64 || c.ReadAt == nil {
			r.t.Errorf("%+v", c)
		}
	}
	if again != chats || int64(chats) != made.Verification.Chats {
		r.t.Errorf("%d chats were written and %d read", chats, again)
	}
}

// golden compares a text with a file.
func (r *rig) golden(name, got string) {
	r.t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		r.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		r.t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
