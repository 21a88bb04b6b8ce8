package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/operator"
	"wxkeeper/db"
)

const hostileName = `"><script>alert(1)</script>'$(reboot)`

func TestOperatorsPage(t *testing.T) {
	o := newOffice(t)
	o.operator(t, "alice", app.RoleAdmin)
	o.operator(t, "carol", app.RoleViewer)
	o.operator(t, hostileName, app.RoleOperator)
	if err := o.accounts.Disable(t.Context(), operator.Order{}, "carol"); err != nil {
		t.Fatal(err)
	}
	b := o.signInAs(t, "alice")
	o.signInAs(t, "alice")
	for language, words := range map[string][]string{
		"zh-CN": {"后台账号 3", "alice （你自己）管理员正常未开启2刚刚", "carol 只读已停用未开启0从未登录", hostileName, "至少 8 个字符"},
		"en":    {"Operators 3", "alice (you)AdminEnabledOff2just now", "carol ViewerDisabledOff0never", hostileName, "8 characters at least"},
	} {
		b.Language = language
		p := b.get("/admin/operators")
		for _, word := range words {
			if !strings.Contains(p.Text, word) {
				t.Errorf("%q is not on the page: %s", word, p.Text)
			}
		}
		if p.Find("main script").Length() != 0 || p.Find("main tbody tr").Length() != 3 || p.Find(".pager").Length() != 0 {
			t.Error("the list is broken")
		}
	}
}

func TestAddOperator(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleAdmin)
	const password = "a fresh horse"
	for _, c := range []struct{ name, role, password, repeat, field, chinese, english string }{
		{"", "viewer", password, password, "name", "1 到 64 个可见字符", "1 to 64 visible characters"},
		{strings.Repeat("长", 65), "viewer", password, password, "name", "1 到 64 个可见字符", "1 to 64 visible characters"},
		{"a\u202eb", "viewer", password, password, "name", "1 到 64 个可见字符", "1 to 64 visible characters"},
		{b.Name, "viewer", password, password, "name", "已有同名账号。", "an operator of this name already"},
		{"dora", "root", password, password, "role", "请选择一个角色。", "Choose a role."},
		{"dora", "viewer", "12345678", "12345678", "password", "这个密码太常见，前后加数字或符号也一样，请换一个。", "one of the first anybody tries"},
		{"dora", "viewer", password, "another", "password_repeat", "两次输入的密码不一致。", "The two passwords are not the same."},
	} {
		for language, words := range map[string]string{"zh-CN": c.chinese, "en": c.english} {
			b.Language = language
			p := b.post("/admin/operators", "name", c.name, "role", c.role, "password", c.password, "password_repeat", c.repeat)
			problem := p.Find("#" + c.field + "-error").Text()
			if p.Status != http.StatusUnprocessableEntity || !strings.Contains(problem, words) || p.Find("main tbody tr").Length() != 1 {
				t.Errorf("%q: HTTP %d, %q: %s", c.name, p.Status, problem, p.Text)
			}
			if p.Find("#add input[name=name]").AttrOr("value", "") != c.name || strings.Contains(p.Body, password) {
				t.Errorf("%q: the form is not what was typed", c.name)
			}
		}
	}
	b.Language = "zh-CN"
	form := b.get("/admin/operators").Find("#add form")
	p := b.submit(form, "name", " 张三 ", "role", "operator", "password", password, "password_repeat", password)
	if p.Header.Get("Location") != "/admin/operators" {
		t.Fatalf("HTTP %d %s", p.Status, p.Text)
	}
	if p := b.get("/admin/operators"); !strings.Contains(p.Text, "已添加账号 张三，角色为运营。") || p.Find("main tbody tr").Length() != 2 {
		t.Errorf("%s", p.Text)
	}
	if p := o.stranger(t).post("/admin/login", "name", "张三", "password", password); p.Status != http.StatusSeeOther {
		t.Errorf("张三 signs in: HTTP %d", p.Status)
	}
	if p := b.submit(form, "name", "李四", "password", password, "password_repeat", password); p.Status != http.StatusSeeOther {
		t.Errorf("with the role as it stands: HTTP %d", p.Status)
	}
	if added, err := o.store.Read().OperatorByName(t.Context(), "李四"); err != nil || added.Role != app.RoleViewer {
		t.Errorf("李四 is %s, %v", added.Role, err)
	}
}

