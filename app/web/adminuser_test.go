package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
	"wxkeeper/views"
)

// resident is somebody who has logged in, given a profile and a phone number, and changed keys once.
func (o *office) resident(t *testing.T, person sandbox.Person) *sandbox.MiniProgram {
	t.Helper()
	program := o.phone(t, person)
	o.launch(t, program)
	for _, kind := range []sandbox.SealedKind{sandbox.SealedProfile, sandbox.SealedPhone} {
		if _, err := program.Send(t.Context(), kind); err != nil {
			t.Fatal(err)
		}
	}
	o.pass(2 * time.Hour)
	program.Phone().ReplaceKeyAtLogin()
	o.launch(t, program)
	return program
}

func (o *office) launch(t *testing.T, program *sandbox.MiniProgram) {
	t.Helper()
	if err := program.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// at is the address of one of a user's pages.
func (o *office) at(t *testing.T, program *sandbox.MiniProgram, rest string) string {
	t.Helper()
	return views.UserAddress(o.user(t, program).Number) + rest
}

// audited is the newest thing an operator did to a user.
func (o *office) audited(t *testing.T, user app.User) app.AuditRow {
	t.Helper()
	found, err := o.store.Read().ListAudit(t.Context(), db.AuditListing{UserID: user.ID, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Rows) == 0 {
		return app.AuditRow{}
	}
	return found.Rows[0]
}

// reasons are what happened to a user, newest first.
func (o *office) reasons(t *testing.T, user app.User) []app.Reason {
	t.Helper()
	events, err := o.store.Read().EventsOf(t.Context(), user.LastEvent, 100)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []app.Reason
	for _, event := range events {
		reasons = append(reasons, event.Reason)
	}
	return reasons
}

func (p page) flash() string {
	return strings.Join(strings.Fields(p.Find(".flashes").Text()), " ")
}

func TestUserPagesInBothLanguages(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨", Gender: 2, City: "Hangzhou", Country: "China", PhoneNumber: "13800135678"})
	user := o.user(t, program)
	b := o.signIn(t, app.RoleAdmin)
	b.post(o.at(t, program, "/check"))
	for _, test := range []struct {
		tab     string
		zh, en  []string
		nothing []string
	}{
		{"", []string{"小雨", user.Number.String(), string(user.OpenID), "*******5678", "女", "China · Hangzhou", "正式版", "2 台", "首次登录", "密钥时间线"},
			[]string{"Female", "2 devices", "First login", "Reset key at WeChat", "Erase"}, []string{"13800135678", "<style", "style="}},
		{"/keys", []string{"取得", "被替换", "现在会用来解密的密钥", "每把密钥的准确时间", "一行是一把密钥"}, []string{"Obtained", "Superseded", "One line is one key"}, nil},
		{"/devices", []string{"Android", "移除此设备", "30 天 未使用或登录满 180 天 后"}, []string{"Sign out this device", "not been used for 30 days"}, nil},
		{"/events", []string{"登录成功，密钥已更换", "解密成功", "手机号已保存", "反馈码", "首次登录"}, []string{"Logged in, new key", "Opened", "Phone number stored"}, nil},
		{"/history", []string{"昵称", "小雨", "*******5678", "当前", "加密数据（/getinfo/）", "头像", "概况"},
			[]string{"Nickname", "Sealed data", "last four digits"}, []string{"13800135678"}},
		{"/audit", []string{"核对", "admin"}, []string{"Check", "admin"}, nil},
	} {
		for language, words := range map[string][]string{"zh-CN": test.zh, "en": test.en} {
			b.Language = language
			p := b.get(o.at(t, program, test.tab))
			if p.Status != http.StatusOK || strings.Contains(p.Body, "⟦") || p.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s in %s: HTTP %d, %s", test.tab, language, p.Status, p.Text)
			}
			for _, word := range words {
				if !strings.Contains(p.Text, word) {
					t.Errorf("%s in %s does not say %q: %s", test.tab, language, word, p.Text)
				}
			}
			for _, word := range test.nothing {
				if strings.Contains(p.Body, word) {
					t.Errorf("%s in %s says %q", test.tab, language, word)
				}
			}
			if p.Find(".tabs a[aria-current]").AttrOr("href", "") != o.at(t, program, test.tab) {
				t.Errorf("%s: another tab is the current one", test.tab)
			}
		}
	}
}

func TestUnknownUserIsNotFound(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨"})
	b := o.signIn(t, app.RoleAdmin)
	number := o.user(t, program).Number.String()
	for _, number := range []string{"1", "000000000", "abcdefghi", "999999999", "+" + number, "%20" + number, number + "0", "-99999999", "99999999999999999999", number[:8]} {
		for _, tab := range []string{"", "/keys", "/devices", "/history", "/events", "/audit"} {
			if p := b.get("/admin/users/" + number + tab); p.Status != http.StatusNotFound {
				t.Errorf("%s%s: HTTP %d", number, tab, p.Status)
			}
		}
		if p := b.post("/admin/users/"+number+"/relogin", "reason", "test"); p.Status != http.StatusNotFound {
			t.Errorf("re-login of %s: HTTP %d", number, p.Status)
		}
	}
}

func TestHostileUserDoesNothing(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleAdmin)
	for _, avatar := range []string{"javascript:alert(1)", "https://evil.example/a.png", `https://thirdwx.qlogo.cn@evil.example/a"onerror="alert(1)`, "//evil.example/a.png"} {
		program := o.phone(t, sandbox.Person{Nickname: hostileNickname + strings.Repeat("王", 200), AvatarURL: avatar, City: `"><script>alert(1)</script>`})
		o.launch(t, program)
		if _, err := program.Send(t.Context(), sandbox.SealedProfile); err != nil {
			t.Fatal(err)
		}
		for _, tab := range []string{"", "/keys", "/devices", "/history", "/events", "/audit"} {
			p := b.get(o.at(t, program, tab))
			if p.Status != http.StatusOK || p.Find("main script, main img, main [onerror]").Length() != 0 || strings.Contains(p.Body, "<script>alert") {
				t.Errorf("%s with the avatar %s: HTTP %d", tab, avatar, p.Status)
			}
			if tab == "" && p.Find("h1 bdi").Text() != hostileNickname+strings.Repeat("王", 200) {
				t.Errorf("the name reads %q", p.Find("h1 bdi").Text())
			}
			if strings.Contains(p.Find("title").Text(), "script") {
				t.Error("the window's title holds the nickname")
			}
		}
	}
}

