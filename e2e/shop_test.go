package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shop is the business back end of docs/backend.md at work.
type shop struct {
	*process
	url string
}

// startShop runs the example as it stands in the document, with these settings.
func startShop(t *testing.T, node, address string, settings ...string) shop {
	t.Helper()
	page, err := os.ReadFile("../docs/backend.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "<!-- example: shop.mjs -->\n```js\n")
	code, _, found := strings.Cut(rest, "```")
	if lines := strings.Count(code, "\n"); !found || lines > 20 {
		t.Fatalf("the example has %d lines", lines)
	}
	path := filepath.Join(t.TempDir(), "shop.mjs")
	if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address)
	p := startCommand(t, append(settings, "PORT="+port), exec.Command(node, path))
	p.await(t, &p.stdout, func(text string) (string, bool) { return "", strings.Contains(text, "listening") })
	return shop{p, "http://" + address}
}

// paid is the answer to a mini program that wants to pay.
type paid struct {
	http                int
	Code                int
	SignData, Signature string
}

func (s shop) pay(t *testing.T, token string) (got paid) {
	t.Helper()
	sent, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/pay", nil)
	if err != nil {
		t.Fatal(err)
	}
	sent.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(sent)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.stderr.String())
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	got.http = response.StatusCode
	return got
}

// hears waits for a webhook that the shop believes.
func (s shop) hears(t *testing.T, kind, user string) {
	t.Helper()
	s.await(t, &s.stdout, func(text string) (string, bool) {
		for line := range strings.Lines(text) {
			if strings.Contains(line, `"type":"`+kind+`"`) && strings.Contains(line, `"user":"`+user+`"`) {
				return line, true
			}
		}
		return "", false
	})
}

// TestTheBackEndOfTwentyLines: beside a server at work it verifies a token, has a payment signed, and hears what happens to its users.
func TestTheBackEndOfTwentyLines(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no Node.js here: the back end of docs/backend.md is not run")
	}
	const password = "correct horse battery staple"
	w, address := newWeChat(t), freeAddress(t)
	s := serve(t, settingsOf(t, w.URL, "WXKEEPER_OUTGOING_PRIVATE=true"))
	addOperator(t, s, password)
	o := newOperator(t, s, password, canaries{})
	hookSecret := o.addWebhook("http://" + address + "/webhook")
	shop := startShop(t, node, address, "KEEPER="+s.url, "CLIENT=shop", "SECRET="+addClient(t, s.settings, "shop"),
		"WEBHOOK_SECRET="+hookSecret, "MAX_AGE=0")

	one := w.newPerson()
	login := s.login(t, one.login())
	shop.hears(t, "user.first_login", login.User)
	got := shop.pay(t, login.Token)
	mac := hmac.New(sha256.New, []byte(one.key(0)))
	mac.Write([]byte(got.SignData))
	if got.http != 200 || got.SignData == "" || got.Signature != hex.EncodeToString(mac.Sum(nil)) {
		t.Errorf("signed %+v", got)
	}
	one.newKey() // and our server is not told
	if got := shop.pay(t, login.Token); got.http != 409 || got.Code != 3 || got.Signature != "" {
		t.Errorf("with a dead key: %+v", got)
	}
	login = s.login(t, one.login())
	if got := shop.pay(t, login.Token); got.http != 200 {
		t.Errorf("after the next login: %+v", got)
	}
	o.post("/admin/users/"+login.User+"/relogin", http.StatusOK, nil, "reason", "test")
	shop.hears(t, "user.forced_relogin", login.User)
	for _, bad := range []string{login.Token, "unknown"} {
		if got := shop.pay(t, bad); got.http != 401 || got.Code != 2 || got.Signature != "" {
			t.Errorf("with a token that is no good: %+v", got)
		}
	}
	if page := o.get("/admin/integrations", http.StatusOK, nil); strings.Contains(page, hookSecret) {
		t.Error("the signing secret is shown again")
	}
	s.end(t)
}
