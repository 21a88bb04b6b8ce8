package web

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
)

// addressed are the attributes in which a page holds addresses.
var addressed = []string{"href", "src", "action", "formaction", "hx-get", "hx-post", "sse-connect", "data-plot", "data-charts"}

// walk goes through every page behind a proxy that takes a path away, and asks for whatever the pages name.
type walk struct {
	*browser
	office  *office
	base    string // the path that the proxy takes away
	waiting []string
	seen    map[string]bool
	routes  map[string]bool // of the dashboard, that were reached
}

// behindProxy is an office whose server is reached under a path, and the address of the proxy.
func behindProxy(t *testing.T, base string) (*office, string) {
	t.Helper()
	phones := NewPhones()
	o := newOffice(t, func(options *DashboardOptions) {
		options.PublicURL, options.Phones = "http://keeper.example"+base, phones
	})
	emulator := httptest.NewServer(o.emulator)
	t.Cleanup(emulator.Close)
	phones.Connect(emulator.URL, o.server.URL)
	return o, strippingProxy(t, o.server.URL, base)
}

// strippingProxy passes on what comes under a path, without the path.
func strippingProxy(t *testing.T, to, base string) string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(base+"/", http.StripPrefix(base, httputil.NewSingleHostReverseProxy(target)))
	proxy := httptest.NewServer(mux)
	t.Cleanup(proxy.Close)
	return proxy.URL
}

func TestEveryLinkStandsUnderThePublicPath(t *testing.T) {
	o, proxy := behindProxy(t, "/keeper")
	program := o.phone(t, sandbox.Person{Nickname: "小刘"})
	if err := program.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := o.upload(t, program.Token(), "", "x.png", pngOf(20, 10)); got.HTTP != http.StatusOK { // a page leads to the picture
		t.Fatal(got.Body)
	}
	admin := o.operator(t, "walker", app.RoleAdmin)
	b := o.stranger(t)
	b.base = proxy
	w := &walk{browser: b, office: o, base: "/keeper", seen: map[string]bool{}, routes: map[string]bool{}}

	w.page("/keeper/admin/login")
	if p := b.get("/keeper/admin/users"); p.Header.Get("Location") != "/keeper/admin/login?next=%2Fadmin%2Fusers" {
		t.Errorf("a stranger is led to %s", p.Header.Get("Location"))
	}
	login := b.get("/keeper/admin/login?next=%2Fadmin%2Fusers").Find("main form[method=post]").First()
	p := b.submit(login, "name", admin.Name, "password", officePassword)
	cookie := p.Header.Get("Set-Cookie")
	if p.Header.Get("Location") != "/keeper/admin/users" || !strings.HasPrefix(cookie, "wxkeeper_session_keeper=") || !strings.Contains(cookie, "Path=/keeper/;") {
		t.Fatalf("signed in: HTTP %d to %s, cookie %s", p.Status, p.Header.Get("Location"), cookie)
	}
	user := o.user(t, program)
	p = b.post("/keeper/admin/users/relogin", "reason", "test", "user", user.Number.String(), "filter", "")
	if to := p.Header.Get("Location"); !strings.HasPrefix(to, "/keeper/admin/jobs/") {
		t.Errorf("a selection that logs in again is at %s", to)
	}
	w.see("/keeper/", "/keeper/admin", "/keeper/admin/", "/keeper/admin/prove?next=/admin/users.csv", "/keeper/admin/nowhere",
		"/keeper/admin/audit?user="+user.Number.String(), "/keeper/admin/troubleshoot?q="+user.Number.String())
	w.on()
	for _, route := range o.dashboard.routes() {
		if route.method == http.MethodGet && !w.routes[route.method+" "+route.path] {
			t.Errorf("no page leads to %s %s", route.method, route.path)
		}
	}

	b.Headers = map[string]string{"HX-Request": "true", "HX-Current-URL": proxy + "/keeper/admin/keys?x=1"}
	b.client.Jar = nil
	if p := b.get("/keeper/admin/keys"); p.Header.Get("HX-Redirect") != "/keeper/admin/login?next=%2Fadmin%2Fkeys%3Fx%3D1" {
		t.Errorf("a script is led to %s", p.Header.Get("HX-Redirect"))
	}
}