func TestManyOperators(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleAdmin)
	err := o.store.Write(t.Context(), func(tx *db.Tx) error {
		for i := range operatorsShown + 1 {
			added := app.Operator{ID: app.OperatorID(tx.NewID(noon)), Name: fmt.Sprintf("op & %03d", i), Role: app.RoleViewer}
			if err := tx.InsertOperator(added); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p := b.get("/admin/operators")
	if rows := p.Find("main tbody tr").Length(); rows != operatorsShown || !strings.Contains(p.Text, "后台账号 102") {
		t.Errorf("%d rows: %s", rows, p.Text)
	}
	next := p.Find(".pager a[rel=next]").AttrOr("href", "")
	p = b.get(next)
	if rows := p.Find("main tbody tr").Length(); rows != 2 || p.Find(".pager a[rel=next]").Length() != 0 {
		t.Errorf("%d rows on the last page %s", rows, next)
	}
	if first := p.Find(".pager a[rel=prev]").AttrOr("href", ""); first != "/admin/operators" {
		t.Errorf("back leads to %s", first)
	}
}

func TestOperatorPage(t *testing.T) {
	o := newOffice(t)
	account := o.operator(t, hostileName, app.RoleOperator)
	plain := o.operator(t, "zhang.san", app.RoleViewer)
	b := o.signIn(t, app.RoleAdmin)
	theirs := o.stranger(t)
	theirs.Headers = map[string]string{"User-Agent": firefoxOnWindows}
	theirs.post("/admin/login", "name", hostileName, "password", officePassword)
	for language, words := range map[string][]string{
		"zh-CN": {"正常", "Windows 上的 Firefox", "127.0.0.1", "忘记密码时", "更改角色", "停用账号", "结束全部登录"},
		"en":    {"Enabled", "Firefox on Windows", "127.0.0.1", "A forgotten password", "Change role", "Disable", "Sign out everywhere"},
	} {
		b.Language = language
		p := b.get(operatorPath(account))
		for _, word := range append(words, hostileName, `wxkeeper operator passwd '"><script>alert(1)</script>'\''$(reboot)'`) {
			if !strings.Contains(p.Text, word) {
				t.Errorf("%q is not on the page: %s", word, p.Text)
			}
		}
		if p.Find("main script").Length() != 0 || p.Find("title").Text() != hostileName+" · wxkeeper" {
			t.Errorf("the name breaks out: %s", p.Find("title").Text())
		}
		if p.Find("main input[name=role][checked]").AttrOr("value", "") != "operator" || p.Find("main tbody tr").Length() != 1 {
			t.Error("the role or the browsers are wrong")
		}
	}
	b.Language = "zh-CN"
	if p := b.get(operatorPath(plain)); !strings.Contains(p.Text, "wxkeeper operator passwd zhang.san") || !strings.Contains(p.Text, "现在没有浏览器登录着这个账号。") {
		t.Errorf("%s", p.Text)
	}
	for _, path := range []string{"/admin/operators/7", "/admin/operators/x", "/admin/operators/99999999999999999999"} {
		if p := b.get(path); p.Status != http.StatusNotFound {
			t.Errorf("%s: HTTP %d", path, p.Status)
		}
		if p := b.post(path + "/disable"); p.Status != http.StatusNotFound {
			t.Errorf("%s/disable: HTTP %d", path, p.Status)
		}
	}
}

func TestChangeAnOperator(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleAdmin)
	bob := o.operator(t, "bob", app.RoleViewer)
	theirs := o.signInAs(t, "bob")
	page := b.get(operatorPath(bob))
	if effect := page.Find("#change-role").Text(); !strings.Contains(effect, "bob 在所有浏览器上退出登录") {
		t.Errorf("the confirmation says %q", effect)
	}
	p := b.submit(page.Find("form[action$='/role']"), "role", "operator")
	if p.Header.Get("Location") != operatorPath(bob) {
		t.Fatalf("HTTP %d %s", p.Status, p.Text)
	}
	if p := b.get(operatorPath(bob)); !strings.Contains(p.Text, "bob 的角色现在是运营。") || p.Find("main input[name=role][checked]").AttrOr("value", "") != "operator" {
		t.Errorf("%s", p.Text)
	}
	if p := theirs.get("/admin/account"); p.Status != http.StatusSeeOther {
		t.Errorf("bob is still signed in: HTTP %d", p.Status)
	}
	if p := b.post(operatorPath(bob)+"/role", "role", "root"); p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Find("#role-error").Text(), "请选择一个角色。") {
		t.Errorf("no such role: HTTP %d %s", p.Status, p.Text)
	}

	o.signInAs(t, "bob")
	theirs = o.signInAs(t, "bob")
	page = b.get(operatorPath(bob))
	if effect := page.Find("#end-sessions").Text(); !strings.Contains(effect, "bob 的 2 个浏览器") {
		t.Errorf("the confirmation says %q", effect)
	}
	b.submit(page.Find("form[action$='/end-sessions']"))
	if p := b.get(operatorPath(bob)); !strings.Contains(p.Text, "bob 的 2 个浏览器已退出登录。") {
		t.Errorf("%s", p.Text)
	}
	if p := theirs.get("/admin/account"); p.Status != http.StatusSeeOther {
		t.Errorf("bob is still signed in: HTTP %d", p.Status)
	}

	page = b.get(operatorPath(bob))
	if effect := page.Find("#disable").Text(); !strings.Contains(effect, "之后无法再登录") || strings.Contains(effect, "你自己") {
		t.Errorf("the confirmation says %q", effect)
	}
	b.submit(page.Find("form[action$='/disable']"))
	page = b.get(operatorPath(bob))
	if !strings.Contains(page.Text, "已停用 bob。") || page.Find("#disable").Length() != 0 {
		t.Errorf("%s", page.Text)
	}
	if p := o.stranger(t).post("/admin/login", "name", "bob", "password", officePassword); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("bob signs in: HTTP %d", p.Status)
	}
	b.submit(page.Find("form[action$='/enable']"))
	if p := b.get(operatorPath(bob)); !strings.Contains(p.Text, "已恢复 bob，现在可以登录。") {
		t.Errorf("%s", p.Text)
	}
	o.signInAs(t, "bob")
}

