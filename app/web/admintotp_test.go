package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/pquerna/otp/totp"

	"wxkeeper/app"
	"wxkeeper/app/operator"
	"wxkeeper/app/sandbox"
)

// code is what an authenticator with a seed shows now.
func (o *office) code(t *testing.T, seed string) string {
	t.Helper()
	code, err := totp.GenerateCode(seed, o.now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// setUp turns two-step sign-in on in a browser, by its page, and goes on to the next code.
func (o *office) setUp(t *testing.T, b *browser) (seed string, recovery []string) {
	t.Helper()
	p := b.get("/admin/account/totp")
	seed = p.Find("main code").First().Text()
	p = b.submit(p.Find("form[action='/admin/account/totp']"), "password", officePassword, "code", o.code(t, seed))
	recovery = recoveryCodes(p)
	if p.Status != http.StatusOK || len(recovery) != 10 {
		t.Fatalf("HTTP %d, %d recovery codes: %s", p.Status, len(recovery), p.Text)
	}
	o.pass(30 * time.Second)
	return seed, recovery
}

func recoveryCodes(p page) []string {
	return p.Find("#recovery-codes code").Map(func(_ int, code *goquery.Selection) string { return code.Text() })
}

func TestTwoStepSignIn(t *testing.T) {
	o := newOffice(t)
	o.operator(t, "王小雨", app.RoleOperator)
	b, other := o.signInAs(t, "王小雨"), o.signInAs(t, "王小雨")
	p := b.get("/admin/account/totp")
	image := p.Find("svg[role=img][aria-label] path")
	if p.Find("main style, main script, main [style]").Length() != 0 || len(image.AttrOr("d", "")) < 1000 || len(p.Find("main code").First().Text()) != 32 {
		t.Errorf("no QR code and no seed, or something that the content policy forbids: %s", p.Body)
	}
	form, seedShown := p.Find("form[action='/admin/account/totp']"), p.Find("main code").First().Text()
	for language, words := range map[string]string{"zh-CN": "动态码不正确。", "en": "This code is wrong."} {
		b.Language = language
		p := b.submit(form, "password", officePassword, "code", "000000")
		if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Find("#code-error").Text(), words) ||
			p.Find("main code").First().Text() != seedShown {
			t.Errorf("HTTP %d %s", p.Status, p.Text)
		}
	}
	b.Language = "zh-CN"
	if p := b.submit(form, "password", "wrong", "code", "000000"); p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Find("#password-error").Text(), "密码不正确。") {
		t.Errorf("HTTP %d %s", p.Status, p.Text)
	}
	seed, recovery := o.setUp(t, b)
	if p := other.get("/admin/account"); p.Status != http.StatusSeeOther {
		t.Errorf("the other browser: HTTP %d", p.Status)
	}
	if p := b.get("/admin/account"); !strings.Contains(p.Text, "已开启") || !strings.Contains(p.Text, "还可以用 10 个") || strings.Contains(p.Body, seed) {
		t.Errorf("%s", p.Text)
	}
	if p := b.get("/admin/account/totp"); p.Status != http.StatusSeeOther {
		t.Errorf("set up twice: HTTP %d", p.Status)
	}

	again := o.stranger(t)
	ask := again.post("/admin/login", "name", "王小雨", "password", officePassword, "next", "/admin/keys")
	if ask.Status != http.StatusOK || ask.Header.Get("Set-Cookie") != "" || ask.Find("form[action='/admin/login/code'] input[name=code]").Length() != 1 {
		t.Fatalf("HTTP %d %s", ask.Status, ask.Text)
	}
	if p := again.get("/admin/keys"); p.Status != http.StatusSeeOther {
		t.Errorf("the password alone: HTTP %d", p.Status)
	}
	form = ask.Find("form[action='/admin/login/code']")
	if p := again.submit(form, "code", "000000"); p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Text, "动态码不正确，或已经用过") {
		t.Errorf("HTTP %d %s", p.Status, p.Text)
	}
	if p := again.submit(form, "code", o.code(t, seed)); p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/admin/keys" {
		t.Fatalf("HTTP %d to %s: %s", p.Status, p.Header.Get("Location"), p.Text)
	}
	if p := again.get("/admin/keys"); p.Status != http.StatusOK {
		t.Errorf("both steps: HTTP %d", p.Status)
	}
	third := o.stranger(t)
	form = third.post("/admin/login", "name", "王小雨", "password", officePassword).Find("form[action='/admin/login/code']")
	if p := third.submit(form, "code", o.code(t, seed)); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("a code for the second time: HTTP %d", p.Status)
	}
	if p := third.submit(form, "code", recovery[0]); p.Status != http.StatusSeeOther {
		t.Errorf("a recovery code: HTTP %d %s", p.Status, p.Text)
	}
	late := o.stranger(t)
	form = late.post("/admin/login", "name", "王小雨", "password", officePassword).Find("form[action='/admin/login/code']")
	o.pass(6 * time.Minute)
	if p := late.submit(form, "code", o.code(t, seed)); p.Status != http.StatusUnprocessableEntity || p.Find("input[name=password]").Length() != 1 {
		t.Errorf("too late: HTTP %d %s", p.Status, p.Text)
	}
	for range 10 {
		late.submit(late.post("/admin/login", "name", "王小雨", "password", officePassword).Find("form[action='/admin/login/code']"), "code", "000000")
	}
	p = late.submit(late.post("/admin/login", "name", "王小雨", "password", officePassword).Find("form[action='/admin/login/code']"), "code", o.code(t, seed))
	if p.Status != http.StatusTooManyRequests || p.Header.Get("Retry-After") == "" || !strings.Contains(p.Text, "尝试次数过多") {
		t.Errorf("after ten guesses: HTTP %d %s", p.Status, p.Text)
	}
}

