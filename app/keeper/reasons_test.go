package keeper_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
)

// provoked says for each reason what provokes it. That the event is exact beyond its reason, the tests beside this one say.
var provoked = map[app.Reason]func(*scene){
	// words.md 6.1
	app.LoginFirst:       func(*scene) {},
	app.LoginNewKey:      func(s *scene) { s.house.login("oA", newKey(s.t)) },
	app.LoginSameKey:     func(s *scene) { s.house.login("oA", s.key) },
	app.LoginDuplicate:   loginAtOnce,
	app.LoginLateAnswer:  loginLate,
	app.LoginPrefetch:    prefetch,
	app.LoginCodeInvalid: func(s *scene) { s.exchange(refusal(40029)) },
	app.LoginAppidMismatch: func(s *scene) {
		caller := s.caller()
		caller.Client.Appid = "wxother"
		s.weChatSays(func(string) string { return refusal(40029) })
		s.Login(context.Background(), caller, "some-code")
	},
	app.LoginCodeUsed:      func(s *scene) { s.exchange(refusal(40163)) },
	app.LoginCodeMock:      func(s *scene) { s.Login(context.Background(), s.caller(), app.MockCode) },
	app.LoginCodeMalformed: func(s *scene) { s.Login(context.Background(), s.caller(), "x&y") },
	app.LoginBlocked:       func(s *scene) { s.exchange(refusal(40226)) },
	app.LoginDisabled:      func(s *scene) { s.disable("oA"); s.tryLogin("oA", s.key) },
	app.LoginLimited:       func(s *scene) { s.NoteFailure(s.caller(), app.LoginLimited, "") }, // who is limited, package web decides
	app.LoginLimitedWeChat: func(s *scene) { s.exchange(refusal(45011)) },
	app.LoginWeChatBusy:    func(s *scene) { s.exchange(refusal(-1)) },
	app.LoginWeChatOdd:     func(s *scene) { s.exchange("<html>") },
	app.LoginConfig:        func(s *scene) { s.exchange(refusal(40125)) },
	app.LoginStorage:       storageFails,

	// words.md 6.2
	app.OpenOK: func(s *scene) { s.opens(s.seal(s.key, profileOf("x"))) },
	app.OpenOKPrevious: func(s *scene) {
		s.login = s.house.login("oA", newKey(s.t))
		s.opens(s.seal(s.key, profileOf("x")))
	},
	app.OpenRepaired: func(s *scene) {
		var sealed keeper.Sealed
		for !strings.Contains(sealed.EncryptedData, "+") {
			sealed = s.seal(s.key, profileOf("x"))
		}
		sealed.EncryptedData = strings.ReplaceAll(sealed.EncryptedData, "+", " ")
		s.opens(sealed)
	},
	app.OpenReplayed: func(s *scene) {
		sealed := s.seal(s.key, profileOf("x"))
		s.opens(sealed)
		s.opens(sealed)
	},
	app.OpenNoKeyFits: func(s *scene) { s.refused(s.foreign()) },
	app.OpenKeyDead:   func(s *scene) { s.weChatSaysOfKeys(keyDead); s.refused(s.foreign()); s.told(app.OpenKeyDead) },
	app.OpenOtherKey:  func(s *scene) { s.weChatSaysOfKeys(keyGood); s.refused(s.foreign()); s.told(app.OpenOtherKey) },
	app.OpenDataDamaged: func(s *scene) {
		s.refused(s.signed(s.foreign(), s.key))
	},
	app.OpenPadding: func(s *scene) { s.refused(s.sealedBadly()) },
	app.OpenNotJSON: func(s *scene) { s.refused(s.sealText(s.key, "nonsense")) },
	app.OpenNoWatermark: func(s *scene) {
		s.refused(s.sealText(s.key, `{"nickName":"x"}`))
	},
	app.OpenOtherAppid: func(s *scene) { s.refused(s.marked("wxother", 0)) },
	app.OpenOtherOpenID: func(s *scene) {
		s.refused(s.seal(s.key, payload{"nickName": "x", "openId": "oB"}))
	},
	app.OpenTooOld: func(s *scene) { s.refused(s.marked(appid, -25*time.Hour)) },
	app.OpenFuture: func(s *scene) { s.refused(s.marked(appid, 6*time.Minute)) },
	app.OpenMalformed: func(s *scene) {
		s.refused(keeper.Sealed{EncryptedData: "x", IV: "x"})
	},
	app.OpenLimited: func(s *scene) {
		for range keeper.FailuresAllowed + 1 {
			s.refused(s.foreign())
		}
	},
	app.SignatureOK: func(s *scene) { s.opens(s.signed(s.seal(s.key, profileOf("x")), s.key)) },
	app.SignatureMismatch: func(s *scene) {
		s.refused(s.signed(s.seal(s.key, profileOf("x")), newKey(s.t)))
	},

	// words.md 6.3, as far as it exists
	app.ProfileWasUpdated: func(s *scene) { s.opens(s.seal(s.key, profileOf("x"))) },
	app.ProfileWasAnonymous: func(s *scene) {
		s.opens(s.seal(s.key, profileOf("x")))
		s.opens(s.seal(s.key, profileOf(app.AnonymousNickname)))
	},
	app.ProfileWasOlder: func(s *scene) { s.opens(s.seal(s.key, profileOf("x"))); s.opens(s.marked(appid, -time.Minute)) },
	app.PhoneOK: func(s *scene) {
		s.opens(s.seal(s.key, payload{"phoneNumber": "13800000001", "purePhoneNumber": "13800000001", "countryCode": "86"}))
	},

	app.ProfileRefused:     func(s *scene) { s.says(keeper.ProfileFields{Gender: "9"}) },
	app.ProfileAvatarLocal: func(s *scene) { s.says(keeper.ProfileFields{AvatarURL: "wxfile://tmp_1.jpg"}) },
	app.AvatarStored:       func(s *scene) { s.uploads(jpegOf(s.t, 300)) },
	app.AvatarRefused:      func(s *scene) { s.uploads([]byte("<html>")) },

	// words.md 7
	app.ReportPhoneQuota:      func(s *scene) { s.reports("getPhoneNumber", "1400001", "") },
	app.ReportPhoneNotGranted: func(s *scene) { s.reports("getPhoneNumber", "", "getPhoneNumber:fail no permission") },
	app.ReportPrivacyGuide:    func(s *scene) { s.reports("chooseAvatar", "112", "") },
	app.ReportPrivacyConsent:  func(s *scene) { s.reports("chooseAvatar", "104", "") },
	app.ReportDomain:          func(s *scene) { s.reports("request", "", "request:fail url not in domain list") },
	app.ReportCertificate:     func(s *scene) { s.reports("request", "600001", "") },
	app.ReportTimeout:         func(s *scene) { s.reports("request", "", "request:fail timeout") },
	app.ReportPaymentUser:     func(s *scene) { s.reports("requestVirtualPayment", "-15005", "") },
	app.ReportPaymentApp:      func(s *scene) { s.reports("requestVirtualPayment", "-15006", "") },
	app.ReportDenied:          func(s *scene) { s.reports("getPhoneNumber", "", "getPhoneNumber:fail user deny") },
	app.ReportOther:           func(s *scene) { s.reports("login", "", "login:fail") },
	app.PhoneCodeInvalid:      func(s *scene) { s.tap(phoneCode, refusal(40029)) },
	app.PhoneLoginCode:        func(s *scene) { s.tap(loginCode, refusal(40029)) },
	app.PhoneOtherUser:        func(s *scene) { s.tap(phoneCode, refusal(40003)) },
	app.PhoneNotGranted:       func(s *scene) { s.tap(phoneCode, refusal(48001)) },
	app.PhoneLimited:          func(s *scene) { s.tap(phoneCode, refusal(45011)) },
	app.PhoneConfig:           func(s *scene) { s.tap(phoneCode, refusal(40164)) },
	app.PhoneNoAnswer:         func(s *scene) { s.tap(phoneCode, refusal(-1)) },
	app.PhoneForged: func(s *scene) {
		s.phoneSays(refusal(1))
		s.refused(s.seal(s.key, payload{"phoneNumber": "13800000001", "purePhoneNumber": "13800000001"}))
	},

	// words.md 6.4
	app.KeyConfirmedWeChat: func(s *scene) { s.refused(s.foreign()); s.check(keyGood) },
	app.KeyFoundDead:       func(s *scene) { s.check(keyDead) },
	app.KeyTakenElsewhere:  func(s *scene) { s.opens(s.seal(s.key, profileOf("x"))); s.check(keyDead) },
	app.KeyCheckFailed:     func(s *scene) { s.check(refusal(45011)) },
	app.KeyReset: func(s *scene) {
		s.resets(fmt.Sprintf(`{"errcode":0,"errmsg":"ok","openid":"oA","session_key":%q}`, newKey(s.t).Reveal()))
	},
	app.KeyResetRefused: func(s *scene) { s.resets(refusal(45011)) },
	app.DeviceLogout:    func(s *scene) { s.Logout(context.Background(), s.caller(), s.login.Token.Reveal()) },
	app.DeviceIdle:      func(s *scene) { s.pass(31 * 24 * time.Hour); s.call(s.login.Token) },
	app.DeviceMaxAge: func(s *scene) {
		for range 8 {
			s.pass(25 * 24 * time.Hour)
			s.call(s.login.Token)
		}
	},
	app.DeviceKeyDead: func(s *scene) { s.check(keyDead) },
	app.DeviceForced: func(s *scene) {
		if _, err := s.ForceRelogin(context.Background(), order, s.login.User); err != nil {
			s.t.Error(err)
		}
		s.call(s.login.Token)
	},
	app.DeviceRemoved: func(s *scene) { s.removeDevice(s.devices()[0]) },
	app.TokenUnknown:  func(s *scene) { s.call(app.NewToken()) },

	app.KeyImported: func(s *scene) {
		s.sql("DELETE FROM session_keys")
		s.moves(fmt.Sprintf(`{"openid":"oA","session_key":%q,"session_key_at":"2026-11-20"}`, newKey(s.t).Reveal()))
	},
	app.UserImported: func(s *scene) { s.moves(`{"openid":"oA","external_id":"42"}`) },

	app.BackEndUnknown: func(s *scene) { s.NoteFailure(s.caller(), app.BackEndUnknown, "") },
	app.BackEndLimited: func(s *scene) { s.NoteFailure(s.caller(), app.BackEndLimited, "") },
	app.BackEndNoUser:  func(s *scene) { s.Session(context.Background(), s.caller(), keeper.ByOpenID("oNobody")) },

	// words.md 6.5
	app.ConsentRevoked:   func(s *scene) { s.pushed(wechat.EventUserRevoked, wechat.RevokedPhone) },
	app.ConsentCancelled: func(s *scene) { s.pushed(wechat.EventUserCancelled) },
	app.ConsentUnknown:   func(s *scene) { s.pushed(wechat.EventUserRevoked, 99) },
	app.PushModified:     func(s *scene) { s.pushed(wechat.EventUserInfoModified) },
	app.PushBadSignature: func(s *scene) { s.NoteBadPush(s.caller(), wechat.PushBadSignature) },
}

