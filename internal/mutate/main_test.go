package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const patched = `
Test: ./door -run ^TestDoor$

--- a/door/door.go
+++ b/door/door.go
@@ -1,3 +1,3 @@
 package door
 
-func Locked() bool { return true }
`

// TestFates tries patches of every kind on a module of one door.
func TestFates(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		"go.mod":             "module example.test/house\n\ngo 1.26\n",
		"door/door.go":       "package door\n\nfunc Locked() bool { return true }\n",
		"door/door_test.go":  "package door\n\nimport \"testing\"\n\nfunc TestDoor(t *testing.T) {\n\tif !Locked() {\n\t\tt.Error(\"open\")\n\t}\n}\n",
		"p/a-killed.patch":   "The door is open." + patched + "+func Locked() bool { return false }\n",
		"p/b-survived.patch": "The door is as it was." + patched + "+func Locked() bool { return !false }\n",
		"p/c-unbuilt.patch":  "There is no door." + patched + "+func Locked() bool { return nothing }\n",
		"p/d-untested.patch": "Nobody looks." + strings.Replace(patched, "^TestDoor$", "^TestWindow$", 1) + "+func Locked() bool { return false }\n",
		"p/e-stale.patch":    "Another house." + strings.Replace(patched, "-func Locked() bool", "-func Closed() bool", 1) + "+func Locked() bool { return false }\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args  []string
		err   string // "" for none
		fates map[string]fate
	}{
		{[]string{"-run", "killed"}, "", map[string]fate{"a-killed": killed}},
		{[]string{"-part", "1/3"}, "1 of 2 mutants", map[string]fate{"a-killed": killed, "d-untested": untested}},
		{[]string{"-part", "2/3"}, "2 of 2 mutants", map[string]fate{"b-survived": survived, "e-stale": unapplied}},
		{[]string{"-part", "3/3"}, "1 of 1 mutants", map[string]fate{"c-unbuilt": unbuilt}},
		{[]string{"-part", "4/3"}, "part is", nil},
		{[]string{"-patches", "door"}, "no patches", nil},
	} {
		var out strings.Builder
		err := mutate(t.Context(), append([]string{"-patches", "p"}, c.args...), &out)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%v: error %v, want %q", c.args, err, c.err)
		}
		told := 0
		for line := range strings.Lines(out.String()) {
			for name, want := range c.fates {
				if strings.Contains(line, " "+name+" ") {
					if told++; !strings.HasPrefix(line, string(want)) {
						t.Errorf("%v: %s", c.args, out.String())
					}
				}
			}
		}
		if told != len(c.fates) {
			t.Errorf("%v: %s", c.args, out.String())
		}
	}
	if text, err := os.ReadFile("door/door.go"); err != nil || !strings.Contains(string(text), "return true") {
		t.Errorf("the door itself was changed: %s, %v", text, err)
	}
}
