// Package migrations holds the ledger's schema as numbered SQL files. They only
// go forward. The files name the schema amoimport; whoever applies them puts the
// configured name in its place.
package migrations

import "embed"

// Files are the numbered migrations.
//
//go:embed *.sql
var Files embed.FS
