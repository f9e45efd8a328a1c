package main

import (
	"errors"
	"testing"
	"time"

	"github.com/amoimport/amoimport/amocrm"
	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/internal/config"
	"github.com/amoimport/amoimport/source"
	"github.com/google/go-cmp/cmp"
)

func TestPairManagers(t *testing.T) {
	users := []amocrm.User{
		{ID: 1, Email: "Anna@Example.com", AmojoID: "anna", IsActive: true},
		{ID: 2, Email: "boris@example.com", AmojoID: "boris", IsActive: true},
		{ID: 3, Email: "new@example.com", IsActive: true},
		{ID: 4, Email: "gone@example.com", AmojoID: "gone"},
		{ID: 5, AmojoID: "mute", IsActive: true},
	}
	managers := []source.Manager{
		{ID: "a", Name: "A", Email: " anna@example.com"},
		{ID: "b", Name: "B", Email: "anna@example.com"},
		{ID: "n", Name: "N", Email: "new@example.com"},
		{ID: "g", Name: "G", Email: "gone@example.com"},
		{ID: "x", Name: "X"},
		{ID: "m", Name: "M"},
	}
	byID := map[string]config.User{"b": {Email: "BORIS@example.com"}, "m": {ID: 5}}
	pairs, err := pairManagers(managers, users, byID)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]compose.Manager{
		"a": {Name: "A", RefID: "anna"},
		"b": {Name: "B", RefID: "boris"}, // the map wins over the e-mail
		"n": {Name: "N"},                 // was never in amojo
		"g": {Name: "G"},                 // may not speak any more
		"x": {Name: "X"},
		"m": {Name: "M", RefID: "mute"},
	}
	if diff := cmp.Diff(want, importer.Speakers(pairs)); diff != "" {
		t.Error(diff)
	}
	if silent := (target{managers: pairs}).silent(); len(silent) != 3 {
		t.Errorf("the bot speaks for %v", silent)
	}
}

func TestCheckClock(t *testing.T) {
	here := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		server time.Time
		want   string
	}{
		"no clock":      {},
		"same":          {server: here},
		"a bit ahead":   {server: here.Add(5 * time.Minute)},
		"a bit behind":  {server: here.Add(-5 * time.Minute)},
		"far too early": {here.Add(301 * time.Second), "this machine's clock is 5m1s behind the server's; 5m0s is the most"},
		"far too late":  {here.Add(-time.Hour), "this machine's clock is 1h0m0s ahead of the server's; 5m0s is the most"},
	} {
		err := checkClock(c.server, here)
		var found *fault
		switch {
		case c.want == "" && err != nil, c.want != "" && !errors.As(err, &found):
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (found.problem != c.want || found.hint == ""):
			t.Errorf("%s: %q, %q", name, found.problem, found.hint)
		}
	}
}

// TestPersonKey holds the key of people's hashes: with another one a resumed run
// would not know them again.
func TestPersonKey(t *testing.T) {
	a, again, b := personKey("secret"), personKey("secret"), personKey("other")
	if !cmp.Equal(a, again) || cmp.Equal(a, b) || len(a) != 32 {
		t.Errorf("%x, %x, %x", a, again, b)
	}
}