// provokedElsewhere are the reasons of a WeChat that is not there, or slower than it may be.
var provokedElsewhere = map[app.Reason]string{
	app.LoginWeChatTimeout:     "TestWeChatIsNotThere",
	app.LoginWeChatUnreachable: "TestWeChatIsNotThere",
	app.LoginWaitingFull:       "TestWeChatIsNotThere",
}

// changed are the settings that a reason needs beyond the usual.
var changed = map[app.Reason]func(*keeper.Settings){
	app.OpenKeyDead:   checked,
	app.OpenOtherKey:  checked,
	app.DeviceKeyDead: func(s *keeper.Settings) { s.FollowKey = true },
	app.PhoneForged:   func(s *keeper.Settings) { s.PhoneData = wechat.HashBytes },
}

func TestEveryReasonIsTold(t *testing.T) {
	for reason, provoke := range provoked {
		t.Run(string(reason), func(t *testing.T) {
			t.Parallel()
			var settings []func(*keeper.Settings)
			if change := changed[reason]; change != nil {
				settings = append(settings, change)
			}
			s := newScene(t, settings...)
			provoke(s)
			if reasons := s.happened(); !slices.Contains(reasons, reason) {
				t.Errorf("there are only %v", reasons)
			}
		})
	}
}

// TestEveryReasonHasARow reads app/event.go: whoever adds a reason says here what provokes it.
func TestEveryReasonHasARow(t *testing.T) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "../event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	ast.Inspect(parsed, func(node ast.Node) bool {
		value, isValue := node.(*ast.ValueSpec)
		if !isValue {
			return true
		}
		if kind, named := value.Type.(*ast.Ident); !named || kind.Name != "Reason" {
			return true
		}
		text, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		known++
		reason := app.Reason(text)
		if provoked[reason] == nil && provokedElsewhere[reason] == "" {
			t.Errorf("nothing provokes %s", reason)
		}
		return true
	})
	if known != len(provoked)+len(provokedElsewhere) {
		t.Errorf("%d reasons are declared, %d provoked", known, len(provoked)+len(provokedElsewhere))
	}
}

