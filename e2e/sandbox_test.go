package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// greeting is what `wxkeeper sandbox` prints, up to its last line.
var greeting = regexp.MustCompile(`(?s)  API +(http://\S+)\n  WeChat +(http://\S+) .*\n  Data +(\S+) .*` +
	`  curl -d code=\$\(curl -s (\S+)\) (\S+)\n` +
	`  curl -s (\S+) \| curl -H 'Authorization: Bearer TOKEN' -H 'Content-Type: (\S+)' -d @- (\S+)\n`)

// startSandbox gives the sandbox and the groups of its greeting.
func startSandbox(t *testing.T, environment ...string) (*process, []string) {
	t.Helper()
	p := start(t, append([]string{"WXKEEPER_ADDR=127.0.0.1:0"}, environment...), "sandbox")
	p.await(t, &p.stdout, func(text string) (string, bool) { return "", greeting.MatchString(text) })
	return p, greeting.FindStringSubmatch(p.stdout.String())
}

// TestSandbox takes the sandbox at its word: nothing is set, everything it prints works, and nothing is left.
func TestSandbox(t *testing.T) {
	t.Parallel()
	p, said := startSandbox(t, "TMPDIR="+t.TempDir())
	server, control, data := newAPI(t, said[1]), said[2], said[3]
	codeURL, loginURL, sealedURL, contentType, infoURL := said[4], said[5], said[6], said[7], said[8]

	if page := get(t, server, control); !strings.Contains(page, "phones") {
		t.Errorf("the page at %s does not say how to play: %s", control, page)
	}
	if mode, tooOpen := permissionsOf(t, data); mode != 0o700 || len(tooOpen) > 0 {
		t.Errorf("data folder has mode %v, too open are %v", mode, tooOpen)
	}

	form := "application/x-www-form-urlencoded" // what curl -d says
	got := dataOf[login](t, send(t, server, loginURL, form, "code="+get(t, server, codeURL), ""))
	if len(got.Token) != 43 || len(got.User) != 9 {
		t.Errorf("login %+v", got)
	}
	who := dataOf[profile](t, send(t, server, infoURL, contentType, get(t, server, sealedURL), got.Token))
	if who.Name == "" || who.User != got.User {
		t.Errorf("profile %+v", who)
	}
	for _, kind := range []string{"userinfo", "profile", "phone", "run", "share", "group"} {
		send(t, server, infoURL, contentType, get(t, server, sealedURL+"?kind="+kind), got.Token)
	}

	if err := p.stop(t, 15*time.Second); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.stderr.String())
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", data, err)
	}
	if errors := p.stderr.String(); errors != "" {
		t.Errorf("complaints: %s", errors)
	}
}

func get(t *testing.T, server api, url string) string {
	t.Helper()
	response, err := server.client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v HTTP %d %s", url, err, response.StatusCode, text)
	}
	return string(text)
}

// send makes a call that must succeed.
func send(t *testing.T, server api, url, contentType, body, token string) reply {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := server.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	r, err := readReply(response, time.Now())
	if err != nil || r.http != http.StatusOK || r.Code != 0 {
		t.Fatalf("%s: %v HTTP %d %s", url, err, r.http, r.body)
	}
	return r
}

// TestSandboxPhonesLive: beside 300 users with a history a dozen people use the mini program by themselves, which is told every 30
// seconds, and a folder of one's own keeps what they did.
func TestSandboxPhonesLive(t *testing.T) {
	t.Parallel()
	const withAHistory = 300
	data := filepath.Join(t.TempDir(), "kept")
	address := freeAddress(t)
	p, said := startSandbox(t, "WXKEEPER_DATA="+data, "WXKEEPER_ADDR="+address)
	if said[3] != data {
		t.Errorf("data in %s, want %s", said[3], data)
	}
	if weChat, want := strings.TrimSuffix(said[2], "/sandbox/"), "http://"+nextPort(t, address); weChat != want {
		t.Errorf("WeChat at %s, want %s", weChat, want)
	}
	settings := []string{"WXKEEPER_DATA=" + data, "WXKEEPER_MASTER_KEY_FILE=" + filepath.Join(data, "sandbox.key")}
	eventually(t, 60*time.Second, "a dozen more users", func() bool { return len(export(t, settings)) >= withAHistory+12 })
	eventually(t, 40*time.Second, "the phones are summed up", func() bool {
		return regexp.MustCompile(`(?m)^\d+ phones: \d+ succeeded`).MatchString(p.stdout.String())
	})
	if err := p.stop(t, 15*time.Second); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	before := export(t, settings)
	if report := succeed(t, settings, "check"); !strings.HasPrefix(report, "Sound") {
		t.Errorf("check: %s", report)
	}
	p, _ = startSandbox(t, "WXKEEPER_DATA="+data)
	eventually(t, 20*time.Second, "the same people come back", func() bool {
		after := export(t, settings)
		for openid, user := range before {
			if after[openid].User != user.User {
				t.Fatalf("user %+v is gone", user)
			}
		}
		return len(after) >= len(before)
	})
	if err := p.stop(t, 15*time.Second); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}

// nextPort gives the address one port above.
func nextPort(t *testing.T, address string) string {
	t.Helper()
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(parsed.Addr(), parsed.Port()+1).String()
}

// TestSandboxStopsWhileItsWeChatHangs orders the fault as the page says, and stops amid it.
func TestSandboxStopsWhileItsWeChatHangs(t *testing.T) {
	t.Parallel()
	p, said := startSandbox(t, "TMPDIR="+t.TempDir())
	server := newAPI(t, said[1])
	code := get(t, server, said[4])
	response, err := server.client.Post(said[2]+"faults", "application/x-www-form-urlencoded", strings.NewReader("kind=hang&calls=1"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, _ = server.post("/login/", fields{"code": code}) // one of the phones may be hit in our place
	}()
	eventually(t, 10*time.Second, "a login hangs", func() bool {
		var faults []struct{}
		err := json.Unmarshal([]byte(get(t, server, said[2]+"faults")), &faults)
		return err == nil && len(faults) == 0
	})
	began := time.Now()
	if err := p.stop(t, 15*time.Second); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	<-answered
	t.Logf("stopped after %v", time.Since(began))
}