// A form that was sent too late outlives both steps.
func TestTwoStepsKeepTheForm(t *testing.T) {
	o := newOffice(t)
	o.operator(t, "alice", app.RoleOperator)
	b := o.signInAs(t, "alice")
	seed, _ := o.setUp(t, b)
	o.pass(31 * time.Minute)
	p := b.post("/admin/keys/pause")
	p = b.submit(p.Find("form[action='/admin/login']"), "name", "alice", "password", officePassword)
	p = b.submit(p.Find("form[action='/admin/login/code']"), "code", o.code(t, seed))
	if p.Status != http.StatusOK || p.Find("form[action='/admin/keys/pause']").Length() != 1 {
		t.Errorf("HTTP %d %s", p.Status, p.Text)
	}
}

func TestTurnTwoStepSignInOff(t *testing.T) {
	o := newOffice(t)
	o.operator(t, "alice", app.RoleViewer)
	b := o.signInAs(t, "alice")
	seed, _ := o.setUp(t, b)
	p := b.post("/admin/account/totp/off")
	form := p.Find("form[action='/admin/account/totp/off']")
	if p.Status != http.StatusForbidden || form.Find("input[name=proof_password]").Length() != 1 || form.Find("input[name=proof_code]").Length() != 1 {
		t.Fatalf("HTTP %d %s", p.Status, p.Text)
	}
	for field, typed := range map[string][]string{"proof_password": {"wrong", "000000"}, "proof_code": {officePassword, "000000"}} {
		if p := b.submit(form, "proof_password", typed[0], "proof_code", typed[1]); p.Status != http.StatusUnprocessableEntity || p.Find("#"+field+"-error").Length() != 1 {
			t.Errorf("%s: HTTP %d %s", field, p.Status, p.Text)
		}
	}
	if p := b.submit(form, "proof_password", officePassword, "proof_code", o.code(t, seed)); p.Header.Get("Location") != "/admin/account" {
		t.Fatalf("HTTP %d %s", p.Status, p.Text)
	}
	if p := b.get("/admin/account"); !strings.Contains(p.Text, "两步验证已关闭。") || !strings.Contains(p.Text, "未开启") {
		t.Errorf("%s", p.Text)
	}
	o.signInAs(t, "alice")
}

func TestNewRecoveryCodes(t *testing.T) {
	o := newOffice(t)
	o.operator(t, "alice", app.RoleViewer)
	b := o.signInAs(t, "alice")
	_, before := o.setUp(t, b)
	p := b.submit(b.get("/admin/account").Find("form[action='/admin/account/totp/recovery']"))
	after := recoveryCodes(p)
	if p.Status != http.StatusOK || len(after) != 10 || after[0] == before[0] {
		t.Errorf("HTTP %d %s", p.Status, p.Text)
	}
	o.pass(operator.ProofLife)
	if p := b.post("/admin/account/totp/recovery"); p.Status != http.StatusForbidden || p.Find("#recovery-codes").Length() != 0 {
		t.Errorf("without a proof: HTTP %d", p.Status)
	}
}

