package web

import (
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/operator"
	"wxkeeper/views"
)

func TestSafeAddress(t *testing.T) {
	for _, address := range []string{
		"/admin/", "/admin/users", "/admin/users/", "/admin/users?q=%E5%B0%8F&state=dead", "/admin/users?q=https://evil.example//x",
		"/admin/users?q=..%2f..", "/admin/users/123456789/keys", "/admin/users?q=a.csv", "/admin/login?next=%2Fadmin%2Fusers&expired=1",
	} {
		if got := safeAddress(address); got != address {
			t.Errorf("%q became %q", address, got)
		}
	}
	for _, address := range []string{
		"", "/", "/admin", "/users", "admin/", "//evil.example", "///evil.example/admin/", "/\\evil.example", "\\\\evil.example/admin/",
		"https://evil.example/admin/", "http:/admin/", "HTTPS://evil.example/admin/", "javascript:alert(1)", "/admin/\r\nSet-Cookie: a=b",
		"/admin/%0d%0aSet-Cookie:%20a=b", "/admin/x\nLocation: //evil.example", "/admin/\t/evil", "/admin/../x", "/admin/..", "/admin/./x",
		"/admin/%2e%2e/x", "/admin/%2E%2E%2Fx", "/admin/..%2fx", "/admin//x", "/admin/%2fevil.example", "/admin/%2F%2Fevil.example",
		"/admin/%5cevil.example", "/admin/x\\..\\..", "/%61dmin/", "/admin%2f", "/admin/%zz", "/admin/x y", " /admin/", "/admin/\x00",
		"/admin/%00", "/admin/users\x7f", "/admin/\u2028", "/admin/users?q=\x85", "/admin/users.csv?q=小明", "/admin/audit.csv", "@evil.example/admin/", "/adminx/", "/Admin/",
		"/admin/" + strings.Repeat("x", 5000),
	} {
		if got := safeAddress(address); got != "/admin/" {
			t.Errorf("%q became %q", address, got)
		}
	}
}

func TestSignInPage(t *testing.T) {
	o := newOffice(t)
	b := o.stranger(t)
	if p := b.get("/admin/login"); !strings.Contains(p.Body, "wxkeeper operator add NAME --role admin") || p.Find("input[name=password]").Length() != 0 {
		t.Errorf("without any operator: %s", p.Text)
	}
	o.operator(t, "王小雨", app.RoleViewer)
	for language, words := range map[string][]string{
		"zh-CN": {"登录", "登录已过期，请重新登录，未保存的内容不会丢失。", "已退出登录。"},
		"en":    {"Sign in", "Your sign-in has expired. Please sign in again; nothing you entered is lost.", "You are signed out."},
	} {
		b.Language = language
		for i, address := range []string{"/admin/login", "/admin/login?expired=1", "/admin/login?signed_out=1"} {
			p := b.get(address)
			if p.Status != http.StatusOK || !strings.Contains(p.Text, words[i]) || p.Find("html").AttrOr("lang", "") != language {
				t.Errorf("%s in %s: HTTP %d %s", address, language, p.Status, p.Text)
			}
			if strings.Contains(p.Text, "operator add") {
				t.Errorf("%s in %s speaks of the command line", address, language)
			}
		}
	}
	p := b.get("/admin/login?next=/admin/users%3Fq%3D%E5%B0%8F")
	if name, password := p.Find("input[name=name]"), p.Find("input[name=password]"); name.AttrOr("autocomplete", "") != "username" ||
		password.AttrOr("autocomplete", "") != "current-password" || password.AttrOr("type", "") != "password" {
		t.Error("password managers do not know the fields")
	}
	if p := b.submit(p.Find("form[action='/admin/login']"), "name", " 王小雨 ", "password", officePassword); p.Header.Get("Location") != "/admin/users?q=小" {
		t.Errorf("went on to %q: HTTP %d %s", p.Header.Get("Location"), p.Status, p.Text)
	}
	if p := b.get("/admin/login?next=/admin/keys"); p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/admin/keys" {
		t.Errorf("signed in already: HTTP %d to %s", p.Status, p.Header.Get("Location"))
	}
	for _, next := range []string{"//evil.example", "https://evil.example/admin/", "/admin/../x"} {
		p := o.stranger(t).post("/admin/login", "name", "王小雨", "password", officePassword, "next", next)
		if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/admin/" {
			t.Errorf("next=%s: HTTP %d to %s", next, p.Status, p.Header.Get("Location"))
		}
	}
}

