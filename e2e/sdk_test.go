package e2e

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/miniprogram"
	"github.com/silenceper/wechat/v2/miniprogram/config"
	"github.com/silenceper/wechat/v2/miniprogram/encryptor"
	"github.com/silenceper/wechat/v2/util"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
)

// emulator is the sandbox's WeChat, with an SDK of another author that takes it for the real one.
type emulator struct {
	*sandbox.WeChat
	clock atomic.Int64 // seconds it is ahead
	phone *sandbox.Phone
}

// newEmulator points the SDK, whose addresses are fixed, to an emulator. Tests that use it cannot run side by side.
func newEmulator(t *testing.T) *emulator {
	e := &emulator{}
	e.WeChat = sandbox.New(sandbox.Options{Clock: func() time.Time {
		return time.Now().Add(time.Duration(e.clock.Load()) * time.Second)
	}})
	e.phone = e.AddPhone(sandbox.PhoneOptions{Person: sandbox.Person{
		Nickname: "小林🍵👨‍👩‍👧", Gender: 2, City: "成都", Province: "四川", Country: "中国", PhoneNumber: "13912345678",
	}})
	server := httptest.NewServer(e)
	util.SetURIModifier(func(address string) string {
		return strings.Replace(address, "https://api.weixin.qq.com", server.URL, 1)
	})
	t.Cleanup(func() {
		util.SetURIModifier(nil)
		server.Close()
	})
	return e
}

// sdk is the SDK of the emulator's mini program.
func (e *emulator) sdk(secret app.Secret) *miniprogram.MiniProgram {
	return miniprogram.NewMiniProgram(&config.Config{
		AppID: string(e.Apps()[0].Appid), AppSecret: secret.Reveal(), Cache: cache.NewMemory(),
	})
}

func TestSDKLogsInAtTheSandbox(t *testing.T) {
	e := newEmulator(t)
	got, err := e.sdk(e.Apps()[0].Secret).GetAuth().Code2Session(e.phone.Login())
	if err != nil {
		t.Fatal(err)
	}
	if got.OpenID != string(e.phone.OpenID()) || got.UnionID != string(e.phone.UnionID()) || got.UnionID == "" {
		t.Errorf("openid %q and unionid %q", got.OpenID, got.UnionID)
	}
	if got.SessionKey != e.phone.SessionKey().Reveal() || len(got.SessionKey) != 24 {
		t.Error("not the phone's session key")
	}
	if got.ErrCode != 0 || got.ErrMsg != "" {
		t.Errorf("a success with errcode %d %q", got.ErrCode, got.ErrMsg)
	}
}

func TestSDKUnderstandsTheSandboxsErrors(t *testing.T) {
	e := newEmulator(t)
	good := e.Apps()[0].Secret
	used, expired := e.phone.Login(), e.phone.Login()
	if _, err := e.sdk(good).GetAuth().Code2Session(used); err != nil {
		t.Fatal(err)
	}
	blocked := e.AddPhone(sandbox.PhoneOptions{})
	blocked.SetBlocked(true)
	tests := []struct {
		name    string
		secret  app.Secret
		code    func() string
		errcode string
	}{
		{"unknown code", good, func() string { return "0unknown" }, "40029"},
		{"used code", good, func() string { return used }, "40163"},
		{"no code", good, func() string { return "" }, "41008"},
		{"wrong secret", "00000000000000000000000000000000", e.phone.Login, "40125"},
		{"no secret", "", e.phone.Login, "41004"},
		{"blocked user", good, blocked.Login, "40226"},
		{"expired code", good, func() string { e.clock.Add(301); return expired }, "40029"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := e.sdk(test.secret).GetAuth().Code2Session(test.code())
			if err == nil || !strings.Contains(err.Error(), "errcode="+test.errcode+" ") {
				t.Errorf("got %v, want errcode %s", err, test.errcode)
			}
			if got.SessionKey != "" || got.OpenID != "" || !strings.Contains(got.ErrMsg, "rid: ") {
				t.Errorf("a refusal holds %+v", got)
			}
		})
	}
}

