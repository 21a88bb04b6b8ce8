package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
)

// shop is an office with the phones of its emulator.
func shop(t *testing.T) *office {
	t.Helper()
	phones := NewPhones()
	o := newOffice(t, func(options *DashboardOptions) { options.Phones = phones })
	emulator := httptest.NewServer(o.emulator)
	t.Cleanup(emulator.Close)
	phones.Connect(emulator.URL, o.server.URL)
	return o
}

// play presses a button of a phone.
func (b *browser) play(phone int, act string) page {
	b.t.Helper()
	return b.follow(fmt.Sprintf("/admin/phones/%d/%s", phone, act))
}

// answered is what the phone got last.
func (p page) answered() string {
	return strings.Join(strings.Fields(p.Find("#exchanges li").First().Text()), " ")
}

func TestPhonesAreListed(t *testing.T) {
	o := shop(t)
	if err := o.phone(t, sandbox.Person{Nickname: hostileName}).Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.phone(t, sandbox.Person{Nickname: "晚风", Anonymous: true})
	b := o.signIn(t, app.RoleOperator)
	for language, wanted := range map[string][]string{
		"zh-CN": {"模拟手机 2", "晚风", "有效", "尚无", "从未登录", "匿名资料", "新取得"},
		"en":    {"Phones 2", "晚风", "Alive", "None yet", "Never logged in", "Anonymous", "New"},
	} {
		b.Language = language
		p := b.get("/admin/phones")
		for _, text := range wanted {
			if !strings.Contains(p.Text, text) {
				t.Errorf("%s: the page does not say %q: %s", language, text, p.Text)
			}
		}
		if p.Find("main script, main img").Length() > 0 {
			t.Error("a nickname became an element")
		}
	}
	if p := o.signIn(t, app.RoleViewer).get("/admin/phones"); p.Status != http.StatusForbidden {
		t.Errorf("viewers get HTTP %d", p.Status)
	}
}

func TestAPhoneIsPlayedByHand(t *testing.T) {
	o := shop(t)
	phone := o.emulator.AddPhone(sandbox.PhoneOptions{Person: sandbox.Person{Nickname: "晚风"}})
	b := o.signIn(t, app.RoleOperator)
	p := b.get("/admin/phones/1")
	if !strings.Contains(p.Text, "还没有请求") || p.Find("[formaction$='/userinfo']").Length() > 0 {
		t.Errorf("before it logs in: %s", p.Text)
	}
	if p := b.play(1, "userinfo"); !strings.Contains(p.Text+p.Body, "还没有登录") {
		t.Error("data was sent without a login")
	}
	for _, step := range []struct{ act, answer, event string }{
		{"launch", "POST /login/成功 · HTTP 200", "首次登录"},
		{"userinfo", "POST /getinfo/成功", "解密成功"},
		{"phone", "POST /getinfo/成功", "解密成功"},
		{"run", "POST /getinfo/成功", "解密成功"},
		{"session", "POST /session/成功", "解密成功"},
		{"race", "POST /getinfo/成功", "用上一把密钥救回"},
		{"rotate", "", "用上一把密钥救回"},
		{"userinfo", "HTTP 409 · code 3", "解不开"},
		{"twice", "HTTP 400 · code 4", "登录成功"},
		{"logout", "POST /logout/成功", "退出登录"},
		{"block", "", "退出登录"},
		{"launch", "HTTP 403 · code 8", "退出登录"},
	} {
		o.pass(time.Second)
		p := b.play(1, step.act)
		if step.answer != "" && !strings.Contains(p.answered(), step.answer) {
			t.Errorf("%s: the phone got %s", step.act, p.answered())
		}
		if got := strings.Join(strings.Fields(p.Find("#events").Text()), " "); !strings.Contains(got, step.event) {
			t.Errorf("%s: the server saw %s", step.act, got)
		}
		if strings.Contains(p.Body, phone.SessionKey().Reveal()) {
			t.Errorf("%s: a session key is shown", step.act)
		}
		if token := o.dashboard.Phones.token(1); token != "" && strings.Contains(p.Body, token) {
			t.Errorf("%s: a token is shown", step.act)
		}
	}
	b.Language = "en"
	if p := b.get("/admin/phones/1"); !strings.Contains(p.Text, "Blocked") || !strings.Contains(p.Text, "What the server recorded") {
		t.Errorf("in English: %s", p.Text)
	}
}

