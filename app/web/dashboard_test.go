package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/alexedwards/argon2id"

	"wxkeeper/app"
	"wxkeeper/app/alert"
	"wxkeeper/app/backend"
	"wxkeeper/app/diagnosis"
	"wxkeeper/app/keeper"
	"wxkeeper/app/operator"
	"wxkeeper/app/outgoing"
	"wxkeeper/app/overview"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/webhook"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

const officePassword = "correct horse battery"

// office is a whole server with a dashboard, its emulated WeChat, and a clock that can be moved.
type office struct {
	emulator  *sandbox.WeChat
	store     *db.DB
	keeper    *keeper.Keeper
	accounts  *operator.Accounts
	feed      *overview.Feed
	dashboard *Dashboard
	server    *httptest.Server

	lock sync.Mutex
	time time.Time
}

func newOffice(t *testing.T, change ...func(*DashboardOptions)) *office {
	t.Helper()
	o := &office{time: noon}
	o.emulator = sandbox.New(sandbox.Options{Clock: o.now})
	weChat := httptest.NewServer(o.emulator)
	t.Cleanup(weChat.Close)
	store, err := db.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	o.store = store
	ring, err := store.EnsureKeyRing(t.Context(), [32]byte{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	registered := o.emulator.Apps()[0]
	served, err := store.EnsureApp(t.Context(), registered.Appid, noon)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	client, err := wechat.NewClient(wechat.Options{
		BaseURL: weChat.URL, Appid: registered.Appid, Secret: registered.Secret, MaxWaiting: 1024,
		AccessTokens: keeper.AccessTokens(store, ring, served), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	o.keeper = keeper.New(keeper.Options{
		App: served, Store: store, Ring: ring, WeChat: client, Clock: o.now, Log: log,
		Settings: keeper.Settings{
			Sessions: app.SessionPolicy{Idle: 30 * 24 * time.Hour, MaxAge: 180 * 24 * time.Hour},
			KeyGrace: 10 * time.Minute, KeyAging: 24 * time.Hour, SealedMaxAge: 24 * time.Hour,
			EventsKeep: 30 * 24 * time.Hour, ChecksPerMinute: 600,
		},
	})
	t.Cleanup(o.keeper.Close)
	o.accounts = operator.New(operator.Options{Store: store, Ring: ring, Clock: o.now, Log: log, Hashing: &cheapHashing})
	o.feed = overview.NewFeed(store, served.ID, log)
	t.Cleanup(o.feed.Close)
	options := DashboardOptions{
		Keeper: o.keeper, Accounts: o.accounts, Store: store,
		Overview: overview.Overview{Store: store, Keeper: o.keeper, WeChat: client}, Feed: o.feed,
		Diagnosis: diagnosis.New(diagnosis.Options{
			App: served, Store: store, Ring: ring, Clock: o.now, EventsKeep: 30 * 24 * time.Hour, KeyAging: 24 * time.Hour,
		}),
		Location: time.FixedZone("CST", 8*60*60), Log: log, Clock: o.now,
	}
	calls := outgoing.New(outgoing.Options{Private: true})
	t.Cleanup(calls.Close)
	options.Alerts = alert.New(alert.Options{
		Store: store, Ring: ring, Outgoing: calls, Hold: time.Minute, PerHour: 10, Clock: o.now, Log: log,
		Watched: func() []overview.Overview { return []overview.Overview{options.Overview} },
		Write:   AlertWriter("https://keeper.example.com", "staging", options.Location),
	})
	options.BackEnds = backend.New(backend.Options{Store: store, Ring: ring, Clock: o.now, Log: log})
	t.Cleanup(options.BackEnds.Close)
	options.Webhooks = webhook.New(webhook.Options{AppID: served.ID, Store: store, Ring: ring, Outgoing: calls, Clock: o.now, Log: log})
	for _, apply := range change {
		apply(&options)
	}
	o.dashboard = NewDashboard(options)
	api := New(Options{Keeper: o.keeper, BackEnds: options.BackEnds, Ready: store.Ready, Log: log, Clock: o.now})
	o.server = httptest.NewServer(o.dashboard.Beside(api.Handler()))
	t.Cleanup(o.server.Close)
	return o
}

func (o *office) now() time.Time {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.time
}

// pass moves the clock.
func (o *office) pass(length time.Duration) {
	o.lock.Lock()
	defer o.lock.Unlock()
	o.time = o.time.Add(length)
}

// phone is a new phone with the mini program, not launched yet.
func (o *office) phone(t *testing.T, person sandbox.Person) *sandbox.MiniProgram {
	t.Helper()
	phone := o.emulator.AddPhone(sandbox.PhoneOptions{Person: person})
	return sandbox.NewMiniProgram(phone, o.server.URL, o.server.Client())
}

// user is the user of a phone that has logged in.
func (o *office) user(t *testing.T, program *sandbox.MiniProgram) app.User {
	t.Helper()
	user, err := o.store.Read().UserByOpenID(t.Context(), 1, program.Phone().OpenID())
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// browser is a person at the dashboard: it keeps cookies and follows no redirect.
type browser struct {
	t        *testing.T
	client   *http.Client
	base     string
	Name     string            // of who signed in
	Language string            // Accept-Language
	Headers  map[string]string // of every request besides
}

// stranger is a browser in which nobody has signed in.
func (o *office) stranger(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, base: o.server.URL, Language: "zh-CN", client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// signIn is a browser in which a new operator of a role has signed in.
func (o *office) signIn(t *testing.T, role app.Role) *browser {
	t.Helper()
	name := string(role) + " " + app.NewUserNumber().String()
	o.operator(t, name, role)
	return o.signInAs(t, name)
}

var cheapHashing = argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// cheapHash is of officePassword, with parameters that cost nothing: what a real hash costs is measured where they are made.
var cheapHash = sync.OnceValues(func() (string, error) {
	return argon2id.CreateHash(officePassword, &cheapHashing)
})

// operator is a new operator.
func (o *office) operator(t *testing.T, name string, role app.Role) app.Operator {
	t.Helper()
	hash, err := cheapHash()
	if err != nil {
		t.Fatal(err)
	}
	err = o.store.Write(t.Context(), func(tx *db.Tx) error {
		return tx.InsertOperator(app.Operator{ID: app.OperatorID(tx.NewID(o.now())), Name: name, Role: role, PasswordHash: app.Secret(hash)})
	})
	if err != nil {
		t.Fatal(err)
	}
	added, err := o.store.Read().OperatorByName(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// signInAs is a browser in which an operator has signed in.
func (o *office) signInAs(t *testing.T, name string) *browser {
	t.Helper()
	b := o.stranger(t)
	b.Name = name
	if p := b.post("/admin/login", "name", name, "password", officePassword); p.Status != http.StatusSeeOther {
		t.Fatalf("sign-in: HTTP %d %s", p.Status, p.Text)
	}
	return b
}

// page is an answer as a browser sees it.
type page struct {
	*goquery.Document
	Status int
	Header http.Header
	Body   string
	Text   string // of main, with runs of white space made one space
}

func (b *browser) get(path string) page {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.send(request)
}

// post sends a form: names and values in turn.
func (b *browser) post(path string, pairs ...string) page {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", formType)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(request)
}

// follow sends a form and looks at the page it leads to.
func (b *browser) follow(path string, pairs ...string) page {
	b.t.Helper()
	p := b.post(path, pairs...)
	if p.Status != http.StatusSeeOther {
		b.t.Fatalf("POST %s: HTTP %d %s", path, p.Status, p.Text)
	}
	return b.get(p.Header.Get("Location"))
}

// submit sends a form of a page as it is filled in, with other values for some names.
func (b *browser) submit(form *goquery.Selection, pairs ...string) page {
	b.t.Helper()
	action, found := form.Attr("action")
	if !found {
		b.t.Fatal("there is no such form")
	}
	form.Find("input[name], select[name]").Each(func(_ int, input *goquery.Selection) {
		name := input.AttrOr("name", "")
		if _, ticked := input.Attr("checked"); !ticked && input.Is("[type=radio], [type=checkbox]") {
			return
		}
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return
			}
		}
		value := input.AttrOr("value", "")
		if input.Is("select") {
			value = input.Find("option[selected]").AttrOr("value", "")
		}
		pairs = append(pairs, name, value)
	})
	return b.post(action, pairs...)
}

func (b *browser) send(request *http.Request) page {
	b.t.Helper()
	request.Header.Set("Accept-Language", b.Language)
	for name, value := range b.Headers {
		request.Header.Set(name, value)
	}
	answer, err := b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, missing, found := strings.Cut(string(body), "⟦"); found {
		id, _, _ := strings.Cut(missing, "⟧")
		b.t.Errorf("%s %s: there is no message %s", request.Method, request.URL.Path, id)
	}
	document, err := goquery.NewDocumentFromReader(strings.NewReader(string(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	return page{
		Document: document, Status: answer.StatusCode, Header: answer.Header, Body: string(body),
		Text: strings.Join(strings.Fields(document.Find("main").Text()), " "),
	}
}
