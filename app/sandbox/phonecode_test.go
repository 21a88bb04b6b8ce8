package sandbox_test

import (
	"errors"
	"testing"
	"time"

	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
)

func TestPhoneCodes(t *testing.T) {
	second := sandbox.App{Appid: "wx00000000000000b2", Secret: "b2"}
	w := newWorld(t, sandbox.DemoApp(), second)
	ours := w.AddPhone(sandbox.PhoneOptions{Person: sandbox.Person{PhoneNumber: "61234567", CountryCode: "852"}})
	abroad := w.AddPhone(sandbox.PhoneOptions{Appid: second.Appid})
	code := ours.PhoneCode()
	phone, at, err := w.client.PhoneNumber(t.Context(), code, ours.OpenID())
	if err != nil || phone.Number != "85261234567" || phone.PureNumber != "61234567" || phone.CountryCode != "852" || !at.Equal(w.clock.Now()) {
		t.Fatalf("%+v at %v, %v", phone, at, err)
	}
	late := ours.PhoneCode()
	w.clock.Advance(sandbox.CodeLife)
	for name, test := range map[string]struct {
		code    string
		errcode int
	}{
		"used":                {code, wechat.ErrcodeCodeInvalid},
		"late":                {late, wechat.ErrcodeCodeInvalid},
		"of wx.login":         {ours.Login(), wechat.ErrcodeCodeInvalid},
		"of another user":     {w.phone.PhoneCode(), wechat.ErrcodeOpenIDUnknown},
		"of another app":      {abroad.PhoneCode(), wechat.ErrcodeAppidInvalid},
		"empty":               {"", wechat.ErrcodeParameterBad},
		"made of other noise": {"e31968a7", wechat.ErrcodeCodeInvalid},
	} {
		_, _, err := w.client.PhoneNumber(t.Context(), test.code, ours.OpenID())
		var refused *wechat.Error
		if !errors.As(err, &refused) || refused.Errcode != test.errcode {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := w.client.PhoneNumber(t.Context(), ours.PhoneCode(), ""); err != nil {
		t.Errorf("without an openid anybody's code is good: %v", err)
	}
}

func TestMadeData(t *testing.T) {
	w := newWorld(t)
	read := func(sealed sandbox.Sealed) wechat.Sealed {
		data, err := wechat.ReadSealed(sealed.EncryptedData, sealed.IV)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	number, profile := read(w.phone.GetPhoneNumber()), read(w.phone.GetUserInfo())
	for _, hash := range []wechat.DataHash{wechat.HashText, wechat.HashBytes} {
		if made, err := w.client.MadeEncryptedData(t.Context(), number, hash); !made || err != nil {
			t.Errorf("by %s: %v, %v", hash, made, err)
		}
		if made, err := w.client.MadeEncryptedData(t.Context(), profile, hash); made || err != nil {
			t.Errorf("a profile, by %s: %v, %v", hash, made, err)
		}
	}
	w.clock.Advance(sandbox.MadeDataKept - time.Hour)
	if made, err := w.client.MadeEncryptedData(t.Context(), number, wechat.HashText); !made || err != nil {
		t.Errorf("after almost three days: %v, %v", made, err)
	}
	w.clock.Advance(time.Hour)
	if made, err := w.client.MadeEncryptedData(t.Context(), number, wechat.HashText); made || err != nil {
		t.Errorf("after three days: %v, %v", made, err)
	}
}
