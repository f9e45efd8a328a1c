package config

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
)

// ManagersHeader is the first line of the file that managers.map names. Only the first
// and the last column are read; the others tell a person who it is about.
var ManagersHeader = []string{"legacy_id", "name", "email", "user"}

// managers adds what the file of managers.map says to managers.by_id.
func (l *loader) managers(m *Managers) {
	const key = "managers.map"
	if m.Map == "" {
		return
	}
	m.Map = l.resolve(m.Map)
	text, err := readFile(m.Map)
	if err != nil {
		l.add(key, "Write one with `amoimport check --write-managers`, or leave the key empty.", "%s: %s", m.Map, why(err))
		return
	}
	const shape = "It is UTF-8 with commas between the fields, and its first line is legacy_id,name,email,user; `amoimport check --write-managers` writes such a file."
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\uFEFF")))
	r.FieldsPerRecord = len(ManagersHeader)
	for first := true; ; first = false {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			if first {
				l.add(key, shape, "%s: the file is empty", m.Map)
			}
			return
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			l.add(key, shape, "%s:%d: %s", m.Map, wrong.Line, wrong.Err)
			return
		}
		line, _ := r.FieldPos(0)
		if first {
			if !slices.Equal(record, ManagersHeader) {
				l.add(key, shape, "%s:1: the header is not the expected one", m.Map)
				return
			}
			continue
		}
		l.manager(m, line, record[0], strings.TrimSpace(record[3]))
	}
}

func (l *loader) manager(m *Managers, line int, legacy, user string) {
	const key = "managers.map"
	if user == "" {
		return // the e-mail decides, else the bot speaks
	}
	var u User
	if legacy == "" {
		l.add(key, "", "%s:%d: the legacy id is empty", m.Map, line)
	} else if _, twice := m.ByID[legacy]; twice {
		l.add(key, "Name each manager once, in the file or in managers.by_id.", "%s:%d: the legacy manager %s has a user already", m.Map, line, quote(legacy))
	} else if err := u.UnmarshalText([]byte(user)); err != nil {
		l.add(key, "", "%s:%d: user: %s", m.Map, line, err)
	} else {
		if m.ByID == nil {
			m.ByID = make(map[string]User)
		}
		m.ByID[legacy] = u
	}
}
