package wechat_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

const (
	phonePath = "/wxa/business/getuserphonenumber"
	madePath  = "/wxa/business/checkencryptedmsg"
	phoneCode = "e31968a7f94cc5ee25fafc2aef2773f0bb8c3937b22520eb8ee345274d00c144"
)

// goodPhone is the answer of WeChat's documentation, with a number: countryCode comes as a number there.
var goodPhone = `{"errcode":0,"errmsg":"ok","phone_info":{"phoneNumber":"13580006666","purePhoneNumber":"13580006666","countryCode":86,` +
	`"watermark":{"timestamp":1637744274,"appid":"` + string(testAppid) + `"}}}`

func TestPhoneNumberOnTheWire(t *testing.T) {
	office := newBackOffice()
	office.answers[phonePath] = func(asked) (string, error) { return goodPhone, nil }
	phone, at, err := atOffice(t, office, wechat.Options{}).PhoneNumber(t.Context(), phoneCode, `o"1`)
	if want := (app.Phone{Number: "13580006666", PureNumber: "13580006666", CountryCode: "86"}); err != nil || phone != want {
		t.Fatalf("%+v, %v", phone, err)
	}
	if at.Unix() != 1637744274 {
		t.Errorf("given at %v", at)
	}
	sent := office.on(phonePath)
	if len(sent) != 1 || sent[0].method != "POST" || sent[0].contentType != "application/json" || sent[0].token() != "token1" ||
		sent[0].body != `{"code":"`+phoneCode+`","openid":"o\"1"}` {
		t.Errorf("sent %+v", sent)
	}
}

// A code is good once and each success costs money: whatever WeChat says, it is asked once, but with another access token.
func TestPhoneNumberIsAskedForOnce(t *testing.T) {
	for name, test := range map[string]struct {
		answer step
		class  wechat.Class
		calls  int
		tokens int
	}{
		"busy":           {busy, wechat.ClassBusy, 1, 1},
		"code":           {answers(errcodeAnswer(40029)), wechat.ClassCodeInvalid, 1, 1},
		"minute's quota": {limited, wechat.ClassLimited, 1, 1},
		"no connection":  {refusedDial, wechat.ClassUnreachable, 1, 1},
		"cut off":        {cutOff, wechat.ClassUnreachable, 1, 1},
		"no answer":      {hangs, wechat.ClassTimeout, 1, 1},
		"token, for good": {
			answers(errcodeAnswer(40001)), wechat.ClassConfiguration, 2, 2,
		},
		"no number":        {answers(`{"errcode":0,"errmsg":"ok"}`), wechat.ClassOdd, 1, 1},
		"an empty number":  {answers(strings.ReplaceAll(goodPhone, "13580006666", "")), wechat.ClassOdd, 1, 1},
		"not an object":    {answers(`{"errcode":0,"phone_info":"13580006666"}`), wechat.ClassOdd, 1, 1},
		"of another appid": {answers(strings.Replace(goodPhone, string(testAppid), "wxother", 1)), wechat.ClassOdd, 1, 1},
		"no watermark":     {answers(strings.Replace(goodPhone, "watermark", "other", 1)), wechat.ClassOdd, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				office := newBackOffice()
				office.answers[phonePath] = func(a asked) (string, error) { return test.answer(a.ctx) }
				phone, _, err := atOffice(t, office, wechat.Options{}).PhoneNumber(t.Context(), phoneCode, "o1")
				failed := failure(t, err)
				if failed.Class() != test.class || failed.API != "getuserphonenumber" || phone != (app.Phone{}) {
					t.Errorf("%s: %v, %+v", failed.Class(), failed, phone)
				}
				if calls, tokens := len(office.on(phonePath)), len(office.on(tokenPath)); calls != test.calls || tokens != test.tokens {
					t.Errorf("%d calls and %d for a token, want %d and %d", calls, tokens, test.calls, test.tokens)
				}
				if strings.Contains(err.Error(), "13580006666") || strings.Contains(err.Error(), phoneCode) {
					t.Errorf("number or code stands in %v", err)
				}
			})
		})
	}
}

func TestARefusedTokenIsReplacedForAPhoneNumber(t *testing.T) {
	for _, errcode := range []int{40001, 40014, 42001} {
		office := newBackOffice()
		office.answers[phonePath] = func(a asked) (string, error) {
			if a.token() == "token1" {
				return errcodeAnswer(errcode), nil
			}
			return goodPhone, nil
		}
		phone, _, err := atOffice(t, office, wechat.Options{}).PhoneNumber(t.Context(), phoneCode, "o1")
		if err != nil || phone.PureNumber == "" || len(office.on(phonePath)) != 2 {
			t.Errorf("%d: %v after %d calls", errcode, err, len(office.on(phonePath)))
		}
	}
}

func TestPhoneNumbersWaitLikeLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		office := newBackOffice()
		office.answers[phonePath] = func(a asked) (string, error) { return hangs(a.ctx) }
		client := atOffice(t, office, wechat.Options{MaxWaiting: 1, Timeout: time.Second})
		go client.PhoneNumber(t.Context(), phoneCode, "o1")
		synctest.Wait()
		_, _, err := client.PhoneNumber(t.Context(), phoneCode, "o1")
		if failed := failure(t, err); failed.Problem != wechat.ProblemWaitingFull {
			t.Error(failed)
		}
	})
}

func TestMadeEncryptedData(t *testing.T) {
	data := wechat.Sealed{Ciphertext: []byte("0123456789abcdef"), IV: make([]byte, 16)}
	for name, test := range map[string]struct {
		hash   wechat.DataHash
		answer string
		made   bool
		failed bool
		sent   string // SHA-256 by sha256sum
	}{
		"made, by text": {wechat.HashText, `{"errcode":0,"errmsg":"ok","vaild":true,"create_time":1629121902}`, true, false,
			"7b95c91398cb469d55772d1d1c8e6dddb889d0ee13c9047620cb856ed421dbb5"},
		"made, by bytes": {wechat.HashBytes, `{"errcode":0,"vaild":1}`, true, false,
			"9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f"},
		"spelled right": {wechat.HashText, `{"errcode":0,"valid":true}`, true, false, ""},
		"not made":      {wechat.HashText, `{"errcode":0,"vaild":false}`, false, false, ""},
		"unknown":       {wechat.HashText, errcodeAnswer(1), false, false, ""},
		"no verdict":    {wechat.HashText, `{"errcode":0}`, false, true, ""},
		"refused":       {wechat.HashText, errcodeAnswer(48001), false, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			office := newBackOffice()
			office.answers[madePath] = func(asked) (string, error) { return test.answer, nil }
			made, err := atOffice(t, office, wechat.Options{}).MadeEncryptedData(t.Context(), data, test.hash)
			if made != test.made || (err != nil) != test.failed {
				t.Errorf("made: %v, %v", made, err)
			}
			if sent := office.on(madePath)[0].body; test.sent != "" && sent != `{"encrypted_msg_hash":"`+test.sent+`"}` {
				t.Errorf("sent %s", sent)
			}
		})
	}
}

func TestAnotherAppsPhoneCodeIsNoConfiguration(t *testing.T) {
	for api, want := range map[string]bool{phonePath: true, tokenPath: false} {
		office := newBackOffice()
		office.answers[api] = func(asked) (string, error) { return errcodeAnswer(40013), nil }
		_, _, err := atOffice(t, office, wechat.Options{}).PhoneNumber(t.Context(), phoneCode, "o1")
		var failed *wechat.Error
		if !errors.As(err, &failed) || failed.OtherAppsCode() != want {
			t.Errorf("%s: %v", api, err)
		}
	}
}
