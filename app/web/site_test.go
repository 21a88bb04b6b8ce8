package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/apps"
	"wxkeeper/app/backend"
	"wxkeeper/app/keeper"
	"wxkeeper/app/operator"
	"wxkeeper/app/sandbox"
)

const secondAppid, secondSecret = app.Appid("wx5a9db0c0de000002"), app.Secret("5a9db0c0de0000025a9db0c0de000002")

// town is an office whose server serves whatever apps are stored, of two that WeChat knows.
type town struct {
	*office
	backEnds *backend.Register
	register apps.Register
	serving  *apps.Serving
}

func newTown(t *testing.T) *town {
	t.Helper()
	o := newOffice(t)
	second := sandbox.App{Appid: secondAppid, Secret: secondSecret, OpenPlatform: "demo"}
	o.emulator = sandbox.New(sandbox.Options{Clock: o.now, Apps: []sandbox.App{sandbox.DemoApp(), second}})
	weChat := httptest.NewServer(o.emulator)
	t.Cleanup(weChat.Close)
	ring, err := o.store.KeyRing(t.Context(), [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	backEnds := backend.New(backend.Options{Store: o.store, Ring: ring, Clock: o.now, Log: log})
	t.Cleanup(backEnds.Close)
	site := NewSite(SiteOptions{
		API:       Options{BackEnds: backEnds, Ready: o.store.Ready, Log: log, Clock: o.now},
		Dashboard: DashboardOptions{Accounts: o.accounts, Store: o.store, Location: time.UTC, Log: log, Clock: o.now},
		Ring:      ring, EventsKeep: 24 * time.Hour, KeyAging: 24 * time.Hour,
	})
	w := &town{office: o, backEnds: backEnds}
	w.register = apps.Register{Store: o.store, Ring: ring, Clock: o.now, Default: sandbox.DemoApp().Appid, WeChatURL: weChat.URL}
	w.serving, err = apps.Serve(t.Context(), apps.Options{
		Register: w.register, Secrets: app.AppSecrets[app.Secret]{Secret: sandbox.DemoApp().Secret}, Log: log,
		Settings: keeper.Settings{
			Sessions: app.SessionPolicy{Idle: time.Hour, MaxAge: time.Hour}, KeyGrace: time.Minute, KeyAging: 24 * time.Hour, EventsKeep: 24 * time.Hour,
		},
	}, site.Faces)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.serving.Close)
	site.Attach(w.serving)
	o.server = httptest.NewServer(site.Handler(true, true))
	t.Cleanup(o.server.Close)
	return w
}

// ask sends a form to the API and gives the answer.
func (w *town) ask(t *testing.T, path, form string) (int, string) {
	t.Helper()
	answer, err := http.Post(w.server.URL+path, formType, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestTwoAppsInOneServer(t *testing.T) {
	w := newTown(t)
	b := w.signIn(t, app.RoleAdmin)
	here, there := "/apps/"+string(sandbox.DemoApp().Appid), "/apps/"+string(secondAppid)
	if status, body := w.ask(t, there+"/login/", "code=x"); status != 404 || !strings.Contains(body, `"code":13`) {
		t.Errorf("an app nobody knows: HTTP %d %s", status, body)
	}

	added := b.post("/admin/apps", "appid", string(secondAppid), "name", "第二店", "policy", "", "secret", "5a9db0c0de0000025a9db0c0de00000f")
	if added.Header.Get("Location") != "/admin/apps/"+string(secondAppid) {
		t.Fatalf("adding: HTTP %d to %s: %s", added.Status, added.Header.Get("Location"), added.Text)
	}
	if p := b.post("/admin/apps/" + string(secondAppid) + "/try"); !strings.Contains(p.Text, "40125 AppSecret 错误") {
		t.Errorf("a wrong secret: %s", p.Find("#try").Text())
	}
	b.follow("/admin/apps/"+string(secondAppid)+"/secret", "secret", secondSecret.Reveal())
	if p := b.post("/admin/apps/" + string(secondAppid) + "/try"); strings.Count(p.Find("#try").Text(), "验证通过") != 2 {
		t.Errorf("the right secret: %s", p.Find("#try").Text())
	}

	first := w.emulator.AddPhone(sandbox.PhoneOptions{Person: sandbox.Person{Nickname: "小刘"}})
	second := w.emulator.AddPhone(sandbox.PhoneOptions{Appid: secondAppid, Owner: first})
	programs := map[string]*sandbox.MiniProgram{
		"": sandbox.NewMiniProgram(first, w.server.URL, w.server.Client()), there: sandbox.NewMiniProgram(second, w.server.URL+there, w.server.Client()),
	}
	for _, program := range programs {
		if err := program.Launch(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	token := func(path string) string {
		status, body := w.ask(t, path+"/login/", "code="+map[string]*sandbox.Phone{"": first, there: second}[path].Login())
		_, rest, found := strings.Cut(body, `"token":"`)
		if status != 200 || !found {
			t.Fatalf("%s: HTTP %d %s", path, status, body)
		}
		text, _, _ := strings.Cut(rest, `"`)
		return "token=" + text
	}
	firstToken, secondToken := token(""), token(there)
	for _, one := range []struct {
		path, form string
		code       string
	}{
		{"", firstToken, `"code":0`}, {here, firstToken, `"code":0`}, {there, secondToken, `"code":0`},
		{there, firstToken, `"code":2`}, {"", secondToken, `"code":2`}, {here, secondToken, `"code":2`},
	} {
		if _, body := w.ask(t, one.path+"/session/", one.form); !strings.Contains(body, one.code) {
			t.Errorf("%s/session/: %s, want %s", one.path, body, one.code)
		}
	}

	if first.OpenID() == second.OpenID() {
		t.Fatal("one openid in both apps")
	}
	user, err := w.store.Read().UserByOpenID(t.Context(), 1, first.OpenID())
	if err != nil {
		t.Fatal(err)
	}
	other, err := w.store.Read().UserByOpenID(t.Context(), 2, second.OpenID())
	if err != nil {
		t.Fatal(err)
	}
	p := b.get("/admin/users/" + user.Number.String())
	link := p.Find("a[href='" + there + "/admin/users/" + other.Number.String() + "']")
	if link.Length() != 1 || !strings.Contains(p.Text, string(first.OpenID())) || !strings.Contains(p.Text, string(second.OpenID())) {
		t.Errorf("the page of a user of two apps: %s", p.Text)
	}
	p = b.get(there + "/admin/users/" + other.Number.String())
	if p.Find("a[href='/admin/users/"+user.Number.String()+"']").Length() != 1 || !strings.Contains(p.Text, string(first.OpenID())) {
		t.Errorf("the page of the same person in the second app: %s", p.Text)
	}
	if p := b.get(there + "/admin/users"); p.Find("tbody tr").Length() != 1 || p.Find("a[href='"+there+"/admin/users/"+other.Number.String()+"']").Length() == 0 {
		t.Errorf("users of the second app: %s", p.Text)
	}
	if p := b.get("/admin/users/" + other.Number.String()); p.Status != 404 {
		t.Errorf("a user of the second app among those of the first: HTTP %d", p.Status)
	}

	b.post(there+"/admin/users/"+other.Number.String()+"/relogin", "reason", "test")
	if p := b.get("/admin/audit"); p.Find("td a[href='"+there+"/admin/users/"+other.Number.String()+"']").Length() != 1 {
		t.Errorf("the audit log leads elsewhere: %s", p.Text)
	}
	if p := b.get("/admin/apps"); p.Find("tbody tr").Length() != 2 || p.Find(".topbar a[href='"+there+"/admin/']").Length() != 1 {
		t.Errorf("the list of apps: %s", p.Text)
	}
	secondToken = token(there)

	b.follow("/admin/apps/" + string(secondAppid) + "/disable")
	if status, body := w.ask(t, there+"/session/", secondToken); status != 404 || !strings.Contains(body, `"code":13`) {
		t.Errorf("a disabled app: HTTP %d %s", status, body)
	}
	if p := b.get(there + "/admin/users"); p.Status != 200 {
		t.Errorf("pages of a disabled app: HTTP %d", p.Status)
	}
	if err := w.register.Enable(t.Context(), app.CommandLine, secondAppid); err != nil { // as another process does
		t.Fatal(err)
	}
	if err := w.serving.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, body := w.ask(t, there+"/session/", secondToken); !strings.Contains(body, `"code":0`) {
		t.Errorf("served again: %s", body)
	}
}

// TestAppsAreNotMixed: tokens, names of users and credentials of one app are worth nothing at another.
func TestAppsAreNotMixed(t *testing.T) {
	w := newTown(t)
	there := "/apps/" + string(secondAppid)
	if err := w.register.Add(t.Context(), app.CommandLine, secondAppid, "", app.PolicyServer, secondSecret); err != nil {
		t.Fatal(err)
	}
	if err := w.serving.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := w.emulator.AddPhone(sandbox.PhoneOptions{})
	second := w.emulator.AddPhone(sandbox.PhoneOptions{Appid: secondAppid, Owner: first})
	here := sandbox.NewMiniProgram(first, w.server.URL, w.server.Client())
	other := sandbox.NewMiniProgram(second, w.server.URL+there, w.server.Client())
	credentials := map[string]app.BackEndSecret{}
	for name, of := range map[string]app.AppID{"shop": 1, "all": 0} {
		secret, err := w.backEnds.Add(t.Context(), app.CommandLine, name, of)
		if err != nil {
			t.Fatal(err)
		}
		credentials[name] = secret
	}
	for _, program := range []*sandbox.MiniProgram{here, other} {
		if err := program.Launch(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	foreign, err := w.store.Read().UserByOpenID(t.Context(), 2, second.OpenID())
	if err != nil {
		t.Fatal(err)
	}
	call := func(path, name, body string, want ...string) {
		t.Helper()
		sent, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		sent.Header.Set("Content-Type", jsonType)
		if name != "" {
			sent.SetBasicAuth(name, credentials[name].Reveal())
		}
		got := w.do(t, sent)
		for _, text := range want {
			if !strings.Contains(got.Body, text) {
				t.Errorf("%s %s as %q: HTTP %d %s, want %s", path, body, name, got.HTTP, got.Body, text)
			}
		}
	}
	mine := `"token":"` + here.Token() + `"`
	for _, path := range []string{"/phone/", "/profile/", "/session/", "/logout/", "/getinfo/"} {
		call(there+path, "", `{`+mine+`,"code":"x","nickName":"x","iv":"AA==","encryptedData":"AA=="}`, `"code":2`)
	}
	w.server.URL += there
	if got := w.upload(t, here.Token(), "", "x.png", pngOf(20, 10)); got.Code != 2 {
		t.Errorf("an avatar: HTTP %d %s", got.HTTP, got.Body)
	}
	w.server.URL = strings.TrimSuffix(w.server.URL, there)
	named := `{"openid":"` + string(second.OpenID()) + `","payload":"x","code":"x"}`
	numbered := `{"user":"` + foreign.Number.String() + `","payload":"x"}`
	for _, path := range []string{"/sign/", "/session/", "/phone/"} {
		call(path, "shop", named, `"code":3`)
		call(path, "all", named, `"code":3`)
		call(there+path, "shop", named, `"code":2`)
	}
	call("/sign/", "shop", numbered, `"code":3`)
	call(there+"/sign/", "all", named, `"code":0`, foreign.Number.String())
	call(there+"/sign/", "all", numbered, `"code":0`)
	call("/introspect/", "all", `{"token":"`+other.Token()+`"}`, `{"active":false}`)
	call(there+"/introspect/", "all", `{"token":"`+other.Token()+`"}`, `"active":true`, `"client_id":"`+string(secondAppid)+`"`)
	call(there+"/introspect/", "all", `{`+mine+`}`, `{"active":false}`)
	call("/session/", "", `{`+mine+`}`, `"code":0`) // the logout elsewhere ended nothing
}

// TestAppsChangeByWhoeverProvesIt: as robots and webhooks do. A form with secrets in it, which no page may hold, takes the proof itself.
func TestAppsChangeByWhoeverProvesIt(t *testing.T) {
	w := newTown(t)
	if err := w.register.Add(t.Context(), app.CommandLine, secondAppid, "", app.PolicyServer, secondSecret); err != nil {
		t.Fatal(err)
	}
	if err := w.serving.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := w.signIn(t, app.RoleAdmin)
	w.pass(operator.ProofLife)
	page, planted := "/admin/apps/"+string(secondAppid), "5a9db0c0de00000f5a9db0c0de00000f"
	forms := map[string][]string{
		"/admin/apps": {"appid", "wx5a9db0c0de000003", "secret", planted}, page + "/secret": {"secret", planted},
		page + "/push": {"secret_push_token", planted, "secret_push_key", planted + "abcdefghijk"},
		page:           {"name", "第二店"}, page + "/disable": nil, page + "/enable": nil,
	}
	for address, form := range forms {
		p := b.post(address, form...)
		secret := len(form) > 0 && strings.Contains(strings.Join(form, " "), planted)
		if again := p.Find("form[action='"+address+"'] input[name=proof_password]").Length() == 1; p.Status != http.StatusForbidden || again == secret ||
			strings.Contains(p.Body, planted) {
			t.Errorf("%s: HTTP %d %s", address, p.Status, p.Text)
		}
	}
	for address, asked := range map[string]int{"/admin/apps": 1, page: 2} {
		if n := b.get(address).Find("form input[name=proof_password]").Length(); n != asked {
			t.Errorf("%s asks for the password %d times", address, n)
		}
	}
	if p := b.post(page + "/try"); p.Status != http.StatusOK {
		t.Errorf("a try changes nothing: HTTP %d", p.Status)
	}
	if p := b.post(page+"/secret", "secret", planted, "proof_password", officePassword); p.Status != http.StatusSeeOther {
		t.Errorf("with the password: HTTP %d %s", p.Status, p.Text)
	}
}

func TestRoutesOfAppsAreForAdmins(t *testing.T) {
	w := newTown(t)
	viewer := w.signIn(t, app.RoleOperator)
	for _, path := range []string{"/admin/apps", "/admin/apps/x/secret", "/admin/apps/x/push", "/admin/apps/x/try", "/admin/apps/x/disable", "/admin/apps/x/enable", "/admin/apps/x"} {
		if p := viewer.post(path); p.Status != http.StatusForbidden {
			t.Errorf("POST %s: HTTP %d", path, p.Status)
		}
	}
	if p := viewer.get("/admin/apps"); p.Status != http.StatusOK || p.Find("form[action='/admin/apps#add']").Length() != 0 {
		t.Errorf("the list: HTTP %d", p.Status)
	}
}
