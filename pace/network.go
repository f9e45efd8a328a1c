package pace

import (
	"net"
	"net/http"
	"time"
)

// Network returns a transport to be the innermost Base, one for each API.
//
// It speaks HTTP/1.1 only. There net/http repeats a POST by itself in one case:
// when a connection that was kept alive turns out dead before a single byte of
// the request was written to it (persistConn.shouldRetryRequest: the request is
// not replayable by method, and nothingWrittenError is made only after the write
// loop has ended with its count of written bytes unchanged; over TLS a record
// that was cut cannot be read by the server). That is as good as never sent. Over
// HTTP/2 it would also repeat a POST that the server reset with PROTOCOL_ERROR,
// up to seven times, which proves nothing about the server having done it.
//
// Connecting is bounded more tightly than an attempt, so that little time passes
// between the gate and the first byte.
func Network() *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		Protocols:           &http1,
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     30 * time.Second,
	}
}
