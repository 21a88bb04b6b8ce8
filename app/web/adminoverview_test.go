package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// mishaps lets two people log in and send data, after which three logins fail and one opening is saved by an earlier key. All of it
// is stored.
func (o *office) mishaps(t *testing.T) []*sandbox.MiniProgram {
	t.Helper()
	programs := o.people(t, "小明", hostileNickname)
	err := o.emulator.Fail(sandbox.Fault{Kind: sandbox.FaultErrcode, Errcode: wechat.ErrcodeCodeUsed, API: sandbox.APICode2Session, Calls: 3})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if programs[0].Launch(t.Context()) == nil {
			t.Fatal("a used code was taken")
		}
	}
	programs[1].Phone().ReplaceKeyAtLogin()
	if _, err := programs[1].CollectThenLogin(t.Context(), sandbox.SealedProfile); err != nil {
		t.Fatal(err)
	}
	o.keeper.Close()
	return programs
}

// withdraw makes a matter for a person: WeChat tells that a user withdrew something of a kind that nobody knows.
func (o *office) withdraw(t *testing.T, user app.User) {
	t.Helper()
	err := o.keeper.Pushed(t.Context(), app.Caller{At: noon}, wechat.Message{
		Event: wechat.EventUserRevoked, OpenID: user.OpenID, RevokeInfo: []int{99}, CreatedAt: noon,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOverviewOfAFirstDay(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleViewer)
	for language, want := range map[string]string{"zh-CN": "还没有收到请求", "en": "No request so far"} {
		b.Language = language
		p := b.get("/admin/")
		if p.Status != http.StatusOK || !strings.Contains(p.Text, want) || !strings.Contains(p.Text, o.server.URL+"/login/") {
			t.Errorf("%s: HTTP %d %s", language, p.Status, p.Text)
		}
		if p.Find(".stats, [data-chart], a[href='/admin/phones']").Length() != 0 {
			t.Errorf("%s: a first day has numbers", language)
		}
		if p := b.get("/admin/keys"); p.Status != http.StatusOK || p.Find("table").Length() != 0 {
			t.Errorf("%s keys: HTTP %d %s", language, p.Status, p.Text)
		}
	}
}

func TestOverviewTellsTheDay(t *testing.T) {
	o := newOffice(t)
	o.mishaps(t)
	b := o.signIn(t, app.RoleViewer)
	for language, words := range map[string][]string{
		"zh-CN": {
			"登录成功率", "解密成功率", "今日救回", "今日活跃用户", "登录凭证 code 已被使用", "大量出现说明另一套后端", "40163", "一切正常", "密钥失效不等于无法登录",
		},
		"en": {
			"Login success", "Opening success", "Rescued today", "Login code already used", "40163", "All is well", "does not lock anybody out",
		},
	} {
		b.Language = language
		for _, query := range []string{"", "?range=hour&by=version", "?range=week&by=platform", "?range=month", "?range=ever&by=chance"} {
			p := b.get("/admin/" + query)
			for _, word := range words {
				if p.Status != http.StatusOK || !strings.Contains(p.Text, word) {
					t.Errorf("%s %s: HTTP %d without %q", language, query, p.Status, word)
				}
			}
			if n := p.Find("[data-chart]").Length(); n != 3 {
				t.Errorf("%s %s: %d charts", language, query, n)
			}
		}
	}
	p := b.get("/admin/")
	numbers := p.Find(".stat-number").Map(func(_ int, number *goquery.Selection) string { return number.Text() })
	if want := "50.0% 100% 1 2"; strings.Join(numbers, " ") != want {
		t.Errorf("the numbers are %s, want %s", numbers, want)
	}
	for selector, want := range map[string]string{
		"#failure-reasons td a": "from=2026-03-01T00%3A00&reason=login.code_used",
		"#errcodes td a":        "errcode=40163&from=2026-03-01T00%3A00",
		"#versions td a":        "from=2026-03-01T00%3A00&version=12",
		"#platforms td a":       "from=2026-03-01T00%3A00&platform=android",
		".stats a":              "from=2026-03-01T00%3A00&reason=open.ok_previous",
	} {
		if address := p.Find(selector).First().AttrOr("href", ""); address != "/admin/events?"+want {
			t.Errorf("%s leads to %s, want %s", selector, address, want)
		}
	}
	if p.Find(".status-bar a[href='/admin/users?state=confirmed']").Length() == 0 {
		t.Error("the bar of key states leads nowhere")
	}
}

func TestConcernsAreToldAndSettled(t *testing.T) {
	o := newOffice(t)
	program := o.people(t, "小明")[0]
	o.withdraw(t, o.user(t, program))
	viewer, operator := o.signIn(t, app.RoleViewer), o.signIn(t, app.RoleOperator)
	if p := viewer.get("/admin/"); p.Find("#attention form").Length() != 0 || p.Find("#attention li").Length() != 1 {
		t.Errorf("a viewer sees %s", p.Find("#attention").Text())
	}
	if count := viewer.get("/admin/keys").Find(".navigation .count").First().Text(); !strings.HasPrefix(strings.TrimSpace(count), "1") {
		t.Errorf("other pages count %q", count)
	}
	p := operator.get("/admin/")
	form := p.Find("#attention form")
	action := form.AttrOr("action", "")
	if !strings.Contains(p.Text, "类型 99 未知") || form.Length() != 1 {
		t.Fatalf("an operator sees %s", p.Text)
	}
	if p := viewer.post(action, "reason", "test"); p.Status != http.StatusForbidden {
		t.Errorf("a viewer settles: HTTP %d", p.Status)
	}
	p = operator.post(action, "reason", "other")
	if p.Status != http.StatusUnprocessableEntity || p.Find("#attention .field-error").Length() != 1 ||
		p.Find("#attention option[selected]").AttrOr("value", "") != "other" {
		t.Errorf("without words: HTTP %d %s", p.Status, p.Text)
	}
	if p = operator.follow(action, "reason", "request"); !strings.Contains(p.Text, "已标记为已处理") || !strings.Contains(p.Text, "一切正常") {
		t.Errorf("settled: %s", p.Text)
	}
	if p = operator.follow(action, "reason", "request"); !strings.Contains(p.Text, "已经有人处理过了") {
		t.Errorf("settled twice: %s", p.Text)
	}
	if p = operator.post("/admin/matters/x/settle", "reason", "request"); p.Status != http.StatusNotFound {
		t.Errorf("no matter: HTTP %d", p.Status)
	}
	if count := operator.get("/admin/keys").Find(".navigation .count").Length(); count != 0 {
		t.Errorf("a count of nothing is shown: %d", count)
	}
	err := o.store.Write(t.Context(), func(tx *db.Tx) error {
		return tx.InsertWebhook(app.Webhook{ID: 5, Name: "shop", Sealed: []byte{0}, Waiting: 12, Report: app.Report{Failures: 3}})
	})
	if err != nil {
		t.Fatal(err)
	}
	for role, links := range map[app.Role]int{app.RoleAdmin: 1, app.RoleViewer: 0} {
		p := o.signIn(t, role).get("/admin/")
		if !strings.Contains(p.Find("#attention").Text(), "回调通知 shop 送不到，12 条在等待") ||
			p.Find("#attention a[href='/admin/integrations']").Length() != links {
			t.Errorf("a %s sees %s", role, p.Find("#attention").Text())
		}
	}
}

func TestTheAddressToCallIsTheSettings(t *testing.T) {
	o := newOffice(t, func(options *DashboardOptions) { options.PublicURL = "https://keys.example" })
	p := o.signIn(t, app.RoleViewer).get("/admin/")
	if !strings.Contains(p.Text, "https://keys.example/login/") {
		t.Error(p.Text)
	}
}

func TestEventsAddress(t *testing.T) {
	d := newOffice(t).dashboard
	address, err := url.Parse(d.eventsAddress(app.EventFilter{
		Reasons: []app.Reason{app.LoginConfig, app.LoginStorage}, Version: "57", Platform: app.PlatformIOS, Errcode: -1, Address: "2001:db8::1", From: noon, To: noon,
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"reason": {"login.config", "login.storage"}, "version": {"57"}, "platform": {"ios"}, "errcode": {"-1"}, "address": {"2001:db8::1"},
		"from": {"2026-03-01T20:00"}, "to": {"2026-03-01T20:00"},
	}
	if got := address.Query(); got.Encode() != want.Encode() {
		t.Errorf("%v", got)
	}
}

func TestOverviewTellsWhatElseHappened(t *testing.T) {
	o := newOffice(t)
	o.people(t, "小明")
	failure := app.ClientFailure{API: "getPhoneNumber", Errno: "1400001"}
	if err := o.keeper.Report(t.Context(), app.Caller{At: noon}, "", failure); err != nil {
		t.Fatal(err)
	}
	o.keeper.Close()
	err := o.store.Write(t.Context(), func(tx *db.Tx) error {
		tx.CountBackEnd(o.keeper.AppID(), 5, "sign", noon, 3)
		tx.CountBackEnd(o.keeper.AppID(), 5, "refused", noon, 1)
		tx.CountDelivery(app.Delivery{AppID: o.keeper.AppID(), State: app.DeliveryDone}, noon)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b := o.signIn(t, app.RoleViewer)
	for language, words := range map[string][]string{
		"zh-CN": {"客户端上报：手机号验证额度已用完", "后端调用 /sign/", "后端调用被拒绝", "回调通知已送达"},
		"en":    {"Client reports: phone quota used up", "Back ends called /sign/", "Calls of back ends refused", "Webhooks delivered"},
	} {
		b.Language = language
		p := b.get("/admin/")
		for _, word := range words {
			if told := p.Find("#others").Text(); !strings.Contains(told, word) {
				t.Errorf("%s: no %q in %s", language, word, told)
			}
		}
		if n := p.Find("#others a").Length(); n != 1 { // a viewer cannot open the page of back ends
			t.Errorf("%s: %d links", language, n)
		}
	}
	if n := o.signIn(t, app.RoleAdmin).get("/admin/").Find("#others a[href='/admin/integrations']").Length(); n != 3 {
		t.Errorf("%d links to back ends and webhooks", n)
	}
}
