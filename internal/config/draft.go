package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Draft is a new configuration: the template, with what is known already.
type Draft struct {
	Values map[string]string // by key, such as account.subdomain; without one, or with an empty one, the template's stays
	Beside map[string]string // texts of further files, by their names in the folder of the configuration
}

// Check lists what is wrong with the values. That others are still missing is no
// fault.
func (d Draft) Check() []Fault {
	l := loader{faults: faults{lines: map[string]int{}}, getenv: func(string) string { return "" }}
	c := defaults()
	if (decoder{&l.faults}).document([]byte(filled(d.Values)), &c) {
		l.check(&c)
	}
	var wrong []Fault
	for _, f := range l.list {
		if f.Key == "" || d.Values[f.Key] != "" {
			f.Line = 0 // of a file that is not there yet
			wrong = append(wrong, f)
		}
	}
	return wrong
}

// Vacant fails with an *Error that names what Write would have to overwrite.
func (d Draft) Vacant(path string) error {
	var taken []string
	for _, f := range d.files(path) {
		if _, err := os.Lstat(f.Path); err == nil {
			taken = append(taken, f.Path)
		}
	}
	return occupied(taken...)
}

// Write puts the configuration at path, and the further files beside it: all of
// them, or none, and never over one that is there.
func (d Draft) Write(path string) error {
	if err := d.Vacant(path); err != nil {
		return err
	}
	var done []string
	for _, f := range d.files(path) {
		if err := create(f); err != nil {
			for _, path := range done {
				err = errors.Join(err, os.Remove(path))
			}
			return err
		}
		done = append(done, f.Path)
	}
	return nil
}

// files are those to write; the configuration comes last, so that it names only
// what is there.
func (d Draft) files(path string) []File {
	var files []File
	for _, name := range slices.Sorted(maps.Keys(d.Beside)) {
		files = append(files, File{Path: filepath.Join(filepath.Dir(path), name), Text: d.Beside[name]})
	}
	return append(files, File{Path: path, Text: filled(d.Values)})
}

func create(file File) error {
	f, err := os.OpenFile(file.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return occupied(file.Path)
	}
	if err != nil {
		return fmt.Errorf("writing a new file: %w", err)
	}
	_, err = f.WriteString(file.Text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing a new file: %w", errors.Join(err, os.Remove(file.Path)))
	}
	return nil
}

func occupied(paths ...string) error {
	fault := Fault{
		Problem: "there is such a file already",
		Hint:    "It is left as it is; name another file, or move it away.",
	}
	switch len(paths) {
	case 0:
		return nil
	case 1:
	default:
		fault = Fault{
			Problem: "there are such files already",
			Hint:    "They are left as they are; name a file in another folder, or move them away.",
		}
	}
	return &Error{Path: strings.Join(paths, ", "), Faults: []Fault{fault}}
}
