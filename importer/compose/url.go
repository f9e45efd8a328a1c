package compose

import (
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

const maxURL = 2048

// publicURL reads a URL that amojo is to fetch from outside. The problem, ""
// for none, says what is wrong without showing the URL.
func publicURL(raw string) (_ *url.URL, problem string) {
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
	return u, hostProblem(u.Hostname())
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
		if ip = ip.Unmap(); !ip.IsGlobalUnicast() || ip.IsPrivate() || sharedAddress(ip) {
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

// sharedAddress reports an address of carriers' inner networks, RFC 6598.
func sharedAddress(ip netip.Addr) bool {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10).Contains(ip)
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