// TestWeChatIsNotThere provokes what needs another way to WeChat.
func TestWeChatIsNotThere(t *testing.T) {
	hangs := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	refused := func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	for reason, test := range map[app.Reason]struct {
		way    road
		change func(*wechat.Options)
		logins int
	}{
		app.LoginWeChatTimeout:     {hangs, func(o *wechat.Options) { o.Timeout = 20 * time.Millisecond }, 1},
		app.LoginWeChatUnreachable: {refused, func(o *wechat.Options) { o.Timeout = 20 * time.Millisecond }, 1},
		app.LoginWaitingFull:       {hangs, func(o *wechat.Options) { o.Timeout, o.MaxWaiting = time.Second, 1 }, 2},
	} {
		t.Run(string(reason), func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			k := s.over(test.way, test.change)
			var all sync.WaitGroup
			for i := range test.logins {
				all.Go(func() {
					_, err := k.Login(context.Background(), s.caller(), fmt.Sprint("code-", i))
					if app.KindOf(err) != app.WeChatUnavailable {
						t.Errorf("error is %v", err)
					}
				})
			}
			all.Wait()
			k.Close()
			if reasons := s.happened(); !slices.Contains(reasons, reason) {
				t.Errorf("there are only %v", reasons)
			}
		})
	}
}