// Nobody learns from the answer which names exist.
func TestWrongSignInsAreAnsweredAlike(t *testing.T) {
	o := newOffice(t)
	for _, name := range []string{"alice", "carol", "admin"} {
		o.operator(t, name, app.RoleAdmin)
	}
	if err := o.accounts.Disable(t.Context(), operator.Order{}, "carol"); err != nil {
		t.Fatal(err)
	}
	answers := map[string]bool{}
	for _, try := range []struct{ name, password string }{
		{"alice", "wrong password"}, {"carol", officePassword}, {"nobdy", officePassword}, {"alice", ""}, {"nobdy", ""},
		{"alice", strings.Repeat("x", 5000)}, {"nobdy", strings.Repeat("x", 5000)},
	} {
		p := o.stranger(t).post("/admin/login", "name", try.name, "password", try.password, "next", "/admin/keys")
		if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Text, "账号或密码不正确。") || p.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: HTTP %d %s", try.name, p.Status, p.Text)
		}
		if name := p.Find("input[name=name]").AttrOr("value", ""); name != try.name {
			t.Errorf("the name %q became %q", try.name, name)
		}
		if p.Find("input[name=next]").AttrOr("value", "") != "/admin/keys" {
			t.Errorf("the page to go on to is lost")
		}
		if try.password != "" && strings.Contains(p.Body, try.password) {
			t.Error("the password is on the page")
		}
		answers[strings.ReplaceAll(p.Body, try.name, "")] = true
	}
	if len(answers) != 1 {
		t.Errorf("%d different answers", len(answers))
	}
	b := o.stranger(t)
	b.Language = "en"
	if p := b.post("/admin/login"); p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Text, "Name or password is wrong.") {
		t.Errorf("an empty form: HTTP %d %s", p.Status, p.Text)
	}
}

func TestSignInIsLimited(t *testing.T) {
	o := newOffice(t)
	o.operator(t, "alice", app.RoleViewer)
	known := o.signInAs(t, "alice") // in which neighbours behind the same address lock nobody out
	known.post("/admin/logout")
	b := o.stranger(t)
	for range 10 {
		b.post("/admin/login", "name", "alice", "password", "wrong")
	}
	o.pass(30 * time.Second)
	for language, words := range map[string]string{"zh-CN": "尝试次数过多，请在 15 分钟后再试。", "en": "Too many tries. Try again in 15 minutes."} {
		b.Language = language
		p := b.post("/admin/login", "name", "alice", "password", officePassword)
		if p.Status != http.StatusTooManyRequests || !strings.Contains(p.Text, words) || p.Find("input[name=name]").AttrOr("value", "") != "alice" {
			t.Errorf("HTTP %d %s", p.Status, p.Text)
		}
		if wait, err := strconv.Atoi(p.Header.Get("Retry-After")); err != nil || wait != 870 {
			t.Errorf("Retry-After: %s", p.Header.Get("Retry-After"))
		}
	}
	p := known.post("/admin/login", "name", "alice", "password", officePassword)
	if p.Status != http.StatusSeeOther {
		t.Errorf("in a browser that is known: HTTP %d %s", p.Status, p.Text)
	}
	if device := sessionOf(t, p.Header, "wxkeeper_device"); !device.HttpOnly || device.SameSite != http.SameSiteLaxMode || device.MaxAge <= 0 {
		t.Errorf("%+v", device)
	}
	o.pass(15 * time.Minute)
	o.signInAs(t, "alice")
}

func sessionOf(t *testing.T, header http.Header, name string) *http.Cookie {
	t.Helper()
	for _, line := range header.Values("Set-Cookie") {
		cookie, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		if cookie.Name == name {
			return cookie
		}
	}
	t.Fatalf("no cookie %s in %v", name, header)
	return nil
}

