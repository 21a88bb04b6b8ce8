package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"time"
)

// connection is one client's HTTP/1.1 connection, as cheap as can be: requests are bytes made beforehand, answers are read into
// buffers that are used again. Where it breaks, the next exchange dials anew.
type connection struct {
	address string
	patient time.Time // until then answers are waited for

	conn   net.Conn
	reader *bufio.Reader
	header []byte
	body   []byte
}

// answer is valid until the connection's next exchange.
type answer struct {
	status       int
	header, body []byte
}

func dial(address string, patient time.Time) *connection {
	return &connection{address: address, patient: patient}
}

func (c *connection) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// exchange sends a request and reads its answer.
func (c *connection) exchange(request []byte) (answer, error) {
	if c.conn == nil {
		if err := c.open(); err != nil {
			return answer{}, err
		}
	}
	_, err := c.conn.Write(request)
	var got answer
	if err == nil {
		got, err = c.read()
	}
	if err != nil {
		c.close()
	}
	return got, err
}

func (c *connection) open() error {
	conn, err := net.DialTimeout("tcp", c.address, time.Until(c.patient))
	if err != nil {
		return err
	}
	c.conn = conn
	if c.reader == nil {
		c.reader = bufio.NewReaderSize(nil, 16<<10)
	}
	c.reader.Reset(conn)
	return conn.SetDeadline(c.patient)
}

var (
	contentLength = []byte("Content-Length:")
	chunkedBody   = []byte("Transfer-Encoding: chunked")
	closing       = []byte("Connection: close")
)

func (c *connection) read() (answer, error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return answer{}, err
	}
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return answer{}, errors.New("no HTTP answer")
	}
	got := answer{}
	if got.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return answer{}, fmt.Errorf("no HTTP status: %w", err)
	}
	length, chunked, last := 0, false, false
	c.header, c.body = c.header[:0], c.body[:0]
	for {
		if line, err = c.reader.ReadSlice('\n'); err != nil {
			return answer{}, err
		}
		if len(line) <= 2 {
			break
		}
		c.header = append(c.header, line...)
		switch {
		case bytes.HasPrefix(line, contentLength):
			length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):])))
		case bytes.HasPrefix(line, chunkedBody):
			chunked = true
		case bytes.HasPrefix(line, closing):
			last = true
		}
		if err != nil {
			return answer{}, err
		}
	}
	if chunked {
		err = c.readChunks()
	} else {
		err = c.readMore(length)
	}
	if last {
		c.close()
	}
	got.header, got.body = c.header, c.body
	return got, err
}

func (c *connection) readMore(length int) error {
	from := len(c.body)
	c.body = slices.Grow(c.body, length)[:from+length]
	_, err := io.ReadFull(c.reader, c.body[from:])
	return err
}

func (c *connection) readChunks() error {
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		length, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 31)
		if err != nil {
			return err
		}
		if err := c.readMore(int(length)); err != nil {
			return err
		}
		if _, err := c.reader.Discard(2); err != nil || length == 0 {
			return err
		}
	}
}
