package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
)

const (
	pushToken  = "e2ePushToken"
	pushAESKey = "e2eE2eE2eE2eE2eE2eE2eE2eE2eE2eE2eE2eE2eE2e3"
)

// fill sends everything that is kept about somebody.
func (c *caller) fill() {
	c.t.Helper()
	c.sends(sandbox.SealedUserInfo)
	c.sends(sandbox.SealedPhone)
}

// TestErase leaves no trace of somebody in any file, beside a server at work, and somebody new comes back.
func TestErase(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	gone, stays := o.newCaller(t), o.newCaller(t)
	gone.SetPerson(sandbox.Person{Nickname: "将被删除的名字", AvatarURL: "https://thirdwx.qlogo.cn/mmopen/e2e-gone/132"})
	stays.SetPerson(sandbox.Person{Nickname: "留下来的名字"})
	gone.fill()
	stays.fill()
	gone.give(sandbox.Sealed{EncryptedData: "x", IV: "x"}, 5)
	traces := map[string]string{
		"openid": string(gone.OpenID()), "unionid": string(gone.UnionID()), "nickname": "将被删除的名字", "avatar": "e2e-gone",
		"a bit of the nickname": "删除",
	}
	if found := tracesIn(t, o.data, traces); len(found) < len(traces)-1 {
		t.Fatalf("before, only %v is found: this test looks in the wrong place", found)
	}
	token := gone.Token()
	o.says(t, gone.user, "users", "erase", "--user", gone.user, "--reason", "不再使用")
	if found := tracesIn(t, o.data, traces); len(found) > 0 {
		t.Errorf("traces are left: %v", found)
	}
	if found := tracesIn(t, o.data, map[string]string{"": "留下来的名字"}); len(found) == 0 {
		t.Error("the other user is gone too")
	}
	gone.mustPost(t, "/session/", fields{"token": token}, 2)
	o.refusedWith(t, "no user", "users", "erase", "--user", gone.user, "--reason", "x")
	gone.launch()
	if got := gone.session().User; got == gone.user {
		t.Errorf("user %s came back with the old number", got)
	}
	stays.session()
	if report := succeed(t, o.settings, "check"); !strings.HasPrefix(report, "Sound: 2 users") {
		t.Errorf("check: %s", report)
	}
	o.end(t)
}