// see asks for an address later, once.
func (w *walk) see(addresses ...string) {
	for _, address := range addresses {
		path, query, _ := strings.Cut(address, "?")
		asked, _ := url.ParseQuery(query)
		names := slices.Sorted(maps.Keys(asked)) // of a list that is filtered in many ways, each way is seen once
		kind := path + "?" + strings.Join(names, "&")
		if !w.seen[kind] && len(names) <= 2 {
			w.seen[kind] = true
			w.waiting = append(w.waiting, address)
		}
	}
}

// on asks for what was named, until nothing new is.
func (w *walk) on() {
	for len(w.waiting) > 0 {
		next := w.waiting[0]
		w.waiting = w.waiting[1:]
		w.page(next)
	}
}

func (w *walk) page(address string) {
	w.t.Helper()
	w.note(http.MethodGet, address)
	p := w.get(address)
	switch {
	case p.Status == http.StatusSeeOther:
		w.name(address, p.Header.Get("Location"))
	case p.Status != http.StatusOK && !strings.HasSuffix(address, "/nowhere"):
		w.t.Errorf("GET %s: HTTP %d", address, p.Status)
	}
	if !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
		return
	}
	templates, err := goquery.NewDocumentFromReader(strings.NewReader(p.Find("template, noscript").Text()))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, name := range addressed {
		for _, document := range []*goquery.Document{p.Document, templates} {
			document.Find("[" + name + "]").Each(func(_ int, found *goquery.Selection) { w.element(address, found, name) })
		}
	}
}

// element takes an address from a page: one that a form sends to is held against the route table, any other is asked for.
func (w *walk) element(page string, found *goquery.Selection, name string) {
	address := found.AttrOr(name, "")
	if address == "" || address[0] == '#' || strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "data:") {
		return
	}
	form := found.Closest("form")
	switch {
	case name == "formaction", name == "action" && form.AttrOr("method", "get") == "post":
		if w.stands(page, address) {
			w.note(http.MethodPost, address)
		}
	case name == "sse-connect":
		if w.stands(page, address) {
			w.note(http.MethodGet, address)
		}
	default:
		w.name(page, address)
	}
}

// name has an address that a page names asked for.
func (w *walk) name(page, address string) {
	w.t.Helper()
	if w.stands(page, address) {
		w.see(address)
	}
}

func (w *walk) stands(page, address string) bool {
	w.t.Helper()
	good := strings.HasPrefix(address, w.base+"/")
	if !good {
		w.t.Errorf("%s leads to %s", page, address)
	}
	return good
}

// note holds an address against the route table.
func (w *walk) note(method, address string) {
	w.t.Helper()
	path, _, _ := strings.Cut(strings.TrimPrefix(address, w.base), "?")
	path, _, _ = strings.Cut(path, "#")
	context := w.office.dashboard.echo.NewContext(nil, nil)
	w.office.dashboard.echo.Router().Find(method, path, context)
	if context.Path() == "" && !strings.HasSuffix(path, "/nowhere") {
		w.t.Errorf("%s %s is no route", method, address)
	}
	w.routes[method+" "+context.Path()] = true
}

// Behind TLS a cookie is for the whole host, and nobody else's: __Host- asks for that. Its name keeps two of us apart.
func TestCookiesUnderAPublicPath(t *testing.T) {
	o := newOffice(t, func(options *DashboardOptions) {
		options.PublicURL, options.Secure = "https://example.com/keeper", true
	})
	o.operator(t, "王小雨", app.RoleViewer)
	cookie := o.stranger(t).post("/admin/login", "name", "王小雨", "password", officePassword).Header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "__Host-wxkeeper_session_keeper=") || !strings.Contains(cookie, "; Path=/; ") {
		t.Errorf("the cookie is %s", cookie)
	}
}

func TestTheDocumentTellsThePublicPath(t *testing.T) {
	for publicURL, want := range map[string]string{"": "/", "https://keys.example": "/", "https://example.com/keeper": "/keeper"} {
		s := New(Options{PublicURL: publicURL})
		if _, rest, _ := strings.Cut(string(s.document), "servers:\n"); !strings.HasPrefix(rest, "  - url: "+want+"\npaths:") {
			t.Errorf("%q: %.40s", publicURL, rest)
		}
	}
}
