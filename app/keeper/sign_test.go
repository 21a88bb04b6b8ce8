package keeper_test

import (
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

func seconds(n int) *time.Duration {
	age := time.Duration(n) * time.Second
	return &age
}

// TestSignaturesAreWeChats holds signatures against those that WeChat's own documents print: 用户登录态签名 (http-signature), and
// the virtual payment of mini programs and of mini games.
func TestSignaturesAreWeChats(t *testing.T) {
	h := newHouse(t)
	for _, published := range []struct{ key, payload, signature string }{
		{"o0q0otL8aEzpcZL/FT9WsQ==", `{"foo":"bar"}`, "654571f79995b2ce1e149e53c0a33dc39c0a74090db514261454e8dbe432aa0b"},
		{"9hAb/NEYUlkaMBEsmFgzig==", `{"openid": "xxx", "user_ip": "127.0.0.1", "env": 0}`,
			"089d9e8dc5d308977360c4b79ec600a93d736802802a807d634192328032f6c7"},
		{"9hAb/NEYUlkaMBEsmFgzig==", `{"offer_id": "12345678", "openid": "oUrsfxxxxxxxxxx", "ts": 1668136271, "zone_id": "1", "env": 0}`,
			"42fe1d3341fb1c8bd6f5014ba735ab04eacc80a2deb3ab4669eab4700b5b6729"},
	} {
		key, err := app.NewSessionKey(published.key)
		if err != nil {
			t.Fatal(err)
		}
		login := h.login("oA", key)
		for name, who := range map[string]keeper.Who{"openid": keeper.ByOpenID("oA"), "number": keeper.ByNumber(login.User)} {
			signed, err := h.Sign(t.Context(), h.caller(), who, published.payload, nil)
			if err != nil || signed.Signature != published.signature || signed.User != login.User {
				t.Errorf("by %s: %+v, %v; want %s", name, signed, err, published.signature)
			}
		}
	}
}

func TestWhatIsNotSigned(t *testing.T) {
	h := newHouse(t)
	login := h.login("oA", newKey(t))
	h.login("oDisabled", newKey(t))
	if err := h.Disable(t.Context(), order, h.user("oDisabled").Number); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		who     keeper.Who
		payload string
		want    app.Kind
	}{
		"WeChat's own signature": {keeper.ByNumber(login.User), "", app.Malformed},
		"nobody":                 {keeper.ByOpenID("oB"), "x", app.SealedDataUnopened},
		"nobody's number":        {keeper.ByNumber(1), "x", app.SealedDataUnopened},
		"no name":                {keeper.Who{}, "x", app.InvalidToken},
		"disabled":               {keeper.ByOpenID("oDisabled"), "x", app.UserDisabled},
	} {
		if signed, err := h.Sign(t.Context(), h.caller(), test.who, test.payload, nil); app.KindOf(err) != test.want || signed.Signature != "" {
			t.Errorf("%s: %+v, %v", name, signed, err)
		}
	}
	if h.calls != 2 {
		t.Errorf("WeChat was asked %d times", h.calls)
	}
}

// TestMaxAgeAsksWeChat: a key not known to be good lately is checked first, and signs only if it is.
func TestMaxAgeAsksWeChat(t *testing.T) {
	h := newHouse(t)
	h.login("oA", newKey(t))
	asked := 0
	says := func(answer string) func() {
		return func() { h.asksOfKeys(func(string) string { asked++; return answer }) }
	}
	for i, step := range []struct {
		after     time.Duration
		says      func()
		maxAge    *time.Duration
		kind      app.Kind
		asked     int
		confirmed time.Duration // after the login
	}{
		{0, says(keyGood), seconds(0), 0, 0, 0},                                    // WeChat has just given it
		{time.Minute, says(keyGood), seconds(60), 0, 0, 0},                         // young enough
		{time.Second, says(keyGood), nil, 0, 0, 0},                                 // any age
		{0, says(keyGood), seconds(60), 0, 1, 61 * time.Second},                    // too old: asked
		{time.Minute, says(keyGood), seconds(60), 0, 0, time.Minute + time.Second}, // and remembered, to the second
		{10 * time.Second, says(keyGood), seconds(60), 0, 1, 131 * time.Second},    // also where dates are coarse otherwise
		{0, says(keyGood), seconds(60), 0, 0, 131 * time.Second},
		{70 * time.Second, says(refusal(-1)), seconds(60), app.WeChatUnavailable, 0, 0},
		{0, says(refusal(40164)), seconds(60), app.Misconfigured, 0, 0},
		{0, says(refusal(87009)), nil, 0, 0, 131 * time.Second},
		{0, says(refusal(87009)), seconds(60), app.SealedDataUnopened, 1, 0},
		{0, says(keyGood), nil, app.SealedDataUnopened, 0, 0}, // dead is dead, whatever age was asked for
	} {
		h.pass(step.after)
		step.says()
		before := asked
		signed, err := h.Sign(t.Context(), h.caller(), keeper.ByOpenID("oA"), "x", step.maxAge)
		if step.kind != 0 && app.KindOf(err) != step.kind || step.kind == 0 && err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if step.kind == 0 && !signed.ConfirmedAt.Equal(start.Add(step.confirmed)) {
			t.Errorf("step %d: confirmed at %s", i, signed.ConfirmedAt)
		}
		if step.kind != app.WeChatUnavailable && step.kind != app.Misconfigured && asked-before != step.asked {
			t.Errorf("step %d: WeChat was asked %d times", i, asked-before)
		}
	}
	h.login("oA", newKey(t))
	if _, err := h.Sign(t.Context(), h.caller(), keeper.ByOpenID("oA"), "x", seconds(0)); err != nil {
		t.Errorf("after the next login: %v", err)
	}
}