func TestTheLastAdminStays(t *testing.T) {
	o := newOffice(t)
	alice := o.operator(t, "alice", app.RoleAdmin)
	b := o.signInAs(t, "alice")
	for language, words := range map[string]string{"zh-CN": "这是唯一可以登录的管理员", "en": "This is the only admin who can sign in."} {
		b.Language = language
		p := b.post(operatorPath(alice)+"/role", "role", "viewer")
		if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Find("#role-error").Text(), words) {
			t.Errorf("demoted: HTTP %d %s", p.Status, p.Text)
		}
		p = b.post(operatorPath(alice) + "/disable")
		if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Find("main [role=alert]").Text(), words) {
			t.Errorf("disabled: HTTP %d %s", p.Status, p.Text)
		}
	}
	if found, err := o.store.Read().OperatorByName(t.Context(), "alice"); err != nil || found.Disabled() || found.Role != app.RoleAdmin {
		t.Errorf("%+v, %v", found, err)
	}
}

// Whoever acts on their own account is warned, and asked to sign in again instead of being shown an error.
func TestAdminsActOnThemselves(t *testing.T) {
	o := newOffice(t)
	o.operator(t, "the other admin", app.RoleAdmin)
	for act, fields := range map[string][]string{"disable": nil, "role": {"role", "viewer"}, "end-sessions": nil} {
		name := "myself and " + act
		self := o.operator(t, name, app.RoleAdmin)
		b := o.signInAs(t, name)
		page := b.get(operatorPath(self))
		for _, id := range []string{"disable", "change-role", "end-sessions"} {
			if effect := page.Find("#" + id).Text(); !strings.Contains(effect, "这是你自己的账号，你会立即退出登录。") {
				t.Errorf("%s warns of %q", id, effect)
			}
		}
		p := b.submit(page.Find("form[action$='/"+act+"']"), fields...)
		if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/admin/login?signed_out=1" {
			t.Errorf("%s: HTTP %d %s", act, p.Status, p.Text)
		}
		if cookie := sessionOf(t, p.Header, "wxkeeper_session"); cookie.MaxAge >= 0 {
			t.Errorf("%s: the browser keeps %s", act, cookie)
		}
	}
	same := o.operator(t, "unchanged", app.RoleAdmin)
	if p := o.signInAs(t, "unchanged").follow(operatorPath(same)+"/role", "role", "admin"); !strings.Contains(p.Text, "unchanged 的角色现在是管理员。") {
		t.Errorf("the same role again: %s", p.Text)
	}
}