// Whoever must sign in with two steps reaches nothing else before they are set up.
func TestRequiredTwoStepSignIn(t *testing.T) {
	o := newOffice(t, sandboxed, func(options *DashboardOptions) { options.TOTPRoles = []app.Role{app.RoleAdmin} })
	o.operator(t, "boss", app.RoleAdmin)
	b := o.signInAs(t, "boss")
	for _, route := range o.dashboard.routes() {
		if route.role == everybody || route.path == totpPath {
			continue
		}
		route.handler = func(v *visit) error { return v.NoContent(http.StatusTeapot) } // the real one may be a stream without an end
		o.dashboard.echo.Add(route.method, route.path, o.dashboard.handle(route))
		if p := b.ask(route); p.Status != http.StatusSeeOther || p.Header.Get("Location") != totpPath {
			t.Errorf("%s %s: HTTP %d to %s", route.method, route.path, p.Status, p.Header.Get("Location"))
		}
	}
	b.Headers = map[string]string{"HX-Request": "true"}
	if p := b.get("/admin/users"); p.Status != http.StatusForbidden || p.Header.Get("HX-Redirect") != totpPath {
		t.Errorf("a script: HTTP %d", p.Status)
	}
	b.Headers = nil
	if p := b.get(totpPath); !strings.Contains(p.Text, "你的角色必须开启两步验证") || p.Find("form[action='/admin/logout']").Length() != 1 || p.Find("nav").Length() != 0 {
		t.Errorf("%s", p.Text)
	}
	o.setUp(t, b)
	if p := b.get("/admin/users"); p.Status != http.StatusTeapot {
		t.Errorf("afterwards: HTTP %d", p.Status)
	}
	if p := o.signIn(t, app.RoleOperator).get("/admin/users"); p.Status != http.StatusTeapot {
		t.Errorf("another role: HTTP %d", p.Status)
	}
}

func TestOperatorsPagesShowWhoSignsInWithTwoSteps(t *testing.T) {
	o := newOffice(t)
	alice := o.operator(t, "alice", app.RoleViewer)
	o.setUp(t, o.signInAs(t, "alice"))
	b := o.signIn(t, app.RoleAdmin)
	if p := b.get("/admin/operators"); strings.Count(p.Text, "已开启") != 1 || strings.Count(p.Text, "未开启") != 1 {
		t.Errorf("%s", p.Text)
	}
	if p := b.get(operatorPath(alice)); !strings.Contains(p.Text, "wxkeeper operator reset-totp alice") {
		t.Errorf("%s", p.Text)
	}
}

func TestChangingThePasswordTakesACode(t *testing.T) {
	o := newOffice(t)
	o.operator(t, "alice", app.RoleViewer)
	b := o.signInAs(t, "alice")
	seed, _ := o.setUp(t, b)
	form := []string{"old_password", officePassword, "password", "a better horse", "password_repeat", "a better horse"}
	if p := b.post("/admin/account/password", form...); p.Status != http.StatusUnprocessableEntity || p.Find("#code-error").Length() != 1 {
		t.Errorf("without a code: HTTP %d %s", p.Status, p.Text)
	}
	if p := b.post("/admin/account/password", append(form, "code", o.code(t, seed))...); p.Status != http.StatusSeeOther {
		t.Errorf("with one: HTTP %d %s", p.Status, p.Text)
	}
}

// What cannot be undone, or shows everything, takes the password again after a while.
func TestProofBeforeWhatMatters(t *testing.T) {
	o := newOffice(t)
	program := o.phone(t, sandbox.Person{Nickname: "小明"})
	if err := program.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	user := o.user(t, program).Number.String()
	alice := o.operator(t, "alice", app.RoleViewer)
	b := o.signIn(t, app.RoleAdmin)
	if p := b.get("/admin/operators"); p.Find("input[name=proof_password]").Length() != 0 {
		t.Error("the form asks for the password just after the sign-in")
	}
	o.pass(operator.ProofLife)
	for address, form := range map[string][]string{
		"/admin/users/" + user + "/erase":  {"reason", "用户要求", "confirmation", user},
		"/admin/users/" + user + "/export": {"reason", "用户要求"},
		operatorPath(alice) + "/role":      {"role", "admin"},
		operatorPath(alice) + "/disable":   nil,
		operatorPath(alice) + "/enable":    nil,
	} {
		p := b.post(address, form...)
		again := p.Find("form[action='" + address + "']")
		if p.Status != http.StatusForbidden || again.Find("input[name=proof_password]").Length() != 1 || again.Find("input[name=proof_code]").Length() != 0 {
			t.Errorf("%s: HTTP %d %s", address, p.Status, p.Text)
			continue
		}
		if p := b.submit(again, "proof_password", "wrong"); p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Find("#proof_password-error").Text(), "密码不正确。") ||
			p.Find("form[action='"+address+"']").Length() != 1 {
			t.Errorf("%s with a wrong password: HTTP %d %s", address, p.Status, p.Text)
		}
	}
	if p := b.get("/admin/users.csv?q=x"); p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/admin/prove?next=%2Fadmin%2Fusers.csv%3Fq%3Dx" {
		t.Errorf("the list with phone numbers: HTTP %d to %s", p.Status, p.Header.Get("Location"))
	}
	erase := b.post("/admin/users/"+user+"/erase", "reason", "用户要求", "confirmation", user)
	p := b.submit(erase.Find("form[action$='/erase']"), "proof_password", officePassword)
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/admin/users" {
		t.Errorf("with the password: HTTP %d %s", p.Status, p.Text)
	}
	if p := b.get("/admin/users/" + user); p.Status != http.StatusNotFound {
		t.Errorf("the user is still there: HTTP %d", p.Status)
	}
	if p := b.post(operatorPath(alice) + "/disable"); p.Status != http.StatusSeeOther {
		t.Errorf("just after it: HTTP %d", p.Status)
	}
	viewer := o.signIn(t, app.RoleViewer)
	o.pass(operator.ProofLife)
	if p := viewer.get("/admin/users.csv"); p.Status != http.StatusOK {
		t.Errorf("the masked list: HTTP %d", p.Status)
	}
}

