package sandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
)

func TestControlCutsWeChatOffAndBack(t *testing.T) {
	w := newWorld(t)
	outage := func(method string, form url.Values) string {
		return ordered[map[string]string](t, method, w.url+"/sandbox/outage", form, http.StatusOK)["outage"]
	}
	if got := outage(http.MethodPost, url.Values{"kind": {"refuse"}}); got != "refuse" {
		t.Errorf("outage %q", got)
	}
	code := w.phone.Login()
	if _, err := w.client.Code2Session(t.Context(), code); err == nil {
		t.Error("answered while cut off")
	}
	if got := outage(http.MethodGet, nil); got != "refuse" {
		t.Errorf("outage %q", got)
	}
	if got := outage(http.MethodDelete, nil); got != "" {
		t.Errorf("outage %q after it", got)
	}
	w.exchange(t, code)
}

func TestControlOrdersErrcodesOfOneAPI(t *testing.T) {
	w := newWorld(t)
	form := url.Values{"kind": {"errcode"}, "errcode": {"40226"}, "api": {"jscode2session"}, "calls": {"1"}}
	type fault struct {
		Kind, API string
		Errcode   int
	}
	listed := ordered[[]fault](t, http.MethodPost, w.url+"/sandbox/faults", form, http.StatusOK)
	if len(listed) != 1 || listed[0] != (fault{"errcode", "jscode2session", 40226}) {
		t.Errorf("listed %+v", listed)
	}
	w.wantErrcode(t, w.phone.Login(), wechat.ErrcodeUserBlocked)
}

func TestControlOfQuotasAddressesAndTokens(t *testing.T) {
	w := newWorld(t)
	token := tokenOf(t, w.askStable(t, false), 7200)
	quota := url.Values{"api": {"checksession"}, "calls": {"0"}}
	if listed := ordered[map[string]int](t, http.MethodPost, w.url+"/sandbox/quotas", quota, http.StatusOK); listed["token"] != 2000 {
		t.Errorf("quotas %v", listed)
	}
	w.wantVerdict(t, token, wechat.ErrcodeDayQuota)
	if _, still := ordered[map[string]int](t, http.MethodDelete, w.url+"/sandbox/quotas", nil, http.StatusOK)["checksession"]; still {
		t.Error("the quota is still there")
	}
	ips := url.Values{"ip": {"203.0.113.5", "::ffff:203.0.113.6"}}
	listed := ordered[[]string](t, http.MethodPost, w.url+"/sandbox/addresses", ips, http.StatusOK)
	if strings.Join(listed, " ") != "203.0.113.5 203.0.113.6" {
		t.Errorf("addresses %v", listed)
	}
	refusedWith(t, w.askStable(t, false), wechat.ErrcodeAddressNotAllowed)
	if left := ordered[[]string](t, http.MethodDelete, w.url+"/sandbox/addresses", nil, http.StatusOK); len(left) != 0 {
		t.Errorf("addresses left %v", left)
	}
	if response, _ := do(t, http.MethodDelete, w.url+"/sandbox/tokens", nil); response.StatusCode != http.StatusNoContent {
		t.Errorf("HTTP %d", response.StatusCode)
	}
	w.wantVerdict(t, token, wechat.ErrcodeTokenExpired)
}

type backOfficeState struct {
	Appid, PrefetchURL, PushURL string
	PrefetchNewKey              bool
}

func TestControlOfPrefetch(t *testing.T) {
	w := newWorld(t)
	keeper := newDeveloper(t, says("<fetched>"))
	form := url.Values{"url": {keeper.url}, "newkey": {"true"}}
	set := ordered[[]backOfficeState](t, http.MethodPost, w.url+"/sandbox/prefetch", form, http.StatusOK)
	if want := (backOfficeState{Appid: string(w.phone.Appid()), PrefetchURL: keeper.url, PrefetchNewKey: true}); set[0] != want {
		t.Errorf("set %+v", set)
	}
	_, fetched := do(t, http.MethodPost, w.url+"/sandbox/phones/1/coldstart", url.Values{"scene": {"1011"}, "query": {"a=1"}})
	if string(fetched) != "<fetched>" || keeper.arrived[0].URL.Query().Get("scene") != "1011" {
		t.Errorf("fetched %q by %s", fetched, keeper.arrived[0].URL)
	}
	keeper.answers = []http.HandlerFunc{http.NotFound}
	if response, _ := do(t, http.MethodPost, w.url+"/sandbox/phones/1/coldstart", nil); response.StatusCode != http.StatusBadGateway {
		t.Errorf("HTTP %d", response.StatusCode)
	}
	if left := ordered[[]backOfficeState](t, http.MethodDelete, w.url+"/sandbox/prefetch", nil, http.StatusOK); left[0].PrefetchURL != "" {
		t.Errorf("left %+v", left)
	}
}

func TestControlOfPush(t *testing.T) {
	w := newWorld(t)
	room := newMailroom(t, w, "", says("success"))
	form := url.Values{"url": {room.url}, "token": {pushToken}, "aeskey": {pushAESKey}}
	room.answers = []http.HandlerFunc{room.answers[0], room.answers[0], says("success")}
	set := ordered[[]backOfficeState](t, http.MethodPost, w.url+"/sandbox/push", form, http.StatusOK)
	if set[0].PushURL != room.url {
		t.Errorf("set %+v", set)
	}
	if _, body := get(t, w.url+"/sandbox/push"); strings.Contains(string(body), pushToken) || strings.Contains(string(body), pushAESKey) {
		t.Error("a secret is shown")
	}
	phone := w.url + "/sandbox/phones/1/"
	ordered[phoneState](t, http.MethodPost, phone+"withdraw", url.Values{"kind": {"6", "8"}}, http.StatusOK)
	lost := ordered[phoneState](t, http.MethodPost, phone+"loseprofile", nil, http.StatusOK)
	closed := ordered[struct{ Closed bool }](t, http.MethodPost, phone+"close", nil, http.StatusOK)
	if len(room.arrived) != 6 || lost.Nickname != "微信用户" || !closed.Closed {
		t.Errorf("%d requests, nickname %q, closed %v", len(room.arrived), lost.Nickname, closed.Closed)
	}
	room.answers = []http.HandlerFunc{says("failed")}
	if response, body := do(t, http.MethodPost, phone+"close", nil); response.StatusCode != http.StatusBadGateway {
		t.Errorf("HTTP %d, %s", response.StatusCode, body)
	}
	if left := ordered[[]backOfficeState](t, http.MethodDelete, w.url+"/sandbox/push", nil, http.StatusOK); left[0].PushURL != "" {
		t.Errorf("left %+v", left)
	}
}

// Every line of the index that changes nothing for good can be pasted.
func TestTheIndexNamesWhatThereIs(t *testing.T) {
	w := newWorld(t)
	_, body := get(t, w.url+"/sandbox/")
	for _, path := range []string{"outage", "faults", "quotas", "addresses", "tokens", "prefetch", "push",
		"phones/1/coldstart", "phones/1/withdraw", "phones/1/loseprofile", "phones/1/close"} {
		if !strings.Contains(string(body), w.url+"/sandbox/"+path) {
			t.Errorf("the index does not name %s", path)
		}
	}
	for _, api := range []sandbox.API{sandbox.APIToken, sandbox.APIStableToken, sandbox.APIResetUserSessionKey} {
		if !strings.Contains(string(body), string(api)) {
			t.Errorf("the index does not name %s", api)
		}
	}
}
