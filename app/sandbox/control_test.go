package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
)

// ordered calls the control and reads its JSON.
func ordered[T any](t *testing.T, method, address string, form url.Values, status int) (answer T) {
	t.Helper()
	response, body := do(t, method, address, form)
	if response.StatusCode != status {
		t.Fatalf("%s %s: HTTP %d, %s", method, address, response.StatusCode, body)
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%s %s: %v in %s", method, address, err, body)
	}
	return answer
}

type phoneState struct {
	Number       int
	OpenID       app.OpenID
	Nickname     string
	Anonymous    bool
	Blocked      bool
	Platform     app.Platform
	CheckSession bool
	KeyAlive     bool
}

func TestControlIndexExplainsItself(t *testing.T) {
	w := newWorld(t)
	response, body := get(t, w.url+"/sandbox/")
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("Content-Type %q", response.Header.Get("Content-Type"))
	}
	for _, path := range []string{"code", "phonecode", "expire", "rotate", "refresh", "anonymous", "block", "device"} {
		if !strings.Contains(string(body), w.url+"/sandbox/phones/1/"+path) {
			t.Errorf("the index does not name %s", path)
		}
	}
	if strings.Contains(string(body), "{at}") || strings.Contains(string(body), "{apis}") {
		t.Error("a placeholder is left")
	}
}

func TestControlListsPhones(t *testing.T) {
	w := newWorld(t)
	listed := ordered[[]phoneState](t, http.MethodGet, w.url+"/sandbox/phones", nil, http.StatusOK)
	if len(listed) != 1 || listed[0].OpenID != w.phone.OpenID() || listed[0].Nickname != w.phone.Person().Nickname {
		t.Errorf("listed %+v", listed)
	}
	w.login(t, w.phone)
	_, body := get(t, w.url+"/sandbox/phones")
	if strings.Contains(string(body), w.phone.SessionKey().Reveal()) {
		t.Error("a session key is shown")
	}
}

func TestControlGivesACodeAsBareText(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		_, code := do(t, method, w.url+"/sandbox/phones/1/code", nil)
		if app.CheckCode(string(code)) != nil {
			t.Errorf("%s gives %q", method, code)
		}
		w.exchange(t, string(code))
	}
}

func TestControlCollectsEveryKind(t *testing.T) {
	w := newWorld(t)
	key := w.login(t, w.phone).SessionKey
	for _, kind := range []string{"", "userinfo", "profile", "phone", "run", "share", "group"} {
		sealed := ordered[sandbox.Sealed](t, http.MethodGet, w.url+"/sandbox/phones/1/sealed", url.Values{"kind": {kind}}, http.StatusOK)
		profile := open(t, key, sealed).Kind == wechat.KindProfile
		if signed := wechat.CheckRawData(key, sealed.RawData, sealed.Signature) && sealed.RawData != ""; signed != profile {
			t.Errorf("kind %q: signed %v", kind, signed)
		}
	}
}

func TestControlChangesAPhone(t *testing.T) {
	w := newWorld(t)
	phone := w.url + "/sandbox/phones/1/"
	off := url.Values{"on": {"false"}}
	key := w.login(t, w.phone).SessionKey
	if ordered[phoneState](t, http.MethodPost, phone+"expire", nil, http.StatusOK).CheckSession {
		t.Error("expire: wx.checkSession succeeds")
	}
	if !ordered[phoneState](t, http.MethodPost, phone+"rotate", nil, http.StatusOK).CheckSession || w.phone.SessionKey() == key {
		t.Error("rotate: the key is the same, or the phone has seen it")
	}
	key = w.phone.SessionKey()
	ordered[phoneState](t, http.MethodPost, phone+"refresh", nil, http.StatusOK)
	if w.login(t, w.phone).SessionKey == key {
		t.Error("refresh: the next login kept the key")
	}
	if !ordered[phoneState](t, http.MethodPost, phone+"anonymous", nil, http.StatusOK).Anonymous ||
		ordered[phoneState](t, http.MethodPost, phone+"anonymous", off, http.StatusOK).Anonymous {
		t.Error("anonymous does not turn on and off")
	}
	if !ordered[phoneState](t, http.MethodPost, phone+"block", nil, http.StatusOK).Blocked ||
		ordered[phoneState](t, http.MethodPost, phone+"block", off, http.StatusOK).Blocked {
		t.Error("block does not turn on and off")
	}
}