func TestSignInBeginsANewSessionAndEndsTheOld(t *testing.T) {
	o := newOffice(t)
	o.operator(t, "alice", app.RoleViewer)
	b := o.stranger(t)
	form := []string{"name", "alice", "password", officePassword}
	planted := &http.Cookie{Name: "wxkeeper_session", Value: strings.Repeat("A", 43), Path: "/"}
	base, err := url.Parse(o.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	b.client.Jar.SetCookies(base, []*http.Cookie{planted})
	first := sessionOf(t, b.post("/admin/login", form...).Header, "wxkeeper_session")
	second := sessionOf(t, b.post("/admin/login", form...).Header, "wxkeeper_session")
	if first.Value == planted.Value || second.Value == first.Value || len(second.Value) != 43 {
		t.Errorf("ids %q, %q after %q", first.Value, second.Value, planted.Value)
	}
	if _, err := o.accounts.Session(t.Context(), app.Secret(first.Value)); app.KindOf(err) != app.InvalidToken {
		t.Errorf("the session before is still good: %v", err)
	}
	if p := b.get("/admin/help"); p.Status != http.StatusOK {
		t.Errorf("the new session: HTTP %d", p.Status)
	}
}

func TestCookies(t *testing.T) {
	form := []string{"name", "alice", "password", officePassword}
	for _, c := range []struct {
		how    string
		change func(*DashboardOptions)
		header string // X-Forwarded-Proto
		secure bool
	}{
		{"plain http", func(*DashboardOptions) {}, "", false},
		{"a claim from anywhere", func(*DashboardOptions) {}, "https", false},
		{"a trusted proxy that came by http", func(d *DashboardOptions) { d.TrustedProxies = loopback }, "http", false},
		{"a trusted proxy that came by https", func(d *DashboardOptions) { d.TrustedProxies = loopback }, "https", true},
		{"the setting", func(d *DashboardOptions) { d.Secure = true }, "", true},
	} {
		o := newOffice(t, c.change)
		o.operator(t, "alice", app.RoleViewer)
		b := o.stranger(t)
		b.Headers = map[string]string{"X-Forwarded-Proto": c.header}
		prefix := ""
		if c.secure {
			prefix = "__Host-"
		}
		for _, cookie := range []*http.Cookie{
			sessionOf(t, b.post("/admin/login", form...).Header, prefix+"wxkeeper_session"),
			sessionOf(t, b.post("/admin/language", "language", "en").Header, prefix+"wxkeeper_language"),
			sessionOf(t, b.post("/admin/theme", "theme", "dark").Header, prefix+"wxkeeper_theme"),
		} {
			if cookie.Secure != c.secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" {
				t.Errorf("%s: %s", c.how, cookie)
			}
			if session := strings.HasSuffix(cookie.Name, "session"); session != (cookie.MaxAge == 0) {
				t.Errorf("%s: %s lives %d s", c.how, cookie.Name, cookie.MaxAge)
			}
		}
	}
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func TestDashboardBehindTLS(t *testing.T) {
	o := newOffice(t)
	o.operator(t, "alice", app.RoleViewer)
	server := httptest.NewTLSServer(o.dashboard.Handler())
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := o.stranger(t)
	b.base, b.client.Transport, b.client.Jar = server.URL, server.Client().Transport, jar
	if p := b.post("/admin/login", "name", "alice", "password", officePassword); p.Status != http.StatusSeeOther {
		t.Fatalf("HTTP %d %s", p.Status, p.Text)
	}
	if p := b.get("/admin/help"); p.Status != http.StatusOK || p.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("HTTP %d, %v", p.Status, p.Header)
	}
	out := b.post("/admin/logout")
	if cookie := sessionOf(t, out.Header, "__Host-wxkeeper_session"); cookie.MaxAge >= 0 || !cookie.Secure || cookie.Value != "" {
		t.Errorf("signed out with %s", cookie)
	}
	if p := b.get("/admin/help"); p.Status != http.StatusSeeOther {
		t.Errorf("signed out: HTTP %d", p.Status)
	}
}

func TestSignOut(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleViewer)
	if p := b.get("/admin/logout"); p.Status != http.StatusMethodNotAllowed {
		t.Errorf("GET: HTTP %d", p.Status)
	}
	before, err := o.accounts.Sessions(t.Context(), b.Name)
	if err != nil || len(before) != 1 {
		t.Fatalf("%d sessions, %v", len(before), err)
	}
	p := b.submit(b.get("/admin/help").Find("form[action='/admin/logout']").First())
	if cookie := sessionOf(t, p.Header, "wxkeeper_session"); cookie.MaxAge >= 0 || cookie.Value != "" {
		t.Errorf("the browser keeps %s", cookie)
	}
	if after, err := o.accounts.Sessions(t.Context(), b.Name); err != nil || len(after) != 0 {
		t.Errorf("%d sessions, %v", len(after), err)
	}
	if p := b.get(p.Header.Get("Location")); !strings.Contains(p.Text, "已退出登录。") {
		t.Errorf("%s", p.Text)
	}
	if p := b.get("/admin/help"); !strings.HasPrefix(p.Header.Get("Location"), "/admin/login?next=") || strings.Contains(p.Header.Get("Location"), "expired") {
		t.Errorf("signed out: HTTP %d to %s", p.Status, p.Header.Get("Location"))
	}
	if p := b.post("/admin/logout"); p.Status != http.StatusSeeOther {
		t.Errorf("signed out twice: HTTP %d", p.Status)
	}
}

