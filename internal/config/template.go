package config

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

//go:embed amoimport.yaml
var template string

// Template is a configuration with every key, its meaning and its default. What
// must be filled in is empty.
func Template() []byte { return []byte(template) }

// Write puts the template at path, and never over a file that is there.
func Write(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &Error{Path: path, Faults: []Fault{{
			Problem: "there is such a file already",
			Hint:    "It is left as it is; name another file, or move it away.",
		}}}
	}
	if err != nil {
		return fmt.Errorf("writing a new config: %w", err)
	}
	_, err = f.WriteString(template)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing a new config: %w", err)
	}
	return nil
}
