package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
)

func TestIntegrationsPage(t *testing.T) {
	o := newOffice(t)
	status, heard := http.StatusInternalServerError, []string{}
	backEnd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard = append(heard, string(body))
		w.WriteHeader(status)
	}))
	t.Cleanup(backEnd.Close)
	b := o.signIn(t, app.RoleAdmin)
	const secret = "planted-webhook-secret"
	p := b.post("/admin/integrations/webhooks", "name", "shop", "secret_url", "ftp://"+secret)
	if p.Status != http.StatusUnprocessableEntity || p.Find("#secret_url-error").Length() != 1 || strings.Contains(p.Body, secret) {
		t.Errorf("a bad address: HTTP %d %s", p.Status, p.Text)
	}
	p = b.post("/admin/integrations/webhooks", "name", "shop", "secret_url", backEnd.URL+"/"+secret)
	signing := strings.TrimSpace(p.Find("#secret code").Text())
	if p.Status != http.StatusOK || !strings.HasPrefix(signing, "whsec_") || strings.Contains(p.Body, secret) {
		t.Fatalf("HTTP %d %s", p.Status, p.Text)
	}
	act := func(name string) page {
		return b.submit(b.get("/admin/integrations").Find("form[action$='/" + name + "']").First())
	}
	deliver := func() {
		t.Helper()
		if err := o.dashboard.Webhooks.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	act("test")
	deliver()
	p = b.get("/admin/integrations?state=waiting")
	if !strings.Contains(p.Find("#delivery-list").Text(), "HTTP 500") || strings.Contains(p.Body, secret) ||
		strings.Contains(p.Body, signing) {
		t.Errorf("%s", p.Text)
	}
	status = http.StatusOK
	o.pass(time.Minute)
	deliver()
	program := o.phone(t, sandbox.Person{Nickname: "小明"})
	if err := program.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	deliver()
	user := o.user(t, program)
	if last := heard[len(heard)-1]; !strings.Contains(last, `"user.first_login"`) || !strings.Contains(last, user.Number.String()) {
		t.Errorf("the back end heard %s", last)
	}
	p = b.get("/admin/integrations?state=done")
	if p.Find("#delivery-list tbody tr").Length() != 2 || !strings.Contains(p.Find("#delivery-list").Text(), "首次登录") {
		t.Errorf("%s", p.Text)
	}
	n := len(heard)
	act("replay")
	deliver()
	if len(heard) != n+1 {
		t.Errorf("replayed %d times", len(heard)-n)
	}
	if p = act("secret"); !strings.HasPrefix(strings.TrimSpace(p.Find("#secret code").Text()), "whsec_") || strings.Contains(p.Body, signing) {
		t.Errorf("renewed: %s", p.Text)
	}
	act("disable")
	act("enable")
	act("remove")
	if p = b.get("/admin/integrations"); p.Find("#webhook-list").Length()+p.Find("#delivery-list").Length() != 0 {
		t.Errorf("after it was removed: %s", p.Text)
	}
	log := b.get("/admin/audit")
	for _, action := range []string{
		"添加回调地址", "测试回调", "更换回调密钥", "停用回调", "启用回调", "移除回调地址", "重发通知",
	} {
		if !strings.Contains(log.Find("main tbody").Text(), action) {
			t.Errorf("%s is not on the log", action)
		}
	}
	if strings.Contains(log.Body, secret) || strings.Contains(log.Body, signing) {
		t.Error("the log tells a secret")
	}
	o.pass(10 * time.Minute)
	p = b.post("/admin/integrations/webhooks", "name", "shop", "secret_url", backEnd.URL+"/"+secret)
	if p.Status != http.StatusForbidden || strings.Contains(p.Body, secret) {
		t.Errorf("unproven: HTTP %d", p.Status)
	}
}
