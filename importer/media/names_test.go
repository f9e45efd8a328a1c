package media_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
)

// names is a resolver that leads every name to one address, by a name server on this
// machine.
func names(t *testing.T, to string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	ip := netip.MustParseAddr(to).As4()
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			server.WriteTo(answerTo(buf[:n], ip), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// answerTo answers a question for an A record, RFC 1035; to others there is none.
func answerTo(question []byte, ip [4]byte) []byte {
	end := 12 // of the header
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	kind := question[end+2]
	end += 5 // the root, type and class
	reply := append([]byte(nil), question[:end]...)
	reply[2], reply[3] = 0x81, 0x80 // an answer, recursive
	reply[6], reply[7], reply[8], reply[9], reply[10], reply[11] = 0, 0, 0, 0, 0, 0
	if kind == 1 {
		reply[7] = 1
		reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
		reply = append(reply, ip[:]...)
	}
	return reply
}
