package web

import (
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/views"
)

func troubleshoot(question string) string { return views.TroubleshootAddress(question) }

func TestTroubleshootAnswers(t *testing.T) {
	o := newOffice(t)
	programs := o.people(t, "小刘", hostileNickname)
	user, hostile := o.user(t, programs[0]), o.user(t, programs[1])
	b := o.signIn(t, app.RoleOperator)
	start := b.get("/admin/troubleshoot")
	if start.Status != http.StatusOK || !strings.Contains(start.Text, "输入示例") || start.Find("input#question[autofocus]").Length() != 1 {
		t.Errorf("start page: HTTP %d %s", start.Status, start.Text)
	}
	for question, want := range map[string]string{
		user.Number.String():              "最近一次登录和解密都成功",
		"用户编号 " + hostile.Number.String(): "最近一次登录和解密都成功",
		"100000000":                       "没有找到用户编号 100000000",
		"22222222":                        "没有这个反馈码（保留 30 天）",
		"rid: 66f1c0a2-1b2c3d4e-5f6a7b8c": "不再保留",
		"小":                               "请选择一位",
		"10 分钟前":                          "这段时间没有失败",
		hostileNickname + "x":             "没有找到昵称",
	} {
		p := b.get(troubleshoot(question))
		if verdict := p.Find("#verdict").Text(); p.Status != http.StatusOK || !strings.Contains(verdict, want) {
			t.Errorf("%q: HTTP %d %q, want %q", question, p.Status, verdict, want)
		}
		if box := p.Find("input#question").AttrOr("value", ""); box != question {
			t.Errorf("%q: the box says %q", question, box)
		}
		if p.Find("main script").Length() != 0 || strings.Contains(p.Body, "javascript:alert") {
			t.Errorf("%q: hostile text became a script", question)
		}
	}
	fine := b.get(troubleshoot(user.Number.String()))
	if fine.Find("#evidence li").Length() == 0 || fine.Find(`[data-user] a[href="/admin/users/`+user.Number.String()+`"]`).Length() != 1 {
		t.Errorf("evidence or user missing: %s", fine.Text)
	}
	if form := fine.Find(`#answer form[action$="/check"]`); form.Length() != 1 {
		t.Error("nobody can check the key")
	} else if p := b.submit(form); p.Status != http.StatusSeeOther || !strings.Contains(b.get(p.Header.Get("Location")).Text, "小刘") {
		t.Errorf("check: HTTP %d", p.Status)
	}
	if o.signIn(t, app.RoleViewer).get(troubleshoot(user.Number.String())).Find(`#answer form`).Length() != 0 {
		t.Error("a viewer is offered an action")
	}
	choice := b.get(troubleshoot("小")).Find("[data-candidates] a")
	if choice.Length() != 2 || !strings.Contains(choice.AttrOr("href", ""), "q=") {
		t.Errorf("%d candidates", choice.Length())
	}
}

func TestTroubleshootOffersOneAction(t *testing.T) {
	o := newOffice(t)
	programs := o.people(t, "小刘", "小王")
	dead, disabled := o.user(t, programs[0]), o.user(t, programs[1])
	order := keeper.Order{Operator: "老李", Reason: "账号安全"}
	programs[0].Phone().ExpireKey()
	if _, err := o.keeper.CheckNow(t.Context(), order, dead.Number); err != nil {
		t.Fatal(err)
	}
	if err := o.keeper.Disable(t.Context(), order, disabled.Number); err != nil {
		t.Fatal(err)
	}
	b := o.signIn(t, app.RoleOperator)
	p := b.get(troubleshoot(dead.Number.String()))
	if !strings.Contains(p.Text, "密钥已失效，用户重新登录即可恢复") || !strings.Contains(p.Text, "密钥失效不等于无法登录") {
		t.Errorf("a dead key: %s", p.Text)
	}
	done := b.submit(p.Find(`form[action$="/relogin"]`), "reason", "login")
	if done.Status != http.StatusSeeOther || !strings.Contains(b.get(done.Header.Get("Location")).Text, "已强制 1 台设备重新登录") {
		t.Errorf("force re-login: HTTP %d", done.Status)
	}
	p = b.get(troubleshoot(disabled.Number.String()))
	if !strings.Contains(p.Find("#verdict").Text(), "账号已被 老李 停用（账号安全）") || p.Find(`form[action$="/enable"]`).Length() != 1 {
		t.Errorf("a disabled user: %s", p.Text)
	}
	b.Language = "en"
	if p = b.get(troubleshoot(disabled.Number.String())); !strings.Contains(p.Find("#verdict").Text(), "Disabled by 老李 (账号安全)") {
		t.Errorf("in English: %s", p.Text)
	}
}