func TestExpiredSessionAsksForThePageAgain(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleViewer)
	o.pass(operator.SessionIdle)
	p := b.get("/admin/account?x=1")
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/admin/login?expired=1&next=%2Fadmin%2Faccount%3Fx%3D1" {
		t.Fatalf("HTTP %d to %s", p.Status, p.Header.Get("Location"))
	}
	p = b.get(p.Header.Get("Location"))
	if !strings.Contains(p.Text, "登录已过期，请重新登录，未保存的内容不会丢失。") {
		t.Errorf("%s", p.Text)
	}
	p = b.submit(p.Find("form[action='/admin/login']"), "name", b.Name, "password", officePassword)
	if p.Header.Get("Location") != "/admin/account?x=1" {
		t.Errorf("HTTP %d to %s", p.Status, p.Header.Get("Location"))
	}
}

func TestAFormSentTooLateIsNotLost(t *testing.T) {
	o := newOffice(t)
	someone := o.operator(t, "bob", app.RoleViewer)
	b := o.signIn(t, app.RoleAdmin)
	role := func() app.Role {
		found, err := o.store.Read().OperatorByID(t.Context(), someone.ID)
		if err != nil {
			t.Fatal(err)
		}
		return found.Role
	}
	form := b.get(operatorPath(someone)).Find("form[action$='/role']")
	for language, words := range map[string][]string{
		"zh-CN": {"登录已过期，请重新登录，未保存的内容不会丢失。", "账号或密码不正确。", "继续刚才的操作", "更改角色", "运营"},
		"en":    {"nothing you entered is lost", "Name or password is wrong.", "Go on where you were", "Change role", "Operator"},
	} {
		o.pass(operator.SessionIdle)
		b.Language = language
		b.Headers = map[string]string{"Referer": o.server.URL + operatorPath(someone)}
		p := b.submit(form, "role", "operator", "more", `"><b>`, "more", "2")
		if p.Status != http.StatusUnauthorized || !strings.Contains(p.Text, words[0]) || p.Find(".choice").Length() != 0 {
			t.Fatalf("HTTP %d %s", p.Status, p.Text)
		}
		b.Headers = nil
		p = b.submit(p.Find("form[action='/admin/login']"), "name", b.Name, "password", "wrong password")
		if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Text, words[1]) {
			t.Fatalf("HTTP %d %s", p.Status, p.Text)
		}
		p = b.submit(p.Find("form[action='/admin/login']"), "name", b.Name, "password", officePassword)
		if p.Status != http.StatusOK || role() != app.RoleViewer {
			t.Fatalf("HTTP %d %s; bob is %s", p.Status, p.Text, role())
		}
		for _, words := range append(words[2:], `"><b>, 2`, operatorPath(someone)+"/role") {
			if !strings.Contains(p.Text, words) {
				t.Errorf("%q is not said: %s", words, p.Text)
			}
		}
		if back := p.Find("main form a").AttrOr("href", ""); back != operatorPath(someone) {
			t.Errorf("the way back leads to %s", back)
		}
		if more := p.Find("input[name=more]"); more.Length() != 2 || more.First().AttrOr("value", "") != `"><b>` {
			t.Errorf("%d values came along", more.Length())
		}
		p = b.submit(p.Find("main form"), "more", "")
		if p.Status != http.StatusSeeOther || role() != app.RoleOperator {
			t.Errorf("HTTP %d %s; bob is %s", p.Status, p.Text, role())
		}
		if err := o.accounts.SetRole(t.Context(), operator.Order{}, "bob", app.RoleViewer); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsNotKeptOfAForm(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleAdmin)
	o.pass(operator.SessionIdle)
	for what, p := range map[string]page{
		"a password":     b.post("/admin/operators", "name", "bob", "role", "admin", "password", "hush hush hush", "password_repeat", "hush hush hush"),
		"much":           b.post("/admin/users/relogin", "filter", strings.Repeat("x", longestKept)),
		"own password":   b.post("/admin/account/password", "old_password", "hush hush hush"),
		"what is JSON":   b.postAs("/admin/keys/pause", jsonType, `{"reason":"hush hush hush"}`),
		"what is broken": b.postAs("/admin/keys/pause", formType, "reason=%zz"),
	} {
		if p.Status != http.StatusUnauthorized || !strings.Contains(p.Text, "没有保留") || p.Find("input[name=kept]").Length() != 0 ||
			strings.Contains(p.Body, "hush") {
			t.Errorf("%s: HTTP %d %s", what, p.Status, p.Body)
		}
	}
	if p := b.post("/admin/keys/pause"); p.Find("input[name=kept_path]").AttrOr("value", "") != "/admin/keys/pause" {
		t.Errorf("a form without fields: %s", p.Text)
	}
}

