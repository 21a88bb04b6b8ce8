package keeper_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

func TestLoginTellsWhatBecameOfTheKey(t *testing.T) {
	h := newHouse(t)
	first, second := newKey(t), newKey(t)
	tokens := map[string]bool{}
	var user app.UserNumber
	for i, step := range []struct {
		key    app.SessionKey
		reason app.Reason
		keys   int
	}{
		{first, app.LoginFirst, 1},
		{first, app.LoginSameKey, 1},
		{second, app.LoginNewKey, 2},
		{second, app.LoginSameKey, 2},
		{newKey(t), app.LoginNewKey, 3},
		{newKey(t), app.LoginNewKey, 4},
	} {
		h.pass(time.Minute)
		login := h.login("oA", step.key)
		tokens[login.Token.Reveal()] = true
		if user != 0 && login.User != user {
			t.Errorf("step %d: user number changed", i)
		}
		user = login.User
		event := h.lastEvent("oA")
		if event.Reason != step.reason || event.Fingerprint != h.ring.Fingerprint(step.key) {
			t.Errorf("step %d: event %s %s", i, event.Reason, event.Fingerprint)
		}
		if event.Client.Version != "12" || event.Client.Platform != app.PlatformIOS || event.RequestID == "" {
			t.Errorf("step %d: the event does not say who called: %+v", i, event)
		}
		keys := h.keys("oA")
		if len(keys) != step.keys || keys[0].Fingerprint != h.ring.Fingerprint(step.key) || !keys[0].Current() {
			t.Errorf("step %d: %d keys, newest %s", i, len(keys), keys[0].Fingerprint)
		}
		for j, key := range keys {
			if j > 0 && key.Current() || (len(key.Sealed) > 0) != (j < app.KeysKept) {
				t.Errorf("step %d: key %d: superseded %v, %d bytes", i, j, key.SupersededAt, len(key.Sealed))
			}
		}
	}
	if len(tokens) != 6 {
		t.Errorf("%d different tokens", len(tokens))
	}
	if confirmed := h.keys("oA")[2]; confirmed.ConfirmedBy != app.ConfirmedByLogin || confirmed.ConfirmedAt.IsZero() {
		t.Errorf("a key given again is not confirmed: %+v", confirmed)
	}
}

func TestLateAnswerKeepsTheNewerKey(t *testing.T) {
	h := newHouse(t)
	slow, fast := newKey(t), newKey(t)
	asked, release := make(chan struct{}), make(chan struct{})
	h.weChatSays(func(code string) string {
		key := fast
		if code == "slow" {
			key = slow
			close(asked)
			<-release
		}
		return fmt.Sprintf(`{"openid":"oA","session_key":%q}`, key.Reveal())
	})
	late := make(chan error)
	go func() {
		_, err := h.Login(context.Background(), h.caller(), "slow")
		late <- err
	}()
	<-asked
	if _, err := h.Login(context.Background(), h.caller(), "fast"); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := <-late; err != nil {
		t.Fatal(err)
	}
	if event := h.lastEvent("oA"); event.Reason != app.LoginLateAnswer {
		t.Errorf("event is %s", event.Reason)
	}
	keys := h.keys("oA")
	if len(keys) != 2 || keys[0].Fingerprint != h.ring.Fingerprint(fast) || keys[1].Current() {
		t.Errorf("keys are %+v", keys)
	}
	token := h.login("oA", fast).Token
	if _, err := h.open(token, h.seal(slow, payload{"nickName": "小明"})); err != nil {
		t.Errorf("data sealed under the late key: %v", err)
	}
}

func TestOneCodeAtOnceIsAskedOnce(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	release := make(chan struct{})
	h.weChatSays(func(string) string {
		<-release
		return fmt.Sprintf(`{"openid":"oA","session_key":%q}`, key.Reveal())
	})
	const callers = 8
	logins := make([]keeper.Login, callers)
	var begun, all sync.WaitGroup
	begun.Add(callers)
	for i := range callers {
		all.Go(func() {
			begun.Done()
			var err error
			if logins[i], err = h.Login(context.Background(), h.caller(), "same-code"); err != nil {
				t.Error(err)
			}
		})
	}
	begun.Wait()
	time.Sleep(50 * time.Millisecond) // whoever is still not waiting would ask again, and fail the test for another reason
	close(release)
	all.Wait()
	if h.calls != 1 {
		t.Errorf("WeChat was asked %d times", h.calls)
	}
	tokens := map[string]bool{}
	for _, login := range logins {
		tokens[login.Token.Reveal()] = true
	}
	if len(tokens) != callers {
		t.Errorf("%d different tokens for %d callers", len(tokens), callers)
	}
	events, err := h.store.Read().EventsOf(context.Background(), h.user("oA").LastEvent, 100)
	if err != nil {
		t.Fatal(err)
	}
	duplicates := 0
	for _, event := range events {
		if event.Reason == app.LoginDuplicate {
			duplicates++
		}
	}
	if len(events) != callers || duplicates != callers-1 {
		t.Errorf("%d events, %d of duplicates", len(events), duplicates)
	}
}

