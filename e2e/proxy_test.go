package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// nginxBlocks are the nginx configurations of docs/reverse-proxy.md, in their order.
func nginxBlocks(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../docs/reverse-proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, match := range regexp.MustCompile("(?s)```nginx\n(.*?)```").FindAllSubmatch(text, -1) {
		blocks = append(blocks, string(match[1]))
	}
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of nginx, want one for phones and one for the dashboard", len(blocks))
	}
	return blocks
}

// TestDocumentedNginx runs a real nginx on the lines of docs/reverse-proxy.md before a real server with the dashboard on a listener of its
// own, and tries it with check --url.
func TestDocumentedNginx(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Skip("SKIPPED, nginx is not on this machine: nothing is proven about docs/reverse-proxy.md. Install it (Debian: nginx-light)")
		}
	}
	admin, phones, office := freeAddress(t), freeAddress(t), freeAddress(t)
	s := serve(t, settingsOf(t, newWeChat(t).URL, "WXKEEPER_TRUSTED_PROXIES=127.0.0.1", "WXKEEPER_ADMIN_ADDR="+admin))
	roots := startDocumentedNginx(t, program, strings.NewReplacer(
		"127.0.0.1:8000", strings.TrimPrefix(s.url, "http://"), "127.0.0.1:8001", admin,
	), phones, office)

	tried := command(t, append(s.settings, "SSL_CERT_FILE="+roots), "check", "--url", "https://"+phones)
	if !strings.Contains(tried.stderr, "1 of ") || !strings.Contains(tried.stdout, "BAD   127.0.0.1 is no domain") {
		t.Errorf("through nginx:\n%s%s", tried.stdout, tried.stderr)
	}
	client := &http.Client{Transport: trusting(t, roots), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for address, want := range map[string]int{
		"https://" + phones + "/admin/login": http.StatusNotFound, // the dashboard is elsewhere
		"https://" + office + "/admin/login": http.StatusOK,
		"https://" + office + "/login/":      http.StatusNotFound, // and there is nothing else
	} {
		response, err := client.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: HTTP %d, want %d", address, response.StatusCode, want)
		}
		for _, cookie := range response.Cookies() {
			if !cookie.Secure {
				t.Errorf("%s: %s is not Secure behind X-Forwarded-Proto: https", address, cookie.Name)
			}
		}
	}
	s.end(t)
}

// startDocumentedNginx serves each block at its address, with a certificate whose file it gives, until the test ends.
func startDocumentedNginx(t *testing.T, program string, upstream *strings.Replacer, addresses ...string) (roots string) {
	t.Helper()
	folder := t.TempDir()
	roots = writeCertificate(t, folder)
	var servers string
	for i, block := range nginxBlocks(t) {
		block = upstream.Replace(block)
		block = strings.Replace(block, "listen 443 ssl", "listen "+addresses[i]+" ssl", 1)
		block = strings.Replace(block, "allow 10.8.0.0/24", "allow 127.0.0.1", 1)
		block = regexp.MustCompile(`(ssl_certificate\s+)\S+;`).ReplaceAllString(block, "${1}"+roots+";")
		block = regexp.MustCompile(`(ssl_certificate_key\s+)\S+;`).ReplaceAllString(block, "${1}"+filepath.Join(folder, "key.pem")+";")
		servers += block
	}
	var temporary string
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += name + "_temp_path " + filepath.Join(folder, name) + ";\n"
	}
	config := "pid " + folder + "/nginx.pid;\ndaemon off;\nmaster_process off;\nerror_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n" +
		temporary + servers + "}\n"
	path := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startCommand(t, nil, exec.Command(program, "-p", folder, "-c", path, "-e", "stderr"))
	for _, address := range addresses {
		eventually(t, 10*time.Second, "nginx at "+address+": "+p.stderr.String(), func() bool {
			connection, err := net.Dial("tcp", address)
			if err == nil {
				connection.Close()
			}
			return err == nil
		})
	}
	return roots
}

// writeCertificate writes the certificate that httptest has for 127.0.0.1, and its key.
func writeCertificate(t *testing.T, folder string) (path string) {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(folder, "fullchain.pem")
	for name, block := range map[string]*pem.Block{
		path:                             {Type: "CERTIFICATE", Bytes: server.Certificate().Raw},
		filepath.Join(folder, "key.pem"): {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// trusting calls whoever has a certificate of that file.
func trusting(t *testing.T, roots string) *http.Transport {
	t.Helper()
	text, err := os.ReadFile(roots)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
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