func TestControlAddsASecondDevice(t *testing.T) {
	w := newWorld(t)
	form := url.Values{"platform": {"ios"}}
	second := ordered[phoneState](t, http.MethodPost, w.url+"/sandbox/phones/1/device", form, http.StatusCreated)
	if second.Number != 2 || second.OpenID != w.phone.OpenID() || second.Platform != app.PlatformIOS {
		t.Errorf("second device %+v", second)
	}
}

// What the developer tools send counts as coming from another site, which may only ask.
func TestControlGivesCodesToTheDeveloperTools(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"code", "phonecode", "sealed"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/sandbox/phones/mock/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: HTTP %d", path, response.StatusCode)
		}
	}
}

func TestControlAddsSomebodyNew(t *testing.T) {
	w := newWorld(t)
	form := url.Values{"nickname": {"新来的"}}
	added := ordered[phoneState](t, http.MethodPost, w.url+"/sandbox/phones", form, http.StatusCreated)
	if added.Number != 2 || added.OpenID == w.phone.OpenID() || added.Nickname != "新来的" {
		t.Errorf("somebody new %+v", added)
	}
}

func TestControlAddsNotMoreThanAThousand(t *testing.T) {
	w := newWorld(t)
	for len(w.Phones()) < 1000 {
		w.phone.SecondDevice(sandbox.Device{})
	}
	if response, _ := do(t, http.MethodPost, w.url+"/sandbox/phones/1/device", nil); response.StatusCode != http.StatusConflict {
		t.Errorf("HTTP %d", response.StatusCode)
	}
}

func TestControlKnowsTheMockPhone(t *testing.T) {
	w := newWorld(t)
	if _, code := get(t, w.url+"/sandbox/phones/mock/code"); string(code) != app.MockCode {
		t.Errorf("code %q", code)
	}
	key := w.exchange(t, app.MockCode).SessionKey
	open(t, key, ordered[sandbox.Sealed](t, http.MethodGet, w.url+"/sandbox/phones/mock/sealed", nil, http.StatusOK))
}

func TestControlOfFaults(t *testing.T) {
	w := newWorld(t)
	type fault struct {
		Kind  string
		Calls int
		Delay string
	}
	form := url.Values{"kind": {"quota"}, "calls": {"2"}, "delay": {"5ms"}}
	listed := ordered[[]fault](t, http.MethodPost, w.url+"/sandbox/faults", form, http.StatusOK)
	if len(listed) != 1 || listed[0] != (fault{"quota", 2, "5ms"}) {
		t.Errorf("listed %+v", listed)
	}
	w.wantErrcode(t, w.phone.Login(), wechat.ErrcodeMinuteQuota)
	if left := ordered[[]fault](t, http.MethodGet, w.url+"/sandbox/faults", nil, http.StatusOK); left[0].Calls != 1 {
		t.Errorf("left %+v", left)
	}
	if left := ordered[[]fault](t, http.MethodDelete, w.url+"/sandbox/faults", nil, http.StatusOK); len(left) != 0 {
		t.Errorf("left after clearing: %+v", left)
	}
	w.login(t, w.phone)
}

