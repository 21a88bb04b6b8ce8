package web

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/sandbox"
)

const hostileNickname = `"><script>alert(1)</script>` + "\u202e小刘=cmd"

// people launches the mini program on a phone for each nickname and lets it open the profile.
func (o *office) people(t *testing.T, nicknames ...string) []*sandbox.MiniProgram {
	t.Helper()
	programs := make([]*sandbox.MiniProgram, len(nicknames))
	for i, nickname := range nicknames {
		programs[i] = o.phone(t, sandbox.Person{Nickname: nickname, AvatarURL: "javascript:alert(1)"})
		if err := programs[i].Launch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := programs[i].Send(t.Context(), sandbox.SealedProfile); err != nil {
			t.Fatal(err)
		}
	}
	return programs
}

// names are the users that a page lists.
func (p page) names() []string {
	return p.Find("td.lead .person-name").Map(func(_ int, cell *goquery.Selection) string { return strings.TrimSpace(cell.Text()) })
}

func TestUsersAreFoundAndFiltered(t *testing.T) {
	o := newOffice(t)
	empty := o.signIn(t, app.RoleViewer).get("/admin/users")
	if !strings.Contains(empty.Text, "还没有用户") || empty.Find("table").Length() != 0 {
		t.Errorf("nobody yet: %s", empty.Text)
	}
	programs := o.people(t, "小刘", "刘小小", "ＷＡＮＧ", hostileNickname)
	number := o.user(t, programs[1]).Number.String()
	b := o.signIn(t, app.RoleViewer)
	for path, want := range map[string][]string{
		"/admin/users":                                               {"小刘", "刘小小", "ＷＡＮＧ", hostileNickname},
		"/admin/users?q=%E5%B0%8F%E5%88%98":                          {"小刘", hostileNickname},
		"/admin/users?q=wang":                                        {"ＷＡＮＧ"},
		"/admin/users?q=" + number:                                   {"刘小小"},
		"/admin/users?state=confirmed":                               {"小刘", "刘小小", "ＷＡＮＧ", hostileNickname},
		"/admin/users?state=dead":                                    {},
		"/admin/users?seen_from=2026-03-01":                          {"小刘", "刘小小", "ＷＡＮＧ", hostileNickname},
		"/admin/users?new_to=2026-02-28":                             {},
		"/admin/users?device=ios":                                    {},
		"/admin/users?disabled=1":                                    {},
		"/admin/users?seen_from=yesterday&state=ghost&device=ghost0": {},
	} {
		p := b.get(path)
		got := map[string]bool{}
		for _, name := range p.names() {
			got[name] = true
		}
		if p.Status != http.StatusOK || len(got) != len(want) {
			t.Errorf("%s: HTTP %d, %q", path, p.Status, p.names())
		}
		for _, name := range want {
			if !got[name] {
				t.Errorf("%s: %q is not in %q", path, name, p.names())
			}
		}
		if p.Find("main script, main img[src^=javascript]").Length() != 0 || strings.Contains(p.Body, "javascript:alert") {
			t.Errorf("%s: hostile text became a script", path)
		}
	}
	if p := b.get("/admin/users?seen_from=yesterday"); !strings.Contains(p.Text, "已忽略：yesterday") {
		t.Errorf("a wrong date is not told: %s", p.Text)
	}
	if p := b.get("/admin/users?cursor=x"); p.Status != http.StatusBadRequest {
		t.Errorf("a wrong cursor: HTTP %d", p.Status)
	}
}

func TestUsersPagesGoOn(t *testing.T) {
	o := newOffice(t)
	var names []string
	for i := range 23 {
		names = append(names, "用户"+strconv.Itoa(i))
	}
	o.people(t, names...)
	b := o.signIn(t, app.RoleViewer)
	seen := map[string]bool{}
	for path, pages := "/admin/users?size=20&order=first_seen", 0; path != "" && pages < 5; pages++ {
		p := b.get(path)
		for _, name := range p.names() {
			if seen[name] {
				t.Errorf("%s stands on two pages", name)
			}
			seen[name] = true
		}
		path, _ = p.Find("a[rel=next]").Attr("href")
	}
	if len(seen) != len(names) {
		t.Errorf("%d of %d users seen", len(seen), len(names))
	}

	first := b.get("/admin/users?size=20&seen_from=2026-03-01")
	o.people(t, "后来的人")
	later, _ := first.Find("a[rel=next]").Attr("href")
	for _, one := range []struct{ path, want string }{{later, "23"}, {"/admin/users?size=20&seen_from=2026-03-01", "24"}} {
		if total := b.get(one.path).Find(".page-count").Text(); total != one.want {
			t.Errorf("%s: %q users, want %s: those there were when the first page was shown", one.path, total, one.want)
		}
	}
}