func TestFailedLoginsSayWhy(t *testing.T) {
	for name, test := range map[string]struct {
		code   string
		answer string
		from   app.Appid
		kind   app.Kind
		reason app.Reason
	}{
		"invalid":        {answer: `{"errcode":40029,"errmsg":"invalid code, rid: 6541-abc"}`, kind: app.InvalidCode, reason: app.LoginCodeInvalid},
		"other appid":    {answer: `{"errcode":40029,"errmsg":"invalid code, rid: 6541-abc"}`, from: "wxother", kind: app.InvalidCode, reason: app.LoginAppidMismatch},
		"used":           {answer: `{"errcode":40163,"errmsg":"code been used, rid: 6541-abc"}`, kind: app.InvalidCode, reason: app.LoginCodeUsed},
		"blocked":        {answer: `{"errcode":40226,"errmsg":"code blocked, rid: 6541-abc"}`, kind: app.BlockedByWeChat, reason: app.LoginBlocked},
		"limited":        {answer: `{"errcode":45011,"errmsg":"api minute-quota, rid: 6541-abc"}`, kind: app.TooManyRequests, reason: app.LoginLimitedWeChat},
		"day quota":      {answer: `{"errcode":45009,"errmsg":"reach max api daily quota limit, rid: 6541-abc"}`, kind: app.WeChatUnavailable, reason: app.LoginWeChatBusy},
		"secret":         {answer: `{"errcode":40125,"errmsg":"invalid appsecret, rid: 6541-abc"}`, kind: app.Misconfigured, reason: app.LoginConfig},
		"appid":          {answer: `{"errcode":40013,"errmsg":"invalid appid, rid: 6541-abc"}`, kind: app.Misconfigured, reason: app.LoginConfig},
		"address":        {answer: `{"errcode":40164,"errmsg":"invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist, rid: 6541-abc"}`, kind: app.Misconfigured, reason: app.LoginConfig},
		"busy":           {answer: `{"errcode":-1,"errmsg":"system error, rid: 6541-abc"}`, kind: app.WeChatUnavailable, reason: app.LoginWeChatBusy},
		"unheard-of":     {answer: `{"errcode":99999,"errmsg":"what, rid: 6541-abc"}`, kind: app.WeChatUnavailable, reason: app.LoginWeChatOdd},
		"empty":          {answer: ``, kind: app.WeChatUnavailable, reason: app.LoginWeChatOdd},
		"page":           {answer: `<html>`, kind: app.WeChatUnavailable, reason: app.LoginWeChatOdd},
		"no session key": {answer: `{"openid":"oA"}`, kind: app.WeChatUnavailable, reason: app.LoginWeChatOdd},
		"mock code":      {code: app.MockCode, kind: app.InvalidCode, reason: app.LoginCodeMock},
		"odd code":       {code: "x&appid=evil", kind: app.Malformed, reason: app.LoginCodeMalformed},
		"long code":      {code: strings.Repeat("x", 129), kind: app.Malformed, reason: app.LoginCodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.weChatSays(func(string) string { return test.answer })
			code := test.code
			if code == "" {
				code = "some-code"
			}
			caller := h.caller()
			if test.from != "" {
				caller.Client.Appid = test.from
			}
			_, err := h.Login(t.Context(), caller, code)
			if app.KindOf(err) != test.kind || app.ReasonOf(err) != test.reason {
				t.Fatalf("error is %v", err)
			}
			if strings.Contains(err.Error(), "planted-app-secret") {
				t.Error("the error shows the app secret")
			}
			events := h.strangers()
			if len(events) != 1 || events[0].Reason != test.reason || events[0].RequestID != caller.RequestID {
				t.Fatalf("events are %+v", events)
			}
			if strings.Contains(test.answer, "rid:") && events[0].Rid != "6541-abc" {
				t.Errorf("rid is %q", events[0].Rid)
			}
			switch name {
			case "other appid":
				if d := events[0].Detail; d.OtherAppid != "wxother" || d.OurAppid != appid {
					t.Errorf("detail is %+v", d)
				}
			case "address":
				if d := events[0].Detail; d.Address != "203.0.113.9" {
					t.Errorf("detail is %+v", d)
				}
			case "busy":
				if events[0].Detail.Tries < 2 || h.calls > 4 {
					t.Errorf("tried %d times, %d calls", events[0].Detail.Tries, h.calls)
				}
			case "mock code", "odd code", "long code":
				if h.calls != 0 {
					t.Error("WeChat was asked")
				}
			}
		})
	}
}

