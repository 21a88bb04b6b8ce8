package bench

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wxkeeper/app"
)

// weChat stands in for WeChat. It knows nobody: a code says whom it is of and under which key, so that a login costs it almost
// nothing. It is no emulator; that one is package sandbox, which is faithful and slower than what is measured here.
type weChat struct {
	listener net.Listener
	latency  atomic.Int64
	hangs    atomic.Bool

	mu          sync.Mutex
	connections map[net.Conn]bool // nil when closed
	serving     sync.WaitGroup
	closed      chan struct{}
}

func startWeChat() (*weChat, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &weChat{listener: listener, connections: map[net.Conn]bool{}, closed: make(chan struct{})}
	w.serving.Go(w.accept)
	return w, nil
}

func (w *weChat) url() string { return "http://" + w.listener.Addr().String() }

// setLatency delays every answer from now on.
func (w *weChat) setLatency(latency time.Duration) { w.latency.Store(int64(latency)) }

// close hangs up and ends every goroutine.
func (w *weChat) close() {
	close(w.closed)
	w.listener.Close()
	w.hangUp()
	w.serving.Wait()
}

func (w *weChat) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn := range w.connections {
		conn.Close()
	}
	w.connections = nil
}

func (w *weChat) accept() {
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return
		}
		if !w.admit(conn) {
			conn.Close()
			return
		}
		w.serving.Go(func() {
			w.serve(conn)
			w.dismiss(conn)
		})
	}
}

func (w *weChat) admit(conn net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.connections == nil {
		return false
	}
	w.connections[conn] = true
	return true
}

func (w *weChat) dismiss(conn net.Conn) {
	conn.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.connections, conn)
}

// serve answers one request after the other until the connection ends.
func (w *weChat) serve(conn net.Conn) {
	reader := bufio.NewReaderSize(conn, 4<<10)
	var text []byte
	for {
		body, err := readRequest(reader)
		if err != nil || !w.wait() {
			return
		}
		text = append(text[:0], "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "...)
		text = append(strconv.AppendInt(text, int64(len(body)), 10), "\r\n\r\n"...)
		if _, err := conn.Write(append(text, body...)); err != nil {
			return
		}
	}
}

// wait lets the latency pass. While WeChat hangs nothing is answered, also not what was asked before.
func (w *weChat) wait() (answers bool) {
	latency := time.Duration(w.latency.Load())
	if w.hangs.Load() {
		latency = time.Hour
	}
	if latency == 0 {
		return true
	}
	timer := time.NewTimer(latency)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.closed:
		return false
	}
}

// readRequest reads a request to its end and gives the body of its answer.
func readRequest(reader *bufio.Reader) (body []byte, err error) {
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	body = answerTo(line)
	length := 0
	for {
		if line, err = reader.ReadSlice('\n'); err != nil {
			return nil, err
		}
		if len(line) <= 2 {
			break
		}
		if bytes.HasPrefix(line, contentLength) {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):])))
		}
	}
	_, err = reader.Discard(length)
	return body, err
}

func answerTo(requestLine []byte) []byte {
	target := string(requestLine)
	if _, rest, found := strings.Cut(target, "js_code="); found {
		code, _, _ := strings.Cut(strings.TrimSuffix(rest, " HTTP/1.1\r\n"), "&")
		openid, version, ok := readCode(code)
		if !ok {
			return []byte(`{"errcode":40029,"errmsg":"invalid code"}`)
		}
		return fmt.Appendf(nil, `{"session_key":"%s","openid":"%s"}`, keyText(openid, version), openid)
	}
	if strings.Contains(target, "/cgi-bin/stable_token") {
		return []byte(`{"access_token":"of-the-stand-in","expires_in":7200}`)
	}
	return []byte(`{"errcode":0,"errmsg":"ok"}`)
}

// newCode makes a code of a user, for a version of the session key. The number makes it a new one.
func newCode(openid string, version, number uint64) string {
	return openid + "." + strconv.FormatUint(version, 36) + "." + strconv.FormatUint(number, 36)
}

func readCode(code string) (openid string, version uint64, ok bool) {
	openid, rest, _ := strings.Cut(code, ".")
	text, _, found := strings.Cut(rest, ".")
	version, err := strconv.ParseUint(text, 36, 64)
	return openid, version, found && err == nil && openid != ""
}

// keyText is a user's session key of a version, as code2Session gives it.
func keyText(openid string, version uint64) string {
	sum := sha256.Sum256([]byte(openid + strconv.FormatUint(version, 36)))
	return base64.StdEncoding.EncodeToString(sum[:app.SessionKeyBytes])
}
