package web

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxkeeper/app"
)

// serve puts a server on a real connection, with the limits it has in production.
func serve(t *testing.T) (address string, log *logBook) {
	t.Helper()
	s, log := newServer()
	server := NewHTTPServer(s.Handler(), s.log)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return listener.Addr().String(), log
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	return connection
}

func wantAlive(t *testing.T, address string) {
	t.Helper()
	response, err := http.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 200 {
		t.Errorf("HTTP %d", response.StatusCode)
	}
}

func TestServerHasLimits(t *testing.T) {
	server := NewHTTPServer(http.NotFoundHandler(), nil)
	if server.ReadHeaderTimeout != 10*time.Second || server.ReadTimeout != 30*time.Second || server.IdleTimeout != 60*time.Second ||
		server.WriteTimeout == 0 || server.MaxHeaderBytes == 0 || server.ErrorLog == nil {
		t.Errorf("%+v", server)
	}
}

// TestLargeBodiesAreAnswered plays a client that sends everything before it reads: it must find the answer, not a reset.
func TestLargeBodiesAreAnswered(t *testing.T) {
	address, _ := serve(t)
	tests := []struct {
		name, kind string
		size       int
		want       app.Kind
	}{
		{"just too large", jsonType, bodyBytes + 1, app.BodyTooLarge},
		{"1 MB", jsonType, 1 << 20, app.BodyTooLarge},
		{"3 MB", formType, 3 << 20, app.BodyTooLarge},
		{"3 MB of upload", "multipart/form-data; boundary=x", 3 << 20, app.UnsupportedContentType},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			connection := dial(t, address)
			_ = connection.(*net.TCPConn).SetWriteBuffer(64 << 10) // so that it notices when nobody reads
			fmt.Fprintf(connection, "POST /login/ HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", test.kind, test.size)
			if _, err := connection.Write(bytes.Repeat([]byte("a"), test.size)); err != nil {
				t.Fatalf("the server did not take the body: %v", err)
			}
			wantFailure(t, readAnswer(t, connection), test.want)
		})
	}
	wantAlive(t, address)
}

// TestSlowClients: who sends a header, sends a body or reads an answer too slowly is let go in time, and meanwhile holds nobody up. The
// limits are those of TestServerHasLimits, made short.
func TestSlowClients(t *testing.T) {
	s, _ := newServer()
	server := NewHTTPServer(s.Handler(), s.log)
	for _, limit := range []*time.Duration{&server.ReadHeaderTimeout, &server.ReadTimeout, &server.WriteTimeout, &server.IdleTimeout} {
		*limit /= 100 // 100, 300, 600 and 600 ms
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open atomic.Int64
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	address := listener.Addr().String()
	drip := map[string]string{
		"says nothing":          "",
		"never ends its header": "POST /login/ HTTP/1.1\r\nHost: x\r\n",
		"never ends its body":   "POST /login/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
		"never reads":           strings.Repeat("GET /openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n", 400), // far more than buffers hold
	}
	var slow sync.WaitGroup
	for name, said := range drip {
		for range 25 {
			connection := dial(t, address)
			slow.Go(func() {
				_ = connection.(*net.TCPConn).SetReadBuffer(4 << 10)
				_, _ = io.WriteString(connection, said) // the server may have closed by then
				if name == "never reads" {
					return
				}
				if _, err := io.Copy(io.Discard, connection); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("who %s is borne for ever", name)
				}
			})
		}
	}
	wantAlive(t, address)
	slow.Wait()
	http.DefaultClient.CloseIdleConnections()
	for deadline := time.Now().Add(20 * time.Second); open.Load() > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are still held", open.Load())
		}
		<-time.After(time.Millisecond)
	}
	_ = server.Close()
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

func readAnswer(t *testing.T, connection net.Conn) answer {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := answer{HTTP: response.StatusCode, Header: response.Header, Body: string(body)}
	got.decode(t)
	return got
}

