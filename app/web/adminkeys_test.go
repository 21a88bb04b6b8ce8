package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
)

func TestKeysPage(t *testing.T) {
	o := newOffice(t)
	o.people(t, "小明", hostileNickname)
	o.pass(25 * time.Hour)
	o.people(t, "小红")
	b := o.signIn(t, app.RoleViewer)
	for language, words := range map[string][]string{
		"zh-CN": {"密钥状态 3", "密钥失效不等于无法登录", "久未确认", "66.6%", "2 把密钥", "每分钟 600 次", "进行中", "最久未确认"},
		"en":    {"Key status 3", "does not lock anybody out", "Aging", "66.6%", "2 keys", "600 a minute", "Running", "Unconfirmed for longest"},
	} {
		b.Language = language
		p := b.get("/admin/keys")
		for _, word := range words {
			if p.Status != http.StatusOK || !strings.Contains(p.Text, word) {
				t.Errorf("%s: HTTP %d without %q: %s", language, p.Status, word, p.Text)
			}
		}
		names := p.names()
		slices.Sort(names) // they are equally old
		if !slices.Equal(names, []string{hostileNickname, "小明"}) {
			t.Errorf("unconfirmed for longest: %q", names)
		}
		if p.Find("main form").Length() != 0 {
			t.Error("a viewer is offered something to do")
		}
		for _, state := range app.KeyStates() {
			if p.Find("td.lead a[href='/admin/users?state="+string(state)+"']").Length() != 1 {
				t.Errorf("%s leads nowhere", state)
			}
		}
	}
	b.Headers = map[string]string{"X-Refresh": "1"}
	if p := b.get("/admin/keys"); p.Find("#state[hx-get='/admin/keys']").Length() != 1 {
		t.Error("the page does not refresh itself")
	}
}

func TestTheCheckIsPausedAndResumed(t *testing.T) {
	o := newOffice(t)
	b, viewer := o.signIn(t, app.RoleOperator), o.signIn(t, app.RoleViewer)
	for _, test := range []struct{ path, reason, want string }{
		{"/admin/keys/resume", "test", "巡检没有暂停"},
		{"/admin/keys/pause", "test", "巡检已暂停"},
		{"/admin/keys/pause", "test", "巡检已经暂停了"},
		{"/admin/keys/resume", "test", "巡检已继续"},
	} {
		if p := viewer.post(test.path, "reason", test.reason); p.Status != http.StatusForbidden {
			t.Errorf("a viewer at %s: HTTP %d", test.path, p.Status)
		}
		p := b.post(test.path, "reason", "other", "reason_text", " ")
		if p.Status != http.StatusUnprocessableEntity || p.Find("main .field-error").Length() != 1 {
			t.Errorf("%s without a reason: HTTP %d", test.path, p.Status)
		}
		if p := b.follow(test.path, "reason", test.reason); !strings.Contains(p.Text, test.want) {
			t.Errorf("%s: %s", test.path, p.Text)
		}
	}
	if p := b.follow("/admin/keys/pause", "reason", "test"); !strings.Contains(p.Text, "已由 "+b.Name+" 暂停") {
		t.Errorf("paused: %s", p.Text)
	}
	if p := b.get("/admin/"); !strings.Contains(p.Text, "密钥巡检已由 "+b.Name+" 暂停") || p.Find("#attention a[href='/admin/keys']").Length() != 1 {
		t.Errorf("the overview: %s", p.Text)
	}
}
