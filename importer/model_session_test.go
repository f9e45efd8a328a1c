package importer_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// modelSession is a session of Postgres.
type modelSession struct {
	*pgconn.HijackedConn
	from            io.Reader // where its answers come from: the driver may still read from the connection itself
	settings        string
	asked, answered int  // requests that get an answer of their own
	half            bool // of the request that was sent last
	cancelled       bool // a request to cancel may still be on its way
}

// reset makes a session as new.
func (s *modelSession) reset() error {
	s.Frontend.Send(&pgproto3.Query{String: "discard all"})
	if err := s.Frontend.Flush(); err != nil {
		return err
	}
	for {
		msg, err := s.Frontend.Receive()
		if err != nil {
			return err
		}
		if _, ready := msg.(*pgproto3.ReadyForQuery); ready {
			return nil
		}
	}
}

// leave ends a session and waits until Postgres has done what it was asked for.
func (s *modelSession) leave() {
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		io.Copy(io.Discard, s.from)
	}
}

// between carries what client and session say, until the client goes. It reports
// whether the session was left in order.
func (s *modelSession) between(client net.Conn) bool {
	var answers sync.WaitGroup
	rest := 0
	answers.Go(func() {
		rest = carry(s.from, client, func(kind byte, body []byte) bool {
			if kind == 'Z' {
				s.answered++
				s.TxStatus = body[0]
			}
			return true
		})
		client.Close() // nobody answers it any more
	})
	carry(client, s.Conn, func(kind byte, _ []byte) bool {
		switch kind {
		case 'X':
			return false
		case 'Q', 'S':
			s.asked++
			s.half = false
		case 'c', 'd', 'f': // of a COPY
		default:
			s.half = true
		}
		return true
	})
	s.Conn.SetReadDeadline(time.Unix(1, 0))
	answers.Wait()
	s.Conn.SetReadDeadline(time.Time{})
	return rest == 0 && !s.half && s.asked == s.answered && s.TxStatus == 'I'
}

// carry copies messages until an end is gone, or look says so. It returns how much
// was read and not carried.
func carry(from io.Reader, to io.Writer, look func(kind byte, body []byte) bool) (rest int) {
	r, w := bufio.NewReaderSize(from, 1<<16), bufio.NewWriterSize(to, 1<<16)
	const head = 5 // kind and length
	for {
		if r.Buffered() < head && w.Flush() != nil {
			return 1
		}
		h, err := r.Peek(head)
		if err != nil {
			return r.Buffered()
		}
		message := make([]byte, 1+binary.BigEndian.Uint32(h[1:]))
		if _, err := io.ReadFull(r, message); err != nil {
			return 1
		}
		if !look(message[0], message[head:]) {
			w.Flush()
			return 0
		}
		if _, err := w.Write(message); err != nil {
			return 1
		}
	}
}
