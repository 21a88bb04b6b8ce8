package web

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/backend"
	"wxkeeper/app/keeper"
	"wxkeeper/app/web/contract"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// house is a server with everything real but WeChat.
type house struct {
	*Server
	weChat *weChat
	store  *db.DB
	log    *logBook
}

func newHouse(t testing.TB, change ...func(*Options)) house {
	t.Helper()
	store, err := db.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return newHouseOn(t, store, change...)
}

func newHouseOn(t testing.TB, store *db.DB, change ...func(*Options)) house {
	t.Helper()
	return newHouseAt(t, store, func() time.Time { return noon }, change...)
}

func newHouseAt(t testing.TB, store *db.DB, clock func() time.Time, change ...func(*Options)) house {
	t.Helper()
	standIn, address := newWeChat(t)
	ring, err := store.EnsureKeyRing(t.Context(), [32]byte{1}, noon)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := store.EnsureApp(t.Context(), ourAppid, noon)
	if err != nil {
		t.Fatal(err)
	}
	client, err := wechat.NewClient(wechat.Options{BaseURL: address, Appid: ourAppid, Secret: ourSecret})
	if err != nil {
		t.Fatal(err)
	}
	keeping := keeper.New(keeper.Options{
		App: ours, Store: store, Ring: ring, WeChat: client, Clock: clock, Log: newLogger(&logBook{}),
		Settings: keeper.Settings{
			Sessions:     app.SessionPolicy{Idle: 30 * 24 * time.Hour, MaxAge: 180 * 24 * time.Hour},
			KeyGrace:     10 * time.Minute,
			KeyAging:     24 * time.Hour,
			SealedMaxAge: 24 * time.Hour,
		},
	})
	backEnds := backend.New(backend.Options{Store: store, Ring: ring, Clock: clock, Log: newLogger(&logBook{})})
	t.Cleanup(func() {
		keeping.Close()
		backEnds.Close()
		_ = store.Close() // a test may have closed it
	})
	s, book := newServer(append(change, func(o *Options) { o.Keeper, o.BackEnds, o.Ready = keeping, backEnds, store.Ready })...)
	return house{s, standIn, store, book}
}

// TestContract plays the scripts of testdata/contract, and holds every answer against the document.
func TestContract(t *testing.T) {
	store, err := db.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var passed atomic.Int64
	h := newHouseAt(t, store, func() time.Time { return noon.Add(time.Duration(passed.Add(1)) * time.Millisecond) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		h.Handler().ServeHTTP(recorder, r)
		checkDocumented(t, r, answer{HTTP: recorder.Code, Header: recorder.Header(), Body: recorder.Body.String()})
		maps.Copy(w.Header(), recorder.Header())
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes()) // the player complains of what does not arrive
	}))
	t.Cleanup(server.Close)
	contract.Run(t, server.URL, os.DirFS("testdata/contract"), func(kind, argument string) (string, error) {
		if kind == "backend" {
			return h.backEnd(t, argument), nil
		}
		return h.weChat.value(kind, argument)
	})
}