func TestAnonymousUserIsToldApart(t *testing.T) {
	o := newOffice(t)
	program := o.phone(t, sandbox.Person{Anonymous: true})
	o.launch(t, program)
	p := o.signIn(t, app.RoleViewer).get(o.at(t, program, ""))
	if p.Find("h1.text-muted").Text() != "微信用户" || !strings.Contains(p.Text, o.user(t, program).Number.String()) {
		t.Errorf("an anonymous user reads %q", p.Find("h1").Text())
	}
}

func TestViewerOnlyLooks(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨", PhoneNumber: "13800135678"})
	b := o.signIn(t, app.RoleViewer)
	for _, tab := range []string{"", "/keys", "/devices", "/history", "/events"} {
		p := b.get(o.at(t, program, tab))
		if p.Status != http.StatusOK || p.Find("main form").Length() != 0 || strings.Contains(p.Text, "操作日志") {
			t.Errorf("%s: HTTP %d, %d forms", tab, p.Status, p.Find("main form").Length())
		}
	}
	for _, path := range []string{"/audit", "/relogin", "/phone"} {
		if p := b.post(o.at(t, program, path), "reason", "test"); p.Status != http.StatusForbidden && p.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s: HTTP %d", path, p.Status)
		}
	}
	operator := o.signIn(t, app.RoleOperator).get(o.at(t, program, ""))
	if operator.Find("#act-erase").Length() != 0 || operator.Find("#act-reset").Length() != 1 {
		t.Error("an operator is offered to erase, or not to reset")
	}
}