// postAs sends a body of any type.
func (b *browser) postAs(path, contentType, body string) page {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	return b.send(request)
}

// Nothing is continued that the dashboard does not take, or that says more than it would keep.
func TestOnlyFormsOfTheDashboardAreContinued(t *testing.T) {
	o := newOffice(t)
	for _, form := range [][2]string{
		{"https://evil.example/admin/keys/pause", ""}, {"//evil.example/admin/keys/pause", ""}, {"/admin/login", ""}, {"/admin/logout", ""},
		{"/admin/language", "language=en"}, {"/admin/users", ""}, {"/admin/keys/pause/", ""}, {"/admin/x/../keys/pause", ""},
		{"/admin/users/1?x=/check", ""}, {"/admin/users/1#/check", ""}, {"/admin/users//check", ""}, {"/login/", "code=1"}, {"javascript:alert(1)", ""},
		{"/admin/keys/pause", "password=1"}, {"/admin/keys/pause", "reason=%zz"}, {"/admin/keys/pause", "reason=" + strings.Repeat("x", longestKept)},
	} {
		if kept, values := o.dashboard.keptForm(fields{"kept_path": form[0], "kept": form[1]}); kept.Path != "" || values != nil {
			t.Errorf("%s is kept: %+v", form, kept)
		}
	}
	if kept, values := o.dashboard.keptForm(fields{"kept_path": "/admin/users/1/check", "kept": "reason=a"}); kept.Path == "" || values.Get("reason") != "a" {
		t.Errorf("a good form is not kept")
	}
	o.operator(t, "alice", app.RoleAdmin)
	form := []string{"name", "alice", "password", officePassword, "kept_path", "//evil.example/admin/keys/pause", "next", "/admin/keys"}
	if p := o.stranger(t).post("/admin/login", form...); p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/admin/keys" {
		t.Errorf("HTTP %d to %s", p.Status, p.Header.Get("Location"))
	}
}

// Every form that can be kept is known by what it does.
func TestEveryFormHasAName(t *testing.T) {
	o := newOffice(t, sandboxed)
	for _, route := range o.dashboard.routes() {
		if route.method != http.MethodPost || route.role == everybody {
			continue
		}
		names := map[string]bool{}
		for _, language := range views.Languages() {
			name := views.Text{Language: language}.T("act." + route.path)
			names[name] = true
			if strings.Contains(name, "act.") {
				t.Errorf("%s has no message act.%s", language, route.path)
			}
		}
		if len(names) != len(views.Languages()) {
			t.Errorf("%s is called %v in all languages", route.path, names)
		}
	}
}

