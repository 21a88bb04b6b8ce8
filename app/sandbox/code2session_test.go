package sandbox_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
)

var ridForm = regexp.MustCompile(` rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`)

func TestLoginAnswersAsWeChatDoes(t *testing.T) {
	w := newWorld(t)
	response, answer := w.ask(t, w.goodQuery(w.phone.Login()))
	if got := response.Header.Get("Content-Type"); got != "text/plain" {
		t.Errorf("Content-Type %q", got)
	}
	if _, has := answer["errcode"]; has || len(answer) != 3 {
		t.Errorf("a success has three fields and no errcode: %v", answer)
	}
	if answer["openid"] != string(w.phone.OpenID()) || answer["unionid"] != string(w.phone.UnionID()) {
		t.Errorf("other ids than the phone's: %v", answer)
	}
	if key, err := app.NewSessionKey(answer["session_key"].(string)); err != nil || key != w.phone.SessionKey() {
		t.Errorf("session_key is not the phone's: %v", err)
	}
}

func TestUnionIDFollowsTheOpenPlatformAccount(t *testing.T) {
	shop := sandbox.App{Appid: "wx0000000000000001", Secret: "s", OpenPlatform: "brand"}
	cafe := sandbox.App{Appid: "wx0000000000000002", Secret: "s", OpenPlatform: "brand"}
	alone := sandbox.App{Appid: "wx0000000000000003", Secret: "s"}
	w := newWorld(t, shop, cafe, alone)
	inCafe := w.AddPhone(sandbox.PhoneOptions{Appid: cafe.Appid, Owner: w.phone})
	inAlone := w.AddPhone(sandbox.PhoneOptions{Appid: alone.Appid, Owner: w.phone})
	if w.phone.UnionID() == "" || inCafe.UnionID() != w.phone.UnionID() {
		t.Errorf("unionids %q and %q of one person under one account", w.phone.UnionID(), inCafe.UnionID())
	}
	if inCafe.OpenID() == w.phone.OpenID() {
		t.Error("one openid in two apps")
	}
	login, err := w.clientOf(t, alone).Code2Session(t.Context(), inAlone.Login())
	if err != nil || login.UnionID != "" {
		t.Errorf("unionid %q without an account, error %v", login.UnionID, err)
	}
}

func TestEveryErrcode(t *testing.T) {
	other := sandbox.App{Appid: "wx0000000000000002", Secret: "s"}
	w := newWorld(t, sandbox.DemoApp(), other)
	expired, blocked := w.phone.Login(), w.AddPhone(sandbox.PhoneOptions{})
	w.clock.Advance(sandbox.CodeLife)
	used := w.phone.Login()
	w.exchange(t, used)
	blocked.SetBlocked(true)
	elsewhere := w.AddPhone(sandbox.PhoneOptions{Appid: other.Appid})
	good := w.goodQuery(w.phone.Login())

	with := func(name, value string) url.Values {
		query := url.Values{}
		for key := range good {
			query.Set(key, good.Get(key))
		}
		query.Set(name, value)
		return query
	}
	for name, test := range map[string]struct {
		query   url.Values
		errcode int
	}{
		"unknown code":            {with("js_code", "0unknown"), wechat.ErrcodeCodeInvalid},
		"expired code":            {with("js_code", expired), wechat.ErrcodeCodeInvalid},
		"code of another app":     {with("js_code", elsewhere.Login()), wechat.ErrcodeCodeInvalid},
		"used code":               {with("js_code", used), wechat.ErrcodeCodeUsed},
		"blocked user":            {with("js_code", blocked.Login()), wechat.ErrcodeUserBlocked},
		"no code":                 {with("js_code", ""), wechat.ErrcodeCodeMissing},
		"no appid":                {with("appid", ""), wechat.ErrcodeAppidMissing},
		"unknown appid":           {with("appid", "wxffffffffffffffff"), wechat.ErrcodeAppidInvalid},
		"secret of another app":   {with("appid", string(other.Appid)), wechat.ErrcodeSecretWrong},
		"no secret":               {with("secret", ""), wechat.ErrcodeSecretMissing},
		"wrong secret":            {with("secret", "0"), wechat.ErrcodeSecretWrong},
		"no grant_type":           {with("grant_type", ""), wechat.ErrcodeGrantType},
		"grant_type of the token": {with("grant_type", "client_credential"), wechat.ErrcodeGrantType},
		"nothing at all":          {url.Values{}, wechat.ErrcodeAppidMissing},
	} {
		t.Run(name, func(t *testing.T) { wantRefusal(t, w, test.query, test.errcode) })
	}
	if _, answer := w.ask(t, good); answer["openid"] == nil {
		t.Errorf("the good call is refused: %v", answer)
	}
}

