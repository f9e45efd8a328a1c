package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/amoimport/amoimport/internal/config"
)

// However a password is written into a DSN, well or badly, it is not printed.
func FuzzDSN(f *testing.F) {
	f.Add("", "")
	f.Add("a@b/", "x")
	f.Add("12/", "#?")
	f.Add(" '", `\' `)
	f.Add("%zz", "%40")
	f.Add("h?", "&user=")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "s3cret"
		password := before + secret + after
		for _, dsn := range []string{
			"postgres://amo:" + password + "@db.example.com:5433/ledger",
			"postgres://amo:" + password + "@db.example.com/ledger?sslmode=require",
			"postgres://db.example.com/ledger?user=amo&password=" + strings.NewReplacer("&", "", ";", "").Replace(password),
			"host=db user=amo password='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password) + "' dbname=ledger",
		} {
			if said := fmt.Sprintf("%v %s %q %#v", config.DSN(dsn), config.DSN(dsn), config.DSN(dsn), config.DSN(dsn)); strings.Contains(said, secret) {
				t.Errorf("%q prints as %q", dsn, said)
			}
		}
	})
}