func TestScriptsAreToldToSignIn(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleOperator)
	o.pass(operator.SessionIdle)
	for _, c := range []struct {
		headers map[string]string
		post    bool
		next    string
	}{
		{map[string]string{"HX-Request": "true", "HX-Current-URL": o.server.URL + "/admin/users?q=a"}, false, "/admin/users?q=a"},
		{map[string]string{"HX-Request": "true", "HX-Current-URL": o.server.URL + "/admin/jobs/7"}, true, "/admin/jobs/7"},
		{map[string]string{"HX-Request": "true", "HX-Current-URL": "https://evil.example//evil.example"}, false, "/admin/"},
		{map[string]string{"X-Refresh": "1", "Referer": o.server.URL + "/admin/keys"}, false, "/admin/keys"},
		{map[string]string{"Accept": "text/event-stream", "Referer": o.server.URL + "/admin/events"}, false, "/admin/events"},
	} {
		b.Headers = c.headers
		p := b.get("/admin/events")
		if c.post {
			p = b.post("/admin/keys/pause")
		}
		want := "/admin/login?" + url.Values{"expired": {"1"}, "next": {c.next}}.Encode()
		if p.Status != http.StatusUnauthorized || p.Header.Get("HX-Redirect") != want || p.Body != "" {
			t.Errorf("%v: HTTP %d to %s", c.headers, p.Status, p.Header.Get("HX-Redirect"))
		}
	}
}

// A page that is left open does not keep its operator signed in.
func TestRefreshingKeepsNobodySignedIn(t *testing.T) {
	for what, headers := range map[string]map[string]string{
		"a refresh": {"X-Refresh": "1", "HX-Request": "true"}, "a stream": {"Accept": "text/event-stream"}, "somebody": nil,
	} {
		o := newOffice(t)
		b := o.signIn(t, app.RoleViewer)
		b.Headers = headers
		for range 3 {
			o.pass(operator.SessionIdle / 3)
			b.get("/admin/help")
		}
		b.Headers = nil
		if p := b.get("/admin/help"); (p.Status == http.StatusOK) != (headers == nil) {
			t.Errorf("after %s: HTTP %d", what, p.Status)
		}
	}
}

func TestARefreshTakesNoMessage(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleAdmin)
	other := o.operator(t, "bob", app.RoleViewer)
	if p := b.post(operatorPath(other) + "/disable"); p.Status != http.StatusSeeOther {
		t.Fatalf("HTTP %d %s", p.Status, p.Text)
	}
	b.Headers = map[string]string{"X-Refresh": "1"}
	if p := b.get("/admin/help"); strings.Contains(p.Text, "已停用 bob。") {
		t.Error("a refresh shows the message")
	}
	b.Headers = nil
	if p := b.get("/admin/help"); !strings.Contains(p.Text, "已停用 bob。") {
		t.Error("the message is lost")
	}
	if p := b.get("/admin/help"); strings.Contains(p.Text, "已停用 bob。") {
		t.Error("the message is shown twice")
	}
}

func TestMessagesDoNotFillASession(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleAdmin)
	other := o.operator(t, strings.Repeat("张", 64), app.RoleViewer)
	for range 20 {
		for _, act := range []string{"/disable", "/enable"} {
			if p := b.post(operatorPath(other) + act); p.Status != http.StatusSeeOther {
				t.Fatalf("HTTP %d %s", p.Status, p.Text)
			}
		}
	}
	if n := b.get("/admin/help").Find("main .flashes .notice").Length(); n != flashesKept {
		t.Errorf("%d messages", n)
	}
}

func TestCrossSiteFormsAreRefused(t *testing.T) {
	o := newOffice(t)
	signedIn, stranger := o.signIn(t, app.RoleAdmin), o.stranger(t)
	other := o.operator(t, "bob", app.RoleViewer)
	for _, headers := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
	} {
		signedIn.Headers, stranger.Headers = headers, headers
		if p := signedIn.post(operatorPath(other) + "/disable"); p.Status != http.StatusForbidden || !strings.Contains(p.Text, "没有权限") {
			t.Errorf("%v: HTTP %d %s", headers, p.Status, p.Text)
		}
		for _, path := range []string{"/admin/login", "/admin/logout", "/admin/language", "/admin/theme", "/admin/keys/pause", "/admin/nowhere"} {
			if p := stranger.post(path, "language", "en", "theme", "dark"); p.Status != http.StatusForbidden ||
				!strings.Contains(p.Text, "此请求来自其他网站") || p.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s with %v: HTTP %d %s", path, headers, p.Status, p.Text)
			}
		}
	}
	if found, err := o.store.Read().OperatorByName(t.Context(), "bob"); err != nil || found.Disabled() {
		t.Errorf("disabled %v, %v", found.Disabled(), err)
	}
	signedIn.Headers = map[string]string{"Sec-Fetch-Site": "", "Origin": o.server.URL}
	if p := signedIn.post("/admin/theme", "theme", "dark"); p.Status != http.StatusSeeOther {
		t.Errorf("our own origin: HTTP %d", p.Status)
	}
}