func TestNoPageShowsAKey(t *testing.T) {
	o := newOffice(t)
	program := o.phone(t, sandbox.Person{Nickname: "小雨", PhoneNumber: "13800135678"})
	o.launch(t, program)
	planted := []string{program.Phone().SessionKey().Reveal()}
	program.Phone().ReplaceKeyAtLogin()
	if _, err := program.CollectThenLogin(t.Context(), sandbox.SealedPhone); err != nil {
		t.Fatal(err)
	}
	planted = append(planted, program.Phone().SessionKey().Reveal(), program.Token())
	b := o.signIn(t, app.RoleAdmin)
	answers := map[string]page{}
	for _, tab := range []string{"", "/keys", "/devices", "/history", "/events", "/audit"} {
		answers[tab] = b.get(o.at(t, program, tab))
	}
	for _, act := range []string{"/check", "/reset", "/phone", "/export", "/relogin", "/disable", "/enable"} {
		answers[act] = b.post(o.at(t, program, act), "reason", "login")
		answers["after "+act] = b.get(o.at(t, program, ""))
	}
	planted = append(planted, program.Phone().SessionKey().Reveal())
	for from, p := range answers {
		for _, secret := range planted {
			if strings.Contains(p.Body, secret) || strings.Contains(p.Body, strings.TrimRight(secret, "=")) {
				t.Errorf("%s shows a key or a token", from)
			}
		}
	}
}

func TestKeyTimelineTellsEveryKey(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨"})
	keys, err := o.store.Read().KeysOfUser(t.Context(), o.user(t, program).ID)
	if err != nil || len(keys) != 2 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	b := o.signIn(t, app.RoleViewer)
	p := b.get(o.at(t, program, "/keys"))
	lanes := p.Find("figure ol > li")
	if lanes.Length() != 2 || p.Find("table tbody tr").Length() != 2 {
		t.Fatalf("%d lanes for two keys", lanes.Length())
	}
	for i, key := range keys {
		if !strings.Contains(lanes.Eq(i).Text(), key.Fingerprint.String()) {
			t.Errorf("lane %d does not name %s", i, key.Fingerprint)
		}
	}
	if !strings.Contains(p.Text, "（至 ") || !strings.Contains(lanes.Eq(1).Text(), "仍用于解密") {
		t.Errorf("nothing says that the key before is still used: %s", p.Text)
	}
	o.pass(time.Hour)
	if p := b.get(o.at(t, program, "/keys")); strings.Contains(p.Text, "仍用于解密，至") {
		t.Error("the grace of the key before is over, and still told")
	}
}

func TestEventsOfAUserInPages(t *testing.T) {
	o := newOffice(t)
	program, other := o.phone(t, sandbox.Person{Nickname: "小雨"}), o.resident(t, sandbox.Person{Nickname: "小雪"})
	for range eventsOnPage + 5 {
		o.pass(time.Second)
		o.launch(t, program)
	}
	b := o.signIn(t, app.RoleViewer)
	first := b.get(o.at(t, program, "/events"))
	older := first.Find(".pager a[rel=next]").AttrOr("href", "")
	second := b.get(older)
	if first.Find("tbody > tr").Length() != eventsOnPage || second.Find("tbody > tr").Length() != 5 {
		t.Fatalf("%d events, then %d at %q", first.Find("tbody > tr").Length(), second.Find("tbody > tr").Length(), older)
	}
	if second.Find(".pager a[rel=next]").Length() != 0 || second.Find(".pager a[rel=prev]").AttrOr("href", "") != o.at(t, program, "/events") {
		t.Error("the last page leads on, or not back")
	}
	if !strings.Contains(second.Text, "首次登录") || strings.Contains(first.Text, "首次登录") {
		t.Error("the first login is not on the last page")
	}
	_, cursor, _ := strings.Cut(older, "?")
	if p := b.get(o.at(t, other, "/events?"+cursor)); p.Status != http.StatusNotFound {
		t.Errorf("somebody else's cursor: HTTP %d", p.Status)
	}
	if p := b.get(o.at(t, program, "/events?cursor=nonsense")); p.Find("tbody > tr").Length() != eventsOnPage {
		t.Error("a cursor that is none is not ignored")
	}
	if p := b.get(o.at(t, program, "/events?cursor=1")); p.Status != http.StatusOK || !strings.Contains(p.Text, "没有事件") {
		t.Errorf("past the oldest event: HTTP %d %s", p.Status, p.Text)
	}
}

