package e2e

import (
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A pair of age's keys, made for these tests.
const (
	ageIdentity  = "AGE-SECRET-KEY-1YUUAPXDF3L7AJL68QMWW4RCJAU0MCYQPSUJCCR70RHTK5RQYQSPSFCQ4TJ"
	ageRecipient = "age1a3u72u82wjr60fcfa8kx5we7hmxtcrkcx5watac259utg0022p5qsugjsy"
)

// operator is somebody at the dashboard, who wants no secret in any answer, whatever was asked.
type operator struct {
	t      *testing.T
	server *server
	client *http.Client
	secret canaries
}

// newOperator signs alice in.
func newOperator(t *testing.T, s *server, password string, secret canaries) *operator {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	o := &operator{t, s, &http.Client{Jar: jar, Transport: s.client.Transport, Timeout: 30 * time.Second}, secret}
	o.post("/admin/login", http.StatusUnprocessableEntity, nil, "name", "alice", "password", password+" is wrong")
	o.post("/admin/login", http.StatusOK, nil, "name", "alice", "password", password)
	if home := o.get("/admin/", http.StatusOK, nil); !strings.Contains(home, "alice") {
		t.Fatalf("not signed in: %s", home)
	}
	address, _ := url.Parse(s.url)
	for _, cookie := range jar.Cookies(address) {
		if len(cookie.Value) >= 32 {
			secret.add("the cookie "+cookie.Name, cookie.Value)
		}
	}
	return o
}

// get wants an answer without a secret, but for those allowed in this one.
func (o *operator) get(path string, status int, allowed canaries) string {
	o.t.Helper()
	response, err := o.client.Get(o.server.url + path)
	return o.read("GET "+path, response, err, status, allowed)
}

func (o *operator) post(path string, status int, allowed canaries, pairs ...string) string {
	o.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	response, err := o.client.PostForm(o.server.url+path, form)
	return o.read("POST "+path, response, err, status, allowed)
}

func (o *operator) read(what string, response *http.Response, err error, status int, allowed canaries) string {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		o.t.Errorf("%s: HTTP %d, want %d: %v %.300s", what, response.StatusCode, status, err, body)
	}
	secret := maps.Clone(o.secret)
	for name, text := range secret {
		for _, also := range allowed {
			if text == also {
				delete(secret, name)
			}
		}
	}
	secret.wantNoneIn(o.t, "the answer to "+what, string(body))
	for name, values := range response.Header {
		if name != "Set-Cookie" { // which is where the cookie belongs
			secret.wantNoneIn(o.t, "the header "+name+" of "+what, strings.Join(values, " "))
		}
	}
	return string(body)
}