func TestTroubleshootByTimeAndVersion(t *testing.T) {
	o := newOffice(t)
	o.people(t, "小刘")
	if answer, err := o.server.Client().PostForm(o.server.URL+"/login/", url.Values{"code": {"nobody's code"}}); err != nil {
		t.Fatal(err)
	} else {
		answer.Body.Close()
	}
	o.keeper.Close() // writes strangers' events
	o.pass(time.Minute)
	b := o.signIn(t, app.RoleViewer)
	p := b.get("/admin/troubleshoot?" + url.Values{"q": {"最近 1 小时"}, "address": {"127.0.0.1"}}.Encode())
	if p.Status != http.StatusOK || p.Find("#evidence li").Length() == 0 || !strings.Contains(p.Find("#answer pre").Text(), "反馈码：") {
		t.Errorf("HTTP %d %s", p.Status, p.Text)
	}
	if address := p.Find("input[name=address]").AttrOr("value", ""); address != "127.0.0.1" || p.Find("details.more-filters[open]").Length() != 1 {
		t.Errorf("the address was lost: %q", address)
	}
}

func TestTroubleshootSaysWhatCannotBeRead(t *testing.T) {
	o := newOffice(t)
	for _, language := range []string{"zh-CN", "en"} {
		b := o.signIn(t, app.RoleViewer)
		b.Language = language
		for query, field := range map[string]string{
			"q=2099-01-01": "question", "version=x": "version", "address=nowhere": "address", "to=2026-03-01T10:00": "from",
			"from=never": "from", "to=never": "to", "from=2099-01-01T10:00": "from", "q=" + strings.Repeat("x", 600): "question",
			"q=%ff%fe": "",
		} {
			p := b.get("/admin/troubleshoot?" + query)
			if field == "" {
				if p.Status >= http.StatusInternalServerError {
					t.Errorf("%s: HTTP %d", query, p.Status)
				}
				continue
			}
			if p.Status != http.StatusUnprocessableEntity || p.Find("#"+field+"-error").Length() != 1 {
				t.Errorf("%s %s: HTTP %d %s", language, query, p.Status, p.Text)
			}
		}
	}
}

// TestEveryFindingHasWords reads what a diagnosis may say, so that no page is left without a sentence.
func TestEveryFindingHasWords(t *testing.T) {
	for file, ids := range map[string]map[string]string{
		"diagnosis.go": {`Finding = "([a-z_]+)"`: "verdict.", `Action = "(copy_\w+|show_\w+|open_\w+)"`: "do."},
		"facts.go":     {`FactName = "([a-z_]+)"`: "fact."},
	} {
		source, err := os.ReadFile("../diagnosis/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for form, stem := range ids {
			found := regexp.MustCompile(form).FindAllStringSubmatch(string(source), -1)
			if len(found) < 5 {
				t.Errorf("found only %d %s", len(found), stem)
			}
			for _, match := range found {
				for _, language := range views.Languages() {
					if !(views.Text{Language: language}).Has(stem + match[1]) {
						t.Errorf("%s: no words for %s%s", language, stem, match[1])
					}
				}
			}
		}
	}
}

// TestThePhoneButtonDoesNotWork: nothing of it reaches the server, which would look well; a client's report tells, in a whole sentence and
// with what to do.
func TestThePhoneButtonDoesNotWork(t *testing.T) {
	o := newOffice(t)
	user := o.user(t, o.people(t, "小刘")[0])
	b := o.signIn(t, app.RoleViewer)
	asked := user.Number.String() + " 手机号按钮没反应"
	if p := b.get(troubleshoot(asked)); !strings.Contains(p.Text, "只有客户端上报（/report/）才能看到") {
		t.Errorf("without a report: %s", p.Text)
	}
	failure := app.ClientFailure{API: "getPhoneNumber", Errno: "1400001", Message: "getPhoneNumber:fail jsapi has no quota"}
	for range 2 {
		if err := o.keeper.Report(t.Context(), app.Caller{At: noon}, "", failure); err != nil {
			t.Fatal(err)
		}
	}
	o.keeper.Close()
	o.pass(time.Minute)
	for language, want := range map[string][]string{
		"zh-CN": {"手机号按钮失败：手机号验证额度已用完，影响所有用户。", "购买资源包", "据小程序客户端上报", "getPhoneNumber", "1400001"},
		"en":    {"The phone button fails: the quota for phone numbers is used up. Everybody is hit.", "buys a package", "A client reports so"},
	} {
		b.Language = language
		p := b.get(troubleshoot("手机号按钮没反应"))
		for _, words := range want {
			if !strings.Contains(p.Text, words) {
				t.Errorf("%s: no %q in %s", language, words, p.Text)
			}
		}
		if p = b.get(p.Find("#answer a.btn").AttrOr("href", "/nowhere")); p.Status != http.StatusOK || p.Find("tbody tr").Length() != 2 {
			t.Errorf("%s: it leads to HTTP %d with %d events", language, p.Status, p.Find("tbody tr").Length())
		}
	}
}
