package config

import (
	"errors"
	"fmt"
	"net/mail"
	"strconv"
	"strings"
	"time"
)

// Secret is text that prints as "(secret)". Convert it to string to use it.
type Secret string

// String hides the secret; it is empty when there is none.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// Format hides the secret whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText hides the secret from JSON and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Percent is a share, from 0 to 1; in the file it is written as "5%".
type Percent float64

// UnmarshalText reads "5%".
func (p *Percent) UnmarshalText(text []byte) error {
	number, found := strings.CutSuffix(strings.TrimSpace(string(text)), "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !found || err != nil || !(f >= 0 && f <= 100) {
		return errors.New(`write it from "0%" to "100%"`)
	}
	*p = Percent(f / 100)
	return nil
}

// String writes "5%".
func (p Percent) String() string {
	return strconv.FormatFloat(float64(p)*100, 'g', 6, 64) + "%"
}

// File is a file that the configuration names, read. The zero File is none.
type File struct {
	Path string
	Text string
}

// UnmarshalText takes the path.
func (f *File) UnmarshalText(text []byte) error {
	f.Path = string(text)
	return nil
}

// Timezone is a time zone by its IANA name. Its Location is nil for none.
type Timezone struct{ *time.Location }

// UnmarshalText finds the zone.
func (z *Timezone) UnmarshalText(text []byte) error {
	name := string(text)
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return errors.New("write a zone's name, like Europe/Moscow or UTC")
	}
	z.Location = loc
	return nil
}

// User names an amoCRM user, by ID or by e-mail.
type User struct {
	ID    int64
	Email string
}

// UnmarshalText takes a number for an id and anything else for an e-mail.
func (u *User) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if id, err := strconv.ParseInt(s, 10, 64); err == nil && id > 0 {
		u.ID = id
		return nil
	}
	if a, err := mail.ParseAddress(s); err != nil || a.Address != s {
		return errors.New("write the id or the e-mail of an amoCRM user")
	}
	u.Email = s
	return nil
}
