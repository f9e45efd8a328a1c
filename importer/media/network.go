package media

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/amoimport/amoimport/importer/compose"
)

// network makes the way to the servers. It goes through no proxy: a proxy would look
// names up itself, and could be led into a private network.
func network(o Options) *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: o.Timeout, Resolver: o.Resolver, ControlContext: guard(o.AllowLoopback)}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    o.Timeout,
		Protocols:              &http1,
		DisableCompression:     true, // the length is to be that of the file
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns:           64,
		IdleConnTimeout:        30 * time.Second,
	}
}

// errPrivate refuses a connection.
var errPrivate = errors.New("the address is a private one")

// guard looks at the address that a name led to, when the connection is about to be
// made: a name that is looked up twice may have two answers.
func guard(loopback bool) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return errPrivate
		}
		ip := to.Addr()
		if loopback && ip.Unmap().IsLoopback() || compose.PublicAddress(ip) {
			return nil
		}
		return errPrivate
	}
}

// unanswered says why there is no answer. The error itself may hold the URL.
func unanswered(err error) *UnreachableError {
	var name *net.DNSError
	var cert *tls.CertificateVerificationError
	var slow interface{ Timeout() bool }
	switch {
	case errors.Is(err, errPrivate):
		return &UnreachableError{State: Private, Why: "its host's address is a private one"}
	case errors.As(err, &name) && name.IsNotFound:
		return &UnreachableError{State: Silent, Why: "its host is not known"}
	case errors.As(err, &cert):
		return &UnreachableError{State: Silent, Why: "its server's certificate is not valid"}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return &UnreachableError{State: Silent, Why: "its server did not answer in time"}
	}
	return &UnreachableError{State: Silent, Why: "its server could not be reached, or broke off"}
}
