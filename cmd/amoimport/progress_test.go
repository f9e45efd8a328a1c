package main

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/google/go-cmp/cmp"
)

// TestGap holds how much a run says: the first day leaves less than 3000 lines.
func TestGap(t *testing.T) {
	lines, first := 0, 0
	for since := gap(0); since < 24*time.Hour; since += gap(since) {
		lines++
		if since <= 10*time.Second {
			first++
		}
	}
	if lines > 3000 || first < 9 {
		t.Errorf("%d lines in a day, %d in the first 10 s", lines, first)
	}
}

func TestRemaining(t *testing.T) {
	for name, c := range map[string]struct {
		f    importer.Figures
		want string // "": not known
	}{
		"nothing done":  {importer.Figures{Planned: 10}, ""},
		"half":          {importer.Figures{Planned: 100, Sent: 40, Skipped: 5, Parked: 5, Rate: 5}, "10s"},
		"all":           {importer.Figures{Planned: 10, Sent: 10, Rate: 5}, ""},
		"late arrivals": {importer.Figures{Planned: 10, Sent: 12, Rate: 5}, ""},
		"held":          {importer.Figures{Planned: 100, Sent: 40, Parked: 10, Held: 25, Rate: 5}, "5s"},
		"all but held":  {importer.Figures{Planned: 100, Sent: 40, Parked: 1, Held: 59, Rate: 5}, ""},
		"for ever":      {importer.Figures{Planned: 1 << 50, Rate: 1e-300}, "87600h0m0s"},
	} {
		left, ok := remaining(figures{Figures: c.f})
		if ok != (c.want != "") || ok && left.String() != c.want {
			t.Errorf("%s: %s, %v", name, left, ok)
		}
	}
}

// TestStatusReport tells a running run from one that died without giving its
// ledger back.
func TestStatusReport(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	run, err := json.Marshal(figures{Figures: importer.Figures{Phase: "replay", Planned: 100, Sent: 50, Rate: 5, Waiting: "amojo is slow."}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		s       ledger.Snapshot
		running bool
		eta     int64 // 0: none
		waiting string
	}{
		"never":   {s: ledger.Snapshot{Figures: json.RawMessage("{}")}},
		"running": {s: ledger.Snapshot{Running: true, BeatAt: now.Add(-2 * time.Second), Figures: run}, running: true, eta: 10, waiting: "amojo is slow."},
		"dead":    {s: ledger.Snapshot{Running: true, BeatAt: now.Add(-2 * time.Minute), Figures: run}},
		"ended":   {s: ledger.Snapshot{BeatAt: now.Add(-2 * time.Second), Figures: run}},
	} {
		r, err := newStatusReport(c.s, 30*time.Second, now)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var eta int64
		if r.ETASeconds != nil {
			eta = *r.ETASeconds
		}
		if r.Running != c.running || eta != c.eta || r.Waiting != c.waiting || (r.Holder != nil) != c.s.Running {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestStatusKeys holds the keys of status --json, on which others' scripts rely.
func TestStatusKeys(t *testing.T) {
	text, err := json.Marshal(statusReport{})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := []string{"account", "contacts", "conversations", "deleted_after_sending", "edited_after_sending", "enrolled_at", "eta_seconds",
		"held", "holder", "in_doubt", "marked", "messages", "not_markable", "notes", "purged_at", "rate_per_second", "reasons", "run", "running", "scope_id", "source", "waiting", "without_dry_run"}
	if diff := cmp.Diff(want, keys(got)); diff != "" {
		t.Error(diff)
	}
}

func keys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