func TestEveryButtonOfPhonesDoesSomething(t *testing.T) {
	o := shop(t)
	o.emulator.AddPhone(sandbox.PhoneOptions{Person: sandbox.Person{Nickname: "晚风"}})
	b := o.signIn(t, app.RoleOperator)
	for _, language := range []string{"zh-CN", "en"} {
		b.Language = language
		for _, path := range []string{"/admin/phones/1", "/admin/phones"} {
			b.post("/admin/phones/1/launch")
			buttons := b.get(path).Find("main [formaction]")
			if buttons.Length() < 6 {
				t.Fatalf("%s has %d buttons", path, buttons.Length())
			}
			for i := range buttons.Length() {
				action := buttons.Eq(i).AttrOr("formaction", "")
				if strings.HasSuffix(action, "/close") || strings.HasSuffix(action, "/hang") {
					continue // nothing comes after them
				}
				if p := b.post(action); p.Status != http.StatusSeeOther {
					t.Errorf("%s: HTTP %d %s", action, p.Status, p.Text)
				}
				b.get(path)
			}
			b.post("/admin/phones/wechat/well")
		}
	}
	if p := b.follow("/admin/phones/1/close"); !strings.Contains(p.Text, "Left WeChat") || p.Find("#person").Length() > 0 {
		t.Error("the person has not left")
	}
}

func TestTroubleAtWeChatIsShownAndTakenBack(t *testing.T) {
	o := shop(t)
	o.emulator.AddPhone(sandbox.PhoneOptions{})
	b := o.signIn(t, app.RoleOperator)
	for act, text := range map[string]string{
		"hang": "所有接口都没有应答", "refuse": "所有接口都拒绝连接", "busy": "1 项故障", "quota": "当日次数已用完", "address": "服务器 IP 不在白名单。",
	} {
		if p := b.follow("/admin/phones/wechat/" + act); !strings.Contains(p.Find("#wechat").Text(), text) {
			t.Errorf("%s is not shown: %s", act, p.Find("#wechat").Text())
		}
		p := b.follow("/admin/phones/wechat/well")
		if p.Find("#wechat form[action$='/well']").Length() > 0 {
			t.Errorf("%s is not taken back", act)
		}
	}
}

func TestAnyUsersPhoneIsTakenUp(t *testing.T) {
	o := shop(t)
	program := o.phone(t, sandbox.Person{Nickname: "晚风"})
	if err := program.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := o.signIn(t, app.RoleOperator)
	p := b.follow("/admin/phones/user/open", "number", " "+o.user(t, program).Number.String()+" ")
	if !strings.Contains(p.Text, "手机 1 · 晚风") {
		t.Errorf("got %s", p.Text)
	}
	for _, wrong := range []string{"", "x", "000000001", "999999999999"} {
		p := b.post("/admin/phones/user/open", "number", wrong)
		if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Text, "没有这个用户编号") {
			t.Errorf("%q: HTTP %d", wrong, p.Status)
		}
	}
}

func TestWhatIsNoPhoneAndNoButtonIsNotFound(t *testing.T) {
	o := shop(t)
	o.emulator.AddPhone(sandbox.PhoneOptions{})
	b := o.signIn(t, app.RoleOperator)
	for _, path := range []string{"/admin/phones/2", "/admin/phones/x", "/admin/phones/0"} {
		if p := b.get(path); p.Status != http.StatusNotFound {
			t.Errorf("%s: HTTP %d", path, p.Status)
		}
	}
	for _, path := range []string{"/admin/phones/2/launch", "/admin/phones/1/dance", "/admin/phones/wechat/dance", "/admin/phones/user/dance"} {
		if p := b.post(path); p.Status != http.StatusNotFound {
			t.Errorf("%s: HTTP %d", path, p.Status)
		}
	}
}

func TestThereAreNoPhonesOutsideTheSandbox(t *testing.T) {
	o := newOffice(t)
	if p := o.signIn(t, app.RoleAdmin).get("/admin/phones"); p.Status != http.StatusNotFound || p.Find(`nav a[href="/admin/phones"]`).Length() > 0 {
		t.Errorf("HTTP %d, or the navigation has it", p.Status)
	}
}
