package sandbox_test

import (
	"maps"
	"net/url"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
)

// check asks the emulator by a real client whether the key is the phone's live one, and gives the errcode.
func (w *world) check(t *testing.T, phone *sandbox.Phone, key app.SessionKey) (errcode int) {
	t.Helper()
	err := w.client.CheckSession(t.Context(), phone.OpenID(), key)
	if err == nil {
		return 0
	}
	return wantFailure(t, err).Errcode
}

func (w *world) reset(t *testing.T, phone *sandbox.Phone, key app.SessionKey) (app.SessionKey, int) {
	t.Helper()
	renewed, _, err := w.client.ResetUserSessionKey(t.Context(), phone.OpenID(), key)
	if err == nil {
		return renewed, 0
	}
	return renewed, wantFailure(t, err).Errcode
}

func TestACheckTellsTheLiveKeyFromEveryOther(t *testing.T) {
	w := newWorld(t)
	first := w.login(t, w.phone).SessionKey
	if got := w.check(t, w.phone, first); got != 0 {
		t.Errorf("the live key: %d", got)
	}
	w.phone.RotateKey()
	if got := w.check(t, w.phone, first); got != wechat.ErrcodeSignatureWrong {
		t.Errorf("a key replaced elsewhere: %d", got)
	}
	second := w.login(t, w.phone).SessionKey
	if got := w.check(t, w.phone, second); got != 0 {
		t.Errorf("the key after the next login: %d", got)
	}
	w.phone.ExpireKey()
	if got := w.check(t, w.phone, second); got != wechat.ErrcodeSignatureWrong {
		t.Errorf("a dead key: %d", got)
	}
}

func TestACheckIsNoUse(t *testing.T) {
	w := newWorld(t)
	key := w.login(t, w.phone).SessionKey
	w.clock.Advance(sandbox.DefaultKeyLife - time.Second)
	w.ExpireTokens()
	if got := w.check(t, w.phone, key); got != 0 {
		t.Errorf("shortly before its end: %d", got)
	}
	w.clock.Advance(time.Second)
	if got := w.check(t, w.phone, key); got != wechat.ErrcodeSignatureWrong {
		t.Errorf("at its end: %d", got)
	}
}

func TestAResetKillsTheKeyOnEveryPhone(t *testing.T) {
	w := newWorld(t)
	second := w.phone.SecondDevice(sandbox.Device{})
	w.login(t, second)
	old := w.login(t, w.phone).SessionKey
	renewed, errcode := w.reset(t, w.phone, old)
	if errcode != 0 || renewed == old || renewed != w.phone.SessionKey() {
		t.Fatalf("errcode %d, another key: %v", errcode, renewed != old)
	}
	if w.phone.CheckSession() || second.CheckSession() {
		t.Error("wx.checkSession succeeds after a reset")
	}
	if sealed := w.phone.GetUserInfo(); opens(old, sealed) || !opens(renewed, sealed) {
		t.Error("data should be sealed under the new key")
	}
	if w.check(t, w.phone, old) != wechat.ErrcodeSignatureWrong || w.check(t, w.phone, renewed) != 0 {
		t.Error("a check should find the old key dead and the new one live")
	}
	if w.login(t, w.phone).SessionKey != renewed || !w.phone.CheckSession() {
		t.Error("the next login should confirm the new key")
	}
}

func TestAResetKeyInheritsTheEndOfTheOldOne(t *testing.T) {
	w := newWorld(t)
	old := w.login(t, w.phone).SessionKey
	w.clock.Advance(sandbox.DefaultKeyLife - time.Second)
	renewed, errcode := w.reset(t, w.phone, old)
	if errcode != 0 || w.check(t, w.phone, renewed) != 0 {
		t.Fatalf("errcode %d", errcode)
	}
	w.clock.Advance(time.Second)
	if w.check(t, w.phone, renewed) != wechat.ErrcodeSignatureWrong {
		t.Error("the new key outlives the old one's end")
	}
}

