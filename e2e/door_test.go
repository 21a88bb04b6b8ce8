package e2e

import (
	"encoding/pem"
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDoor tries a server through a proxy with TLS, as an operator does. What is wrong here is only that a test has no domain.
func TestDoor(t *testing.T) {
	t.Parallel()
	s := serve(t, settingsOf(t, newWeChat(t).URL))
	behind, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(behind))
	t.Cleanup(proxy.Close)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw})
	if err := os.WriteFile(roots, text, 0o600); err != nil {
		t.Fatal(err)
	}
	tried := command(t, append(s.settings, "SSL_CERT_FILE="+roots), "check", "--url", proxy.URL)
	for _, want := range []string{
		"BAD   127.0.0.1 is no domain", "1 of ", // and everything else is in order
		"good  GET /healthz is answered by wxkeeper", "good  The header Authorization arrives", "good  A body of 60 KiB gets through",
		"wxkeeper took this call to come from 127.0.0.1", // it was found in the data folder
	} {
		if !strings.Contains(tried.stdout+tried.stderr, want) {
			t.Errorf("%q is not said", want)
		}
	}
	if tried.err == nil || t.Failed() {
		t.Errorf("%v\n%s%s", tried.err, tried.stdout, tried.stderr)
	}

	address := strings.TrimPrefix(s.url, "http://")
	succeed(t, []string{"WXKEEPER_ADDR=" + address}, "check", "--health")
	s.end(t)
	if gone := command(t, []string{"WXKEEPER_ADDR=" + address}, "check", "--health"); gone.err == nil {
		t.Error("a server that has ended is healthy")
	}
}

// TestSystemdIsTold: ready when requests are taken and not before, alive in between, stopping when it was told to.
func TestSystemdIsTold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skipf("SKIPPED, this system has no such sockets: nothing is proven about systemd: %v", err)
	}
	defer socket.Close()
	_ = socket.SetReadDeadline(time.Now().Add(30 * time.Second))
	hear := func(want string) {
		t.Helper()
		message := make([]byte, 100)
		n, err := socket.Read(message)
		if got := string(message[:n]); err != nil || got != want {
			t.Errorf("systemd was told %q, want %q: %v", got, want, err)
		}
	}
	settings := settingsOf(t, newWeChat(t).URL, "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=400000")
	p := start(t, settings, "serve")
	hear("READY=1")
	newAPI(t, "http://"+p.await(t, &p.stderr, servingAddress)).mustPost(t, "/session/", fields{"token": "x"}, 2)
	hear("WATCHDOG=1")
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for {
		message := make([]byte, 100)
		n, err := socket.Read(message)
		if err != nil {
			t.Fatal(err)
		}
		if string(message[:n]) == "STOPPING=1" {
			break
		}
	}
	if err := p.wait(t, 15*time.Second); err != nil {
		t.Error(err)
	}
}

// TestDryRun: exit code 0 with good settings, 1 with bad ones; nothing is made, and a folder of another user's is noticed.
func TestDryRun(t *testing.T) {
	t.Parallel()
	settings := settingsOf(t, newWeChat(t).URL)
	data := setting(settings, "WXKEEPER_DATA")
	if said := succeed(t, settings, "serve", "--dry-run"); !strings.Contains(said, "Good: serve would start.") {
		t.Errorf("said %s", said)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("the folder was made")
	}
	refused := command(t, append(settings, "WXKEEPER_SECRET=", "WXKEEPER_ADDR=x"), "serve", "--dry-run")
	if refused.err == nil || !strings.Contains(refused.stderr, "2 problems") {
		t.Errorf("%v: %s", refused.err, refused.stderr)
	}

	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, only root can become another user: nothing is proven about folders of others")
	}
	serve(t, settings).end(t)
	open, err := os.MkdirTemp("", "wxkeeper-dry-run-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(open)
	if err := os.CopyFS(filepath.Join(open, "data"), os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(open, "wxkeeper"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "data", "data/wxkeeper.db"} {
		if err := os.Chmod(filepath.Join(open, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	stranger := exec.Command(filepath.Join(open, "wxkeeper"), "serve", "--dry-run")
	stranger.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	p := startCommand(t, append(settings, "WXKEEPER_DATA="+filepath.Join(open, "data")), stranger)
	if p.wait(t, time.Minute) == nil || !strings.Contains(p.stderr.String(), "cannot be written to") {
		t.Errorf("of another user's folder: %s%s", p.stdout.String(), p.stderr.String())
	}
}
