package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

func TestAlertsPage(t *testing.T) {
	o := newOffice(t)
	status, heard := http.StatusNoContent, ""
	robot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard = string(body)
		w.WriteHeader(status)
	}))
	t.Cleanup(robot.Close)
	b := o.signIn(t, app.RoleAdmin)
	const secret = "planted-robot-secret"
	add := func(pairs ...string) page {
		pairs = append(pairs, "secret_url", robot.URL+"/"+secret, "secret_signing", secret, "language", "zh-CN")
		return b.post("/admin/alerts", pairs...)
	}
	p := add("kind", "webhook", "name", " ")
	if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Find("#name-error").Text(), "1 到 64") ||
		strings.Contains(p.Body, secret) {
		t.Errorf("without a name: HTTP %d %s", p.Status, p.Text)
	}
	p = add("kind", "wecom", "name", "值班群")
	if p.Status != http.StatusUnprocessableEntity || p.Find("#secret_url-error").Length()+p.Find("#secret_signing-error").Length() != 1 ||
		strings.Contains(p.Body, secret) {
		t.Errorf("of another kind: HTTP %d %s", p.Status, p.Text)
	}
	if p = add("kind", "webhook", "name", "值班群"); p.Status != http.StatusSeeOther {
		t.Fatalf("HTTP %d %s", p.Status, p.Text)
	}
	p = b.get("/admin/alerts")
	host := strings.TrimPrefix(robot.URL, "http://")
	if !strings.Contains(p.Text, "值班群") || !strings.Contains(p.Text, host) || strings.Contains(p.Body, secret) {
		t.Errorf("%s", p.Text)
	}
	act := func(name string) page {
		return b.submit(b.get("/admin/alerts").Find("form[action$='/" + name + "']").First())
	}
	act("test")
	if p = b.get("/admin/alerts"); !strings.Contains(p.Find(".flashes").Text()+p.Text, "测试消息已送达 值班群") {
		t.Errorf("after a test: %s", p.Text)
	}
	if !strings.Contains(heard, "【wxkeeper staging】测试消息") || !strings.Contains(heard, "https://keeper.example.com/admin/") {
		t.Errorf("the robot heard %s", heard)
	}
	status = http.StatusForbidden
	act("test")
	if p = b.get("/admin/alerts"); !strings.Contains(p.Text, "HTTP 403") || !strings.Contains(p.Text, "连续失败 1 次") {
		t.Errorf("after a failure: %s", p.Text)
	}
	status = http.StatusNoContent
	act("disable")
	act("enable")
	err := o.store.Write(t.Context(), func(tx *db.Tx) error {
		for range 6 {
			tx.AddEvent(o.now(), app.Event{AppID: 1, Reason: app.LoginConfig, Errcode: 40125})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	heard = ""
	for range 2 {
		o.pass(time.Minute)
		if err := o.dashboard.Alerts.Evaluate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, words := range []string{"【wxkeeper staging】需要处理", "微信拒绝服务端的配置", "40125"} {
		if !strings.Contains(heard, words) {
			t.Errorf("the robot heard %s", heard)
		}
	}
	if p = b.get("/admin/alerts"); !strings.Contains(p.Find("#firing").Text(), "微信拒绝服务端的配置") {
		t.Errorf("%s", p.Text)
	}
	act("remove")
	if p = b.get("/admin/alerts"); strings.Contains(p.Find("main").Text(), "连续失败") || p.Find("#robots").Length() != 0 {
		t.Errorf("after it was removed: %s", p.Text)
	}
	log := b.get("/admin/audit")
	for _, action := range []string{"添加机器人", "测试机器人", "停用机器人", "启用机器人", "移除机器人"} {
		if !strings.Contains(log.Find("main tbody").Text(), action) {
			t.Errorf("%s is not on the log", action)
		}
	}
	if strings.Contains(log.Body, secret) {
		t.Error("the log tells the address")
	}
	o.pass(10 * time.Minute)
	if p = add("kind", "webhook", "name", "x"); p.Status != http.StatusForbidden || strings.Contains(p.Body, secret) {
		t.Errorf("unproven: HTTP %d, the address on the page: %v", p.Status, strings.Contains(p.Body, secret))
	}
}