func TestUsersInEnglish(t *testing.T) {
	o := newOffice(t)
	o.people(t, "小刘")
	b := o.signIn(t, app.RoleAdmin)
	b.Language = "en"
	p := b.get("/admin/users?state=confirmed&version=0")
	if title := strings.TrimSpace(p.Find("h1").Text()); !strings.HasPrefix(title, "Users") || !strings.Contains(p.Text, "Key status") {
		t.Errorf("%s", p.Text)
	}
}

func TestExportMasksByRole(t *testing.T) {
	o := newOffice(t)
	program := o.people(t, "=HYPERLINK(1)")[0]
	if _, err := program.Send(t.Context(), sandbox.SealedPhone); err != nil {
		t.Fatal(err)
	}
	user := o.user(t, program)
	for role, want := range map[app.Role]struct{ phone, openid bool }{
		app.RoleViewer: {}, app.RoleOperator: {openid: true}, app.RoleAdmin: {phone: true, openid: true},
	} {
		p := o.signIn(t, role).get("/admin/users.csv?q=hyper")
		if p.Status != http.StatusOK || !strings.HasPrefix(p.Body, "\ufeff") {
			t.Fatalf("%s: HTTP %d %q", role, p.Status, p.Body)
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(p.Body, "\ufeff"))).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%s: %q, %v", role, rows, err)
		}
		cell := map[string]string{}
		for i, name := range rows[0] {
			cell[name] = rows[1][i]
		}
		if cell["nickName"] != "'=HYPERLINK(1)" {
			t.Errorf("%s: nickname %q is a formula", role, cell["nickName"])
		}
		if (cell["openid"] == string(user.OpenID)) != want.openid {
			t.Errorf("%s: openid %q", role, cell["openid"])
		}
		if strings.HasPrefix(cell["phoneNumber"], "***") == want.phone || !strings.HasSuffix(cell["phoneNumber"], user.Phone.Tail) {
			t.Errorf("%s: phone masked wrongly", role)
		}
	}
	rows, err := o.store.Read().AuditRows(t.Context(), 1, 100)
	if err != nil {
		t.Fatal(err)
	}
	exports := 0
	for _, row := range rows {
		if row.Action == app.ActionExport {
			exports++
			if strings.Contains(row.Detail, "hyper") {
				t.Errorf("the log keeps what was searched for: %s", row.Detail)
			}
		}
	}
	if exports != 3 {
		t.Errorf("%d exports in the audit log", exports)
	}
}

func TestExportHasNoFormulas(t *testing.T) {
	o := newOffice(t)
	names := []string{"+1", "@SUM(1)", "-1", "＝1+1", "\u3000=1+1", "\u00a0＠SUM(1)"}
	o.people(t, names...)
	p := o.signIn(t, app.RoleViewer).get("/admin/users.csv")
	for _, name := range names {
		if !strings.Contains(p.Body, "'"+name) {
			t.Errorf("%q may be taken for a formula: %s", name, p.Body)
		}
	}
}

func TestBulkRelogin(t *testing.T) {
	o := newOffice(t)
	programs := o.people(t, "小刘", "小王", "小李")
	b := o.signIn(t, app.RoleOperator)
	liu, wang := o.user(t, programs[0]).Number.String(), o.user(t, programs[1]).Number.String()
	if p := b.follow("/admin/users/relogin", "user", liu, "filter", "q=x"); !strings.Contains(p.Text, "请填写理由") {
		t.Errorf("no reason: %s", p.Text)
	}
	if p := b.follow("/admin/users/relogin", "reason", "test"); !strings.Contains(p.Text, "没有选中") {
		t.Errorf("nobody: %s", p.Text)
	}
	p := b.follow("/admin/users/relogin", "user", liu, "user", wang, "reason", "security")
	if !strings.Contains(p.Text, "等待开始") {
		t.Errorf("%s", p.Text)
	}
	if err := o.keeper.RunBulk(t.Context()); err != nil {
		t.Fatal(err)
	}
	jobs := b.get("/admin/jobs")
	if !strings.Contains(jobs.Text, "已完成") || !strings.Contains(jobs.Text, "账号安全") {
		t.Errorf("%s", jobs.Text)
	}
	path, _ := jobs.Find("td.lead a").Attr("href")
	if p := b.get(path); !strings.Contains(p.Text, "已处理 2 位用户，2 台设备失去登录") {
		t.Errorf("%s", p.Text)
	}
	for i, want := range []int{0, 0, 1} {
		sessions, err := o.store.Read().SessionsOfUser(t.Context(), o.user(t, programs[i]).ID)
		if err != nil || len(sessions) != want {
			t.Errorf("phone %d: %d sessions, %v", i, len(sessions), err)
		}
	}
	if p := b.follow(path+"/cancel", "reason", "test"); !strings.Contains(p.Text, "任务已经结束") {
		t.Errorf("cancel after the end: %s", p.Text)
	}
}