func TestEventsSayWhatToDo(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨"})
	program.Phone().ExpireKey()
	b := o.signIn(t, app.RoleOperator)
	if p := b.follow(o.at(t, program, "/check")); !strings.Contains(p.flash(), "微信确认已失效（87009") || !strings.Contains(p.flash(), "密钥失效不等于无法登录") {
		t.Errorf("check of a dead key: %s", p.flash())
	}
	if _, err := o.keeper.Open(t.Context(), app.Caller{RequestID: "7K2MPX9A", At: o.now()}, keeper.ByToken(program.Token()), keeper.Sealed{
		EncryptedData: strings.Repeat("AAAA", 16), IV: "AAAAAAAAAAAAAAAAAAAAAA==",
	}); app.KindOf(err) != app.SealedDataUnopened {
		t.Fatal(err)
	}
	p := b.get(o.at(t, program, "/events"))
	for _, word := range []string{"解不开：密钥已失效", "强制重新登录，然后请用户再试一次。", "7K2MPX9A", "87009", "核对签名不符"} {
		if !strings.Contains(p.Text, word) {
			t.Errorf("the events do not say %q", word)
		}
	}
	if profile := b.get(o.at(t, program, "")); !strings.Contains(profile.Text, "密钥失效不等于无法登录") || !strings.Contains(profile.Text, "请强制重新登录") {
		t.Error("nothing says what a dead key means")
	}
}

func TestCheckNow(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨"})
	b := o.signIn(t, app.RoleOperator)
	p := b.follow(o.at(t, program, "/check"), "back", o.at(t, program, "/keys"))
	if !strings.Contains(p.flash(), "微信确认有效") || p.Find("figure").Length() != 1 {
		t.Errorf("check: %s", p.flash())
	}
	if row := o.audited(t, o.user(t, program)); row.Action != app.ActionCheck || row.Reason != "立即核对" {
		t.Errorf("audited as %+v", row)
	}
	if err := o.emulator.Fail(sandbox.Fault{Kind: sandbox.FaultErrcode, Errcode: wechat.ErrcodeDayQuota, API: sandbox.APICheckSession, Calls: 1}); err != nil {
		t.Fatal(err)
	}
	if p := b.follow(o.at(t, program, "/check")); !strings.Contains(p.flash(), "未能核对：45009 接口当日次数用完") {
		t.Errorf("check at the quota's end: %s", p.flash())
	}
	for _, elsewhere := range []string{"https://evil.example/", "//evil.example", "/admin/operators", o.at(t, program, "") + "//evil.example"} {
		p := b.post(o.at(t, program, "/check"), "back", elsewhere)
		if to := p.Header.Get("Location"); to != o.at(t, program, "") && to != "/admin/" {
			t.Errorf("back to %s leads to %s", elsewhere, to)
		}
	}
}

