package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/backend"
)

func TestBackEndsPage(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleAdmin)
	p := b.get("/admin/integrations")
	if !strings.Contains(p.Find("#backends").Text(), "暂无后端凭证") {
		t.Errorf("%s", p.Text)
	}
	add := p.Find("#add-backend")
	for name, problem := range map[string]string{"Order": "1 到 63 个字符", "": "1 到 63 个字符", "a b": "1 到 63 个字符"} {
		p := b.submit(add, "name", name)
		if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Find("#backend-name-error").Text(), problem) {
			t.Errorf("%q: HTTP %d %s", name, p.Status, p.Find("#backends").Text())
		}
	}
	p = b.submit(add, "name", "orders")
	secret := app.BackEndSecret{Secret: app.Secret(strings.TrimSpace(p.Find("#secret code").Text()))}
	known, err := o.dashboard.BackEnds.Authenticate(t.Context(), 1, "orders", secret)
	if err != nil || known.AppID != 1 || known.MadeBy != b.Name {
		t.Fatalf("%+v, %v: %s", known, err, p.Text)
	}
	if p := b.submit(add, "name", "orders"); !strings.Contains(p.Find("#backend-name-error").Text(), "已有同名凭证") {
		t.Errorf("twice: %s", p.Text)
	}
	p = b.submit(add, "name", "everywhere", "apps", "all")
	if found, err := o.store.Read().BackEndByName(t.Context(), "everywhere"); err != nil || found.AppID != 0 {
		t.Errorf("%+v, %v: %s", found, err, p.Text)
	}
	o.dashboard.BackEnds.Note(known, 1, "sign")
	o.dashboard.BackEnds.Note(known, 1, "sign")
	o.dashboard.BackEnds.Note(known, 1, backend.CountRefused)
	o.dashboard.BackEnds.Close()
	for language, words := range map[string][]string{
		"zh-CN": {"orders单个小程序刚刚" + b.Name, "everywhere全部小程序", "从未使用", "3 被拒绝 1 · /sign/ 2"},
		"en":    {"ordersOne mini program", "everywhereAll mini programs", "never", "3 refused 1 · /sign/ 2"},
	} {
		b.Language = language
		p := b.get("/admin/integrations")
		text := strings.Join(strings.Fields(p.Find("#backend-list").Text()), " ")
		for _, word := range words {
			if !strings.Contains(text, word) {
				t.Errorf("%q is not in the list: %s", word, text)
			}
		}
		if strings.Contains(p.Body, secret.Reveal()) {
			t.Error("the secret is shown again")
		}
	}
	p = b.submit(b.get("/admin/integrations").Find("form[action$='/backends/orders/revoke']"))
	if p.Status != http.StatusSeeOther {
		t.Fatalf("revoke: HTTP %d %s", p.Status, p.Text)
	}
	if _, err := o.dashboard.BackEnds.Authenticate(t.Context(), 1, "orders", secret); app.KindOf(err) != app.InvalidToken {
		t.Errorf("after the revocation: %v", err)
	}
	if p := b.post("/admin/integrations/backends/orders/revoke"); p.Status != http.StatusNotFound {
		t.Errorf("revoked again: HTTP %d", p.Status)
	}
}

// TestCredentialsNeedAProof: a browser that somebody left alone makes none and takes none back.
func TestCredentialsNeedAProof(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleAdmin)
	if _, err := o.dashboard.BackEnds.Add(t.Context(), "somebody", "orders", 0); err != nil {
		t.Fatal(err)
	}
	o.pass(10 * time.Minute)
	for path, want := range map[string]string{"/admin/integrations/backends": "orders", "/admin/integrations/backends/orders/revoke": "orders"} {
		p := b.post(path, "name", "mail", "proof_password", "wrong")
		if p.Status == http.StatusOK || p.Status == http.StatusSeeOther {
			t.Errorf("%s without a proof: HTTP %d", path, p.Status)
		}
		listed, err := o.store.Read().BackEnds(t.Context())
		if err != nil || len(listed) != 1 || listed[0].Name != want {
			t.Errorf("after %s: %+v, %v", path, listed, err)
		}
	}
	if p := b.post("/admin/integrations/backends/orders/revoke", "proof_password", officePassword); p.Status != http.StatusSeeOther {
		t.Errorf("with a proof: HTTP %d %s", p.Status, p.Text)
	}
}
