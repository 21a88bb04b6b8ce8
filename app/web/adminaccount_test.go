package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/operator"
)

const firefoxOnWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"

func TestOwnAccount(t *testing.T) {
	o := newOffice(t)
	o.operator(t, "王小雨", app.RoleOperator)
	b := o.signInAs(t, "王小雨")
	other := o.stranger(t)
	other.Headers = map[string]string{"User-Agent": firefoxOnWindows}
	other.post("/admin/login", "name", "王小雨", "password", officePassword)
	for language, words := range map[string][]string{
		"zh-CN": {"我的账号", "王小雨", "运营", "Windows 上的 Firefox", "127.0.0.1", "当前浏览器", "刚刚", "更改密码", "退出其他浏览器"},
		"en":    {"My account", "王小雨", "Operator", "Firefox on Windows", "127.0.0.1", "This browser", "just now", "Change password", "Sign out other browsers"},
	} {
		b.Language = language
		p := b.get("/admin/account")
		for _, word := range words {
			if !strings.Contains(p.Text, word) {
				t.Errorf("%q is not on the page: %s", word, p.Text)
			}
		}
		if rows := p.Find("main tbody tr"); rows.Length() != 2 || rows.Find("form").Length() != 1 {
			t.Errorf("%d browsers, %d to be ended", rows.Length(), rows.Find("form").Length())
		}
	}
}

func TestEndOwnSessions(t *testing.T) {
	o := newOffice(t)
	o.operator(t, "alice", app.RoleViewer)
	o.operator(t, "bob", app.RoleViewer)
	here, there, elsewhere, bob := o.signInAs(t, "alice"), o.signInAs(t, "alice"), o.signInAs(t, "alice"), o.signInAs(t, "bob")
	form := here.get("/admin/account").Find("main tbody form").First() // the newest other one
	if p := here.submit(form); p.Header.Get("Location") != "/admin/account" {
		t.Fatalf("HTTP %d %s", p.Status, p.Text)
	}
	if p := here.get("/admin/account"); !strings.Contains(p.Text, "已让那个浏览器退出登录。") || p.Find("main tbody tr").Length() != 2 {
		t.Errorf("%s", p.Text)
	}
	if p := elsewhere.get("/admin/account"); p.Status != http.StatusSeeOther || !strings.Contains(p.Header.Get("Location"), "expired=1") {
		t.Errorf("the ended browser: HTTP %d", p.Status)
	}
	here.submit(form)
	if p := here.get("/admin/account"); !strings.Contains(p.Text, "那个浏览器已经退出登录。") {
		t.Errorf("ended twice: %s", p.Text)
	}
	if p := there.get("/admin/account"); p.Status != http.StatusOK {
		t.Errorf("the other browser: HTTP %d", p.Status)
	}
	there.Language = "en"
	p := there.follow("/admin/account/sessions/end-others")
	if !strings.Contains(p.Text, "1 other browser is signed out.") || p.Find("main tbody tr").Length() != 1 || p.Find("#end-others").Length() != 0 {
		t.Errorf("%s", p.Text)
	}
	if p := here.get("/admin/account"); p.Status != http.StatusSeeOther {
		t.Errorf("the browser ended by another: HTTP %d", p.Status)
	}
	sessions, err := o.accounts.Sessions(t.Context(), "alice")
	if err != nil || len(sessions) != 1 {
		t.Fatalf("%d sessions, %v", len(sessions), err)
	}
	own := fmt.Sprintf("/admin/account/sessions/%d/end", sessions[0].ID)
	if p := bob.follow(own); !strings.Contains(p.Text, "已经退出登录") {
		t.Errorf("bob ends alice's: %s", p.Text)
	}
	if p := there.get("/admin/account"); p.Status != http.StatusOK {
		t.Errorf("bob ended alice's browser")
	}
	if p := there.follow(own); !strings.Contains(p.Text, "You are signed out.") {
		t.Errorf("one's own: %s", p.Text)
	}
	if p := bob.post("/admin/account/sessions/x/end"); p.Status != http.StatusNotFound {
		t.Errorf("no number: HTTP %d", p.Status)
	}
}

