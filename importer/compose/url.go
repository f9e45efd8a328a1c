package compose

import (
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

const maxURL = 2048

// PublicURL reads a URL that amojo is to fetch from outside. The problem, ""
// for none, says what is wrong without showing the URL. With loopback it may also
// be on this machine, as the files of a rehearsal are.
func PublicURL(raw string, loopback bool) (_ *url.URL, problem string) {
	raw = strings.TrimSpace(raw)
	if len(raw) > maxURL {
		return nil, fmt.Sprintf("%d bytes long", len(raw))
	}
	u, err := url.Parse(escape(raw))
	if err != nil {
		return nil, "not a URL" // err would show it
	}
	switch {
	case u.Scheme == "":
		return nil, "no http:// or https:// in front"
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, schemeProblem(u.Scheme)
	case u.User != nil:
		return nil, "holds a user name or password"
	case len(u.String()) > maxURL:
		return nil, fmt.Sprintf("%d bytes long with escapes", len(u.String()))
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); loopback && (host == "localhost" || err == nil && ip.Unmap().IsLoopback()) {
		return u, ""
	}
	return u, hostProblem(host)
}

// schemeProblem names only schemes that are known: what stands before the colon
// of a broken URL can be anything.
func schemeProblem(scheme string) string {
	switch scheme {
	case "blob", "cid", "data", "file", "ftp", "gs", "s3", "sftp", "tg":
		return "the scheme is " + scheme
	}
	return "the scheme is not http or https"
}

// hostProblem says why nobody outside can reach the host, "" if somebody might.
func hostProblem(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		if !PublicAddress(ip) {
			return "the address is a private one"
		}
		return ""
	}
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	switch {
	case host == "":
		return "no host"
	case !hostName(host):
		return "the host is not a name in ASCII"
	case last == "localhost":
		return "the host is this machine"
	case len(labels) == 1:
		return "the host has no domain"
	case last == "local" || last == "internal": // RFC 6762, and what ICANN keeps for private use
		return "the host is of a local network"
	case '0' <= last[0] && last[0] <= '9':
		return "the host is not an address"
	}
	return ""
}

// PublicAddress says whether an address is one of the Internet at large: not of
// this machine, of a network behind it, or of one kept for tests and protocols.
func PublicAddress(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	b := ip.As16()
	if ip.Is4() {
		switch b4 := b[12:]; {
		case b4[0] == 0, b4[0] >= 240: // this network; never given to anybody
			return false
		case b4[0] == 100 && b4[1]&0xc0 == 64: // carriers' inner networks, RFC 6598
			return false
		case b4[0] == 192 && b4[1] == 0 && b4[2] == 0: // protocols, RFC 6890
			return false
		case b4[0] == 198 && b4[1]&0xfe == 18: // measurements, RFC 2544
			return false
		}
		return true
	}
	switch {
	case b[0] == 0xfe && b[1]&0xc0 == 0xc0: // site-local, RFC 3879
		return false
	case [12]byte(b[:12]) == [12]byte{0, 0x64, 0xff, 0x9b}: // IPv4 behind a translator, RFC 6052
		return PublicAddress(netip.AddrFrom4([4]byte(b[12:])))
	case [6]byte(b[:6]) == [6]byte{0, 0x64, 0xff, 0x9b, 0, 1}: // translators of local use, RFC 8215
		return false
	case b[0] == 0x20 && b[1] == 0x02: // IPv4 inside IPv6, RFC 3056
		return PublicAddress(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return true
}

func hostName(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if !plain(label) {
			return false
		}
	}
	return true
}

// escape percent-encodes what may not stand bare in a URL but often does in
// databases: blanks and anything beyond ASCII. A host is left with escapes in
// it, and refused for them.
func escape(raw string) string {
	if printableASCII(raw) && !strings.Contains(raw, " ") {
		return raw
	}
	var b strings.Builder
	for i := range len(raw) {
		if c := raw[i]; c == ' ' || c >= 0x80 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// nameInURL is the last piece of the URL's path, "" if that is no name.
func nameInURL(u *url.URL) string {
	if strings.HasSuffix(u.Path, "/") {
		return ""
	}
	name := oneLine(path.Base(u.Path))
	if name == "." || name == ".." || name == "/" {
		return ""
	}
	return name
}