// TestLimitsSayWhenToComeAgain: WeChat's limits and ours, whatever it was asked for.
func TestLimitsSayWhenToComeAgain(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		kind   app.Kind
		wait   time.Duration
	}{
		"a minute's quota": {refusal(45011), app.TooManyRequests, time.Minute},
		"a day's quota":    {refusal(45009), app.WeChatUnavailable, 8*time.Hour - time.Minute}, // it is 16:01 in China
		"busy":             {refusal(-1), app.WeChatUnavailable, 0},
		"breaker":          {"", app.WeChatUnavailable, wechat.BreakerProbe},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.login("oA", newKey(t))
			h.weChatSays(func(string) string { return test.answer })
			h.asksOfKeys(func(string) string { return test.answer })
			h.phone = test.answer
			h.pass(time.Minute)
			for what, ask := range map[string]func() error{
				"login": func() error { _, err := h.Login(t.Context(), h.caller(), "some-code"); return err },
				"phone number": func() error {
					_, err := h.PhoneByCode(t.Context(), h.caller(), keeper.ByOpenID("oA"), phoneCode)
					return err
				},
				"signature": func() error {
					_, err := h.Sign(t.Context(), h.caller(), keeper.ByOpenID("oA"), "x", seconds(0))
					return err
				},
			} {
				if name == "breaker" {
					h.openBreaker()
				}
				var failure *app.Error
				if err := ask(); !errors.As(err, &failure) || failure.Kind != test.kind || failure.RetryAfter != test.wait {
					t.Errorf("%s: %v, wait %+v", what, err, failure)
				}
			}
		})
	}
}

// openBreaker has WeChat break calls off until no more are made.
func (h *house) openBreaker() {
	h.weChatSays(func(string) string { panic(http.ErrAbortHandler) })
	for {
		_, err := h.Login(h.t.Context(), h.caller(), "some-code")
		var refused *wechat.Error
		if !errors.As(err, &refused) {
			h.t.Fatal(err)
		}
		if refused.Problem == wechat.ProblemBreakerOpen {
			return
		}
	}
}

func TestSandboxTakesTheMockCode(t *testing.T) {
	h := newHouse(t, func(s *keeper.Settings) { s.AcceptMockCode = true })
	h.weChatSays(func(code string) string {
		if code != app.MockCode {
			t.Errorf("asked for %q", code)
		}
		return fmt.Sprintf(`{"openid":"oMock","session_key":%q}`, newKey(t).Reveal())
	})
	if _, err := h.Login(t.Context(), h.caller(), app.MockCode); err != nil {
		t.Fatal(err)
	}
}

func TestLoginIsStoredThoughTheClientHasGone(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	ctx, leave := context.WithCancel(context.Background())
	h.weChatSays(func(string) string {
		leave()
		return fmt.Sprintf(`{"openid":"oA","session_key":%q}`, key.Reveal())
	})
	if _, err := h.Login(ctx, h.caller(), "some-code"); err != nil {
		t.Fatal(err)
	}
	if keys := h.keys("oA"); len(keys) != 1 {
		t.Errorf("%d keys", len(keys))
	}
}

func TestUnionidIsLearntLaterAndNeverLost(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	for i, unionid := range []string{"", `,"unionid":"u1"`, ""} {
		h.weChatSays(func(string) string {
			return fmt.Sprintf(`{"openid":"oA","session_key":%q%s}`, key.Reveal(), unionid)
		})
		if _, err := h.Login(t.Context(), h.caller(), fmt.Sprint("code-", i)); err != nil {
			t.Fatal(err)
		}
		want := app.UnionID("u1")
		if i == 0 {
			want = ""
		}
		if got := h.user("oA").UnionID; got != want {
			t.Errorf("login %d: unionid %q, want %q", i, got, want)
		}
	}
}

func TestUsersAreKnownByTheirLastClient(t *testing.T) {
	h := newHouse(t)
	as := func(version string, platform app.Platform) app.Caller {
		caller := h.caller()
		caller.Client.Version, caller.Client.Platform = version, platform
		return caller
	}
	h.weChatSays(func(string) string { return fmt.Sprintf(`{"openid":"oA","session_key":%q}`, newKey(t).Reveal()) })
	login := func(caller app.Caller) error {
		_, err := h.Login(t.Context(), caller, "code-"+rand.Text())
		return err
	}
	for _, step := range []struct {
		name     string
		do       func() error
		version  string
		platform app.Platform
	}{
		{"first login", func() error { return login(as("12", app.PlatformIOS)) }, "12", app.PlatformIOS},
		{"another phone", func() error { return login(as("13", app.PlatformHarmony)) }, "13", app.PlatformHarmony},
		{"pre-fetch", func() error { return h.Prefetch(t.Context(), as("", ""), "prefetched") }, "13", app.PlatformHarmony},
		{"a back end", func() error { return login(as("", "")) }, "", ""},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if user := h.user("oA"); user.ClientVersion != step.version || user.Platform != step.platform {
			t.Errorf("%s: version %q on %q", step.name, user.ClientVersion, user.Platform)
		}
	}
	h.disable("oA")
	if err := login(as("14", app.PlatformIOS)); app.KindOf(err) != app.UserDisabled {
		t.Errorf("login of a disabled user: %v", err)
	}
	if user := h.user("oA"); user.ClientVersion != "" {
		t.Errorf("a refused login is remembered as version %q", user.ClientVersion)
	}
}