func TestLanguageAndTheme(t *testing.T) {
	o := newOffice(t)
	for who, b := range map[string]*browser{"a stranger": o.stranger(t), "an operator": o.signIn(t, app.RoleViewer)} {
		page := "/admin/help"
		if who == "a stranger" {
			page = "/admin/login?next=%2Fadmin%2Fkeys"
		}
		if language := b.get(page).Find("html").AttrOr("lang", ""); language != "zh-CN" {
			t.Errorf("%s begins in %s", who, language)
		}
		p := b.post("/admin/language", "language", "en", "back", page)
		if p.Status != http.StatusSeeOther || p.Header.Get("Location") != page {
			t.Errorf("%s: HTTP %d to %s", who, p.Status, p.Header.Get("Location"))
		}
		for theme, want := range map[string]string{"dark": "dark", "light": "light", "system": ""} {
			if p := b.post("/admin/theme", "theme", theme, "back", "//evil.example"); p.Header.Get("Location") != "/admin/" {
				t.Errorf("%s: HTTP %d to %s", who, p.Status, p.Header.Get("Location"))
			}
			html := b.get(page).Find("html")
			if html.AttrOr("data-theme", "") != want || html.AttrOr("lang", "") != "en" {
				t.Errorf("%s chose %s: theme %q, language %s", who, theme, html.AttrOr("data-theme", ""), html.AttrOr("lang", ""))
			}
		}
		for path, value := range map[string]string{"/admin/language": "fr", "/admin/theme": "neon"} {
			p := b.post(path, strings.TrimPrefix(path, "/admin/"), value)
			if p.Status != http.StatusBadRequest || p.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s %s: HTTP %d", path, value, p.Status)
			}
		}
	}
}

func TestHelpPage(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleViewer)
	for language, words := range map[string][]string{
		"zh-CN": {"快捷键与用语", "搜索用户", "会话密钥", "反馈码", "强制重新登录", "只读"}, "en": {"Shortcuts and words", "Search users", "Session key", "Support code", "Force re-login", "Viewer"},
	} {
		b.Language = language
		p := b.get("/admin/help")
		for _, word := range words {
			if !strings.Contains(p.Text, word) {
				t.Errorf("%q is not in the help: %s", word, p.Text)
			}
		}
		if p.Find("main kbd").Length() != p.Find("dialog kbd").Length() || p.Find(".menu a[href='/admin/help']").Length() != 1 {
			t.Error("the page and the dialog differ, or the menu does not lead there")
		}
	}
	if p := b.get("/admin/help"); strings.Contains(p.Find("main dl.shortcuts").Text(), "操作日志") {
		t.Error("a viewer is told how to reach a page that is not for them")
	}
}

// failing adds routes that fail in a certain way, for everybody and for operators.
func (o *office) failing(name string, fail func() error) {
	for path, role := range map[string]app.Role{"/admin/failing/open/": everybody, "/admin/failing/signed-in/": app.RoleViewer} {
		route := route{http.MethodGet, path + name, role, func(*visit) error { return fail() }}
		o.dashboard.echo.Add(route.method, route.path, o.dashboard.handle(route))
	}
}