func wantRefusal(t *testing.T, w *world, query url.Values, errcode int) {
	t.Helper()
	response, answer := w.ask(t, query)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("HTTP %d, %s", response.StatusCode, response.Header.Get("Content-Type"))
	}
	if answer["errcode"] != float64(errcode) || len(answer) != 2 {
		t.Errorf("got %v, want errcode %d and errmsg alone", answer, errcode)
	}
	if message, _ := answer["errmsg"].(string); !ridForm.MatchString(message) || message[0] == ',' {
		t.Errorf("errmsg %q", message)
	}
}

func TestOtherMethodsAndPaths(t *testing.T) {
	w := newWorld(t)
	for _, call := range []struct{ method, path, errcode string }{
		{http.MethodPost, "/sns/jscode2session", `"errcode":43001`},
		{http.MethodGet, "/cgi-bin/nothing", `"errcode":40066`},
	} {
		_, body := do(t, call.method, w.url+call.path, nil)
		if matched, _ := regexp.Match(call.errcode, body); !matched {
			t.Errorf("%s %s: %s", call.method, call.path, body)
		}
	}
}

func TestACodeLivesFiveMinutes(t *testing.T) {
	w := newWorld(t)
	young, old := w.phone.Login(), w.phone.Login()
	w.clock.Advance(sandbox.CodeLife - time.Second)
	w.exchange(t, young)
	w.clock.Advance(time.Second)
	w.wantErrcode(t, old, wechat.ErrcodeCodeInvalid)
	w.wantErrcode(t, young, wechat.ErrcodeCodeInvalid)
}

func TestARefusedCallLeavesItsCode(t *testing.T) {
	w := newWorld(t)
	code := w.phone.Login()
	query := w.goodQuery(code)
	query.Set("secret", "wrong")
	w.ask(t, query)
	w.phone.SetBlocked(true)
	w.wantErrcode(t, code, wechat.ErrcodeUserBlocked)
	w.phone.SetBlocked(false)
	w.exchange(t, code)
}

func TestQuotaOfAMinuteIsPerUser(t *testing.T) {
	w := newWorld(t)
	for range sandbox.LoginsPerMinute {
		w.login(t, w.phone)
	}
	code := w.phone.Login()
	w.wantErrcode(t, code, wechat.ErrcodeMinuteQuota)
	w.login(t, w.AddPhone(sandbox.PhoneOptions{}))
	w.clock.Advance(time.Minute)
	w.exchange(t, code)
}

func TestMockCode(t *testing.T) {
	w := newWorld(t)
	first := w.exchange(t, app.MockCode)
	second := w.exchange(t, app.MockCode)
	mock := w.MockPhone(w.phone.Appid())
	if first.OpenID != mock.OpenID() || second.OpenID != mock.OpenID() || mock.OpenID() == w.phone.OpenID() {
		t.Errorf("the mock code logs in %q and %q, its phone is %q", first.OpenID, second.OpenID, mock.OpenID())
	}
	if mock.Login() != app.MockCode {
		t.Error("the developer tools' phone gives another code than the mock one")
	}
	open(t, second.SessionKey, mock.GetUserInfo())
}

func TestOpenidsFollowFromTheSeed(t *testing.T) {
	people := func(seed uint64) (openids []app.OpenID) {
		for _, phone := range sandbox.New(sandbox.Options{Seed: seed}).AddPeople() {
			openids = append(openids, phone.OpenID())
		}
		return openids
	}
	first, again, other := people(7), people(7), people(8)
	for i := range first {
		if len(first[i]) != 28 || first[i] != again[i] || first[i] == other[i] {
			t.Errorf("person %d: %q, again %q, other seed %q", i, first[i], again[i], other[i])
		}
	}
	if len(first) < 12 {
		t.Errorf("only %d people", len(first))
	}
}
