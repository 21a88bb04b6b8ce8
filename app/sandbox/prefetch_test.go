package sandbox_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
)

// developer is a server that WeChat's servers call: it notes what comes, and answers as scripted, at last with the last one.
type developer struct {
	url     string
	arrived []*http.Request
	bodies  [][]byte
	answers []http.HandlerFunc
}

func newDeveloper(t *testing.T, answers ...http.HandlerFunc) *developer {
	d := &developer{answers: answers}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func (d *developer) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	at := min(len(d.arrived), len(d.answers)-1)
	d.arrived, d.bodies = append(d.arrived, request.Clone(context.Background())), append(d.bodies, body)
	d.answers[at](response, request)
}

func says(text string) http.HandlerFunc {
	return func(response http.ResponseWriter, _ *http.Request) { io.WriteString(response, text) }
}

func setPrefetch(t *testing.T, w *world, prefetch sandbox.Prefetch) {
	t.Helper()
	if err := w.SetPrefetch("", prefetch); err != nil {
		t.Fatal(err)
	}
}

func TestAColdStartBringsACodeAndData(t *testing.T) {
	w := newWorld(t)
	keeper := newDeveloper(t, says("hello"))
	setPrefetch(t, w, sandbox.Prefetch{URL: keeper.url + "/prefetch/?from=wechat"})
	fetched, err := w.phone.ColdStart(t.Context(), sandbox.Entry{Path: "pages/shop/shop", Query: "id=1&b=二", Scene: 1047})
	if err != nil || fetched != "hello" {
		t.Fatalf("fetched %q, error %v", fetched, err)
	}
	asked := keeper.arrived[0]
	query := asked.URL.Query()
	for name, want := range map[string]string{
		"from": "wechat", "appid": string(w.phone.Appid()), "timestamp": "1777888800",
		"path": "pages/shop/shop", "query": "id=1&b=二", "scene": "1047",
	} {
		if query.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, query.Get(name), want)
		}
	}
	if asked.Method != http.MethodGet || asked.URL.Path != "/prefetch/" || len(query) != 7 {
		t.Errorf("%s %s", asked.Method, asked.URL)
	}
	if login := w.exchange(t, query.Get("code")); login.OpenID != w.phone.OpenID() {
		t.Errorf("a code of %q", login.OpenID)
	}
}

func TestAPrefetchMayReplaceTheKeyUnseen(t *testing.T) {
	for _, newKey := range []bool{false, true} {
		w := newWorld(t)
		ours := w.login(t, w.phone).SessionKey
		keeper := newDeveloper(t, says(""))
		setPrefetch(t, w, sandbox.Prefetch{URL: keeper.url, NewKey: newKey})
		if _, err := w.phone.ColdStart(t.Context(), sandbox.Entry{}); err != nil {
			t.Fatal(err)
		}
		if replaced := w.phone.SessionKey() != ours; replaced != newKey {
			t.Errorf("NewKey %v: replaced %v", newKey, replaced)
		}
		if !w.phone.CheckSession() {
			t.Error("wx.checkSession should see nothing of it")
		}
		if opens(ours, w.phone.GetUserInfo()) == newKey {
			t.Errorf("NewKey %v: data is sealed under the other key", newKey)
		}
		if query := keeper.arrived[0].URL.Query(); query.Get("path") != "pages/index/index" || query.Get("scene") != "1001" {
			t.Errorf("an ordinary start asks %s", query.Encode())
		}
	}
}

func TestOnlyAnAnswerOfItsSizeReachesThePhone(t *testing.T) {
	w := newWorld(t)
	if fetched, err := w.phone.ColdStart(t.Context(), sandbox.Entry{}); fetched != "" || err != nil {
		t.Errorf("without pre-fetch: %q, error %v", fetched, err)
	}
	largest := strings.Repeat("a", sandbox.MaxPrefetched)
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"largest":   {says(largest), largest},
		"too large": {says(largest + "a"), ""},
		"refused":   {func(r http.ResponseWriter, _ *http.Request) { http.Error(r, "no", http.StatusConflict) }, ""},
		"redirect":  {func(r http.ResponseWriter, q *http.Request) { http.Redirect(r, q, "/x", http.StatusFound) }, ""},
		"broken":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ""},
	} {
		setPrefetch(t, w, sandbox.Prefetch{URL: newDeveloper(t, test.answer).url})
		visitor := sandbox.NewMiniProgram(w.phone, "http://unused.test", nil)
		err := visitor.ColdStart(t.Context(), sandbox.Entry{})
		if visitor.Fetched() != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: %d bytes, error %v", name, len(visitor.Fetched()), err)
		}
	}
}

func TestPrefetchSettingsAreChecked(t *testing.T) {
	w := newWorld(t)
	for _, address := range []string{"keeper.test/prefetch", "ftp://keeper.test", "http://", "http://[", "/prefetch/"} {
		if w.SetPrefetch("", sandbox.Prefetch{URL: address}) == nil {
			t.Errorf("%q was taken", address)
		}
	}
	if w.SetPrefetch("wx0000000000000009", sandbox.Prefetch{}) == nil {
		t.Error("an unknown app was taken")
	}
}

func TestThePhoneOfTheDeveloperToolsStartsColdToo(t *testing.T) {
	w := newWorld(t)
	keeper := newDeveloper(t, says(""))
	setPrefetch(t, w, sandbox.Prefetch{URL: keeper.url})
	if _, err := w.MockPhone(w.phone.Appid()).ColdStart(t.Context(), sandbox.Entry{}); err != nil {
		t.Fatal(err)
	}
	if code := keeper.arrived[0].URL.Query().Get("code"); code != app.MockCode {
		t.Errorf("code %q", code)
	}
}