func TestCheckWithoutAKey(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨"})
	user := o.user(t, program)
	err := o.store.Write(t.Context(), func(tx *db.Tx) error {
		keys, err := tx.KeysOfUser(t.Context(), user.ID)
		if err != nil {
			return err
		}
		return tx.ForgetKey(keys[0])
	})
	if err != nil {
		t.Fatal(err)
	}
	b := o.signIn(t, app.RoleOperator)
	p := b.get(o.at(t, program, ""))
	if p.Status != http.StatusOK || !strings.Contains(p.Text, "还没有会话密钥") || p.Find("form[action$='/check'] button[disabled]").Length() != 1 {
		t.Errorf("without a key: HTTP %d %s", p.Status, p.Text)
	}
	for act, want := range map[string]string{"/check": "没有可核对的会话密钥", "/reset": "没有可重置的会话密钥"} {
		if p := b.follow(o.at(t, program, act), "reason", "test"); !strings.Contains(p.flash(), want) {
			t.Errorf("%s: %s", act, p.flash())
		}
	}
}

func TestForceReloginByPlainForm(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨"})
	b := o.signIn(t, app.RoleOperator)
	question := b.get(o.at(t, program, "")).Find("#act-relogin").Text()
	if !strings.Contains(question, "2 台设备") || !strings.Contains(question, "code 2") {
		t.Errorf("the question does not name the effect: %s", question)
	}
	p := b.follow(o.at(t, program, "/relogin"), "reason", "ticket 2231, asked by the user")
	if !strings.Contains(p.flash(), "已强制 2 台设备重新登录") {
		t.Errorf("flash: %s", p.flash())
	}
	if row := o.audited(t, o.user(t, program)); row.Action != app.ActionRelogin || row.Reason != "ticket 2231, asked by the user" {
		t.Errorf("audited as %+v", row)
	}
	if _, err := program.Session(t.Context()); err == nil {
		t.Error("the device is still logged in")
	}
	if p := b.follow(o.at(t, program, "/relogin"), "reason", "login"); !strings.Contains(p.flash(), "没有登录中的设备") {
		t.Errorf("flash without a device: %s", p.flash())
	}
	if p := b.get(o.at(t, program, "/devices")); !strings.Contains(p.Text, "没有登录中的设备") {
		t.Errorf("devices after it: %s", p.Text)
	}
}

// acts are the forms that ask why.
var actsThatAskWhy = []string{"relogin", "reset", "disable", "phone", "export", "erase"}

func TestReasonIsAskedForAgain(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨", PhoneNumber: "13800135678"})
	b := o.signIn(t, app.RoleAdmin)
	before := o.audited(t, o.user(t, program))
	for _, act := range actsThatAskWhy {
		for _, typed := range [][2]string{{"", ""}, {"other", ""}, {"login", strings.Repeat("很", 200)}} {
			if act == "erase" && typed[1] != "" {
				continue
			}
			p := b.post(o.at(t, program, "/"+act), "reason", typed[0], "reason_text", typed[1])
			form := p.Find(".confirm-open form")
			if p.Status != http.StatusUnprocessableEntity || form.Length() != 1 || form.AttrOr("action", "") != o.at(t, program, "/"+act) {
				t.Errorf("%s with %q: HTTP %d, %d forms", act, typed[0], p.Status, form.Length())
				continue
			}
			if form.Find(".field-error").Length() == 0 || form.Find("select option[selected]").AttrOr("value", "") != typed[0] ||
				form.Find("input[name=reason_text]").AttrOr("value", "") != typed[1] {
				t.Errorf("%s with %q does not say what is wrong, or has lost what was typed", act, typed[0])
			}
			if p.Find("#act-"+act).Length() != 1 {
				t.Errorf("%s stands twice on the page", act)
			}
		}
	}
	if after := o.audited(t, o.user(t, program)); after.Sequence != before.Sequence {
		t.Errorf("something was done: %+v", after)
	}
}