func TestActiveUsersAreCountedOnceADay(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	midnight := start.Add(8 * time.Hour) // it is 16:00 in China
	active := func(from, to time.Time) int64 {
		n, err := h.store.Read().Counted(t.Context(), 1, db.UsersActive, from, to.Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	today := func() int64 { return active(midnight.Add(-24*time.Hour), midnight) }
	tomorrow := func() int64 { return active(midnight, midnight.Add(24*time.Hour)) }
	token := h.login("oA", key).Token
	h.login("oB", newKey(t))
	h.pass(8*time.Hour - time.Minute)
	h.login("oA", key)
	if today() != 2 || tomorrow() != 0 {
		t.Errorf("active today %d, tomorrow %d, want 2 and 0", today(), tomorrow())
	}
	h.pass(time.Minute) // less than the grain of last seen, but another day
	if _, err := h.open(token, h.seal(key, payload{"nickName": "x"})); err != nil {
		t.Fatal(err)
	}
	if seen := h.user("oA").LastSeenAt; !seen.Equal(midnight) {
		t.Errorf("last seen %v, want %v", seen, midnight)
	}
	h.login("oA", key)
	if today() != 2 || tomorrow() != 1 {
		t.Errorf("active today %d, tomorrow %d, want 2 and 1", today(), tomorrow())
	}
	for range 3 {
		h.pass(10 * time.Hour)
		h.login("oB", newKey(t))
	}
	if tomorrow() != 2 || active(midnight.Add(24*time.Hour), midnight.Add(48*time.Hour)) != 1 {
		t.Errorf("active tomorrow %d, want 2", tomorrow())
	}
}

func TestDisabledUserIsRefused(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	login := h.login("oA", key)
	h.disable("oA")
	if _, err := h.tryLogin("oA", newKey(t)); app.KindOf(err) != app.UserDisabled {
		t.Errorf("login: %v", err)
	}
	if event := h.lastEvent("oA"); event.Reason != app.LoginDisabled {
		t.Errorf("event is %s", event.Reason)
	}
	if keys := h.keys("oA"); len(keys) != 1 {
		t.Errorf("%d keys", len(keys))
	}
	if _, err := h.open(login.Token, h.seal(key, payload{"nickName": "x"})); app.KindOf(err) != app.UserDisabled {
		t.Errorf("open: %v", err)
	}
	if _, err := h.Session(t.Context(), h.caller(), keeper.ByToken(login.Token.Reveal())); app.KindOf(err) != app.UserDisabled {
		t.Errorf("session: %v", err)
	}
}

func TestManyUsersLogInAtOnce(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	h.weChatSays(func(code string) string {
		return fmt.Sprintf(`{"openid":"o%s","session_key":%q}`, code, key.Reveal())
	})
	var lock sync.Mutex
	var numbers []app.UserNumber
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			for i := range 25 {
				login, err := h.Login(context.Background(), h.caller(), fmt.Sprintf("%d-%d", worker, i))
				if err != nil {
					t.Error(err)
					return
				}
				lock.Lock()
				numbers = append(numbers, login.User)
				lock.Unlock()
			}
		})
	}
	all.Wait()
	slices.Sort(numbers)
	if len(slices.Compact(numbers)) != 400 {
		t.Errorf("%d different user numbers", len(numbers))
	}
}

// TestTheLastThreeKeysOpen: what counts is how many keys there were, not how often WeChat gave them.
func TestTheLastThreeKeysOpen(t *testing.T) {
	h := newHouse(t)
	keys := []app.SessionKey{newKey(t), newKey(t), newKey(t)}
	var token app.Token
	for _, given := range []int{0, 1, 2, 1, 2, 1, 2} {
		h.pass(time.Second)
		token = h.login("oA", keys[given]).Token
	}
	for i, key := range keys {
		if _, err := h.open(token, h.seal(key, profileOf("x"))); err != nil {
			t.Errorf("key %d: %v", i, err)
		}
	}
	if records := h.keys("oA"); len(records) != 3 {
		t.Errorf("%d records of 3 keys", len(records))
	}
}