func TestSDKMeetsTheSandboxsFaults(t *testing.T) {
	e := newEmulator(t)
	auth := e.sdk(e.Apps()[0].Secret).GetAuth()
	for kind, want := range map[sandbox.FaultKind]string{
		sandbox.FaultBusy:  "errcode=-1 ",
		sandbox.FaultQuota: "errcode=45011 ",
		sandbox.Fault5xx:   "statusCode=502",
		sandbox.FaultEmpty: "unexpected end of JSON input",
		sandbox.FaultCut:   "", // whatever the network says
	} {
		if err := e.Fail(sandbox.Fault{Kind: kind, Calls: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.Code2Session(e.phone.Login()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", kind, err)
		}
		e.ClearFaults() // a call that was cut may have been repeated by the SDK's transport
	}
	if _, err := auth.Code2Session(e.phone.Login()); err != nil {
		t.Errorf("not well again: %v", err)
	}
}

// TestSDKDecryptsEveryKind opens what the phones seal, with the session key that the emulator gave the SDK.
func TestSDKDecryptsEveryKind(t *testing.T) {
	e := newEmulator(t)
	sdk := e.sdk(e.Apps()[0].Secret)
	session, err := sdk.GetAuth().Code2Session(e.phone.Login())
	if err != nil {
		t.Fatal(err)
	}
	decrypt := func(data sandbox.Sealed) *encryptor.PlainData {
		t.Helper()
		plain, err := sdk.GetEncryptor().Decrypt(session.SessionKey, data.EncryptedData, data.IV)
		if err != nil {
			t.Fatal(err) // the SDK checks the watermark's appid
		}
		if age := time.Now().Unix() - plain.Watermark.Timestamp; age < 0 || age > 60 {
			t.Errorf("sealed %d s ago", age)
		}
		return plain
	}
	who := e.phone.Person()
	info := decrypt(e.phone.GetUserInfo())
	if info.OpenID != string(e.phone.OpenID()) || info.UnionID != string(e.phone.UnionID()) || info.NickName != who.Nickname ||
		info.Gender != 2 || info.City != who.City || info.Country != who.Country || info.AvatarURL != who.AvatarURL {
		t.Errorf("userinfo: %+v", info)
	}
	if got := decrypt(e.phone.GetUserProfile()); got.OpenID != "" || got.UnionID != "" || got.NickName != who.Nickname {
		t.Errorf("profile: %+v", got)
	}
	if got := decrypt(e.phone.GetPhoneNumber()); got.PurePhoneNumber != who.PhoneNumber || got.CountryCode != "86" || got.OpenID != "" {
		t.Errorf("phone: %+v", got)
	}
	if got := decrypt(e.phone.GetShareInfo()); got.OpenGID == "" {
		t.Errorf("share: %+v", got)
	}
	run := e.phone.GetWeRunData()
	decrypt(run)
	if days, err := sdk.GetWeRun().GetWeRunData(session.SessionKey, run.EncryptedData, run.IV); err != nil || len(days.StepInfoList) != 31 {
		t.Errorf("run data: %v %+v", err, days)
	}
	if got := openGID(t, session.SessionKey, e.phone.GetGroupEnterInfo()); got != decrypt(e.phone.GetShareInfo()).OpenGID {
		t.Errorf("group: %q", got)
	}
}

// openGID reads the spelling that the SDK has no field for.
func openGID(t *testing.T, key string, data sandbox.Sealed) string {
	t.Helper()
	text, err := encryptor.GetCipherText(key, data.EncryptedData, data.IV)
	if err != nil {
		t.Fatal(err)
	}
	var group map[string]json.RawMessage
	var id string
	if err := json.Unmarshal(text, &group); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(group["opengid"], &id); err != nil {
		t.Fatal(err)
	}
	return id
}

// TestSDKDoesNotOpenUnderADeadKey: once wx.login has brought a new key, the old one opens nothing.
func TestSDKDoesNotOpenUnderADeadKey(t *testing.T) {
	e := newEmulator(t)
	sdk := e.sdk(e.Apps()[0].Secret)
	old, err := sdk.GetAuth().Code2Session(e.phone.Login())
	if err != nil {
		t.Fatal(err)
	}
	e.phone.ExpireKey()
	renewed, err := sdk.GetAuth().Code2Session(e.phone.Login())
	if err != nil || renewed.SessionKey == old.SessionKey || renewed.OpenID != old.OpenID {
		t.Fatalf("%v %+v", err, renewed.OpenID)
	}
	data := e.phone.GetUserInfo()
	if _, err := sdk.GetEncryptor().Decrypt(old.SessionKey, data.EncryptedData, data.IV); err == nil {
		t.Error("the old key opens new data")
	}
	if _, err := sdk.GetEncryptor().Decrypt(renewed.SessionKey, data.EncryptedData, data.IV); err != nil {
		t.Error(err)
	}
}