func TestBulkReloginOfAllThatMatch(t *testing.T) {
	o := newOffice(t)
	o.people(t, "小刘", "小王", "老李")
	b := o.signIn(t, app.RoleOperator)
	form := []string{"all", "1", "filter", "state=confirmed"}
	p := b.post("/admin/users/relogin", form...)
	if p.Status != http.StatusOK || !strings.Contains(p.Text, "强制 3 人重新登录") {
		t.Fatalf("HTTP %d %s", p.Status, p.Text)
	}
	if expected, _ := p.Find("input[name=expected]").Attr("value"); expected != "3" {
		t.Errorf("expected %q", expected)
	}
	form = append(form, "expected", "3")
	if p := b.post("/admin/users/relogin", form...); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: HTTP %d", p.Status)
	}
	b.follow("/admin/users/relogin", append(form, "reason", "test")...)
	if err := o.keeper.RunBulk(t.Context()); err != nil {
		t.Fatal(err)
	}
	jobs, err := o.keeper.BulkJobs(t.Context(), 10)
	if err != nil || len(jobs) != 1 || jobs[0].State != app.BulkDone || jobs[0].Done != 3 || jobs[0].Devices != 3 {
		t.Errorf("%+v, %v", jobs, err)
	}
}

func TestBulkReloginIsNeverWiderThanWasSaid(t *testing.T) {
	o := newOffice(t)
	o.people(t, "小刘", "小王", "老李")
	operator, admin := o.signIn(t, app.RoleOperator), o.signIn(t, app.RoleAdmin)
	ticked := []string{"reason", "test"}
	for range 101 {
		ticked = append(ticked, "user", "123456789")
	}
	for name, test := range map[string]struct {
		by     *browser
		status int
		form   []string
	}{
		"everybody, by an operator":  {operator, 403, []string{"all", "1", "filter", "", "expected", "3", "reason", "test"}},
		"a value that means nothing": {operator, 400, []string{"all", "1", "filter", "disabled=2", "expected", "3", "reason", "test"}},
		"an unknown filter":          {admin, 400, []string{"all", "1", "filter", "stat=dead", "expected", "3", "reason", "test"}},
		"more than were told":        {admin, 422, []string{"all", "1", "filter", "state=confirmed", "expected", "1", "reason", "test"}},
		"no number told":             {admin, 422, []string{"all", "1", "filter", "state=confirmed", "expected", "x", "reason", "test"}},
		"a reason nobody sees":       {admin, 422, []string{"all", "1", "filter", "state=confirmed", "expected", "3", "reason", "\u200b"}},
		"more than a page":           {operator, 303, ticked},
	} {
		if p := test.by.post("/admin/users/relogin", test.form...); p.Status != test.status {
			t.Errorf("%s: HTTP %d, want %d", name, p.Status, test.status)
		}
	}
	if jobs, err := o.keeper.BulkJobs(t.Context(), 10); err != nil || len(jobs) != 0 {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
}

func TestViewersDoNotFindByFullPhoneNumbers(t *testing.T) {
	o := newOffice(t)
	o.resident(t, sandbox.Person{Nickname: "小雨", PhoneNumber: "13800135678"})
	for role, want := range map[app.Role]bool{app.RoleViewer: false, app.RoleOperator: true} {
		if p := o.signIn(t, role).get("/admin/users?q=13800135678"); strings.Contains(p.Text, "小雨") != want {
			t.Errorf("%s: found is not %v", role, want)
		}
	}
}

func TestFilesAreNotExportedForOtherSites(t *testing.T) {
	o := newOffice(t)
	b := o.signIn(t, app.RoleAdmin)
	for site, want := range map[string]int{"cross-site": 403, "same-site": 403, "none": 200, "same-origin": 200} {
		for _, path := range []string{"/admin/users.csv", "/admin/audit.csv"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Sec-Fetch-Site", site)
			if p := b.send(request); p.Status != want {
				t.Errorf("%s from %s: HTTP %d", path, site, p.Status)
			}
		}
	}
}

func TestReloginOfEverybodyIsTyped(t *testing.T) {
	o := newOffice(t)
	program := o.people(t, "小刘")[0]
	b := o.signIn(t, app.RoleAdmin)
	if p := b.follow("/admin/users/relogin-all", "reason", "test", "confirmation", "wx"); !strings.Contains(p.Text, "AppID 不一致") {
		t.Errorf("%s", p.Text)
	}
	before := o.user(t, program).Generation
	p := b.follow("/admin/users/relogin-all", "reason", "test", "confirmation", string(o.keeper.Appid()))
	if !strings.Contains(p.Text, "已要求全部用户重新登录") || o.user(t, program).Generation != before+1 {
		t.Errorf("generation %d after %d: %s", o.user(t, program).Generation, before, p.Text)
	}
}

func TestMaskingGrowsAsRolesShrink(t *testing.T) {
	if keeper.MaskingFor("") != keeper.MaskIDs || keeper.MaskingFor(app.RoleAdmin) != keeper.MaskNothing {
		t.Error("somebody without a role sees more than an admin")
	}
}
