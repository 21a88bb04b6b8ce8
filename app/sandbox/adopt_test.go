package sandbox_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
)

func someKey(t *testing.T, text string) app.SessionKey {
	t.Helper()
	key, err := app.NewSessionKey(base64.StdEncoding.EncodeToString([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func errcodeOf(err error) int {
	var refused *wechat.Error
	if errors.As(err, &refused) {
		return refused.Errcode
	}
	return 0
}

func TestAdoptedUsersAreAnsweredByTheirState(t *testing.T) {
	w := newWorld(t)
	alive, dead, other := someKey(t, "alive alive aliv"), someKey(t, "dead dead dead d"), someKey(t, "other other othe")
	for _, adopted := range []sandbox.Adopted{
		{OpenID: "oAlive", UnionID: "oUnion", Key: alive, Alive: true, Person: sandbox.Person{Nickname: "晚风"}},
		{OpenID: "oDead", Key: dead},
		{OpenID: "oKeyless"},
	} {
		if err := w.Adopt(adopted); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		openid  app.OpenID
		key     app.SessionKey
		errcode int
	}{
		{"oAlive", alive, 0},
		{"oAlive", other, wechat.ErrcodeSignatureWrong},
		{"oDead", dead, wechat.ErrcodeSignatureWrong},
		{"oKeyless", other, wechat.ErrcodeSignatureWrong},
		{"oNobody", other, wechat.ErrcodeOpenIDUnknown},
	} {
		if got := errcodeOf(w.client.CheckSession(t.Context(), c.openid, c.key)); got != c.errcode {
			t.Errorf("%s: errcode %d, want %d", c.openid, got, c.errcode)
		}
	}
}

func TestAnAdoptedUserLogsInOnAPhone(t *testing.T) {
	w := newWorld(t)
	key := someKey(t, "young young youn")
	adopted := sandbox.Adopted{
		OpenID: "oYoung", UnionID: "oUnion", Key: key, KeyMadeAt: w.clock.Now(), Alive: true, Person: sandbox.Person{Nickname: "晚风"},
	}
	if err := w.Adopt(adopted); err != nil {
		t.Fatal(err)
	}
	phone := w.PhoneOf("oYoung")
	if phone == nil || phone.Person().Nickname != "晚风" || w.PhoneOf("oYoung") != phone {
		t.Fatalf("got %v", phone)
	}
	login := w.login(t, phone)
	if login.OpenID != "oYoung" || login.UnionID != "oUnion" || login.SessionKey != key {
		t.Error("a login as somebody else, or with a key of their own")
	}
	w.clock.Advance(time.Hour)
	if w.login(t, phone).SessionKey == key {
		t.Error("the key is not replaced by a login when it is old")
	}
	if w.PhoneOf("oNobody") != nil {
		t.Error("nobody has a phone")
	}
}

func TestAdoptingSomebodyKnownGivesThemTheirKey(t *testing.T) {
	w := newWorld(t)
	key := someKey(t, "known known know")
	if err := w.Adopt(sandbox.Adopted{OpenID: w.phone.OpenID(), Key: key, KeyMadeAt: w.clock.Now(), Alive: true}); err != nil {
		t.Fatal(err)
	}
	if w.login(t, w.phone).SessionKey != key || w.PhoneOf(w.phone.OpenID()) != w.phone {
		t.Error("a second user was made")
	}
}

func TestNobodyIsAdoptedWithoutAName(t *testing.T) {
	w := newWorld(t)
	if w.Adopt(sandbox.Adopted{}) == nil {
		t.Error("a user without an openid")
	}
	if w.Adopt(sandbox.Adopted{OpenID: "o", Appid: "wx0000000000000000"}) == nil {
		t.Error("a user of an unknown app")
	}
}

func TestControlGivesTheirPhoneToAdoptedUsers(t *testing.T) {
	w := newWorld(t)
	if err := w.Adopt(sandbox.Adopted{OpenID: "oAdopted", Person: sandbox.Person{Nickname: "晚风"}}); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"openid": {"oAdopted"}}
	given := ordered[phoneState](t, http.MethodPost, w.url+"/sandbox/phones", form, http.StatusOK)
	if given.OpenID != "oAdopted" || given.Number != 2 || given.KeyAlive {
		t.Errorf("got %+v", given)
	}
	if again := ordered[phoneState](t, http.MethodPost, w.url+"/sandbox/phones", form, http.StatusOK); again != given {
		t.Errorf("then %+v", again)
	}
	if response, _ := do(t, http.MethodPost, w.url+"/sandbox/phones", url.Values{"openid": {"oNobody"}}); response.StatusCode != http.StatusNotFound {
		t.Errorf("for nobody: HTTP %d", response.StatusCode)
	}
}
