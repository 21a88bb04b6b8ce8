package web

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

// rows is how many rows the table of a page has.
func (p page) rows() int { return p.Find("main table.rows tbody tr").Length() }

func TestEventsAreFiltered(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleViewer)
	if p := b.get("/admin/events"); !strings.Contains(p.Text, "还没有事件") {
		t.Errorf("nothing yet: %s", p.Text)
	}
	programs := o.people(t, "小刘", hostileNickname)
	number := o.user(t, programs[0]).Number.String()
	answer, err := o.server.Client().PostForm(o.server.URL+"/login/", url.Values{"code": {"0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P"}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	o.keeper.Close() // writes the events of strangers
	for _, language := range []string{"zh-CN", "en"} {
		b.Language = language
		for query, want := range map[string]int{
			"":                                       5, // two logins, two openings, one failure of a stranger
			"reason=login.first":                     2,
			"reason=login_ok":                        2,
			"reason=login_failed":                    1,
			"reason=login_failed&reason=open_failed": 1,
			"reason=login.first%2Copen.ok&user=" + number: 2,
			"user=" + number:  2,
			"user=100000001":  0,
			"user=x":          0,
			"errcode=40029":   1,
			"errcode=x":       5,
			"reason=nonsense": 5,
			"platform=nonsense&address=nonsense&from=soon": 5,
			"address=127.0.0.1":                            5,
			"from=2026-03-01T00:00":                        5,
			"to=2020-01-01T00:00":                          0,
			"version=999":                                  0,
		} {
			p := b.get("/admin/events?" + query)
			if p.Status != http.StatusOK || p.rows() != want {
				t.Errorf("%s %s: HTTP %d, %d rows, want %d", language, query, p.Status, p.rows(), want)
			}
			if p.Find("main script").Length() != 0 {
				t.Errorf("%s: hostile text became a script", query)
			}
		}
	}
	b.Language = "zh-CN"
	if p := b.get("/admin/events?reason=nonsense"); !strings.Contains(p.Text, "已忽略：nonsense") {
		t.Errorf("a wrong filter is not told: %s", p.Text)
	}
	for _, cursor := range []string{"x", "b", "b-1", "c12", "a9x"} {
		if p := b.get("/admin/events?cursor=" + cursor); p.Status != http.StatusBadRequest {
			t.Errorf("cursor %s: HTTP %d", cursor, p.Status)
		}
	}
	if link := b.get("/admin/events").Find(`td a[href^="/admin/troubleshoot?q="]`); link.Length() != 5 {
		t.Errorf("%d support codes lead to troubleshoot", link.Length())
	}
}

func TestEventsPagesGoBothWays(t *testing.T) {
	o := newOffice(t)
	for i := range 12 {
		o.people(t, "用户"+strconv.Itoa(i))
		o.pass(time.Second)
	}
	b := o.signIn(t, app.RoleViewer)
	first := b.get("/admin/events?size=20")
	next, _ := first.Find("a[rel=next]").Attr("href")
	second := b.get(next)
	if first.rows() != 20 || second.rows() != 4 || second.Find("a[rel=next]").Length() != 0 {
		t.Fatalf("%d and %d rows", first.rows(), second.rows())
	}
	back, _ := second.Find("a[rel=prev]").Attr("href")
	again := b.get(back)
	if again.Find("tbody").Text() != first.Find("tbody").Text() || again.Find("a[rel=prev]").Length() != 0 {
		t.Error("the way back leads elsewhere")
	}
}

func TestAuditIsListedAndExported(t *testing.T) {
	o := newOffice(t)
	programs := o.people(t, "小刘", "小王")
	liu, wang := o.user(t, programs[0]), o.user(t, programs[1])
	order := keeper.Order{Operator: "=cmd", Reason: `+<script>alert(1)</script>`}
	if _, err := o.keeper.ForceRelogin(t.Context(), order, liu.Number); err != nil {
		t.Fatal(err)
	}
	if err := o.keeper.Disable(t.Context(), order, wang.Number); err != nil {
		t.Fatal(err)
	}
	if err := o.keeper.Erase(t.Context(), order, wang.Number); err != nil {
		t.Fatal(err)
	}
	if p := o.signIn(t, app.RoleViewer).get("/admin/audit"); p.Status != http.StatusForbidden {
		t.Errorf("a viewer: HTTP %d", p.Status)
	}
	b := o.signIn(t, app.RoleOperator)
	for _, language := range []string{"zh-CN", "en"} {
		b.Language = language
		for query, want := range map[string]int{
			"action=users.relogin": 1, "operator=%3Dcmd": 3, "user=" + liu.Number.String(): 1, "user=123": 0, "operator=nobody": 0,
			"action=users.erase": 1, "to=2020-01-01T00:00": 0, "operator=%3Dcmd&from=soon&action=nonsense": 3,
		} {
			p := b.get("/admin/audit?" + query)
			if p.Status != http.StatusOK || p.rows() != want || p.Find("main script").Length() != 0 {
				t.Errorf("%s %s: HTTP %d, %d rows, want %d", language, query, p.Status, p.rows(), want)
			}
		}
	}
	b.Language = "zh-CN"
	p := b.get("/admin/audit?operator=%3Dcmd")
	if !strings.Contains(p.Text, "已删除的用户") || !strings.Contains(p.Text, "强制重新登录") || p.Find(`td a[href="/admin/users/`+liu.Number.String()+`"]`).Length() != 1 {
		t.Errorf("%s", p.Text)
	}
	if tab := b.get("/admin/users/" + liu.Number.String() + "/audit"); tab.rows() != 1 || !strings.Contains(tab.Text, "强制重新登录") {
		t.Errorf("the user's tab: %s", tab.Text)
	}
	if p := b.get("/admin/audit.csv"); p.Status != http.StatusForbidden {
		t.Errorf("an operator's export: HTTP %d", p.Status)
	}
	o.auditFile(t)
}

// auditFile exports as an admin and looks at the file and at its own row.
func (o *office) auditFile(t *testing.T) {
	t.Helper()
	b := o.signIn(t, app.RoleAdmin)
	if p := b.get("/admin/audit.csv?from=soon"); p.Status != http.StatusBadRequest {
		t.Errorf("a filter left out: HTTP %d", p.Status)
	}
	p := b.get("/admin/audit.csv?operator=%3Dcmd")
	cells, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(p.Body, "\ufeff"))).ReadAll()
	if err != nil || p.Status != http.StatusOK || !strings.HasPrefix(p.Body, "\ufeffsequence,at,operator,action,user,reason,detail,mac") || len(cells) != 4 {
		t.Fatalf("HTTP %d %q, %v", p.Status, p.Body, err)
	}
	for _, row := range cells[1:] {
		if row[2] != "'=cmd" || !strings.HasPrefix(row[5], "'+") || len(row[7]) != 64 {
			t.Errorf("row %q", row)
		}
	}
	if log := b.get("/admin/audit?action=audit.export"); log.rows() != 1 || !strings.Contains(log.Text, "操作人 =cmd") {
		t.Errorf("the export's own row: %s", log.Text)
	}
}