func TestResetKey(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨"})
	b := o.signIn(t, app.RoleOperator)
	if p := b.follow(o.at(t, program, "/reset"), "reason", "leak"); !strings.Contains(p.flash(), "已重置密钥") {
		t.Errorf("flash: %s", p.flash())
	}
	if reasons := o.reasons(t, o.user(t, program)); reasons[0] != app.KeyReset {
		t.Errorf("events %v", reasons)
	}
	if row := o.audited(t, o.user(t, program)); row.Action != app.ActionReset || row.Reason != "密钥泄露处置" {
		t.Errorf("audited as %+v", row)
	}
	o.pass(4 * time.Hour)
	b = o.signIn(t, app.RoleOperator) // who does nothing for hours has to
	if p := b.follow(o.at(t, program, "/reset"), "reason", "leak"); !strings.Contains(p.flash(), "请在 20 小时 后再试") {
		t.Errorf("again: %s", p.flash())
	}
	o.pass(23 * time.Hour)
	if err := o.emulator.Fail(sandbox.Fault{Kind: sandbox.FaultQuota, API: sandbox.APIResetUserSessionKey, Calls: 1}); err != nil {
		t.Fatal(err)
	}
	b = o.signIn(t, app.RoleOperator)
	if p := b.follow(o.at(t, program, "/reset"), "reason", "leak"); !strings.Contains(p.flash(), "微信拒绝重置：45011") {
		t.Errorf("refused: %s", p.flash())
	}
}

func TestDisableAndEnable(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨"})
	b := o.signIn(t, app.RoleOperator)
	p := b.follow(o.at(t, program, "/disable"), "reason", "security", "reason_text", "工单 7")
	if notice := p.Find(".notice").Text(); !strings.Contains(p.flash(), "账号已停用") || !strings.Contains(notice, "账号安全：工单 7") || !strings.Contains(notice, "operator ") {
		t.Errorf("flash %s, notice %s", p.flash(), notice)
	}
	if p.Find("#act-disable").Length() != 0 || p.Find("#act-enable").Length() != 1 || !o.user(t, program).Disabled() {
		t.Error("disabling is offered again, or enabling is not")
	}
	if p := b.follow(o.at(t, program, "/disable"), "reason", "security"); !strings.Contains(p.flash(), "已经是停用状态") {
		t.Errorf("again: %s", p.flash())
	}
	p = b.post(o.at(t, program, "/enable"), "reason", "")
	if p.Status != http.StatusUnprocessableEntity || p.Find(".confirm-open form[action$='/enable']").Length() != 1 {
		t.Errorf("enabling without a reason: HTTP %d", p.Status)
	}
	if p := b.follow(o.at(t, program, "/enable"), "reason", "login"); !strings.Contains(p.flash(), "账号已恢复") || o.user(t, program).Disabled() {
		t.Errorf("flash: %s", p.flash())
	}
	if row := o.audited(t, o.user(t, program)); row.Action != app.ActionEnable {
		t.Errorf("audited as %+v", row)
	}
	if p := b.follow(o.at(t, program, "/enable"), "reason", "login"); !strings.Contains(p.flash(), "没有被停用") {
		t.Errorf("again: %s", p.flash())
	}
}

func TestPhoneNumberIsRevealedOnce(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨", PhoneNumber: "13800135678"})
	foreign := o.resident(t, sandbox.Person{Nickname: "小雷", PhoneNumber: "91234567", CountryCode: "852"})
	without := o.phone(t, sandbox.Person{Nickname: "小雪"})
	o.launch(t, without)
	b := o.signIn(t, app.RoleOperator)
	p := b.post(o.at(t, program, "/phone"), "reason", "phone", "reason_text", "工单 9")
	if p.Status != http.StatusOK || !strings.Contains(p.Find("#phone").Text(), "13800135678") || p.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("revealed: HTTP %d %s", p.Status, p.Find("#profile").Text())
	}
	if row := o.audited(t, o.user(t, program)); row.Action != app.ActionRevealPhone || row.Reason != "手机号解密失败：工单 9" || strings.Contains(row.Detail, "138") {
		t.Errorf("audited as %+v", row)
	}
	for _, tab := range []string{"", "/events", "/audit"} {
		if p := b.get(o.at(t, program, tab)); strings.Contains(p.Body, "13800135678") {
			t.Errorf("%s still shows the number", tab)
		}
	}
	if p := b.post(o.at(t, foreign, "/phone"), "reason", "phone"); !strings.Contains(p.Find("#phone").Text(), "+852 91234567") {
		t.Errorf("a number of another country: %s", p.Find("#phone").Text())
	}
	if p := b.follow(o.at(t, without, "/phone"), "reason", "phone"); !strings.Contains(p.flash(), "没有保存该用户的手机号") {
		t.Errorf("without a number: %s", p.flash())
	}
	if row := o.audited(t, o.user(t, without)); row.Action != "" {
		t.Errorf("nothing was revealed, yet audited: %+v", row)
	}
}

