package wechat_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxkeeper/app/wechat"
)

func TestStatusAndRedirects(t *testing.T) {
	for status, want := range map[int]wechat.Problem{
		201: wechat.ProblemStatus, 204: wechat.ProblemStatus, 301: wechat.ProblemRedirect, 302: wechat.ProblemRedirect,
		304: wechat.ProblemRedirect, 307: wechat.ProblemRedirect, 308: wechat.ProblemRedirect,
		400: wechat.ProblemStatus, 404: wechat.ProblemStatus, 429: wechat.ProblemStatus, 500: wechat.ProblemStatus, 502: wechat.ProblemStatus,
	} {
		var calls atomic.Int32
		client := standIn(t, func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			w.Header().Set("Location", "/elsewhere?"+r.URL.RawQuery)
			w.WriteHeader(status)
			if status != 204 && status != 304 {
				io.WriteString(w, goodAnswer)
			}
		})
		_, err := client.Code2Session(t.Context(), "c1")
		if failed := failure(t, err); failed.Problem != want || failed.Status != status || calls.Load() != 1 {
			t.Errorf("%d: %v after %d calls", status, failed, calls.Load())
		}
	}
}

// hangUp plays a WeChat that ends the connection after it has read the request and written some bytes. Without any, it does
// so with a reset, as a crashed proxy would.
func hangUp(written string, calls *atomic.Int32) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		io.WriteString(connection, written)
		if written == "" {
			connection.(*net.TCPConn).SetLinger(0)
		}
		connection.Close()
	}
}

func TestBrokenAnswersAreNotAskedForAgain(t *testing.T) {
	for name, test := range map[string]struct {
		written string
		want    wechat.Problem
	}{
		"nothing":          {"", wechat.ProblemReset},
		"half a head":      {"HTTP/1.1 200 OK\r\n", wechat.ProblemReset},
		"half a body":      {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", wechat.ProblemReset},
		"half a chunk":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{", wechat.ProblemReset},
		"another protocol": {"SSH-2.0-OpenSSH_9.9\r\n\r\n" + testSecret.Reveal() + "\r\n\r\n", wechat.ProblemNotHTTP},
		"secret in a head": {testSecret.Reveal() + "\r\n\r\n", wechat.ProblemNotHTTP},
		"endless body": {"HTTP/1.1 200 OK\r\n\r\n" + string(make([]byte, 70<<10)),
			wechat.ProblemTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			_, err := standIn(t, hangUp(test.written, &calls)).Code2Session(t.Context(), "c1")
			if failed := failure(t, err); failed.Problem != test.want || failed.Tries != 1 || calls.Load() != 1 {
				t.Errorf("%v after %d calls", failed, calls.Load())
			}
		})
	}
}

// A connection from the pool is where net/http would send a GET again by itself, with a code that may be used up.
func TestPooledConnectionThatBreaksIsNotAskedAgain(t *testing.T) {
	var calls atomic.Int32
	client := standIn(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("js_code") == "good" {
			io.WriteString(w, goodAnswer)
			return
		}
		hangUp("", &calls)(w, r)
	})
	if _, err := client.Code2Session(t.Context(), "good"); err != nil {
		t.Fatal(err)
	}
	_, err := client.Code2Session(t.Context(), "cut")
	if failed := failure(t, err); failed.Problem != wechat.ProblemReset || calls.Load() != 1 {
		t.Errorf("%v after %d calls", failed, calls.Load())
	}
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	_, err := newClient(t, wechat.Options{BaseURL: server.URL}).Code2Session(t.Context(), "c1")
	if failed := failure(t, err); failed.Problem != wechat.ProblemRefused || failed.Tries != 3 {
		t.Errorf("%v after %d tries", failed, failed.Tries)
	}
}

