package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// DSN is how to reach a Postgres database, as a URL or as key=value pairs. It
// prints without its password; convert it to string to use it.
type DSN string

// String is Redacted.
func (d DSN) String() string { return d.Redacted() }

// Format prints the redacted form whatever the verb.
func (d DSN) Format(f fmt.State, _ rune) { fmt.Fprint(f, d.Redacted()) }

// MarshalText hides the password from JSON and the like.
func (d DSN) MarshalText() ([]byte, error) { return []byte(d.Redacted()), nil }

// UnmarshalText takes the text; whether it is a DSN is checked with the rest.
func (d *DSN) UnmarshalText(text []byte) error {
	*d = DSN(text)
	return nil
}

// Redacted says where the database is and who asks, for messages: database,
// host, port and user.
func (d DSN) Redacted() string {
	p, err := d.parts()
	switch {
	case d == "":
		return ""
	case err != nil:
		return "(a DSN that cannot be read)"
	}
	var b strings.Builder
	if p.database != "" {
		fmt.Fprintf(&b, "database %s ", p.database)
	}
	switch {
	case p.host == "" || strings.HasPrefix(p.host, "/"):
		fmt.Fprintf(&b, "on the local socket %s", p.host)
	case p.port == "":
		fmt.Fprintf(&b, "on %s", p.host)
	default:
		fmt.Fprintf(&b, "on %s", net.JoinHostPort(p.host, p.port))
	}
	if p.user != "" {
		fmt.Fprintf(&b, " as %s", p.user)
	}
	return strings.ReplaceAll(b.String(), "socket  as", "socket as")
}

// dsnParts is what of a DSN may be shown, and whether it holds a password.
type dsnParts struct {
	host, port, database, user string
	password                   bool
}

// No error of parts repeats any of the DSN.
func (d DSN) parts() (p dsnParts, err error) {
	s := strings.TrimSpace(string(d))
	var settings map[string]string
	if _, rest, is := strings.Cut(s, "://"); is {
		u, err := url.Parse(s)
		// A bare #, / or ? in the password ends the authority for a reader. Then parts of
		// the password look like a host or a database, and the @ comes after it.
		ends := strings.IndexAny(rest, "/?#")
		if err != nil || u.Fragment != "" || ends >= 0 && strings.Contains(rest[ends:], "@") {
			return p, errors.New("it is not a URL; a password in it must be percent-encoded")
		}
		if u.Scheme != "postgres" && u.Scheme != "postgresql" {
			return p, errors.New("it does not begin with postgres://")
		}
		p.host, p.port = u.Hostname(), u.Port()
		p.database = strings.TrimPrefix(u.Path, "/")
		p.user = u.User.Username()
		_, p.password = u.User.Password()
		settings = map[string]string{}
		for key, values := range u.Query() {
			settings[key] = values[len(values)-1]
		}
	} else if settings, err = keyValues(s); err != nil {
		return p, err
	}
	for key, field := range map[string]*string{"host": &p.host, "port": &p.port, "dbname": &p.database, "user": &p.user} {
		if v, ok := settings[key]; ok {
			*field = v
		}
	}
	if _, ok := settings["password"]; ok {
		p.password = true
	}
	return p, nil
}

// keyValues reads libpq's form: key = value, values in single quotes where they
// hold blanks, a backslash before what is meant as it is.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE
func keyValues(s string) (map[string]string, error) {
	const blanks = " \t\r\n"
	out := map[string]string{}
	for s = strings.TrimLeft(s, blanks); s != ""; s = strings.TrimLeft(s, blanks) {
		key, rest, found := strings.Cut(s, "=")
		key = strings.TrimRight(key, blanks)
		if !found || key == "" || strings.ContainsAny(key, blanks+"'\\") {
			return nil, errors.New("it is neither a postgres:// URL nor key=value pairs")
		}
		rest = strings.TrimLeft(rest, blanks)
		quoted := strings.HasPrefix(rest, "'")
		rest = strings.TrimPrefix(rest, "'")
		var value strings.Builder
		closed, i := !quoted, 0
		for ; i < len(rest); i++ {
			c := rest[i]
			if c == '\\' && i+1 < len(rest) {
				i++
				value.WriteByte(rest[i])
				continue
			}
			if quoted && c == '\'' {
				closed = true
				i++
				break
			}
			if !quoted && strings.IndexByte(blanks, c) >= 0 {
				break
			}
			value.WriteByte(c)
		}
		if !closed {
			return nil, errors.New("a quote in it is not closed")
		}
		out[key], s = value.String(), rest[i:]
	}
	if len(out) == 0 {
		return nil, errors.New("it is empty")
	}
	return out, nil
}
