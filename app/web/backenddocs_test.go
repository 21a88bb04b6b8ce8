package web

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/outgoing"
)

// docExample is an example of docs/backend.md as it stands there.
func docExample(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/backend.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "<!-- example: "+name+" -->\n```")
	_, code, _ := strings.Cut(rest, "\n")
	code, _, closed := strings.Cut(code, "\n```")
	if !found || !closed || strings.Count(code, "\n") >= 30 {
		t.Fatalf("there is no example %s of at most 30 lines", name)
	}
	return code + "\n"
}

// written writes an example to a file of its name.
func written(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(docExample(t, name)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s here: %v", name, err)
	}
	return path
}

// TestWhatTheBackEndOfTwentyLinesRefuses runs the example: it knows whose token it got, has a payment signed and believes the webhooks that
// are signed, no others. What it does beside a server at work, TestTheBackEndOfTwentyLines in e2e shows.
func TestWhatTheBackEndOfTwentyLinesRefuses(t *testing.T) {
	node := program(t, "node")
	h := newHouse(t)
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	name, secret := h.credentials(t, "shop")
	address, hookSecret := freeAddress(t), "whsec_"+base64.StdEncoding.EncodeToString([]byte("a signing secret of 24 b"))
	ctx, stop := context.WithCancel(t.Context())
	run := exec.CommandContext(ctx, node, written(t, "shop.mjs"))
	_, port, _ := net.SplitHostPort(address)
	run.Env = append(os.Environ(), "KEEPER="+server.URL, "CLIENT="+name, "SECRET="+secret, "WEBHOOK_SECRET="+hookSecret, "PORT="+port)
	var errors strings.Builder
	run.Stderr = &errors
	output, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = run.Wait() })
	if line, err := bufio.NewReader(output).ReadString('\n'); err != nil || line != "listening\n" {
		t.Fatalf("%q, %v: %s", line, err, errors.String())
	}
	call := func(path string, header http.Header, body string) (int, map[string]any) {
		t.Helper()
		sent, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		sent.Header = header
		got, err := http.DefaultClient.Do(sent)
		if err != nil {
			t.Fatalf("%v: %s", err, errors.String())
		}
		defer got.Body.Close()
		text, err := io.ReadAll(got.Body)
		answered := map[string]any{}
		if err != nil || json.Unmarshal(text, &answered) != nil {
			t.Fatalf("%s %v", text, err)
		}
		return got.StatusCode, answered
	}
	bearer := func(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

	token := h.login(t, "alice")
	status, paid := call("/pay", bearer(token), "")
	var asked signReply
	ask(t, h.Server, basic(h.backEnd(t, "check"), "/sign/", jsonOf(map[string]string{
		"openid": openIDOf("alice"), "payload": fmt.Sprint(paid["signData"]),
	}))).data(t, &asked)
	if status != 200 || paid["signature"] != asked.Signature || !strings.Contains(fmt.Sprint(paid["signData"]), `"productId":"vip"`) {
		t.Errorf("HTTP %d %v, want the signature %s", status, paid, asked.Signature)
	}
	h.forceRelogin(t, "alice")
	for _, bad := range []string{token, "unknown", ""} {
		if status, got := call("/pay", bearer(bad), ""); status != 401 || got["code"] != 2.0 {
			t.Errorf("with the token %q: HTTP %d %v", bad, status, got)
		}
	}

	const body = `{"type":"user.erased","data":{"openid":"o€"}}`
	signed := func(at time.Time, with string) http.Header {
		header := http.Header{}
		outgoing.Sign(header, 4711, at, []byte(body), outgoing.SigningKey("whsec_b3RoZXI="), outgoing.SigningKey(app.Secret(with)))
		return header
	}
	for name, test := range map[string]struct {
		header http.Header
		body   string
		status int
	}{
		"genuine":  {signed(time.Now(), hookSecret), body, 200},
		"changed":  {signed(time.Now(), hookSecret), body + " ", 401},
		"forged":   {signed(time.Now(), "whsec_Zm9yZ2Vk"), body, 401},
		"old":      {signed(time.Now().Add(-time.Hour), hookSecret), body, 401},
		"unsigned": {http.Header{}, body, 401},
		"odd":      {http.Header{"Webhook-Signature": {"v1," + strings.Repeat("é", 44)}, "Webhook-Timestamp": {fmt.Sprint(time.Now().Unix())}}, body, 401},
	} {
		if status, _ := call("/webhook", test.header, test.body); status != test.status {
			t.Errorf("a webhook, %s: HTTP %d, want %d", name, status, test.status)
		}
	}
}