// value is what a person's phone gives.
func (h house) value(t testing.TB, kind, argument string) string {
	t.Helper()
	value, err := h.weChat.value(kind, argument)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func (h house) login(t testing.TB, name string) (token string) {
	t.Helper()
	got := ask(t, h.Server, request{method: "POST", path: "/login/", kind: "json", body: jsonOf(map[string]string{"code": h.value(t, "code", name)})})
	var data loginReply
	got.data(t, &data)
	return data.Token
}

// TestEveryWayToAsk takes each call over both paths and both kinds of body, with the token in either place. That every answer
// is as documented is checked by ask.
func TestEveryWayToAsk(t *testing.T) {
	h := newHouse(t)
	for _, slash := range []string{"", "/"} {
		for _, kind := range []string{"json", "form"} {
			for _, place := range []string{"body", "bearer"} {
				t.Run(kind+" "+slash+" "+place, func(t *testing.T) {
					token := h.login(t, "alice")
					for _, path := range []string{"/session", "/getinfo", "/session", "/logout"} {
						call := h.call(t, path+slash, kind, place, token)
						if got := ask(t, h.Server, call); got.HTTP != 200 || got.Code != 0 || got.Msg != "ok" {
							t.Fatalf("%s: HTTP %d %s", path, got.HTTP, got.Body)
						}
					}
					wantFailure(t, ask(t, h.Server, h.call(t, "/session"+slash, kind, place, token)), app.InvalidToken)
				})
			}
		}
	}
}

// call builds a request with a token; to /getinfo/ it adds a profile.
func (h house) call(t *testing.T, path, kind, place, token string) request {
	in, built := map[string]string{}, request{method: "POST", path: path, kind: kind}
	if place == "body" {
		in["token"] = token
	} else {
		built.header = map[string]string{"Authorization": "Bearer " + token}
	}
	if strings.HasPrefix(path, "/getinfo") {
		in["encryptedData"] = h.value(t, "data", "alice/profile")
		in["iv"] = h.value(t, "iv", "alice/profile")
	}
	built.body = jsonOf(in)
	if kind == "form" {
		values := url.Values{}
		for name, value := range in {
			values.Set(name, value)
		}
		built.body = values.Encode()
	}
	return built
}

// TestTokenOfTheBodyComesFirst: the header only fills in.
func TestTokenOfTheBodyComesFirst(t *testing.T) {
	h := newHouse(t)
	good := h.login(t, "alice")
	header := map[string]string{"Authorization": "Bearer " + good}
	bad := request{method: "POST", path: "/session/", kind: "json", body: `{"token":"other"}`, header: header}
	wantFailure(t, ask(t, h.Server, bad), app.InvalidToken)
	null := request{method: "POST", path: "/session/", kind: "json", body: `{"token":null}`, header: header}
	if got := ask(t, h.Server, null); got.HTTP != 200 {
		t.Errorf("HTTP %d %s", got.HTTP, got.Body)
	}
	bare := request{method: "POST", path: "/session/", header: header}
	if got := ask(t, h.Server, bare); got.HTTP != 200 {
		t.Errorf("HTTP %d %s", got.HTTP, got.Body)
	}
}

// TestFailuresToOpenLookAlike: neither status nor headers nor body tell why data did not open.
func TestFailuresToOpenLookAlike(t *testing.T) {
	h := newHouse(t)
	token := h.login(t, "alice")
	var first string
	for _, what := range []string{"unknown-key", "two-days-old", "from-the-future", "other-user", "other-app", "not-json"} {
		data := h.value(t, "data", "alice/"+what)
		got := ask(t, h.Server, request{method: "POST", path: "/getinfo/", kind: "json", body: jsonOf(map[string]string{
			"token": token, "encryptedData": data, "iv": h.value(t, "iv", "alice/"+what),
		})})
		wantFailure(t, got, app.SealedDataUnopened)
		var header strings.Builder
		_ = got.Header.Write(&header)
		look := header.String() + strings.ReplaceAll(got.Body, string(got.RequestID), "")
		if first == "" {
			first = look
		}
		if look != first {
			t.Errorf("%s: %q, others %q", what, look, first)
		}
	}
}

// TestEventKnowsTheCaller follows what a request tells for free into the event of its login.
func TestEventKnowsTheCaller(t *testing.T) {
	h := newHouse(t)
	got := ask(t, h.Server, request{
		method: "POST", path: "/login/", kind: "json", body: jsonOf(map[string]string{"code": h.value(t, "code", "alice")}),
		header: map[string]string{
			"Referer":    "https://servicewechat.com/wx0123456789abcdef/23/page-frame.html",
			"User-Agent": "Mozilla/5.0 (Linux; Android 13; 2211133C Build/TKQ1) MicroMessenger/8.0.43.2480",
		},
		from: "203.0.113.9:4711",
	})
	var data loginReply
	got.data(t, &data)
	user, err := h.store.Read().UserByOpenID(t.Context(), 1, app.OpenID(openIDOf("alice")))
	if err != nil || user.Number.String() != data.User {
		t.Fatalf("user %v is not %s: %v", user.Number, data.User, err)
	}
	events, err := h.store.Read().EventsOf(t.Context(), user.LastEvent, 1)
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events: %v", len(events), err)
	}
	want := app.Client{
		Appid: ourAppid, Version: "23", Platform: app.PlatformAndroid, Model: "2211133C", WeChatVersion: "8.0.43.2480",
		Address: "203.0.113.9",
	}
	if events[0].Client != want || events[0].RequestID == "" {
		t.Errorf("request %q of %+v", events[0].RequestID, events[0].Client)
	}
}

// TestRefusedLoginsAreCounted: the operator sees that an address is being turned away.
func TestRefusedLoginsAreCounted(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.APIRate = 1 })
	bad := request{method: "POST", path: "/login", kind: "json", body: "{}", from: "203.0.113.9:1"}
	wantFailure(t, ask(t, h.Server, bad), app.MissingParameter)
	wantFailure(t, ask(t, h.Server, bad), app.TooManyRequests)
	h.keeper.Close()
	events, err := h.store.Read().StrangerEvents(t.Context(), 10)
	if err != nil || len(events) != 2 || events[0].Reason != app.LoginLimited || events[1].Reason != app.LoginCodeMalformed ||
		events[1].Detail.Field != "code" || events[0].Client.Address != "203.0.113.9" {
		t.Errorf("events are %+v, %v", events, err)
	}
}

// TestStorageGone: a clean answer, and the probe that asks for it says so.
func TestStorageGone(t *testing.T) {
	h := newHouse(t)
	token := h.login(t, "alice")
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/session/", "/getinfo/", "/logout/"} {
		wantFailure(t, ask(t, h.Server, h.call(t, path, "json", "body", token)), app.StorageUnavailable)
	}
	code := request{method: "POST", path: "/login/", kind: "json", body: jsonOf(map[string]string{"code": h.value(t, "code", "alice")})}
	wantFailure(t, ask(t, h.Server, code), app.StorageUnavailable)
	wantFailure(t, ask(t, h.Server, request{method: "GET", path: "/readyz"}), app.StorageUnavailable)
	if got := ask(t, h.Server, request{method: "GET", path: "/healthz"}); got.HTTP != 200 {
		t.Errorf("healthz: HTTP %d", got.HTTP)
	}
}
