package web

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
)

// sandboxed gives the dashboard its phones, so that the route table is whole.
func sandboxed(options *DashboardOptions) { options.Phones = &Phones{} }

// ask reaches a route, with something in each place of its path.
func (b *browser) ask(r route) page {
	b.t.Helper()
	parts := strings.Split(r.path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") {
			parts[i] = "1"
		}
	}
	path := strings.Join(parts, "/")
	if r.method == http.MethodPost {
		return b.post(path)
	}
	return b.get(path)
}

// TestWhatEachRoleMayDo says once more, apart from the route table, who may do what: a viewer sees and changes nothing but the own account,
// an operator acts on users, an admin alone erases, and manages what concerns everybody.
func TestWhatEachRoleMayDo(t *testing.T) {
	adminsAlone := regexp.MustCompile(`^/admin/(operators|integrations|alerts|apps/)|^/admin/audit\.csv$|/erase$|/relogin-all$`)
	for _, route := range newOffice(t, sandboxed).dashboard.routes() {
		changes, want := route.method != http.MethodGet, app.RoleViewer
		switch path := route.path; {
		case slices.Contains(openToEverybody, path):
			want = everybody
		case adminsAlone.MatchString(path), path == "/admin/apps" && changes:
			want = app.RoleAdmin
		case strings.HasPrefix(path, "/admin/account"), path == "/admin/prove":
		case changes, slices.Contains([]string{"/admin/audit", "/admin/system"}, path), strings.HasPrefix(path, "/admin/phones"), strings.HasSuffix(path, "/audit"):
			want = app.RoleOperator
		}
		if route.role != want {
			t.Errorf("%s %s needs %q, want %q", route.method, route.path, route.role, want)
		}
	}
}

// openToEverybody is what nobody needs to have signed in for.
var openToEverybody = []string{
	"/", "/admin", "/admin/login", "/admin/login/code", "/admin/language", "/admin/theme", "/admin/logout",
}

func TestRoutesRefuseWhoeverMayNotUseThem(t *testing.T) {
	o := newOffice(t, sandboxed)
	stranger := o.stranger(t)
	signedIn := map[app.Role]*browser{}
	for _, role := range app.Roles() {
		signedIn[role] = o.signIn(t, role)
	}
	for _, route := range o.dashboard.routes() {
		if route.role == everybody {
			continue
		}
		switch p := stranger.ask(route); route.method {
		case http.MethodGet:
			address, err := url.Parse(p.Header.Get("Location"))
			if err != nil || p.Status != http.StatusSeeOther || address.Path != "/admin/login" || address.Query().Get("next") == "" ||
				address.Query().Has("expired") {
				t.Errorf("%s %s for a stranger: HTTP %d to %s", route.method, route.path, p.Status, address)
			}
		default:
			if p.Status != http.StatusUnauthorized || p.Find("form[action='/admin/login'] input[name=password]").Length() != 1 {
				t.Errorf("%s %s for a stranger: HTTP %d %s", route.method, route.path, p.Status, p.Text)
			}
		}
		for role, b := range signedIn {
			if role.Allows(route.role) {
				continue
			}
			if p := b.ask(route); p.Status != http.StatusForbidden || !strings.Contains(p.Text, "没有权限") {
				t.Errorf("%s %s as %s: HTTP %d %s", route.method, route.path, role, p.Status, p.Text)
			}
		}
	}
}

func TestRoutesServeWhoeverMayUseThem(t *testing.T) {
	o := newOffice(t, sandboxed)
	stranger := o.stranger(t)
	signedIn := map[app.Role]*browser{}
	for _, role := range app.Roles() {
		signedIn[role] = o.signIn(t, role)
	}
	for _, route := range o.dashboard.routes() {
		route.handler = func(v *visit) error { return v.NoContent(http.StatusTeapot) } // in the place of the real one
		o.dashboard.echo.Add(route.method, route.path, o.dashboard.handle(route))
		if p := stranger.ask(route); (p.Status == http.StatusTeapot) != (route.role == everybody) {
			t.Errorf("%s %s for a stranger: HTTP %d", route.method, route.path, p.Status)
		}
		for role, b := range signedIn {
			allowed := route.role == everybody || role.Allows(route.role)
			if p := b.ask(route); (p.Status == http.StatusTeapot) != allowed {
				t.Errorf("%s %s as %s: HTTP %d", route.method, route.path, role, p.Status)
			}
		}
	}
}

// The API behind the same listener is not the dashboard's: it needs no operator, and says nothing of operators.
func TestTheAPIStaysBesideTheDashboard(t *testing.T) {
	o := newOffice(t)
	program := o.phone(t, sandbox.Person{Nickname: "小明"})
	if err := program.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := o.stranger(t).post("/login/", "code", "no such code"); !strings.HasPrefix(p.Header.Get("Content-Type"), jsonType) || p.Header.Get("Content-Security-Policy") != "" {
		t.Errorf("/login/ answers %v %s", p.Header, p.Body)
	}
}

func TestNavigationLeadsWhereTheRoleMayGo(t *testing.T) {
	o := newOffice(t, sandboxed)
	may := map[string]app.Role{}
	for _, route := range o.dashboard.routes() {
		if route.method == http.MethodGet {
			may[route.path] = route.role
		}
	}
	shown := map[app.Role][]string{}
	for _, role := range app.Roles() {
		o.signIn(t, role).get("/admin/help").Find(".sidebar nav a").Each(func(_ int, link *goquery.Selection) {
			shown[role] = append(shown[role], link.AttrOr("href", ""))
		})
	}
	for _, address := range shown[app.RoleAdmin] {
		needed, known := may[address]
		if !known {
			t.Errorf("the navigation leads to %s, which is no route", address)
		}
		for _, role := range app.Roles() {
			if in := slices.Contains(shown[role], address); in != role.Allows(needed) {
				t.Errorf("%s in the navigation of %s: %v", address, role, in)
			}
		}
	}
	if len(shown[app.RoleAdmin]) != 11 || len(shown[app.RoleViewer]) != 5 {
		t.Errorf("navigation: %v", shown)
	}
	without := newOffice(t).signIn(t, app.RoleAdmin).get("/admin/help")
	if without.Find(".sidebar a[href='/admin/phones']").Length() != 0 {
		t.Error("phones are shown without a sandbox")
	}
}