// TestWithdrawals follows WeChat's daily list.
func TestWithdrawals(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	phone, profile, all := o.newCaller(t), o.newCaller(t), o.newCaller(t)
	for _, c := range []*caller{phone, profile, all} {
		c.fill()
	}
	list := filepath.Join(t.TempDir(), "list.csv")
	write := func(text string) {
		if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("\ufeffOpenID,RevokeInfo\r\n" + string(phone.OpenID()) + ",8\r\n" + string(profile.OpenID()) + ",\"6,12\"\r\n" +
		string(all.OpenID()) + ",\r\n")
	for range 2 { // twice is as good as once
		o.says(t, "3 lines", "users", "withdraw", list)
	}
	users := export(t, o.settings)
	if got := users[string(phone.OpenID())]; got.PhoneNumber != "" || got.NickName == "" {
		t.Errorf("without consent to the phone number: %+v", got)
	}
	if got := users[string(profile.OpenID())]; got.PhoneNumber == "" || got.NickName != "" || got.AvatarURL != "" {
		t.Errorf("without consent to the profile: %+v", got)
	}
	if got, stays := users[string(all.OpenID())]; stays {
		t.Errorf("the account was closed: %+v", got)
	}
	write("OpenID,RevokeInfo\n,8\n")
	ran := command(t, o.settings, "users", "withdraw", list)
	if ran.err == nil || !strings.Contains(ran.stderr, "line 2: no OpenID") || !strings.Contains(ran.stderr, "1 of 1 lines") {
		t.Errorf("a list nobody can read: %v %s", ran.err, ran.stderr)
	}
	o.end(t)
}

// TestMessagePush: WeChat tells, the keeper forgets.
func TestMessagePush(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "WXKEEPER_PUSH_TOKEN="+pushToken, "WXKEEPER_PUSH_AES_KEY="+pushAESKey)
	address := sandbox.PushSettings{URL: o.url + "/wechat/push/", Token: pushToken, EncodingAESKey: pushAESKey}
	wrong := address
	wrong.Token = "another"
	if err := o.weChat.SetPush(t.Context(), "", wrong); err == nil {
		t.Error("a handshake with another Token succeeds")
	}
	if err := o.weChat.SetPush(t.Context(), "", address); err != nil {
		t.Fatal(err)
	}
	phone, profile, all := o.newCaller(t), o.newCaller(t), o.newCaller(t)
	for _, c := range []*caller{phone, profile, all} {
		c.fill()
	}
	for _, err := range []error{
		phone.WithdrawConsent(t.Context(), wechat.RevokedPhone),
		profile.LoseProfile(t.Context()),
		all.CloseAccount(t.Context()),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	users := export(t, o.settings)
	if got := users[string(phone.OpenID())]; got.PhoneNumber != "" || got.NickName == "" {
		t.Errorf("without consent to the phone number: %+v", got)
	}
	if got := users[string(profile.OpenID())]; got.NickName != "" || got.AvatarURL != "" || got.PhoneNumber == "" {
		t.Errorf("the profile was unfit: %+v", got)
	}
	if got, stays := users[string(all.OpenID())]; stays {
		t.Errorf("the account was closed: %+v", got)
	}
	if found := tracesIn(t, o.data, map[string]string{"openid": string(all.OpenID())}); len(found) > 0 {
		t.Errorf("traces are left: %v", found)
	}
	all.mustPost(t, "/session/", fields{"token": all.Token()}, 2)
	if status := o.pushes(t, "?signature=0&timestamp=0&nonce=0", `{"Encrypt":"x"}`); status != http.StatusForbidden {
		t.Errorf("a push without a signature: HTTP %d", status)
	}
	phone.sends(sandbox.SealedPhone) // consent given again
	if export(t, o.settings)[string(phone.OpenID())].PhoneNumber == "" {
		t.Error("the phone number is not stored again")
	}
	o.end(t)
}

// pushes posts to the address of message push.
func (o *office) pushes(t *testing.T, query, body string) (status int) {
	t.Helper()
	response, err := o.client.Post(o.url+"/wechat/push/"+query, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

// TestWithoutPush: what is not set up is not there.
func TestWithoutPush(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if status := o.pushes(t, "", "{}"); status != http.StatusNotFound {
		t.Errorf("HTTP %d", status)
	}
	o.end(t)
}

// TestPrefetch: the key that a cold start replaces is not lost.
func TestPrefetch(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if err := o.weChat.SetPrefetch("", sandbox.Prefetch{URL: o.url + "/prefetch/", NewKey: true}); err != nil {
		t.Fatal(err)
	}
	c := o.newCaller(t)
	for range 3 {
		key, token := c.SessionKey(), c.Token()
		if err := c.MiniProgram.ColdStart(t.Context(), sandbox.Entry{Query: "a=1&b=%zz", Scene: 1089}); err != nil {
			t.Fatal(err)
		}
		if c.SessionKey() == key || c.Token() != token {
			t.Errorf("new key %v, same token %v", c.SessionKey() != key, c.Token() == token)
		}
		c.give(c.GetUserInfo(), 0)
		if got := c.Fetched(); !strings.Contains(got, `"status":0`) || strings.Contains(got, "token") {
			t.Errorf("the mini program finds %s", got)
		}
	}
	o.end(t)
}

// TestOutage: without WeChat everything goes on but logins, and those come back with it.
func TestOutage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c, late := o.newCaller(t), o.newCaller(t)
	c.fill()
	for _, kind := range []sandbox.FaultKind{sandbox.FaultRefuse, sandbox.FaultHang} {
		if err := o.weChat.CutOff(kind); err != nil {
			t.Fatal(err)
		}
		if r := o.mustPost(t, "/login/", fields{"code": late.Login()}, 7); r.took > 10*time.Second {
			t.Errorf("%s: told after %v", kind, r.took)
		}
		if r := c.give(c.GetUserInfo(), 0); r.took > 2*time.Second {
			t.Errorf("%s: opened after %v", kind, r.took)
		}
		c.session()
		c.give(sandbox.Sealed{EncryptedData: c.GetUserInfo().EncryptedData, IV: c.GetUserInfo().IV}, 3)
		o.weChat.Reconnect()
		eventually(t, 15*time.Second, "logins come back", func() bool { return late.Launch(t.Context()) == nil })
	}
	o.end(t)
}
