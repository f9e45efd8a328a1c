package main

import (
	"testing"

	"github.com/amoimport/amoimport/internal/config"
)

// TestNoneIsNotTheDefault: 0% means none, while the importer takes 0 for what was not
// said.
func TestNoneIsNotTheDefault(t *testing.T) {
	none := running(&config.Config{}, target{})
	some := running(&config.Config{Run: config.Run{MaxChanged: 0.25, MaxRejected: 1}}, target{})
	if none.MaxChanged <= 0 || none.MaxRejected <= 0 || 1 < none.MaxChanged*1e9 || 1 < none.MaxRejected*1e9 {
		t.Errorf("0%% becomes %v and %v", none.MaxChanged, none.MaxRejected)
	}
	if some.MaxChanged != 0.25 || some.MaxRejected != 1 {
		t.Errorf("25%% and 100%% become %v and %v", some.MaxChanged, some.MaxRejected)
	}
}