func TestOneDeviceIsSignedOut(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨"})
	second := sandbox.NewMiniProgram(program.Phone().SecondDevice(sandbox.Device{Platform: app.PlatformIOS}), o.server.URL, o.server.Client())
	o.launch(t, second)
	b := o.signIn(t, app.RoleOperator)
	p := b.get(o.at(t, program, "/devices"))
	action, _ := p.Find("tbody tr").FilterFunction(func(_ int, row *goquery.Selection) bool { return strings.Contains(row.Text(), "iOS") }).Find("form").Attr("action")
	if p.Find("tbody tr").Length() != 3 || action == "" {
		t.Fatalf("%d devices, the second one at %q", p.Find("tbody tr").Length(), action)
	}
	p = b.post(action, "reason", "")
	if p.Status != http.StatusUnprocessableEntity || p.Find(".confirm-open form").AttrOr("action", "") != action || p.Find("tbody tr").Length() != 4 {
		t.Errorf("without a reason: HTTP %d", p.Status)
	}
	p = b.follow(action, "reason", "security")
	if !strings.Contains(p.flash(), "设备已移除") || p.Find("tbody tr").Length() != 2 || p.Find(".tabs a[aria-current]").AttrOr("href", "") != o.at(t, program, "/devices") {
		t.Errorf("flash %s, %d devices left", p.flash(), p.Find("tbody tr").Length())
	}
	if _, err := second.Session(t.Context()); err == nil {
		t.Error("the device is still logged in")
	}
	if _, err := program.Session(t.Context()); err != nil {
		t.Errorf("another device lost its login: %v", err)
	}
	if row := o.audited(t, o.user(t, program)); row.Action != app.ActionEndDevice {
		t.Errorf("audited as %+v", row)
	}
	if p := b.follow(action, "reason", "security"); !strings.Contains(p.flash(), "已经退出登录") {
		t.Errorf("again: %s", p.flash())
	}
	if p := b.post(o.at(t, program, "/devices/none/end"), "reason", "security"); p.Status != http.StatusNotFound {
		t.Errorf("a device that is none: HTTP %d", p.Status)
	}
}

func TestForcedDeviceIsMarked(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨"})
	if err := o.keeper.ForceReloginOfAll(t.Context(), keeper.Order{Operator: "周敏", Reason: "test"}); err != nil {
		t.Fatal(err)
	}
	p := o.signIn(t, app.RoleViewer).get(o.at(t, program, "/devices"))
	if strings.Count(p.Text, "下一次请求时失效") != 2 {
		t.Errorf("devices after everybody was forced: %s", p.Text)
	}
}