func TestResetsAreRefused(t *testing.T) {
	w := newWorld(t)
	key := w.login(t, w.phone).SessionKey
	if _, errcode := w.reset(t, w.phone, w.MockPhone(w.phone.Appid()).SessionKey()); errcode != wechat.ErrcodeSignatureWrong {
		t.Errorf("with another key: %d", errcode)
	}
	key, _ = w.reset(t, w.phone, key)
	w.clock.Advance(sandbox.ResetPause - time.Second)
	if _, errcode := w.reset(t, w.phone, key); errcode != wechat.ErrcodeMinuteQuota {
		t.Errorf("too soon: %d", errcode)
	}
	other := w.AddPhone(sandbox.PhoneOptions{})
	if _, errcode := w.reset(t, other, w.login(t, other).SessionKey); errcode != 0 {
		t.Errorf("another user: %d", errcode)
	}
	w.clock.Advance(time.Second)
	if key, _ = w.reset(t, w.phone, key); key != w.phone.SessionKey() {
		t.Error("not reset after the pause")
	}
	w.phone.ExpireKey()
	if _, errcode := w.reset(t, w.phone, key); errcode != wechat.ErrcodeNoSessionKey {
		t.Errorf("a dead key: %d", errcode)
	}
}

func TestEveryErrcodeOfTheSignedCalls(t *testing.T) {
	other := sandbox.App{Appid: "wx0000000000000002", Secret: "s"}
	w := newWorld(t, sandbox.DemoApp(), other)
	elsewhere := w.AddPhone(sandbox.PhoneOptions{Appid: other.Appid, Owner: w.phone})
	key := w.login(t, w.phone).SessionKey
	good := url.Values{
		"access_token": {tokenOf(t, w.askStable(t, false), 7200)},
		"openid":       {string(w.phone.OpenID())},
		"signature":    {wechat.SignLogin(key, nil)},
		"sig_method":   {"hmac_sha256"},
	}
	for name, test := range map[string]struct {
		field, value string
		errcode      int
	}{
		"no token":              {"access_token", "", 41001},
		"no openid":             {"openid", "", wechat.ErrcodeParameterBad},
		"no signature":          {"signature", "", wechat.ErrcodeParameterBad},
		"no method":             {"sig_method", "", wechat.ErrcodeParameterBad},
		"other method":          {"sig_method", "sha1", wechat.ErrcodeSignatureMethod},
		"unknown openid":        {"openid", "oNobody", wechat.ErrcodeOpenIDUnknown},
		"openid of another app": {"openid", string(elsewhere.OpenID()), wechat.ErrcodeOpenIDUnknown},
		"signed the openid":     {"signature", wechat.SignLogin(key, []byte(w.phone.OpenID())), wechat.ErrcodeSignatureWrong},
	} {
		t.Run(name, func(t *testing.T) {
			query := maps.Clone(good)
			query.Set(test.field, test.value)
			refusedWith(t, w.read(t, "/wxa/checksession", query), test.errcode)
			refusedWith(t, w.read(t, "/wxa/resetusersessionkey", query), test.errcode)
		})
	}
	if answer := w.read(t, "/wxa/checksession", good); answer["errcode"] != 0.0 || answer["errmsg"] != "ok" || len(answer) != 2 {
		t.Errorf("the good call: %v", answer)
	}
	if answer := w.read(t, "/wxa/resetusersessionkey", good); answer["errcode"] != 0.0 || answer["openid"] != string(w.phone.OpenID()) {
		t.Errorf("the good call: %v", answer)
	}
	refusedWith(t, w.post(t, "/wxa/checksession?"+good.Encode(), ""), 43001)
}

func TestAClientHealsATokenThatEnded(t *testing.T) {
	w := newWorld(t)
	key := w.login(t, w.phone).SessionKey
	for range 2 {
		if got := w.check(t, w.phone, key); got != 0 {
			t.Errorf("errcode %d", got)
		}
		w.ExpireTokens()
	}
	if asked := w.CallsOf(sandbox.APIStableToken); asked != 2 {
		t.Errorf("%d tokens were asked for", asked)
	}
}