// operate does all that an operator and the owner of the machine can do beside a running server, and looks for secrets in every answer,
// in every output and on every command line. What it gives looks at what is left behind, once the server has ended.
func operate(t *testing.T, s *server, w *weChat, password string, atRest canaries) (afterwards func(ofPeople canaries)) {
	t.Helper()
	one := w.newPerson()
	token := s.login(t, one.login()).Token
	s.getInfo(t, token, one.userInfo())
	s.mustPost(t, "/getinfo/", one.phoneNumber().fields(token), 0)
	atRest.add("a token", token)
	atRest.add("the session key looked at", one.key(0))
	phone := canaries{}
	phone.add("the phone number looked at", one.phone)
	maps.Copy(atRest, phone)
	atRest.add("age's secret key", ageIdentity)
	phones := canaries{} // of everybody: an export in clear may hold them
	for what, text := range atRest {
		if strings.Contains(what, "phone number") {
			phones[what] = text
		}
	}

	user := export(t, s.settings)[one.openid].User
	o := newOperator(t, s, password, atRest)
	o.plantAddresses(atRest)
	o.plantBackEnd(one, atRest)
	o.plantApps(atRest)
	page := "/admin/users/" + user
	for _, path := range []string{
		"/admin/users", "/admin/users?q=" + user, "/admin/keys", "/admin/events", "/admin/audit", "/admin/audit.csv", "/admin/operators",
		"/admin/account", "/admin/system", "/admin/jobs", "/admin/alerts", "/admin/integrations", "/admin/troubleshoot?q=" + user, "/admin/help",
		page, page + "/keys", page + "/devices", page + "/history", page + "/events", page + "/audit",
	} {
		o.get(path, http.StatusOK, nil)
	}
	o.get("/admin/users.csv", http.StatusOK, phones)
	o.get("/admin/users?q="+one.phone, http.StatusOK, phone) // says what was searched for
	o.get("/admin/troubleshoot?q="+one.phone, http.StatusOK, phone)
	asked := canaries{}
	asked.add("the token that was asked for", token)
	o.get("/admin/nowhere?token="+url.QueryEscape(token), http.StatusNotFound, asked) // leads back to where one was
	o.get(page+"/keys?cursor="+url.QueryEscape(one.key(0)), http.StatusOK, nil)
	if shown := o.post(page+"/phone", http.StatusOK, phone, "reason", "canary"); !strings.Contains(shown, one.phone) {
		t.Errorf("the phone number is not revealed: %.300s", shown)
	}
	if file := o.post(page+"/export", http.StatusOK, phone, "reason", "canary", "confirm", user); !strings.Contains(file, one.openid) {
		t.Errorf("the export holds nobody: %.300s", file)
	}
	o.post(page+"/relogin", http.StatusOK, nil, "reason", "canary")
	o.get("/admin/audit", http.StatusOK, nil)

	folder := t.TempDir()
	inFile := filepath.Join(folder, "identity")
	if err := os.WriteFile(inFile, []byte(ageIdentity+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain, sealed := filepath.Join(folder, "plain", "one.db"), filepath.Join(folder, "sealed", "one.db.age")
	for _, path := range []string{plain, sealed} {
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	quietly := func(allowed canaries, arguments ...string) {
		t.Helper()
		p := start(t, s.settings, arguments...)
		wantNotOnCommandLine(t, p, atRest)
		if err := p.wait(t, time.Minute); err != nil {
			t.Errorf("%v: %v %s", arguments, err, p.stderr.String())
		}
		secret := maps.Clone(atRest)
		for what := range allowed {
			delete(secret, what)
		}
		secret.wantNoneIn(t, fmt.Sprintf("the output of %v", arguments), p.stdout.String()+p.stderr.String())
	}
	quietly(nil, "check")
	quietly(phones, "users", "export")
	quietly(phone, "users", "export", "--user", user, "--reason", "canary")
	quietly(nil, "operator", "list")
	quietly(nil, "client", "list")
	quietly(nil, "app", "list")
	quietly(nil, "audit", "check")
	quietly(nil, "backup", plain, "--verify")
	quietly(nil, "backup", sealed, "--backup-age-recipients", ageRecipient)
	quietly(nil, "restore", plain, "--try")
	quietly(nil, "restore", sealed, "--try", "--age-identity", inFile)
	wantNotOnCommandLine(t, s.process, atRest)

	return func(ofPeople canaries) {
		t.Helper()
		atRest.wantNoneBelow(t, "in a backup", filepath.Dir(plain))
		text, err := os.ReadFile(sealed)
		if err != nil {
			t.Fatal(err)
		}
		atRest.wantNoneIn(t, "the encrypted backup", string(text))
		ofPeople.wantNoneIn(t, "the encrypted backup", string(text))
	}
}

// plantAddresses adds a robot and a webhook, whose addresses and signing secrets are credentials. The robot is silent, and the webhook's
// host does not exist.
func (o *operator) plantAddresses(atRest canaries) {
	o.t.Helper()
	atRest.add("a robot's address", "planted-robot-address-5c1d88")
	atRest.add("a robot's signing secret", "planted-robot-signing-90ab17")
	atRest.add("a webhook's address", "planted-webhook-address-77e0f2")
	listed := o.post("/admin/alerts", http.StatusOK, nil, "kind", "feishu", "name", "canary", "language", "en",
		"secret_url", "https://open.feishu.cn/open-apis/bot/v2/hook/planted-robot-address-5c1d88",
		"secret_signing", "planted-robot-signing-90ab17")
	_, rest, _ := strings.Cut(listed, `action="/admin/alerts/`)
	id, _, found := strings.Cut(rest, "/")
	if !found {
		o.t.Fatalf("the robot was not added: %.300s", listed)
	}
	o.post("/admin/alerts/"+id+"/disable", http.StatusOK, nil)
	atRest.add("a webhook's signing secret", o.addWebhook("https://hooks.example.invalid/planted-webhook-address-77e0f2"))
}

// addWebhook gives the signing secret, which is shown once.
func (o *operator) addWebhook(address string) (secret string) {
	o.t.Helper()
	shown := o.post("/admin/integrations/webhooks", http.StatusOK, nil, "name", "canary", "secret_url", address)
	found := regexp.MustCompile(`whsec_[A-Za-z0-9+/=]+`).FindString(html.UnescapeString(shown))
	if found == "" {
		o.t.Fatalf("the webhook was not added: %.300s", shown)
	}
	return found
}

// plantBackEnd makes credentials on the page and by command, and uses them as a business server does.
func (o *operator) plantBackEnd(of *person, atRest canaries) {
	o.t.Helper()
	shown := o.post("/admin/integrations/backends", http.StatusOK, nil, "name", "canary")
	_, rest, found := strings.Cut(shown, "wxk_")
	if len(rest) < 43 || !found {
		o.t.Fatalf("the credentials were not made: %.300s", shown)
	}
	secrets := map[string]string{"canary": "wxk_" + rest[:43], "by-command": addClient(o.t, o.server.settings, "by-command")}
	for name, secret := range secrets {
		atRest.add("the secret of the back end "+name, secret)
		atRest.add("the same as HTTP Basic has it", base64.StdEncoding.EncodeToString([]byte(name+":"+secret)))
		for path, body := range map[string]string{
			"/session/": `{"openid":%q}`, "/sign/": `{"openid":%q,"payload":"canary","max_age":0}`, "/sign": `{"openid":%q,"payload":""}`,
			"/introspect/": `{"token":%q}`, "/login/": `{"code":%q}`,
		} {
			sent, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.server.url+path, strings.NewReader(fmt.Sprintf(body, of.openid)))
			if err != nil {
				o.t.Fatal(err)
			}
			sent.SetBasicAuth(name, secret)
			sent.Header.Set("Content-Type", "application/json")
			response, err := o.server.client.Do(sent)
			if err != nil {
				o.t.Fatal(err)
			}
			o.read(path+" of a back end", response, nil, response.StatusCode, nil)
		}
	}
	o.get("/admin/integrations", http.StatusOK, nil)
	o.post("/admin/integrations/backends/canary/revoke", http.StatusOK, nil)
}

// plantApps adds mini programs on the page and by command. WeChat knows neither.
func (o *operator) plantApps(atRest canaries) {
	o.t.Helper()
	const byPage, byCommand = "wxe2e0000000000002", "wxe2e0000000000003"
	plant := func(what, text string) string {
		atRest.add(what, text)
		return text
	}
	o.post("/admin/apps", http.StatusUnprocessableEntity, nil, "appid", "no appid",
		"secret", plant("the secret of an app that was not added", "5ec2e7a0000000000000000000000001"))
	o.post("/admin/apps", http.StatusOK, nil, "appid", byPage,
		"secret", plant("the secret of a second app", "5ec2e7a0000000000000000000000002"))
	page := "/admin/apps/" + byPage
	o.post(page+"/secret", http.StatusOK, nil, "secret", plant("its next secret", "5ec2e7a0000000000000000000000003"))
	o.post(page+"/push", http.StatusUnprocessableEntity, nil, "secret_push_token", plant("a push token not taken", "plantedPushNotTaken"), "secret_push_key", "short")
	o.post(page+"/push", http.StatusOK, nil, "secret_push_token", plant("its push token", "plantedPushOfPage"),
		"secret_push_key", plant("its push key", "plantedByPageplantedByPageplantedByPage0000"))
	o.post(page+"/try", http.StatusOK, nil)

	byStdin := func(input string, arguments ...string) {
		o.t.Helper()
		run := exec.Command(binary, arguments...)
		run.Stdin = strings.NewReader(input + "\n")
		p := startCommand(o.t, o.server.settings, run)
		wantNotOnCommandLine(o.t, p, atRest)
		err := p.wait(o.t, time.Minute)
		if refused := arguments[1] == "test"; (err != nil) != refused {
			o.t.Errorf("%v: %v %s", arguments, err, p.stderr.String())
		}
		atRest.wantNoneIn(o.t, fmt.Sprintf("the output of %v", arguments), p.stdout.String()+p.stderr.String())
	}
	byStdin(plant("the secret of a third app", "5ec2e7a0000000000000000000000004"), "app", "add", byCommand)
	byStdin(plant("the next secret of the third app", "5ec2e7a0000000000000000000000005"), "app", "set-secret", byCommand)
	byStdin(plant("the push token of the third app", "plantedPushByCommand")+"\n"+
		plant("the push key of the third app", "plantedByCommandplantedByCommandplanted0000"), "app", "set-push", byCommand)
	byStdin("", "app", "test", byCommand)
	for _, path := range []string{"/admin/apps", page, "/apps/" + byPage + "/admin/", "/apps/" + byPage + "/admin/system", "/admin/audit"} {
		o.get(path, http.StatusOK, nil)
	}
	refused := o.server.mustPost(o.t, "/apps/"+byPage+"/login/", fields{"code": "0of-nobody"}, 10)
	atRest.wantNoneIn(o.t, "an answer", refused.body)
}

// wantNotOnCommandLine looks at what everybody on the machine may see of a process.
func wantNotOnCommandLine(t *testing.T, p *process, secret canaries) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.command.Process.Pid))
	if errors.Is(err, fs.ErrNotExist) {
		return // it has ended already
	}
	if err != nil {
		t.Fatal(err)
	}
	secret.wantNoneIn(t, "the command line", string(text))
}