func TestEndlessBodyEnds(t *testing.T) {
	address, _ := serve(t)
	connection := dial(t, address)
	ended := make(chan int)
	go func() {
		fmt.Fprintf(connection, "POST /login/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
		chunk, sent := []byte("1000\r\n"+strings.Repeat("a", 0x1000)+"\r\n"), 0
		for {
			n, err := connection.Write(chunk)
			sent += n
			if err != nil {
				ended <- sent
				return
			}
		}
	}()
	wantFailure(t, readAnswer(t, connection), app.BodyTooLarge)
	if sent := <-ended; sent > 64<<20 {
		t.Errorf("the server took %d bytes", sent)
	}
	wantAlive(t, address)
}

func TestBodyThatStopsIsAnswered(t *testing.T) {
	address, _ := serve(t)
	connection := dial(t, address)
	fmt.Fprintf(connection, "POST /login/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	_ = connection.(*net.TCPConn).CloseWrite()
	wantFailure(t, readAnswer(t, connection), app.Malformed)
}

func TestConnectionIsKept(t *testing.T) {
	address, _ := serve(t)
	connection := dial(t, address)
	reader := bufio.NewReader(connection)
	for _, path := range []string{"/login/", "/nowhere", "/getinfo"} {
		fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", path)
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		if response.StatusCode/100 != 4 || response.Close {
			t.Errorf("%s: HTTP %d, closing: %v", path, response.StatusCode, response.Close)
		}
	}
}

func TestSocketGarbage(t *testing.T) {
	address, log := serve(t)
	noise := make([]byte, 100_000)
	rand.Read(noise)
	garbage := map[string]string{
		"noise":                 string(noise),
		"line ends":             strings.Repeat("\r\n", 10_000),
		"NUL":                   strings.Repeat("\x00", 10_000),
		"TLS hello":             "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + string(noise[:500]),
		"HTTP/2 preface":        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"no version":            "POST /login/\r\n\r\n",
		"odd version":           "POST /login/ HTTP/9.9\r\nHost: x\r\n\r\n",
		"no host":               "POST /login/ HTTP/1.1\r\n\r\n",
		"negative length":       "POST /login/ HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"two lengths":           "POST /login/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"length and chunks":     "POST /login/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"broken chunks":         "POST /login/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
		"gzip as transfer code": "POST /login/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
		"endless header":        "POST /login/ HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 1<<20),
		"header with NUL":       "POST /login/ HTTP/1.1\r\nHost: x\r\nReferer: a\x00b\r\n\r\n",
		"connect":               "CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
		"every method":          "* * HTTP/1.1\r\nHost: x\r\n\r\n",
		"options":               "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
		"whole address":         "POST http://elsewhere/login/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		"path of escapes":       "POST /%00%ff%2e%2e/ HTTP/1.1\r\nHost: x\r\n\r\n",
	}
	for name, bytes := range garbage {
		t.Run(name, func(t *testing.T) {
			connection := dial(t, address)
			_, _ = io.WriteString(connection, bytes) // the server may have closed by then
			_ = connection.(*net.TCPConn).CloseWrite()
			answered, _ := io.ReadAll(connection)
			status, _, _ := strings.Cut(string(answered), "\r\n")
			if strings.HasPrefix(status, "HTTP/1.1 5") && !oursToRefuse(status) {
				t.Errorf("answered %q", answered)
			}
		})
	}
	wantAlive(t, address)
	if log.String() != "" {
		t.Errorf("garbage is no matter for the log: %s", log)
	}
}

// oursToRefuse says whether a status tells that a version or transfer coding is not spoken here.
func oursToRefuse(status string) bool {
	return strings.HasPrefix(status, "HTTP/1.1 501 ") || strings.HasPrefix(status, "HTTP/1.1 505 ")
}

func TestServerLogHidesAddresses(t *testing.T) {
	log := &logBook{}
	server := NewHTTPServer(nil, newLogger(log))
	server.ErrorLog.Print("http: panic serving 203.0.113.9:4711: what\n")
	server.ErrorLog.Printf("http: TLS handshake error from %s: read tcp 10.0.0.1:443->203.0.113.9:4711: reset (server.go:12)", "[2001:db8::1%eth0]:4711")
	text := log.String()
	for _, hidden := range []string{"203.0.113.9", "4711", "2001:db8", "10.0.0.1"} {
		if strings.Contains(text, hidden) {
			t.Errorf("%s stands in %s", hidden, text)
		}
	}
	for _, kept := range []string{"panic serving [address]: what", "from [address]: read tcp [address]->[address]: reset (server.go:12)", `"level":"WARN"`} {
		if !strings.Contains(text, kept) {
			t.Errorf("%s does not stand in %s", kept, text)
		}
	}
}