// TestASuspectKeyIsCheckedWhateverItsAge: something did not open since WeChat gave the key.
func TestASuspectKeyIsCheckedWhateverItsAge(t *testing.T) {
	h := newHouse(t)
	h.login("oA", newKey(t))
	asked := 0
	h.asksOfKeys(func(string) string { asked++; return keyGood })
	h.pass(time.Minute)
	if _, err := h.Open(t.Context(), h.caller(), keeper.ByOpenID("oA"), h.seal(newKey(t), profileOf("x"))); err == nil {
		t.Fatal("it opens")
	}
	for range 2 { // the second time it is known to be good again
		if _, err := h.Sign(t.Context(), h.caller(), keeper.ByOpenID("oA"), "x", seconds(3600)); err != nil || asked != 1 {
			t.Errorf("asked %d times, %v", asked, err)
		}
	}
}

// TestALoginDuringTheCheckSigns: the key that a login brings while WeChat is asked about the old one is as good as can be.
func TestALoginDuringTheCheckSigns(t *testing.T) {
	h := newHouse(t)
	h.login("oA", newKey(t))
	h.pass(time.Hour)
	var once sync.Once
	fresh := newKey(t)
	h.asksOfKeys(func(string) string {
		once.Do(func() { h.login("oA", fresh) })
		return refusal(87009)
	})
	signed, err := h.Sign(t.Context(), h.caller(), keeper.ByOpenID("oA"), "x", seconds(60))
	if err != nil {
		t.Fatal(err)
	}
	with, err := h.Sign(t.Context(), h.caller(), keeper.ByOpenID("oA"), "x", nil)
	if err != nil || with.Signature != signed.Signature || !signed.ConfirmedAt.Equal(start.Add(time.Hour)) {
		t.Errorf("%+v and %+v, %v", signed, with, err)
	}
}

// TestABackEndNamesItsUser: what a token's holder may do, a back end may for a user it names; nothing of it needs or makes a session.
func TestABackEndNamesItsUser(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	if login.OpenID != "oA" || !login.New || h.login("oA", key).New {
		t.Errorf("login is %+v", login)
	}
	for _, who := range []keeper.Who{keeper.ByOpenID("oA"), keeper.ByNumber(login.User)} {
		opened, err := h.Open(t.Context(), h.caller(), who, h.seal(key, profileOf("小明")))
		if err != nil || opened.Profile.Nickname != "小明" {
			t.Errorf("opened %+v, %v", opened, err)
		}
		session, err := h.Session(t.Context(), h.caller(), who)
		if err != nil || session.User != login.User || session.ExpiresIn != 0 || session.Next != app.NextOK {
			t.Errorf("session is %+v, %v", session, err)
		}
	}
	if _, err := h.Open(t.Context(), h.caller(), keeper.ByOpenID("oB"), h.seal(key, profileOf("x"))); app.KindOf(err) != app.SealedDataUnopened {
		t.Errorf("of somebody else: %v", err)
	}
	if _, err := h.Open(t.Context(), h.caller(), keeper.ByOpenID("oA"), h.seal(newKey(t), profileOf("x"))); app.ReasonOf(err) != app.OpenNoKeyFits {
		t.Errorf("under a foreign key: %v", err)
	}
}

// TestFailuresAreLimitedByUser: a back end that names users has no session to count by; one user's failures are not another's.
func TestFailuresAreLimitedByUser(t *testing.T) {
	h := newHouse(t)
	h.login("oA", newKey(t))
	other := newKey(t)
	h.login("oB", other)
	var err error
	for range keeper.FailuresAllowed + 1 {
		_, err = h.Open(t.Context(), h.caller(), keeper.ByOpenID("oA"), h.seal(newKey(t), profileOf("x")))
	}
	if app.KindOf(err) != app.TooManyRequests {
		t.Errorf("after %d failures: %v", keeper.FailuresAllowed, err)
	}
	if _, err := h.Open(t.Context(), h.caller(), keeper.ByOpenID("oB"), h.seal(other, payload{"nickName": "x", "openId": "oB"})); err != nil {
		t.Errorf("another user: %v", err)
	}
}

// asksOfKeys lets WeChat think about keys.
func (h *house) asksOfKeys(check func(openid string) string) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.check = check
}
