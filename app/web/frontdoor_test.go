package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// backEnd is a business back end: it tells for whom it was asked, and has seen what reached it.
type backEnd struct {
	address string
	asked   chan http.Header
}

func newBackEnd(t *testing.T) backEnd {
	t.Helper()
	asked := make(chan http.Header, 100)
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		body, _ := io.ReadAll(in.Body)
		asked <- in.Header
		_, _ = io.WriteString(out, in.Method+" "+in.Header.Get("X-Wxkeeper-User")+" "+string(body))
	}))
	t.Cleanup(server.Close)
	return backEnd{strings.TrimPrefix(server.URL, "http://"), asked}
}

// knock sends a request through a front door, with claims of the client's own about who it is.
func knock(t *testing.T, door, method, token, body string) (status int, answered string, header http.Header) {
	t.Helper()
	sent, err := http.NewRequestWithContext(t.Context(), method, door+"/orders?page=2", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sent.Header.Set("X-Wxkeeper-User", "999999999")
	sent.Header.Set("X-Wxkeeper-OpenID", "o-somebody")
	if token != "" {
		sent.Header.Set("Authorization", "Bearer "+token)
	}
	got, err := http.DefaultClient.Do(sent)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, string(text), got.Header
}

// wantGuarded goes through a front door in every way that matters.
func wantGuarded(t *testing.T, h house, door string, behind backEnd) {
	t.Helper()
	token := h.login(t, "alice")
	number := h.user(t, "alice").Number.String()
	for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH"} {
		status, answered, _ := knock(t, door, method, token, "a=1")
		if status != http.StatusOK || answered != method+" "+number+" a=1" {
			t.Fatalf("%s with a good token: HTTP %d %s", method, status, answered)
		}
		seen := <-behind.asked
		if users := seen.Values("X-Wxkeeper-User"); len(users) != 1 || users[0] != number {
			t.Errorf("the back end is told of the users %q", users)
		}
		if openIDs := seen.Values("X-Wxkeeper-OpenID"); len(openIDs) > 0 {
			t.Errorf("the back end is told of the openids %q", openIDs)
		}
	}
	for _, method := range []string{"GET", "POST", "OPTIONS", "HEAD"} {
		wantTurnedAway(t, door, method, "wrong", behind)
		wantTurnedAway(t, door, method, "", behind)
	}
	h.forceRelogin(t, "alice")
	wantTurnedAway(t, door, "GET", token, behind)
}

func wantTurnedAway(t *testing.T, door, method, token string, behind backEnd) {
	t.Helper()
	status, answered, header := knock(t, door, method, token, "")
	if status != http.StatusUnauthorized || header.Get("WWW-Authenticate") != "Bearer" || header.Get("X-Wxkeeper-User") != "" {
		t.Errorf("%s with token %q: HTTP %d %v", method, token, status, header)
	}
	if method != http.MethodHead && !strings.Contains(answered, `"code":2`) {
		t.Errorf("%s with token %q: %s", method, token, answered)
	}
	if len(behind.asked) > 0 {
		t.Errorf("%s with token %q reached the back end", method, token)
	}
}

// TestForwardAuth plays Traefik's ForwardAuth: it asks by GET, with the client's headers and what they belong to in
// X-Forwarded-*, lets in on a 2xx with the named header copied, and passes any other answer on.
func TestForwardAuth(t *testing.T) {
	h, behind := newHouse(t), newBackEnd(t)
	verifier := httptest.NewServer(h.Handler())
	t.Cleanup(verifier.Close)
	target, err := url.Parse("http://" + behind.address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	door := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		verified, err := http.DefaultClient.Do(forwarded(in, verifier.URL+"/verify/"))
		if err != nil {
			out.WriteHeader(http.StatusInternalServerError)
			return
		}
		defer verified.Body.Close()
		if verified.StatusCode/100 != 2 {
			for name, values := range verified.Header {
				out.Header()[name] = values
			}
			out.WriteHeader(verified.StatusCode)
			_, _ = io.Copy(out, verified.Body)
			return
		}
		for _, name := range []string{"X-Wxkeeper-User", "X-Wxkeeper-Openid"} { // authResponseHeaders
			delete(in.Header, name)
			if values := verified.Header.Values(name); len(values) > 0 {
				in.Header[name] = values
			}
		}
		proxy.ServeHTTP(out, in)
	}))
	t.Cleanup(door.Close)
	wantGuarded(t, h, door.URL, behind)
}