func TestErrorPages(t *testing.T) {
	o := newOffice(t)
	cause := errors.New("a cause that is nobody's business")
	o.failing("panic", func() error { panic(cause) })
	o.failing("unclassified", func() error { return cause })
	o.failing("storage", func() error { return app.Fail(app.StorageUnavailable, "").Because(cause) })
	o.failing("wechat", func() error { return app.Fail(app.WeChatUnavailable, "").Because(cause) })
	o.failing("config", func() error { return app.Fail(app.Misconfigured, "").Because(cause) })
	o.failing("often", func() error { return app.Fail(app.TooManyRequests, "").After(90 * time.Second).Because(cause) })
	o.failing("missing", func() error { return app.Fail(app.NotFound, "").Because(cause) })
	o.failing("forbidden", func() error { return app.Fail(app.Forbidden, "").Because(cause) })
	o.failing("exists", func() error { return app.Fail(app.AlreadyExists, "").Because(cause) })
	o.failing("malformed", func() error { return malformed("size").Because(cause) })
	o.failing("session", func() error { return app.Fail(app.InvalidToken, "").Because(cause) })
	browsers := map[string]*browser{"open": o.stranger(t), "signed-in": o.signIn(t, app.RoleViewer)}
	for _, c := range []struct {
		path            string
		status          int
		chinese, detail string
		english         string
	}{
		{"panic", 500, "页面出错了", "没有保存任何内容", "Something went wrong"},
		{"unclassified", 500, "页面出错了", "没有保存任何内容", "Something went wrong"},
		{"storage", 503, "存储暂时不可用", "检查磁盘空间", "Storage is unavailable"},
		{"wechat", 503, "微信接口暂时不可用", "操作没有完成", "WeChat cannot be reached"},
		{"config", 502, "服务端配置被微信拒绝", "IP 白名单", "WeChat refuses the server's configuration"},
		{"often", 429, "请求过于频繁", "请在 2 分钟后再试。", "Too many requests"},
		{"missing", 404, "页面不存在", "地址可能有误", "No such page"},
		{"forbidden", 403, "没有权限", "", "Not allowed"},
		{"exists", 409, "状态已经改变", "刷新页面", "It has changed meanwhile"},
		{"malformed", 400, "输入有误", "size", "Something is wrong with the input"},
		{"session", 401, "登录已失效", "请重新登录", "Signed out"},
	} {
		for path, b := range browsers {
			b.Language = "zh-CN"
			p := b.get("/admin/failing/" + path + "/" + c.path)
			if p.Status != c.status || !strings.Contains(p.Text, c.chinese) || !strings.Contains(p.Text, c.detail) {
				t.Errorf("%s for %s: HTTP %d %s", c.path, path, p.Status, p.Text)
			}
			if strings.Contains(p.Body, cause.Error()) || strings.Contains(p.Body, "goroutine") {
				t.Errorf("%s tells its cause", c.path)
			}
			code := p.Find("main code").Last().Text()
			if _, err := app.ParseRequestID(code); err != nil || p.Header.Get("X-Request-Id") != code {
				t.Errorf("%s: support code %q, in the header %q", c.path, code, p.Header.Get("X-Request-Id"))
			}
			if signedIn := p.Find("form[action='/admin/logout']").Length() > 0; signedIn != (path == "signed-in") {
				t.Errorf("%s for %s: signed in %v", c.path, path, signedIn)
			}
			b.Language = "en"
			if p := b.get("/admin/failing/" + path + "/" + c.path); !strings.Contains(p.Text, c.english) {
				t.Errorf("%s in English: %s", c.path, p.Text)
			}
		}
	}
}

func TestPagesThatDoNotExist(t *testing.T) {
	o := newOffice(t)
	for who, b := range map[string]*browser{"a stranger": o.stranger(t), "an operator": o.signIn(t, app.RoleAdmin)} {
		for _, c := range []struct {
			path   string
			status int
			words  string
		}{
			{"/admin/x", 404, "页面不存在"}, {"/admin/users/1/2/3", 404, "页面不存在"}, {"/admin/theme", 405, "不支持的请求方式"},
			{"/admin/keys/pause", 405, "不支持的请求方式"},
		} {
			if p := b.get(c.path); p.Status != c.status || !strings.Contains(p.Text, c.words) {
				t.Errorf("%s for %s: HTTP %d %s", c.path, who, p.Status, p.Text)
			}
		}
		if p := b.post("/admin/x"); p.Status != http.StatusNotFound {
			t.Errorf("a form to nowhere for %s: HTTP %d", who, p.Status)
		}
		for _, path := range []string{"/static/unknown", "/static/app.css", "/static/../go.mod", "/static/"} {
			if p := b.get(path); p.Status != http.StatusNotFound {
				t.Errorf("%s for %s: HTTP %d", path, who, p.Status)
			}
		}
	}
	if p := o.stranger(t).get("/admin/x"); strings.Contains(p.Text, "搜索框") || p.Find("main a[href='/admin/login']").Length() != 1 {
		t.Errorf("a stranger is told: %s", p.Text)
	}
}

// A failing database makes an error page, not a sign-in page, and not a broken connection.
func TestSessionsThatCannotBeLookedUp(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleViewer)
	if err := o.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/admin/help", "/admin/login", "/admin/x"} {
		p := b.get(path)
		if want := p.Status >= 500 || path == "/admin/x" && p.Status == 404; !want || p.Find("main code").Length() == 0 {
			t.Errorf("%s: HTTP %d %s", path, p.Status, p.Text)
		}
	}
}
