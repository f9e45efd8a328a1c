package main

import (
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/google/go-cmp/cmp"
)

// TestVerifyJSON holds the keys of verify --json, which others rely on.
func TestVerifyJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := verifyReport{
		Result: verify.Result{
			Pass: verify.Pass{Scope: "only 7", BegunAt: at, EndedAt: &at}, Chats: 1,
			Counts: ledger.Counts{Messages: 20, Present: 19, Missing: 1, Doubled: 2, Altered: 3, AlteredText: 4, AlteredKind: 5, AlteredAuthor: 6,
				TimeOff: 7, OutOfOrder: 8, Unchecked: 9, Foreign: 10, Shown: 11},
			Digests: ledger.Digests{Legacy: "a", ReadBack: "b", AsShown: "c"}, Repair: &verify.Repair{Planned: 12, Left: 13},
			Examples: map[verify.Fault][]verify.Example{verify.Missing: {{Conversation: "7", Message: "1", Part: 2, MsgID: "imp1-7-1_p2"}}},
		},
		Planned: 14, Parked: 15, Held: 13,
	}
	const want = `{
  "pass": {
    "scope": "only 7",
    "begun_at": "2026-01-02T03:04:05Z",
    "ended_at": "2026-01-02T03:04:05Z"
  },
  "chats": 1,
  "messages": 20,
  "present": 19,
  "missing": 1,
  "doubled": 2,
  "altered": 3,
  "altered_text": 4,
  "altered_kind": 5,
  "altered_author": 6,
  "time_off": 7,
  "out_of_order": 8,
  "unchecked": 9,
  "foreign": 10,
  "shown": 11,
  "digests": {
    "legacy": "a",
    "read_back": "b",
    "as_shown": "c"
  },
  "repair": {
    "planned": 12,
    "left": 13
  },
  "examples": {
    "missing": [
      {
        "conversation": "7",
        "message": "1",
        "part": 2,
        "msgid": "imp1-7-1_p2"
      }
    ]
  },
  "clean": false,
  "planned": 14,
  "parked": 15,
  "held": 13
}
`
	var got strings.Builder
	if err := printJSON(&got, r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestVerdictEnds says with which code verify ends.
func TestVerdictEnds(t *testing.T) {
	some := verify.Scope{Count: 5}
	for name, c := range map[string]struct {
		report verifyReport
		scope  verify.Scope
		code   int
	}{
		"all is there":            {report: verifyReport{Clean: true}},
		"a fault":                 {report: verifyReport{}, code: exitFailed},
		"planned":                 {report: verifyReport{Clean: true, Planned: 1, Parked: 1}, code: exitFailed},
		"parked":                  {report: verifyReport{Clean: true, Parked: 1}, code: exitParked},
		"a sample, planned":       {report: verifyReport{Clean: true, Planned: 1, Parked: 1}, scope: some},
		"a sample, a fault":       {report: verifyReport{}, scope: some, code: exitFailed},
		"repaired":                {report: verifyReport{Result: verify.Result{Repair: &verify.Repair{Planned: 1}}, Planned: 1}, scope: some, code: exitFailed},
		"not to be repaired":      {report: verifyReport{Result: verify.Result{Repair: &verify.Repair{Left: 1}}}, code: exitFailed},
		"repaired in part":        {report: verifyReport{Result: verify.Result{Repair: &verify.Repair{Left: 1, Planned: 1}}}, code: exitFailed},
		"nothing to repair":       {report: verifyReport{Result: verify.Result{Repair: &verify.Repair{}}, Clean: true}},
		"another fault to repair": {report: verifyReport{Result: verify.Result{Repair: &verify.Repair{}}}, code: exitFailed},
	} {
		err := c.report.end(c.scope)
		if code := exitCode(err); code != c.code || err != nil && hintOf(err) == "" {
			t.Errorf("%s: exit code %d, not %d; %v, %q", name, code, c.code, err, hintOf(err))
		}
	}
}