// credentials are name and secret of a new business server.
func (h house) credentials(t testing.TB, name string) (string, string) {
	t.Helper()
	plain, err := base64.StdEncoding.DecodeString(h.backEnd(t, name))
	if err != nil {
		t.Fatal(err)
	}
	name, secret, _ := strings.Cut(string(plain), ":")
	return name, secret
}

// TestExamplesAreWellFormed: where a framework is not at hand, its example is at least read by the language it is in.
func TestExamplesAreWellFormed(t *testing.T) {
	for name, read := range map[string][]string{
		"express.mjs": {"node", "--check"},
		"views.py":    {"python3", "-m", "py_compile"},
	} {
		t.Run(name, func(t *testing.T) {
			run := exec.CommandContext(t.Context(), program(t, read[0]), append(read[1:], written(t, name))...)
			if output, err := run.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, output)
			}
		})
	}
	for _, name := range []string{"application.properties", "Pay.java"} {
		_ = docExample(t, name)
	}
}

// TestExamplesOfFrameworks says which examples were not run, and why.
func TestExamplesOfFrameworks(t *testing.T) {
	t.Run("Django", func(t *testing.T) { runDjango(t) })
	t.Run("Express", func(t *testing.T) {
		t.Skip("its startSession and userOf are whoever's it becomes: the example is only read")
	})
	t.Run("Spring", func(t *testing.T) { t.Skip("there is no Spring here") })
}

// runDjango calls the view as Django would, where there is a Django.
func runDjango(t *testing.T) {
	python := program(t, "python3")
	if exec.CommandContext(t.Context(), python, "-c", "import django").Run() != nil {
		t.Skip("Django is not installed: the example is only compiled")
	}
	h := newHouse(t)
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	name, secret := h.credentials(t, "shop")
	const call = `
import sys, django
from django.conf import settings
from django.test import RequestFactory
settings.configure(DEFAULT_CHARSET="utf-8"); django.setup()
import views
print(views.pay(RequestFactory().post("/pay", HTTP_AUTHORIZATION="Bearer " + sys.argv[1])).content.decode())`
	run := exec.CommandContext(t.Context(), python, "-c", call, h.login(t, "alice"))
	run.Dir = filepath.Dir(written(t, "views.py"))
	run.Env = append(os.Environ(), "KEEPER="+server.URL, "CLIENT="+name, "SECRET="+secret)
	if output, err := run.CombinedOutput(); err != nil || !strings.Contains(string(output), `"signature"`) {
		t.Errorf("%v: %s", err, output)
	}
}

// TestNginxKeepsBusinessCallsOffTheOpenNet runs a real nginx on the example, seen from a business server and from elsewhere.
func TestNginxKeepsBusinessCallsOffTheOpenNet(t *testing.T) {
	frame, err := os.ReadFile("testdata/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	before, _, found := strings.Cut(string(frame), "    upstream")
	if !found {
		t.Fatal("testdata/nginx.conf is another one")
	}
	h := newHouse(t)
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	credentials := h.backEnd(t, "shop")
	for from, want := range map[string]int{"10.0.0.0/8": http.StatusForbidden, "127.0.0.0/8": http.StatusConflict} {
		example := strings.NewReplacer("10.0.0.0/8", from, "443 ssl", "{nginx}", "http://127.0.0.1:8000", server.URL).Replace(docExample(t, "nginx.conf"))
		door := startNginxOn(t, []byte(before+example+"}\n"), map[string]string{})
		for path, status := range map[string]int{
			"/sign/": want, "/sign": want, "/introspect/": map[bool]int{true: 200, false: 403}[want == http.StatusConflict], "/session/": http.StatusConflict,
			"/apps/wx5a9db0c0de000002/sign/": map[bool]int{true: http.StatusNotFound, false: http.StatusForbidden}[want == http.StatusConflict], // none here
		} {
			body := `{"openid":"o-nobody","payload":"x"}`
			if path == "/introspect/" {
				body = `{"token":"x"}`
			}
			sent, err := http.NewRequestWithContext(t.Context(), http.MethodPost, door+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			sent.Header.Set("Authorization", "Basic "+credentials)
			sent.Header.Set("Content-Type", "application/json")
			got, err := http.DefaultClient.Do(sent)
			if err != nil {
				t.Fatal(err)
			}
			_ = got.Body.Close()
			if got.StatusCode != status {
				t.Errorf("%s with business servers at %s: HTTP %d, want %d", path, from, got.StatusCode, status)
			}
		}
	}
}