// forwarded makes the question that Traefik asks about a request.
func forwarded(in *http.Request, address string) *http.Request {
	question := httptest.NewRequest(http.MethodGet, address, nil).WithContext(in.Context())
	question.RequestURI, question.Header = "", in.Header.Clone()
	for _, own := range []string{"Connection", "Content-Length", "Transfer-Encoding", "Te", "Trailer", "Upgrade", "Keep-Alive"} {
		question.Header.Del(own)
	}
	question.Header.Set("X-Forwarded-Method", in.Method)
	question.Header.Set("X-Forwarded-Proto", "http")
	question.Header.Set("X-Forwarded-Host", in.Host)
	question.Header.Set("X-Forwarded-Uri", in.URL.RequestURI())
	question.Header.Set("X-Forwarded-For", "198.51.100.1")
	return question
}

// TestNginx runs a real nginx on testdata/nginx.conf, and on one from which the lines about the body are missing, as they are in
// many people's.
func TestNginx(t *testing.T) {
	tests := map[string]map[string]string{
		"as documented":            {},
		"body announced, not sent": {"proxy_pass_request_body off;": "", `proxy_set_header Content-Length "";`: ""},
	}
	for name, values := range tests {
		t.Run(name, func(t *testing.T) {
			h, behind := newHouse(t), newBackEnd(t)
			verifier := httptest.NewServer(h.Handler())
			t.Cleanup(verifier.Close)
			values["{wxkeeper}"], values["{backend}"] = strings.TrimPrefix(verifier.URL, "http://"), behind.address
			door := startNginx(t, values)
			wantGuarded(t, h, door, behind)

			token := h.login(t, "alice")
			verifier.Close() // a front door without wxkeeper lets nobody in
			status, answered, _ := knock(t, door, "GET", token, "")
			if status != http.StatusInternalServerError || len(behind.asked) > 0 {
				t.Errorf("HTTP %d %s", status, answered)
			}
		})
	}
}

// startNginx gives the address of an nginx that serves until the test ends.
func startNginx(t *testing.T, values map[string]string) string {
	t.Helper()
	config, err := os.ReadFile("testdata/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	return startNginxOn(t, config, values)
}

func startNginxOn(t *testing.T, config []byte, values map[string]string) string {
	t.Helper()
	program, folder, address := findNginx(t), t.TempDir(), freeAddress(t)
	values["{folder}"], values["{nginx}"] = folder, address
	for name, value := range values {
		config = bytes.ReplaceAll(config, []byte(name), []byte(value))
	}
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	log := &logBook{}
	command := exec.CommandContext(t.Context(), program, "-p", folder, "-c", file, "-e", "stderr")
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- command.Wait()
		close(ended)
	}()
	t.Cleanup(func() { // the context is done by now, and with it nginx is killed
		<-ended
		if t.Failed() {
			t.Logf("nginx says: %s", log)
		}
	})
	awaitListener(t, address, ended)
	return "http://" + address
}

// findNginx looks where Debian has it too, which is no place for other users' PATH.
func findNginx(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	t.Skip("SKIPPED, nginx is not on this machine: nothing is proven about auth_request. Install it (Debian: nginx-light) and run again")
	return ""
}

// freeAddress is one that no system gives away by itself: whoever asks for any port gets one above these.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000))
		if listener, err := net.Listen("tcp", address); err == nil {
			listener.Close()
			return address
		}
	}
}

// awaitListener tries until somebody takes connections at the address: nginx tells nobody when it is ready.
func awaitListener(t *testing.T, address string, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			_ = connection.Close()
			return
		}
		select {
		case <-retry.C:
		case cause := <-ended:
			t.Fatalf("nginx has ended: %v", cause)
		case <-ctx.Done():
			t.Fatalf("nginx does not listen: %v", err)
		}
	}
}