func TestExportOfOneUser(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨", PhoneNumber: "13800135678"})
	if p := o.signIn(t, app.RoleOperator).post(o.at(t, program, "/export"), "reason", "request"); strings.Contains(p.Body, "13800135678") {
		t.Error("an operator gets the phone number without the word of a reveal")
	}
	p := o.signIn(t, app.RoleAdmin).post(o.at(t, program, "/export"), "reason", "request")
	var person struct {
		NickName    string           `json:"nickName"`
		PhoneNumber string           `json:"phoneNumber"`
		Keys        []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal([]byte(p.Body), &person); err != nil || person.NickName != "小雨" || person.PhoneNumber != "13800135678" || len(person.Keys) != 2 {
		t.Errorf("HTTP %d, %v: %+v", p.Status, err, person)
	}
	if disposition := p.Header.Get("Content-Disposition"); disposition != `attachment; filename="user-`+o.user(t, program).Number.String()+`.json"` {
		t.Errorf("Content-Disposition: %s", disposition)
	}
	if row := o.audited(t, o.user(t, program)); row.Action != app.ActionExport || row.Reason != "用户要求删除" {
		t.Errorf("audited as %+v", row)
	}
}

func TestErase(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨"})
	user, path := o.user(t, program), o.at(t, program, "/erase")
	b := o.signIn(t, app.RoleAdmin)
	p := b.post(path, "reason", "request", "reason_text", "工单 3", "confirmation", "123")
	form := p.Find(".confirm-open form")
	if p.Status != http.StatusUnprocessableEntity || !strings.Contains(form.Text(), "用户编号不一致") || form.Find("input[name=reason_text]").AttrOr("value", "") != "工单 3" {
		t.Errorf("wrong number: HTTP %d %s", p.Status, form.Text())
	}
	p = b.post(path, "reason", "request", "confirmation", user.Number.String())
	if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/admin/users" {
		t.Fatalf("HTTP %d to %s", p.Status, p.Header.Get("Location"))
	}
	if p := b.get("/admin/users"); !strings.Contains(p.flash(), user.Number.String()+" 已彻底删除") {
		t.Errorf("flash: %s", p.flash())
	}
	if p := b.get(views.UserAddress(user.Number)); p.Status != http.StatusNotFound {
		t.Errorf("the user is still there: HTTP %d", p.Status)
	}
	if row := o.audited(t, user); row.Action != app.ActionErase || row.Reason != "用户要求删除" {
		t.Errorf("audited as %+v", row)
	}
}

func TestWeChatIsDown(t *testing.T) {
	o := newOffice(t)
	program := o.resident(t, sandbox.Person{Nickname: "小雨"})
	b := o.signIn(t, app.RoleOperator)
	if err := o.emulator.CutOff(sandbox.FaultRefuse); err != nil {
		t.Fatal(err)
	}
	for act, want := range map[string]string{"/check": "未能核对：", "/reset": "没有得到微信对重置的应答："} {
		p := b.follow(o.at(t, program, act), "reason", "test")
		if !strings.Contains(p.flash(), want) || !slices.ContainsFunc([]string{"连接中断", "微信刚才连不上", "网络不通"}, func(words string) bool { return strings.Contains(p.flash(), words) }) {
			t.Errorf("%s: %s", act, p.flash())
		}
		if fresh := p.Find(".page-head .status").Text(); !strings.Contains(fresh, "新取得") {
			t.Errorf("%s: the key reads %s", act, fresh)
		}
	}
}

func TestAnExternalIDIsShownAndFound(t *testing.T) {
	o := newOffice(t)
	user := o.user(t, o.people(t, "小刘")[0])
	b := o.signIn(t, app.RoleViewer)
	page := views.UserAddress(user.Number)
	if p := b.get(page); strings.Contains(p.Text, "外部 ID") {
		t.Error("somebody who was not imported has an external id")
	}
	if err := o.store.Write(t.Context(), func(tx *db.Tx) error { return tx.SetExternalID(user.AppID, user.ID, "crm:4711") }); err != nil {
		t.Fatal(err)
	}
	if p := b.get(page); !strings.Contains(p.Text, "外部 ID") || !strings.Contains(p.Text, "crm:4711") {
		t.Errorf("%s", p.Text)
	}
	if p := b.get("/admin/users?q=crm:4711"); p.Find(`td.lead a[href="`+page+`"]`).Length() != 1 {
		t.Errorf("not found: %s", p.Text)
	}
	if p := b.get(troubleshoot("crm:4711")); p.Find(`[data-user] a[href="`+page+`"]`).Length() != 1 {
		t.Errorf("troubleshooting does not find it: %s", p.Text)
	}
}
