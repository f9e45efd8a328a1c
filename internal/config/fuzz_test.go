package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/amoimport/amoimport/internal/config"
)

// Whatever stands in the file: either a configuration or faults, each with a
// sentence.
func FuzzLoad(f *testing.F) {
	f.Add(config.Template())
	f.Add([]byte(minimal))
	f.Add([]byte("a: &a [*a]\n<<: *a\n? b\n: !!c d\n--- \n..."))
	f.Add([]byte("run: {lanes: 1\n\t- x"))
	path := filepath.Join(f.TempDir(), "amoimport.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, func(k string) string { return allSecrets()[k] })
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v, err %v", c, err)
		}
		for _, problem := range faultsOf(t, err) {
			if problem == "" {
				t.Error("a fault without a sentence")
			}
		}
	})
}