func TestTLS(t *testing.T) {
	for name, test := range map[string]struct {
		newest uint16
		trust  bool
		want   wechat.Problem
	}{
		"certificate nobody trusts": {tls.VersionTLS13, false, wechat.ProblemTLS},
		"old protocol":              {tls.VersionTLS11, true, wechat.ProblemTLS},
		"good":                      {tls.VersionTLS12, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(text(goodAnswer))
			server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: test.newest}
			server.Config.ErrorLog = quiet()
			server.StartTLS()
			defer server.Close()
			transport := wechat.NewTransport()
			if test.trust {
				transport.TLSClientConfig.RootCAs = x509.NewCertPool()
				transport.TLSClientConfig.RootCAs.AddCert(server.Certificate())
			}
			_, err := newClient(t, wechat.Options{BaseURL: server.URL, Transport: transport}).Code2Session(t.Context(), "c1")
			if test.want == "" && err == nil {
				return
			}
			if failed := failure(t, err); failed.Problem != test.want || failed.Tries != 1 {
				t.Errorf("%v after %d tries", failed, failed.Tries)
			}
		})
	}
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func TestPlainHTTPWhereTLSIsExpected(t *testing.T) {
	server := httptest.NewServer(text(goodAnswer))
	defer server.Close()
	client := newClient(t, wechat.Options{BaseURL: "https" + server.URL[len("http"):]})
	_, err := client.Code2Session(t.Context(), "c1")
	if failed := failure(t, err); failed.Problem != wechat.ProblemTLS {
		t.Error(failed)
	}
}

func TestTimeAndCancelling(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{}, 3)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("js_code") == "body" {
			io.WriteString(w, "{")
			w.(http.Flusher).Flush()
		}
		arrived <- struct{}{}
		<-release
	}))
	defer server.Close()
	defer close(release)
	client := newClient(t, wechat.Options{BaseURL: server.URL, Timeout: 50 * time.Millisecond})
	for _, code := range []string{"head", "body"} {
		_, err := client.Code2Session(t.Context(), code)
		if failed := failure(t, err); failed.Problem != wechat.ProblemTimeout || failed.Tries != 1 {
			t.Errorf("%s: %v", code, failed)
		}
		<-arrived
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	patient := newClient(t, wechat.Options{BaseURL: server.URL})
	_, err := patient.Code2Session(ctx, "head")
	if failed := failure(t, err); failed.Problem != wechat.ProblemCancelled || failed.Class() != wechat.ClassCancelled {
		t.Error(failed)
	}
}

// roundTrip is a network that a test makes up.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNetworkErrors(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want wechat.Problem
	}{
		"DNS":           {&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}, wechat.ProblemDNS},
		"slow DNS":      {&net.OpError{Op: "dial", Err: &net.DNSError{Err: "i/o timeout", IsTimeout: true}}, wechat.ProblemDNS},
		"no route":      {&net.OpError{Op: "dial", Err: errors.New("no route to host")}, wechat.ProblemUnreachable},
		"slow dial":     {&net.OpError{Op: "dial", Err: context.DeadlineExceeded}, wechat.ProblemTimeout},
		"slow reading":  {&net.OpError{Op: "read", Err: context.DeadlineExceeded}, wechat.ProblemTimeout},
		"URL":           {&url.Error{Op: "Get", URL: "https://h/?secret=" + url.QueryEscape(testSecret.Reveal()), Err: io.EOF}, wechat.ProblemReset},
		"secret inside": {errors.New("bad line " + testSecret.Reveal()), wechat.ProblemReset},
		"anything else": {errors.New("http: server closed idle connection"), wechat.ProblemReset},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, wechat.Options{
				Timeout:   50 * time.Millisecond, // less than any pause, so that nothing is tried twice
				Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, test.err }),
			})
			_, err := client.Code2Session(t.Context(), "c1")
			failed := failure(t, err)
			if failed.Problem != test.want || failed.Cause == nil {
				t.Errorf("%v, cause %v", failed, failed.Cause)
			}
			if strings.Contains(failed.Error(), "https://") {
				t.Errorf("a URL stands in %v", failed)
			}
		})
	}
}