// The form that adds an operator has passwords in it, which no page may hold: it takes the proof itself.
func TestAddingOperatorsTakesAProof(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleAdmin)
	o.pass(operator.ProofLife)
	form := []string{"name", "carol", "role", "viewer", "password", "a better horse", "password_repeat", "a better horse"}
	p := b.post("/admin/operators", form...)
	if p.Status != http.StatusForbidden || strings.Contains(p.Body, "a better horse") || !strings.Contains(p.Text, "没有保留") {
		t.Errorf("HTTP %d %s", p.Status, p.Text)
	}
	if p := b.post("/admin/operators", append(form, "proof_password", "wrong")...); p.Status != http.StatusUnprocessableEntity || strings.Contains(p.Body, "a better horse") {
		t.Errorf("with a wrong password: HTTP %d %s", p.Status, p.Text)
	}
	if p := b.get("/admin/operators"); p.Find("form input[name=proof_password]").Length() != 1 {
		t.Error("the form does not ask for the password")
	}
	if p := b.post("/admin/operators", append(form, "proof_password", officePassword)...); p.Status != http.StatusSeeOther {
		t.Errorf("with the password: HTTP %d %s", p.Status, p.Text)
	}
	o.pass(operator.ProofLife)
	if p := b.post("/admin/prove", "proof_password", "wrong", "next", "/admin/operators"); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("the page of its own, wrong: HTTP %d", p.Status)
	}
	if p := b.post("/admin/prove", "proof_password", officePassword, "next", "https://evil.example/"); p.Header.Get("Location") != "/admin/" {
		t.Errorf("it leads to %s", p.Header.Get("Location"))
	}
	if p := b.get("/admin/operators"); p.Find("input[name=proof_password]").Length() != 0 {
		t.Error("the proof was not noted")
	}
	for language, words := range map[string]string{"zh-CN": "请再次确认身份", "en": "Is it still you?"} {
		b.Language = language
		if p := b.get("/admin/prove?next=/admin/users"); !strings.Contains(p.Text, words) {
			t.Errorf("%s", p.Text)
		}
	}
}

func TestAuditPageShowsTheChain(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleOperator)
	if p := b.get("/admin/audit"); !strings.Contains(p.Find("#chain").Text(), "尚未核对") {
		t.Errorf("%s", p.Text)
	}
	if p := b.submit(b.get("/admin/audit").Find("#chain form")); p.Header.Get("Location") != "/admin/audit" {
		t.Fatalf("HTTP %d %s", p.Status, p.Text)
	}
	if p := b.get("/admin/audit"); p.Find("#chain progress").Length() != 1 || p.Find("#chain form").Length() != 0 || p.Find("#chain[hx-get]").Length() != 1 {
		t.Errorf("%s", p.Text)
	}
	if err := o.accounts.CheckAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for language, words := range map[string]string{"zh-CN": "核对到第 2 条，共 2 条；2026-03-01 20:00:00 UTC+08:00，由" + b.Name + "发起。", "en": "Checked to row 2 of 2"} {
		b.Language = language
		if p := b.get("/admin/audit"); !strings.Contains(p.Text, words) || p.Find("#chain progress").Length() != 0 {
			t.Errorf("%q is not in %s", words, p.Find("#chain").Text())
		}
	}
}