func TestChangeOwnPassword(t *testing.T) {
	const better = "a better horse, stapled"
	o := newOffice(t)
	o.operator(t, "administrator", app.RoleViewer)
	b := o.signInAs(t, "administrator")
	others := []*browser{o.signInAs(t, "administrator"), o.signInAs(t, "administrator")}
	for _, c := range []struct{ old, password, repeat, field, chinese, english string }{
		{"wrong", better, better, "old_password", "原密码不正确。", "The old password is wrong."},
		{officePassword, better, better + "!", "password_repeat", "两次输入的密码不一致。", "The two passwords are not the same."},
		{officePassword, "short", "short", "password", "密码至少 8 个字符。", "A password has 8 characters at least."},
		{officePassword, "password1", "password1", "password", "这个密码太常见，前后加数字或符号也一样，请换一个。", "one of the first anybody tries"},
		{officePassword, "Administrator", "Administrator", "password", "密码不能是账号名，前后加数字或符号也不行。", "may not be the account's name"},
		{officePassword, strings.Repeat("长", 100), strings.Repeat("长", 100), "password", "密码最多 256 个字节。", "256 bytes at most"},
		{"", "", "", "password", "密码至少 8 个字符。", "A password has 8 characters at least."},
	} {
		for language, words := range map[string]string{"zh-CN": c.chinese, "en": c.english} {
			b.Language = language
			p := b.post("/admin/account/password", "old_password", c.old, "password", c.password, "password_repeat", c.repeat)
			problem := p.Find("#" + c.field + "-error")
			if p.Status != http.StatusUnprocessableEntity || !strings.Contains(problem.Text(), words) || p.Find(".field-error").Length() != 1 {
				t.Errorf("%s: HTTP %d, %q at %s: %s", c.field, p.Status, problem.Text(), c.field, p.Text)
			}
			if strings.Contains(p.Body, better) || strings.Contains(p.Body, officePassword) {
				t.Error("a password is on the page")
			}
		}
	}
	b.Language = "zh-CN"
	p := b.submit(b.get("/admin/account").Find("form[action='/admin/account/password']"),
		"old_password", officePassword, "password", better, "password_repeat", better)
	if p.Header.Get("Location") != "/admin/account" {
		t.Fatalf("HTTP %d %s", p.Status, p.Text)
	}
	if p := b.get("/admin/account"); p.Status != http.StatusOK || !strings.Contains(p.Text, "密码已更改，其他 2 个浏览器已退出登录。") {
		t.Errorf("HTTP %d %s", p.Status, p.Text)
	}
	for _, other := range others {
		if p := other.get("/admin/account"); p.Status != http.StatusSeeOther {
			t.Errorf("another browser: HTTP %d", p.Status)
		}
	}
	if p := o.stranger(t).post("/admin/login", "name", "administrator", "password", officePassword); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("the old password: HTTP %d", p.Status)
	}
	if p := o.stranger(t).post("/admin/login", "name", "administrator", "password", better); p.Status != http.StatusSeeOther {
		t.Errorf("the new password: HTTP %d", p.Status)
	}
	if err := o.accounts.SetPassword(t.Context(), operator.Order{}, "administrator", officePassword); err != nil {
		t.Fatal(err)
	}
	b = o.signInAs(t, "administrator")
	if p := b.follow("/admin/account/password", "old_password", officePassword, "password", better, "password_repeat", better); !strings.Contains(p.Text, "密码已更改。") {
		t.Errorf("without another browser: %s", p.Text)
	}
}

func TestGuessingTheOldPasswordIsLimited(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleViewer)
	form := []string{"old_password", "wrong", "password", "a better horse", "password_repeat", "a better horse"}
	for range 10 {
		b.post("/admin/account/password", form...)
	}
	p := b.post("/admin/account/password", form...)
	if p.Status != http.StatusTooManyRequests || p.Header.Get("Retry-After") != "900" || !strings.Contains(p.Text, "尝试次数过多，请在 15 分钟后再试。") {
		t.Errorf("HTTP %d, Retry-After %s: %s", p.Status, p.Header.Get("Retry-After"), p.Text)
	}
}
