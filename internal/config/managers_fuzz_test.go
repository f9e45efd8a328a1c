package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/internal/config"
)

// Whatever stands in the file of managers.map: managers with a user each, or faults
// that name the file.
func FuzzManagers(f *testing.F) {
	f.Add([]byte("legacy_id,name,email,user\n1,A,a@example.com,7\n2,\"B\n\",,b@example.com\n"))
	f.Add([]byte("\xef\xbb\xbflegacy_id,name,email,user\r\n1,,,\r\n"))
	f.Add([]byte("legacy_id;name;email;user\n1;;;7\n"))
	f.Add([]byte("legacy_id,name,email,user\n,,,5\n1,,,x\n1,,,-5\n1,,,\"\n"))
	folder := f.TempDir()
	path := filepath.Join(folder, "amoimport.yaml")
	if err := os.WriteFile(path, []byte(minimal+"managers: {map: m.csv}\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(filepath.Join(folder, "m.csv"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, func(k string) string { return allSecrets()[k] })
		if err != nil {
			for _, problem := range faultsOf(t, err) {
				if !strings.Contains(problem, "managers.map: ") || !strings.Contains(problem, "m.csv") {
					t.Errorf("fault %q", problem)
				}
			}
			return
		}
		for legacy, user := range c.Managers.ByID {
			if legacy == "" || (user.ID > 0) == (user.Email != "") {
				t.Errorf("manager %q has the user %+v", legacy, user)
			}
		}
	})
}