func TestControlRefusesBadInput(t *testing.T) {
	w := newWorld(t)
	for _, call := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/sandbox/phones/0/code", http.StatusNotFound},
		{http.MethodGet, "/sandbox/phones/2/code", http.StatusNotFound},
		{http.MethodGet, "/sandbox/phones/x/code", http.StatusNotFound},
		{http.MethodGet, "/sandbox/phones/1/nothing", http.StatusNotFound},
		{http.MethodGet, "/sandbox/phones/1/expire", http.StatusMethodNotAllowed},
		{http.MethodGet, "/sandbox/phones/1/sealed?kind=secrets", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/phones/1/device?platform=toaster", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/faults", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/faults?kind=busy&calls=many", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/faults?kind=busy&delay=long", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/faults?kind=busy&delay=2h", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/faults?kind=errcode&errcode=x", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/faults?kind=busy&api=nothing", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/outage?kind=busy", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/quotas?calls=0", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/quotas?api=token&calls=few", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/addresses", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/addresses?ip=here", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/prefetch", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/push", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/push?url=http://127.0.0.1:1/", http.StatusBadRequest},
		{http.MethodDelete, "/sandbox/push?appid=wx0000000000000009", http.StatusBadRequest},
		{http.MethodGet, "/sandbox/tokens", http.StatusMethodNotAllowed},
		{http.MethodPost, "/sandbox/phones/1/withdraw?kind=phone", http.StatusBadRequest},
		{http.MethodPost, "/sandbox/phones/1/coldstart?scene=x", http.StatusBadRequest},
	} {
		if response, body := do(t, call.method, w.url+call.path, nil); response.StatusCode != call.status {
			t.Errorf("%s %s: HTTP %d, %s", call.method, call.path, response.StatusCode, body)
		}
	}
}

func TestControlAnswersOnlyToLoopbackHosts(t *testing.T) {
	w := sandbox.New(sandbox.Options{})
	for host, status := range map[string]int{
		"127.0.0.1:8001":      http.StatusOK,
		"127.0.0.1":           http.StatusOK,
		"localhost:8001":      http.StatusOK,
		"LOCALHOST":           http.StatusOK,
		"[::1]:8001":          http.StatusOK,
		"[::1]":               http.StatusOK,
		"evil.example:8001":   http.StatusForbidden,
		"localhost.evil.test": http.StatusForbidden,
		"127.0.0.1.evil.test": http.StatusForbidden,
		"192.168.1.5":         http.StatusForbidden,
		"":                    http.StatusForbidden,
	} {
		request := httptest.NewRequest(http.MethodGet, "/sandbox/phones", nil)
		request.Host = host
		response := httptest.NewRecorder()
		w.ServeHTTP(response, request)
		if response.Code != status {
			t.Errorf("Host %q: HTTP %d", host, response.Code)
		}
	}
}

// TestControlAnswersToTheNameItWasGiven: for real phones in a private network, and by no other name.
func TestControlAnswersToTheNameItWasGiven(t *testing.T) {
	w := sandbox.New(sandbox.Options{Host: "192.168.1.20"})
	for host, status := range map[string]int{
		"192.168.1.20:8001": http.StatusOK, "192.168.1.20": http.StatusOK, "localhost:8001": http.StatusOK,
		"192.168.1.21:8001": http.StatusForbidden, "evil.example": http.StatusForbidden, "": http.StatusForbidden,
	} {
		request := httptest.NewRequest(http.MethodGet, "/sandbox/phones", nil)
		request.Host = host
		response := httptest.NewRecorder()
		w.ServeHTTP(response, request)
		if response.Code != status {
			t.Errorf("Host %q: HTTP %d", host, response.Code)
		}
	}
}

func TestControlRefusesOtherOrigins(t *testing.T) {
	w := sandbox.New(sandbox.Options{})
	request := httptest.NewRequest(http.MethodPost, "/sandbox/faults?kind=busy", nil)
	request.Host = "127.0.0.1:8001"
	request.Header.Set("Origin", "https://evil.example")
	response := httptest.NewRecorder()
	w.ServeHTTP(response, request)
	if response.Code != http.StatusForbidden || len(w.Faults()) != 0 {
		t.Errorf("HTTP %d, faults %v", response.Code, w.Faults())
	}
}
