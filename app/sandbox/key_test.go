package sandbox_test

import (
	"sync"
	"testing"
	"time"

	"wxkeeper/app/sandbox"
)

func TestQuickRepeatedLoginsKeepTheKey(t *testing.T) {
	w := newWorld(t)
	key := w.login(t, w.phone).SessionKey
	w.clock.Advance(sandbox.DefaultKeyRefresh - time.Second)
	if w.login(t, w.phone).SessionKey != key {
		t.Error("a young key was replaced")
	}
	w.clock.Advance(time.Second)
	if w.login(t, w.phone).SessionKey == key {
		t.Error("an old key was kept")
	}
}

func TestAForcedLoginReplacesAYoungKeyOnce(t *testing.T) {
	w := newWorld(t)
	first := w.login(t, w.phone).SessionKey
	w.phone.ReplaceKeyAtLogin()
	second := w.login(t, w.phone).SessionKey
	third := w.login(t, w.phone).SessionKey
	if second == first || third != second {
		t.Error("want one new key, then the same again")
	}
}

func TestAnExpiredKey(t *testing.T) {
	w := newWorld(t)
	key := w.login(t, w.phone).SessionKey
	w.phone.ExpireKey()
	if w.phone.CheckSession() {
		t.Error("wx.checkSession succeeds with a dead key")
	}
	if !opens(key, w.phone.GetUserInfo()) {
		t.Error("only wx.login may replace the key data is sealed under")
	}
	if w.login(t, w.phone).SessionKey == key {
		t.Error("wx.login kept a dead key")
	}
	if !w.phone.CheckSession() {
		t.Error("wx.checkSession fails after a login")
	}
}

func TestAKeyDiesUnusedAndUseKeepsItAlive(t *testing.T) {
	w := newWorld(t)
	w.login(t, w.phone)
	for range 3 {
		w.clock.Advance(sandbox.DefaultKeyLife - time.Second)
		w.phone.GetUserInfo()
	}
	if !w.phone.CheckSession() {
		t.Error("a used key died")
	}
	w.clock.Advance(sandbox.DefaultKeyLife)
	if w.phone.CheckSession() {
		t.Error("an unused key lives on")
	}
}

func TestAKeyReplacedBehindOurBack(t *testing.T) {
	w := newWorld(t)
	ours := w.login(t, w.phone).SessionKey
	other := w.phone.SecondDevice(sandbox.Device{})
	w.login(t, other)
	w.phone.RotateKey()
	if !w.phone.CheckSession() {
		t.Error("this phone sees a rotation it cannot see")
	}
	if other.CheckSession() {
		t.Error("the other device's key is not the live one any more")
	}
	if opens(ours, w.phone.GetUserInfo()) {
		t.Error("data is sealed under the old key")
	}
	open(t, w.login(t, w.phone).SessionKey, w.phone.GetUserInfo())
}

func TestADeadKeyIsNeverHandedOut(t *testing.T) {
	w := newWorld(t)
	code := w.phone.Login()
	dead := w.phone.SessionKey()
	w.phone.ExpireKey()
	if w.exchange(t, code).SessionKey == dead {
		t.Error("WeChat handed out a dead key")
	}
	if !w.phone.CheckSession() {
		t.Error("the key of the last code is not the live one")
	}
}

func TestDataSealedBeforeAnyLoginFitsTheFirstOne(t *testing.T) {
	w := newWorld(t)
	early := w.phone.GetPhoneNumber()
	if w.phone.CheckSession() {
		t.Error("wx.checkSession succeeds before any login")
	}
	open(t, w.login(t, w.phone).SessionKey, early)
}

func TestASecondDeviceSharesTheUserAndTheKey(t *testing.T) {
	w := newWorld(t)
	second := w.phone.SecondDevice(sandbox.Device{})
	code, otherCode := w.phone.Login(), second.Login()
	if code == otherCode {
		t.Fatal("two devices, one code")
	}
	one, two := w.exchange(t, code), w.exchange(t, otherCode)
	if one.OpenID != two.OpenID || one.SessionKey != two.SessionKey {
		t.Error("two devices are not one user with one key")
	}
	if second.Number() == w.phone.Number() {
		t.Error("two devices have one number")
	}
	open(t, one.SessionKey, second.GetUserInfo())
}

func TestDevicesTakeTurnsInvalidatingEachOther(t *testing.T) {
	w := newWorld(t)
	second := w.phone.SecondDevice(sandbox.Device{})
	w.login(t, w.phone)
	w.login(t, second)
	second.ReplaceKeyAtLogin()
	w.login(t, second)
	if w.phone.CheckSession() || !second.CheckSession() {
		t.Error("the first device should see its key gone, the second not")
	}
}

// The race detector judges this one: everything at once, on one user with two devices.
func TestConcurrentUse(t *testing.T) {
	w := newWorld(t)
	second := w.phone.SecondDevice(sandbox.Device{})
	var running sync.WaitGroup
	for _, phone := range []*sandbox.Phone{w.phone, second, w.phone, second} {
		running.Go(func() {
			for range 20 {
				w.login(t, phone)
				phone.GetUserInfo()
				phone.RotateKey()
				phone.SetAnonymous(!phone.Person().Anonymous)
				phone.CheckSession()
				phone.SecondDevice(sandbox.Device{})
				w.Phones()
				w.ClearFaults()
			}
		})
	}
	running.Wait()
	w.login(t, w.phone)
	if !w.phone.CheckSession() {
		t.Error("wx.checkSession fails after the last login")
	}
}
